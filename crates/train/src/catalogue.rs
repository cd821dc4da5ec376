//! The recipes as AWS names them, and which of our recipes does the work of each.

use std::collections::BTreeMap;

use domain::{Arn, Error, Result};
use serde::Serialize;

use crate::auto::AUTO;
use crate::use_case::{self, UseCase};

/// A recipe on the wire. Only names that are really backed by a model are listed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecipeInfo {
    pub name: &'static str,
    pub recipe_arn: Arn,
    pub algorithm_arn: Arn,
    pub feature_transformation_arn: Arn,
    /// `USER_PERSONALIZATION`, `PERSONALIZED_RANKING`, `RELATED_ITEMS` or `TRENDING_NOW`.
    pub recipe_type: &'static str,
    pub status: &'static str,
    pub description: &'static str,
    /// The name in [`recipes::NAMES`] of what is trained, or `auto`.
    #[serde(skip)]
    pub backing: &'static str,
    /// For recommenders of a domain dataset group, not for solutions.
    #[serde(skip)]
    pub use_case: Option<UseCase>,
}

struct Row {
    name: &'static str,
    recipe_type: &'static str,
    backing: &'static str,
    /// What AWS's recipe of this name takes.
    takes: &'static [Theirs],
    description: &'static str,
    use_case: Option<UseCase>,
}

const PERSONAL: &str = "USER_PERSONALIZATION";
const RANKING: &str = "PERSONALIZED_RANKING";
const RELATED: &str = "RELATED_ITEMS";
const TRENDING: &str = "TRENDING_NOW";
/// The baseline: what is left when a recipe does not beat it.
pub const POPULARITY: &str = "aws-popularity-count";
/// What `performAutoML` trains.
pub(crate) const AUTOMATIC: &str = "penchant-auto";

const ROWS: [Row; 13] = [
    Row {
        name: POPULARITY,
        recipe_type: PERSONAL,
        backing: "popularity",
        takes: &[],
        description: "Best-sellers: the items that most different users had.",
        use_case: None,
    },
    Row {
        name: "aws-user-personalization",
        recipe_type: PERSONAL,
        backing: "linear",
        takes: &NETWORK,
        description: "What this user is likely to want next: a linear item-to-item model that weighs what came last.",
        use_case: None,
    },
    Row {
        name: "aws-user-personalization-v2",
        recipe_type: PERSONAL,
        backing: "linear",
        takes: &NETWORK,
        description: "What this user is likely to want next: the same model as aws-user-personalization.",
        use_case: None,
    },
    Row {
        name: "aws-personalized-ranking",
        recipe_type: RANKING,
        backing: "linear",
        takes: &NETWORK,
        description: "Puts a given list of items in order for a user, with the model of aws-user-personalization.",
        use_case: None,
    },
    Row {
        name: "aws-personalized-ranking-v2",
        recipe_type: RANKING,
        backing: "linear",
        takes: &NETWORK,
        description: "Puts a given list of items in order for a user: the same model as aws-personalized-ranking.",
        use_case: None,
    },
    Row {
        name: "aws-similar-items",
        recipe_type: RELATED,
        backing: "similar",
        takes: &SIMILAR_ITEMS,
        description: "Items that the same users have as the given one: co-occurrence, discounted for popularity and long histories.",
        use_case: None,
    },
    Row {
        name: "aws-sims",
        recipe_type: RELATED,
        backing: "similar",
        takes: &SIMS,
        description: "Items that the same users have as the given one: the same model as aws-similar-items, with the parameters of SIMS.",
        use_case: None,
    },
    Row {
        name: "aws-trending-now",
        recipe_type: TRENDING,
        backing: "trending",
        takes: &TRENDS,
        description: "What is on the rise: users of the last interval against what an item's own past lets expect.",
        use_case: None,
    },
    Row {
        name: "aws-hrnn",
        recipe_type: PERSONAL,
        backing: "linear",
        takes: &NETWORK,
        description: "A name of older scripts: the same model as aws-user-personalization.",
        use_case: None,
    },
    Row {
        name: "aws-hrnn-metadata",
        recipe_type: PERSONAL,
        backing: "linear",
        takes: &NETWORK,
        description: "A name of older scripts: the same model as aws-user-personalization.",
        use_case: None,
    },
    Row {
        name: "aws-hrnn-coldstart",
        recipe_type: PERSONAL,
        backing: "linear",
        takes: &COLD_START,
        description: "A name of older scripts: the same model as aws-user-personalization.",
        use_case: None,
    },
    Row {
        name: "penchant-popular-recent",
        recipe_type: PERSONAL,
        backing: "recent_popularity",
        takes: &[],
        description: "Best-sellers of the last days (hyperparameter days). Not known to AWS.",
        use_case: None,
    },
    Row {
        name: AUTOMATIC,
        recipe_type: PERSONAL,
        backing: AUTO,
        takes: &[],
        description: "Tries everything that recommends for users, tunes the best and blends them where that is better. Not known to AWS.",
        use_case: None,
    },
];

