//! From the outbox to the targets, at least once.
//!
//! Two transactions carry it. The first ([`Dispatcher::read`]) writes a [`Delivery`] for every event, rule and target together
//! with how far the notifications were read; the second, after an attempt, deletes the delivery, or says when it is tried again,
//! or makes it a dead letter. A process that dies before the first reads the notifications again; one that dies between the
//! two makes an attempt again, with the same event id. Nothing is lost, and at most the attempts under way are repeated.
//!
//! One dispatcher works at a time: it is part of the process that holds the installation's lock.

mod backlog;

use std::sync::Arc;
use std::time::Duration;

use domain::arn::Partition;
use domain::{Error, ErrorKind, Result, Timestamp};
use runs::{Breakpoints, RunId, Runs};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Notification, Store};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::dead;
use crate::delivery::{Cursor, Delivery};
use crate::event::{self, Event};
use crate::pattern::Pattern;
use crate::rule::{Rule, RuleState, Target};
use crate::send::{Failure, Message, Senders};
use backlog::Backlog;

/// The notification that asks for another try of a dead letter.
pub(crate) const REDELIVER: &str = "notify.redeliver";
/// Notifications read in one transaction.
const BATCH: i64 = 100;
const POLL: Duration = Duration::from_millis(200);
/// Waits between attempts double up to this.
const MOST_WAIT_MS: i64 = 10 * 60 * 1000;
/// A target's `Retry-After` counts up to this.
const MOST_RETRY_AFTER_MS: i64 = 60 * 60 * 1000;

/// What a redelivery carries.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Redelivery {
    pub rule: String,
    pub target: String,
    pub event: Event,
}

/// Reads the outbox and delivers, until it is told to stop.
#[derive(Debug, Clone)]
pub struct Dispatcher {
    pub(crate) runs: Runs,
    pub(crate) partition: Partition,
    pub(crate) senders: Arc<Senders>,
    pub(crate) seed: u64,
    pub(crate) retry_base_ms: i64,
    /// Kept for each target.
    pub(crate) dead_letters: usize,
    pub(crate) breakpoints: Breakpoints,
}

/// How long notifications stay in the outbox after they were read: a week.
const KEPT_MS: i64 = 7 * 86_400_000;

/// What came of an attempt.
enum Outcome {
    Settled,
    Again(Box<Delivery>),
}

type Attempts = JoinSet<Outcome>;

impl Dispatcher {
    fn store(&self) -> &Store {
        self.runs.store()
    }

