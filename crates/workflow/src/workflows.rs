//! Create, look at, start and delete triggers and workflows.

use std::collections::BTreeMap;

use domain::{Error, ErrorKind, Result, RunState, Timestamp};
use runs::{Filter, NewRun, Run, RunId, Runs};
use serde::{Deserialize, Serialize};
use store::{Resource, Store, Stored, Tx};

use crate::RUN_KIND;
use crate::cycle;
use crate::graph::Graph;
use crate::model::{EventBatchingCondition, Trigger, TriggerType, Workflow};
use crate::watch::Place;

/// A workflow run that trips over something that passes (a busy database) goes on: it is idempotent.
const ATTEMPTS: u32 = 3;

const MOST_TAGS: usize = 50;

/// What bears tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tagged {
    Trigger(String),
    Workflow(String),
}

/// What a run begins with besides its triggers.
#[derive(Debug, Default)]
pub(crate) struct Beginning {
    pub properties: BTreeMap<String, String>,
    /// Makes one occurrence fire once.
    pub dedup: Option<String>,
    pub batch: Option<EventBatchingCondition>,
}

/// Properties of a run that were put while it was under way.
#[derive(Debug, Serialize, Deserialize)]
struct PutProperties {
    run: RunId,
    properties: BTreeMap<String, String>,
}

impl Resource for PutProperties {
    const KIND: &'static str = crate::RUN_PROPERTIES;
    fn key(&self) -> String {
        self.run.0.clone()
    }
}

/// The handle to everything in this crate; clone it freely.
#[derive(Debug, Clone)]
pub struct Workflows {
    runs: Runs,
    read_to: Place,
}

impl Workflows {
    pub fn new(runs: Runs) -> Self {
        Self { runs, read_to: Place::default() }
    }

    pub(crate) fn read_to(&self) -> &Place {
        &self.read_to
    }

    pub(crate) fn runs(&self) -> &Runs {
        &self.runs
    }

    pub(crate) fn store(&self) -> &Store {
        self.runs.store()
    }

    pub async fn create_workflow(&self, workflow: Workflow) -> Result<()> {
        check_workflow(&workflow)?;
        self.store().create(&workflow).await
    }

    pub async fn get_workflow(&self, name: &str) -> Result<Stored<Workflow>> {
        self.store().get(name).await
    }

    pub async fn list_workflows(&self) -> Result<Vec<Stored<Workflow>>> {
        self.store().list().await
    }

    /// Its tags stay.
    pub async fn update_workflow(&self, workflow: Workflow) -> Result<()> {
        check_workflow(&workflow)?;
        let name = workflow.name.clone();
        let change = |old: &mut Workflow| {
            *old = Workflow { tags: std::mem::take(&mut old.tags), ..workflow };
            Ok(())
        };
        self.store().update(&name, change).await.map(|_| ())
    }

    /// Its triggers go with it. Runs under way go on with the graph they froze.
    pub async fn delete_workflow(&self, name: &str) -> Result<()> {
        let mut tx = self.store().begin().await?;
        for trigger in tx.children::<Trigger>(name).await? {
            tx.delete::<Trigger>(&trigger.name).await?;
            self.forget_waiting(&mut tx, &trigger.name).await?;
        }
        tx.delete::<Workflow>(name).await?;
        tx.commit().await
    }

