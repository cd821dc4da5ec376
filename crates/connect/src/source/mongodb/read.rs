//! A scan: one `find`, its cursor read batch by batch.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use domain::{Error, Result};
use futures::stream::{self, BoxStream, StreamExt};
use mongodb::bson::{Document, RawDocument, RawDocumentBuf, doc};
use mongodb::options::FindOptions;
use mongodb::{Client, Cursor, error::Result as DriverResult};

use super::MongoSource;
use super::catalog::simple_collation;
use super::decode::Rows;
use super::error;
use super::filter::{filter, is_path};
use super::shape::{Selected, Shape};
use super::text::text;
use crate::diagnosis::TABLE_GONE;
use crate::source::Scan;

/// Bytes of documents after which a batch is given, however few its rows.
const BATCH_BYTES: usize = 32 << 20;

/// What is asked of the server, and what is made of the answer.
#[derive(Debug)]
struct Plan {
    filter: Document,
    options: FindOptions,
    selected: Vec<Selected>,
    schema: SchemaRef,
    /// Fields that are columns, asked for or not.
    known: Arc<HashSet<String>>,
    batch_rows: usize,
}

struct Reading {
    source: MongoSource,
    scan: Scan,
    plan: Plan,
    cursor: Cursor<RawDocumentBuf>,
    any: bool,
    at_end: bool,
}

/// The rows of the scan. Dropping the stream drops the cursor, and the driver ends it on the server.
pub(crate) async fn start(source: MongoSource, scan: Scan) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let shape = source.shape(&scan.table).await?;
    let plan = plan(&shape, &scan)?;
    if scan.limit == Some(0) {
        // To MongoDB a limit of 0 is none.
        return Ok(stream::empty().boxed());
    }
    let database = source.database(&scan.table)?;
    let find = async |client: Client| -> DriverResult<Cursor<RawDocumentBuf>> {
        let collection = client.database(database).collection::<RawDocumentBuf>(&scan.table.table);
        collection.find(plan.filter.clone()).with_options(plan.options.clone()).await
    };
    let cursor = source.server.ask(find).await.map_err(|error| error.with("collection", &scan.table))?;
    Ok(stream::try_unfold(Reading { source, scan, plan, cursor, any: false, at_end: false }, Reading::next).boxed())
}

fn plan(shape: &Shape, scan: &Scan) -> Result<Plan> {
    let schema = shape.schema();
    let names: Vec<&str> = match &scan.columns {
        None => schema.fields().iter().map(|field| field.name().as_str()).collect(),
        Some(names) => names.iter().map(String::as_str).collect(),
    };
    let table = scan.table.to_string();
    let selected: Vec<Selected> = names.iter().map(|name| shape.select(name, &table)).collect::<Result<_>>()?;
    if let Some(twice) =
        selected.iter().enumerate().find_map(|(index, one)| selected.iter().take(index).any(|other| other == one).then_some(one))
    {
        return Err(Error::invalid_input(format!("Expected each column of collection {table} once; found {twice:?} twice.")));
    }
    let filters = scan.filters.iter().map(|predicate| {
        filter(predicate, &schema)
            .ok_or_else(|| Error::internal(format!("A filter on {table} was sent to MongoDB that it does not take: {predicate:?}.")))
    });
    let filters = filters.collect::<Result<Vec<Document>>>()?;
    let batch_rows = scan.batch_rows.max(1);
    let mut options =
        FindOptions::builder().batch_size(u32::try_from(batch_rows).unwrap_or(u32::MAX)).projection(projection(&selected)).build();
    options.limit = scan.limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
    options.collation = (!shape.collated).then(simple_collation);
    Ok(Plan {
        filter: if filters.is_empty() {
            doc! {}
        } else {
            doc! { "$and": filters }
        },
        options,
        schema: Arc::new(Schema::new(selected.iter().map(|column| shape.field(column)).collect::<Vec<_>>())),
        selected,
        known: Arc::new(shape.columns.iter().map(|column| column.name.clone()).collect()),
        batch_rows,
    })
}

/// The fields to send; all of them where one cannot be named, or where it is not known which. `_id` always comes: errors name it.
fn projection(selected: &[Selected]) -> Option<Document> {
    let mut fields = doc! { "_id": 1 };
    for column in selected {
        match column {
            Selected::Column(column) if is_path(&column.name) => fields.insert(&column.name, 1),
            _ => return None,
        };
    }
    Some(fields)
}

impl Reading {
    async fn next(mut self) -> Result<Option<(RecordBatch, Self)>> {
        let mut rows = Rows::new(self.plan.schema.clone(), &self.plan.selected, &self.plan.known);
        while !self.at_end && rows.rows < self.plan.batch_rows && rows.bytes < BATCH_BYTES {
            if self.advance().await? {
                let document = self.cursor.current();
                rows.push(document).map_err(|failure| error::decoding(failure, &self.scan.table.to_string(), &id(document)))?;
            } else {
                self.at_end = true;
            }
        }
        if rows.rows == 0 {
            if !self.any {
                // A collection that is not there looks like an empty one.
                self.source.listed(&self.scan.table).await?;
            }
            return Ok(None);
        }
        self.any = true;
        let batch = rows
            .finish()
            .map_err(|e| Error::internal(format!("A batch of collection {} could not be made.", self.scan.table)).source(e))?;
        Ok(Some((batch, self)))
    }

    async fn advance(&mut self) -> Result<bool> {
        match self.source.server.within(self.cursor.advance()).await {
            Err(error) if error.code == Some(TABLE_GONE) => Err(self.source.gone(&self.scan.table).source(error)),
            outcome => outcome.map_err(|error| error.with("collection", &self.scan.table)),
        }
    }
}

fn id(document: &RawDocument) -> String {
    match document.get("_id") {
        Ok(Some(id)) => text(id).unwrap_or_else(|error| error.to_string()),
        Ok(None) => "(none)".into(),
        Err(error) => error.to_string(),
    }
}