/// AWS's domain use cases.
const DOMAIN_ROWS: [Row; 10] = [
    Row {
        name: "aws-ecomm-popular-items-by-views",
        recipe_type: PERSONAL,
        backing: "popularity",
        takes: &[],
        description: "Most viewed: the items that most different users looked at.",
        use_case: Some(use_case::MOST_VIEWED),
    },
    Row {
        name: "aws-ecomm-popular-items-by-purchases",
        recipe_type: PERSONAL,
        backing: "popularity",
        takes: &[],
        description: "Best-sellers: the items that most different users bought.",
        use_case: Some(use_case::BEST_SELLERS),
    },
    Row {
        name: "aws-ecomm-frequently-bought-together",
        recipe_type: RELATED,
        backing: "similar",
        takes: &[],
        description: "What the users who bought the given item bought besides.",
        use_case: Some(use_case::BOUGHT_TOGETHER),
    },
    Row {
        name: "aws-ecomm-customers-who-viewed-x-also-viewed",
        recipe_type: RELATED,
        backing: "similar",
        takes: &[],
        description: "What the users who looked at the given item looked at besides, without what this user bought already.",
        use_case: Some(use_case::ALSO_VIEWED),
    },
    Row {
        name: "aws-ecomm-recommended-for-you",
        recipe_type: PERSONAL,
        backing: "linear",
        takes: &[],
        description: "What this user is likely to want next, without what they bought already.",
        use_case: Some(use_case::SHOPPER),
    },
    Row {
        name: "aws-vod-because-you-watched-x",
        recipe_type: RELATED,
        backing: "similar",
        takes: &[],
        description: "What the users who watched the given video watched besides, without what this user watched already.",
        use_case: Some(use_case::BECAUSE_YOU_WATCHED),
    },
    Row {
        name: "aws-vod-more-like-x",
        recipe_type: RELATED,
        backing: "similar",
        takes: &[],
        description: "Videos like the given one, by who watched them, without what this user watched already.",
        use_case: Some(use_case::MORE_LIKE),
    },
    Row {
        name: "aws-vod-trending-now",
        recipe_type: TRENDING,
        backing: "trending",
        takes: &[],
        description: "Videos on the rise: users of the last interval against what a video's own past lets expect.",
        use_case: Some(use_case::TRENDING),
    },
    Row {
        name: "aws-vod-most-popular",
        recipe_type: PERSONAL,
        backing: "popularity",
        takes: &[],
        description: "Most popular: the videos that most different users watched.",
        use_case: Some(use_case::MOST_WATCHED),
    },
    Row {
        name: "aws-vod-top-picks",
        recipe_type: PERSONAL,
        backing: "linear",
        takes: &[],
        description: "What this user is likely to watch next, without what they watched already.",
        use_case: Some(use_case::TOP_PICKS),
    },
];

/// A hyperparameter that AWS's recipe takes, and what becomes of it here.
pub(crate) struct Theirs {
    pub(crate) name: &'static str,
    pub(crate) does: Does,
}

