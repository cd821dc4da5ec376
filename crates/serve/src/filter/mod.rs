//! Filters: which items a request may answer with.
//!
//! Takes an expression in Personalize's language and ours ([`parse`]), the schemas of its dataset group, what the group's datasets
//! hold and what users do now. Gives the set of items that pass. Must not know: models and scores.
//! Start reading at `syntax` (what an expression is), then `parser`, `check`, `group` (the data in memory), `evaluate`.

mod check;
mod columns;
mod evaluate;
mod group;
mod histories;
mod keep;
mod lexer;
mod parser;
mod ready;
mod resource;
mod syntax;
mod values;

pub use check::check;
pub use parser::parse;
pub(crate) use ready::{Filters, Pass, ReadyFilter, Request};
pub use resource::{CreateFilter, Filter};
pub use syntax::Expression;

#[cfg(test)]
mod tests;
