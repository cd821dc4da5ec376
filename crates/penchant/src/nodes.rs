//! The nodes of an installation: what this process does of the work, and how the others know.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use domain::{Error, Result};
use runs::{Node, Runs};
use tokio_util::sync::CancellationToken;

use crate::keys::draw;

/// How often a node says that it is there.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(3);

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Answers Glue, Personalize and S3.
    Api,
    /// Carries out runs.
    Worker,
    /// Fires schedules and triggers, delivers notifications, forgets what is old. Of several nodes with this role one leads.
    Scheduler,
    /// Answers recommendations and takes live events. One node of an installation has this role: the log of events is its own.
    Serving,
}

const ROLES: [(&str, Role); 4] = [("api", Role::Api), ("worker", Role::Worker), ("scheduler", Role::Scheduler), ("serving", Role::Serving)];

/// What a process does. By default everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles(BTreeSet<Role>);

impl Roles {
    pub fn all() -> Self {
        Self(ROLES.iter().map(|(_, role)| *role).collect())
    }

    /// Of a command that works on what it has asked for where nobody else does.
    pub fn of_a_command() -> Self {
        Self([Role::Worker, Role::Scheduler].into())
    }

    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    fn names(&self) -> Vec<String> {
        ROLES.iter().filter(|(_, role)| self.has(*role)).map(|(name, _)| (*name).to_owned()).collect()
    }
}

impl std::fmt::Display for Roles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.names().join(","))
    }
}

impl FromStr for Roles {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let named = |name: &str| {
            let found = ROLES.iter().find(|(known, _)| *known == name.trim()).map(|(_, role)| *role);
            found.ok_or_else(|| Error::invalid_input(format!("A role is api, worker, scheduler or serving; found {name:?}.")))
        };
        Ok(Self(text.split(',').map(named).collect::<Result<_>>()?))
    }
}

/// A name that no other process has: the machine's, the process's number, and chance.
pub fn name() -> String {
    let machine = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let machine = machine.trim();
    let machine = if machine.is_empty() { "node" } else { machine };
    format!("{machine}-{}-{}", std::process::id(), draw(4).to_lowercase())
}

/// Says again and again that the node is there, until it ends; then that it is gone.
pub async fn announce(runs: Runs, name: String, roles: Roles, address: Option<SocketAddr>, stop: CancellationToken) {
    let now = runs.store().clock().now();
    let node = Node { name, roles: roles.names(), address: address.map(|address| address.to_string()), since: now, seen: now };
    while !stop.is_cancelled() {
        if let Err(error) = runs.announce(&node).await {
            tracing::warn!("This node could not say that it is there: {error}");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(ANNOUNCE_EVERY) => {}
        }
    }
    if let Err(error) = runs.leave(&node.name).await {
        tracing::warn!("This node could not say that it is gone: {error}");
    }
}

/// Does `work` while this node leads; whoever leads instead does the same there.
pub async fn while_leading<F: Future<Output = ()> + Send>(
    runs: Runs,
    name: String,
    stop: CancellationToken,
    work: impl Fn(CancellationToken) -> F,
) {
    while !stop.is_cancelled() {
        if leads(&runs, &name).await {
            let leading = stop.child_token();
            let watch = async {
                while leads(&runs, &name).await {
                    tokio::time::sleep(ANNOUNCE_EVERY).await;
                }
                leading.cancel();
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = work(leading.clone()) => {}
                () = watch => {}
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(ANNOUNCE_EVERY) => {}
        }
    }
}

/// Who cannot find out does not lead.
async fn leads(runs: &Runs, name: &str) -> bool {
    runs.lead(name).await.unwrap_or_else(|error| {
        tracing::warn!("Whether this node leads is not known: {error}");
        false
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_and_a_wrong_one_is_named() {
        let roles: Roles = "worker, api".parse().unwrap();
        assert_eq!(roles.to_string(), "api,worker");
        assert!(roles.has(Role::Worker) && !roles.has(Role::Serving));
        assert!("api,wrker".parse::<Roles>().unwrap_err().message.contains("\"wrker\""));
        assert_ne!(name(), name());
    }
}
