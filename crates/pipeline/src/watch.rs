//! What starts pipelines by itself: a new version of the parameters, and the schedules that stand in them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{Result, RunState, Timestamp};
use runs::{Filter, RunId, Schedule};
use serde::{Deserialize, Serialize};
use store::{Resource, Stored};
use tokio_util::sync::CancellationToken;

use crate::RUN_KIND;
use crate::pipelines::{Input, Pipeline, Pipelines, part_run};
use crate::plan::Scope;
use crate::source::{Source, mark};
use crate::wanted::Wanted;

/// Compares parameters and schedules with what was last seen of them. Idempotent; woken by a timer.
#[derive(Debug, Clone)]
pub struct Watch {
    pipelines: Pipelines,
    /// How often it looks.
    every: Duration,
    /// The schedules of the version of a file that was read last, by pipeline: files are not read anew for the clock's sake.
    known: Arc<Mutex<HashMap<String, Known>>>,
}

#[derive(Debug, Clone)]
struct Known {
    mark: String,
    schedules: Vec<Due>,
}

/// A schedule of a file and the part that it starts.
#[derive(Debug, Clone, PartialEq)]
struct Due {
    key: String,
    expression: String,
    scope: Scope,
}

/// What was last seen of a pipeline's parameters and schedules. Key: the pipeline's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watched {
    pipeline: String,
    /// Of the parameters that were last started with, or that were there when the pipeline was created.
    mark: Option<String>,
    schedules: BTreeMap<String, Looked>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Looked {
    expression: String,
    at: Timestamp,
}

impl Resource for Watched {
    const KIND: &'static str = "pipeline_watched";
    fn key(&self) -> String {
        self.pipeline.clone()
    }
}

impl Watched {
    pub fn new(pipeline: &str, mark: Option<String>) -> Self {
        Self { pipeline: pipeline.into(), mark, schedules: BTreeMap::new() }
    }

    /// A run begins with these parameters, so they need start no other.
    pub fn saw(&mut self, mark: Option<String>) {
        self.mark = mark;
    }
}

impl Watch {
    pub fn new(pipelines: Pipelines, every: Duration) -> Self {
        Self { pipelines, every, known: Arc::default() }
    }

