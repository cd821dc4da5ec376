//! Starting penchant, asking it, killing it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

/// How long a test waits for a line before it gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// `penchant --dir FOLDER ARGUMENTS`
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_penchant"));
    command.arg("--dir").arg(folder).args(arguments).env_remove("PENCHANT_HOLD_AT").stdin(Stdio::null());
    command
}

/// What it prints on standard output; fails the test when it fails.
pub fn ask(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "penchant {arguments:?} failed:\n{}", text(&output.stderr));
    text(&output.stdout)
}

pub fn ask_json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&ask(folder, arguments)).expect("JSON on standard output")
}

pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().expect("penchant starts")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `penchant serve` on a free port; killed when the value goes.
pub struct Server {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Server {
    /// Starts and waits until it listens. `hold_at` is a named point at which it will stand still.
    pub fn start(folder: &Path, hold_at: Option<&str>) -> Self {
        Self::start_with(folder, &["--listen", "127.0.0.1:0"], hold_at)
    }

    /// The same on a port that others were told of before.
    pub fn start_on(folder: &Path, port: u16, hold_at: Option<&str>) -> Self {
        Self::start_with(folder, &["--listen", &format!("127.0.0.1:{port}")], hold_at)
    }

    /// The same for a node that does not do everything.
    pub fn start_as(folder: &Path, roles: &str, hold_at: Option<&str>) -> Self {
        Self::start_with(folder, &["--listen", "127.0.0.1:0", "--roles", roles], hold_at)
    }

    fn start_with(folder: &Path, options: &[&str], hold_at: Option<&str>) -> Self {
        let mut command = command(folder, &[&["serve"], options].concat());
        if let Some(point) = hold_at {
            command.env("PENCHANT_HOLD_AT", point);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("penchant starts");
        let stdout = lines(child.stdout.take().expect("its output"));
        let stderr = lines(child.stderr.take().expect("its errors"));
        let server = Self { child, stdout, stderr };
        server.wait_for(&server.stdout, "listening on http://");
        server
    }

    /// Waits until it stands still at the point.
    pub fn wait_until_held(&self, point: &str) {
        self.wait_for(&self.stderr, &format!("held at {point}"));
    }

    fn wait_for(&self, lines: &Receiver<String>, start: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match lines.recv_timeout(PATIENCE) {
                Ok(line) if line.starts_with(start) => return line,
                Ok(line) => seen.push(line),
                Err(_) => panic!("no line {start:?}; found:\n{}", seen.join("\n")),
            }
        }
    }

    /// `kill -9`
    pub fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(pipe: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The repository's root.
pub fn repository() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..")
}
