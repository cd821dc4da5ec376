//! The handle to the catalog: databases here, everything else in the files beside.

mod connections;
mod crawlers;
mod functions;
mod pages;
mod partition_indexes;
mod partitions;
mod search;
mod statistics_runs;
mod tables;
mod versions;

use connect::{Secrets, Sources};
use domain::arn::Partition as Place;
use domain::{Arn, Error, Result};
use runs::Runs;
use store::{Buckets, Resource, Store, Stored, Tx};

use crate::table::{Database, Table};

pub use connections::ConnectionCheck;
pub use functions::{ResourceUri, UserDefinedFunction};
pub use pages::{Page, Paged, Refused};
pub use partition_indexes::PartitionIndex;
pub(crate) use partition_indexes::add_index;
pub use partitions::{MAX_READ_AT_ONCE, MAX_WRITTEN_AT_ONCE, PartitionQuery, Segment};
pub(crate) use partitions::{insert_partition, remove_partition, replace_partition};
pub use search::{TableFilter, TableOrder, TableSearch};
pub use tables::TableUpdate;
pub(crate) use tables::{insert_table, remove_table, replace_table, replace_table_quietly};

/// Names of databases and tables have at most so many characters.
const MAX_NAME_CHARS: usize = 255;

/// Databases, tables, partitions, connections, crawlers; clone it freely.
#[derive(Debug, Clone)]
pub struct Catalog {
    runs: Runs,
    sources: Sources,
    place: Place,
}

impl Catalog {
    pub fn new(runs: Runs, buckets: Buckets, place: Place) -> Self {
        Self { runs, sources: Sources::new(buckets), place }
    }

    /// With the key that seals and opens the secrets of connections.
    #[must_use]
    pub fn with_secrets(mut self, secrets: Secrets) -> Self {
        self.sources = self.sources.with_secrets(secrets);
        self
    }

    pub fn store(&self) -> &Store {
        self.runs.store()
    }

    pub fn runs(&self) -> &Runs {
        &self.runs
    }

    /// What opens the sources that the catalog's tables are in.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    pub fn database_arn(&self, name: &str) -> Arn {
        self.place.glue("database", fold(name))
    }

    pub fn table_arn(&self, database: &str, table: &str) -> Arn {
        self.place.glue("table", Table::key_of(&fold(database), &fold(table)))
    }

    pub fn crawler_arn(&self, name: &str) -> Arn {
        self.place.glue("crawler", name)
    }

    pub fn connection_arn(&self, name: &str) -> Arn {
        self.place.glue("connection", name)
    }

    pub async fn create_database(&self, mut database: Database) -> Result<()> {
        database.name = fold(&database.name);
        check_name("database", &database.name)?;
        self.store().create(&database).await
    }

    pub async fn get_database(&self, name: &str) -> Result<Stored<Database>> {
        self.store().get(&fold(name)).await
    }

    /// A page of the databases, by name.
    pub async fn page_databases(&self, page: &Page) -> Result<Paged<Database>> {
        pages::read(self.store(), None, page, |_| true).await
    }

    pub async fn list_databases(&self) -> Result<Vec<Stored<Database>>> {
        self.store().list().await
    }

    /// Replaces everything but the name.
    pub async fn update_database(&self, name: &str, database: Database) -> Result<()> {
        let name = fold(name);
        let key = name.clone();
        self.store()
            .update::<Database>(&key, |old| {
                *old = Database { name, ..database };
                Ok(())
            })
            .await?;
        Ok(())
    }

    /// Deletes the database with all its tables and functions.
    pub async fn delete_database(&self, name: &str) -> Result<()> {
        let name = fold(name);
        let mut tx = self.store().begin().await?;
        tx.delete::<Database>(&name).await?;
        for table in tx.children::<Table>(&name).await? {
            remove_table(&mut tx, &table.value).await?;
        }
        for function in tx.children::<UserDefinedFunction>(&name).await? {
            tx.delete::<UserDefinedFunction>(&function.key()).await?;
        }
        tx.commit().await
    }
}

/// The database, created in `tx` where missing.
pub(crate) async fn ensure_database(tx: &mut Tx, name: &str) -> Result<()> {
    check_name("database", name)?;
    if tx.find::<Database>(name).await?.is_none() {
        tx.create(&Database { name: name.to_owned(), ..Database::default() }).await?;
    }
    Ok(())
}

/// Names of databases and tables are compared and kept in lower case.
pub(crate) fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// Refuses names that are empty, too long, or hold `/` or control characters.
pub(crate) fn check_name(what: &str, name: &str) -> Result<()> {
    let chars = name.chars().count();
    if (1..=MAX_NAME_CHARS).contains(&chars) && !name.chars().any(|c| c.is_control() || c == '/') {
        return Ok(());
    }
    Err(Error::invalid_input(format!(
        "The name of a {what} has 1 to {MAX_NAME_CHARS} characters and no slash or control character; found {name:?}."
    )))
}
