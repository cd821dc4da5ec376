//! The engine as jobs see it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use catalog::{Catalog, Table};
use domain::{Error, ErrorKind, Result};
use etl::{ColumnsRead, Engine, FileOutput, Means, Rows, SqlOutcome, SqlQuery, TableRead, Tally};
use futures::stream;
use runs::{Level, RunContext};
use spark_connect_proto as proto;
use store::Buckets;
use tokio_util::sync::CancellationToken;

use crate::batches;
use crate::client::{Execution, Heard, Session};
use crate::config::SparkConfig;
use crate::dialect::{self, Reference, View, column_type, name};
use crate::write::Ordering;
use crate::{places, relations, tables, write};

/// A Spark cluster, or Sail, over the tables of the catalogue.
pub struct SparkEngine {
    catalog: Catalog,
    buckets: Buckets,
    config: SparkConfig,
    planner: Option<Arc<dyn Engine>>,
}

/// A query in a session of its own, its tables views there.
struct Prepared {
    session: Arc<Session>,
    relation: proto::Relation,
    /// The columns as the server has them, and as the planner wants them.
    spoken: SchemaRef,
    schema: SchemaRef,
    ordering: Ordering,
    /// What is read of which table: the bytes of its files.
    reads: BTreeMap<String, u64>,
}

impl SparkEngine {
    /// The endpoint is looked for when a query is carried out.
    pub fn new(catalog: Catalog, buckets: Buckets, config: SparkConfig) -> Self {
        let mut config = config;
        config.settings.extend(places::settings(&config.files));
        Self { catalog, buckets, config, planner: None }
    }

    /// With the engine that knows Penchant's SQL best: it says which columns a query has and reads, and refuses what is no query, in
    /// the same words whichever engine carries it out.
    #[must_use]
    pub fn with_planner(mut self, planner: Arc<dyn Engine>) -> Self {
        self.planner = Some(planner);
        self
    }

    async fn prepare(&self, query: &SqlQuery, cancel: &CancellationToken) -> Result<Prepared> {
        let mut parsed = dialect::parse(&query.text)?;
        let ordering = match (parsed.is_ordered(), parsed.order()) {
            (false, _) => Ordering::None,
            (true, Some(order)) => Ordering::By(order),
            (true, None) => Ordering::Unknown,
        };
        let planned = match &self.planner {
            Some(planner) => Some(planner.columns(query).await?),
            None => None,
        };
        let mut found: Vec<(Reference, Table)> = Vec::new();
        for reference in parsed.references() {
            let table = tables::find(&self.catalog, &reference, query).await?;
            found.push((reference, table));
        }
        let session = Arc::new(Session::open(&self.config).await?);
        let place = tables::Place { catalog: &self.catalog, buckets: &self.buckets, config: &self.config };
        let mut views = BTreeMap::new();
        let mut reads = BTreeMap::new();
        for (number, (reference, table)) in found.into_iter().enumerate() {
            let full = tables::full_name(&table);
            let window = query.windows.get(&full);
            let source = tables::source(&place, &table, window, query.sample_rows).await?;
            let view = View { name: format!("penchant_{number}_{}", table.name), columns: tables::columns(&table)? };
            session.run(relations::view(&view.name, source.relation), cancel).await?;
            reads.insert(full, source.bytes);
            views.insert(reference, view);
        }
        let relation = relations::sql(parsed.translate(&views)?);
        let spoken = batches::schema(&session.schema(relation.clone()).await?)?;
        let schema = match planned {
            Some(planned) => catalog::hive::schema(&catalog::hive::columns(&planned))?,
            None => spoken.clone(),
        };
        Ok(Prepared { session, relation, spoken, schema, ordering, reads })
    }

