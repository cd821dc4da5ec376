//! MariaDB.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Process, free_port, missing, open_folder, unprivileged, wait_for_port};

const USER: &str = "etl";
const PASSWORD: &str = "Sesam öffne dich";
const SECONDS_TO_START: u64 = 60;

/// A running server with an empty database `shop` and a user who may do everything there and make databases; ended with the value.
#[derive(Debug)]
pub struct MariaDb {
    pub port: u16,
    pub user: String,
    pub password: String,
    // Ended before its folder goes.
    _process: Process,
    folder: TempDir,
}

impl MariaDb {
    /// `None` where it is not installed.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// With further options of the server; `{folder}` in them is the server's folder.
    pub fn start_with(options: &[&str]) -> Option<Self> {
        let Some(server) = program("mariadbd") else {
            missing("MariaDB");
            return None;
        };
        let folder = open_folder();
        prepare(folder.path());
        let port = free_port();
        let path = folder.path().display();
        let log = std::fs::File::create(folder.path().join("log")).expect("a log file");
        let mut command = unprivileged(server);
        command
            .args(["--no-defaults", "--bind-address=127.0.0.1", "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0"])
            .args(["--skip-name-resolve", "--max-allowed-packet=64M"])
            .arg(format!("--datadir={path}/data"))
            .arg(format!("--socket={path}/socket"))
            .arg(format!("--pid-file={path}/pid"))
            .arg(format!("--port={port}"))
            .args(options.iter().map(|option| option.replace("{folder}", &path.to_string())))
            .env("TMPDIR", folder.path())
            .stdout(Stdio::null())
            .stderr(log);
        let mut process = Process::start(&mut command);
        wait_for_port(port, "MariaDB", &mut process.0, SECONDS_TO_START);
        let server = Self { port, user: USER.into(), password: PASSWORD.into(), _process: process, folder };
        server.as_root(&format!(
            "CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';
             GRANT ALL ON *.* TO '{USER}'@'127.0.0.1' WITH GRANT OPTION;
             CREATE DATABASE shop CHARACTER SET utf8mb4;"
        ));
        Some(server)
    }

    /// The server's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs statements as the user, over TCP; an empty database is none.
    pub fn sql(&self, database: &str, text: &str) {
        self.client(&["--default-character-set=utf8mb4", database], text.as_bytes());
    }

    /// Runs a file of statements.
    pub fn load(&self, database: &str, file: &Path) {
        let text = std::fs::read(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        self.client(&["--default-character-set=utf8mb4", database], &text);
    }

    fn client(&self, arguments: &[&str], input: &[u8]) {
        let mut command = Command::new(program("mariadb").expect("MariaDB's client beside its server"));
        command.args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--max-allowed-packet=64M"]);
        command.arg(format!("--port={}", self.port)).arg(format!("--user={USER}"));
        command.env("MYSQL_PWD", PASSWORD).args(arguments.iter().filter(|argument| !argument.is_empty()));
        run(command, input);
    }

    fn as_root(&self, text: &str) {
        let mut command = Command::new(program("mariadb").expect("MariaDB's client beside its server"));
        command.args(["--no-defaults", "--user=root", "--default-character-set=utf8mb4"]);
        command.arg(format!("--socket={}/socket", self.folder.path().display()));
        run(command, text.as_bytes());
    }
}

/// Makes the folder of the server's own tables.
fn prepare(folder: &Path) {
    let mut command = unprivileged(program("mariadb-install-db").expect("mariadb-install-db beside the server"));
    command
        .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
        .arg(format!("--datadir={}/data", folder.display()))
        .env("TMPDIR", folder);
    run(command, b"");
}

/// Fails with what the program said when it failed.
fn run(mut command: Command, input: &[u8]) {
    let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = started.expect("a program that starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // From a thread, so that neither side waits for the other's pipe.
    let feeder = std::thread::spawn(move || pipe.write_all(&input));
    let output = child.wait_with_output().expect("an outcome");
    let fed = feeder.join().expect("the input's thread");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    fed.unwrap_or_else(|e| panic!("{command:?}: {e}: {said}"));
}

/// In the search path or where Debian puts servers.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}
