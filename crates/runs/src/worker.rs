//! The worker loop: claims runs, keeps their leases, ends them.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::{Error, ErrorKind, Result, RunState};
use store::Tx;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::breakpoint::Breakpoints;
use crate::context::{Finished, Limits, Pulse, RunContext};
use crate::queue::Runs;
use crate::room::Room;
use crate::run::{Level, Run, RunId};
use crate::table::{self, Back, Ending};

/// Does the work of one kind of run.
///
/// Contract: effects that others can see are written inside the transaction handed to [`RunContext::succeed`]; files are
/// written before that under [`RunContext::attempt_name`]. An executor may be killed at any await or instruction and is
/// then started anew with the same run; it checks [`RunContext::check`] or the cancel token at least every second.
#[async_trait]
pub trait Executor: Send + Sync {
    fn kind(&self) -> &'static str;

    /// A coordinator only waits for its children and takes no worker slot.
    fn is_coordinator(&self) -> bool {
        false
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished>;
}

/// Which executor does which kind.
#[derive(Default, Clone)]
pub struct Registry {
    executors: BTreeMap<&'static str, Arc<dyn Executor>>,
}

impl Registry {
    #[must_use]
    pub fn with(mut self, executor: impl Executor + 'static) -> Self {
        self.executors.insert(executor.kind(), Arc::new(executor));
        self
    }

    fn kinds(&self, coordinators: bool) -> Vec<&'static str> {
        self.executors.values().filter(|executor| executor.is_coordinator() == coordinators).map(|executor| executor.kind()).collect()
    }
}

/// Named limits of the queue.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Told apart from other nodes by it; see [`Run::node`].
    pub node: String,
    /// Runs under way at once in this process; coordinators are not counted.
    pub concurrent_runs: usize,
    /// Runs of a kind under way at once, on all nodes together.
    pub concurrent_by_kind: BTreeMap<String, u32>,
    /// A worker that is silent this long has lost its runs.
    pub lease_ms: i64,
    /// How often progress and logs are written and stop requests are looked for.
    pub heartbeat_ms: u64,
    /// How often the queue is looked at when nothing wakes it.
    pub poll_ms: u64,
    /// First delay before another attempt; doubles each time.
    pub backoff_ms: i64,
    /// A run under which the process died this often is failed instead of tried again.
    pub max_lost_leases: u32,
    /// How long a run that should stop may take before it is cut off.
    pub grace_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node: "penchant".into(),
            concurrent_runs: 2,
            concurrent_by_kind: BTreeMap::new(),
            lease_ms: 15_000,
            heartbeat_ms: 200,
            poll_ms: 200,
            backoff_ms: 1_000,
            max_lost_leases: 5,
            grace_ms: 1_000,
        }
    }
}

/// One process's share of the work.
#[derive(Clone)]
pub struct Worker {
    runs: Runs,
    registry: Registry,
    settings: Settings,
    limits: Arc<Limits>,
    breakpoints: Breakpoints,
    /// What this process is carrying: never taken back from itself, however long the machine slept.
    carried: Arc<Mutex<HashSet<RunId>>>,
}

/// Coordinators claimed in one turn.
const AT_ONCE: usize = 64;

