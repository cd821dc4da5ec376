//! Versions of tables.

use domain::{Error, ErrorKind, Result};
use store::{Resource, Stored, Tx};

use super::{Catalog, Refused, fold};
use crate::changes::{self, Change};
use crate::table::{Table, TableVersion};

impl Catalog {
    /// The table as it is, then as it was, newest first.
    pub async fn list_table_versions(&self, database: &str, name: &str) -> Result<Vec<Stored<TableVersion>>> {
        let current = self.get_table(database, name).await?;
        let mut older = self.store().children::<TableVersion>(&current.key()).await?;
        older.reverse();
        let mut all = vec![as_version(current)];
        all.extend(older);
        Ok(all)
    }

    /// One version of the table.
    pub async fn get_table_version(&self, database: &str, name: &str, version: &str) -> Result<Stored<TableVersion>> {
        let current = self.get_table(database, name).await?;
        if current.version_id == version {
            return Ok(as_version(current));
        }
        let key = TableVersion::key_of(&current.database_name, &current.name, version);
        let found = self.store().find::<TableVersion>(&key).await?.filter(|found| found.version_id == version);
        found.ok_or_else(|| missing(&current.database_name, &current.name, version))
    }

    /// What a reader of the table would notice between two of its versions.
    pub async fn table_version_diff(&self, database: &str, name: &str, from: &str, to: &str) -> Result<Vec<Change>> {
        let old = self.get_table_version(database, name, from).await?;
        let new = self.get_table_version(database, name, to).await?;
        Ok(changes::diff(&old.table, &new.table))
    }

    /// Forgets how the table was in this version. The one it has now cannot be forgotten.
    pub async fn delete_table_version(&self, database: &str, name: &str, version: &str) -> Result<()> {
        let refused = self.delete_table_versions(database, name, vec![version.to_owned()]).await?;
        refused.into_iter().next().map_or(Ok(()), |refused| Err(refused.error))
    }

    /// The same for several; gives back those that could not be forgotten.
    pub async fn delete_table_versions(&self, database: &str, name: &str, versions: Vec<String>) -> Result<Vec<Refused<String>>> {
        let mut tx = self.store().begin().await?;
        let table = tx.get::<Table>(&Table::key_of(&fold(database), &fold(name))).await?;
        let mut refused = Vec::new();
        for version in versions {
            if let Err(error) = delete(&mut tx, &table, &version).await {
                refused.push(Refused { item: version, error });
            }
        }
        tx.commit().await?;
        Ok(refused)
    }
}

async fn delete(tx: &mut Tx, table: &Table, version: &str) -> Result<()> {
    let (database, name) = (&table.database_name, &table.name);
    if version == table.version_id {
        return Err(Error::invalid_input(format!(
            "Version {version} is what table {database}.{name} is now: it stays as long as the table."
        )));
    }
    match tx.delete::<TableVersion>(&TableVersion::key_of(database, name, version)).await {
        Err(error) if error.kind == ErrorKind::NotFound => Err(missing(database, name, version)),
        other => other,
    }
}

fn missing(database: &str, name: &str, version: &str) -> Error {
    Error::not_found(format!("Version {version:?} of table {database}.{name}"))
}

fn as_version(table: Stored<Table>) -> Stored<TableVersion> {
    let Stored { value, version, created, updated } = table;
    let version_id = value.version_id.clone();
    Stored { value: TableVersion { table: value, version_id }, version, created, updated }
}
