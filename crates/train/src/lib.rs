//! Stage 5, training: from a snapshot of the data and a recipe to a solution version with a model and honest figures.
//!
//! Takes a dataset group (stage 4), a recipe by its AWS name and its hyperparameters. Gives solutions and solution versions
//! ([`Training`]), the executor that trains ([`TrainExecutor`]), the files that serving loads ([`Bundle`]) and the [`Report`]:
//! the recipe against best-sellers, in numbers, in words and as a page ([`page`](fn@page)).
//! Must not know: campaigns (they register their use through [`Training::hold_version`]), the wire, how a recipe computes.
//! Start reading at `training` (the handle), then `executor` (one run), `fitting` (search, judgement, refit), `report`.

mod auto;
mod bundle;
mod catalogue;
mod deed;
mod deletion;
mod executor;
mod fitting;
mod judging;
mod manifest;
mod names;
mod page;
mod ranges;
mod recipes_page;
mod renewal;
mod report;
mod rival;
mod search;
mod selection;
mod setting;
mod solution;
mod space;
mod stages;
mod training;
mod use_case;
mod version;

pub use bundle::{Bundle, Histories, MANIFEST_FILE, MODEL_FILE, SERVING_FILE, Texts};
pub use catalogue::{POPULARITY, RecipeInfo, recipe, recipes};
pub use deed::Deed;
pub use evaluate::{Figure, Finding, Interval, Segment, Severity};
pub use executor::{TrainExecutor, TrainResult, TrainSettings};
pub use manifest::{Candidate, Manifest, StageTime};
pub use page::page;
pub use ranges::{Categories, HyperParameterRanges, NumberRange};
pub use recipes_page::recipes_page;
pub use renewal::{AutoTrainingConfig, Order, SolutionUpdateConfig, UpdateBasis, UpdateSolution};
pub use report::{Difference, Judgement, PERSONALIZE_METRICS, Report, RivalJudgement, RivalWay, Verdict};
pub use selection::{EventRule, EventRules};
pub use setting::{BlendedSetting, Setting};
pub use solution::{
    AutoMlConfig, CreateSolution, DEFAULT_FITS, EventParameters, EventsConfig, HpoConfig, HpoResourceConfig, MAX_FITS, Solution,
    SolutionConfig,
};
pub use training::{SolutionMetrics, TRAIN, Training};
pub use use_case::UseCase;
pub use version::{CreateSolutionVersion, SolutionVersion, TrainedModel, VersionView};

// The tests' fixture speaks of this crate by its name, because `serve` includes it too.
#[cfg(test)]
extern crate self as train;
#[cfg(test)]
mod tests;
