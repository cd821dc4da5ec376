//! Commands that queue runs and wait for them. When a server of this installation is at work, it does the work; else this
//! process does.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use catalog::CrawlSummary;
use domain::{Error, Result};
use etl::StartJobRun;
use runs::{Run, RunId};

use crate::apply::{self, Action, Change};
use crate::commands::{open, print_json};
use crate::follow::follow;
use crate::home::{AtWork, Home, STATE};
use crate::nodes::Roles;
use crate::project::{FILE, Project, no_project};
use crate::words::say;

/// How often it is looked whether somebody works on the queue.
const LOOK_EVERY: Duration = Duration::from_millis(1500);

/// An open installation on which runs are being worked, by us or by another process.
pub struct Working {
    pub home: Arc<Home>,
    ours: Option<AtWork>,
}

/// Works here, unless somebody does already.
async fn begin(folder: &Path) -> Result<Option<AtWork>> {
    AtWork::begin(folder, Roles::of_a_command(), None).await
}

impl Working {
    pub async fn open(folder: &Path) -> Result<Self> {
        match begin(folder).await? {
            Some(ours) => Ok(Self { home: ours.home.clone(), ours: Some(ours) }),
            None => Ok(Self { home: Arc::new(open(folder).await?), ours: None }),
        }
    }

    /// Waits for the runs, showing what happens; one that did not succeed is an error. Ctrl-C leaves them queued.
    pub async fn wait(&mut self, ids: &[RunId]) -> Result<Vec<Run>> {
        let home = self.home.clone();
        let ended = tokio::select! {
            ended = follow(&home.runs, ids) => ended?,
            error = self.take_over() => return Err(error),
            _ = tokio::signal::ctrl_c() => {
                return Err(Error::stopped().with("go on with", "penchant serve, or the same command again"));
            }
        };
        ended.into_iter().map(Run::succeeded).collect()
    }

    pub async fn wait_one(&mut self, id: RunId) -> Result<Run> {
        let runs = self.wait(std::slice::from_ref(&id)).await?;
        runs.into_iter().next().ok_or_else(|| Error::internal(format!("Run {id} was not waited for.")))
    }

    /// Begins to work when the process that did is gone and no other takes its place: it is free at two looks. Returns only
    /// when that is not possible.
    async fn take_over(&mut self) -> Error {
        let mut free = false;
        while self.ours.is_none() {
            tokio::time::sleep(LOOK_EVERY).await;
            let looked = match self.home.is_worked_on().await {
                Ok(worked_on) => !worked_on,
                Err(error) => return error,
            };
            if looked && free {
                match begin(&self.home.folder).await {
                    Ok(ours) => self.ours = ours,
                    Err(error) => return error,
                }
            }
            free = looked;
        }
        std::future::pending().await
    }

    /// Ends whatever came of it.
    pub async fn end_with<T>(self, outcome: Result<T>) -> Result<T> {
        if let Some(ours) = self.ours {
            ours.end().await?;
        }
        outcome
    }
}

pub async fn apply(folder: &Path, dry_run: bool) -> Result<()> {
    let project = Project::read_existing(folder)?;
    let home = open(folder).await?;
    let changes = apply::apply(&home, project, dry_run).await?;
    for change in &changes {
        say!("{change}");
    }
    say!("{}", summary(&changes, dry_run));
    Ok(())
}

fn summary(changes: &[Change], dry_run: bool) -> String {
    let count = |action| changes.iter().filter(|change| change.action == action).count();
    let would = if dry_run { "would be " } else { "" };
    format!(
        "{} {would}created, {} {would}updated, {} {would}deleted, {} unchanged.",
        count(Action::Create),
        count(Action::Update),
        count(Action::Delete),
        count(Action::Keep)
    )
}

pub async fn run(folder: &Path, workflow: Option<&str>, skip_crawl: bool) -> Result<()> {
    let project = Project::read_existing(folder)?;
    let mut working = Working::open(folder).await?;
    let outcome = walk(&mut working, project, workflow, skip_crawl).await;
    working.end_with(outcome).await
}

/// The whole way once: apply, crawl, workflow.
pub async fn walk(working: &mut Working, project: Project, workflow: Option<&str>, skip_crawl: bool) -> Result<()> {
    let changes = apply::apply(&working.home, project, false).await?;
    eprintln!("{FILE}: {}", summary(&changes, false));
    if !skip_crawl {
        crawl_all(working, &[]).await?;
    }
    let workflows = working.home.workflows.list_workflows().await?;
    let name = only("workflow", "--workflow", workflow, workflows.iter().map(|stored| stored.name.clone()))?;
    let id = match under_way(working.home.workflows.list_runs(&name, 1).await?) {
        Some(id) => id,
        None => working.home.workflows.start_workflow_run(&name, BTreeMap::new()).await?,
    };
    let run = working.wait_one(id).await?;
    let view = working.home.workflows.run_view(run, false).await?;
    let statistics = view.statistics;
    if statistics.succeeded_actions == statistics.total_actions {
        return Ok(());
    }
    let failed = view.nodes.iter().find(|node| node.state != workflow::NodeState::Succeeded);
    let which = failed.map_or_else(String::new, |node| format!(" See: penchant logs {}", node.run_id));
    Err(Error::invalid_state(format!(
        "Workflow {name}: {} of {} actions succeeded.{which}",
        statistics.succeeded_actions, statistics.total_actions
    )))
}