pub(crate) enum Does {
    /// Checked for its range, without effect: it steers networks that are not trained here.
    Nothing(f64, f64),
    /// Sets a parameter of ours, within AWS's range.
    Sets(&'static str, f64, f64),
    /// `false` trains the model that ignores order.
    Recency,
    /// A length of time in words.
    Interval,
}

const fn ignored(name: &'static str, min: f64, max: f64) -> Theirs {
    Theirs { name, does: Does::Nothing(min, max) }
}

const fn sets(name: &'static str, ours: &'static str, min: f64, max: f64) -> Theirs {
    Theirs { name, does: Does::Sets(ours, min, max) }
}

const HIDDEN: Theirs = ignored("hidden_dimension", 32.0, 256.0);
const BPTT: Theirs = ignored("bptt", 2.0, 32.0);
const SHORTEST: Theirs = ignored("min_user_history_length_percentile", 0.0, 1.0);
const LONGEST: Theirs = ignored("max_user_history_length_percentile", 0.0, 1.0);
const MASK: Theirs = Theirs { name: "recency_mask", does: Does::Recency };
const BIAS: Theirs = Theirs { name: "apply_recency_bias", does: Does::Recency };

const NETWORK: [Theirs; 6] = [HIDDEN, BPTT, SHORTEST, LONGEST, MASK, BIAS];
const COLD_START: [Theirs; 8] = [
    HIDDEN,
    BPTT,
    SHORTEST,
    LONGEST,
    MASK,
    ignored("cold_start_max_interactions", 1.0, f64::INFINITY),
    ignored("cold_start_max_duration", 1.0, f64::INFINITY),
    Theirs { name: "cold_start_relative_from", does: Does::Nothing(f64::NEG_INFINITY, f64::INFINITY) },
];
const SIMILAR_ITEMS: [Theirs; 3] = [
    sets("popularity_discount_factor", "popularity_discount", 0.0, 1.0),
    ignored("item_id_hidden_dim", 30.0, 200.0),
    ignored("item_metadata_hidden_dim", 30.0, 200.0),
];
const SIMS: [Theirs; 6] = [
    sets("popularity_discount_factor", "popularity_discount", 0.0, 1.0),
    sets("min_cointeraction_count", "min_users", 0.0, 10.0),
    SHORTEST,
    LONGEST,
    ignored("min_item_interaction_count_percentile", 0.0, 1.0),
    ignored("max_item_interaction_count_percentile", 0.0, 1.0),
];
const TRENDS: [Theirs; 1] = [Theirs { name: "trend_discovery_frequency", does: Does::Interval }];

/// The intervals of trends, in hours.
pub(crate) const INTERVALS: [(&str, f64); 5] = [("30 minutes", 0.5), ("1 hour", 1.0), ("2 hours", 2.0), ("3 hours", 3.0), ("1 day", 24.0)];
/// AWS's default.
pub(crate) const USUAL_INTERVAL: &str = "2 hours";
/// What is usual for an item is seen from so many hours before the interval.
const TREND_BASELINE_HOURS: f64 = 7.0 * 24.0;

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
            use_case: row.use_case,
        }
    }

    /// Whether campaigns of this recipe only put given lists in order.
    pub fn is_ranking(&self) -> bool {
        self.recipe_type == RANKING
    }

    /// Whether campaigns of this recipe are asked with an item.
    pub fn is_related(&self) -> bool {
        self.recipe_type == RELATED
    }

    /// Whether answers differ between users, so that one must be named.
    pub fn is_personal(&self) -> bool {
        matches!(self.backing, "linear" | AUTO)
    }

    /// Whether scores on the wire are probabilities; as in AWS, related items, counters and recommenders have none.
    pub fn has_scores(&self) -> bool {
        self.is_personal() && self.use_case.is_none()
    }

    pub(crate) fn takes(&self) -> &'static [Theirs] {
        rows().find(|row| row.name == self.name).map_or(&[], |row| row.takes)
    }
}

fn rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().chain(&DOMAIN_ROWS)
}

/// All recipes, in the order in which they are listed.
pub fn recipes() -> Vec<RecipeInfo> {
    rows().map(RecipeInfo::new).collect()
}

/// The recipe of an ARN; `NotFound` lists the names there are.
pub fn recipe(arn: &Arn) -> Result<RecipeInfo> {
    recipes().into_iter().find(|recipe| &recipe.recipe_arn == arn).ok_or_else(|| {
        let known: Vec<&str> = rows().map(|row| row.name).collect();
        Error::new(
            domain::ErrorKind::NotFound,
            format!("Recipe {arn} does not exist; there are {} (as arn:aws:personalize:::recipe/<name>).", known.join(", ")),
        )
    })
}

/// The recipe of AWS's that stands for what a search chose.
pub(crate) fn standing_for(backing: &str) -> Arn {
    let row = ROWS.iter().find(|row| row.backing == backing && row.recipe_type != RELATED);
    Arn::recipe(row.map_or(AUTOMATIC, |row| row.name))
}

