//! PostgreSQL.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::{Process, free_port, missing, open_folder, unprivileged, wait_for_port};

/// Where Debian keeps the programs, newest first.
const FOLDERS: &[&str] = &["/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/15/bin"];
const PASSWORD: &str = "penchant test";
/// Nothing of a test has to survive the machine.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_wal_size=4GB",
    "max_locks_per_transaction=1024",
];

/// A running server with the superuser `postgres`; ended with the value.
#[derive(Debug)]
pub struct Postgres {
    pub port: u16,
    pub password: String,
    /// PEM of the certificate that the server shows, signed by itself, for `localhost`; where TLS was asked for.
    pub certificate: Option<PathBuf>,
    programs: PathBuf,
    // In this order: the server ends before its folder goes.
    _process: Process,
    _folder: TempDir,
}

impl Postgres {
    /// Starts one; `None` where PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        Self::start_as(false)
    }

    /// The same with TLS, under a certificate of its own; `None` without PostgreSQL or without openssl.
    pub fn start_with_tls() -> Option<Self> {
        Self::start_as(true)
    }

    fn start_as(tls: bool) -> Option<Self> {
        let Some(programs) = FOLDERS.iter().map(PathBuf::from).find(|folder| folder.join("initdb").exists()) else {
            missing("PostgreSQL");
            return None;
        };
        let template = template(&programs);
        let folder = open_folder();
        let data = folder.path().join("data");
        run(unprivileged("cp").arg("-a").arg(&template).arg(&data));
        let certificate = if tls { Some(certificate(folder.path())?) } else { None };
        let port = free_port();
        let log = folder.path().join("log");
        let mut command = unprivileged(programs.join("postgres"));
        command.arg("-D").arg(&data).arg("-p").arg(port.to_string());
        for setting in SETTINGS {
            command.arg("-c").arg(setting);
        }
        if certificate.is_some() {
            let place = |name: &str| {
                format!("{name}={}", folder.path().join(if name == "ssl_key_file" { "key.pem" } else { "cert.pem" }).display())
            };
            command.args(["-c", "ssl=on", "-c"]).arg(place("ssl_cert_file")).arg("-c").arg(place("ssl_key_file"));
        }
        let file = File::create(&log).expect("a log file");
        command.stdout(file.try_clone().expect("a log file")).stderr(file);
        let mut process = Process::start(&mut command);
        wait_for_port(port, "PostgreSQL", &mut process.0, 30);
        let server = Self { port, password: PASSWORD.into(), certificate, programs, _process: process, _folder: folder };
        server.wait();
        Some(server)
    }

    /// It listens before it is ready.
    fn wait(&self) {
        for _ in 0..200 {
            let ready = self.program("pg_isready", "postgres").stdout(Stdio::null()).status();
            if ready.is_ok_and(|status| status.success()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("PostgreSQL was not ready within five seconds");
    }

    /// For clients that take one.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{database}", self.password.replace(' ', "%20"), self.port)
    }

    /// Runs SQL through psql; gives what it printed, unaligned and without headers.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let mut child = self
            .program("psql", database)
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql");
        let mut input = child.stdin.take().expect("a pipe");
        let text = sql.to_owned();
        let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
        let output = child.wait_with_output().expect("psql");
        // A pipe that breaks is psql's end, which its status tells.
        let _ = writer.join();
        assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Loads a dump, as SQL or in pg_dump's own format. What it says of owners that are not there is passed over.
    pub fn load(&self, database: &str, file: &Path) {
        let head = std::fs::read(file).expect("the dump");
        let output = if head.starts_with(b"PGDMP") {
            self.program("pg_restore", database).arg("--no-owner").arg(file).output()
        } else {
            self.program("psql", database).args(["-X", "-q", "-f"]).arg(file).output()
        };
        let output = output.expect("a program that loads");
        assert!(output.status.success(), "loading {}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
    }

    /// One of PostgreSQL's programs, set to this server.
    pub fn program(&self, name: &str, database: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.env("PGPASSWORD", &self.password).env("PGCONNECT_TIMEOUT", "10");
        command.args(["-h", "127.0.0.1", "-U", "postgres", "-p"]).arg(self.port.to_string()).args(["-d", database]);
        command
    }
}

/// A data folder as initdb makes it, made once on this machine: copying it takes a tenth of the time.
fn template(programs: &Path) -> PathBuf {
    let version = programs.parent().and_then(Path::file_name).expect("a version").to_string_lossy().into_owned();
    let uid = Command::new("id").arg("-u").output().expect("id");
    let place = PathBuf::from(format!("/tmp/penchant-postgres-{version}-{}", String::from_utf8_lossy(&uid.stdout).trim()));
    if place.join("PG_VERSION").exists() || unprivileged("test").arg("-e").arg(place.join("PG_VERSION")).status().is_ok_and(|s| s.success())
    {
        return place;
    }
    let folder = open_folder();
    let (data, password) = (folder.path().join("data"), folder.path().join("password"));
    std::fs::write(&password, PASSWORD).expect("a password file");
    let mut command = unprivileged(programs.join("initdb"));
    command.arg("-D").arg(&data).arg(format!("--pwfile={}", password.display()));
    run(command.args(["-U", "postgres", "--auth=scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]));
    // Somebody else may have been quicker; theirs is as good.
    let _ = std::fs::rename(&data, &place);
    place
}

/// A key and a certificate that signs itself, in the folder, owned by the server's user.
fn certificate(folder: &Path) -> Option<PathBuf> {
    if Command::new("openssl").arg("version").output().is_err() {
        missing("openssl");
        return None;
    }
    let (key, certificate) = (folder.join("key.pem"), folder.join("cert.pem"));
    let mut command = unprivileged("openssl");
    command.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]);
    command.args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]);
    run(command.arg("-keyout").arg(&key).arg("-out").arg(&certificate));
    run(unprivileged("chmod").arg("600").arg(&key));
    run(unprivileged("chmod").arg("644").arg(&certificate));
    Some(certificate)
}

fn run(command: &mut Command) {
    let output = command.output().expect("a program that starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