/// The newest run if it has not ended: what an interrupted command began goes on instead of beginning again.
fn under_way(newest: Vec<Run>) -> Option<RunId> {
    newest.into_iter().next().filter(|run| !run.state.is_final()).map(|run| run.id)
}

/// The name that was given, or the only one there is.
pub fn only(what: &str, how: &str, given: Option<&str>, names: impl Iterator<Item = String>) -> Result<String> {
    let names: Vec<String> = names.collect();
    match (given, names.as_slice()) {
        (Some(given), _) if names.iter().any(|name| name == given) => Ok(given.to_owned()),
        (Some(given), _) => Err(Error::not_found(format!("{what} {given:?} (there is: {})", names.join(", ")))),
        (None, [one]) => Ok(one.clone()),
        (None, []) => Err(Error::not_found(format!("A {what}"))),
        (None, _) => Err(Error::invalid_input(format!("Name one {what} with {how}; found {}.", names.join(", ")))),
    }
}

pub async fn crawl(folder: &Path, names: &[String], json: bool) -> Result<()> {
    let mut working = Working::open(existing(folder)?).await?;
    let outcome = crawl_all(&mut working, names).await;
    let summaries = working.end_with(outcome).await?;
    if json {
        return print_json(&summaries);
    }
    for (name, summary) in &summaries {
        say!(
            "{name}: {} tables created, {} updated, {} deleted, {} unchanged.",
            summary.tables_created,
            summary.tables_updated,
            summary.tables_deleted,
            summary.tables_unchanged
        );
    }
    Ok(())
}

/// All crawlers when none is named. A crawl that is under way is waited for, not begun again.
async fn crawl_all(working: &mut Working, names: &[String]) -> Result<BTreeMap<String, CrawlSummary>> {
    let catalog = working.home.catalog.clone();
    let mut names = names.to_vec();
    if names.is_empty() {
        names.extend(catalog.list_crawlers().await?.iter().map(|crawler| crawler.name.clone()));
    }
    let mut crawls = Vec::new();
    for name in &names {
        crawls.push(match under_way(catalog.list_crawls(name, 1).await?) {
            Some(id) => id,
            None => catalog.start_crawler(name).await?,
        });
    }
    let runs = working.wait(&crawls).await?;
    names.into_iter().zip(runs).map(|(name, run)| Ok((name, run.result()?))).collect()
}

pub async fn job(folder: &Path, name: &str, arguments: &[String]) -> Result<()> {
    let mut parsed = etl::Arguments::new();
    for argument in arguments {
        let Some((key, value)) = argument.split_once('=') else {
            return Err(Error::invalid_input(format!("An argument is KEY=VALUE; found {argument:?}.")));
        };
        parsed.insert(format!("--{}", key.trim_start_matches('-')), value.into());
    }
    let mut working = Working::open(existing(folder)?).await?;
    let outcome = run_job(&mut working, name, parsed).await;
    let run = working.end_with(outcome).await?;
    print_json(&run.result)
}

async fn run_job(working: &mut Working, name: &str, arguments: etl::Arguments) -> Result<Run> {
    let start = StartJobRun { job_name: name.into(), arguments, ..StartJobRun::default() };
    let id = working.home.jobs.start_job_run(start).await?;
    working.wait_one(id).await
}

pub async fn train(folder: &Path, pipeline: Option<&str>) -> Result<()> {
    let mut working = Working::open(existing(folder)?).await?;
    let outcome = run_pipeline(&mut working, pipeline).await;
    let home = working.home.clone();
    working.end_with(outcome).await?;
    crate::commands::report::report_all(&home).await
}

async fn run_pipeline(working: &mut Working, pipeline: Option<&str>) -> Result<Run> {
    let pipelines = working.home.pipelines.clone();
    let names = pipelines.list().await?;
    let name = only("pipeline", "its name", pipeline, names.iter().map(|stored| stored.name.clone()))?;
    let id = match under_way(pipelines.latest(&name).await?.into_iter().collect()) {
        Some(id) => id,
        None => pipelines.start(&name).await?,
    };
    working.wait_one(id).await
}

/// The folder, if there is a project or a state in it: a mistyped one is not made an installation.
pub fn existing(folder: &Path) -> Result<&Path> {
    if folder.join(FILE).is_file() || folder.join(STATE).is_dir() { Ok(folder) } else { Err(no_project(folder)) }
}