/// Ends a task when nobody attends to it any more.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Worker {
    pub fn new(runs: Runs, registry: Registry, settings: Settings, limits: Limits, breakpoints: Breakpoints) -> Self {
        Self { runs, registry, settings, limits: Arc::new(limits), breakpoints, carried: Arc::default() }
    }

    /// Takes back what a process that is gone left running. Call it once at the start. Where other nodes may be at work, only what
    /// has no lease any more.
    pub async fn recover(&self) -> Result<usize> {
        self.reclaim(!self.runs.store().is_shared()).await
    }

    /// Works until `stop` is cancelled, then asks what is under way to stop and puts it back into the queue. A queue that
    /// cannot be read or written for a while is looked at again.
    pub async fn work(self, stop: CancellationToken) {
        let mut under_way = JoinSet::new();
        let mut busy = 0_usize;
        while !stop.is_cancelled() {
            if let Err(error) = self.turn(&mut busy, &mut under_way, &stop).await {
                tracing::warn!("The queue could not be worked on and is tried again: {error}");
            }
            // In this order, here and wherever runs wait: what comes next is never a matter of chance, so a simulated history can be repeated.
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = self.runs.wake.notified() => {}
                () = self.runs.sleep(self.settings.poll_ms) => {}
                Some(ended) = under_way.join_next() => busy -= freed(ended),
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Takes back what was abandoned and claims as many runs as there is room for.
    async fn turn(&self, busy: &mut usize, under_way: &mut JoinSet<usize>, stop: &CancellationToken) -> Result<()> {
        self.reclaim(false).await?;
        let store = self.runs.store();
        if !table::any_startable(store.reader().await?.connection(), store.clock().now()).await? {
            return Ok(());
        }
        for run in self.claim(self.settings.concurrent_runs.saturating_sub(*busy)).await? {
            let Some(executor) = self.registry.executors.get(run.kind.as_str()).cloned() else { continue };
            let slots = usize::from(!executor.is_coordinator());
            *busy += slots;
            let (worker, stop) = (self.clone(), stop.child_token());
            under_way.spawn(async move {
                let id = run.id.clone();
                worker.carry(run, executor, stop).await;
                worker.carried().remove(&id);
                slots
            });
        }
        Ok(())
    }

    /// Makes runs ours: coordinators, which take no slot, and as many others as there are slots.
    async fn claim(&self, slots: usize) -> Result<Vec<Run>> {
        let mut tx = self.runs.store().begin_claim().await?;
        let mut room = Room::new(table::running(&mut tx).await?, &self.settings);
        let mut claimed = Vec::new();
        for (coordinators, wanted) in [(true, AT_ONCE), (false, slots)] {
            let kinds = self.registry.kinds(coordinators);
            claimed.extend(self.claim_some(&mut tx, &kinds, wanted, &mut room).await?);
        }
        // Before others can see that they run: they must not be taken for abandoned.
        self.carried().extend(claimed.iter().map(|run| run.id.clone()));
        let committed = tx.commit().await;
        if committed.is_err() {
            claimed.iter().for_each(|run| {
                self.carried().remove(&run.id);
            });
        }
        committed.map(|()| claimed)
    }

    async fn claim_some(&self, tx: &mut Tx, kinds: &[&'static str], wanted: usize, room: &mut Room) -> Result<Vec<Run>> {
        let mut claimed = Vec::new();
        loop {
            let open: Vec<&str> = kinds.iter().copied().filter(|kind| room.has_kind(kind)).collect();
            if open.is_empty() || claimed.len() >= wanted {
                return Ok(claimed);
            }
            let candidates = table::startable(tx, &open, &room.full, wanted - claimed.len()).await?;
            if candidates.is_empty() {
                return Ok(claimed);
            }
            // Whoever is not admitted is of a kind, or about a resource, that is not asked for again.
            for run in candidates {
                if room.admits(&run) {
                    let run = table::claim(tx, &run, &self.settings.node, self.settings.lease_ms).await?;
                    room.add(&run);
                    claimed.push(run);
                }
            }
        }
    }

    fn carried(&self) -> std::sync::MutexGuard<'_, HashSet<RunId>> {
        self.carried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One attempt of one run, from claim to end. What cannot be written down is logged; the lease then runs out.
    async fn carry(&self, run: Run, executor: Arc<dyn Executor>, stop: CancellationToken) {
        let context = RunContext {
            run,
            runs: self.runs.clone(),
            cancel: CancellationToken::new(),
            limits: self.limits.clone(),
            breakpoints: self.breakpoints.clone(),
            pulse: Arc::new(Mutex::new(Pulse::default())),
        };
        context.point("claimed").await;
        let outcome = self.attend(&context, executor, &stop).await;
        let settled = match outcome {
            Err(error) => self.settle(&context, error, stop.is_cancelled()).await,
            Ok(_) if context.has_news() => self.write_last_lines(&context).await,
            Ok(_) => Ok(()),
        };
        if let Err(lost) = settled {
            tracing::warn!(run = %context.run.id, "the end of the run could not be written: {lost}");
        }
        self.runs.ended.notify_waiters();
        self.runs.wake();
    }

    /// Executes with heartbeats beside it, until it ends, is stopped, its lease is lost, or its time is up.
    async fn attend(&self, context: &RunContext, executor: Arc<dyn Executor>, stop: &CancellationToken) -> Result<Finished> {
        let work = {
            let context = context.clone();
            tokio::spawn(async move { executor.execute(&context).await })
        };
        // However this ends, blocking work hears of it and the task does not outlive it.
        let _aborted = AbortOnDrop(work.abort_handle());
        let _cancelled = context.cancel.clone().drop_guard();
        let started_ms = context.clock().steady_ms();
        let mut watch = Watch { started_ms, beaten_ms: started_ms, why: None, cut_off_ms: None, over: false };
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                joined = &mut work => {
                    let outcome = joined.unwrap_or_else(|e| Err(died(&e)));
                    return match (outcome, watch.why) {
                        (Err(_), Some(reason)) => Err(reason),
                        (outcome, _) => outcome,
                    };
                }
                () = self.runs.sleep(self.settings.heartbeat_ms) => {}
            }
            if !watch.over {
                match self.look_after(context, stop, &mut watch).await {
                    Ok(()) => {}
                    // The run has succeeded between two heartbeats; its executor may have a last thing to do.
                    Err(error) if error.kind == ErrorKind::Stopped && self.has_ended(&context.run).await => watch.over = true,
                    Err(error) if error.kind == ErrorKind::Stopped => return Err(error),
                    Err(error) => tracing::warn!(run = %context.run.id, "a heartbeat failed and is tried again: {error}"),
                }
            }
            if watch.cut_off_ms.is_some_and(|at| context.clock().steady_ms() >= at) {
                return Err(watch.why.unwrap_or_else(Error::stopped));
            }
        }
    }

    /// One heartbeat: keeps the lease, writes what is new, notices that the run should end. Fails with `Stopped` when the
    /// lease was lost.
    async fn look_after(&self, context: &RunContext, stop: &CancellationToken, watch: &mut Watch) -> Result<()> {
        let now_ms = context.clock().steady_ms();
        let due = (now_ms - watch.beaten_ms) * 3 > self.settings.lease_ms;
        if due || context.has_news() {
            self.beat(context).await?;
            watch.beaten_ms = now_ms;
        }
        if watch.why.is_some() {
            return Ok(());
        }
        let timed_out = context.run.timeout_ms.is_some_and(|limit| now_ms - watch.started_ms > limit);
        let asked = table::is_stopping(self.runs.store().reader().await?.connection(), &context.run.id).await?;
        if asked || timed_out || stop.is_cancelled() {
            watch.why = Some(if timed_out { time_is_up(&context.run) } else { Error::stopped() });
            watch.cut_off_ms = Some(now_ms + self.settings.grace_ms as i64);
            context.cancel.cancel();
        }
        Ok(())
    }

    /// Whether this attempt brought the run to its end. What cannot be read is taken as no.
    async fn has_ended(&self, run: &Run) -> bool {
        self.runs.get(&run.id).await.is_ok_and(|now| now.state.is_final() && now.attempt == run.attempt)
    }

    /// What was said while or after the run's end was written.
    async fn write_last_lines(&self, context: &RunContext) -> Result<()> {
        write_lines(context, self.runs.store().begin_beside().await?).await
    }

    async fn beat(&self, context: &RunContext) -> Result<()> {
        let mut tx = self.runs.store().begin_beside().await?;
        let progress = context.take_progress();
        table::heartbeat(&mut tx, &context.run, self.settings.lease_ms, &progress).await?;
        write_lines(context, tx).await
    }

    /// Writes down a failed attempt: queued again when it may pass or the process is going down, else ended.
    async fn settle(&self, context: &RunContext, error: Error, shutting_down: bool) -> Result<()> {
        let run = &context.run;
        let mut tx = self.runs.store().begin().await?;
        let now = tx.now();
        let asked = table::is_stopping(tx.connection(), &run.id).await?;
        if shutting_down && !asked && error.kind == ErrorKind::Stopped {
            table::requeue(&mut tx, run, now, Back::Shutdown).await?;
            return write_lines(context, tx).await;
        }
        let text = error.to_string();
        if !asked && context.is_tried_again(&error) {
            let line = format!("Attempt {} failed and will be tried again: {text}", run.attempt);
            context.log(Level::Warn, line);
            let delay = self.settings.backoff_ms.saturating_mul(1 << run.failed_attempts.min(6));
            table::requeue(&mut tx, run, now.plus_ms(delay), Back::Failed).await?;
            return write_lines(context, tx).await;
        }
        let state = match error.kind {
            ErrorKind::Stopped => RunState::Stopped,
            _ if asked && error.is_retryable() => RunState::Stopped,
            ErrorKind::TimedOut => RunState::TimedOut,
            _ => RunState::Failed,
        };
        context.log(Level::Error, text.clone());
        table::end(&mut tx, run, Ending { state, code: error.code, message: Some(&text), result: None }).await?;
        table::stop_tree(&mut tx, &run.id, false).await?;
        write_lines(context, tx).await
    }

    /// Puts abandoned runs back into the queue; ends those that were asked to stop or took the process down too often.
    async fn reclaim(&self, everything: bool) -> Result<usize> {
        let now = self.runs.store().clock().now();
        if !everything && table::expired(self.runs.store().reader().await?.connection(), now).await? == 0 {
            return Ok(0);
        }
        let mut tx = self.runs.store().begin().await?;
        let mut abandoned = table::abandoned(&mut tx, everything).await?;
        abandoned.retain(|run| !self.carried().contains(&run.id));
        for run in &abandoned {
            self.take_back(&mut tx, run).await?;
        }
        tx.commit().await?;
        Ok(abandoned.len())
    }

    async fn take_back(&self, tx: &mut Tx, run: &Run) -> Result<()> {
        let given_up = format!("The process ended {} times while this run was under way; it is not tried again.", run.lost_leases + 1);
        let ending = if run.lost_leases >= self.settings.max_lost_leases {
            Ending { state: RunState::Failed, code: Some("RUN_ABANDONED"), message: Some(&given_up), result: None }
        } else if run.stopping {
            Ending { state: RunState::Stopped, code: None, message: Some("Stopped on request."), result: None }
        } else {
            let now = tx.now();
            return table::requeue(tx, run, now, Back::LostLease).await;
        };
        table::end(tx, run, ending).await?;
        table::stop_tree(tx, &run.id, false).await
    }
}

