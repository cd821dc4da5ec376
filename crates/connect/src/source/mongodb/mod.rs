//! MongoDB: databases of collections, whose documents have no declared columns.
//!
//! - **Columns** come from a sample (`catalog.rs` says which documents, `types.rs` which types, `shape.rs` what happens to very many
//!   fields). It is kept for the life of the value, so that a scan has the columns that were described; `describe` samples anew.
//!   Fields that no sampled document has are no columns: a later crawl finds them when it meets them.
//! - **A value that its column does not hold** is an error `SOURCE_VALUE_UNFIT` that names the field, the value and `_id`.
//! - **Filters, projection and limit** are sent to the server (`filter.rs`); a document filtered out there is not looked at here.
//! - **Parts of a scan** are ranges of `_id`, where all are ObjectIds or all are numbers.

mod catalog;
mod connect;
mod decimal;
mod decode;
mod error;
mod filter;
mod read;
mod shape;
mod split;
mod text;
mod types;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use domain::{Error, Result};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::{Description, Predicate, Scan, Source, TablePath};
use crate::connection::MongoEndpoint;
use crate::diagnosis::{DATABASE_UNKNOWN, Diagnosis, Step};
use catalog::{Form, Listed};
use connect::Server;
use shape::Shape;

/// Collections that are sampled at the same time.
const SAMPLED_AT_ONCE: usize = 8;
/// Databases that are listed at the same time.
const LISTED_AT_ONCE: usize = 8;

/// A MongoDB server or cluster. Clone it freely; clones share the connections and what is known of the collections.
#[derive(Debug, Clone)]
pub struct MongoSource {
    server: Server,
    shapes: Arc<Mutex<HashMap<TablePath, Arc<Shape>>>>,
}

impl MongoSource {
    /// Reaches out to nobody yet.
    pub fn new(endpoint: MongoEndpoint) -> Self {
        Self { server: Server::new(endpoint), shapes: Arc::default() }
    }

    /// The databases that the connection is about.
    async fn databases(&self) -> Result<Vec<String>> {
        match &self.server.endpoint.database {
            Some(database) => Ok(vec![database.clone()]),
            None => catalog::databases(&self.server).await,
        }
    }

    fn database<'a>(&'a self, table: &'a TablePath) -> Result<&'a str> {
        table.database.as_deref().or(self.server.endpoint.database.as_deref()).ok_or_else(|| {
            Error::invalid_input(format!(
                "Collection {:?} needs its database: neither the table nor the connection to {} names one.",
                table.table, self.server.endpoint.shown
            ))
        })
    }

    /// Fails with `SOURCE_TABLE_GONE` where there is no such collection: MongoDB itself takes it for an empty one.
    async fn listed(&self, table: &TablePath) -> Result<Listed> {
        let mut found = catalog::collections(&self.server, self.database(table)?, Some(&table.table)).await?;
        found.pop().ok_or_else(|| self.gone(table))
    }

    fn gone(&self, table: &TablePath) -> Error {
        error::gone(&table.to_string(), &self.server.endpoint.shown)
    }

    /// A database is there as soon as it holds a collection.
    fn known(&self, database: &str, all: &[String]) -> Result<()> {
        if all.iter().any(|known| known == database) {
            return Ok(());
        }
        let found = if all.is_empty() { "none".into() } else { all.join(", ") };
        let place = &self.server.endpoint.shown;
        Err(Error::not_found(format!("Database {database:?} at {place} (of those that the user may see: {found})")).code(DATABASE_UNKNOWN))
    }

    /// The columns as they were sampled first.
    async fn shape(&self, table: &TablePath) -> Result<Arc<Shape>> {
        let known = self.shapes.lock().unwrap_or_else(PoisonError::into_inner).get(table).cloned();
        match known {
            Some(shape) => Ok(shape),
            None => self.sample(table, &self.listed(table).await?).await,
        }
    }

    /// Samples and remembers. An empty collection is asked again the next time.
    async fn sample(&self, table: &TablePath, listed: &Listed) -> Result<Arc<Shape>> {
        let shape = catalog::shape(&self.server, self.database(table)?, listed).await.map_err(|error| error.with("collection", table))?;
        let shape = Arc::new(shape);
        if shape.documents > 0 {
            self.shapes.lock().unwrap_or_else(PoisonError::into_inner).insert(table.clone(), shape.clone());
        }
        Ok(shape)
    }

