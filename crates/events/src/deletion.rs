//! Users leave: what they did goes from the datasets, the log and the memory.

use std::collections::HashSet;

use dataset::{Deletion, Leavers, NewDeletion};
use domain::{Arn, Result};

use crate::call::LoggedCall;
use crate::log::Segment;
use crate::service::{Events, blocking};

/// What [`Events::delete_users`] did.
#[derive(Debug, Clone)]
pub struct DeletedUsers {
    pub deletion: Deletion,
    /// The users with the sessions that were found to be theirs.
    pub leavers: Leavers,
    /// Events forgotten in memory; they are among those of the log.
    pub live: u64,
}

impl Events {
    /// Moves the log into the datasets, takes the users' rows out of these, and their calls out of log and live history; what they do
    /// from then on is somebody new. Goes on where an earlier attempt of the run died.
    pub async fn delete_users(&self, run: &runs::RunId, attempt: &str, group: &Arn, users: HashSet<String>) -> Result<DeletedUsers> {
        let _nobody_flushes = self.flushing.lock().await;
        let deletion = match self.datasets.deletion(run).await? {
            Some(begun) => begun,
            None => self.begin_deletion(run, attempt, group, &users).await?,
        };
        self.datasets.remove_gone(&deletion).await?;
        let leavers = Leavers { users, sessions: deletion.sessions.iter().cloned().collect() };
        let (log, of, through, theirs) = (self.log.clone(), group.clone(), deletion.through, leavers.clone());
        blocking(move || log.blank(|call| call.sequence <= through && is_theirs(call, &of, &theirs))).await?;
        let live = self.live.forget(group, through, |user| leavers.named(user));
        Ok(DeletedUsers { deletion, leavers, live })
    }

    async fn begin_deletion(&self, run: &runs::RunId, attempt: &str, group: &Arn, users: &HashSet<String>) -> Result<Deletion> {
        self.flush_alone().await?;
        let through = self.position().await?;
        let segments: Vec<Segment> = self.log.rotate().await?;
        let mut leavers = Leavers { users: users.clone(), sessions: self.datasets.sessions_of(group, users).await? };
        let of = group.clone();
        let (leavers, logged) = blocking(move || {
            let mut calls = Vec::new();
            for segment in &segments {
                calls.extend(crate::log::read(&segment.path)?.into_iter().filter(|call| call.group == of && call.sequence <= through));
            }
            let named = calls.iter().filter(|call| call.user.as_ref().is_some_and(|user| leavers.users.contains(user)));
            leavers.sessions.extend(named.map(|call| call.session.clone()));
            let logged = calls.iter().filter(|call| is_theirs(call, &of, &leavers)).map(|call| call.events.len() as u64).sum();
            Ok((leavers, logged))
        })
        .await?;
        let (run, attempt, group_arn) = (run.clone(), attempt.to_owned(), group.clone());
        self.datasets.delete_users(NewDeletion { run, attempt, group_arn, leavers, through, logged }).await
    }
}

fn is_theirs(call: &LoggedCall, group: &Arn, leavers: &Leavers) -> bool {
    call.group == *group && leavers.have(call.user.as_deref(), Some(&call.session))
}
