//! A solution version: one training of a solution, on the data as it was when the version was created.

use dataset::Snapshot;
use domain::{Arn, Name, Timestamp};
use runs::{Run, RunId};
use serde::{Deserialize, Serialize};
use store::{Resource, Stored};

use crate::Report;
use crate::solution::SolutionConfig;

/// As DescribeSolutionVersion shows it, with the run that trains it. What is copied from the solution stays as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SolutionVersion {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<Name>,
    pub solution_version_arn: Arn,
    pub solution_arn: Arn,
    pub dataset_group_arn: Arn,
    pub recipe_arn: Arn,
    #[serde(rename = "performHPO")]
    pub perform_hpo: bool,
    #[serde(rename = "performAutoML")]
    pub perform_auto_ml: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub event_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub solution_config: Option<SolutionConfig>,
    /// `FULL`, or `UPDATE`, which keeps the settings of `keeps`.
    pub training_mode: String,
    /// `MANUAL`, or `AUTOMATIC` where the solution trains by itself.
    pub training_type: String,
    /// Versions that the training judges beside this one, on the same hold-out; not part of AWS's answer.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub judge_beside: Vec<Arn>,
    /// The version whose settings an update keeps; not part of AWS's answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub keeps: Option<Arn>,
    /// The data as it was when the version was created; not part of AWS's answer, nor is `run`.
    pub snapshot: Snapshot,
    pub run: RunId,
}

impl Resource for SolutionVersion {
    const KIND: &'static str = "solution_version";
    fn key(&self) -> String {
        self.solution_version_arn.to_string()
    }
    fn parent(&self) -> String {
        self.solution_arn.to_string()
    }
}

/// The request of CreateSolutionVersion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateSolutionVersion {
    pub solution_arn: Arn,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub training_mode: Option<String>,
    /// See [`SolutionVersion::judge_beside`]; not for the wire.
    #[serde(skip)]
    pub judge_beside: Vec<Arn>,
}

/// A version together with the run its status follows from.
#[derive(Debug, Clone)]
pub struct VersionView {
    pub version: Stored<SolutionVersion>,
    pub run: Run,
}

impl VersionView {
    /// Personalize's word for where the training stands.
    pub fn status(&self) -> &'static str {
        if self.run.stopping && !self.run.state.is_final() {
            return "CREATE STOPPING";
        }
        self.run.state.personalize_status()
    }

    pub fn is_active(&self) -> bool {
        self.run.state == domain::RunState::Succeeded
    }

    pub fn failure_reason(&self) -> Option<&str> {
        self.run.message.as_deref()
    }

    pub fn last_updated(&self) -> Timestamp {
        self.run.ended.or(self.run.started).unwrap_or(self.version.updated)
    }

    /// How long the training took, once it has ended.
    pub fn training_hours(&self) -> Option<f64> {
        let (started, ended) = (self.run.started?, self.run.ended?);
        Some(ended.since_ms(started) as f64 / 3_600_000.0)
    }
}

/// What a training left behind: appears in the same step as the success of its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrainedModel {
    pub solution_version_arn: Arn,
    pub dataset_group_arn: Arn,
    pub recipe_arn: Arn,
    /// Prefix of the files in the artifacts: `models/<attempt>`.
    pub artifacts: String,
    /// Users whose data was deleted after the training: their histories are gone from the files, the weights are as they were learned.
    #[serde(default)]
    pub deleted_users: u64,
    pub report: Report,
}

impl Resource for TrainedModel {
    const KIND: &'static str = "trained_model";
    fn key(&self) -> String {
        self.solution_version_arn.to_string()
    }
}

/// Says that something (a campaign) needs a solution version, so that neither it nor its solution can be deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct VersionUse {
    pub solution_version_arn: Arn,
    pub user: Arn,
}

impl Resource for VersionUse {
    const KIND: &'static str = "solution_version_use";
    fn key(&self) -> String {
        format!("{} by {}", self.solution_version_arn, self.user)
    }
    fn parent(&self) -> String {
        self.solution_version_arn.to_string()
    }
}
