//! A solution: a dataset group, a recipe and how to train. Creating one trains nothing yet.

use std::collections::BTreeMap;

use domain::arn::Partition;
use domain::{Arn, Error, Name, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Resource;

use crate::catalogue::{self, RecipeInfo};
use crate::ranges::HyperParameterRanges;
use crate::renewal::{AutoTrainingConfig, check_schedule};

/// As DescribeSolution shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Solution {
    pub name: Name,
    pub solution_arn: Arn,
    pub dataset_group_arn: Arn,
    pub recipe_arn: Arn,
    #[serde(rename = "performHPO")]
    pub perform_hpo: bool,
    #[serde(rename = "performAutoML")]
    pub perform_auto_ml: bool,
    pub perform_auto_training: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub event_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub solution_config: Option<SolutionConfig>,
}

impl Resource for Solution {
    const KIND: &'static str = "solution";
    fn key(&self) -> String {
        self.solution_arn.to_string()
    }
    fn parent(&self) -> String {
        self.dataset_group_arn.to_string()
    }
}

/// The parts of AWS's `solutionConfig` that have an effect here; others are refused by name in [`CreateSolution`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SolutionConfig {
    /// Only events with an EVENT_VALUE of at least this count; with `eventType`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_value_threshold: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events_config: Option<EventsConfig>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub algorithm_hyper_parameters: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub feature_transformation_parameters: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hpo_config: Option<HpoConfig>,
    /// With `performAutoML`.
    #[serde(rename = "autoMLConfig", skip_serializing_if = "Option::is_none")]
    pub auto_ml_config: Option<AutoMlConfig>,
    /// With `performAutoTraining`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_training_config: Option<AutoTrainingConfig>,
    /// Members that we know of but do not act on: refused, so that nothing is silently ignored.
    #[serde(flatten)]
    pub(crate) others: BTreeMap<String, serde_json::Value>,
}

/// Which events train, and how heavily.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EventsConfig {
    pub event_parameters_list: Vec<EventParameters>,
}

/// One event type; without a weight it counts 1, without a threshold every value counts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EventParameters {
    pub event_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_value_threshold: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
}

/// How much searching is wanted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HpoConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hpo_resource_config: Option<HpoResourceConfig>,
    #[serde(skip_serializing_if = "HyperParameterRanges::is_empty")]
    pub algorithm_hyper_parameter_ranges: HyperParameterRanges,
    #[serde(flatten)]
    pub(crate) others: BTreeMap<String, serde_json::Value>,
}

/// Which recipes an automatic choice may take; all when there is no list.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AutoMlConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recipe_list: Vec<Arn>,
}

/// Numbers as text, as AWS has them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HpoResourceConfig {
    #[serde(rename = "maxNumberOfTrainingJobs", skip_serializing_if = "Option::is_none")]
    pub max_number_of_training_jobs: Option<String>,
    #[serde(rename = "maxParallelTrainingJobs", skip_serializing_if = "Option::is_none")]
    pub max_parallel_training_jobs: Option<String>,
}

/// The request of CreateSolution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateSolution {
    pub name: String,
    pub dataset_group_arn: Arn,
    #[serde(default)]
    pub recipe_arn: Option<Arn>,
    #[serde(rename = "performHPO", default)]
    pub perform_hpo: Option<bool>,
    #[serde(rename = "performAutoML", default)]
    pub perform_auto_ml: Option<bool>,
    #[serde(default)]
    pub perform_auto_training: Option<bool>,
    #[serde(default)]
    pub event_type: Option<String>,
    #[serde(default)]
    pub solution_config: Option<SolutionConfig>,
}

/// Most fits that a search may take.
pub const MAX_FITS: usize = 40;
/// Fits of a search unless asked otherwise; with `performHPO` three times as many.
pub const DEFAULT_FITS: usize = 3;

/// The kind in the ARN of a solution.
const SOLUTION: &str = "solution";

impl CreateSolution {
    /// Whether a solution is as this request asks for it.
    pub fn describes(&self, solution: &Solution) -> bool {
        self.wanted_recipe() == solution.recipe_arn
            && self.perform_auto_ml.unwrap_or(false) == solution.perform_auto_ml
            && self.perform_hpo.unwrap_or(false) == solution.perform_hpo
            && self.event_type == solution.event_type
            && self.solution_config == solution.solution_config
    }

