//! Stage 5, the mathematics: recommenders as pure functions of interactions.
//!
//! Takes [`Interactions`] (who did what when, in dense indices) and a [`Recipe`] with its parameters; gives a [`Model`] that
//! scores every item for a history, says why, and saves itself as bytes.
//! Must not know: names and identifiers of users and items, files, tasks, the wall clock, any other stage. Whatever is
//! random takes a seed, whatever depends on "now" takes a time.
//! Start reading at [`recipe`](mod@recipe) (the two traits), then `popularity` (the smallest recipe), then `linear` (the main one)
//! and `cooccurrence` (what `similar` and `rules` share).

pub mod als;
mod artifact;
pub mod blend;
mod cooccurrence;
pub mod decayed_popularity;
mod error;
mod for_everybody;
mod head;
mod interactions;
pub mod linear;
mod parameters;
pub mod popularity;
mod progress;
mod random;
mod ranking;
pub mod recent_popularity;
pub mod recipe;
pub mod rules;
pub mod similar;
mod sparse_rows;
#[cfg(test)]
mod tests;
pub mod transformer;
pub mod trending;

pub use als::{Als, AlsModel};
pub use artifact::load;
pub use blend::Blend;
pub use decayed_popularity::DecayedPopularity;
pub use error::RecipeError;
pub use interactions::{HistoryEvent, Interaction, Interactions};
pub use linear::{Linear, LinearModel};
pub use parameters::Parameter;
pub use popularity::Popularity;
pub use ranking::{Scored, top_k};
pub use recent_popularity::RecentPopularity;
pub use recipe::{FitContext, Model, NAMES, Reason, Recipe, parameters_of, recipe};
pub use rules::Rules;
pub use similar::Similar;
pub use transformer::{Transformer, TransformerModel};
pub use trending::Trending;
