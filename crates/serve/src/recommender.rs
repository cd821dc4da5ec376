//! A recommender: a use case of a domain dataset group that trains and serves by itself. Created and updated by runs, as campaigns are.

use std::collections::BTreeMap;

use dataset::Domain;
use domain::arn::Partition;
use domain::{Arn, Error, Name, Result, Timestamp};
use runs::{Run, RunId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Resource, Stored};
use train::{RecipeInfo, Solution};

use crate::campaign::CampaignConfig;

/// As DescribeRecommender shows it, with the runs its status follows from. Key: its ARN; parent: its group's ARN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recommender {
    pub name: Name,
    pub recommender_arn: Arn,
    pub dataset_group_arn: Arn,
    pub recipe_arn: Arn,
    #[serde(default)]
    pub recommender_config: RecommenderConfig,
    /// The version that answers (or will, when the recommender is being created); not part of AWS's answer, nor is what follows.
    pub solution_version_arn: Arn,
    /// Whether it was stopped and answers nobody.
    #[serde(default)]
    pub stopped: bool,
    /// The run that creates it.
    pub run: RunId,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub latest_recommender_update: Option<RecommenderUpdate>,
}

/// The last UpdateRecommender. The recommender answers as before until its run has succeeded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecommenderUpdate {
    pub recommender_config: RecommenderConfig,
    pub solution_version_arn: Arn,
    pub run: RunId,
    /// Whether nobody asked for it: then a version that is worse than the one that answers does not replace it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub automatic: bool,
}

impl Resource for Recommender {
    const KIND: &'static str = "recommender";
    fn key(&self) -> String {
        self.recommender_arn.to_string()
    }
    fn parent(&self) -> String {
        self.dataset_group_arn.to_string()
    }
}

impl Recommender {
    /// How it is named to whoever wants to delete its dataset group.
    pub(crate) fn holder(&self) -> String {
        format!("recommender \"{}\"", self.name)
    }

    /// What it trains with these settings.
    pub(crate) fn solution(&self, config: &RecommenderConfig) -> Result<Solution> {
        config.solution(&self.name, &self.recommender_arn, &self.dataset_group_arn, &train::recipe(&self.recipe_arn)?)
    }
}

/// AWS's `recommenderConfig`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RecommenderConfig {
    /// As that of a campaign.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub item_exploration_config: BTreeMap<String, String>,
    /// A floor on AWS's bill: kept, without effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_recommendation_requests_per_second: Option<u32>,
    /// As that of a solution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub training_data_config: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_metadata_with_recommendations: Option<bool>,
}

impl RecommenderConfig {
    /// Refuses settings that are not offered or cannot be.
    pub fn check(&self) -> Result<()> {
        if self.min_recommendation_requests_per_second == Some(0) {
            return Err(Error::invalid_input("minRecommendationRequestsPerSecond is at least 1; found 0."));
        }
        self.serving().check()
    }

    /// Refuses what has no effect on a training.
    fn solution(&self, name: &Name, arn: &Arn, group: &Arn, recipe: &RecipeInfo) -> Result<Solution> {
        Solution::of_recommender(name, arn.clone(), group, recipe, self.training_data_config.clone())
    }

    /// What of it is about serving, as campaigns have it.
    pub(crate) fn serving(&self) -> CampaignConfig {
        CampaignConfig {
            item_exploration_config: self.item_exploration_config.clone(),
            enable_metadata_with_recommendations: self.enable_metadata_with_recommendations,
            ..CampaignConfig::default()
        }
    }
}

/// The request of CreateRecommender.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRecommender {
    pub name: String,
    pub dataset_group_arn: Arn,
    pub recipe_arn: Arn,
    #[serde(default)]
    pub recommender_config: Option<RecommenderConfig>,
}

impl CreateRecommender {
    /// What creating it in a group of this domain would refuse whatever else there is.
    pub fn check(&self, domain: Option<Domain>) -> Result<()> {
        let name = Name::new(self.name.clone())?;
        let config = self.recommender_config.clone().unwrap_or_default();
        let recipe = train::recipe(&self.recipe_arn)?;
        check_domain(self.dataset_group_arn.id(), domain, &recipe)?;
        config.check()?;
        let arn = Partition::default().personalize("recommender", &name);
        config.solution(&name, &arn, &self.dataset_group_arn, &recipe).map(|_| ())
    }
}

/// Recommenders are of groups with a domain, and of that domain's recipes.
fn check_domain(group: &str, domain: Option<Domain>, recipe: &RecipeInfo) -> Result<()> {
    let Some(domain) = domain else {
        return Err(Error::invalid_input(format!(
            "Recommenders are of dataset groups with a domain; {group:?} has none: create a solution and a campaign instead."
        )));
    };
    let of_domain = |recipe: &RecipeInfo| recipe.use_case.is_some_and(|use_case| use_case.domain == domain);
    if of_domain(recipe) {
        return Ok(());
    }
    let known: Vec<&str> = train::recipes().iter().filter(|recipe| of_domain(recipe)).map(|recipe| recipe.name).collect();
    Err(Error::invalid_input(format!(
        "Dataset group {group:?} is of domain {}, whose recommenders have one of the recipes {}; found {}, which is {}.",
        domain.as_str(),
        known.join(", "),
        recipe.name,
        recipe.use_case.map_or("for solutions".into(), |use_case| format!("of {}", use_case.domain.as_str())),
    )))
}

/// The request of UpdateRecommender.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateRecommender {
    pub recommender_arn: Arn,
    pub recommender_config: RecommenderConfig,
    /// One that [`crate::Serving::train_recommender`] made; absent: one is trained. Not for the wire.
    #[serde(skip)]
    pub version: Option<Arn>,
}

/// A recommender together with the runs its status follows from.
#[derive(Debug, Clone)]
pub struct RecommenderView {
    pub recommender: Stored<Recommender>,
    pub run: Run,
    /// The run of `latest_recommender_update`.
    pub update: Option<Run>,
}

impl RecommenderView {
    /// Personalize's word: ACTIVE once it answers, also while it is updated; INACTIVE while it is stopped.
    pub fn status(&self) -> &'static str {
        match word(&self.run) {
            "ACTIVE" if self.recommender.stopped => "INACTIVE",
            status => status,
        }
    }

    pub fn failure_reason(&self) -> Option<&str> {
        self.run.message.as_deref()
    }

    /// Personalize's word for the last update.
    pub fn update_status(&self) -> Option<&'static str> {
        self.update.as_ref().map(word)
    }

    pub fn last_updated(&self) -> Timestamp {
        let runs = [Some(&self.run), self.update.as_ref()];
        runs.into_iter().flatten().filter_map(|run| run.ended).fold(self.recommender.updated, Timestamp::max)
    }
}

/// Recommenders know no STOPPED.
fn word(run: &Run) -> &'static str {
    match run.state.personalize_status() {
        "CREATE STOPPED" => "CREATE FAILED",
        status => status,
    }
}