    /// Returns when `stop` is cancelled; attempts under way are broken off, and made again by the next dispatcher.
    pub async fn work(self, stop: CancellationToken) {
        let all = async {
            let mut backlog = self.resume().await;
            let mut attempts = Attempts::new();
            loop {
                let more = self.read(&mut backlog).await.unwrap_or_else(|error| {
                    tracing::warn!("The outbox could not be read, and will be again: {error}");
                    false
                });
                self.start(&mut backlog, &mut attempts);
                let pause = if more { Duration::ZERO } else { POLL };
                tokio::select! {
                    Some(ended) = attempts.join_next_with_id() => self.settle(&mut backlog, ended),
                    () = tokio::time::sleep(pause) => {}
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = all => {}
        }
    }

    /// What the process before left undelivered.
    async fn resume(&self) -> Backlog {
        loop {
            match self.store().list::<Delivery>().await {
                Ok(left) => {
                    let mut backlog = Backlog::default();
                    left.into_iter().for_each(|delivery| backlog.add(delivery.value));
                    return backlog;
                }
                Err(error) => tracing::warn!("The deliveries could not be read, and will be again: {error}"),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Turns the next notifications into deliveries, with the new place in the outbox; true when there may be more.
    async fn read(&self, backlog: &mut Backlog) -> Result<bool> {
        let read = self.store().find::<Cursor>(Cursor::KEY).await?.map_or(0, |cursor| cursor.read);
        let told = self.store().notifications(read, BATCH).await?;
        let Some(last) = told.last().map(|last| last.id) else { return Ok(false) };
        let rules = self.rules().await?;
        let mut wanted = Vec::new();
        for notification in &told {
            self.match_rules(notification, &rules, &mut wanted).await?;
        }
        self.breakpoints.reach("deliver.before_write").await;
        let mut tx = self.store().begin().await?;
        if tx.find::<Cursor>(Cursor::KEY).await?.map_or(0, |cursor| cursor.read) != read {
            // Another node has the lead now, and has come further.
            return Ok(true);
        }
        let mut fresh = Vec::new();
        for delivery in wanted {
            if backlog.is_full(&delivery.rule, &delivery.target) {
                let at = tx.now();
                let letter = delivery.dead("Too many events were waiting for this target already.".into(), at);
                dead::keep(&mut tx, letter, self.dead_letters).await?;
            } else if tx.find::<Delivery>(&delivery.id()).await?.is_none() {
                tx.create(&delivery).await?;
                fresh.push(delivery);
            }
        }
        tx.put(Cursor { read: last }).await?;
        // What was read is kept a while for people who look, and no longer.
        tx.forget_notifications(last, Timestamp(tx.now().millis() - KEPT_MS)).await?;
        tx.commit().await?;
        self.breakpoints.reach("deliver.after_write").await;
        fresh.into_iter().for_each(|delivery| backlog.add(delivery));
        Ok(i64::try_from(told.len()).is_ok_and(|read| read == BATCH))
    }

    /// A stored rule whose pattern cannot be read matches nothing and holds up nobody.
    async fn rules(&self) -> Result<Vec<(Rule, Pattern)>> {
        let mut rules = Vec::new();
        for rule in self.store().list::<Rule>().await? {
            match Pattern::parse(&rule.event_pattern) {
                Ok(pattern) if rule.state == RuleState::Enabled => rules.push((rule.value, pattern)),
                Ok(_) => {}
                Err(error) => tracing::error!(rule = rule.name, "{error}"),
            }
        }
        Ok(rules)
    }

    async fn match_rules(&self, told: &Notification, rules: &[(Rule, Pattern)], wanted: &mut Vec<Delivery>) -> Result<()> {
        let now = self.store().clock().now();
        let delivery = |rule: &str, target: &str, event: &Event| Delivery {
            rule: rule.to_owned(),
            target: target.to_owned(),
            event: event.clone(),
            matched: now,
            attempts: 0,
            due: now,
        };
        if told.kind == REDELIVER {
            let again: Redelivery = serde_json::from_value(told.detail.clone())
                .map_err(|e| Error::internal("A stored redelivery cannot be read.").source(e))?;
            wanted.push(delivery(&again.rule, &again.target, &again.event));
            return Ok(());
        }
        // The run knows more than its notification; one that is gone by now is done without.
        let run = match told.detail["run"].as_str() {
            Some(id) if told.kind == "run.ended" => self.runs.find(&RunId(id.to_owned())).await?,
            _ => None,
        };
        let event = match event::event_of(told, run.as_ref(), &self.partition) {
            Ok(event) => event,
            // It never will be readable, and must not hold up those after it.
            Err(error) => {
                tracing::error!(notification = told.id, "A notification is left out: {error}");
                return Ok(());
            }
        };
        let value = event.to_value()?;
        for (rule, _) in rules.iter().filter(|(_, pattern)| pattern.matches(&value)) {
            wanted.extend(rule.targets.iter().map(|target| delivery(&rule.name, &target.id, &event)));
        }
        Ok(())
    }

    fn start(&self, backlog: &mut Backlog, attempts: &mut Attempts) {
        for delivery in backlog.take_due(self.store().clock().now()) {
            let (dispatcher, mine) = (self.clone(), delivery.clone());
            let task = attempts.spawn(async move { dispatcher.attempt(mine).await });
            backlog.started(task.id(), delivery);
        }
    }

    fn settle(&self, backlog: &mut Backlog, ended: Result<(Id, Outcome), JoinError>) {
        match ended {
            Ok((task, outcome)) => {
                backlog.ended(task);
                if let Outcome::Again(delivery) = outcome {
                    backlog.add(*delivery);
                }
            }
            Err(error) => {
                tracing::error!("An attempt to deliver broke down: {error}");
                if let Some(delivery) = backlog.ended(error.id()) {
                    backlog.add(self.later(delivery, None));
                }
            }
        }
    }

    /// One attempt and its outcome in the store. Where the store fails, the delivery stays as it is there.
    async fn attempt(&self, delivery: Delivery) -> Outcome {
        self.breakpoints.reach("deliver.before_attempt").await;
        let result = match self.target(&delivery).await {
            Ok(Ok(target)) => self.send(&delivery, &target).await.map_err(|failure| (failure, Some(target))),
            Ok(Err(failure)) => Err((failure, None)),
            Err(error) => return self.undecided(delivery, &error),
        };
        self.breakpoints.reach("deliver.after_attempt").await;
        let outcome = match result {
            Ok(()) => self.delivered(&delivery).await.map(|()| Outcome::Settled),
            Err((failure, target)) => self.failed(delivery.clone(), failure, target.as_ref()).await,
        };
        self.breakpoints.reach("deliver.after_outcome").await;
        outcome.unwrap_or_else(|error| self.undecided(delivery, &error))
    }

    fn undecided(&self, delivery: Delivery, error: &Error) -> Outcome {
        tracing::warn!(event = delivery.event.id, "A delivery will be tried again: {error}");
        Outcome::Again(Box::new(self.later(delivery, None)))
    }

    /// The target as it is now: a corrected address helps what is already on its way.
    async fn target(&self, delivery: &Delivery) -> Result<Result<Target, Failure>> {
        let rule = self.store().find::<Rule>(&delivery.rule).await?;
        let target = rule.as_ref().and_then(|rule| rule.target(&delivery.target)).cloned();
        let gone = || Failure {
            is_final: true,
            ..Failure::new(format!("Rule {:?} has no target {:?} any more.", delivery.rule, delivery.target))
        };
        Ok(target.ok_or_else(gone))
    }

    async fn send(&self, delivery: &Delivery, target: &Target) -> Result<(), Failure> {
        let Delivery { rule, event, attempts, .. } = delivery;
        let now = self.store().clock().now();
        self.senders.send(&Message { rule, target, event, attempt: attempts + 1, now }).await
    }

    async fn delivered(&self, delivery: &Delivery) -> Result<()> {
        settled(self.store().delete::<Delivery>(&delivery.id()).await)
    }

    /// Tried again later, or given up on.
    async fn failed(&self, mut delivery: Delivery, failure: Failure, target: Option<&Target>) -> Result<Outcome> {
        delivery.attempts += 1;
        tracing::warn!(rule = delivery.rule, target = delivery.target, attempt = delivery.attempts, "{}", failure.message);
        let policy = target.map(|target| target.retry_policy).unwrap_or_default();
        let delivery = self.later(delivery, failure.retry_after);
        let too_late = delivery.due.since_ms(delivery.matched) > policy.maximum_event_age_in_seconds * 1000;
        let mut tx = self.store().begin().await?;
        let id = delivery.id();
        let outcome = if failure.is_final || too_late || delivery.attempts > policy.maximum_retry_attempts {
            settled(tx.delete::<Delivery>(&id).await)?;
            let at = tx.now();
            dead::keep(&mut tx, delivery.dead(failure.message, at), self.dead_letters).await?;
            Outcome::Settled
        } else {
            tx.put(delivery.clone()).await?;
            Outcome::Again(Box::new(delivery))
        };
        tx.commit().await?;
        Ok(outcome)
    }

    fn later(&self, delivery: Delivery, retry_after: Option<Duration>) -> Delivery {
        let wait = backoff_ms(self.retry_base_ms, delivery.attempts, jitter(self.seed, &delivery.id(), delivery.attempts));
        let asked = retry_after.map_or(0, |wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX).min(MOST_RETRY_AFTER_MS));
        Delivery { due: self.now().plus_ms(wait.max(asked)), ..delivery }
    }

    fn now(&self) -> Timestamp {
        self.store().clock().now()
    }
}

/// Doubles with each attempt; `jitter` takes up to half of it away, so that many failures do not come back as one wave.
fn backoff_ms(base_ms: i64, attempts: u32, jitter: f64) -> i64 {
    let doublings = attempts.saturating_sub(1).min(30);
    let wait = base_ms.saturating_mul(1 << doublings).min(MOST_WAIT_MS);
    (wait as f64 * (1.0 - jitter / 2.0)) as i64
}

/// From 0 to 1, the same for the same seed, delivery and attempt.
fn jitter(seed: u64, delivery: &str, attempts: u32) -> f64 {
    let hash = Sha256::digest(format!("{seed} {delivery} {attempts}"));
    let number = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    f64::from(number) / f64::from(u32::MAX)
}

/// What is gone was settled by the node that led before.
fn settled(deleted: Result<()>) -> Result<()> {
    deleted.or_else(|error| if error.kind == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

#[cfg(test)]
mod tests;
