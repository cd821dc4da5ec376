//! Script jobs, Glue's Python shell and more: any program, run with the job's arguments in a working folder of its own.
//!
//! Takes: a [`ScriptPlan`], and [`Sessions`] where this process listens. Gives: what the program wrote, as the run's log, and how it
//! ended. Nothing that a script started outlives its attempt, however the attempt ends (`runs::Leash`).
//!
//! What a script does to the world is its own: after a crash of this process it is run again from the start, so its effects happen
//! at least once (docs/scripts.md).
//!
//! Must not know: how the keys of a session are made and checked.

mod command;
mod folder;
mod output;
mod plan;
mod sessions;

use std::process::ExitStatus;
use std::time::Duration;

use domain::{Error, ErrorKind, Result};
use runs::{Leash, Level, RunContext};
use serde::{Deserialize, Serialize};
use store::Buckets;
use tokio::process::Child;
use tokio::task::JoinSet;

use folder::AttemptFolder;
use output::Transcript;
pub(crate) use plan::{ScriptPlan, check, is_script, plan};
pub use sessions::{Session, Sessions};

/// How long a script may take to end by itself after SIGTERM. With what comes after, it fits into the second in which a run has to
/// stop (`runs::Settings::grace_ms`).
const TERM_GRACE: Duration = Duration::from_millis(500);
/// What has been written when everything is killed is in the pipes: reading it takes no longer.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// A session of a run without time limit; it ends with the attempt anyway.
const LONGEST_SESSION: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a script left behind, beside its own effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScriptOutcome {
    pub exit_code: i32,
    /// Lines on standard output and standard error.
    pub output_lines: u64,
    /// How many of them are not in the run's log.
    pub dropped_lines: u64,
}

/// What a script's run stands on.
pub(crate) struct ScriptRun<'a> {
    pub job: &'a str,
    pub buckets: &'a Buckets,
    pub sessions: Option<&'a dyn Sessions>,
    pub context: &'a RunContext,
}

impl ScriptRun<'_> {
    pub async fn carry_out(&self, plan: &ScriptPlan) -> Result<ScriptOutcome> {
        let folder = AttemptFolder::create(self.context).await?;
        let outcome = self.run_in(&folder, plan).await;
        folder.remove().await;
        outcome
    }

    async fn run_in(&self, folder: &AttemptFolder, plan: &ScriptPlan) -> Result<ScriptOutcome> {
        let context = self.context;
        let line = folder.fill(self.job, self.buckets, plan).await?;
        let limit = context.run().timeout_ms.and_then(|ms| u64::try_from(ms).ok()).map_or(LONGEST_SESSION, Duration::from_millis);
        let session = self.sessions.map(|sessions| sessions.open(context.id(), limit)).transpose()?;
        if session.is_none() {
            context.info("No server listens in this process: the script gets no AWS_ENDPOINT_URL and no credentials.");
        }
        let mut command = command::build(self.job, folder, &line, plan, session.as_ref(), context);
        let mut leash = Leash::new(Some(&folder.mark()))
            .map_err(|e| command::not_started(self.job, "scripts need the shell sh on the PATH of this server").source(e))?;
        context.info(format!("Runs {}.", line.shown()));
        let child = command::start(self.job, &line, &mut leash, &mut command).await?;
        context.point("script_started").await;
        let transcript = Transcript::new(context.clone());
        let ended = self.attend(child, leash, &transcript).await;
        let (output_lines, dropped_lines) = transcript.close();
        let exit_code = self.judge(ended?, &transcript.last_error())?;
        Ok(ScriptOutcome { exit_code, output_lines, dropped_lines })
    }

    /// Until the script has ended, by itself or because the run is to end; then nothing that it started is left.
    async fn attend(&self, mut child: Child, mut leash: Leash, transcript: &Transcript) -> Result<ExitStatus> {
        let mut readers = JoinSet::new();
        readers.spawn(transcript.clone().read(child.stdout.take(), Level::Info));
        readers.spawn(transcript.clone().read(child.stderr.take(), Level::Warn));
        let ended = tokio::select! {
            status = child.wait() => Some(status),
            () = self.context.cancel().cancelled() => None,
        };
        if ended.is_none() {
            let asked = leash.terminate().await;
            let in_time = asked.is_ok() && tokio::time::timeout(TERM_GRACE, child.wait()).await.is_ok();
            let how =
                if in_time { "ended after SIGTERM".to_owned() } else { format!("still ran {TERM_GRACE:?} after SIGTERM and is killed") };
            self.context.log(Level::Warn, format!("The run is to end: the script {how}."));
        }
        leash.end().await;
        let last_words = async { while readers.join_next().await.is_some() {} };
        // A process that hides from us may hold the pipes open.
        let _ = tokio::time::timeout(LAST_WORDS, last_words).await;
        let status = ended.ok_or_else(Error::stopped)?;
        status.map_err(|e| Error::internal(format!("The script of job {:?} cannot be waited for.", self.job)).source(e))
    }

    fn judge(&self, status: ExitStatus, last_error: &str) -> Result<i32> {
        use std::os::unix::process::ExitStatusExt;
        let how = match (status.code(), status.signal()) {
            (Some(0), _) => return Ok(0),
            (Some(code), _) => format!("ended with exit code {code}"),
            (None, Some(signal)) => format!("was killed by signal {}", signal_name(signal)),
            (None, None) => "ended in an unknown way".to_owned(),
        };
        let said = match last_error {
            "" => "it wrote nothing to its standard error".to_owned(),
            said => format!("its standard error ends with {said:?}"),
        };
        // Whether another try may succeed is not ours to know: the job's MaxRetries says how often it is made.
        let message = format!("The script of job {:?} {how}, where exit code 0 means success; {said}.", self.job);
        Err(Error::new(ErrorKind::Unavailable, message).code("SCRIPT_FAILED"))
    }
}

/// The number, and the names of those that scripts die of.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        2 => "SIGINT",
        6 => "SIGABRT",
        7 => "SIGBUS",
        9 => "SIGKILL, often for want of memory",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => return signal.to_string(),
    };
    format!("{signal} ({name})")
}