    /// The recipe of the solution; without one it is chosen automatically.
    pub fn wanted_recipe(&self) -> Arn {
        self.recipe_arn.clone().unwrap_or_else(|| Arn::recipe(catalogue::AUTOMATIC))
    }

    /// What creating it would refuse whatever else there is.
    pub fn check(&self) -> Result<()> {
        self.clone().into_solution(Partition::default().personalize(SOLUTION, &self.name)).map(|_| ())
    }

    /// Checks all that can be checked without looking at other resources.
    pub(crate) fn into_solution(self, solution_arn: Arn) -> Result<Solution> {
        let perform_auto_ml = self.perform_auto_ml.unwrap_or(false);
        let recipe = match (self.recipe_arn, perform_auto_ml) {
            (Some(arn), false) => catalogue::recipe(&arn)?,
            (None, true) => catalogue::recipe(&Arn::recipe(catalogue::AUTOMATIC))?,
            (Some(arn), true) => {
                return Err(Error::invalid_input(format!(
                    "With performAutoML the recipe is chosen for you: leave recipeArn out; found {arn}."
                )));
            }
            (None, false) => return Err(Error::invalid_input("recipeArn is required unless performAutoML is true; found none.")),
        };
        if recipe.use_case.is_some() && solution_arn.kind() == SOLUTION {
            let name = recipe.name;
            return Err(Error::invalid_input(format!("Recipe {name} is for recommenders: use CreateRecommender, or name another recipe.")));
        }
        let solution = Solution {
            name: Name::new(self.name)?,
            solution_arn,
            dataset_group_arn: self.dataset_group_arn,
            recipe_arn: recipe.recipe_arn,
            perform_hpo: self.perform_hpo.unwrap_or(false),
            perform_auto_ml,
            perform_auto_training: self.perform_auto_training.unwrap_or(false),
            event_type: self.event_type,
            solution_config: self.solution_config,
        };
        solution.check()?;
        let scheduled = solution.solution_config.as_ref().is_some_and(|config| config.auto_training_config.is_some());
        check_schedule(scheduled, solution.perform_auto_training)?;
        Ok(solution)
    }
}

impl Solution {
    /// What cannot be trained as it is configured.
    pub(crate) fn check(&self) -> Result<()> {
        let Some(config) = &self.solution_config else { return Ok(()) };
        let recipe = catalogue::recipe(&self.recipe_arn)?;
        config.check(self.event_type.as_deref(), &recipe)?;
        config.auto_training_config.as_ref().map_or(Ok(()), AutoTrainingConfig::check)?;
        catalogue::hyperparameters(&recipe, &config.all_parameters()).map(|_| ())
    }

    /// What a recommender trains: a solution that is kept by it, under its own ARN. `training_data` is its `trainingDataConfig`.
    pub fn of_recommender(
        name: &Name,
        arn: Arn,
        dataset_group_arn: &Arn,
        recipe: &RecipeInfo,
        training_data: Option<Value>,
    ) -> Result<Self> {
        let event_type = recipe.use_case.and_then(|use_case| use_case.trains_on);
        let config = training_data.map(|given| json!({"trainingDataConfig": given}));
        let request = json!({
            "name": name, "datasetGroupArn": dataset_group_arn, "recipeArn": recipe.recipe_arn, "performAutoTraining": false,
            "eventType": event_type, "solutionConfig": config,
        });
        let request: CreateSolution =
            serde_json::from_value(request).map_err(|e| Error::invalid_input(format!("recommenderConfig cannot be used: {e}.")))?;
        request.into_solution(arn).map_err(|e| Error::new(e.kind, e.message.replace("solutionConfig.", "recommenderConfig.")))
    }
}

