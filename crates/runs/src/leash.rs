//! How programs that this process starts come to their end, whatever happens to this process.
//!
//! Takes a command, gives a child in a process group of its own, held by a small shell (`leash.sh`) that listens on a pipe. The pipe
//! closes when the [`Leash`] is dropped and also when this process is killed: either way the shell kills the whole group, and on
//! systems with `/proc` also what left the group, by an entry that the program's environment was marked with.
//!
//! Must not know: what is started, and why.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};

const HOLDER: &str = include_str!("leash.sh");
/// The holder needs milliseconds; one that hangs is not waited for longer.
const PATIENCE: Duration = Duration::from_millis(500);

/// Holds one program and all it starts. Dropped, they are killed.
#[derive(Debug)]
pub struct Leash {
    holder: Child,
    line: ChildStdin,
}

impl Leash {
    /// `mark` is a `NAME=value` that the program's environment will have and no other program's has.
    pub fn new(mark: Option<&str>) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", HOLDER, "leash", mark.unwrap_or_default()]).env_clear().env("LC_ALL", "C");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut holder = command.spawn()?;
        let line = holder.stdin.take().ok_or_else(|| io::Error::other("the pipe to the shell is missing"))?;
        Ok(Self { holder, line })
    }

    /// Starts the command in a process group of its own.
    pub async fn start(&mut self, command: &mut Command) -> io::Result<Child> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        if let Some(id) = child.id() {
            self.tell(&format!("group {id}")).await?;
        }
        Ok(child)
    }

    /// Asks the whole group to end.
    pub async fn terminate(&mut self) -> io::Result<()> {
        self.tell("signal TERM").await
    }

    /// Kills what is left; when this returns it is gone.
    pub async fn end(self) {
        let Self { mut holder, line } = self;
        drop(line);
        if tokio::time::timeout(PATIENCE, holder.wait()).await.is_err() {
            tracing::warn!("The shell that ends a program's processes takes longer than {} ms.", PATIENCE.as_millis());
        }
    }

    /// Lets everything live that the program left behind.
    pub async fn release(mut self) -> io::Result<()> {
        self.tell("release").await
    }

    async fn tell(&mut self, line: &str) -> io::Result<()> {
        self.line.write_all(format!("{line}\n").as_bytes()).await?;
        self.line.flush().await
    }
}
