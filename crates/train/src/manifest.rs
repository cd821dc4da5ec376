//! How a model came about, as JSON beside it.

use std::collections::BTreeMap;

use dataset::Snapshot;
use domain::{Arn, Error, Result};
use serde::{Deserialize, Serialize};

use crate::report::Report;
use crate::selection::EventRules;
use crate::setting::{BlendedSetting, Setting};

/// Raised when files of older trainings can no longer be read.
pub const FORMAT: u32 = 1;

/// Everything needed to tell what was trained on what, how it was chosen, how good it is, and to serve it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    pub format: u32,
    /// Of the program that trained.
    pub program_version: String,
    pub solution_version_arn: Arn,
    pub recipe: String,
    /// Which of [`recipes::NAMES`] did the work; `blend` where several did.
    pub backing: String,
    /// What the model was trained with, the chosen values included; empty for a blend.
    pub parameters: BTreeMap<String, String>,
    /// What a blend is made of.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub members: Vec<BlendedSetting>,
    /// What the search tried, in order.
    pub search: Vec<Candidate>,
    pub seed: u64,
    pub snapshot: Snapshot,
    pub events: EventRules,
    pub report: Report,
    /// Scores are divided by this before the softmax: the value that makes held-out events most likely.
    pub temperature: f32,
    /// The column that names items come from; none when items have only ids.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name_column: Option<String>,
    /// Wall-clock seconds by stage, in the order of the stages.
    pub seconds: Vec<StageTime>,
}

/// One fit of the search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// One of [`recipes::NAMES`]; empty in files of before there were several in one search.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub backing: String,
    pub parameters: BTreeMap<String, String>,
    /// NDCG@10 on the validation users, who are neither in the training nor in the test part.
    pub ndcg_at_10: f64,
}

impl Candidate {
    pub(crate) fn of(setting: &Setting, ndcg_at_10: f64) -> Self {
        let Setting { backing, parameters } = setting.clone();
        Self { backing, parameters, ndcg_at_10 }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StageTime {
    pub stage: String,
    pub seconds: f64,
}

impl Manifest {
    pub(crate) fn save(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self).map_err(|e| Error::internal("The manifest of a model cannot be written.").source(e))
    }

    /// Fails on files of another format.
    pub fn load(bytes: &[u8]) -> Result<Self> {
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|e| Error::internal("The manifest of a model cannot be read.").source(e))?;
        if manifest.format != FORMAT {
            let found = manifest.format;
            return Err(Error::invalid_state(format!("This penchant reads models of format {FORMAT}, found {found}: train again.")));
        }
        Ok(manifest)
    }
}
