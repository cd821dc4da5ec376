//! From a job and a run's arguments to what is to be done.

use codegen::Graph;
use domain::{Error, Result};
use serde_json::Value;
use store::Location;

use crate::arguments::Arguments;
use crate::clean;
use crate::job::{Job, JobSpec};
use crate::script::{self, ScriptPlan};
use crate::target::{Compression, FilesMode, FilesTarget, Format, Target};

/// What one run of a job does, with every argument applied.
#[derive(Debug, Clone)]
pub(crate) enum Plan {
    Sql {
        script: Script,
        database: Option<String>,
        target: Target,
    },
    /// The script, if there is one, stands for what the graph would give.
    Graph {
        graph: Graph,
        script: Option<Script>,
    },
    /// `declared` is what the job may remove at most, `location` what this run removes.
    Clean {
        declared: Location,
        location: Location,
    },
    Script(ScriptPlan),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Script {
    Text(String),
    File(Location),
}

/// A script location that names a built-in instead of a file: removes earlier results, for clients that can say no more
/// than Glue's own members.
const CLEAN_SCRIPT: &str = "penchant:clean";

/// What a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    Graph,
    Sql,
    /// The removal of earlier results.
    Clean,
    Script,
}

impl Job {
    pub fn kind(&self) -> JobKind {
        if self.code_gen_configuration_nodes.is_some() {
            return JobKind::Graph;
        }
        match (&self.spec, script_location(self)) {
            (Some(JobSpec::Clean { .. }), _) | (None, Some(CLEAN_SCRIPT)) => JobKind::Clean,
            (Some(JobSpec::Script { .. }), _) => JobKind::Script,
            (None, Some(script)) if script::is_script(script) => JobKind::Script,
            _ => JobKind::Sql,
        }
    }
}

/// What can be said about a job before its runs bring their arguments: fails only where no arguments could help.
pub(crate) fn check(job: &Job) -> Result<()> {
    if let Some(nodes) = &job.code_gen_configuration_nodes {
        return graph(job, nodes).map(|_| ());
    }
    match (&job.spec, script_location(job)) {
        (Some(JobSpec::Clean { location }), _) => clean::check_declared(&Location::parse(location)?).map(|_| ()),
        (Some(JobSpec::Sql { query, target, .. }), script) => {
            target.check()?;
            if query.as_deref().is_some_and(|query| query.trim().is_empty()) {
                return Err(Error::invalid_input(format!("The query of job {:?} is empty.", job.name)));
            }
            if query.is_some() { Ok(()) } else { script_file(job, script).map(|_| ()) }
        }
        (None, Some(CLEAN_SCRIPT)) => match job.default_arguments.get("--location") {
            Some(location) => clean::check_declared(&Location::parse(location)?).map(|_| ()),
            None => Err(missing(job, "--location")),
        },
        (None, Some(script)) if script::is_script(script) => script::check(job),
        (None, script) => script_file(job, script).map(|_| ()),
        (Some(JobSpec::Script { .. }), _) => script::check(job),
    }
}

/// What a run with these (merged) arguments does.
pub(crate) fn plan(job: &Job, arguments: &Arguments) -> Result<Plan> {
    if let Some(nodes) = &job.code_gen_configuration_nodes {
        return Ok(Plan::Graph { graph: graph(job, nodes)?, script: graph_script(job)? });
    }
    let script = script_location(job);
    match &job.spec {
        Some(JobSpec::Clean { location }) => clean_plan(location, arguments),
        Some(JobSpec::Sql { query, database, target }) => {
            let script = match query {
                Some(query) => Script::Text(query.clone()),
                None => script_file(job, script)?,
            };
            Ok(Plan::Sql { script, database: database.clone(), target: target.clone() })
        }
        None if script == Some(CLEAN_SCRIPT) => {
            let declared = job.default_arguments.get("--location").ok_or_else(|| missing(job, "--location"))?;
            clean_plan(declared, arguments)
        }
        Some(JobSpec::Script { .. }) => script::plan(job, arguments).map(Plan::Script),
        None if script.is_some_and(script::is_script) => script::plan(job, arguments).map(Plan::Script),
        None => {
            let target = target(job, arguments)?;
            target.check()?;
            Ok(Plan::Sql { script: script_file(job, script)?, database: arguments.get("--database").cloned(), target })
        }
    }
}

fn graph(job: &Job, nodes: &Value) -> Result<Graph> {
    if job.spec.is_some() {
        return Err(Error::invalid_input(format!("Job {:?} is a graph (CodeGenConfigurationNodes) or has a Spec; found both.", job.name)));
    }
    let graph = Graph::parse(nodes.clone())?;
    graph.first_target()?;
    Ok(graph)
}

/// Glue Studio gives every graph the name of a Python script; that is not run here.
fn graph_script(job: &Job) -> Result<Option<Script>> {
    let script = script_location(job).filter(|script| script.to_ascii_lowercase().ends_with(".sql"));
    script.map(|script| Location::parse(script).map(Script::File)).transpose()
}

fn clean_plan(declared: &str, arguments: &Arguments) -> Result<Plan> {
    let location = arguments.get("--location").map_or(declared, String::as_str);
    Ok(Plan::Clean { declared: Location::parse(declared)?, location: Location::parse(location)? })
}

fn script_location(job: &Job) -> Option<&str> {
    job.command.script_location.as_deref().filter(|text| !text.is_empty())
}

fn script_file(job: &Job, script: Option<&str>) -> Result<Script> {
    let script = script.ok_or_else(|| {
        Error::invalid_input(format!(
            "Job {:?} needs a query: a .sql file in Command.ScriptLocation, or Spec.Sql.Query; found neither.",
            job.name
        ))
    })?;
    if !script.to_ascii_lowercase().ends_with(".sql") {
        return Err(Error::invalid_input(format!("The query of job {:?} (Spec.Sql) is a .sql file; found {script:?}.", job.name)));
    }
    Ok(Script::File(Location::parse(script)?))
}

/// The target that arguments describe: files, as clients with Glue's members alone can say it.
fn target(job: &Job, arguments: &Arguments) -> Result<Target> {
    let given = |name: &str| arguments.get(name).map(String::as_str);
    let number = |name: &str| -> Result<Option<u64>> {
        let refused = |text: &str| Error::invalid_input(format!("A job's {name} is a whole number; found {text:?}."));
        given(name).map(|text| text.parse().map_err(|_| refused(text))).transpose()
    };
    let mode = match given("--mode") {
        None | Some("overwrite") => FilesMode::Overwrite,
        Some("append") => FilesMode::Append,
        Some(other) => return Err(Error::invalid_input(format!("A job's --mode is overwrite or append; found {other:?}."))),
    };
    let keys = given("--partition-keys").unwrap_or_default().split(',').map(str::trim).filter(|key| !key.is_empty());
    Ok(Target::Files(FilesTarget {
        location: given("--target").ok_or_else(|| missing(job, "--target"))?.to_owned(),
        format: given("--format").map(Format::parse).transpose()?.unwrap_or_default(),
        compression: given("--compression").map(|text| Compression::parse("A job's --compression", text)).transpose()?,
        partition_keys: keys.map(str::to_owned).collect(),
        mode,
        max_file_rows: number("--max-file-rows")?,
        max_file_bytes: number("--max-file-bytes")?,
        row_group_rows: number("--row-group-rows")?,
    }))
}

fn missing(job: &Job, argument: &str) -> Error {
    Error::invalid_input(format!(
        "Job {:?} needs the argument {argument} with a prefix such as s3://bucket/exports/items/; found none.",
        job.name
    ))
}
