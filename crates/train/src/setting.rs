//! One way to train that can be tried: a recipe with all its parameters.

use std::collections::BTreeMap;

use domain::Result;
use recipes::{HistoryEvent, Interactions, Linear, LinearModel, Model, Popularity, Reason, RecentPopularity, Recipe, RecipeError};

use crate::selection::recipe_error;
use crate::stages::Stages;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Setting {
    Popularity,
    Recent(RecentPopularity),
    Linear(Linear),
}

/// A fit of a [`Setting`]. Only the linear model can be tuned further without another fit.
pub(crate) enum Fitted {
    Linear(LinearModel),
    Other(Box<dyn Model>),
}

impl Fitted {
    pub(crate) fn model(&self) -> &dyn Model {
        match self {
            Self::Linear(model) => model,
            Self::Other(model) => model.as_ref(),
        }
    }
}

impl Setting {
    /// The recipe named `backing` with what the user gave and defaults for the rest.
    pub(crate) fn new(backing: &str, given: &BTreeMap<String, String>) -> Result<Self> {
        Ok(match backing {
            "popularity" => {
                Popularity::from_parameters(given).map_err(recipe_error)?;
                Self::Popularity
            }
            "recent_popularity" => Self::Recent(RecentPopularity::from_parameters(given).map_err(recipe_error)?),
            _ => Self::Linear(Linear::from_parameters(given).map_err(recipe_error)?),
        })
    }

    pub(crate) fn fit(&self, interactions: &Interactions, stages: &Stages<'_>) -> Result<Fitted> {
        match self {
            Self::Popularity => stages.fit(interactions, |context| Popularity.fit(interactions, context)).map(Fitted::Other),
            Self::Recent(recipe) => stages.fit(interactions, |context| recipe.fit(interactions, context)).map(Fitted::Other),
            Self::Linear(recipe) => stages.fit(interactions, |context| recipe.fit_model(interactions, context)).map(Fitted::Linear),
        }
    }

    /// As text, for the manifest and for training the same again.
    pub(crate) fn parameters(&self) -> BTreeMap<String, String> {
        match self {
            Self::Popularity => BTreeMap::new(),
            Self::Recent(recipe) => BTreeMap::from([("days".into(), recipe.days.to_string())]),
            Self::Linear(recipe) => linear_parameters(recipe),
        }
    }

    /// The parameters that a search changes, for one line of a log.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Popularity => "best-sellers".into(),
            Self::Recent(recipe) => format!("days {}", recipe.days),
            Self::Linear(l) => format!(
                "alpha {}, lambda {}, p {}, xi {}, tau_train {}, tau_inf {}, kappa {}",
                l.alpha, l.lambda, l.p, l.xi, l.tau_train, l.tau_inf, l.kappa
            ),
        }
    }
}

fn linear_parameters(recipe: &Linear) -> BTreeMap<String, String> {
    let Linear { lambda, p, xi, alpha, window, tau_train, tau_inf, kappa, top_per_row, max_items, min_support, max_history } = recipe;
    BTreeMap::from([
        ("lambda".to_owned(), lambda.to_string()),
        ("p".to_owned(), p.to_string()),
        ("xi".to_owned(), xi.to_string()),
        ("alpha".to_owned(), alpha.to_string()),
        ("window".to_owned(), window.to_string()),
        ("tau_train".to_owned(), tau_train.to_string()),
        ("tau_inf".to_owned(), tau_inf.to_string()),
        ("kappa".to_owned(), kappa.to_string()),
        ("top_per_row".to_owned(), top_per_row.to_string()),
        ("max_items".to_owned(), max_items.to_string()),
        ("min_support".to_owned(), min_support.to_string()),
        ("max_history".to_owned(), max_history.to_string()),
    ])
}

/// A model that does not recommend what a user already has: the score of such items is not a number, which rankings leave out.
pub(crate) struct Unseen<'a>(pub &'a dyn Model);

impl Model for Unseen<'_> {
    fn recipe(&self) -> &'static str {
        self.0.recipe()
    }

    fn n_items(&self) -> usize {
        self.0.n_items()
    }

    fn score(&self, history: &[HistoryEvent], now: i64, scores: &mut [f32]) {
        self.0.score(history, now, scores);
        for event in history {
            if let Some(score) = scores.get_mut(event.item as usize) {
                *score = f32::NAN;
            }
        }
    }

    fn explain(&self, history: &[HistoryEvent], item: u32) -> Option<Reason> {
        self.0.explain(history, item)
    }

    fn save(&self) -> Result<Vec<u8>, RecipeError> {
        self.0.save()
    }
}
