//! Which files a table is made of: whoever reads them, and whoever remembers which of them were read, must mean the same.

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
        let excluded = exclusions(table)?;
        let mut files = self.sources().list(&location, connection.as_ref()).await?;
        files.retain(|file| {
            let name = below(&prefix, &file.location);
            file.size > 0 && !excluded.iter().any(|glob| glob.matches(&name))
        });
        Ok(TableFiles { store, prefix, files })
    }
}

/// Patterns of what the crawler found below the table's folder that is not of the table.
fn exclusions(table: &Table) -> Result<Vec<Glob>> {
    let Some(text) = table.parameters.get("exclusions") else { return Ok(Vec::new()) };
    let patterns: Vec<String> = serde_json::from_str(text).map_err(|e| {
        Error::invalid_input(format!("The parameter exclusions of table {} should be a JSON list of patterns.", table.name)).source(e)
    })?;
    patterns.iter().map(|pattern| Glob::new(pattern)).collect()
}

/// A file's path below a table's folder; empty for a table that is one file.
pub fn below(folder: &Path, file: &Path) -> String {
    let Some(parts) = file.prefix_match(folder) else { return file.to_string() };
    let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
    parts.join("/")
}
