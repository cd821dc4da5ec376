//! Search over all tables: by words in names, columns, comments and descriptions, and by members.

use std::cmp::Ordering;

use domain::{Error, Result};
use store::Stored;

use super::Catalog;
use super::pages::{self, Page, Paged};
use crate::table::{Column, Table};

/// Which tables are wanted; each part narrows the answer down.
#[derive(Debug, Clone, Default)]
pub struct TableSearch {
    /// Every word must begin a word of the table's name, its description, or one of its columns' names or comments. In double
    /// quotes: words as they are, one after the other.
    pub text: Option<String>,
    pub filters: Vec<TableFilter>,
}

/// One member of a table, compared. `Name`, `DatabaseName`, `Description` and `Owner` are compared word by word; `CreateTime`
/// and `UpdateTime` are seconds since 1970; any other key is one of the table's parameters.
#[derive(Debug, Clone)]
pub struct TableFilter {
    pub key: String,
    pub value: String,
    /// `EQUALS` (what counts for texts), `GREATER_THAN`, `LESS_THAN`, `GREATER_THAN_EQUALS`, `LESS_THAN_EQUALS`
    pub comparator: String,
}

/// The order of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableOrder {
    Name,
    DatabaseName,
    Created,
    Updated,
}

impl Catalog {
    /// A page of the tables wanted, by database and name.
    pub async fn search_tables(&self, search: &TableSearch, page: &Page) -> Result<Paged<Table>> {
        let terms = search.text.as_deref().map(terms).unwrap_or_default();
        search.filters.iter().try_for_each(TableFilter::check)?;
        pages::read(self.store(), None, page, |table: &Stored<Table>| {
            search.filters.iter().all(|filter| filter.holds(table)) && holds_all(&terms, table)
        })
        .await
    }

    /// All tables wanted, in this order; reads them all.
    pub async fn search_tables_sorted(&self, search: &TableSearch, order: TableOrder, descending: bool) -> Result<Vec<Stored<Table>>> {
        let all = Page { after: String::new(), limit: usize::MAX - 1 };
        let mut found = self.search_tables(search, &all).await?.items;
        found.sort_by(|a, b| if descending { order.compare(b, a) } else { order.compare(a, b) });
        Ok(found)
    }
}

impl TableOrder {
    /// By Glue's name of the member.
    pub fn of(member: &str) -> Result<Self> {
        Ok(match member {
            "Name" => Self::Name,
            "DatabaseName" => Self::DatabaseName,
            "CreateTime" => Self::Created,
            "UpdateTime" => Self::Updated,
            other => {
                return Err(Error::invalid_input(format!(
                    "Tables are sorted by Name, DatabaseName, CreateTime or UpdateTime; found {other:?}."
                )));
            }
        })
    }

    fn compare(self, a: &Stored<Table>, b: &Stored<Table>) -> Ordering {
        match self {
            Self::Name => a.name.cmp(&b.name),
            Self::DatabaseName => a.database_name.cmp(&b.database_name),
            Self::Created => a.created.cmp(&b.created),
            Self::Updated => a.updated.cmp(&b.updated),
        }
    }
}

impl TableFilter {
    fn check(&self) -> Result<()> {
        if !matches!(self.comparator.as_str(), "EQUALS" | "GREATER_THAN" | "LESS_THAN" | "GREATER_THAN_EQUALS" | "LESS_THAN_EQUALS") {
            return Err(Error::invalid_input(format!(
                "Comparator is EQUALS, GREATER_THAN, LESS_THAN, GREATER_THAN_EQUALS or LESS_THAN_EQUALS; found {:?}.",
                self.comparator
            )));
        }
        if matches!(self.key.as_str(), "CreateTime" | "UpdateTime") && self.value.parse::<f64>().is_err() {
            return Err(Error::invalid_input(format!("{} is compared with seconds since 1970; found {:?}.", self.key, self.value)));
        }
        Ok(())
    }

    fn holds(&self, table: &Stored<Table>) -> bool {
        let text = match self.key.as_str() {
            "CreateTime" => return self.compare(table.created.epoch()),
            "UpdateTime" => return self.compare(table.updated.epoch()),
            "Name" => Some(&table.name),
            "DatabaseName" => Some(&table.database_name),
            "Description" => table.description.as_ref(),
            "Owner" => table.owner.as_ref(),
            parameter => return table.parameters.get(parameter).is_some_and(|found| found.eq_ignore_ascii_case(&self.value)),
        };
        text.is_some_and(|text| has_phrase(text, &words(&self.value)))
    }

    fn compare(&self, found: f64) -> bool {
        let Ok(wanted) = self.value.parse::<f64>() else { return false };
        match self.comparator.as_str() {
            "GREATER_THAN" => found > wanted,
            "LESS_THAN" => found < wanted,
            "GREATER_THAN_EQUALS" => found >= wanted,
            "LESS_THAN_EQUALS" => found <= wanted,
            // Times are kept in milliseconds.
            _ => (found - wanted).abs() < 0.001,
        }
    }
}

/// What a search text asks for.
#[derive(Debug, PartialEq)]
enum Term {
    Prefix(String),
    Phrase(Vec<String>),
}

/// Every second piece between double quotes is a phrase.
fn terms(text: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    for (at, piece) in text.split('"').enumerate() {
        if at % 2 == 0 {
            terms.extend(words(piece).into_iter().map(Term::Prefix));
        } else {
            terms.push(Term::Phrase(words(piece)));
        }
    }
    terms
}

/// Runs of letters and digits, in lower case.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

fn holds_all(terms: &[Term], table: &Table) -> bool {
    terms.iter().all(|term| {
        texts(table).any(|text| match term {
            Term::Prefix(prefix) => words(text).iter().any(|word| word.starts_with(prefix)),
            Term::Phrase(phrase) => has_phrase(text, phrase),
        })
    })
}

fn has_phrase(text: &str, phrase: &[String]) -> bool {
    phrase.is_empty() || words(text).windows(phrase.len()).any(|run| run == phrase)
}

/// Everything that is searched.
fn texts(table: &Table) -> impl Iterator<Item = &str> {
    let columns = table.columns().iter().chain(&table.partition_keys);
    let of_columns = columns.flat_map(|Column { name, comment, .. }| [Some(name), comment.as_ref()]);
    [Some(&table.name), table.description.as_ref()].into_iter().chain(of_columns).flatten().map(String::as_str)
}

#[cfg(test)]
mod tests;
