//! `penchant.yaml`: what a project wants, in the nouns and members of Glue.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use catalog::Crawler;
use connect::Connection;
use domain::arn::Partition;
use domain::{Error, Result};
use etl::Job;
use notify::{Rule, Smtp};
use pipeline::Pipeline;
use serde::Deserialize;
use serde_norway::with::singleton_map_recursive;
use workflow::{Trigger, Workflow};

/// The file's name.
pub const FILE: &str = "penchant.yaml";

/// The whole file. Everything it says the API can do too.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Project {
    /// A name for people.
    pub project: String,
    /// Created where missing, never deleted.
    pub buckets: Vec<String>,
    pub connections: Vec<Connection>,
    pub crawlers: Vec<Crawler>,
    pub jobs: Vec<Job>,
    pub workflows: Vec<WorkflowWithTriggers>,
    pub pipelines: Vec<Pipeline>,
    /// Who is told what changed.
    pub rules: Vec<Rule>,
    /// How mail is sent.
    pub smtp: Option<Smtp>,
    /// What ARNs carry.
    pub aws: Option<Partition>,
    pub limits: Limits,
    pub engines: EnginesConfig,
    /// Where resources and runs are kept; a file in the state folder where nothing is said.
    pub metadata: Option<Metadata>,
}

/// A PostgreSQL database that several nodes share. They share the project's folder too.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// `postgres://user@host:5432/database`; the environment's `PENCHANT_METADATA_URL` comes before it, so that no password has to
    /// stand in a file.
    pub url: String,
    /// Made where missing.
    #[serde(default = "penchant_schema")]
    pub schema: String,
}

fn penchant_schema() -> String {
    "penchant".into()
}

/// Where jobs may be computed besides this process.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnginesConfig {
    #[cfg(feature = "spark")]
    pub spark: Option<spark::SparkConfig>,
    #[cfg(not(feature = "spark"))]
    pub spark: Option<serde_json::Value>,
}

/// A workflow is the set of its triggers, so the file has them inside it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct WorkflowWithTriggers {
    pub name: String,
    pub description: Option<String>,
    pub default_run_properties: BTreeMap<String, String>,
    pub max_concurrent_runs: Option<u32>,
    pub triggers: Vec<Trigger>,
}

impl WorkflowWithTriggers {
    /// The workflow, and its triggers that know it.
    pub fn split(self) -> (Workflow, Vec<Trigger>) {
        let triggers = self.triggers.into_iter().map(|trigger| Trigger { workflow_name: Some(self.name.clone()), ..trigger });
        let triggers = triggers.collect();
        let workflow = Workflow {
            name: self.name,
            description: self.description,
            default_run_properties: self.default_run_properties,
            max_concurrent_runs: self.max_concurrent_runs,
            ..Workflow::default()
        };
        (workflow, triggers)
    }
}

/// What is said where a project is expected and none is.
pub fn no_project(folder: &Path) -> Error {
    Error::invalid_input(format!(
        "A project is a folder with a {FILE}; found none in {}. Try `penchant quickstart`, or name the folder with --dir.",
        folder.display()
    ))
}

/// Named limits; what is left out has the default shown here.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Memory that one job's SQL may hold before it spills to disk.
    pub job_memory_mib: usize,
    /// Runs at once.
    pub concurrent_runs: usize,
    /// Runs of a kind at once, on all nodes together: `{train: 1}`.
    pub concurrent_by_kind: BTreeMap<String, u32>,
    /// Days that the history of jobs, crawls, workflows and pipelines is kept.
    pub history_days: u32,
    /// Threads of one training; 0 means all cores.
    pub threads: usize,
    /// Share of bad rows above which an import fails.
    pub import_bad_rows_percent: f64,
    /// Fewest interactions that an import takes.
    pub import_min_interactions: u64,
    /// Dead letters kept for each target of a rule; beyond that the oldest are dropped, and counted.
    pub dead_letters_per_target: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            job_memory_mib: 1024,
            concurrent_runs: 3,
            concurrent_by_kind: BTreeMap::new(),
            history_days: 90,
            threads: 0,
            import_bad_rows_percent: 10.0,
            import_min_interactions: 1000,
            dead_letters_per_target: 1000,
        }
    }
}

impl Project {
    /// Reads the folder's file; without one everything is at its default and nothing is wanted.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = Self::path(folder);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map_err(|error| error.with("file", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::invalid_input(format!("{} cannot be read.", path.display())).source(error)),
        }
    }

    /// Reads the folder's file, which must be there.
    pub fn read_existing(folder: &Path) -> Result<Self> {
        if Self::path(folder).is_file() { Self::read(folder) } else { Err(no_project(folder)) }
    }

    fn path(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    fn parse(text: &str) -> Result<Self> {
        let unreadable = |e: serde_norway::Error| Error::invalid_input(format!("{FILE} is not what is expected: {e}."));
        let mut ignored = Vec::new();
        // As in JSON, an enum with contents is written as a map of one entry.
        let mut note = |path: serde_ignored::Path| ignored.push(path.to_string());
        let document = serde_ignored::Deserializer::new(serde_norway::Deserializer::from_str(text), &mut note);
        let project = singleton_map_recursive::deserialize(document).map_err(unreadable)?;
        if ignored.is_empty() {
            return Ok(project);
        }
        Err(Error::invalid_input(format!("{FILE} has members that nothing knows: {}.", ignored.join(", "))))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_member_is_named_with_its_line() {
        let error = Project::parse("project: shop\njobz: []\n").unwrap_err();
        assert!(error.message.contains("jobz") && error.message.contains("line 2"), "{error}");
    }

    #[test]
    fn a_misspelt_member_of_an_item_is_named_with_its_place() {
        let text = "crawlers:\n- {Name: a, DatabaseName: b, TablePrefx: c, Targets: {S3Targets: [{Path: x}]}}\n";
        let error = Project::parse(text).unwrap_err();
        assert!(error.message.contains("crawlers.0.TablePrefx"), "{error}");
    }

    #[test]
    fn parameters_of_a_pipeline_may_stand_in_the_file() {
        let text = "pipelines:\n- Name: small\n  RunOnChange: false\n  Parameters:\n    datasetGroup: {name: small}\n    campaigns: {c: {minProvisionedTPS: 1}}\n";
        let pipeline = Project::parse(text).unwrap().pipelines.remove(0);
        pipeline.check().unwrap();
        let parameters = pipeline.parameters.unwrap();
        assert_eq!(
            (parameters["datasetGroup"]["name"].as_str(), parameters["campaigns"]["c"]["minProvisionedTPS"].as_u64()),
            (Some("small"), Some(1))
        );
        assert!(!pipeline.run_on_change && pipeline.parameter_file.is_empty());
        let neither = Project::parse("pipelines: [{Name: empty}]\n").unwrap().pipelines.remove(0);
        assert!(neither.check().unwrap_err().message.contains("found neither"));
    }

    #[test]
    fn triggers_know_their_workflow() {
        let text = "workflows:\n- Name: export\n  Triggers:\n  - {Name: begin, Type: ON_DEMAND, Actions: [{JobName: clean}]}\n";
        let project = Project::parse(text).unwrap();
        let (workflow, triggers) = project.workflows.into_iter().next().unwrap().split();
        assert_eq!((workflow.name.as_str(), triggers[0].workflow_name.as_deref()), ("export", Some("export")));
    }
}
