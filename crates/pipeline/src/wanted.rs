//! What a parameter file wants, whatever form it is written in.

use dataset::{DatasetType, Domain, ImportMode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::plan::Stage;

/// Values by key.
pub type Tags = std::collections::BTreeMap<String, String>;
/// Tags of what the file names; of all imports under [`IMPORTS`], of versions under their solution, of batch jobs as their steps are named.
pub type Tagged = std::collections::BTreeMap<(Stage, String), Tags>;
pub const IMPORTS: &str = "imports";

/// The whole file, checked for all that can be told from the file alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    pub form: Form,
    pub group: Group,
    /// Interactions first.
    pub datasets: Vec<Dataset>,
    pub import_mode: ImportMode,
    /// When imports are made besides; a schedule's text.
    pub import_schedule: Option<String>,
    /// An import that is not older than this is not made again.
    pub import_max_age_ms: Option<i64>,
    pub event_tracker: Option<String>,
    pub solutions: Vec<Solution>,
    pub campaigns: Vec<Campaign>,
    pub recommenders: Vec<Recommender>,
    pub filters: Vec<Filter>,
    pub gate: QualityGate,
    pub tags: Tagged,
    /// What the file asks for and this version does not have: place and reason.
    pub left_out: Vec<(String, String)>,
}

/// Which of the published forms a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// `params.json` of the Personalize samples' ml_ops, and our own YAML.
    MlOps,
    /// The configuration of "maintaining personalized experiences with machine learning".
    Maintaining,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Group {
    pub name: String,
    pub domain: Option<Domain>,
    pub role_arn: Option<String>,
    pub kms_key_arn: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    pub kind: DatasetType,
    pub name: String,
    /// The Avro record.
    pub schema: Value,
    /// Absent: named after group, type and content.
    pub schema_name: Option<String>,
    /// Where its files are; absent: beside the parameter file, under the names of [`Form`].
    pub location: Option<String>,
    pub place: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// How campaigns speak of it.
    pub key: String,
    pub name: String,
    /// The arguments of CreateSolution without the dataset group.
    pub arguments: Map<String, Value>,
    /// `solutionVersion.trainingMode` is UPDATE: versions keep the settings of the last full training.
    pub updates: bool,
    pub schedules: TrainingSchedules,
    pub max_age_ms: Option<i64>,
    pub batch_inference: Vec<Batch>,
    pub place: String,
}

/// When versions are made besides.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrainingSchedules {
    pub full: Option<String>,
    pub update: Option<String>,
}

/// Recommendations for a list of users, as a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Tells the jobs of a solution apart.
    pub key: String,
    /// The arguments of CreateBatchInferenceJob that the file gives.
    pub arguments: Map<String, Value>,
    pub schedule: Option<String>,
    pub place: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    pub name: String,
    pub solution: Choice,
    pub min_provisioned_tps: Option<u32>,
    pub config: Option<serve::CampaignConfig>,
    pub place: String,
}

/// A use case of the group's domain.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommender {
    pub name: String,
    pub recipe_arn: domain::Arn,
    pub config: Option<serve::RecommenderConfig>,
    pub place: String,
}

/// Which solution a campaign serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// By its key.
    Of(String),
    /// The version with the highest metric of the gate.
    Best,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    pub name: String,
    pub expression: String,
    pub place: String,
}

/// When a new version may take the place of the one that serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct QualityGate {
    /// One of Personalize's metric names.
    pub metric: String,
    /// The share of the live version's figure that may be lost.
    pub max_drop: f64,
    /// The share of best-sellers' figure by which it must be better than they are.
    pub min_lift_over_popularity: f64,
}

impl Default for QualityGate {
    /// As good as the live version within what a hold-out can tell, and no worse than best-sellers.
    fn default() -> Self {
        Self { metric: "normalized_discounted_cumulative_gain_at_10".into(), max_drop: 0.05, min_lift_over_popularity: 0.0 }
    }
}

impl Recommender {
    /// As CreateRecommender takes it.
    pub(crate) fn request(&self, group: &domain::Arn) -> serve::CreateRecommender {
        serve::CreateRecommender {
            name: self.name.clone(),
            dataset_group_arn: group.clone(),
            recipe_arn: self.recipe_arn.clone(),
            recommender_config: self.config.clone(),
        }
    }
}

impl Wanted {
    /// Whether a campaign may come to serve a solution.
    pub(crate) fn campaigns_of<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Campaign> {
        self.campaigns.iter().filter(move |campaign| match &campaign.solution {
            Choice::Of(of) => of == key,
            Choice::Best => true,
        })
    }
}
