#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::{Error, ErrorKind, Result, RunState};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Resource;
use testkit::Installation;
use tokio_util::sync::CancellationToken;

use runs::{Breakpoints, Executor, Filter, Finished, Level, Limits, NewRun, Registry, RunContext, RunId, Settings, Worker};

#[derive(Serialize, Deserialize)]
struct Effect {
    by: String,
}

impl Resource for Effect {
    const KIND: &'static str = "effect";
    fn key(&self) -> String {
        self.by.clone()
    }
}

/// Executes a closure; counts how often.
struct Doing<F> {
    calls: Arc<AtomicU32>,
    act: F,
}

#[async_trait]
impl<F, Fut> Executor for Doing<F>
where
    F: Fn(RunContext, u32) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Finished>> + Send,
{
    fn kind(&self) -> &'static str {
        "doing"
    }
    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        (self.act)(context.clone(), call).await
    }
}

fn doing<F, Fut>(act: F) -> (Registry, Arc<AtomicU32>)
where
    F: Fn(RunContext, u32) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Finished>> + Send + 'static,
{
    let calls = Arc::new(AtomicU32::new(0));
    (Registry::default().with(Doing { calls: calls.clone(), act }), calls)
}

async fn publish(context: &RunContext) -> Result<Finished> {
    let mut tx = context.begin().await?;
    tx.create(&Effect { by: context.run().subject.clone() }).await?;
    context.succeed(tx, &json!({"rows": 3})).await
}

fn worker(home: &Installation, registry: Registry, settings: Settings) -> Worker {
    let limits = Limits { job_memory_bytes: 1, spill_folder: home.folder.path().into(), threads: 1 };
    Worker::new(
        home.runs.clone(),
        registry,
        Settings { poll_ms: 10, heartbeat_ms: 10, backoff_ms: 1, ..settings },
        limits,
        Breakpoints::none(),
    )
}