impl SolutionConfig {
    fn check(&self, event_type: Option<&str>, recipe: &RecipeInfo) -> Result<()> {
        let hpo = self.hpo_config.iter().flat_map(|hpo| hpo.others.keys().map(|name| ("hpoConfig", name)));
        let refused = self.others.keys().map(|name| ("solutionConfig", name)).chain(hpo).find(|(_, name)| name.as_str() != "hpoObjective");
        if let Some((place, name)) = refused {
            return Err(Error::invalid_input(format!("{place}.{name} has no effect here and is refused: leave it out.")));
        }
        self.threshold()?;
        self.fits(false)?;
        self.check_search(recipe)?;
        if self.event_value_threshold.is_some() && event_type.is_none() {
            return Err(Error::invalid_input("solutionConfig.eventValueThreshold needs eventType; found none."));
        }
        let Some(events) = &self.events_config else { return Ok(()) };
        if event_type.is_some() {
            return Err(Error::invalid_input("Give eventType or solutionConfig.eventsConfig, not both."));
        }
        if !(1..=10).contains(&events.event_parameters_list.len()) {
            let found = events.event_parameters_list.len();
            return Err(Error::invalid_input(format!("eventsConfig.eventParametersList has 1 to 10 event types; found {found}.")));
        }
        match events.event_parameters_list.iter().find(|event| !(0.0..=1.0).contains(&event.weight.unwrap_or(1.0))) {
            Some(event) => Err(Error::invalid_input(format!(
                "The weight of event type {:?} is a number from 0 to 1; found {}.",
                event.event_type,
                event.weight.unwrap_or_default()
            ))),
            None => Ok(()),
        }
    }

    fn check_search(&self, recipe: &RecipeInfo) -> Result<()> {
        let is_automatic = recipe.name == catalogue::AUTOMATIC;
        if let Some(automatic) = &self.auto_ml_config {
            if !is_automatic {
                return Err(Error::invalid_input("solutionConfig.autoMLConfig needs performAutoML; found a recipe instead."));
            }
            if automatic.metric_name.as_deref().is_some_and(|name| name != evaluate::NDCG_AT_10) {
                let (known, found) = (evaluate::NDCG_AT_10, automatic.metric_name.as_deref().unwrap_or_default());
                return Err(Error::invalid_input(format!("autoMLConfig.metricName is {known}; found {found}.")));
            }
            self.candidates()?;
        }
        match self.ranges() {
            Some(ranges) if is_automatic && !ranges.is_empty() => {
                Err(Error::invalid_input(format!("{} chooses its hyperparameters itself: leave the ranges out.", recipe.name)))
            }
            Some(ranges) => ranges.check(recipe, &self.all_parameters()),
            None => Ok(()),
        }
    }

    pub(crate) fn ranges(&self) -> Option<&HyperParameterRanges> {
        self.hpo_config.as_ref().map(|hpo| &hpo.algorithm_hyper_parameter_ranges)
    }

    /// The backings of `autoMLConfig.recipeList`; empty when any may be chosen.
    pub(crate) fn candidates(&self) -> Result<Vec<&'static str>> {
        let list = self.auto_ml_config.iter().flat_map(|automatic| &automatic.recipe_list);
        list.map(|arn| match catalogue::recipe(arn)? {
            recipe if recipe.is_related() || recipe.name == catalogue::AUTOMATIC => {
                Err(Error::invalid_input(format!("autoMLConfig.recipeList has recipes that recommend for users; found {arn}.")))
            }
            recipe => Ok(recipe.backing),
        })
        .collect()
    }

    /// The least EVENT_VALUE that counts.
    pub(crate) fn threshold(&self) -> Result<Option<f64>> {
        let parse = |text: &String| {
            text.trim()
                .parse::<f64>()
                .map_err(|_| Error::invalid_input(format!("solutionConfig.eventValueThreshold is a number as text; found {text:?}.")))
        };
        self.event_value_threshold.as_ref().map(parse).transpose()
    }

    /// How many candidates a search may fit.
    pub(crate) fn fits(&self, perform_hpo: bool) -> Result<usize> {
        let asked = self.hpo_config.as_ref().and_then(|hpo| hpo.hpo_resource_config.as_ref());
        match asked.and_then(|resources| resources.max_number_of_training_jobs.as_ref()) {
            None if perform_hpo => Ok(3 * DEFAULT_FITS),
            None => Ok(DEFAULT_FITS),
            Some(text) => text.trim().parse::<usize>().ok().filter(|jobs| (1..=MAX_FITS).contains(jobs)).ok_or_else(|| {
                Error::invalid_input(format!("maxNumberOfTrainingJobs is a whole number from 1 to {MAX_FITS} as text; found {text:?}."))
            }),
        }
    }

    /// Hyperparameters of model and features together.
    pub(crate) fn all_parameters(&self) -> BTreeMap<String, String> {
        let both = self.algorithm_hyper_parameters.iter().chain(&self.feature_transformation_parameters);
        both.map(|(name, value)| (name.rsplit('.').next().unwrap_or(name).to_owned(), value.clone())).collect()
    }
}
