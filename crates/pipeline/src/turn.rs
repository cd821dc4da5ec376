//! One run per dataset group at a time: whose turn it is, and what that run began with.

use domain::{Error, Result};
use runs::{RunContext, RunId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Resource;

use crate::gate::Decision;
use crate::pipelines::Pipeline;
use crate::plan::{Plan, Scope};
use crate::planner::Planner;
use crate::source::{Source, mark};
use crate::wanted::Wanted;
use crate::watch::Watched;

/// Key: the dataset group's name. Belongs to its run until that has ended, however it ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Turn {
    pub dataset_group: String,
    pub run: RunId,
    pub source: Source,
    /// Absent until it is made: nothing is created before.
    pub plan: Option<Plan>,
    /// What the gate decided; a run that goes on after a crash keeps to it.
    pub decisions: Vec<Decision>,
}

impl Resource for Turn {
    const KIND: &'static str = "pipeline_turn";
    fn key(&self) -> String {
        self.dataset_group.clone()
    }
}

/// What a run works with.
pub(crate) struct Begun {
    pub wanted: Wanted,
    pub source: Source,
    pub plan: Plan,
}

impl Begun {
    /// What this run began with before it was interrupted, else the parameters that are current once it is its turn.
    pub async fn begin(context: &RunContext, planner: &Planner, pipeline: &Pipeline, scope: &Scope) -> Result<Self> {
        let ours = context.store().list::<Turn>().await?.into_iter().find(|turn| &turn.run == context.id());
        if let Some(Turn { source, plan: Some(plan), .. }) = ours.map(|turn| turn.value) {
            context.info("Goes on with the plan that it began with.");
            return Ok(Self { wanted: source.wanted()?, source, plan });
        }
        let (source, wanted) = take(context, planner, pipeline, scope).await?;
        let plan = planner.plan_of(&source, &wanted, scope).await?;
        for step in &plan.steps {
            context.info(step.to_string());
        }
        plan.refused()?;
        let mut tx = context.begin().await?;
        let turn = Turn {
            dataset_group: wanted.group.name.clone(),
            run: context.id().clone(),
            source: source.clone(),
            plan: Some(plan.clone()),
            decisions: Vec::new(),
        };
        tx.put(turn).await?;
        let detail = json!({"pipeline": pipeline.name, "runId": context.id(), "datasetGroup": plan.dataset_group, "file": source.version, "plan": plan});
        tx.notify("pipeline.started", &pipeline.name, &detail).await?;
        tx.commit().await?;
        context.point("planned").await;
        Ok(Self { wanted, source, plan })
    }
}

/// Waits until no other run works on the dataset group, and reads the parameters then. Only a run of the whole has seen them.
async fn take(context: &RunContext, planner: &Planner, pipeline: &Pipeline, scope: &Scope) -> Result<(Source, Wanted)> {
    loop {
        let seen = mark(&planner.buckets, pipeline).await?;
        let source = Source::read(&planner.buckets, pipeline).await?;
        let wanted = source.wanted()?;
        let mut tx = context.begin().await?;
        let turn = tx.find::<Turn>(&wanted.group.name).await?.filter(|turn| &turn.run != context.id());
        let before = match &turn {
            Some(turn) => context.runs().find(&turn.run).await?.filter(|run| !run.state.is_final()),
            None => None,
        };
        let Some(before) = before else {
            if *scope == Scope::All
                && let Some(mut watched) = tx.find::<Watched>(&pipeline.name).await?.map(|watched| watched.value)
            {
                watched.saw(seen);
                tx.put(watched).await?;
            }
            let dataset_group = wanted.group.name.clone();
            tx.put(Turn { dataset_group, run: context.id().clone(), source: source.clone(), plan: None, decisions: Vec::new() }).await?;
            tx.commit().await?;
            return Ok((source, wanted));
        };
        drop(tx);
        context.info(format!("Waits for run {}, which works on dataset group {}.", before.id, wanted.group.name));
        tokio::select! {
            ended = context.runs().wait(&before.id) => { ended?; }
            () = context.cancel().cancelled() => return Err(Error::stopped()),
        }
    }
}
