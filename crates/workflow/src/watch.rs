//! What fires triggers from outside a workflow run: events, files that arrive, and runs that end anywhere.
//!
//! All of it is in the store. An event is taken once, whoever delivers it again; it waits in its trigger's [`Batch`] until there are
//! enough or the first has waited long enough. Notifications of the store are read in order; what one does to a trigger and how far was
//! read are committed together, so a crash repeats nothing and loses nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use domain::{Error, ErrorKind, Result, RunState, Timestamp};
use runs::{Run, RunId};
use serde::{Deserialize, Serialize};
use store::{Notification, Resource, Tx};

use crate::RUN_KIND;
use crate::graph::NodeState;
use crate::model::{Condition, EventBatchingCondition, Trigger, TriggerType};
use crate::workflows::{Beginning, Workflows};

/// The notification of a file that has appeared or changed in a bucket; its subject is `bucket/key`.
pub const OBJECT_CREATED: &str = "bucket.object_created";
const RUN_ENDED: &str = "run.ended";
/// Notifications read at once.
const READ: i64 = 200;
/// So many notifications that concern no trigger are read again at most after a restart.
const READ_AGAIN: i64 = 1000;
/// Events that one trigger keeps waiting while its workflow has as many runs as it may; more are not taken.
const MOST_WAITING: usize = 10_000;
const DAY_MS: i64 = 86_400_000;
/// Events of days long gone that are forgotten at one look.
const FORGOTTEN: usize = 1000;

/// How far notifications were read.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Cursor {
    read: i64,
}

impl Resource for Cursor {
    const KIND: &'static str = "workflow_cursor";
    fn key(&self) -> String {
        Self::KEY.into()
    }
}

impl Cursor {
    const KEY: &'static str = "triggers";
}

/// Which conditions of a trigger were met since it last fired, and by which runs.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Met {
    trigger: String,
    conditions: BTreeMap<usize, RunId>,
}

impl Resource for Met {
    const KIND: &'static str = "trigger_met";
    fn key(&self) -> String {
        self.trigger.clone()
    }
}

/// Events that wait for more.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Batch {
    trigger: String,
    events: Vec<TakenEvent>,
    /// When the first of them came.
    first: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct TakenEvent {
    id: String,
    /// `s3://bucket/key`, of a file that arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

impl Resource for Batch {
    const KIND: &'static str = "event_batch";
    fn key(&self) -> String {
        self.trigger.clone()
    }
}

/// That an event was taken, kept for a day and more: nobody delivers an event again after a day.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    day: i64,
    trigger: String,
    event: String,
}

impl Resource for Mark {
    const KIND: &'static str = "taken_event";
    fn key(&self) -> String {
        Self::key_of(self.day, &self.trigger, &self.event)
    }
}

impl Mark {
    /// In the order of the days, so that the oldest are found first.
    fn key_of(day: i64, trigger: &str, event: &str) -> String {
        format!("{day:08}/{trigger}/{event}")
    }
}

/// How far the notifications were read by this process.
pub(crate) type Place = Arc<Mutex<Option<i64>>>;

impl Workflows {
    /// Hands an event to the EVENT triggers of a workflow; the same event again is nothing new. It is safe when this returns.
    ///
    /// # Errors
    /// `InvalidState` when the workflow has no activated EVENT trigger, `Unavailable` when too many events wait already.
    pub async fn take_event(&self, workflow: &str, event: &str) -> Result<()> {
        let mut tx = self.store().begin().await?;
        tx.get::<crate::Workflow>(workflow).await?;
        let triggers = tx.children::<Trigger>(workflow).await?;
        let mut taken = false;
        for trigger in triggers.iter().filter(|trigger| trigger.activated && trigger.r#type == TriggerType::Event) {
            if !self.take_in(&mut tx, trigger, TakenEvent { id: event.to_owned(), file: None }).await? {
                let name = &trigger.name;
                return Err(Error::unavailable(format!("Trigger {name:?} has {MOST_WAITING} events waiting and takes no more now.")));
            }
            taken = true;
        }
        if !taken {
            return Err(Error::invalid_state(format!(
                "Workflow {workflow:?} has no activated trigger of the type EVENT that could take an event."
            )));
        }
        tx.commit().await?;
        self.runs().wake();
        Ok(())
    }

