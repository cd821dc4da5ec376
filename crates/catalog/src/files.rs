//! Which files a table is made of: whoever reads them, and whoever remembers which of them were read, must mean the same.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use domain::{Error, Result};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use store::Location;

use crate::catalog::Catalog;
use crate::glob::Glob;
use crate::table::Table;

/// The files of a table as they are now.
#[derive(Clone)]
pub struct TableFiles {
    pub store: Arc<dyn ObjectStore>,
    /// The table's folder, or its one file.
    pub prefix: Path,
    /// By name; neither empty ones nor those that the crawler found below the folder and left out.
    pub files: Vec<ObjectMeta>,
}

impl fmt::Debug for TableFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TableFiles({}, {} files)", self.prefix, self.files.len())
    }
}

impl Catalog {
    /// Lists the files of a table. A folder that is not there has none.
    pub async fn table_files(&self, table: &Table) -> Result<TableFiles> {
        let connection = match table.parameters.get("connectionName") {
            Some(connection) => Some(self.get_connection(connection).await?.value),
            None => None,
        };
        let location = Location::parse(table.location())?;
        let (store, prefix) = self.sources().files(&location, connection.as_ref())?;
        let excluded: Vec<Glob> = patterns(table, EXCLUSIONS)?.iter().map(|pattern| Glob::new(pattern)).collect::<Result<_>>()?;
        let mut files = BTreeMap::new();
        for FilePath { folder, only } in paths(table)? {
            let location = Location::parse(&folder)?;
            let (_, base) = self.sources().files(&location, connection.as_ref())?;
            for file in self.sources().list(&location, connection.as_ref()).await? {
                let name = below(&base, &file.location);
                let is_wanted = only.is_empty() || only.iter().any(|glob| glob.matches(&name));
                if file.size > 0 && is_wanted && !excluded.iter().any(|glob| glob.matches(&name)) {
                    files.insert(file.location.clone(), file);
                }
            }
        }
        Ok(TableFiles { store, prefix, files: files.into_values().collect() })
    }
}

/// The parameter that has patterns of what lies below the table's folder, or below each of its paths, and is not of the table.
const EXCLUSIONS: &str = "exclusions";
/// The parameter that has the paths of the table's files, where it is not all of its folder.
pub const PATHS: &str = "paths";
/// Begin a pattern in a path.
const WILD: [char; 4] = ['*', '?', '[', '{'];

/// Where files of a table are: all in a folder, or those whose path below it meets a pattern.
struct FilePath {
    folder: String,
    only: Vec<Glob>,
}

/// The folder of a path before the first part with a pattern, and the rest.
pub fn folder_of(path: &str) -> (&str, Option<&str>) {
    let Some(first) = path.find(WILD) else { return (path, None) };
    let cut = path.get(..first).and_then(|before| before.rfind('/')).map_or(0, |slash| slash + 1);
    let (folder, pattern) = path.split_at_checked(cut).unwrap_or((path, ""));
    (if folder.is_empty() { "." } else { folder }, Some(pattern))
}

/// A pattern stands for files, and for folders with all that is below them.
fn paths(table: &Table) -> Result<Vec<FilePath>> {
    if !table.parameters.contains_key(PATHS) {
        return Ok(vec![FilePath { folder: table.location().to_owned(), only: Vec::new() }]);
    }
    let path = |path: &String| -> Result<FilePath> {
        let (folder, pattern) = folder_of(path);
        let globs = |pattern: &str| -> Result<Vec<Glob>> {
            let pattern = pattern.trim_end_matches('/');
            Ok(vec![Glob::new(pattern)?, Glob::new(&format!("{pattern}/**"))?])
        };
        Ok(FilePath { folder: folder.to_owned(), only: pattern.map(globs).transpose()?.unwrap_or_default() })
    };
    patterns(table, PATHS)?.iter().map(path).collect()
}

fn patterns(table: &Table, parameter: &str) -> Result<Vec<String>> {
    let Some(text) = table.parameters.get(parameter) else { return Ok(Vec::new()) };
    serde_json::from_str(text).map_err(|e| {
        Error::invalid_input(format!("The parameter {parameter} of table {} should be a JSON list of patterns.", table.name)).source(e)
    })
}

/// A file's path below a table's folder; empty for a table that is one file.
pub fn below(folder: &Path, file: &Path) -> String {
    let Some(parts) = file.prefix_match(folder) else { return file.to_string() };
    let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
    parts.join("/")
}
