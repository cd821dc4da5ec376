//! What a search may change about each recipe: one change at a time, in the order of what it gained on real data (models.md B).

use crate::setting::Setting;

/// Half-lives of the input in steps, and popularity discounts, that are tried after every fit, since they cost none.
pub(crate) const TAUS: [f64; 5] = [2.0, 5.0, 10.0, 30.0, f64::INFINITY];
pub(crate) const KAPPAS: [f64; 2] = [0.15, 0.3];

/// One change.
pub(crate) struct Move {
    pub parameters: &'static [&'static str],
    /// The new values of the parameters, in their order; none where the change makes no sense.
    to: fn(&Setting) -> Option<Vec<f64>>,
}

impl Move {
    /// The setting after the change; nothing when it would be the same.
    pub(crate) fn apply(&self, setting: &Setting) -> Option<Setting> {
        let values = (self.to)(setting)?;
        let changed = self.parameters.iter().zip(values).fold(setting.clone(), |changed, (name, value)| changed.with(name, value));
        (changed != *setting).then_some(changed)
    }
}

macro_rules! set {
    ($name:literal: $value:expr) => {
        Move { parameters: &[$name], to: |_| Some(vec![$value]) }
    };
}

macro_rules! scale {
    ($name:literal: $factor:expr) => {
        Move { parameters: &[$name], to: |setting| Some(vec![setting.value($name) * $factor]) }
    };
}

/// Whether the linear model looks at the order of events at all.
fn is_ordered(setting: &Setting) -> bool {
    setting.value("alpha") < 1.0
}

/// Order or no order, regularisation, then the fine points.
const LINEAR: [Move; 9] = [
    Move { parameters: &["alpha", "p", "xi"], to: |_| Some(vec![1.0, 0.3, 0.3]) },
    scale!("lambda": 0.4),
    Move { parameters: &["alpha"], to: |setting| Some(vec![if is_ordered(setting) { 0.1 } else { 0.7 }]) },
    scale!("lambda": 2.0),
    Move { parameters: &["tau_train"], to: |setting| is_ordered(setting).then(|| vec![10.0]) },
    Move { parameters: &["p", "xi"], to: |_| Some(vec![0.2, 0.3]) },
    scale!("lambda": 0.5),
    Move { parameters: &["tau_train"], to: |setting| is_ordered(setting).then(|| vec![2.0]) },
    set!("alpha": 0.5),
];

const SIMILAR: [Move; 5] = [
    set!("popularity_discount": 0.25),
    set!("history_discount": 0.5),
    set!("power": 0.7),
    set!("power": 1.4),
    set!("popularity_discount": 0.75),
];

const RULES: [Move; 5] = [
    set!("popularity_discount": 0.5),
    set!("window": 3.0),
    set!("popularity_discount": 0.1),
    set!("half_life_days": 30.0),
    set!("half_life_days": 180.0),
];

const ALS: [Move; 5] = [
    set!("unobserved_weight": 0.1),
    set!("regularization": 0.01),
    set!("regularization": 0.001),
    set!("unobserved_weight": 1.0),
    set!("factors": 128.0),
];

const RECENT: [Move; 6] =
    [set!("days": 1.0), set!("days": 3.0), set!("days": 7.0), set!("days": 30.0), set!("days": 90.0), set!("days": 365.0)];

const DECAYED: [Move; 5] = [
    set!("half_life_days": 1.0),
    set!("half_life_days": 3.0),
    set!("half_life_days": 14.0),
    set!("half_life_days": 30.0),
    set!("half_life_days": 90.0),
];

/// The changes to a recipe; none for one that has nothing to choose.
pub(crate) fn moves(backing: &str) -> &'static [Move] {
    match backing {
        "linear" => &LINEAR,
        "similar" => &SIMILAR,
        "rules" => &RULES,
        "als" => &ALS,
        "recent_popularity" => &RECENT,
        "decayed_popularity" => &DECAYED,
        _ => &[],
    }
}

/// Whether a fit costs more than a pass over the events, so that the number of fits is limited without being asked for.
pub(crate) fn is_costly(backing: &str) -> bool {
    matches!(backing, "linear" | "als")
}