/// Adds the lines that are waiting and commits; they wait on where that fails.
async fn write_lines(context: &RunContext, mut tx: Tx) -> Result<()> {
    let lines = context.take_lines();
    let outcome = match table::add_log(&mut tx, &context.run.id, &lines).await {
        Ok(()) => tx.commit().await,
        Err(error) => Err(error),
    };
    if outcome.is_err() {
        context.put_back(lines);
    }
    outcome
}

/// What is kept in mind between the heartbeats of one attempt.
struct Watch {
    started_ms: i64,
    beaten_ms: i64,
    /// Why the run should end, once it should.
    why: Option<Error>,
    /// When it is cut off if it has not ended by itself.
    cut_off_ms: Option<i64>,
    /// The run is in a final state: no more heartbeats.
    over: bool,
}

fn freed(joined: std::result::Result<usize, tokio::task::JoinError>) -> usize {
    // `carry` does not panic: what executors do runs in a task of its own.
    joined.unwrap_or(0)
}

fn died(error: &tokio::task::JoinError) -> Error {
    if error.is_cancelled() {
        return Error::stopped();
    }
    Error::new(ErrorKind::InvalidState, format!("The run's executor panicked: {error}")).code("RUN_PANICKED")
}

fn time_is_up(run: &Run) -> Error {
    let limit = run.timeout_ms.unwrap_or_default();
    Error::new(ErrorKind::TimedOut, format!("The run took longer than its limit of {limit} ms."))
}
