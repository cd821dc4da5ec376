//! The files of cases.
//!
//! ```yaml
//! tables:                       # of all cases of the file; a case may have tables of its own
//!   orders:
//!     columns: [id int, "price decimal(10,2)"]   # name, then Hive's type
//!     rows:
//!       - [1, "9.99"]           # as JSON: moments, days and decimals are texts, "NaN" and "Infinity" too
//! cases:
//!   - name: what is shown
//!     query: SELECT id FROM {orders}             # {orders} becomes database.group_orders
//!     columns: [id int]         # names and types of the result; `integer` is a whole number of any width
//!     rows: [[1]]               # in any order, unless the query ends in ORDER BY
//!   - name: what is refused
//!     query: SELECT nothing FROM {orders}
//!     error: invalid_input      # or one of several: [invalid_data, invalid_input]
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::Column;
use domain::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::Value;

/// The folder of the files, from the crate that runs the suite: asked when it runs, as clones may share what was compiled.
const FOLDER: &str = "../etl/suite";

/// One question and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The file that it stands in.
    pub group: String,
    pub name: String,
    /// With `{name}` for tables.
    pub query: String,
    pub expected: Expected,
    /// What `{name}` stands for.
    pub tables: BTreeMap<String, Arc<Table>>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    Rows { columns: Vec<Column>, rows: Vec<Vec<Value>> },
    Error(Vec<ErrorKind>),
}

/// A table that cases read.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name in the database; no other table of the suite has it.
    pub name: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Value>>,
}

impl Case {
    /// The query over the tables of the database.
    pub fn query_in(&self, database: &str) -> String {
        self.tables
            .iter()
            .fold(self.query.clone(), |query, (name, table)| query.replace(&format!("{{{name}}}"), &format!("{database}.{}", table.name)))
    }

    /// Whether the rows come in an order that the query asks for: it ends in ORDER BY, which no parenthesis encloses.
    pub fn is_ordered(&self) -> bool {
        let query = self.query.to_uppercase();
        let Some((_, end)) = query.rsplit_once("ORDER BY") else { return false };
        end.matches('(').count() == end.matches(')').count()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.group, self.name)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenGroup {
    #[serde(default)]
    tables: BTreeMap<String, WrittenTable>,
    cases: Vec<WrittenCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTable {
    columns: Vec<String>,
    #[serde(default)]
    rows: Vec<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCase {
    name: String,
    #[serde(default)]
    tables: BTreeMap<String, WrittenTable>,
    query: String,
    #[serde(default)]
    columns: Vec<String>,
    #[serde(default)]
    rows: Vec<Vec<Value>>,
    error: Option<Kinds>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Kinds {
    One(ErrorKind),
    Several(Vec<ErrorKind>),
}

/// The cases of all files, by file name.
pub(super) fn load() -> Result<Vec<Case>> {
    let folder = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join(FOLDER);
    let unreadable =
        |e: std::io::Error| Error::invalid_input(format!("Expected the engine suite in {}, which cannot be read: {e}.", folder.display()));
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        cases.extend(parse(&group_name(&path), &std::fs::read_to_string(&path).map_err(unreadable)?)?);
    }
    Ok(cases)
}

fn group_name(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

pub(super) fn parse(group: &str, text: &str) -> Result<Vec<Case>> {
    let wrong = |why: String| Error::invalid_input(format!("The file {group}.yaml of the engine suite cannot be understood: {why}."));
    let written: WrittenGroup = serde_norway::from_str(text).map_err(|e| wrong(e.to_string()))?;
    let shared = tables(group, written.tables).map_err(wrong)?;
    let mut cases: Vec<Case> = Vec::new();
    for (number, written) in written.cases.into_iter().enumerate() {
        let at = |why: String| wrong(format!("{:?}: {why}", written.name));
        let mut known = shared.clone();
        known.extend(tables(&format!("{group}_{number}"), written.tables).map_err(at)?);
        known.retain(|name, _| written.query.contains(&format!("{{{name}}}")));
        let expected = match written.error {
            Some(Kinds::One(kind)) => Expected::Error(vec![kind]),
            Some(Kinds::Several(kinds)) => Expected::Error(kinds),
            None if written.columns.is_empty() => return Err(at("expected columns or an error, found neither".into())),
            None => Expected::Rows { columns: columns(&written.columns).map_err(at)?, rows: written.rows },
        };
        if cases.iter().any(|case| case.name == written.name) {
            return Err(at("expected a name of its own, found two cases".into()));
        }
        cases.push(Case { group: group.into(), name: written.name, query: written.query, expected, tables: known });
    }
    Ok(cases)
}

fn tables(prefix: &str, written: BTreeMap<String, WrittenTable>) -> std::result::Result<BTreeMap<String, Arc<Table>>, String> {
    let table = |(name, written): (String, WrittenTable)| {
        let table = Table { name: format!("{prefix}_{name}"), columns: columns(&written.columns)?, rows: written.rows };
        Ok((name, Arc::new(table)))
    };
    written.into_iter().map(table).collect()
}

/// `name type`; the name may hold spaces, the type none.
fn columns(written: &[String]) -> std::result::Result<Vec<Column>, String> {
    let column = |text: &String| match text.rsplit_once(' ') {
        Some((name, data_type)) => Ok(Column::new(name, data_type)),
        None => Err(format!("expected a column as `name type`, found {text:?}")),
    };
    written.iter().map(column).collect()
}