    /// A scheduled or conditional trigger is looked at once it is activated (`start_on_creation` or [`Self::start_trigger`]).
    pub async fn create_trigger(&self, mut trigger: Trigger, start_on_creation: bool) -> Result<()> {
        let mut tx = self.store().begin().await?;
        trigger.check(tx.now())?;
        self.check_place(&mut tx, &trigger).await?;
        if start_on_creation && trigger.r#type == TriggerType::OnDemand {
            return Err(Error::invalid_input(format!("Trigger {:?}: StartOnCreation does not go with ON_DEMAND.", trigger.name)));
        }
        trigger.activated = start_on_creation;
        trigger.looked_at = tx.now();
        tx.create(&trigger).await?;
        tx.commit().await
    }

    /// Its workflow is there, and does not wait for itself because of it.
    async fn check_place(&self, tx: &mut Tx, trigger: &Trigger) -> Result<()> {
        let Some(workflow) = &trigger.workflow_name else { return Ok(()) };
        tx.get::<Workflow>(workflow).await?;
        let mut all: Vec<Trigger> = tx.children::<Trigger>(workflow).await?.into_iter().map(|stored| stored.value).collect();
        all.retain(|other| other.name != trigger.name);
        all.push(trigger.clone());
        cycle::refuse(&all)
    }

    /// A schedule or condition that was on demand before is looked at with `start` only; one that was not stays as it was.
    pub async fn update_trigger(&self, mut trigger: Trigger, start: bool) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let now = tx.now();
        trigger.check(now)?;
        self.check_place(&mut tx, &trigger).await?;
        let name = trigger.name.clone();
        let change = |old: &mut Trigger| {
            let was_on_demand = old.r#type == TriggerType::OnDemand;
            trigger.activated = trigger.r#type != TriggerType::OnDemand && if was_on_demand { start } else { old.activated };
            let same_time =
                old.schedule == trigger.schedule && old.timezone == trigger.timezone && old.file_arrival == trigger.file_arrival;
            trigger.looked_at = if same_time && old.r#type == trigger.r#type { old.looked_at } else { now };
            *old = trigger;
            Ok(())
        };
        tx.update::<Trigger>(&name, change).await?;
        self.forget_waiting(&mut tx, &name).await?;
        tx.commit().await
    }

    pub async fn get_trigger(&self, name: &str) -> Result<Stored<Trigger>> {
        self.store().get(name).await
    }

    pub async fn list_triggers(&self) -> Result<Vec<Stored<Trigger>>> {
        self.store().list().await
    }

    /// Where files are waited for, and since when: the locations of activated triggers with a `FileArrival`.
    pub async fn awaited_files(&self) -> Result<Vec<(String, Timestamp)>> {
        let triggers = self.list_triggers().await?.into_iter().filter(|trigger| trigger.activated);
        Ok(triggers.filter_map(|trigger| Some((trigger.value.file_arrival?.location, trigger.value.looked_at))).collect())
    }

    pub async fn triggers_of(&self, workflow: &str) -> Result<Vec<Stored<Trigger>>> {
        self.store().children(workflow).await
    }

    pub async fn delete_trigger(&self, name: &str) -> Result<()> {
        let mut tx = self.store().begin().await?;
        tx.delete::<Trigger>(name).await?;
        self.forget_waiting(&mut tx, name).await?;
        tx.commit().await
    }

    /// Fires an on-demand trigger (gives its run); activates any other (gives nothing).
    pub async fn start_trigger(&self, name: &str) -> Result<Option<RunId>> {
        let trigger = self.get_trigger(name).await?;
        if trigger.r#type == TriggerType::OnDemand {
            return self.fire(&trigger.value, Beginning::default()).await.map(Some);
        }
        self.set_activated(name, true).await.map(|()| None)
    }

    /// Deactivates a schedule or condition; an on-demand trigger has nothing to stop.
    pub async fn stop_trigger(&self, name: &str) -> Result<()> {
        self.set_activated(name, false).await
    }

    async fn set_activated(&self, name: &str, activated: bool) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let now = tx.now();
        let change = |trigger: &mut Trigger| {
            trigger.check(now).or_else(|error| if activated { Err(error) } else { Ok(()) })?;
            trigger.activated = activated && trigger.r#type != TriggerType::OnDemand;
            trigger.looked_at = now;
            Ok(())
        };
        tx.update::<Trigger>(name, change).await?;
        self.forget_waiting(&mut tx, name).await?;
        tx.commit().await
    }

    /// Begins a run with the workflow's start trigger: the only one that is not conditional.
    pub async fn start_workflow_run(&self, name: &str, properties: BTreeMap<String, String>) -> Result<RunId> {
        self.get_workflow(name).await?;
        let triggers = self.triggers_of(name).await?;
        let mut starts = triggers.iter().filter(|trigger| trigger.r#type != TriggerType::Conditional);
        let (Some(start), None) = (starts.next(), starts.next()) else {
            return Err(Error::invalid_state(format!(
                "Workflow {name:?} needs exactly one trigger that is ON_DEMAND, SCHEDULED or EVENT to start with; found {}.",
                triggers.iter().filter(|trigger| trigger.r#type != TriggerType::Conditional).count()
            )));
        };
        self.fire(&start.value, Beginning { properties, ..Beginning::default() }).await
    }

    pub(crate) async fn fire(&self, trigger: &Trigger, beginning: Beginning) -> Result<RunId> {
        // The transaction is open before the runs are counted: who else would start one has to wait for it.
        let mut tx = self.store().begin().await?;
        let id = self.fire_in(&mut tx, trigger, beginning).await?;
        tx.commit().await?;
        self.runs.wake();
        Ok(id)
    }

    /// Submits the run that begins with this trigger. Where it fails it has written nothing.
    ///
    /// # Errors
    /// `TooManyRuns` when the workflow has as many under way as it may.
    pub(crate) async fn fire_in(&self, tx: &mut Tx, trigger: &Trigger, beginning: Beginning) -> Result<RunId> {
        let Beginning { mut properties, dedup, batch } = beginning;
        let mut triggers = vec![trigger.clone()];
        if let Some(name) = &trigger.workflow_name {
            let workflow = tx.get::<Workflow>(name).await?.value;
            let mut all = workflow.default_run_properties.clone();
            all.extend(properties);
            properties = all;
            triggers = tx.children::<Trigger>(name).await?.into_iter().map(|stored| stored.value).collect();
            self.refuse_too_many(tx, &workflow).await?;
        }
        let (start, workflow) = (trigger.name.clone(), trigger.workflow_name.clone());
        self.submit(tx, Graph { triggers, start, properties, workflow, batch, resumed: None }, dedup).await
    }

    pub(crate) async fn submit(&self, tx: &mut Tx, graph: Graph, dedup: Option<String>) -> Result<RunId> {
        graph.check()?;
        let subject = graph.workflow.as_ref().unwrap_or(&graph.start).clone();
        let mut run = NewRun::new(RUN_KIND, subject).input(&graph)?.max_attempts(ATTEMPTS);
        run.dedup = dedup;
        self.runs.submit_in(tx, &run).await
    }

    pub(crate) async fn refuse_too_many(&self, tx: &mut Tx, workflow: &Workflow) -> Result<()> {
        let Some(limit) = workflow.max_concurrent_runs else { return Ok(()) };
        let open = self.runs.open_in(tx, RUN_KIND, &workflow.name).await?;
        if open < limit {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::TooManyRuns,
            format!("Workflow {:?} may have {limit} runs at once; {open} are under way.", workflow.name),
        ))
    }

    /// Newest first.
    pub async fn list_runs(&self, workflow: &str, limit: i64) -> Result<Vec<Run>> {
        let filter = Filter { kind: Some(RUN_KIND.into()), subject: Some(workflow.into()), ..Filter::default() };
        self.runs.list(&filter, limit).await
    }

    /// A run of this workflow, not of another.
    pub async fn get_run(&self, workflow: &str, id: &RunId) -> Result<Run> {
        let run = self.runs.find(id).await?.filter(|run| run.kind == RUN_KIND && run.subject == workflow);
        run.ok_or_else(|| Error::not_found(format!("Run {:?} of workflow {workflow:?}", id.0)))
    }

    /// Tags of a trigger or a workflow.
    pub async fn tags(&self, tagged: &Tagged) -> Result<BTreeMap<String, String>> {
        Ok(match tagged {
            Tagged::Trigger(name) => self.get_trigger(name).await?.value.tags,
            Tagged::Workflow(name) => self.get_workflow(name).await?.value.tags,
        })
    }

    /// Adds tags and takes others away.
    pub async fn change_tags(&self, tagged: &Tagged, add: BTreeMap<String, String>, remove: &[String]) -> Result<()> {
        let change = |tags: &mut BTreeMap<String, String>| {
            tags.extend(add);
            tags.retain(|key, _| !remove.contains(key));
            if tags.len() <= MOST_TAGS {
                return Ok(());
            }
            Err(Error::invalid_input(format!("A resource has at most {MOST_TAGS} tags; found {}.", tags.len())))
        };
        match tagged {
            Tagged::Trigger(name) => self.store().update::<Trigger>(name, |trigger| change(&mut trigger.tags)).await.map(|_| ()),
            Tagged::Workflow(name) => self.store().update::<Workflow>(name, |workflow| change(&mut workflow.tags)).await.map(|_| ()),
        }
    }

    /// What the run began with, and what was put since.
    pub async fn run_properties(&self, id: &RunId, graph: &Graph) -> Result<BTreeMap<String, String>> {
        let mut properties = graph.properties.clone();
        if let Some(put) = self.store().find::<PutProperties>(&id.0).await? {
            properties.extend(put.value.properties);
        }
        Ok(properties)
    }

    /// Sets properties that the jobs of the run share; others stay.
    pub async fn put_run_properties(&self, workflow: &str, id: &RunId, properties: BTreeMap<String, String>) -> Result<()> {
        self.get_run(workflow, id).await?;
        let mut tx = self.store().begin().await?;
        let mut all = tx.find::<PutProperties>(&id.0).await?.map(|put| put.value.properties).unwrap_or_default();
        all.extend(properties);
        tx.put(PutProperties { run: id.clone(), properties: all }).await?;
        tx.commit().await
    }

    /// Stops the run and what it started.
    pub async fn stop_run(&self, workflow: &str, id: &RunId) -> Result<()> {
        let run = self.get_run(workflow, id).await?;
        if run.state != RunState::Running && run.state != RunState::Queued {
            return Err(Error::invalid_state(format!("Run {id} of workflow {workflow:?} is not under way: it is {}.", run.state)));
        }
        self.runs.stop(id).await
    }
}

fn check_workflow(workflow: &Workflow) -> Result<()> {
    if (1..=255).contains(&workflow.name.len()) {
        return Ok(());
    }
    Err(Error::invalid_input(format!("A workflow's name has 1 to 255 characters; found {}.", workflow.name.len())))
}
