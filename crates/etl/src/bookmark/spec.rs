//! What a job and a run say about bookmarks.

use std::collections::BTreeSet;

use domain::{Error, Result};
use runs::RunId;
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::job::Job;

const OPTION: &str = "--job-bookmark-option";
const FROM: &str = "--job-bookmark-from";
const TO: &str = "--job-bookmark-to";

/// A week; who waits longer for late rows reads another way.
const MAX_DELAY_SECONDS: u32 = 7 * 24 * 60 * 60;

/// A table of which each run reads what has come since the last one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TableBookmark {
    /// `database.table`
    pub table: String,
    /// Columns whose values, taken together, only grow from row to row. Without them: files by name and time of change, Kafka by
    /// offset, tables of databases by their primary key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    #[serde(default, skip_serializing_if = "KeyOrder::is_ascending")]
    pub order: KeyOrder,
    /// Seconds for which rows by a time, and files, are left to a later run, as others that are older may still come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<u32>,
}

/// Which way a key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyOrder {
    #[default]
    #[serde(alias = "asc")]
    Asc,
    #[serde(alias = "desc")]
    Desc,
}

impl KeyOrder {
    fn is_ascending(&self) -> bool {
        *self == Self::Asc
    }
}

/// What a run does about bookmarks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Reads everything and leaves the bookmark as it is.
    Disable,
    /// Reads what is new and moves the bookmark.
    Enable,
    /// Reads what came after the one run, up to the other, and leaves the bookmark as it is.
    Pause { from: Option<RunId>, to: Option<RunId> },
}

impl Choice {
    pub fn of(arguments: &Arguments) -> Result<Self> {
        let id = |name: &str| arguments.get(name).map(|id| RunId(id.clone()));
        let option = arguments.get(OPTION).map(String::as_str);
        let choice = match option {
            None | Some("job-bookmark-disable") => Self::Disable,
            Some("job-bookmark-enable") => Self::Enable,
            Some("job-bookmark-pause") => return Ok(Self::Pause { from: id(FROM), to: id(TO) }),
            Some(other) => {
                return Err(Error::invalid_input(format!(
                    "{OPTION} is job-bookmark-enable, job-bookmark-disable or job-bookmark-pause; found {other:?}."
                )));
            }
        };
        match [FROM, TO].into_iter().find(|name| arguments.contains_key(*name)) {
            Some(name) => {
                Err(Error::invalid_input(format!("{name} needs {OPTION} job-bookmark-pause; found {:?}.", option.unwrap_or("none"))))
            }
            None => Ok(choice),
        }
    }
}

/// What can be known to be wrong before a run.
pub(crate) fn check(job: &Job) -> Result<()> {
    let wrong = |table: &str, why: &str| Err(Error::invalid_input(format!("Bookmarks of job {:?}, table {table:?}: {why}.", job.name)));
    let mut seen = BTreeSet::new();
    for bookmark in &job.bookmarks {
        let table = &bookmark.table;
        if table.split('.').count() != 2 || table.split('.').any(str::is_empty) {
            return wrong(table, "a table is written database.table");
        }
        if !seen.insert(table.to_lowercase()) {
            return wrong(table, "the table is named twice");
        }
        let keys: BTreeSet<&String> = bookmark.keys.iter().collect();
        if keys.len() < bookmark.keys.len() {
            return wrong(table, "a key is named twice");
        }
        if bookmark.keys.is_empty() && bookmark.order == KeyOrder::Desc {
            return wrong(table, "Order needs Keys");
        }
        match bookmark.delay {
            Some(delay) if delay > MAX_DELAY_SECONDS => {
                return wrong(table, &format!("Delay is 0 to {MAX_DELAY_SECONDS} seconds; found {delay}"));
            }
            Some(_) if bookmark.order == KeyOrder::Desc => return wrong(table, "Delay needs a key that grows; found Order DESC"),
            _ => {}
        }
    }
    let mut defaults = job.default_arguments.clone();
    defaults.extend(job.non_overridable_arguments.clone());
    Choice::of(&defaults).map(|_| ())
}
