//! Rules, events and dead letters, as the composition root, the command line and the wire use them.

use std::sync::Arc;

use domain::arn::Partition;
use domain::{Error, Result};
use runs::{Breakpoints, Runs};
use serde_json::json;
use store::{Buckets, Store, Stored};

use crate::arrivals::{Arrivals, Awaited, by_pattern};
use crate::delivery::{Cursor, DeadLetter, DroppedLetters};
use crate::dispatch::{Dispatcher, REDELIVER, Redelivery};
use crate::event::{self, CUSTOM, CustomEvent, Event};
use crate::rule::{Rule, RuleState, Target};
use crate::send::{Message, Senders, Smtp, TakesEvents};

/// What an installation decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The account and region that events carry.
    pub partition: Partition,
    /// Spreads the waits between attempts.
    pub seed: u64,
    /// Without it mail cannot be sent.
    pub smtp: Option<Smtp>,
    /// The wait after the first failure; each further one doubles it.
    pub retry_base_ms: i64,
    /// Dead letters kept for each target; beyond that the oldest are dropped, and counted.
    pub dead_letters_per_target: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { partition: Partition::default(), seed: 0, smtp: None, retry_base_ms: 1000, dead_letters_per_target: 1000 }
    }
}

/// The handle; clone it freely.
#[derive(Debug, Clone)]
pub struct Notify {
    runs: Runs,
    settings: Arc<Settings>,
    senders: Arc<Senders>,
}

impl Notify {
    /// Fails where the SMTP password is not a reference, or the machine has no way to speak HTTP.
    pub fn new(runs: Runs, settings: Settings) -> Result<Self> {
        if let Some(password) = settings.smtp.as_ref().and_then(|smtp| smtp.password.as_ref()) {
            crate::secret::check("SMTP's `password`", password)?;
        }
        let senders = Arc::new(Senders::new(settings.smtp.clone())?);
        Ok(Self { runs, settings: Arc::new(settings), senders })
    }

    /// Rules may have workflows as targets.
    #[must_use]
    pub fn with_workflows(self, workflows: Arc<dyn TakesEvents>) -> Self {
        let senders = Senders::clone(&self.senders).with_workflows(workflows);
        Self { senders: Arc::new(senders), ..self }
    }

    /// Who looks for files that arrive in the buckets.
    pub fn arrivals(&self, buckets: Buckets) -> Arrivals {
        Arrivals::new(self.store().clone(), buckets, self.settings.partition.clone())
    }

    /// Where files are awaited by enabled rules about `aws.s3`.
    pub async fn awaited_files(&self) -> Result<Vec<Awaited>> {
        let rules = self.list_rules().await?;
        let enabled = rules.iter().filter(|rule| rule.state == RuleState::Enabled);
        Ok(enabled.flat_map(|rule| by_pattern(&rule.event_pattern, rule.updated)).collect())
    }

    fn store(&self) -> &Store {
        self.runs.store()
    }

    /// What delivers; call [`Dispatcher::work`] in the one process that works. `breakpoints` are for tests of crashes:
    /// `deliver.before_write`, `.after_write`, `.before_attempt`, `.after_attempt`, `.after_outcome`.
    pub fn dispatcher(&self, breakpoints: Breakpoints) -> Dispatcher {
        Dispatcher {
            runs: self.runs.clone(),
            partition: self.settings.partition.clone(),
            senders: Arc::clone(&self.senders),
            seed: self.settings.seed,
            retry_base_ms: self.settings.retry_base_ms,
            dead_letters: self.settings.dead_letters_per_target.max(1),
            breakpoints,
        }
    }

    /// Creates the rule, or gives the one of that name this pattern, state and description; its targets stay.
    pub async fn put_rule(&self, rule: Rule) -> Result<()> {
        rule.validate()?;
        let mut tx = self.store().begin().await?;
        let targets = tx.find::<Rule>(&rule.name).await?.map(|old| old.value.targets).unwrap_or_default();
        tx.put(Rule { targets, ..rule }).await?;
        tx.commit().await
    }

    /// Creates the rule or replaces it, targets and all: for rules that are kept in a file. An equal one is left alone.
    pub async fn replace_rule(&self, rule: Rule) -> Result<()> {
        rule.validate()?;
        let mut tx = self.store().begin().await?;
        if tx.find::<Rule>(&rule.name).await?.is_some_and(|old| old.value == rule) {
            return Ok(());
        }
        tx.put(rule).await?;
        tx.commit().await
    }

    pub async fn get_rule(&self, name: &str) -> Result<Stored<Rule>> {
        self.store().get(name).await
    }

    /// By name.
    pub async fn list_rules(&self) -> Result<Vec<Stored<Rule>>> {
        self.store().list().await
    }

