//! What an executor is given, and the only way to bring a run to its end with effects.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{Clock, Error, Result, RunState};
use serde::{Serialize, de::DeserializeOwned};
use store::{Store, Tx};
use tokio_util::sync::CancellationToken;

use crate::breakpoint::Breakpoints;
use crate::queue::{Runs, child_dedup};
use crate::run::{Level, NewRun, Progress, Run, RunId};
use crate::table::{self, Ending, Line};

/// What one run may use. Named in the configuration under `limits`.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Memory that a job's engine may hold before it spills to disk.
    pub job_memory_bytes: usize,
    /// Where it spills to.
    pub spill_folder: PathBuf,
    /// Threads for one piece of heavy computation.
    pub threads: usize,
}

/// Proof that a run's end and its effects were committed together. Only [`RunContext::succeed`] and [`RunContext::fail`] make one.
#[derive(Debug)]
pub struct Finished(pub(crate) ());

/// Everything an executor may touch of the world around it.
#[derive(Debug, Clone)]
pub struct RunContext {
    pub(crate) run: Run,
    pub(crate) runs: Runs,
    pub(crate) cancel: CancellationToken,
    pub(crate) limits: Arc<Limits>,
    pub(crate) breakpoints: Breakpoints,
    pub(crate) pulse: Arc<Mutex<Pulse>>,
}

/// What is waiting to be written at the next heartbeat.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    pub progress: Progress,
    pub changed: bool,
    pub lines: Vec<Line>,
    /// Lines of this attempt so far.
    pub told: usize,
}

/// Lines that an attempt may write to its run's log; of what it says beyond, only errors are kept.
const LOG_LINES: usize = 20_000;

impl RunContext {
    pub fn run(&self) -> &Run {
        &self.run
    }

    pub fn id(&self) -> &RunId {
        &self.run.id
    }

    pub fn input<T: DeserializeOwned>(&self) -> Result<T> {
        self.run.input()
    }

    pub fn store(&self) -> &Store {
        self.runs.store()
    }

    pub fn runs(&self) -> &Runs {
        &self.runs
    }

    pub fn clock(&self) -> &dyn Clock {
        self.store().clock().as_ref()
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A name that no other attempt uses: for files that are published by flipping a pointer.
    pub fn attempt_name(&self) -> String {
        format!("{}-{}", self.run.id, self.run.attempt)
    }

    /// Same run, same number; independent of attempt and machine (FNV-1a of the subject).
    pub fn seed(&self) -> u64 {
        self.run.subject.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    }

    /// Cancelled when somebody asks to stop, the time is up, or the lease is lost. Hand it to blocking work.
    pub fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Fails with `Stopped` once the run should end. Call it between pieces of work.
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() { Err(Error::stopped()) } else { Ok(()) }
    }

    /// Cheap; written with the next heartbeat.
    pub fn progress(&self, done: u64, total: u64, unit: &str) {
        let mut pulse = self.pulse();
        let progress = Progress { done, total, unit: unit.into() };
        pulse.changed |= pulse.progress != progress;
        pulse.progress = progress;
    }

    /// Adds a line to the run's log; written with the next heartbeat or the run's end.
    pub fn log(&self, level: Level, line: impl Into<String>) {
        let line = line.into();
        tracing::info!(run = %self.run.id, level = level.as_str(), "{line}");
        let now = self.clock().now();
        let mut pulse = self.pulse();
        pulse.told += 1;
        if pulse.told == LOG_LINES {
            pulse.lines.push((Level::Warn, format!("The log has {LOG_LINES} lines: from here on it keeps errors only."), now));
        }
        if pulse.told < LOG_LINES || level == Level::Error {
            pulse.lines.push((level, line, now));
        }
    }

    pub fn info(&self, line: impl Into<String>) {
        self.log(Level::Info, line);
    }

    /// Whether the run is tried again when this attempt ends with the error.
    pub fn is_tried_again(&self, error: &Error) -> bool {
        error.is_retryable() && self.run.failed_attempts + 1 < self.run.max_attempts
    }

