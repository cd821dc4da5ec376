//! From a job and a run's arguments to what is to be done.

use domain::{Error, Result};
use store::Location;

use crate::arguments::Arguments;
use crate::clean;
use crate::job::{Job, JobSpec};
use crate::target::{Compression, Format, Target};

/// What one run of a job does, with every argument applied.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Plan {
    Sql {
        script: Script,
        database: Option<String>,
        target: Target,
    },
    /// `declared` is what the job may remove at most, `location` what this run removes.
    Clean {
        declared: Location,
        location: Location,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Script {
    Text(String),
    File(Location),
}

/// A script location that names a built-in instead of a file: removes earlier results, for clients that can say no more
/// than Glue's own members.
const CLEAN_SCRIPT: &str = "penchant:clean";

/// What can be said about a job before its runs bring their arguments: fails only where no arguments could help.
pub(crate) fn check(job: &Job) -> Result<()> {
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
        (None, script) => script_file(job, script).map(|_| ()),
    }
}

/// What a run with these (merged) arguments does.
pub(crate) fn plan(job: &Job, arguments: &Arguments) -> Result<Plan> {
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
        None => {
            let target = target(job, arguments)?;
            target.check()?;
            Ok(Plan::Sql { script: script_file(job, script)?, database: arguments.get("--database").cloned(), target })
        }
    }
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
        return Err(Error::invalid_input(format!(
            "The script of job {:?} is a .sql file, as this version runs SQL only; found {script:?}.",
            job.name
        )));
    }
    Ok(Script::File(Location::parse(script)?))
}

fn target(job: &Job, arguments: &Arguments) -> Result<Target> {
    let location = arguments.get("--target").ok_or_else(|| missing(job, "--target"))?.clone();
    let format = arguments.get("--format").map(|text| Format::parse(text)).transpose()?.unwrap_or_default();
    let compression = arguments.get("--compression").map(|text| Compression::parse(text)).transpose()?;
    Ok(Target { location, format, compression })
}

fn missing(job: &Job, argument: &str) -> Error {
    Error::invalid_input(format!(
        "Job {:?} needs the argument {argument} with a prefix such as s3://bucket/exports/items/; found none.",
        job.name
    ))
}