    async fn describe_one(&self, table: &TablePath, listings: &HashMap<String, Result<Vec<Listed>>>) -> Result<Description> {
        let database = self.database(table)?;
        let listed = match listings.get(database) {
            Some(Ok(listed)) => listed.iter().find(|listed| listed.name == table.table).ok_or_else(|| self.gone(table))?,
            Some(Err(error)) => return Err(error::again(error).with("collection", table)),
            None => return Err(self.gone(table)),
        };
        let shape = self.sample(table, listed).await?;
        let (rows, bytes) = catalog::statistics(&self.server, database, listed).await;
        let has_key = shape.form == Form::Collection && shape.columns.iter().any(|column| column.name == "_id");
        let primary_key = if has_key { vec!["_id".into()] } else { Vec::new() };
        Ok(Description { schema: shape.schema(), is_view: shape.form == Form::View, comment: shape.note(), rows, bytes, primary_key })
    }
}

#[async_trait]
impl Source for MongoSource {
    fn classification(&self) -> &'static str {
        "mongodb"
    }

    async fn tables(&self) -> Result<Vec<TablePath>> {
        let listings = stream::iter(self.databases().await?)
            .map(async |database| {
                let listed = catalog::collections(&self.server, &database, None).await?;
                let path = |listed: Listed| TablePath { database: Some(database.clone()), schema: None, table: listed.name };
                Ok::<Vec<TablePath>, Error>(listed.into_iter().map(path).collect())
            })
            .buffered(LISTED_AT_ONCE);
        Ok(listings.try_collect::<Vec<_>>().await?.concat())
    }

    async fn describe(&self, tables: &[TablePath]) -> Result<Vec<Result<Description>>> {
        let databases: BTreeSet<&str> = tables.iter().filter_map(|table| self.database(table).ok()).collect();
        let listings: HashMap<String, Result<Vec<Listed>>> = stream::iter(databases.into_iter().map(str::to_owned))
            .map(async |database| {
                let listed = catalog::collections(&self.server, &database, None).await;
                (database, listed)
            })
            .buffer_unordered(LISTED_AT_ONCE)
            .collect()
            .await;
        if let Some(of_the_source) =
            listings.values().filter_map(|listed| listed.as_ref().err()).find(|error| error::is_of_the_source(error))
        {
            return Err(error::again(of_the_source));
        }
        let listings = &listings;
        let described = stream::iter(tables.to_vec()).map(async move |table| self.describe_one(&table, listings).await);
        Ok(described.buffered(SAMPLED_AT_ONCE).collect().await)
    }

    async fn schema(&self, table: &TablePath) -> Result<SchemaRef> {
        Ok(self.shape(table).await?.schema())
    }

    async fn count(&self, table: &TablePath) -> Result<Option<u64>> {
        let listed = self.listed(table).await?;
        match listed.form {
            Form::Collection => catalog::count(&self.server, self.database(table)?, &listed.name).await.map(Some),
            // Both would be read whole; a time series counts its buckets.
            Form::View | Form::TimeSeries => Ok(None),
        }
    }

    fn accepts(&self, predicate: &Predicate, schema: &SchemaRef) -> bool {
        filter::filter(predicate, schema).is_some()
    }

    async fn split(&self, scan: Scan, parts: usize) -> Result<Vec<Scan>> {
        if parts < 2 || scan.limit.is_some() {
            return Ok(vec![scan]);
        }
        let shape = self.shape(&scan.table).await?;
        let bounds = split::bounds(&self.server, self.database(&scan.table)?, &scan.table.table, &shape, parts).await?;
        Ok(split::parts(&scan, bounds))
    }

    fn scan(&self, scan: Scan) -> BoxStream<'static, Result<RecordBatch>> {
        let source = self.clone();
        stream::once(async move { read::start(source, scan).await }).try_flatten().boxed()
    }

    async fn diagnose(&self) -> Diagnosis {
        let mut diagnosis = Diagnosis::default();
        if self.server.diagnose(&mut diagnosis).await.is_none() {
            return diagnosis;
        }
        if let Some(database) = &self.server.endpoint.database {
            let known = catalog::databases(&self.server).await.and_then(|all| self.known(database, &all));
            if diagnosis.note(Step::Database, known, |()| database.clone()).is_none() {
                return diagnosis;
            }
        }
        diagnosis.note(Step::Permission, self.tables().await, |tables| format!("{} collections", tables.len()));
        diagnosis
    }
}

#[cfg(test)]
mod tests;