    /// A named point where a test may kill the process: `<kind>.<point>`.
    pub async fn point(&self, point: &str) {
        self.breakpoints.reach(&format!("{}.{point}", self.run.kind)).await;
    }

    /// Queues a child; submitting it again after a crash gives the same child. `step` tells a run's children apart.
    pub async fn submit_child(&self, step: &str, new: NewRun) -> Result<RunId> {
        let dedup = child_dedup(&self.run.id, step);
        self.runs.submit(new.parent(&self.run.id).dedup(dedup)).await
    }

    /// Makes a run that a stage submitted for us our child, so that it is stopped with us. Asked again, changes nothing.
    pub async fn adopt(&self, child: &RunId) -> Result<()> {
        let mut tx = self.begin().await?;
        table::adopt(&mut tx, child, &self.run.id).await?;
        tx.commit().await
    }

    /// Waits for a child; ends with `Stopped` when this run should end. The queue stops children of stopped runs itself.
    pub async fn wait_child(&self, id: &RunId) -> Result<Run> {
        tokio::select! {
            biased;
            run = self.runs.wait(id) => run,
            () = self.cancel.cancelled() => Err(Error::stopped()),
        }
    }

    /// Begins the transaction in which the effects are published.
    pub async fn begin(&self) -> Result<Tx> {
        self.store().begin().await
    }

    /// Commits `tx` and the run's success in one step. Fails, and publishes nothing, when the lease was lost meanwhile.
    pub async fn succeed(&self, tx: Tx, result: &impl Serialize) -> Result<Finished> {
        self.end(tx, result, None).await
    }

    /// Commits `tx` and the run's failure in one step, for a run that failed although its effects are to stay. Whatever kind the error
    /// is of, the run is not tried again.
    pub async fn fail(&self, mut tx: Tx, result: &impl Serialize, error: &Error) -> Result<Finished> {
        table::stop_tree(&mut tx, &self.run.id, false).await?;
        self.log(Level::Error, error.to_string());
        self.end(tx, result, Some(error)).await
    }

    async fn end(&self, mut tx: Tx, result: &impl Serialize, failure: Option<&Error>) -> Result<Finished> {
        let result = serde_json::to_value(result).map_err(|e| Error::internal("A run's result cannot be written.").source(e))?;
        let state = if failure.is_some() { RunState::Failed } else { RunState::Succeeded };
        let message = failure.map(Error::to_string);
        let code = failure.and_then(|error| error.code);
        // In this order: a heartbeat may be writing lines, and both are about this row.
        table::end(&mut tx, &self.run, Ending { state, code, message: message.as_deref(), result: Some(&result) }).await?;
        let lines = self.take_lines();
        let outcome = self.publish(tx, &lines).await;
        if outcome.is_err() {
            self.put_back(lines);
        }
        outcome
    }

    async fn publish(&self, mut tx: Tx, lines: &[Line]) -> Result<Finished> {
        table::add_log(&mut tx, &self.run.id, lines).await?;
        self.point("before_publish").await;
        tx.commit().await?;
        self.point("published").await;
        Ok(Finished(()))
    }

    fn pulse(&self) -> MutexGuard<'_, Pulse> {
        self.pulse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log lines that are waiting; to be put back where they could not be written.
    pub(crate) fn take_lines(&self) -> Vec<Line> {
        std::mem::take(&mut self.pulse().lines)
    }

    pub(crate) fn put_back(&self, mut lines: Vec<Line>) {
        let mut pulse = self.pulse();
        lines.append(&mut pulse.lines);
        pulse.lines = lines;
    }

    /// How far the run is, to be written now.
    pub(crate) fn take_progress(&self) -> Progress {
        let mut pulse = self.pulse();
        pulse.changed = false;
        pulse.progress.clone()
    }

    pub(crate) fn has_news(&self) -> bool {
        let pulse = self.pulse();
        pulse.changed || !pulse.lines.is_empty()
    }
}
