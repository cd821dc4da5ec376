//! Real servers for tests: started on a free port of loopback, in a temporary folder, ended by their process id.
//!
//! `.ci/services` installs them. Where one is missing, [`missing`] says so and the test is not run, unless
//! `PENCHANT_REQUIRE_SERVERS` is set (as `make test` does): then it fails.

mod kafka;
mod mariadb;
mod mongo;
mod postgres;
mod proxy;
mod spark;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub use kafka::Kafka;
pub use mariadb::MariaDb;
pub use mongo::Mongo;
pub use postgres::Postgres;
pub use proxy::Proxy;
pub use spark::{Sail, Spark, jdbc_drivers};

/// Where `.ci/services` puts what Debian has no package for: `mongod`, Kafka's and Spark's jars, JDBC drivers, Sail.
pub fn services() -> PathBuf {
    if let Some(folder) = std::env::var_os("PENCHANT_SERVICES") {
        return folder.into();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache"));
    cache.join("penchant/services")
}

/// To be called where a server's program was not found: says so, or fails where servers are required.
pub fn missing(what: &str) {
    assert!(
        std::env::var_os("PENCHANT_REQUIRE_SERVERS").is_none(),
        "{what} is not installed, and PENCHANT_REQUIRE_SERVERS asks for it: run .ci/services"
    );
    println!("{what} is not installed (.ci/services installs it): the test was not run.");
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// Servers refuse to be root: the command as `nobody` where we are root.
pub(crate) fn unprivileged(program: impl Into<PathBuf>) -> Command {
    let program = program.into();
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.starts_with(b"0"));
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "nobody", "--"]).arg(program);
    command
}

/// A folder that `nobody` may write to, gone with the value.
pub(crate) fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("penchant-server-").tempdir_in("/tmp").expect("a temporary folder");
    let _ = Command::new("chmod").arg("777").arg(folder.path()).status();
    folder
}

/// Waits until somebody listens.
pub(crate) fn wait_for_port(port: u16, what: &str, child: &mut Child, seconds: u64) {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    for _ in 0..seconds * 20 {
        if TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok() {
            return;
        }
        if let Ok(Some(status)) = child.try_wait() {
            panic!("{what} ended as it began: {status}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} did not listen on port {port} within {seconds} seconds");
}

/// Waits for the end of its input, then kills the process group that it is given.
const WATCH: &str = r#"read -r line; kill -s KILL -- "-$1""#;

/// A process that is ended with the value: asked first, then forced, with what it started. Its watch kills it where the test has no time
/// for that, being killed itself: the pipe between them closes then.
#[derive(Debug)]
pub(crate) struct Process(pub Child, Child);

impl Process {
    pub fn start(command: &mut Command) -> Self {
        use std::os::unix::process::CommandExt;
        let child = command.process_group(0).stdin(Stdio::null()).spawn().expect("a program that starts");
        let mut watch = Command::new("sh");
        watch.args(["-c", WATCH, "watch", &child.id().to_string()]).process_group(0);
        let watch = watch.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell that starts");
        Self(child, watch)
    }

    /// Signals the whole process group.
    pub fn signal(&self, signal: &str) {
        let _ = Command::new("kill").arg(signal).arg("--").arg(format!("-{}", self.0.id())).stderr(Stdio::null()).status();
    }

    /// Asks, then forces.
    fn end(&mut self) {
        self.signal("-INT");
        for _ in 0..60 {
            if matches!(self.0.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.signal("-KILL");
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
        // The group's number may be another's soon.
        let _ = self.1.kill();
        let _ = self.1.wait();
    }
}

#[cfg(test)]
mod tests;
