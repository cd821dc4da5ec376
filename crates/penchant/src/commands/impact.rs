//! `penchant impact`.

use std::path::Path;

use domain::{Error, Result};
use impact::{Effect, Impact, Kind};

use crate::commands::{open, print_json};
use crate::words;
use crate::words::say;

pub async fn impact(folder: &Path, what: &str, since: Option<&str>, json: bool) -> Result<()> {
    let home = open(folder).await?;
    let mut parts = what.splitn(3, '.');
    let (Some(database), Some(table), column) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Error::invalid_input(format!("Expected database.table or database.table.column; found {what:?}.")));
    };
    let impacts = home.impacts()?;
    let found = match (since, column) {
        (None, column) => impacts.without(database, table, column).await?,
        (Some(_), Some(column)) => {
            return Err(Error::invalid_input(format!("--since compares whole tables: leave out the column {column:?}.")));
        }
        (Some("last"), None) => impacts.since(database, table, None).await?,
        (Some(version), None) => impacts.since(database, table, Some(version)).await?,
    };
    if json {
        return print_json(&found);
    }
    show(&found, since.is_none());
    Ok(())
}

fn show(found: &Impact, supposed: bool) {
    let table = format!("{}.{}", found.database_name, found.table_name);
    say!("{}", if supposed { format!("If this came about in {table}:") } else { format!("What changed in {table}:") });
    for change in &found.changes {
        say!("  {}", change);
    }
    if found.changes.is_empty() {
        say!("  nothing");
    }
    say!("");
    if found.affected.is_empty() {
        say!("Nothing reads what changed.");
    } else {
        let rows: Vec<Vec<String>> = found
            .affected
            .iter()
            .map(|one| vec![effect(one.effect).into(), kind(one.kind).into(), one.name.clone(), one.columns.join(", "), one.reason.clone()])
            .collect();
        say!("{}", words::table(&["effect", "what", "name", "columns", "why"], &rows));
    }
    for unknown in &found.unknown {
        say!("Not known: job {}: {}", unknown.job_name, unknown.reason);
    }
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Breaks => "breaks",
        Effect::Reads => "reads it",
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Job => "job",
        Kind::Table => "table",
        Kind::Dataset => "dataset",
        Kind::Workflow => "workflow",
    }
}
