//! What a job is, in Glue's shape.

use domain::{Error, Result};
use serde::{Deserialize, Serialize};
use store::Resource;

use crate::arguments::{self, Arguments};
use crate::plan;
use crate::target::Target;

/// The kind of run that executes jobs.
pub(crate) const RUN_KIND: &str = "job";

/// A job as CreateJob takes it and GetJob gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    // Kept and given back; they size clusters that we do not need.
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
    /// `glueetl` or `pythonshell`; makes no difference here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A `.sql` file in a bucket or in the project's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python_version: Option<String>,
}

/// What a job does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum JobSpec {
    /// The rows of a query become one file under a target. Without `Query` the text is the script at `Command.ScriptLocation`.
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
        Self {
            name: name.into(),
            description: None,
            role: None,
            command: JobCommand::default(),
            spec: Some(spec),
            default_arguments: Arguments::new(),
            non_overridable_arguments: Arguments::new(),
            max_retries: 0,
            timeout: None,
            execution_property: ExecutionProperty::default(),
            glue_version: None,
            worker_type: None,
            number_of_workers: None,
            max_capacity: None,
            log_uri: None,
        }
    }

    /// Everything that can be known to be wrong before a run.
    pub(crate) fn check(&self) -> Result<()> {
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