    async fn carry_out(&self, query: &SqlQuery, output: &FileOutput, context: &RunContext) -> Result<SqlOutcome> {
        let prepared = self.prepare(query, context.cancel()).await?;
        write::check(&prepared.schema, output)?;
        let (store, folder) = self.catalog.sources().files(&output.folder, None)?;
        let place = places::of(&self.config, &self.buckets, &output.folder)?;
        let relation = typed(prepared.relation, &prepared.spoken, &prepared.schema)?;
        let command = |output: &FileOutput| write::command(relation.clone(), &prepared.schema, output, &place, &prepared.ordering);
        let mut scans = command_out(&prepared.session, command(output), context).await?;
        let mut written = write::tidy(&store, &folder, output).await?;
        if let Some(rows) = write::fitting_rows(&written, output) {
            // The cluster cuts files by rows alone, and what a row takes is known now.
            context.info(format!("Files came out larger than asked for; they are written anew, with at most {rows} rows each."));
            write::clear(&store, &folder, written).await?;
            let smaller = FileOutput { max_file_rows: Some(output.max_file_rows.map_or(rows, |most| most.min(rows))), ..output.clone() };
            scans = command_out(&prepared.session, command(&smaller), context).await?;
            written = write::tidy(&store, &folder, output).await?;
        }
        // A result without rows is one file all the same, but for folders that there are no values for.
        let is_whole = output.partition_keys.is_empty();
        if written.files.is_empty() && is_whole {
            written = write::put_header(&store, &folder, &prepared.schema, output).await?;
        }
        if written.rows == 0 {
            written = write::keep_first(&store, &folder, written, usize::from(is_whole)).await?;
        }
        if written.files.len() > 1 && write::is_one_csv(output) {
            written = write::join(&store, &folder, written, output).await?;
        }
        if let Some(most) = output.max_file_bytes.filter(|most| written.largest.1 > *most) {
            let largest = written.largest.1;
            context.log(Level::Warn, format!("Files of at most {most} bytes were asked for; the cluster's largest has {largest}."));
        }
        Ok(SqlOutcome {
            rows_written: written.rows,
            bytes_written: written.bytes,
            files: written.files,
            read: scans.read(&prepared.reads),
            ..SqlOutcome::default()
        })
    }
}

/// Carries a command out, and tells how far it is.
async fn command_out(session: &Arc<Session>, command: proto::command::CommandType, context: &RunContext) -> Result<Scans> {
    let plan = proto::plan::OpType::Command(proto::Command { command_type: Some(command) });
    let mut execution = session.execute(plan).await?;
    let mut scans = Scans::default();
    while let Some(heard) = execution.next().await? {
        match heard {
            Heard::Progress(done, total) => context.progress(done, total, "tasks"),
            Heard::Metrics(metrics) => scans.add(&metrics),
            Heard::Batch(_) | Heard::Other => {}
        }
    }
    Ok(scans)
}

/// The query's columns in the types and under the names that the planner has for them.
fn typed(relation: proto::Relation, spoken: &SchemaRef, columns: &SchemaRef) -> Result<proto::Relation> {
    if columns.fields() == spoken.fields() {
        return Ok(relation);
    }
    if spoken.fields().len() != columns.fields().len() {
        let (found, expected) = (spoken.fields().len(), columns.fields().len());
        return Err(Error::internal(format!("Spark gives {found} columns for a query that has {expected}.")));
    }
    // By place, as names may be there twice: the statement is given names of its own.
    let Some(proto::relation::RelType::Sql(statement)) = relation.rel_type else {
        return Err(Error::internal("A query is no statement."));
    };
    let inner: Vec<String> = (0..columns.fields().len()).map(|place| format!("c{place}")).collect();
    let named = relations::sql(format!("SELECT * FROM ({}) AS penchant_query ({})", statement.query, inner.join(", ")));
    let cast = |(field, inner): (&Arc<arrow::datatypes::Field>, &String)| -> Result<(String, String)> {
        Ok((format!("CAST({} AS {})", name(inner), column_type(field.data_type(), "TIMESTAMP")?), field.name().clone()))
    };
    Ok(relations::project(named, columns.fields().iter().zip(&inner).map(cast).collect::<Result<Vec<_>>>()?))
}

/// Rows that came out of scans.
#[derive(Debug, Default)]
struct Scans {
    rows: u64,
    known: bool,
}

impl Scans {
    fn add(&mut self, metrics: &proto::execute_plan_response::Metrics) {
        for operator in metrics.metrics.iter().filter(|operator| operator.name.contains("Scan")) {
            if let Some(rows) = operator.execution_metrics.get("numOutputRows") {
                self.known = true;
                self.rows += u64::try_from(rows.value).unwrap_or_default();
            }
        }
    }

    /// Spark counts operators, not tables: the rows are told where one table alone was read.
    fn read(&self, reads: &BTreeMap<String, u64>) -> Vec<TableRead> {
        let rows = if self.known && reads.len() == 1 { self.rows } else { 0 };
        reads.iter().map(|(table, bytes)| TableRead { table: table.clone(), rows, bytes: *bytes }).collect()
    }
}

