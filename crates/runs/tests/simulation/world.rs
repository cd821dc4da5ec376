//! What happens to the nodes: chance, the database's door, the named points.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{Error, Result};
use futures::future::BoxFuture;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use runs::{Breakpoint, Timer};
use store::{Pass, Passage, Turnstile};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;

use crate::time::VirtualTime;

/// Turns after which other tasks have done what they could do.
const SETTLING: usize = 8;

#[derive(Debug)]
pub struct World {
    pub time: Arc<VirtualTime>,
    chance: Mutex<StdRng>,
    /// One at a time speaks to the database, so that a seed gives one order of things.
    pub door: Arc<Semaphore>,
    /// While there is trouble.
    trouble: AtomicBool,
    trace: Mutex<Vec<String>>,
    kills: UnboundedSender<usize>,
}

impl World {
    pub fn new(seed: u64, kills: UnboundedSender<usize>) -> Arc<Self> {
        Arc::new(Self {
            time: Arc::default(),
            chance: Mutex::new(StdRng::seed_from_u64(seed)),
            door: Arc::new(Semaphore::new(1)),
            trouble: AtomicBool::new(true),
            trace: Mutex::default(),
            kills,
        })
    }

    pub fn end_trouble(&self) {
        self.trouble.store(false, Ordering::SeqCst);
        self.note("the trouble is over");
    }

    pub fn note(&self, what: impl AsRef<str>) {
        let line = format!("{:>7} ms  {}", self.time.now_ms(), what.as_ref());
        self.trace.lock().unwrap().push(line);
    }

    pub fn trace(&self) -> Vec<String> {
        self.trace.lock().unwrap().clone()
    }

    pub fn noted(&self) -> usize {
        self.trace.lock().unwrap().len()
    }

    /// A number below `end`.
    pub fn below(&self, end: u64) -> u64 {
        self.chance.lock().unwrap().random_range(0..end.max(1))
    }

    /// Once in `times`, while there is trouble.
    pub fn strikes(&self, times: u64) -> bool {
        self.trouble.load(Ordering::SeqCst) && self.below(times) == 0
    }

    pub fn sleep(&self, ms: u64) -> runs::Sleep {
        self.time.sleep(Duration::from_millis(ms))
    }

    pub fn kill(&self, node: usize, at: &str) {
        self.note(format!("node {node} is killed at {at}"));
        self.kills.send(node).unwrap();
    }
}

/// Who stands at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Node(usize),
    Client,
    /// Looks on, and has no trouble.
    Observer,
}

/// The way to the database.
#[derive(Debug)]
pub struct Door {
    pub world: Arc<World>,
    pub side: Side,
}

impl Turnstile for Door {
    fn pass(&self, passage: Passage) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(async move {
            let world = &self.world;
            let troubled = self.side != Side::Observer;
            if let Side::Node(node) = self.side
                && world.strikes(400)
            {
                world.kill(node, &format!("{passage:?}"));
                std::future::pending::<()>().await;
            }
            if troubled && passage != Passage::Read && world.strikes(60) {
                world.note(format!("{:?} finds the disk full for a {passage:?}", self.side));
                return Err(Error::unavailable("The disk is full."));
            }
            // Who commits is inside already.
            if passage == Passage::Commit {
                return Ok(Pass(Box::new(())));
            }
            if troubled && world.strikes(20) {
                let slow = if world.below(10) == 0 { 4_000 } else { 40 };
                world.sleep(world.below(slow)).await;
            }
            let turn = world.door.clone().acquire_owned().await.unwrap();
            // Whoever else can do something does it first: then nothing but the database's answer is waited for.
            for _ in 0..SETTLING {
                tokio::task::yield_now().await;
            }
            Ok(Pass(Box::new(turn)))
        })
    }
}

/// The named points of one node.
#[derive(Debug)]
pub struct Points {
    pub world: Arc<World>,
    pub node: usize,
}

impl Breakpoint for Points {
    fn reach(&self, point: &str) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.world.note(format!("node {} reaches {point}", self.node));
        if !self.world.strikes(8) {
            return Box::pin(std::future::ready(()));
        }
        self.world.kill(self.node, point);
        Box::pin(std::future::pending())
    }
}
