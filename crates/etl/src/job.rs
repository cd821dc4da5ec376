//! What a job is, in Glue's shape.

use std::collections::BTreeMap;

use domain::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Resource;

use crate::arguments::{self, Arguments};
use crate::bookmark::{self, TableBookmark};
use crate::plan;
use crate::target::Target;

/// The kind of run that executes jobs.
pub(crate) const RUN_KIND: &str = "job";

/// A job as CreateJob takes it and GetJob gives it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Job {
    /// Set by the stage when an update leaves it out.
    #[serde(default)]
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(default)]
    pub command: JobCommand,
    /// What the job does, where it is not said by a script and arguments. Ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<JobSpec>,
    /// What the job does as a graph of nodes, in Glue's vocabulary and a little more of ours. A `.sql` file at
    /// `Command.ScriptLocation` is run instead of what the graph would give; sources and targets stay those of the graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_gen_configuration_nodes: Option<Value>,
    /// What computes the job's queries, where it is not the engine in this process: `spark`, where the installation has it. Ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The tables of which a run with bookmarks reads only what is new. Ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bookmarks: Vec<TableBookmark>,
    #[serde(default)]
    pub default_arguments: Arguments,
    #[serde(default, skip_serializing_if = "Arguments::is_empty")]
    pub non_overridable_arguments: Arguments,
    /// Further tries after an attempt that failed in a way that may pass.
    #[serde(default)]
    pub max_retries: u32,
    /// Minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
    #[serde(default)]
    pub execution_property: ExecutionProperty,
    // Kept and given back, without effect: they size clusters that we do not need, or say how the job was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_run_queuing_enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<JobConnections>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_configuration: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_property: Option<NotificationProperty>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_class: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_control_details: Option<SourceControlDetails>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_window: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated_capacity: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glue_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_of_workers: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_capacity: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_uri: Option<String>,
}

/// Which script a job runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct JobCommand {
    /// `pythonshell` for a plain script; SQL is SQL under any name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A `.sql` file, or a script, in a bucket or in the project's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
}

/// The connections that a job's cluster would need.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct JobConnections {
    #[serde(default)]
    pub connections: Vec<String>,
}

/// When somebody would be told that a run takes long.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NotificationProperty {
    /// Minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify_delay_after: Option<u32>,
}

/// Where the job's script is under version control. The token that Glue takes with it is a secret without use here: it is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SourceControlDetails {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_commit_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_strategy: Option<String>,
}

/// What a job does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum JobSpec {
    /// The rows of a query become a target's content. Without `Query` the text is the script at `Command.ScriptLocation`.
    #[serde(rename_all = "PascalCase")]
    Sql {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        query: Option<String>,
        /// The database of table names that name none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        database: Option<String>,
        target: Target,
    },
    /// Removes the files under a prefix: earlier results, before new ones are made.
    #[serde(rename_all = "PascalCase")]
    Clean { location: String },
    /// Runs a program (docs/scripts.md).
    #[serde(rename_all = "PascalCase")]
    Script {
        /// A program on the PATH, a path of the project's folder, or `s3://bucket/key`. Without it `Command.ScriptLocation`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        executable: Option<String>,
        /// The whole command line, where `${KEY}` is the job's argument `--KEY`. Without it the arguments are handed over as
        /// `--KEY value`, as Glue does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arguments: Option<Vec<String>>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        environment: BTreeMap<String, String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExecutionProperty {
    #[serde(default = "one")]
    pub max_concurrent_runs: u32,
}

fn one() -> u32 {
    1
}

impl Default for ExecutionProperty {
    fn default() -> Self {
        Self { max_concurrent_runs: one() }
    }
}

impl Resource for Job {
    const KIND: &'static str = "job";

    fn key(&self) -> String {
        self.name.clone()
    }
}

/// AWS's bounds.
const MAX_NAME_CHARS: usize = 255;
const MAX_RETRIES: u32 = 10;
const MAX_TIMEOUT_MINUTES: u32 = 7 * 24 * 60;

impl Job {
    /// A job with a name and what it does; everything else as Glue has it when it is left out.
    pub fn new(name: impl Into<String>, spec: JobSpec) -> Self {
        Self { name: name.into(), spec: Some(spec), ..Self::default() }
    }

    /// Everything that can be known to be wrong before a run.
    pub fn check(&self) -> Result<()> {
        let chars = self.name.chars().count();
        if !(1..=MAX_NAME_CHARS).contains(&chars) || self.name.chars().any(char::is_control) {
            return Err(Error::invalid_input(format!(
                "A job's name has 1 to {MAX_NAME_CHARS} printable characters; found {:?}.",
                self.name
            )));
        }
        if self.max_retries > MAX_RETRIES {
            return Err(self.out_of_bounds("MaxRetries", &format!("0 to {MAX_RETRIES}"), self.max_retries));
        }
        check_timeout(&self.name, self.timeout)?;
        if self.execution_property.max_concurrent_runs == 0 {
            return Err(self.out_of_bounds("ExecutionProperty.MaxConcurrentRuns", "at least 1", 0));
        }
        arguments::check(&self.default_arguments)?;
        arguments::check(&self.non_overridable_arguments)?;
        bookmark::check(self)?;
        plan::check(self)
    }

    fn out_of_bounds(&self, member: &str, expected: &str, found: u32) -> Error {
        Error::invalid_input(format!("{member} of job {:?} is {expected}; found {found}.", self.name))
    }
}

pub(crate) fn check_timeout(job: &str, minutes: Option<u32>) -> Result<()> {
    match minutes {
        Some(found) if !(1..=MAX_TIMEOUT_MINUTES).contains(&found) => {
            Err(Error::invalid_input(format!("Timeout of job {job:?} is 1 to {MAX_TIMEOUT_MINUTES} minutes; found {found}.")))
        }
        _ => Ok(()),
    }
}
