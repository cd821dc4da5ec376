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

use runs::{Breakpoints, Executor, Filter, Finished, Level, Limits, NewRun, Registry, Retention, RunContext, RunId, Settings, Worker};

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

async fn success_effects_log_and_progress_come_together(home: Installation) {
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

async fn what_may_pass_is_tried_again_and_what_may_not_fails_with_its_code(home: Installation) {
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

async fn a_failure_with_effects_keeps_them_and_its_result_and_is_not_tried_again(home: Installation) {
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

async fn a_failing_run_fails_after_its_last_attempt(home: Installation) {
    let (registry, calls) = doing(async |_: RunContext, _| Err(Error::unavailable("No.")));
    tokio::spawn(worker(&home, registry, Settings::default()).work(CancellationToken::new()));
    let id = home.runs.submit(NewRun::new("doing", "a").max_attempts(2)).await.unwrap();
    assert_eq!(home.runs.wait(&id).await.unwrap().state, RunState::Failed);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

async fn a_run_stops_whether_it_is_queued_listens_or_does_not(home: Installation) {
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

async fn a_run_that_takes_too_long_times_out(home: Installation) {
    let (registry, _) = doing(async |_: RunContext, _| std::future::pending().await);
    let settings = Settings { grace_ms: 20, ..Settings::default() };
    tokio::spawn(worker(&home, registry, settings).work(CancellationToken::new()));
    let id = home.runs.submit(NewRun::new("doing", "slow").timeout_ms(50)).await.unwrap();
    let run = home.runs.wait(&id).await.unwrap();
    assert_eq!(run.state, RunState::TimedOut);
    assert!(run.message.unwrap().contains("limit of 50 ms"));
}

async fn a_panic_fails_the_run_and_not_the_worker(home: Installation) {
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

async fn after_a_crash_the_run_is_done_once_and_the_dead_attempt_publishes_nothing(home: Installation) {
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
    let short = Settings { lease_ms: 300, ..Settings::default() };
    let process = tokio::spawn(worker(&home, registry.clone(), short).work(CancellationToken::new()));
    let id = home.runs.submit(NewRun::new("doing", "a")).await.unwrap();
    let dead = arrived.recv().await.unwrap();
    process.abort();

    let next = worker(&home, registry, Settings::default());
    let recovered = next.recover().await.unwrap();
    assert_eq!(recovered, usize::from(!home.store.is_shared()), "on a server, another node may have it until its lease is over");
    tokio::spawn(next.work(CancellationToken::new()));
    let run = home.runs.wait(&id).await.unwrap();
    assert_eq!((run.state, run.attempt, run.lost_leases, calls.load(Ordering::SeqCst)), (RunState::Succeeded, 2, 1, 2));

    let mut tx = dead.begin().await.unwrap();
    tx.create(&Effect { by: "ghost".into() }).await.unwrap();
    assert_eq!(dead.succeed(tx, &()).await.unwrap_err().kind, ErrorKind::Stopped);
    assert!(home.store.find::<Effect>("ghost").await.unwrap().is_none());
}

async fn a_run_that_keeps_killing_the_process_is_given_up(home: Installation) {
    let id = home.runs.submit(NewRun::new("doing", "a")).await.unwrap();
    let settings = || Settings { max_lost_leases: 2, lease_ms: 300, ..Settings::default() };
    for _ in 0..3 {
        let (registry, _) = doing(async |_: RunContext, _| std::future::pending().await);
        let process = worker(&home, registry, settings());
        process.recover().await.unwrap();
        let task = tokio::spawn(async move { process.work(CancellationToken::new()).await });
        while home.runs.get(&id).await.unwrap().state != RunState::Running {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        task.abort();
        tokio::time::sleep(Duration::from_millis(350)).await;
    }
    let (registry, _) = doing(async |_: RunContext, _| std::future::pending().await);
    worker(&home, registry, settings()).recover().await.unwrap();
    let run = home.runs.get(&id).await.unwrap();
    assert_eq!((run.state, run.code.as_deref()), (RunState::Failed, Some("RUN_ABANDONED")));
}

async fn a_shutdown_puts_the_run_back_into_the_queue(home: Installation) {
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

async fn asking_twice_with_the_same_words_gives_one_run_and_lists_are_newest_first(home: Installation) {
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

async fn stopping_a_run_stops_what_it_asked_for_and_what_that_asked_for(home: Installation) {
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

async fn shutdowns_do_not_use_up_attempts(home: Installation) {
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

async fn an_executor_may_do_a_last_thing_after_its_success(home: Installation) {
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

async fn higher_priorities_are_begun_first_and_older_runs_before_younger(home: Installation) {
    let mut submitted = Vec::new();
    for (subject, priority) in [("old", 0), ("young", 0), ("urgent", 5), ("idle", -1)] {
        submitted.push(home.runs.submit(NewRun::new("doing", subject).priority(priority)).await.unwrap());
    }
    let (begun, mut order) = tokio::sync::mpsc::unbounded_channel();
    let (registry, _) = doing(move |context: RunContext, _| {
        begun.send(context.run().subject.clone()).unwrap();
        async move { publish(&context).await }
    });
    tokio::spawn(worker(&home, registry, Settings { concurrent_runs: 1, ..Settings::default() }).work(CancellationToken::new()));
    for id in &submitted {
        assert_eq!(home.runs.wait(id).await.unwrap().state, RunState::Succeeded);
    }
    order.close();
    let mut begun = Vec::new();
    while let Some(subject) = order.recv().await {
        begun.push(subject);
    }
    assert_eq!(begun, ["urgent", "old", "young", "idle"]);
}

/// Two workers, each with room for four; the limits hold for both together, and what is limited does not hold up the rest.
async fn limits_of_kinds_and_resources_hold_on_all_nodes_together(home: Installation) {
    let under_way = Arc::new(std::sync::Mutex::new(std::collections::BTreeMap::<String, (u32, u32)>::new()));
    let count = |map: Arc<std::sync::Mutex<std::collections::BTreeMap<String, (u32, u32)>>>| {
        doing(move |context: RunContext, _| {
            let map = map.clone();
            async move {
                let key = context.run().resource.as_ref().map_or("free".to_owned(), |share| share.name.clone());
                {
                    let mut map = map.lock().unwrap();
                    let (now, most) = map.entry(key.clone()).or_default();
                    *now += 1;
                    *most = (*most).max(*now);
                }
                tokio::time::sleep(Duration::from_millis(30)).await;
                map.lock().unwrap().get_mut(&key).unwrap().0 -= 1;
                publish(&context).await
            }
        })
        .0
    };
    let mut submitted = Vec::new();
    for number in 0..30 {
        let mut new = NewRun::new("doing", format!("{number}"));
        if number < 20 {
            new = new.resource(if number % 2 == 0 { "shop database" } else { "warehouse" }, if number % 2 == 0 { 1 } else { 2 });
        }
        submitted.push(home.runs.submit(new).await.unwrap());
    }
    for node in ["a", "b"] {
        let settings =
            Settings { node: node.into(), concurrent_runs: 4, concurrent_by_kind: [("doing".to_owned(), 6)].into(), ..Settings::default() };
        tokio::spawn(worker(&home, count(under_way.clone()), settings).work(CancellationToken::new()));
    }
    for id in &submitted {
        let run = home.runs.wait(id).await.unwrap();
        assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
        assert!(["a", "b"].contains(&run.node.as_str()), "{}", run.node);
    }
    let most = under_way.lock().unwrap().clone();
    assert_eq!((most["shop database"].1, most["warehouse"].1 <= 2), (1, true), "{most:?}");
    assert!(most["free"].1 > 1, "{most:?}");
}

async fn a_node_that_dies_loses_its_run_to_another(home: Installation) {
    let (registry, _) = doing(async |_: RunContext, _| std::future::pending().await);
    let short = || Settings { lease_ms: 4_000, ..Settings::default() };
    let first = worker(&home, registry, Settings { node: "first".into(), ..short() });
    let process = tokio::spawn(first.work(CancellationToken::new()));
    let id = home.runs.submit(NewRun::new("doing", "a")).await.unwrap();
    while home.runs.get(&id).await.unwrap().state != RunState::Running {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (registry, _) = doing(async |context: RunContext, _| publish(&context).await);
    let second = worker(&home, registry, Settings { node: "second".into(), ..short() });
    tokio::spawn(second.work(CancellationToken::new()));
    tokio::time::sleep(Duration::from_millis(5_000)).await;
    assert_eq!(home.runs.get(&id).await.unwrap().node, "first", "heartbeats keep the lease");
    process.abort();
    let run = home.runs.wait(&id).await.unwrap();
    assert_eq!((run.state, run.node.as_str(), run.lost_leases), (RunState::Succeeded, "second", 1));
}

async fn what_ended_long_ago_is_forgotten_but_for_the_newest_and_what_others_live_by(home: Installation) {
    let clock = testkit::ManualClock::at(1_000_000_000_000);
    let runs = runs::Runs::new(home.store.clone().with_clock(clock.clone()));
    let mut ids = Vec::new();
    for (kind, subject) in [("history", "a"), ("history", "a"), ("history", "b"), ("state", "a"), ("state", "a")] {
        let id = runs.submit(NewRun::new(kind, subject)).await.unwrap();
        runs.stop(&id).await.unwrap();
        ids.push(id);
    }
    let parent = runs.submit(NewRun::new("history", "family")).await.unwrap();
    for _ in 0..2 {
        let child = runs.submit(NewRun::new("history", "child").parent(&parent)).await.unwrap();
        runs.stop(&child).await.unwrap();
        ids.push(child);
    }
    home.store.create(&Effect { by: ids[0].0.clone() }).await.unwrap();
    let retention = Retention { days: 30, kinds: vec!["history".into()], kept_by_run: vec![Effect::KIND.into()] };
    assert_eq!(runs.forget(&retention).await.unwrap(), 0, "nothing is old");
    clock.advance(31 * 86_400_000);
    assert_eq!(runs.forget(&retention).await.unwrap(), 1);
    assert_eq!(runs.forget(&retention).await.unwrap(), 0);
    assert!(home.store.find::<Effect>(&ids[0].0).await.unwrap().is_none(), "with what was kept under its name");
    assert!(runs.find(&ids[0]).await.unwrap().is_none(), "the older of two about the same");
    for kept in &ids[1..] {
        assert!(runs.find(kept).await.unwrap().is_some());
    }
    runs.stop(&parent).await.unwrap();
    clock.advance(31 * 86_400_000);
    assert_eq!(runs.forget(&retention).await.unwrap(), 0, "a kept run keeps what it has started");
    let newer = runs.submit(NewRun::new("history", "family")).await.unwrap();
    assert_eq!((runs.forget(&retention).await.unwrap(), runs.forget(&retention).await.unwrap()), (1, 1), "then its older child");
    assert!(runs.find(&newer).await.unwrap().is_some() && runs.find(&parent).await.unwrap().is_none());
    home.store.compact().await.unwrap();
}

async fn nodes_are_known_and_one_of_them_leads(home: Installation) {
    let clock = testkit::ManualClock::at(1_000_000_000_000);
    let runs = runs::Runs::new(home.store.clone().with_clock(clock.clone()));
    let node = |name: &str| runs::Node {
        name: name.into(),
        roles: vec!["worker".into()],
        address: None,
        since: runs.store().clock().now(),
        seen: runs.store().clock().now(),
    };
    for name in ["a", "b"] {
        runs.announce(&node(name)).await.unwrap();
    }
    assert_eq!(runs.nodes().await.unwrap().len(), 2);
    assert!(runs.lead("a").await.unwrap());
    if !home.store.is_shared() {
        assert!(runs.lead("b").await.unwrap(), "who has opened the file is alone with it");
        return;
    }
    assert!(!runs.lead("b").await.unwrap());
    clock.advance(10_000);
    assert!(runs.lead("a").await.unwrap());
    clock.advance(10_000);
    assert!(!runs.lead("b").await.unwrap(), "a renewed it");
    clock.advance(6_000);
    assert!(runs.lead("b").await.unwrap(), "a is silent");
    runs.announce(&node("b")).await.unwrap();
    assert_eq!(runs.nodes().await.unwrap().iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["b"]);
    clock.advance(-3_600_000);
    assert!(runs.lead("a").await.unwrap(), "nobody can have been given the lead for an hour");
    clock.advance(3_600_000);
    runs.leave("b").await.unwrap();
    assert!(runs.lead("a").await.unwrap());
    assert!(runs.nodes().await.unwrap().is_empty());
}

/// PostgreSQL's text has no NUL; a program's output may.
async fn a_line_with_any_byte_in_it_does_not_end_the_run(home: Installation) {
    let (registry, calls) = doing(async |context: RunContext, _| {
        context.info("before\0after");
        publish(&context).await
    });
    home.work(registry);
    let id = home.runs.submit(NewRun::new("doing", "a")).await.unwrap();
    assert_eq!(home.runs.wait(&id).await.unwrap().state, RunState::Succeeded);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert!(home.runs.logs(&id, 0, 9).await.unwrap()[0].line.starts_with("before"));
}

/// Many who want to write at once leave connections for those who read while they do: else this ends after ten seconds with nobody served.
async fn writers_that_wait_hold_up_nobody(home: Installation) {
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..40 {
        let runs = home.runs.clone();
        writers.spawn(async move {
            let mut tx = runs.store().begin().await.unwrap();
            let seen_beside = runs.list(&Filter::default(), 100).await.unwrap().len();
            let seen_within = runs.open_in(&mut tx, "nobody_does_this", "a").await.unwrap();
            assert_eq!(seen_within as usize, seen_beside, "nobody else writes now");
            runs.submit_in(&mut tx, &NewRun::new("nobody_does_this", "a").dedup(format!("{number}"))).await.unwrap();
            assert_eq!(runs.open_in(&mut tx, "nobody_does_this", "a").await.unwrap(), seen_within + 1);
            tx.commit().await.unwrap();
        });
    }
    writers.join_all().await;
    assert_eq!(home.runs.list(&Filter::default(), 100).await.unwrap().len(), 40);
}

/// A log is bounded; errors are always kept.
async fn a_log_that_never_ends_is_cut(home: Installation) {
    let (registry, _) = doing(async |context: RunContext, _| {
        for number in 0..20_100 {
            context.info(format!("line {number}"));
        }
        context.log(Level::Error, "at last");
        publish(&context).await
    });
    home.work(registry);
    let id = home.runs.submit(NewRun::new("doing", "a")).await.unwrap();
    home.runs.wait(&id).await.unwrap();
    let lines = home.runs.logs(&id, 0, 100_000).await.unwrap();
    assert_eq!(lines.len(), 20_001);
    assert!(lines[19_999].line.contains("20000 lines") && lines[20_000].line == "at last");
}

/// Every promise, asked of both databases.
macro_rules! promises {
    ($($name:ident,)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(testkit::Installation::new().await).await;
            })*
        }

        /// One server for all, a schema for each.
        #[tokio::test(flavor = "multi_thread")]
        async fn postgresql() {
            let Some(server) = testkit::servers::Postgres::start() else { return };
            $(
                println!("{}", stringify!($name));
                $name(Installation::on_postgres(&server, concat!("for_", stringify!($name)).get(..40).unwrap_or(stringify!($name))).await).await;
            )*
        }
    };
}

promises! {
    success_effects_log_and_progress_come_together,
    what_may_pass_is_tried_again_and_what_may_not_fails_with_its_code,
    a_failure_with_effects_keeps_them_and_its_result_and_is_not_tried_again,
    a_failing_run_fails_after_its_last_attempt,
    a_run_stops_whether_it_is_queued_listens_or_does_not,
    a_run_that_takes_too_long_times_out,
    a_panic_fails_the_run_and_not_the_worker,
    after_a_crash_the_run_is_done_once_and_the_dead_attempt_publishes_nothing,
    a_run_that_keeps_killing_the_process_is_given_up,
    a_shutdown_puts_the_run_back_into_the_queue,
    asking_twice_with_the_same_words_gives_one_run_and_lists_are_newest_first,
    stopping_a_run_stops_what_it_asked_for_and_what_that_asked_for,
    shutdowns_do_not_use_up_attempts,
    an_executor_may_do_a_last_thing_after_its_success,
    higher_priorities_are_begun_first_and_older_runs_before_younger,
    limits_of_kinds_and_resources_hold_on_all_nodes_together,
    a_node_that_dies_loses_its_run_to_another,
    what_ended_long_ago_is_forgotten_but_for_the_newest_and_what_others_live_by,
    nodes_are_known_and_one_of_them_leads,
    a_line_with_any_byte_in_it_does_not_end_the_run,
    writers_that_wait_hold_up_nobody,
    a_log_that_never_ends_is_cut,
}
