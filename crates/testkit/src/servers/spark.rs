//! Servers of Spark Connect: Apache Spark, a JVM with two worker threads, and Sail, the same protocol in Rust.
//!
//! Both run as whoever runs the test: they read and write the folders of the test's installation.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::{Process, free_port, missing, open_folder, services};

/// Spark takes seven seconds on an idle machine; a busy one needs many times that.
const START_SECONDS: u64 = 240;
/// How much of a server's log is told when it does not start.
const LOG_TAIL_BYTES: usize = 4000;

/// What Java 17 hides and Spark looks into, as Spark's own launcher says it.
const OPENED: [&str; 14] = [
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.io",
    "java.net",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "jdk.internal.ref",
    "sun.nio.ch",
    "sun.nio.cs",
    "sun.security.action",
    "sun.util.calendar",
];

/// The jars of PostgreSQL's and MariaDB's JDBC drivers, as `spark.jars` wants them. `None`, said by [`missing`], where they are missing.
pub fn jdbc_drivers() -> Option<String> {
    let jars = ["postgresql.jar", "mariadb-java-client.jar"].map(|jar| services().join("jdbc").join(jar));
    if !jars.iter().all(|jar| jar.exists()) {
        missing("JDBC drivers for Spark");
        return None;
    }
    Some(jars.map(|jar| jar.display().to_string()).join(","))
}

/// A running Spark Connect server of Apache Spark; ended with the value.
#[derive(Debug)]
pub struct Spark(Server);

/// A running Sail; ended with the value.
#[derive(Debug)]
pub struct Sail(Server);

#[derive(Debug)]
struct Server {
    port: u16,
    // Dropped in this order: the folder goes when nobody writes to it any more.
    process: Process,
    folder: TempDir,
}

impl Spark {
    /// A server with two threads. `None`, said by [`missing`], where Java or Spark's jars are missing.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with further settings, such as `spark.jars`.
    pub fn start_with(settings: &[(&str, &str)]) -> Option<Self> {
        let jars = services().join("spark/jars");
        let java = Command::new("java").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !jars.is_dir() || !java.is_ok_and(|status| status.success()) {
            missing("Spark");
            return None;
        }
        Some(Self(Server::start("Spark", |port, folder| spark(&jars, port, folder, settings))))
    }

    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// The end of what the server has written.
    pub fn log(&self) -> String {
        tail(&self.0.folder.path().join("log"))
    }

    /// Stands still, connections open, until it is [resumed](Self::resume).
    pub fn pause(&self) {
        self.0.process.signal("-STOP");
    }

    pub fn resume(&self) {
        self.0.process.signal("-CONT");
    }
}

impl Sail {
    /// A server. `None`, said by [`missing`], where it is not installed.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with variables of its environment, such as `AWS_ENDPOINT`.
    pub fn start_with(environment: &[(&str, &str)]) -> Option<Self> {
        let python = services().join("sail/bin/python");
        if !python.exists() {
            missing("Sail");
            return None;
        }
        Some(Self(Server::start("Sail", |port, _| {
            let mut command = Command::new(&python);
            command.envs(environment.iter().copied());
            command.args(["-m", "pysail", "spark", "server", "--ip", "127.0.0.1", "--port", &port.to_string()]);
            command
        })))
    }

    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// The end of what the server has written.
    pub fn log(&self) -> String {
        tail(&self.0.folder.path().join("log"))
    }
}

/// At once: there is nothing to save.
impl Drop for Server {
    fn drop(&mut self) {
        self.process.signal("-KILL");
    }
}

impl Server {
    fn start(what: &str, command: impl FnOnce(u16, &Path) -> Command) -> Self {
        let folder = open_folder();
        let port = free_port();
        let log = std::fs::File::create(folder.path().join("log")).expect("a file for the output");
        let mut command = command(port, folder.path());
        command.current_dir(folder.path()).stdout(log.try_clone().expect("the same file")).stderr(log);
        let mut server = Self { port, process: Process::start(&mut command), folder };
        server.wait(what);
        server
    }

    /// Until it listens; what it wrote is told when it does not.
    fn wait(&mut self, what: &str) {
        for _ in 0..START_SECONDS * 20 {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            if let Ok(Some(status)) = self.process.0.try_wait() {
                panic!("{what} ended as it began: {status}\n{}", tail(&self.folder.path().join("log")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{what} did not listen on port {} within {START_SECONDS} seconds\n{}", self.port, tail(&self.folder.path().join("log")));
    }
}

fn tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(LOG_TAIL_BYTES)..]).into_owned()
}

fn spark(jars: &Path, port: u16, folder: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new("java");
    // The quick compiler alone: this process lives for a minute. Its code cache alone would be 48 MB, which the suites fill.
    command.args([
        "-Xmx1g",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:ReservedCodeCacheSize=240m",
        "-XX:+IgnoreUnrecognizedVMOptions",
    ]);
    command.args(OPENED.map(|package| format!("--add-opens=java.base/{package}=ALL-UNNAMED")));
    command.args(["-Djdk.reflect.useDirectMethodHandle=false", "-Dio.netty.tryReflectionSetAccessible=true"]);
    command.arg(format!("-Djava.io.tmpdir={}", folder.display()));
    let port = port.to_string();
    let warehouse = folder.join("warehouse").display().to_string();
    let local = folder.join("local").display().to_string();
    let ours = [
        ("spark.master", "local[2]"),
        ("spark.app.name", "penchant-test"),
        ("spark.driver.host", "127.0.0.1"),
        ("spark.driver.bindAddress", "127.0.0.1"),
        ("spark.connect.grpc.binding.address", "127.0.0.1"),
        ("spark.connect.grpc.binding.port", &port),
        // Two minutes as Spark is shipped: a client has to ask again for what an operation says after that.
        ("spark.connect.execute.reattachable.senderMaxStreamDuration", "2s"),
        ("spark.ui.enabled", "false"),
        ("spark.sql.shuffle.partitions", "2"),
        ("spark.sql.session.timeZone", "UTC"),
        ("spark.sql.warehouse.dir", &warehouse),
        ("spark.local.dir", &local),
    ];
    command.args(ours.iter().chain(settings).map(|(name, value)| format!("-D{name}={value}")));
    // Jars of the caller's settings are wanted by the server itself too: a JDBC driver must be on its class path.
    let extra = settings.iter().filter(|(name, _)| *name == "spark.jars").map(|(_, value)| PathBuf::from(value.replace(',', ":")));
    let paths: Vec<String> = std::iter::once(jars.join("*")).chain(extra).map(|path| path.display().to_string()).collect();
    command.arg("-cp").arg(paths.join(":")).arg("org.apache.spark.sql.connect.service.SparkConnectServer");
    command
}