#[tokio::test]
async fn success_effects_log_and_progress_come_together() {
    let home = Installation::new().await;
    let (registry, _) = doing(async |context: RunContext, _| {
        context.progress(1, 2, "rows");
        context.log(Level::Warn, "half way");
        publish(&context).await
    });
    home.work(registry);
    let id = home.runs.submit(NewRun::new("doing", "a")).await.unwrap();
    let run = home.runs.wait(&id).await.unwrap();
    assert_eq!((run.state, run.attempt, run.result), (RunState::Succeeded, 1, Some(json!({"rows": 3}))));
    assert!(home.store.find::<Effect>("a").await.unwrap().is_some());
    let lines = home.runs.logs(&id, 0, 10).await.unwrap();
    assert_eq!((lines[0].level.as_str(), lines[0].line.as_str()), ("warn", "half way"));
    let told = home.store.notifications(0, 10).await.unwrap();
    assert_eq!((told[0].kind.as_str(), told[0].subject.as_str()), ("run.ended", "a"));
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_may_not_fails_with_its_code() {
    let home = Installation::new().await;
    let (registry, calls) = doing(async |context: RunContext, call| {
        if context.run().subject == "wrong" {
            return Err(Error::invalid_data("Column USER_ID is missing.").code("IMPORT_FIELD_MISSING"));
        }
        if call == 1 {
            return Err(Error::unavailable("The source did not answer."));
        }
        publish(&context).await
    });
    tokio::spawn(worker(&home, registry, Settings::default()).work(CancellationToken::new()));

    let id = home.runs.submit(NewRun::new("doing", "flaky").max_attempts(3)).await.unwrap();
    let run = home.runs.wait(&id).await.unwrap();
    assert_eq!((run.state, run.attempt), (RunState::Succeeded, 2));

    let id = home.runs.submit(NewRun::new("doing", "wrong").max_attempts(3)).await.unwrap();
    let run = home.runs.wait(&id).await.unwrap();
    assert_eq!((run.state, run.attempt, run.code.as_deref()), (RunState::Failed, 1, Some("IMPORT_FIELD_MISSING")));
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    let error = run.succeeded().unwrap_err();
    assert!(error.message.ends_with("Column USER_ID is missing."), "{error}");
}

#[tokio::test]
async fn a_failure_with_effects_keeps_them_and_its_result_and_is_not_tried_again() {
    let home = Installation::new().await;
    let (registry, calls) = doing(async |context: RunContext, _| {
        let mut tx = context.begin().await?;
        tx.create(&Effect { by: context.run().subject.clone() }).await?;
        context.fail(tx, &json!({"rows": 3}), &Error::unavailable("A rule does not hold.").code("DATA_QUALITY_FAILED")).await
    });
    home.work(registry);
    let id = home.runs.submit(NewRun::new("doing", "a").max_attempts(3)).await.unwrap();
    let run = home.runs.wait(&id).await.unwrap();
    assert_eq!(
        (run.state, run.code.as_deref(), run.result.as_ref()),
        (RunState::Failed, Some("DATA_QUALITY_FAILED"), Some(&json!({"rows": 3})))
    );
    assert_eq!((run.message.as_deref(), calls.load(Ordering::SeqCst)), (Some("A rule does not hold."), 1));
    assert!(home.store.find::<Effect>("a").await.unwrap().is_some());
    let last = home.runs.logs(&id, 0, 10).await.unwrap().pop().unwrap();
    assert_eq!((last.level.as_str(), last.line.as_str()), ("error", "A rule does not hold."));
}

#[tokio::test]
async fn a_failing_run_fails_after_its_last_attempt() {
    let home = Installation::new().await;
    let (registry, calls) = doing(async |_: RunContext, _| Err(Error::unavailable("No.")));
    tokio::spawn(worker(&home, registry, Settings::default()).work(CancellationToken::new()));
    let id = home.runs.submit(NewRun::new("doing", "a").max_attempts(2)).await.unwrap();
    assert_eq!(home.runs.wait(&id).await.unwrap().state, RunState::Failed);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_run_stops_whether_it_is_queued_listens_or_does_not() {
    let home = Installation::new().await;
    let queued = home.runs.submit(NewRun::new("nobody_does_this", "a")).await.unwrap();
    home.runs.stop(&queued).await.unwrap();
    assert_eq!(home.runs.get(&queued).await.unwrap().state, RunState::Stopped);

    let (registry, _) = doing(async |context: RunContext, _| {
        if context.run().subject == "listens" {
            context.cancel().cancelled().await;
            return Err(Error::stopped());
        }
        std::future::pending().await
    });
    let settings = Settings { grace_ms: 50, ..Settings::default() };
    tokio::spawn(worker(&home, registry, settings).work(CancellationToken::new()));
    for subject in ["listens", "is deaf"] {
        let id = home.runs.submit(NewRun::new("doing", subject)).await.unwrap();
        while home.runs.get(&id).await.unwrap().state == RunState::Queued {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        home.runs.stop(&id).await.unwrap();
        assert_eq!(home.runs.wait(&id).await.unwrap().state, RunState::Stopped, "{subject}");
    }
}

#[tokio::test]
async fn a_run_that_takes_too_long_times_out() {
    let home = Installation::new().await;
    let (registry, _) = doing(async |_: RunContext, _| std::future::pending().await);
    let settings = Settings { grace_ms: 20, ..Settings::default() };
    tokio::spawn(worker(&home, registry, settings).work(CancellationToken::new()));
    let id = home.runs.submit(NewRun::new("doing", "slow").timeout_ms(50)).await.unwrap();
    let run = home.runs.wait(&id).await.unwrap();
    assert_eq!(run.state, RunState::TimedOut);
    assert!(run.message.unwrap().contains("limit of 50 ms"));
}

#[tokio::test]
async fn a_panic_fails_the_run_and_not_the_worker() {
    let home = Installation::new().await;
    let (registry, _) = doing(async |context: RunContext, call| {
        assert!(call > 1, "on purpose");
        publish(&context).await
    });
    home.work(registry);
    let first = home.runs.submit(NewRun::new("doing", "a")).await.unwrap();
    let run = home.runs.wait(&first).await.unwrap();
    assert_eq!((run.state, run.code.as_deref()), (RunState::Failed, Some("RUN_PANICKED")));
    let second = home.runs.submit(NewRun::new("doing", "b")).await.unwrap();
    assert_eq!(home.runs.wait(&second).await.unwrap().state, RunState::Succeeded);
}

#[tokio::test]
async fn after_a_crash_the_run_is_done_once_and_the_dead_attempt_publishes_nothing() {
    let home = Installation::new().await;
    let (held, arrived) = tokio::sync::mpsc::unbounded_channel::<RunContext>();
    let mut arrived = arrived;
    let (registry, calls) = doing(move |context: RunContext, call| {
        let held = held.clone();
        async move {
            if call == 1 {
                held.send(context.clone()).unwrap();
                std::future::pending::<()>().await;
            }
            publish(&context).await
        }
    });
    let process = tokio::spawn(worker(&home, registry.clone(), Settings::default()).work(CancellationToken::new()));
    let id = home.runs.submit(NewRun::new("doing", "a")).await.unwrap();
    let dead = arrived.recv().await.unwrap();
    process.abort();

    let next = worker(&home, registry, Settings::default());
    assert_eq!(next.recover().await.unwrap(), 1);
    tokio::spawn(next.work(CancellationToken::new()));
    let run = home.runs.wait(&id).await.unwrap();
    assert_eq!((run.state, run.attempt, run.lost_leases, calls.load(Ordering::SeqCst)), (RunState::Succeeded, 2, 1, 2));

    let mut tx = dead.begin().await.unwrap();
    tx.create(&Effect { by: "ghost".into() }).await.unwrap();
    assert_eq!(dead.succeed(tx, &()).await.unwrap_err().kind, ErrorKind::Stopped);
    assert!(home.store.find::<Effect>("ghost").await.unwrap().is_none());
}

#[tokio::test]
async fn a_run_that_keeps_killing_the_process_is_given_up() {
    let home = Installation::new().await;
    let id = home.runs.submit(NewRun::new("doing", "a")).await.unwrap();
    let settings = || Settings { max_lost_leases: 2, ..Settings::default() };
    for _ in 0..3 {
        let (registry, _) = doing(async |_: RunContext, _| std::future::pending().await);
        let process = worker(&home, registry, settings());
        process.recover().await.unwrap();
        let task = tokio::spawn(async move { process.work(CancellationToken::new()).await });
        while home.runs.get(&id).await.unwrap().state != RunState::Running {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        task.abort();
    }
    let (registry, _) = doing(async |_: RunContext, _| std::future::pending().await);
    worker(&home, registry, settings()).recover().await.unwrap();
    let run = home.runs.get(&id).await.unwrap();
    assert_eq!((run.state, run.code.as_deref()), (RunState::Failed, Some("RUN_ABANDONED")));
}

#[tokio::test]
async fn a_shutdown_puts_the_run_back_into_the_queue() {
    let home = Installation::new().await;
    let (registry, _) = doing(async |context: RunContext, _| {
        context.cancel().cancelled().await;
        Err(Error::stopped())
    });
    let stop = CancellationToken::new();
    let process = tokio::spawn(worker(&home, registry, Settings::default()).work(stop.clone()));
    let id = home.runs.submit(NewRun::new("doing", "a")).await.unwrap();
    while home.runs.get(&id).await.unwrap().state != RunState::Running {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    process.await.unwrap();
    let run = home.runs.get(&id).await.unwrap();
    assert_eq!((run.state, run.lost_leases), (RunState::Queued, 0));
}

#[tokio::test]
async fn asking_twice_with_the_same_words_gives_one_run_and_lists_are_newest_first() {
    let home = Installation::new().await;
    let ask = |subject: &str, dedup: &str| home.runs.submit(NewRun::new("doing", subject).dedup(dedup));
    let first = ask("a", "x").await.unwrap();
    assert_eq!(ask("a", "x").await.unwrap(), first);
    let second = ask("a", "y").await.unwrap();
    ask("b", "z").await.unwrap();
    let filter = Filter { subject: Some("a".into()), ..Filter::default() };
    let ids: Vec<RunId> = home.runs.list(&filter, 10).await.unwrap().into_iter().map(|run| run.id).collect();
    assert_eq!(ids, [second.clone(), first.clone()]);
    let older = Filter { before: Some(second.clone()), ..filter.clone() };
    let ids: Vec<RunId> = home.runs.list(&older, 10).await.unwrap().into_iter().map(|run| run.id).collect();
    assert_eq!(ids, std::slice::from_ref(&first));
    assert!(home.runs.list(&Filter { before: Some(first), ..filter }, 10).await.unwrap().is_empty());
    assert!(home.runs.list(&Filter { before: Some(RunId("gone".into())), ..Filter::default() }, 10).await.unwrap().is_empty());
    assert_eq!(home.runs.latest("doing", "a").await.unwrap().unwrap().id, second);
}

#[tokio::test]
async fn stopping_a_run_stops_what_it_asked_for_and_what_that_asked_for() {
    let home = Installation::new().await;
    let submit = |subject: &str, parent: Option<&RunId>| {
        let mut run = NewRun::new("nobody_does_this", subject);
        run.parent = parent.cloned();
        home.runs.submit(run)
    };
    let root = submit("root", None).await.unwrap();
    let child = submit("child", Some(&root)).await.unwrap();
    let grandchild = submit("grandchild", Some(&child)).await.unwrap();
    let stranger = submit("stranger", None).await.unwrap();
    home.runs.stop(&root).await.unwrap();
    for id in [&root, &child, &grandchild] {
        assert_eq!(home.runs.get(id).await.unwrap().state, RunState::Stopped);
    }
    assert_eq!(home.runs.get(&stranger).await.unwrap().state, RunState::Queued);
}

#[tokio::test]
async fn shutdowns_do_not_use_up_attempts() {
    let home = Installation::new().await;
    let id = home.runs.submit(NewRun::new("doing", "a").max_attempts(2)).await.unwrap();
    for _ in 0..3 {
        let (registry, _) = doing(async |context: RunContext, _| {
            context.cancel().cancelled().await;
            Err(Error::stopped())
        });
        let stop = CancellationToken::new();
        let process = tokio::spawn(worker(&home, registry, Settings::default()).work(stop.clone()));
        while home.runs.get(&id).await.unwrap().state != RunState::Running {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.cancel();
        process.await.unwrap();
    }
    let (registry, calls) =
        doing(async |context: RunContext, call| if call == 1 { Err(Error::unavailable("Once.")) } else { publish(&context).await });
    tokio::spawn(worker(&home, registry, Settings::default()).work(CancellationToken::new()));
    assert_eq!(home.runs.wait(&id).await.unwrap().state, RunState::Succeeded);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_executor_may_do_a_last_thing_after_its_success() {
    let home = Installation::new().await;
    let (registry, calls) = doing(async |context: RunContext, _| {
        let finished = publish(&context).await?;
        // Longer than many heartbeats: they find the run ended and must leave the executor alone.
        context.progress(1, 1, "rows");
        tokio::time::sleep(Duration::from_millis(150)).await;
        context.store().create(&Effect { by: "afterwards".into() }).await?;
        Ok(finished)
    });
    tokio::spawn(worker(&home, registry, Settings::default()).work(CancellationToken::new()));
    let id = home.runs.submit(NewRun::new("doing", "a")).await.unwrap();
    assert_eq!(home.runs.wait(&id).await.unwrap().state, RunState::Succeeded);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(home.store.find::<Effect>("afterwards").await.unwrap().is_some());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