    /// False when so many events wait that this one is not taken.
    async fn take_in(&self, tx: &mut Tx, trigger: &Trigger, event: TakenEvent) -> Result<bool> {
        let (now, day) = (tx.now(), tx.now().millis() / DAY_MS);
        for day in [day, day - 1] {
            if tx.find::<Mark>(&Mark::key_of(day, &trigger.name, &event.id)).await?.is_some() {
                return Ok(true);
            }
        }
        let found = tx.find::<Batch>(&trigger.name).await?.map(|batch| batch.value);
        let mut batch = found.unwrap_or_else(|| Batch { trigger: trigger.name.clone(), events: Vec::new(), first: now });
        if batch.events.len() >= MOST_WAITING {
            return Ok(false);
        }
        tx.create(&Mark { day, trigger: trigger.name.clone(), event: event.id.clone() }).await?;
        batch.events.push(event);
        if batch.events.len() >= trigger.batching().batch_size as usize {
            self.fire_batch(tx, trigger, batch).await?;
        } else {
            tx.put(batch).await?;
        }
        Ok(true)
    }

    /// Begins a run with the oldest events, as many as make a batch; false when the workflow cannot run now: then they wait.
    async fn fire_batch(&self, tx: &mut Tx, trigger: &Trigger, mut batch: Batch) -> Result<bool> {
        let size = batch.events.len().min(trigger.batching().batch_size as usize);
        let events: Vec<TakenEvent> = batch.events.iter().take(size).cloned().collect();
        let text = |all: Vec<&String>| serde_json::to_string(&all).map_err(|e| Error::internal("Event ids cannot be written.").source(e));
        let mut properties = BTreeMap::from([("aws:eventIds".to_owned(), text(events.iter().map(|event| &event.id).collect())?)]);
        let files: Vec<&String> = events.iter().filter_map(|event| event.file.as_ref()).collect();
        if !files.is_empty() {
            properties.insert("penchant:files".into(), text(files)?);
        }
        let (batch_size, batch_window) = (u32::try_from(size).unwrap_or(u32::MAX), waited_s(&batch, tx.now()));
        let beginning = Beginning { properties, dedup: None, batch: Some(EventBatchingCondition { batch_size, batch_window }) };
        match self.fire_in(tx, trigger, beginning).await {
            Ok(_) => {}
            Err(error) if error.is_retryable() => return Err(error),
            Err(error) => {
                if error.kind != ErrorKind::TooManyRuns {
                    tracing::warn!("The events that wait for trigger {} cannot fire it: {error}", trigger.name);
                }
                tx.put(batch).await?;
                return Ok(false);
            }
        }
        batch.events.drain(..size);
        batch.first = tx.now();
        if batch.events.is_empty() {
            if tx.find::<Batch>(&batch.trigger).await?.is_some() {
                tx.delete::<Batch>(&batch.trigger).await?;
            }
        } else {
            tx.put(batch).await?;
        }
        Ok(true)
    }

