//! Which node of a graph, and which of its columns, a statement failed on.
//!
//! An engine says what went wrong somewhere in a statement of many nodes. Here the nodes are asked one after the other, inputs first:
//! the first that fails with an error of the same kind is the place. Asked is only after a failure, for a bounded time, and only until
//! the run is cancelled. Where no place is found, the error keeps the target that it came up for.

use std::time::Duration;

use codegen::{Graph, Role};
use domain::{Error, ErrorKind, Result};
use futures::StreamExt;

use crate::arguments::Arguments;
use crate::engine::{Engine, Means, Rows, SqlQuery};
use crate::planner::{Look, Planner};
use crate::statement::Statement;

/// Code of a run that failed on what is in its data; explained in `docs/errors/`.
pub(crate) const JOB_DATA: &str = "JOB_DATA";
/// Code of a graph with a text that no engine understands.
const GRAPH_INVALID: &str = "JOB_GRAPH_INVALID";
/// No longer than this is looked for the place.
const LONGEST: Duration = Duration::from_secs(60);

/// What can be looked into.
pub(crate) struct Blame<'a> {
    pub engine: &'a dyn Engine,
    pub graph: &'a Graph,
    pub arguments: &'a Arguments,
    pub means: Means,
    /// Seconds since 1970.
    pub now: i64,
}

/// Where a statement fails.
struct Place {
    node: String,
    /// Nothing where it is not in a column's own expression: a condition, a key.
    column: Option<String>,
    error: Error,
}

/// The error as the run ends with it: with the node and the column of it, if they can be found.
pub(crate) async fn blamed(blame: Option<Blame<'_>>, statement: &Statement, error: Error) -> Error {
    let code = match (error.kind, error.code) {
        (ErrorKind::InvalidData, None) => JOB_DATA,
        (ErrorKind::InvalidInput, None) if blame.is_some() => GRAPH_INVALID,
        (ErrorKind::InvalidInput, Some(code)) => code,
        // What has a code says its place itself.
        _ => return statement.named(error),
    };
    let error = error.code(code);
    let Some(blame) = blame else { return statement.named(error) };
    let cancel = blame.means.cancel.clone();
    let found = tokio::select! {
        found = tokio::time::timeout(LONGEST, blame.place(statement, &error)) => found.ok().flatten(),
        () = cancel.cancelled() => return Error::stopped(),
    };
    match found {
        Some(Place { node, column, error: found }) => {
            let column = column.map(|name| format!(", column {name:?}")).unwrap_or_default();
            let mut named = Error::new(error.kind, format!("In node {node}{column}: {}", found.message));
            named.code = error.code;
            named
        }
        None => statement.named(error),
    }
}

impl Blame<'_> {
    /// Finds nothing where something else goes wrong than the statement met.
    async fn place(&self, statement: &Statement, error: &Error) -> Option<Place> {
        let planner = Planner {
            engine: self.engine,
            tables: &statement.query.tables,
            arguments: self.arguments,
            look: Some(Look { windows: statement.query.windows.clone(), ..Look::whole(self.means.clone()) }),
            now: self.now,
        };
        for node in self.graph.ancestors(statement.node.as_deref()?).ok()? {
            if node.kind.role == Role::Target {
                continue;
            }
            for output in codegen::around(self.graph, &planner, &node.id).await.ok()?.outputs {
                let query = planner.query(&output.sql).ok()?;
                let Err(found) = self.tried(query.clone(), error.kind).await else { continue };
                if found.kind != error.kind {
                    return None;
                }
                let column = if error.kind == ErrorKind::InvalidData { self.column(&query).await } else { None };
                return Some(Place { node: format!("{:?} ({})", node.name, node.id), column, error: found });
            }
        }
        None
    }

    /// The first column that fails by itself, found by halves; nothing where rows without columns do.
    async fn column(&self, query: &SqlQuery) -> Option<String> {
        let part = |items: &str| SqlQuery { text: format!("SELECT {items} FROM (\n{}\n) AS blamed", query.text), ..query.clone() };
        if self.drained(part("count(*) AS n")).await.is_err() {
            return None;
        }
        let columns = self.engine.columns(query).await.ok()?;
        let mut left: Vec<&str> = columns.fields().iter().map(|field| field.name().as_str()).collect();
        while left.len() > 1 {
            let rest = left.split_off(left.len() / 2);
            let names: Vec<String> = left.iter().map(|name| format!("\"{}\"", name.replace('"', "\"\""))).collect();
            if self.drained(part(&names.join(", "))).await.is_ok() {
                left = rest;
            }
        }
        left.first().map(|name| (*name).to_owned())
    }

    /// What is wrong with a text shows without a look at the data.
    async fn tried(&self, query: SqlQuery, kind: ErrorKind) -> Result<()> {
        if kind == ErrorKind::InvalidInput { self.engine.columns(&query).await.map(|_| ()) } else { self.drained(query).await }
    }

    async fn drained(&self, query: SqlQuery) -> Result<()> {
        let Rows { mut batches, .. } = self.engine.rows(query, self.means.clone()).await?;
        while let Some(batch) = batches.next().await {
            batch?;
        }
        Ok(())
    }
}
