//! One history from its seed: the driver, the nodes, and the judgement.

use std::path::Path;
use std::sync::{Arc, Mutex};

use domain::RunState;
use runs::{Breakpoints, Limits, Registry, Run, RunId, Runs, Settings, Worker};
use store::{Store, sql};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::actors::{Client, Effect, Family, Work};
use crate::time::JumpingClock;
use crate::world::{Door, Points, Side, World};

const NODES: usize = 2;
/// At most so many runs of kind `work` at once, on both nodes together.
const WORK_AT_ONCE: u32 = 3;
/// Simulated time after the trouble within which everything has to end.
const PATIENCE_MS: i64 = 600_000;
/// Turns of all tasks without anything happening after which nothing will happen any more.
const CALM: usize = 24;

/// What was seen.
pub struct History {
    pub trace: Vec<String>,
    /// Every broken promise, in a sentence.
    pub wrong: Vec<String>,
    pub runs: usize,
    pub kills: usize,
    pub lost_leases: u32,
}

impl History {
    pub fn tail(&self) -> String {
        self.trace[self.trace.len().saturating_sub(60)..].join("\n")
    }
}

struct Node {
    runs: Runs,
    worker: JoinHandle<()>,
}

/// Who was killed, and when they begin again.
struct Fallen {
    killed: UnboundedReceiver<usize>,
    restarts: Vec<(i64, usize)>,
    kills: usize,
}

/// Everything of one history that nodes and driver share.
struct Stage {
    world: Arc<World>,
    store: Store,
    clocks: Vec<Arc<JumpingClock>>,
    honest: bool,
    folder: tempfile::TempDir,
}

/// Plays the history of a seed. `honest` executors publish as they should.
pub fn play(seed: u64, honest: bool) -> History {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (kills, killed) = unbounded_channel();
        let world = World::new(seed, kills);
        let memory = Path::new("/dev/shm");
        let builder = tempfile::Builder::new();
        let folder = if memory.is_dir() { builder.tempdir_in(memory) } else { builder.tempdir() }.unwrap();
        let clocks: Vec<_> = (0..=NODES).map(|_| JumpingClock::new(world.time.clone())).collect();
        let store = Store::open(&folder.path().join("metadata.db"), clocks[NODES].clone()).await.unwrap();
        Stage { world, store, clocks, honest, folder }.play(killed).await
    })
}

impl Stage {
    async fn play(self, killed: UnboundedReceiver<usize>) -> History {
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let mut nodes: Vec<Node> = (0..NODES).map(|index| self.start(index)).collect();
        let client = Client {
            world: self.world.clone(),
            runs: self.seen_by(Side::Client),
            clocks: self.clocks[..NODES].to_vec(),
            acknowledged: acknowledged.clone(),
        };
        let observer = self.seen_by(Side::Observer);
        let (world, known) = (self.world.clone(), acknowledged.clone());
        let script = tokio::spawn(async move {
            client.act().await;
            world.end_trouble();
            let mut wrong = Vec::new();
            let deadline = world.time.now_ms() + PATIENCE_MS;
            while world.time.now_ms() < deadline {
                let known = known.lock().unwrap().clone();
                wrong.extend(too_many(&observer).await);
                if all_final(&observer, &known).await {
                    return wrong;
                }
                world.sleep(500).await;
            }
            wrong.push(format!("not everything has ended {PATIENCE_MS} ms after the trouble"));
            wrong
        });
        let mut fallen = Fallen { killed, restarts: Vec::new(), kills: 0 };
        while !script.is_finished() {
            self.until_calm(&mut nodes, &mut fallen).await;
            if script.is_finished() {
                break;
            }
            let now = self.world.time.now_ms();
            for (_, index) in fallen.restarts.extract_if(.., |(at, _)| *at <= now) {
                nodes[index].worker.abort();
                nodes[index] = self.start(index);
                self.world.note(format!("node {index} begins again"));
            }
            self.world.time.advance(fallen.restarts.iter().map(|(at, _)| *at).min());
        }
        let mut wrong = script.await.unwrap();
        for node in &nodes {
            node.worker.abort();
            node.runs.wake();
        }
        self.until_calm(&mut nodes, &mut fallen).await;
        let known = acknowledged.lock().unwrap().clone();
        let runs = self.seen_by(Side::Observer).list(&runs::Filter::default(), 1_000).await.unwrap();
        wrong.extend(judge(&self.store, &runs, &known).await);
        let lost_leases = runs.iter().map(|run| run.lost_leases).sum();
        History { trace: self.world.trace(), wrong, runs: runs.len(), kills: fallen.kills, lost_leases }
    }

