//! Hyperparameter ranges of `hpoConfig`: checked when a solution is made, drawn from when it is trained.

use std::collections::BTreeMap;

use domain::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::catalogue::{self, RecipeInfo};
use crate::setting::Setting;

/// As AWS has them; no more than 100 of each kind.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct HyperParameterRanges {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub integer_hyper_parameter_ranges: Vec<NumberRange>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub continuous_hyper_parameter_ranges: Vec<NumberRange>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categorical_hyper_parameter_ranges: Vec<Categories>,
}

/// From `min_value` to `max_value`, both included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NumberRange {
    pub name: String,
    pub min_value: f64,
    pub max_value: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Categories {
    pub name: String,
    pub values: Vec<String>,
}

/// Ranges wider than this factor are drawn from evenly by their logarithm: regularisations differ by orders of magnitude.
const WIDE: f64 = 10.0;

impl HyperParameterRanges {
    pub(crate) fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// Fails on a range that is the wrong way round or empty, on a name that is given twice, and where the recipe refuses a bound.
    pub(crate) fn check(&self, recipe: &RecipeInfo, given: &BTreeMap<String, String>) -> Result<()> {
        let numbers = self.integer_hyper_parameter_ranges.iter().chain(&self.continuous_hyper_parameter_ranges);
        for range in numbers.clone() {
            let NumberRange { name, min_value, max_value } = range;
            if !(min_value.is_finite() && max_value.is_finite() && min_value <= max_value) {
                let found = format!("{min_value} to {max_value}");
                return Err(Error::invalid_input(format!(
                    "The range of {name} goes from a number to one that is not less; found {found}."
                )));
            }
            for bound in [min_value, max_value] {
                catalogue::hyperparameters(recipe, &BTreeMap::from([(name.clone(), bound.to_string())]))?;
            }
        }
        for Categories { name, values } in &self.categorical_hyper_parameter_ranges {
            if values.is_empty() {
                return Err(Error::invalid_input(format!("The range of {name} has at least one value; found none.")));
            }
            for value in values {
                catalogue::hyperparameters(recipe, &BTreeMap::from([(name.clone(), value.clone())]))?;
            }
        }
        let categories = self.categorical_hyper_parameter_ranges.iter().map(|range| &range.name);
        let mut names: Vec<&String> = numbers.map(|range| &range.name).chain(categories).collect();
        names.sort_unstable();
        match names
            .windows(2)
            .find(|pair| pair[0] == pair[1])
            .map(|pair| pair[0])
            .or(names.into_iter().find(|name| given.contains_key(*name)))
        {
            Some(twice) => Err(Error::invalid_input(format!("{twice} has one range or one value; found more."))),
            None => Ok(()),
        }
    }

    /// `count` settings spread evenly over the ranges, beside what was given: the additive recurrence of Roberts (2018), whose
    /// steps are powers of the root of x^(d+1) = x + 1. The same every time.
    pub(crate) fn draw(&self, recipe: &RecipeInfo, given: &BTreeMap<String, String>, count: usize) -> Result<Vec<Setting>> {
        let (integers, numbers) = (&self.integer_hyper_parameter_ranges, &self.continuous_hyper_parameter_ranges);
        let categories = &self.categorical_hyper_parameter_ranges;
        let step = root(integers.len() + numbers.len() + categories.len());
        let draw = |at: usize| {
            let place = |dimension: usize| (0.5 + (at + 1) as f64 * step.powi(-(dimension as i32 + 1))).fract();
            let mut values = given.clone();
            for (dimension, range) in integers.iter().enumerate() {
                values.insert(range.name.clone(), range.at(place(dimension)).round().to_string());
            }
            for (dimension, range) in (integers.len()..).zip(numbers) {
                values.insert(range.name.clone(), (range.at(place(dimension)) as f32).to_string());
            }
            for (dimension, range) in (integers.len() + numbers.len()..).zip(categories) {
                let chosen = (place(dimension) * range.values.len() as f64) as usize;
                values.extend(range.values.get(chosen).map(|value| (range.name.clone(), value.clone())));
            }
            Setting::new(recipe.backing, &catalogue::hyperparameters(recipe, &values)?.given)
        };
        let mut settings: Vec<Setting> = Vec::with_capacity(count);
        for at in 0..count {
            let setting = draw(at)?;
            // Whole numbers and categories come again.
            if !settings.contains(&setting) {
                settings.push(setting);
            }
        }
        Ok(settings)
    }
}

impl NumberRange {
    /// The value at a place between 0 and 1.
    fn at(&self, place: f64) -> f64 {
        let Self { min_value: min, max_value: max, .. } = self;
        if *min > 0.0 && max / min >= WIDE { min * (max / min).powf(place) } else { min + (max - min) * place }
    }
}

/// The positive root of x^(d+1) = x + 1, by fixed-point iteration.
fn root(dimensions: usize) -> f64 {
    (0..60).fold(1.5_f64, |x, _| (1.0 + x).powf(1.0 / (dimensions as f64 + 1.0)))
}
