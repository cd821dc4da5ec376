//! The program's command line and its clean environment, and why it cannot be started.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use domain::{Error, Result};
use runs::{Leash, RunContext};
use store::Location;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use super::folder::{AttemptFolder, MARK};
use super::plan::ScriptPlan;
use super::sessions::Session;

const PYTHON: &str = "python3";
const SHELL: &str = "sh";
/// Where programs are looked for when this process was given no PATH.
const PLAIN_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// A file that was just written cannot be run while a process that is being started still holds it open: that passes.
const BUSY_TRIES: u32 = 50;
const BUSY_WAIT: Duration = Duration::from_millis(10);
/// A first line is looked at so far.
const FIRST_LINE_BYTES: u64 = 256;

/// What is called, before the script's arguments.
#[derive(Debug)]
pub(super) struct Line {
    program: PathBuf,
    /// What an interpreter is to run.
    script: Option<PathBuf>,
    /// As the job names it.
    name: String,
    /// `#!…` of a file that is run by itself.
    first_line: Option<String>,
    python_path: Vec<PathBuf>,
}

impl Line {
    /// A program on the PATH.
    pub fn program(name: &str, python_path: Vec<PathBuf>) -> Self {
        Self { program: name.into(), script: None, name: name.into(), first_line: None, python_path }
    }

    /// Python and shell scripts are given to their interpreters, all other files are run by themselves.
    pub async fn file(job: &str, location: &Location, path: PathBuf, python_path: Vec<PathBuf>, copied: bool) -> Result<Self> {
        let name = location.to_string();
        let metadata = tokio::fs::metadata(&path).await.ok().filter(std::fs::Metadata::is_file);
        let metadata = metadata.ok_or_else(|| not_started(job, &format!("{name} is not a file")))?;
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("").to_ascii_lowercase();
        let first_line = first_line(&path).await.map_err(|e| not_started(job, &format!("{name} cannot be read")).source(e))?;
        let interpreter = match ending.as_str() {
            "py" => Some(PYTHON),
            "sh" if first_line.is_none() => Some(SHELL),
            _ => None,
        };
        if let Some(interpreter) = interpreter {
            return Ok(Self { program: interpreter.into(), script: Some(path), name, first_line: None, python_path });
        }
        if !copied && metadata.permissions().mode() & 0o111 == 0 {
            return Err(not_started(job, &format!("{name} is not executable (chmod +x makes it so)")));
        }
        Ok(Self { program: path, script: None, name, first_line, python_path })
    }

    /// For the run's log.
    pub fn shown(&self) -> String {
        if self.script.is_some() { format!("{} with {}", self.name, self.program.display()) } else { self.name.clone() }
    }

    fn why(&self, error: &io::Error) -> String {
        let name = &self.name;
        match error.kind() {
            io::ErrorKind::NotFound if self.program.is_absolute() => {
                let line = self.first_line.as_deref().unwrap_or("none");
                format!("the interpreter of {name} is missing; its first line names {line:?}")
            }
            io::ErrorKind::NotFound => {
                format!("{} is not a program on the PATH of this server ({})", self.program.display(), search_path().to_string_lossy())
            }
            io::ErrorKind::PermissionDenied => format!("{name} may not be executed"),
            // ENOEXEC has no kind of its own.
            _ if error.raw_os_error() == Some(8) => format!("{name} is no program of this machine and has no first line with #!"),
            _ => format!("{name} cannot be started"),
        }
    }
}

/// `#!` and what follows it.
async fn first_line(path: &Path) -> io::Result<Option<String>> {
    let mut start = Vec::new();
    tokio::fs::File::open(path).await?.take(FIRST_LINE_BYTES).read_to_end(&mut start).await?;
    let line = String::from_utf8_lossy(start.split(|byte| *byte == b'\n').next().unwrap_or_default()).trim().to_owned();
    Ok(line.starts_with("#!").then_some(line))
}

/// Everything that the script sees of the world around it.
pub(super) fn build(
    job: &str,
    folder: &AttemptFolder,
    line: &Line,
    plan: &ScriptPlan,
    session: Option<&Session>,
    context: &RunContext,
) -> Command {
    let mut command = Command::new(&line.program);
    command.args(&line.script).args(&plan.arguments).current_dir(folder.work());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_clear().env("PATH", search_path()).env("HOME", folder.work()).env("TMPDIR", folder.temporary());
    command.env("LANG", "C.UTF-8").env("TZ", "UTC").env("PYTHONUNBUFFERED", "1");
    if let Ok(path) = std::env::join_paths(&line.python_path) {
        command.env("PYTHONPATH", path);
    }
    if let Some(session) = session {
        command.envs(&session.environment);
    }
    command.envs(&plan.environment);
    command.env("JOB_NAME", job).env("JOB_RUN_ID", &context.id().0).env("PENCHANT_ATTEMPT", context.run().attempt.to_string());
    if let Some((_, value)) = folder.mark().split_once('=') {
        command.env(MARK, value);
    }
    command
}

fn search_path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_else(|| PLAIN_PATH.into())
}

pub(super) async fn start(job: &str, line: &Line, leash: &mut Leash, command: &mut Command) -> Result<Child> {
    let mut tries = 0;
    loop {
        match leash.start(command).await {
            Ok(child) => return Ok(child),
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES => tries += 1,
            Err(error) => return Err(not_started(job, &line.why(&error)).source(error)),
        }
        tokio::time::sleep(BUSY_WAIT).await;
    }
}

pub(super) fn not_started(job: &str, why: &str) -> Error {
    Error::invalid_input(format!("The script of job {job:?} cannot be started: {why}.")).code("SCRIPT_NOT_STARTED")
}