#[async_trait]
impl Engine for SparkEngine {
    fn name(&self) -> &'static str {
        "spark"
    }

    async fn write(&self, query: SqlQuery, output: FileOutput, context: &RunContext) -> Result<SqlOutcome> {
        let outcome = tokio::select! {
            outcome = self.carry_out(&query, &output, context) => outcome?,
            () = context.cancel().cancelled() => return Err(Error::stopped()),
        };
        let read: Vec<&str> = outcome.read.iter().map(|table| table.table.as_str()).collect();
        context.info(format!(
            "The cluster at {} read {}, and wrote {} rows in {} files.",
            self.config.shown(),
            if read.is_empty() { "no table".into() } else { read.join(", ") },
            outcome.rows_written,
            outcome.files.len()
        ));
        Ok(outcome)
    }

    async fn rows(&self, query: SqlQuery, means: Means) -> Result<Rows> {
        let cancel = means.cancel;
        let prepared = tokio::select! {
            prepared = self.prepare(&query, &cancel) => prepared?,
            () = cancel.cancelled() => return Err(Error::stopped()),
        };
        let execution = prepared.session.execute(proto::plan::OpType::Root(prepared.relation)).await?;
        let (schema, tally) = (prepared.schema, Tally::default());
        for (table, bytes) in &prepared.reads {
            tally.table(table).add_bytes(*bytes);
        }
        let state = Incoming {
            execution,
            schema: schema.clone(),
            cancel,
            ready: Vec::new(),
            scans: Scans::default(),
            reads: prepared.reads,
            tally: tally.clone(),
        };
        let batches = stream::try_unfold(state, |mut state| async move { Ok(state.next().await?.map(|batch| (batch, state))) });
        Ok(Rows { schema, batches: Box::pin(batches), tally })
    }

    async fn columns(&self, query: &SqlQuery) -> Result<SchemaRef> {
        if let Some(planner) = &self.planner {
            return planner.columns(query).await;
        }
        let never = CancellationToken::new();
        let mut parsed = dialect::parse(&query.text)?;
        let session = Arc::new(Session::open(&self.config).await?);
        let mut views = BTreeMap::new();
        for (number, reference) in parsed.references().into_iter().enumerate() {
            let table = tables::find(&self.catalog, &reference, query).await?;
            let view = View { name: format!("penchant_{number}_{}", table.name), columns: tables::columns(&table)? };
            session.run(relations::view(&view.name, tables::empty(&view.columns)?), &never).await?;
            views.insert(reference, view);
        }
        batches::schema(&session.schema(relations::sql(parsed.translate(&views)?)).await?)
    }

    async fn columns_read(&self, query: &SqlQuery) -> Result<Vec<ColumnsRead>> {
        match &self.planner {
            Some(planner) => planner.columns_read(query).await,
            None => {
                let text = "Which columns a query reads is answered by the embedded engine, which this engine was not given.";
                Err(Error::new(ErrorKind::InvalidState, text))
            }
        }
    }
}

/// Rows on their way from the server.
struct Incoming {
    execution: Execution,
    schema: SchemaRef,
    cancel: CancellationToken,
    /// Those of the last message, the next one last.
    ready: Vec<arrow::array::RecordBatch>,
    scans: Scans,
    reads: BTreeMap<String, u64>,
    tally: Tally,
}

impl Incoming {
    async fn next(&mut self) -> Result<Option<arrow::array::RecordBatch>> {
        loop {
            if let Some(batch) = self.ready.pop() {
                return Ok(Some(batch));
            }
            let heard = tokio::select! {
                heard = self.execution.next() => heard?,
                () = self.cancel.cancelled() => return Err(Error::stopped()),
            };
            match heard {
                Some(Heard::Batch(batch)) => {
                    self.ready = batches::decode(&batch.data, &self.schema)?;
                    self.ready.retain(|batch| batch.num_rows() > 0);
                    self.ready.reverse();
                }
                Some(Heard::Metrics(metrics)) => self.scans.add(&metrics),
                Some(_) => {}
                None => {
                    for read in self.scans.read(&self.reads) {
                        self.tally.table(&read.table).add_rows(read.rows);
                    }
                    return Ok(None);
                }
            }
        }
    }
}
