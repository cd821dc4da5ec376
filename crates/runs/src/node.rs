//! The processes of an installation, as they tell each other.

use domain::{Result, Timestamp};
use serde::{Deserialize, Serialize};
use store::Resource;

use crate::queue::Runs;

/// A process that has part in the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub name: String,
    /// `api`, `worker`, `scheduler`, `serving`.
    pub roles: Vec<String>,
    /// Where it listens, if it does.
    pub address: Option<String>,
    pub since: Timestamp,
    /// When it was last heard of.
    pub seen: Timestamp,
}

impl Resource for Node {
    const KIND: &'static str = "node";
    fn key(&self) -> String {
        self.name.clone()
    }
}

/// Who does what only one node should do. Two that both take themselves for it, because their clocks differ, do work twice that can be
/// done twice.
#[derive(Debug, Serialize, Deserialize)]
struct Leader {
    node: String,
    until: Timestamp,
}

impl Resource for Leader {
    const KIND: &'static str = "leader";
    fn key(&self) -> String {
        "leader".into()
    }
}

/// A node that was not heard of for so long is gone.
const GONE_MS: i64 = 15_000;

impl Runs {
    /// Says that the node is there; others that have long been silent are crossed out. To be called every few seconds.
    pub async fn announce(&self, node: &Node) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let now = tx.now();
        tx.put(Node { seen: now, ..node.clone() }).await?;
        for other in tx.children::<Node>("").await? {
            if now.since_ms(other.seen) > 4 * GONE_MS {
                tx.delete::<Node>(&other.name).await?;
            }
        }
        tx.commit().await
    }

    /// The node ends; whoever it led is free at once.
    pub async fn leave(&self, name: &str) -> Result<()> {
        let mut tx = self.store().begin().await?;
        if tx.find::<Node>(name).await?.is_some() {
            tx.delete::<Node>(name).await?;
        }
        if tx.find::<Leader>("leader").await?.is_some_and(|leader| leader.node == name) {
            tx.delete::<Leader>("leader").await?;
        }
        tx.commit().await
    }

    /// The nodes that were heard of lately, by name.
    pub async fn nodes(&self) -> Result<Vec<Node>> {
        let now = self.store().clock().now();
        let all = self.store().list::<Node>().await?;
        Ok(all.into_iter().map(|stored| stored.value).filter(|node| now.since_ms(node.seen) <= GONE_MS).collect())
    }

    /// Whether the node leads from now on: it did, or nobody has for a while.
    pub async fn lead(&self, name: &str) -> Result<bool> {
        if !self.store().is_shared() {
            // Who works on a file is alone with it.
            return Ok(true);
        }
        let mut tx = self.store().begin().await?;
        let now = tx.now();
        let other = tx.find::<Leader>("leader").await?;
        // A lead that nobody can have been given is of a clock that was wrong.
        let holds = |until: Timestamp| until > now && until <= now.plus_ms(4 * GONE_MS);
        if other.is_some_and(|leader| leader.node != name && holds(leader.until)) {
            return Ok(false);
        }
        tx.put(Leader { node: name.into(), until: now.plus_ms(GONE_MS) }).await?;
        tx.commit().await?;
        Ok(true)
    }
}
