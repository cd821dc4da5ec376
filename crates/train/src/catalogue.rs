//! The recipes as AWS names them, and which of our recipes does the work of each.

use std::collections::BTreeMap;

use domain::{Arn, Error, Result};
use serde::Serialize;

/// A recipe on the wire. Only names that are really backed by a model are listed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecipeInfo {
    pub name: &'static str,
    pub recipe_arn: Arn,
    pub algorithm_arn: Arn,
    pub feature_transformation_arn: Arn,
    /// `USER_PERSONALIZATION` or `PERSONALIZED_RANKING`.
    pub recipe_type: &'static str,
    pub status: &'static str,
    pub description: &'static str,
    /// The name in [`recipes::NAMES`] of what is trained.
    #[serde(skip)]
    pub backing: &'static str,
}

struct Row {
    name: &'static str,
    recipe_type: &'static str,
    backing: &'static str,
    description: &'static str,
}

const PERSONAL: &str = "USER_PERSONALIZATION";
const RANKING: &str = "PERSONALIZED_RANKING";
/// The baseline: what is left when a recipe does not beat it.
pub const POPULARITY: &str = "aws-popularity-count";

const ROWS: [Row; 6] = [
    Row {
        name: POPULARITY,
        recipe_type: PERSONAL,
        backing: "popularity",
        description: "Best-sellers: the items that most different users had.",
    },
    Row {
        name: "aws-user-personalization",
        recipe_type: PERSONAL,
        backing: "linear",
        description: "What this user is likely to want next: a linear item-to-item model that weighs what came last.",
    },
    Row {
        name: "aws-user-personalization-v2",
        recipe_type: PERSONAL,
        backing: "linear",
        description: "What this user is likely to want next: the same model as aws-user-personalization.",
    },
    Row {
        name: "aws-personalized-ranking",
        recipe_type: RANKING,
        backing: "linear",
        description: "Puts a given list of items in order for a user, with the model of aws-user-personalization.",
    },
    Row {
        name: "aws-personalized-ranking-v2",
        recipe_type: RANKING,
        backing: "linear",
        description: "Puts a given list of items in order for a user: the same model as aws-personalized-ranking.",
    },
    Row {
        name: "penchant-popular-recent",
        recipe_type: PERSONAL,
        backing: "recent_popularity",
        description: "Best-sellers of the last days (hyperparameter days). Not known to AWS.",
    },
];

/// Names that AWS's recipes take and that steer networks which we do not train: accepted, checked for range, without effect.
const WITHOUT_EFFECT: [(&str, f64, f64); 4] = [
    ("hidden_dimension", 32.0, 256.0),
    ("bptt", 2.0, 32.0),
    ("min_user_history_length_percentile", 0.0, 1.0),
    ("max_user_history_length_percentile", 0.0, 1.0),
];

/// AWS's switches for "what came last matters"; `false` trains the order-free model.
const RECENCY: [&str; 2] = ["recency_mask", "apply_recency_bias"];

impl RecipeInfo {
    fn new(row: &Row) -> Self {
        let built_in = |kind: &str| Arn::parse(format!("arn:aws:personalize:::{kind}/{}", row.name));
        let recipe_arn = Arn::recipe(row.name);
        Self {
            name: row.name,
            algorithm_arn: built_in("algorithm").unwrap_or_else(|_| recipe_arn.clone()),
            feature_transformation_arn: built_in("feature-transformation").unwrap_or_else(|_| recipe_arn.clone()),
            recipe_arn,
            recipe_type: row.recipe_type,
            status: "ACTIVE",
            description: row.description,
            backing: row.backing,
        }
    }

    /// Whether campaigns of this recipe only put given lists in order.
    pub fn is_ranking(&self) -> bool {
        self.recipe_type == RANKING
    }

    /// Whether scores are probabilities; popularity has none on the wire.
    pub fn has_scores(&self) -> bool {
        self.backing == "linear"
    }
}

/// All recipes, in the order in which they are listed.
pub fn recipes() -> Vec<RecipeInfo> {
    ROWS.iter().map(RecipeInfo::new).collect()
}

/// The recipe of an ARN; `NotFound` lists the names there are.
pub fn recipe(arn: &Arn) -> Result<RecipeInfo> {
    recipes().into_iter().find(|recipe| &recipe.recipe_arn == arn).ok_or_else(|| {
        let known: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
        Error::new(
            domain::ErrorKind::NotFound,
            format!("Recipe {arn} does not exist; there are {} (as arn:aws:personalize:::recipe/<name>).", known.join(", ")),
        )
    })
}

/// Hyperparameters as given, sorted into what the model takes and what has no effect here.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Hyperparameters {
    /// For [`recipes::recipe()`].
    pub given: BTreeMap<String, String>,
    pub without_effect: Vec<String>,
}

/// Checks names and ranges; the error names the parameter, its range and what was found.
pub(crate) fn hyperparameters(recipe: &RecipeInfo, given: &BTreeMap<String, String>) -> Result<Hyperparameters> {
    let mut sorted = Hyperparameters::default();
    for (name, value) in given {
        let is_aws = recipe.name.starts_with("aws-") && recipe.has_scores();
        if let Some((_, min, max)) = WITHOUT_EFFECT.iter().find(|(known, ..)| is_aws && known == name) {
            check_range(name, value, *min, *max)?;
            sorted.without_effect.push(name.clone());
        } else if is_aws && RECENCY.contains(&name.as_str()) {
            if !truth(name, value)? {
                sorted.given.entry("alpha".into()).or_insert_with(|| "1".into());
                sorted.given.entry("tau_inf".into()).or_insert_with(|| "inf".into());
            }
        } else {
            sorted.given.insert(name.clone(), value.clone());
        }
    }
    recipes::recipe(recipe.backing, &sorted.given).map_err(|e| Error::invalid_input(e.to_string()).with("recipe", recipe.name))?;
    Ok(sorted)
}

fn check_range(name: &str, value: &str, min: f64, max: f64) -> Result<()> {
    match value.trim().parse::<f64>() {
        Ok(number) if (min..=max).contains(&number) => Ok(()),
        _ => Err(Error::invalid_input(format!("{name} must be a number from {min} to {max}, found `{value}`."))),
    }
}

fn truth(name: &str, value: &str) -> Result<bool> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::invalid_input(format!("{name} must be true or false, found `{value}`."))),
    }
}