    /// Looks until it is told to stop. A look that fails is logged and done again at the next tick.
    pub async fn work(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.tick().await {
                tracing::warn!("Parameter files could not be looked at: {error}");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    /// Starts what is due: once, however often it was missed. Gives the runs started.
    pub async fn tick(&self) -> Result<Vec<RunId>> {
        let mut started = Vec::new();
        for pipeline in self.pipelines.list().await? {
            match self.look_at(&pipeline).await {
                Ok(runs) => started.extend(runs),
                // One pipeline's trouble is not the others'.
                Err(error) => tracing::warn!("Pipeline {} could not be looked at: {error}", pipeline.name),
            }
        }
        Ok(started)
    }

    async fn look_at(&self, pipeline: &Stored<Pipeline>) -> Result<Vec<RunId>> {
        let Some(mark) = mark(self.pipelines.buckets(), pipeline).await? else { return Ok(Vec::new()) };
        let mut started = Vec::new();
        started.extend(self.changed(pipeline, &mark).await?);
        for due in self.schedules(pipeline, &mark).await {
            started.extend(self.due(pipeline, &due).await?);
        }
        Ok(started)
    }

    /// The run and the mark of what it was started for are one transaction; whoever comes second finds the mark.
    async fn changed(&self, pipeline: &Pipeline, mark: &str) -> Result<Option<RunId>> {
        let runs = self.pipelines.runs();
        let mut tx = runs.store().begin().await?;
        let found = tx.find::<Watched>(&pipeline.name).await?.map(|found| found.value);
        if found.as_ref().is_some_and(|found| found.mark.as_deref() == Some(mark)) {
            return Ok(None);
        }
        // A pipeline from before files were watched begins with what is there now.
        let starts = pipeline.run_on_change && found.is_some();
        let mut watched = found.unwrap_or_else(|| Watched::new(&pipeline.name, None));
        watched.saw(Some(mark.to_owned()));
        tx.put(watched).await?;
        let run = if starts {
            let new = part_run(&pipeline.name, Scope::All)?;
            Some(runs.submit_in(&mut tx, &new).await?)
        } else {
            None
        };
        tx.commit().await?;
        runs.wake();
        Ok(run)
    }

    /// What the file says about schedules; nothing while it cannot be used: the run that it starts says why.
    async fn schedules(&self, pipeline: &Pipeline, mark: &str) -> Vec<Due> {
        let known = |known: &HashMap<String, Known>| known.get(&pipeline.name).filter(|known| known.mark == mark).cloned();
        if let Some(known) = known(&self.known.lock().unwrap_or_else(PoisonError::into_inner)) {
            return known.schedules;
        }
        let read = Source::read(self.pipelines.buckets(), pipeline).await.and_then(|source| source.wanted());
        if let Err(error) = &read
            && error.is_retryable()
        {
            tracing::warn!("The schedules of pipeline {} could not be read and are looked at again: {error}", pipeline.name);
            return Vec::new();
        }
        let schedules = read.as_ref().map(schedules_of).unwrap_or_default();
        let known = Known { mark: mark.to_owned(), schedules: schedules.clone() };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(pipeline.name.clone(), known);
        schedules
    }

    async fn due(&self, pipeline: &Pipeline, due: &Due) -> Result<Option<RunId>> {
        let runs = self.pipelines.runs();
        let schedule = Schedule::parse(&due.expression)?;
        let mut tx = runs.store().begin().await?;
        let mut watched = tx.find::<Watched>(&pipeline.name).await?.map_or_else(|| Watched::new(&pipeline.name, None), |found| found.value);
        let now = tx.now();
        let looked = watched.schedules.get(&due.key).filter(|looked| looked.expression == due.expression).map(|looked| looked.at);
        let occurred = looked.and_then(|since| schedule.next_after(since)).filter(|at| *at <= now);
        if looked.is_some() && occurred.is_none() {
            return Ok(None);
        }
        let at = looked.map_or(now, |since| schedule.looked(since, now));
        watched.schedules.insert(due.key.clone(), Looked { expression: due.expression.clone(), at });
        tx.put(watched).await?;
        let mut run = None;
        if let Some(at) = occurred {
            if self.under_way(&pipeline.name, &due.scope).await? {
                tracing::warn!(
                    "The schedule {} of pipeline {} skips the occurrence of {at}: the run before is not over.",
                    due.key,
                    pipeline.name
                );
            } else {
                let new =
                    part_run(&pipeline.name, due.scope.clone())?.dedup(format!("schedule/pipeline/{}/{}/{at}", pipeline.name, due.key));
                run = Some(runs.submit_in(&mut tx, &new).await?);
            }
        }
        tx.commit().await?;
        runs.wake();
        Ok(run)
    }

    /// Whether the same part is waiting or running already.
    async fn under_way(&self, name: &str, scope: &Scope) -> Result<bool> {
        /// More would not be waiting: each schedule has one run at most.
        const LOOKED_AT: i64 = 100;
        for state in [RunState::Queued, RunState::Running] {
            let filter = Filter { kind: Some(RUN_KIND.into()), subject: Some(name.into()), state: Some(state), ..Filter::default() };
            let open = self.pipelines.runs().list(&filter, LOOKED_AT).await?;
            if open.iter().any(|run| run.input::<Input>().is_ok_and(|input| &input.scope == scope)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Every schedule of a file, under a key that stays.
fn schedules_of(wanted: &Wanted) -> Vec<Due> {
    let mut all = Vec::new();
    let mut add = |key: String, expression: &Option<String>, scope: Scope| {
        all.extend(expression.clone().map(|expression| Due { key, expression, scope }));
    };
    add("import".into(), &wanted.import_schedule, Scope::Import);
    for solution in &wanted.solutions {
        let name = || solution.name.clone();
        add(format!("{}/full", solution.name), &solution.schedules.full, Scope::Train { solution: name() });
        add(format!("{}/update", solution.name), &solution.schedules.update, Scope::Update { solution: name() });
        for job in &solution.batch_inference {
            let scope = Scope::Batch { solution: solution.name.clone(), job: job.key.clone() };
            add(format!("{}/{}", solution.name, job.key), &job.schedule, scope);
        }
    }
    all
}