/// What a search aims at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Goal {
    /// What users do next, Personalize's own measure.
    #[default]
    NextAction,
    /// What they do in the time to come.
    ComingPeriod,
}

/// Hyperparameters as given, sorted into what the model takes, what the search takes, and what has no effect here.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Hyperparameters {
    /// For [`recipes::recipe()`].
    pub given: BTreeMap<String, String>,
    pub goal: Goal,
    /// After so many seconds a search tries nothing more.
    pub budget_s: Option<f64>,
    pub without_effect: Vec<String>,
}

pub(crate) const GOAL: &str = "goal";
pub(crate) const BUDGET: &str = "time_budget_seconds";

/// Checks names and ranges; the error names the parameter, its range and what was found.
pub(crate) fn hyperparameters(recipe: &RecipeInfo, given: &BTreeMap<String, String>) -> Result<Hyperparameters> {
    let mut sorted = Hyperparameters::default();
    if recipe.backing == "trending" {
        set_interval(&mut sorted.given, USUAL_INTERVAL)?;
    }
    for (name, value) in given {
        match recipe.takes().iter().find(|theirs| theirs.name == name) {
            Some(theirs) => take(theirs, value, &mut sorted)?,
            None if name == GOAL => sorted.goal = goal(value)?,
            None if name == BUDGET => sorted.budget_s = Some(number(name, value, 1.0, 86_400.0)?),
            None => _ = sorted.given.insert(name.clone(), value.clone()),
        }
    }
    if recipe.backing != AUTO {
        recipes::recipe(recipe.backing, &sorted.given).map_err(|e| Error::invalid_input(e.to_string()).with("recipe", recipe.name))?;
    } else if let Some(unknown) = sorted.given.keys().next() {
        let what = format!("{AUTOMATIC} takes the hyperparameters {GOAL} and {BUDGET}, and chooses all others itself; found {unknown}.");
        return Err(Error::invalid_input(what));
    }
    Ok(sorted)
}

fn take(theirs: &Theirs, value: &str, sorted: &mut Hyperparameters) -> Result<()> {
    match theirs.does {
        Does::Nothing(min, max) => {
            if min.is_finite() {
                number(theirs.name, value, min, max)?;
            }
            sorted.without_effect.push(theirs.name.to_owned());
        }
        Does::Sets(ours, min, max) => {
            // A count of 0 is one that asks for nothing, as is our least.
            let value = number(theirs.name, value, min, max)?.max(if ours == "min_users" { 1.0 } else { min });
            sorted.given.insert(ours.to_owned(), value.to_string());
        }
        Does::Recency => {
            if !truth(theirs.name, value)? {
                sorted.given.entry("alpha".into()).or_insert_with(|| "1".into());
                sorted.given.entry("tau_inf".into()).or_insert_with(|| "inf".into());
            }
        }
        Does::Interval => set_interval(&mut sorted.given, value)?,
    }
    Ok(())
}

fn set_interval(given: &mut BTreeMap<String, String>, words: &str) -> Result<()> {
    let hours = INTERVALS.iter().find(|(known, _)| *known == words.trim()).map(|(_, hours)| *hours).ok_or_else(|| {
        let known: Vec<&str> = INTERVALS.iter().map(|(known, _)| *known).collect();
        Error::invalid_input(format!("trend_discovery_frequency is one of {}; found `{words}`.", known.join(", ")))
    })?;
    given.insert("hours".into(), hours.to_string());
    given.insert("baseline".into(), (TREND_BASELINE_HOURS / hours).to_string());
    Ok(())
}

fn goal(value: &str) -> Result<Goal> {
    match value.trim() {
        "next_action" => Ok(Goal::NextAction),
        "coming_period" => Ok(Goal::ComingPeriod),
        _ => Err(Error::invalid_input(format!("{GOAL} must be next_action or coming_period, found `{value}`."))),
    }
}

fn number(name: &str, value: &str, min: f64, max: f64) -> Result<f64> {
    let number = value.trim().parse::<f64>().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| Error::invalid_input(format!("{name} must be a number from {min} to {max}, found `{value}`.")))
}

fn truth(name: &str, value: &str) -> Result<bool> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::invalid_input(format!("{name} must be true or false, found `{value}`."))),
    }
}
