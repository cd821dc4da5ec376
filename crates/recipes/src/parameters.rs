//! Hyperparameters as people write them (text to text), checked against one table per recipe.

use std::collections::BTreeMap;

use crate::RecipeError;

/// One hyperparameter of a recipe: the single source for checks, defaults and descriptions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    pub name: &'static str,
    /// What it does, one sentence.
    pub about: &'static str,
    pub integer: bool,
    pub min: f64,
    /// May be infinite; then `inf` is a legal value.
    pub max: f64,
    pub default: f64,
}

/// A parameter that takes any number of its range.
pub(crate) const fn number(name: &'static str, min: f64, max: f64, default: f64, about: &'static str) -> Parameter {
    Parameter { name, about, integer: false, min, max, default }
}

/// A parameter that takes whole numbers only.
pub(crate) const fn whole(name: &'static str, min: f64, max: f64, default: f64, about: &'static str) -> Parameter {
    Parameter { name, about, integer: true, min, max, default }
}

impl Parameter {
    fn parse(&self, text: &str) -> Result<f64, RecipeError> {
        let value = text.trim().parse::<f64>().ok().filter(|value| (self.min..=self.max).contains(value));
        match value {
            Some(value) if !self.integer || value.fract() == 0.0 => Ok(value),
            _ => {
                let kind = if self.integer { "a whole number" } else { "a number" };
                Err(RecipeError::invalid(self.name, format!("{kind} from {} to {}", self.min, self.max), format!("`{text}`")))
            }
        }
    }
}

/// The checked values of a table's parameters, defaults filled in.
pub(crate) struct Values(BTreeMap<&'static str, f64>);

impl Values {
    /// Fails with the parameter's name, its range and what was found; a name that is not in the table fails too.
    pub(crate) fn read(table: &[Parameter], given: &BTreeMap<String, String>) -> Result<Self, RecipeError> {
        if let Some(unknown) = given.keys().find(|name| table.iter().all(|p| p.name != name.as_str())) {
            let known: Vec<&str> = table.iter().map(|p| p.name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(RecipeError::invalid("hyperparameter", format!("one that the recipe knows ({known})"), format!("`{unknown}`")));
        }
        let value = |parameter: &Parameter| match given.get(parameter.name) {
            Some(text) => parameter.parse(text),
            None => Ok(parameter.default),
        };
        table.iter().map(|parameter| Ok((parameter.name, value(parameter)?))).collect::<Result<_, _>>().map(Self)
    }

    /// Not a number for a name that is not in the table.
    pub(crate) fn float(&self, name: &str) -> f32 {
        self.0.get(name).map_or(f32::NAN, |value| *value as f32)
    }

    /// 0 for a name that is not in the table.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.0.get(name).map_or(0, |value| *value as usize)
    }
}
