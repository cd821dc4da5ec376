//! A job's run in Glue's words.

use domain::{RunState, Timestamp};
use runs::Run;
use serde::Serialize;
use serde_json::Value;

use crate::arguments::Arguments;
use crate::executor::{JobInput, JobResult};

/// GetJobRun's answer. Times are seconds since 1970 with fraction.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct JobRun {
    pub id: String,
    /// Tries before this one.
    pub attempt: u32,
    pub job_name: String,
    pub started_on: f64,
    pub last_modified_on: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_on: Option<f64>,
    /// `STARTING`, `RUNNING`, `STOPPING`, `SUCCEEDED`, `FAILED`, `STOPPED` or `TIMEOUT`.
    pub job_run_state: &'static str,
    /// As the start gave them, without the job's defaults.
    pub arguments: Arguments,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_name: Option<String>,
    /// Seconds that the run took so far.
    pub execution_time: i64,
    /// Minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
    pub log_group_name: &'static str,
    /// What came out, once the run has succeeded. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<JobResult>,
}

impl JobRun {
    pub(crate) fn new(run: &Run, now: Timestamp) -> Self {
        // A run that another stage queued may carry no input at all.
        let input: JobInput = run.input().unwrap_or_default();
        let started = run.started.unwrap_or(run.created);
        let result = run.result.as_ref().filter(|value| **value != Value::Null);
        Self {
            id: run.id.0.clone(),
            attempt: run.attempt.saturating_sub(1),
            job_name: run.subject.clone(),
            started_on: started.epoch(),
            last_modified_on: run.ended.unwrap_or(started).epoch(),
            completed_on: run.ended.map(Timestamp::epoch),
            job_run_state: if run.stopping && run.state == RunState::Running { "STOPPING" } else { run.state.job_run_state() },
            arguments: input.arguments,
            error_message: run.message.clone().filter(|_| run.state != RunState::Succeeded),
            trigger_name: input.trigger_name,
            execution_time: run.started.map_or(0, |started| run.ended.unwrap_or(now).since_ms(started) / 1000),
            timeout: run.timeout_ms.map(|ms| ms / 60_000),
            log_group_name: "/aws-glue/jobs",
            result: result.and_then(|value| serde_json::from_value(value.clone()).ok()),
        }
    }
}
