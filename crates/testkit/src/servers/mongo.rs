//! MongoDB.

use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Process, free_port, missing, open_folder, services, wait_for_port};

/// Seconds that the server may take to listen; it takes about one.
const START_SECONDS: u64 = 60;

/// A running server; ended with the value.
#[derive(Debug)]
pub struct Mongo {
    pub port: u16,
    // Dropped in this order: the folder goes when nobody writes to it any more.
    process: Process,
    _folder: TempDir,
}

impl Mongo {
    /// A server that asks nobody who he is. `None`, said by [`missing`], where the program is not installed.
    pub fn start() -> Option<Self> {
        Self::run(&[])
    }

    /// A server that asks for a user and a password. Whoever connects from this machine may make the first user.
    pub fn start_with_auth() -> Option<Self> {
        Self::run(&["--auth"])
    }

    /// Starts the program with further arguments.
    pub fn run(arguments: &[&str]) -> Option<Self> {
        let program = services().join("mongod");
        if !program.is_file() {
            missing("MongoDB");
            return None;
        }
        let folder = open_folder();
        let port = free_port();
        let mut command = Command::new(program);
        command.arg("--dbpath").arg(folder.path()).arg("--logpath").arg(folder.path().join("log"));
        command.args(["--port", &port.to_string(), "--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"]);
        command.args(arguments).stdout(Stdio::null());
        let mut process = Process::start(&mut command);
        wait_for_port(port, "MongoDB", &mut process.0, START_SECONDS);
        Some(Self { port, process, _folder: folder })
    }

    /// Stands still, connections open, until it is [resumed](Self::resume).
    pub fn pause(&self) {
        self.process.signal("-STOP");
    }

    pub fn resume(&self) {
        self.process.signal("-CONT");
    }
}