    /// Fires what has waited long enough, or could not fire when it was full; gives how many fired.
    pub(crate) async fn look_at_batches(&self) -> Result<usize> {
        let now = self.store().clock().now();
        let mut fired = 0;
        for batch in self.store().list::<Batch>().await? {
            let name = batch.trigger.clone();
            let trigger = self.store().find::<Trigger>(&name).await?.filter(|found| found.activated && found.r#type == TriggerType::Event);
            let is_due = trigger.as_ref().is_some_and(|trigger| {
                let batching = trigger.batching();
                batch.events.len() >= batching.batch_size as usize || waited_s(&batch, now) >= batching.batch_window
            });
            match trigger {
                // Nobody waits for them any more.
                None => self.store().delete::<Batch>(&name).await?,
                Some(trigger) if is_due => fired += usize::from(self.fire_waiting(&trigger).await?),
                Some(_) => {}
            }
        }
        self.forget_marks(now).await?;
        Ok(fired)
    }

    async fn fire_waiting(&self, trigger: &Trigger) -> Result<bool> {
        let mut tx = self.store().begin().await?;
        let Some(batch) = tx.find::<Batch>(&trigger.name).await? else { return Ok(false) };
        let fired = self.fire_batch(&mut tx, trigger, batch.value).await?;
        if fired {
            tx.commit().await?;
            self.runs().wake();
        }
        Ok(fired)
    }

    async fn forget_marks(&self, now: Timestamp) -> Result<()> {
        let today = now.millis() / DAY_MS;
        let old = self.store().range::<Mark>(None, "", FORGOTTEN).await?;
        let old: Vec<String> = old.iter().filter(|mark| mark.day < today - 1).map(|mark| mark.value.key()).collect();
        if old.is_empty() {
            return Ok(());
        }
        let mut tx = self.store().begin().await?;
        for key in old {
            tx.delete::<Mark>(&key).await?;
        }
        tx.commit().await
    }

    /// Reads the next notifications for triggers that stand outside workflows or wait for files; true when there may be more.
    pub(crate) async fn listen(&self) -> Result<bool> {
        let stored = |cursor: Option<store::Stored<Cursor>>| cursor.map_or(0, |cursor| cursor.read);
        let saved = stored(self.store().find::<Cursor>(Cursor::KEY).await?);
        let from = self.place().unwrap_or(saved).max(saved);
        let told = self.store().notifications(from, READ).await?;
        let Some(last) = told.last().map(|last| last.id) else { return Ok(false) };
        let concerned = self.concerned(&told).await?;
        if !concerned.is_empty() || last - saved >= READ_AGAIN {
            let mut tx = self.store().begin().await?;
            if stored(tx.find::<Cursor>(Cursor::KEY).await?) != saved {
                // Another process has read on.
                return Ok(true);
            }
            for (trigger, told, run) in &concerned {
                match run {
                    Some(run) => self.note_end(&mut tx, trigger, told, run).await?,
                    None if self.take_in(&mut tx, trigger, arrived(told)).await? => {}
                    None => tracing::error!("{} is not told to trigger {}: {MOST_WAITING} files wait already.", told.subject, trigger.name),
                }
            }
            tx.put(Cursor { read: last }).await?;
            tx.commit().await?;
            self.runs().wake();
        }
        *self.read_to().lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        Ok(i64::try_from(told.len()).is_ok_and(|read| read == READ))
    }

    fn place(&self) -> Option<i64> {
        *self.read_to().lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which triggers the notifications are about; with the run that ended, where one did.
    async fn concerned<'a>(&self, told: &'a [Notification]) -> Result<Vec<(Trigger, &'a Notification, Option<Run>)>> {
        let mut concerned = Vec::new();
        let kinds: BTreeSet<&str> = told.iter().map(|one| one.kind.as_str()).collect();
        if !kinds.contains(RUN_ENDED) && !kinds.contains(OBJECT_CREATED) {
            return Ok(concerned);
        }
        let triggers: Vec<Trigger> = self.list_triggers().await?.into_iter().map(|stored| stored.value).collect();
        for told in told {
            for trigger in triggers.iter().filter(|trigger| trigger.activated && told.created >= trigger.looked_at) {
                if told.kind == OBJECT_CREATED && trigger.waits_for_file(told) {
                    concerned.push((trigger.clone(), told, None));
                } else if told.kind == RUN_ENDED
                    && trigger.watches_runs()
                    && !met_by(trigger, told).is_empty()
                    && let Some(run) = self.run_that_counts(told).await?
                {
                    concerned.push((trigger.clone(), told, Some(run)));
                }
            }
        }
        Ok(concerned)
    }

    /// Jobs, crawls and pipelines count when a trigger started them, as in Glue; the runs of workflows count always.
    async fn run_that_counts(&self, told: &Notification) -> Result<Option<Run>> {
        let id = |text: &str| RunId(text.to_owned());
        let Some(run) = self.runs().find(&id(told.detail["run"].as_str().unwrap_or_default())).await? else { return Ok(None) };
        if run.kind == RUN_KIND {
            return Ok(Some(run));
        }
        let Some(parent) = &run.parent else { return Ok(None) };
        let by_trigger = self.runs().find(parent).await?.is_some_and(|parent| parent.kind == RUN_KIND);
        Ok(by_trigger.then_some(run))
    }

    /// Keeps in mind which conditions the end meets, or fires when that was the last.
    async fn note_end(&self, tx: &mut Tx, trigger: &Trigger, told: &Notification, run: &Run) -> Result<()> {
        let Some(predicate) = &trigger.predicate else { return Ok(()) };
        let known = tx.find::<Met>(&trigger.name).await?.map(|met| met.value);
        let is_known = known.is_some();
        let mut met = known.unwrap_or_else(|| Met { trigger: trigger.name.clone(), ..Met::default() });
        // What the trigger was before it was changed counts no more.
        met.conditions.retain(|index, _| *index < predicate.conditions.len());
        met.conditions.extend(met_by(trigger, told).into_iter().map(|index| (index, run.id.clone())));
        if !predicate.is_any() && met.conditions.len() < predicate.conditions.len() {
            return tx.put(met).await;
        }
        if is_known {
            tx.delete::<Met>(&trigger.name).await?;
        }
        let dedup = Some(format!("conditional/{}/{}", trigger.name, told.id));
        self.fire_in(tx, trigger, Beginning { dedup, ..Beginning::default() }).await.map(|_| ())
    }

    /// What a trigger that is changed, stopped or deleted has waited for so far is forgotten.
    pub(crate) async fn forget_waiting(&self, tx: &mut Tx, trigger: &str) -> Result<()> {
        if tx.find::<Met>(trigger).await?.is_some() {
            tx.delete::<Met>(trigger).await?;
        }
        Ok(())
    }
}

fn waited_s(batch: &Batch, now: Timestamp) -> u32 {
    u32::try_from(now.since_ms(batch.first) / 1000).unwrap_or(0)
}

fn arrived(told: &Notification) -> TakenEvent {
    let detail = &told.detail;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let file = format!("s3://{}/{}", text(&detail["bucket"]["name"]), text(&detail["object"]["key"]));
    TakenEvent { id: text(&detail["id"]), file: Some(file) }
}

/// The places of the trigger's conditions that the end of the run meets.
fn met_by(trigger: &Trigger, told: &Notification) -> Vec<usize> {
    let state = told.detail["state"].as_str().and_then(|state| RunState::parse(state).ok()).map(NodeState::from);
    let kind = told.detail["kind"].as_str().unwrap_or_default();
    let conditions = trigger.predicate.iter().flat_map(|predicate| &predicate.conditions).enumerate();
    let meets = |condition: &Condition| {
        let is_about = condition.target().is_some_and(|(what, name)| run_kind(what) == kind && name == told.subject);
        is_about && state.is_some_and(|state| condition.wants(state))
    };
    conditions.filter(|(_, condition)| meets(condition)).map(|(index, _)| index).collect()
}

/// The kind of the runs behind a word of conditions.
fn run_kind(what: &str) -> &str {
    if what == "crawler" { "crawl" } else { what }
}

impl Trigger {
    fn waits_for_file(&self, told: &Notification) -> bool {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let (bucket, key) = (text(&told.detail["bucket"]["name"]), text(&told.detail["object"]["key"]));
        self.r#type == TriggerType::Event && self.file_arrival.as_ref().is_some_and(|files| files.matches(&bucket, &key))
    }
}