    /// Until nobody can do anything before time passes. Who is killed meanwhile stops at once.
    async fn until_calm(&self, nodes: &mut [Node], fallen: &mut Fallen) {
        let mut calm = 0;
        while calm < CALM {
            let before = (self.world.time.activity(), self.world.noted());
            tokio::task::yield_now().await;
            while let Ok(index) = fallen.killed.try_recv() {
                fallen.kills += 1;
                nodes[index].worker.abort();
                fallen.restarts.push((self.world.time.now_ms() + 200 + self.world.below(6_000) as i64, index));
            }
            let still = self.world.door.available_permits() == 1 && before == (self.world.time.activity(), self.world.noted());
            calm = if still { calm + 1 } else { 0 };
        }
    }

    fn seen_by(&self, side: Side) -> Runs {
        let door = Arc::new(Door { world: self.world.clone(), side });
        let clock = if let Side::Node(index) = side { index } else { NODES };
        let store = self.store.clone().with_clock(self.clocks[clock].clone()).with_turnstile(door);
        Runs::new(store).with_timer(self.world.time.clone())
    }

    fn start(&self, index: usize) -> Node {
        let runs = self.seen_by(Side::Node(index));
        let (world, honest) = (self.world.clone(), self.honest);
        let registry = Registry::default().with(Work { world: world.clone(), honest }).with(Family { honest });
        let settings = Settings {
            node: format!("node {index}"),
            concurrent_runs: 2,
            concurrent_by_kind: [("work".into(), WORK_AT_ONCE)].into(),
            lease_ms: 3_000,
            heartbeat_ms: 500,
            poll_ms: 700,
            backoff_ms: 300,
            max_lost_leases: 8,
            grace_ms: 1_000,
        };
        let limits = Limits { job_memory_bytes: 1, spill_folder: self.folder.path().into(), threads: 1 };
        let points = Breakpoints::with(Arc::new(Points { world, node: index }));
        let worker = Worker::new(runs.clone(), registry, settings, limits, points);
        Node { runs, worker: tokio::spawn(worker.work(CancellationToken::new())) }
    }
}

async fn all_final(runs: &Runs, known: &[RunId]) -> bool {
    let all = runs.list(&runs::Filter::default(), 1_000).await.unwrap();
    !known.is_empty() && all.iter().all(|run| run.state.is_final()) || all.is_empty()
}

/// Limits of kinds and resources hold at every moment.
async fn too_many(runs: &Runs) -> Vec<String> {
    let mut wrong = Vec::new();
    for (column, most) in [("kind", WORK_AT_ONCE), ("resource", 1)] {
        let value = if column == "kind" { "work" } else { "the one machine" };
        let statement = sql(format!("SELECT count(*) AS runs FROM runs WHERE state = 'running' AND {column} = ?")).bind(value);
        let found = statement.fetch_one(runs.store().reader().await.unwrap().connection()).await.unwrap().count("runs").unwrap();
        if found > most {
            wrong.push(format!("{found} runs of {column} {value:?} at once, where {most} may be"));
        }
    }
    wrong
}

async fn judge(store: &Store, runs: &[Run], acknowledged: &[RunId]) -> Vec<String> {
    let mut wrong = Vec::new();
    for id in acknowledged {
        if !runs.iter().any(|run| run.id == *id) {
            wrong.push(format!("{id} was acknowledged and is gone"));
        }
    }
    let told = store.notifications(0, 100_000).await.unwrap();
    for run in runs {
        let effects = store.children::<Effect>(&run.id.0).await.unwrap().len();
        let wanted = usize::from(run.state == RunState::Succeeded);
        if effects != wanted {
            wrong.push(format!("{} is {} and has {effects} effects", run.id, run.state));
        }
        let ends = told.iter().filter(|note| note.kind == "run.ended" && note.detail["run"] == run.id.0.as_str()).count();
        if ends != usize::from(run.state.is_final()) {
            wrong.push(format!("{} is {} and has ended {ends} times", run.id, run.state));
        }
    }
    wrong
}
