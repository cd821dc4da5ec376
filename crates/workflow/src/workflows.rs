//! Create, look at, start and delete triggers and workflows.

use std::collections::BTreeMap;

use domain::{Error, ErrorKind, Result, RunState};
use runs::{Filter, NewRun, Run, RunId, Runs};
use store::{Store, Stored};

use crate::RUN_KIND;
use crate::graph::Graph;
use crate::model::{Trigger, TriggerType, Workflow};

/// A workflow run that trips over something that passes (a busy database) goes on: it is idempotent.
const ATTEMPTS: u32 = 3;

/// The handle to everything in this crate; clone it freely.
#[derive(Debug, Clone)]
pub struct Workflows {
    runs: Runs,
}

impl Workflows {
    pub fn new(runs: Runs) -> Self {
        Self { runs }
    }

    pub(crate) fn runs(&self) -> &Runs {
        &self.runs
    }

    fn store(&self) -> &Store {
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

    pub async fn update_workflow(&self, workflow: Workflow) -> Result<()> {
        check_workflow(&workflow)?;
        let name = workflow.name.clone();
        self.store()
            .update(&name, |old| {
                *old = workflow;
                Ok(())
            })
            .await
            .map(|_| ())
    }

    /// Its triggers go with it. Runs under way go on with the graph they froze.
    pub async fn delete_workflow(&self, name: &str) -> Result<()> {
        let mut tx = self.store().begin().await?;
        for trigger in tx.children::<Trigger>(name).await? {
            tx.delete::<Trigger>(&trigger.name).await?;
        }
        tx.delete::<Workflow>(name).await?;
        tx.commit().await
    }

    /// A scheduled or conditional trigger is looked at once it is activated (`start_on_creation` or [`Self::start_trigger`]).
    pub async fn create_trigger(&self, mut trigger: Trigger, start_on_creation: bool) -> Result<()> {
        trigger.check()?;
        if let Some(workflow) = &trigger.workflow_name {
            self.get_workflow(workflow).await?;
        }
        if start_on_creation && trigger.r#type == TriggerType::OnDemand {
            return Err(Error::invalid_input(format!("Trigger {:?}: StartOnCreation does not go with ON_DEMAND.", trigger.name)));
        }
        trigger.activated = start_on_creation;
        trigger.looked_at = self.store().clock().now();
        self.store().create(&trigger).await
    }

    /// A schedule or condition that was on demand before is looked at with `start` only; one that was not stays as it was.
    pub async fn update_trigger(&self, mut trigger: Trigger, start: bool) -> Result<()> {
        trigger.check()?;
        let name = trigger.name.clone();
        let now = self.store().clock().now();
        self.store()
            .update::<Trigger>(&name, |old| {
                let was_on_demand = old.r#type == TriggerType::OnDemand;
                trigger.activated = trigger.r#type != TriggerType::OnDemand && if was_on_demand { start } else { old.activated };
                trigger.looked_at = if old.schedule == trigger.schedule { old.looked_at } else { now };
                *old = trigger;
                Ok(())
            })
            .await
            .map(|_| ())
    }

    pub async fn get_trigger(&self, name: &str) -> Result<Stored<Trigger>> {
        self.store().get(name).await
    }

    pub async fn list_triggers(&self) -> Result<Vec<Stored<Trigger>>> {
        self.store().list().await
    }

    pub async fn triggers_of(&self, workflow: &str) -> Result<Vec<Stored<Trigger>>> {
        self.store().children(workflow).await
    }

    pub async fn delete_trigger(&self, name: &str) -> Result<()> {
        self.store().delete::<Trigger>(name).await
    }

    /// Fires an on-demand trigger (gives its run); activates any other (gives nothing).
    pub async fn start_trigger(&self, name: &str) -> Result<Option<RunId>> {
        let trigger = self.get_trigger(name).await?;
        if trigger.r#type == TriggerType::OnDemand {
            return self.fire(&trigger.value, BTreeMap::new(), None).await.map(Some);
        }
        self.set_activated(name, true).await.map(|()| None)
    }

    /// Deactivates a schedule or condition; an on-demand trigger has nothing to stop.
    pub async fn stop_trigger(&self, name: &str) -> Result<()> {
        self.set_activated(name, false).await
    }

    async fn set_activated(&self, name: &str, activated: bool) -> Result<()> {
        let now = self.store().clock().now();
        let change = |trigger: &mut Trigger| {
            trigger.activated = activated && trigger.r#type != TriggerType::OnDemand;
            trigger.looked_at = now;
            Ok(())
        };
        self.store().update(name, change).await.map(|_| ())
    }

    /// Begins a run with the workflow's start trigger: the only one that is not conditional.
    pub async fn start_workflow_run(&self, name: &str, properties: BTreeMap<String, String>) -> Result<RunId> {
        self.get_workflow(name).await?;
        let triggers = self.triggers_of(name).await?;
        let mut starts = triggers.iter().filter(|trigger| trigger.r#type != TriggerType::Conditional);
        let (Some(start), None) = (starts.next(), starts.next()) else {
            return Err(Error::invalid_state(format!(
                "Workflow {name:?} needs exactly one trigger that is ON_DEMAND or SCHEDULED to start with; found {}.",
                triggers.iter().filter(|trigger| trigger.r#type != TriggerType::Conditional).count()
            )));
        };
        self.fire(&start.value, properties, None).await
    }

    /// Submits the run that begins with this trigger. `dedup` makes a schedule's occurrence fire once.
    ///
    /// # Errors
    /// `TooManyRuns` when the workflow has as many under way as it may.
    pub(crate) async fn fire(&self, trigger: &Trigger, properties: BTreeMap<String, String>, dedup: Option<String>) -> Result<RunId> {
        // The transaction is open before the runs are counted: who else would start one has to wait for it.
        let mut tx = self.store().begin().await?;
        let (subject, graph) = match &trigger.workflow_name {
            None => (trigger.name.clone(), Graph { triggers: vec![trigger.clone()], start: trigger.name.clone(), properties }),
            Some(name) => {
                let workflow = tx.get::<Workflow>(name).await?.value;
                self.refuse_too_many(&workflow).await?;
                let mut all = workflow.default_run_properties;
                all.extend(properties);
                let triggers = tx.children::<Trigger>(name).await?.into_iter().map(|stored| stored.value).collect();
                (name.clone(), Graph { triggers, start: trigger.name.clone(), properties: all })
            }
        };
        graph.check()?;
        let mut run = NewRun::new(RUN_KIND, subject).input(&graph)?.max_attempts(ATTEMPTS);
        run.dedup = dedup;
        let id = self.runs.submit_in(&mut tx, &run).await?;
        tx.commit().await?;
        self.runs.wake();
        Ok(id)
    }

    async fn refuse_too_many(&self, workflow: &Workflow) -> Result<()> {
        let Some(limit) = workflow.max_concurrent_runs else { return Ok(()) };
        let runs = self.list_runs(&workflow.name, 1000).await?;
        let open = runs.iter().filter(|run| !run.state.is_final()).count();
        if open < limit as usize {
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
