//! A job's run in Glue's words.

use domain::{RunState, Timestamp};
use runs::{Run, RunId};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::arguments::Arguments;
use crate::executor::{JobInput, JobResult};

/// GetJobRun's answer. Times are seconds since 1970 with fraction.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct JobRun {
    pub id: String,
    /// The run whose task this one is, such as a workflow's; clients see it as the run's predecessors.
    #[serde(skip)]
    pub parent: Option<RunId>,
    /// Tries before this one.
    pub attempt: u32,
    /// The run that this one repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_run_id: Option<RunId>,
    pub job_name: String,
    pub started_on: f64,
    pub last_modified_on: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_on: Option<f64>,
    /// `STARTING`, `RUNNING`, `STOPPING`, `SUCCEEDED`, `FAILED`, `STOPPED` or `TIMEOUT`.
    pub job_run_state: &'static str,
    /// How far it is, or why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_detail: Option<String>,
    /// As the start gave them, without the job's defaults.
    pub arguments: Arguments,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// What kind of failure it was, by a code that stays the same. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_name: Option<String>,
    /// Seconds that the run took so far.
    pub execution_time: i64,
    /// Minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
    pub log_group_name: &'static str,
    /// Members of the job or of the start that have no effect.
    #[serde(flatten)]
    pub shown: Map<String, Value>,
    /// What came out, once the run has succeeded or rules of data quality have failed it. Ours.
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
            parent: run.parent.clone(),
            previous_run_id: input.previous_run_id,
            state_detail: state_detail(run),
            shown: input.shown,
            attempt: run.attempt.saturating_sub(1),
            job_name: run.subject.clone(),
            started_on: started.epoch(),
            last_modified_on: run.ended.unwrap_or(started).epoch(),
            completed_on: run.ended.map(Timestamp::epoch),
            job_run_state: if run.stopping && run.state == RunState::Running { "STOPPING" } else { run.state.job_run_state() },
            arguments: input.arguments,
            error_message: run.message.clone().filter(|_| run.state != RunState::Succeeded),
            error_code: run.code.clone().filter(|_| run.state != RunState::Succeeded),
            trigger_name: input.trigger_name,
            execution_time: run.started.map_or(0, |started| run.ended.unwrap_or(now).since_ms(started) / 1000),
            timeout: run.timeout_ms.map(|ms| ms / 60_000),
            log_group_name: "/aws-glue/jobs",
            result: result.and_then(|value| serde_json::from_value(value.clone()).ok()),
        }
    }
}

fn state_detail(run: &Run) -> Option<String> {
    let progress = &run.progress;
    match run.state {
        RunState::Queued if run.attempt > 0 => {
            let why = run.message.as_deref().unwrap_or("the one before was cut off.");
            Some(format!("Waits for try {}: {why}", run.attempt + 1))
        }
        RunState::Running if progress.total > 0 => Some(format!("{} of {} {}", progress.done, progress.total, progress.unit)),
        RunState::Running if progress.done > 0 => Some(format!("{} {}", progress.done, progress.unit)),
        _ => None,
    }
}