    /// With its targets. What is on its way to them becomes dead letters.
    pub async fn delete_rule(&self, name: &str) -> Result<()> {
        self.store().delete::<Rule>(name).await
    }

    pub async fn set_state(&self, name: &str, state: RuleState) -> Result<()> {
        let set = |rule: &mut Rule| {
            rule.state = state;
            Ok(())
        };
        self.store().update(name, set).await.map(|_| ())
    }

    /// Adds targets; those with an id that the rule has already take its place.
    pub async fn put_targets(&self, rule: &str, targets: Vec<Target>) -> Result<()> {
        let add = |rule: &mut Rule| {
            for target in targets {
                target.validate()?;
                rule.targets.retain(|old| old.id != target.id);
                rule.targets.push(target);
            }
            Ok(())
        };
        self.store().update(rule, add).await.map(|_| ())
    }

    /// Gives those ids that the rule had no target for.
    pub async fn remove_targets(&self, rule: &str, ids: &[String]) -> Result<Vec<String>> {
        let mut unknown = Vec::new();
        let remove = |rule: &mut Rule| {
            unknown = ids.iter().filter(|id| rule.target(id).is_none()).cloned().collect();
            rule.targets.retain(|target| !ids.contains(&target.id));
            Ok(())
        };
        self.store().update(rule, remove).await?;
        Ok(unknown)
    }

    /// Puts events on the bus, each for itself: gives their ids, or why one was refused. They are safe when this returns.
    pub async fn put_events(&self, events: Vec<CustomEvent>) -> Result<Vec<Result<String>>> {
        let mut tx = self.store().begin().await?;
        let mut put = Vec::new();
        for event in events {
            let id = event::event_id(&format!("custom {} {}", tx.unique_hex().await?, tx.now()), &self.settings.partition);
            let event = match event.into_event(id, tx.now(), &self.settings.partition) {
                Ok(event) => event,
                Err(error) => {
                    put.push(Err(error));
                    continue;
                }
            };
            tx.notify(CUSTOM, &event.source, &event.to_value()?).await?;
            put.push(Ok(event.id));
        }
        tx.commit().await?;
        Ok(put)
    }

    /// The id of the last notification that became events; older ones are not read again.
    pub async fn cursor(&self) -> Result<i64> {
        Ok(self.store().find::<Cursor>(Cursor::KEY).await?.map_or(0, |cursor| cursor.read))
    }

    /// What was given up on, by rule, target and event.
    pub async fn dead_letters(&self) -> Result<Vec<Stored<DeadLetter>>> {
        self.store().list().await
    }

    /// Targets of which dead letters were dropped because there were too many, by rule and target.
    pub async fn dropped_letters(&self) -> Result<Vec<DroppedLetters>> {
        let all = self.store().list::<DroppedLetters>().await?;
        Ok(all.into_iter().map(|stored| stored.value).filter(|letters| letters.dropped > 0).collect())
    }

    /// Has a dead letter delivered as if its rule had just matched; the dispatcher does it, whichever process asks.
    pub async fn redeliver(&self, id: &str) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let letter = tx.get::<DeadLetter>(id).await?.value;
        tx.delete::<DeadLetter>(id).await?;
        let again = Redelivery { rule: letter.rule, target: letter.target, event: letter.event };
        let detail = serde_json::to_value(again).map_err(|e| Error::internal("A redelivery cannot be written.").source(e))?;
        tx.notify(REDELIVER, id, &detail).await?;
        tx.commit().await
    }

    /// Forgets a dead letter.
    pub async fn drop_dead_letter(&self, id: &str) -> Result<()> {
        self.store().delete::<DeadLetter>(id).await
    }

    /// Sends a sample event to each target of the rule now, once; gives for each whether it was taken. The pattern is not asked.
    pub async fn test_target(&self, rule: &str) -> Result<Vec<(String, Result<()>)>> {
        let rule = self.get_rule(rule).await?;
        let event = self.sample().await?;
        let mut tested = Vec::new();
        for target in &rule.targets {
            let message = Message { rule: &rule.name, target, event: &event, attempt: 1, now: self.store().clock().now() };
            let sent = self.senders.send(&message).await.map_err(|failure| Error::unavailable(failure.message));
            tested.push((target.id.clone(), sent));
        }
        Ok(tested)
    }

    async fn sample(&self) -> Result<Event> {
        let mut tx = self.store().begin().await?;
        let (seed, now) = (format!("test {}", tx.unique_hex().await?), tx.now());
        tx.commit().await?;
        let at = &self.settings.partition;
        let detail = json!({"message": "A test of this target: nothing has happened."}).to_string();
        let sample = CustomEvent { source: "penchant.test".into(), detail_type: "Target Test".into(), detail, ..CustomEvent::default() };
        sample.into_event(event::event_id(&seed, at), now, at)
    }
}
