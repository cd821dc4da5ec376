//! Apache Kafka: a topic is a table, a message a row.
//!
//! After the columns of the messages ([`messages`] says how they are found) come four of our own: `_partition`, `_offset`,
//! `_timestamp` (null on brokers before 0.10) and `_key`. A column of a message that has one of these names is called
//! `_message_partition` and so on.
//!
//! # What a scan reads
//! From each partition's first kept message to the one that was last when the scan began; then it ends, whatever is written
//! meanwhile. Filters on our own columns are judged for each message, and narrow the offsets that are read. Transactions that
//! were given up are not read.
//!
//! # What is found out by sampling
//! The columns come from [`catalog::SAMPLE_MESSAGES`] messages of each end of the topic. Members of JSON objects that no sampled
//! message had are left out; a value that does not fit, and a message that cannot be read, is an error that names partition and
//! offset: a filter on these leaves it out. A message without a payload is a row of nulls.
//!
//! # Counting
//! Offsets count messages: exact, unless compaction or transactions have left holes, then too many. Not said at all where a
//! message may be several rows or none (CSV, Avro container files).
//!
//! # Bookmarks
//! [`KafkaSource::since`] gives the messages that came since a bookmark, as a filter of a scan, and the next bookmark. Messages that
//! retention took before they were read are an error `SOURCE_OFFSET_GONE`. Who knows no Kafka asks [`LogSource`] for the same.
//!
//! # Not here
//! Schema registries are not asked.
//!
//! The real broker for tests is Apache Kafka 0.9: SASL with passwords, transactions and the lookup of offsets by time were run against
//! no broker, times and headers of messages against librdkafka's mock alone. Where a lookup by time finds no offset, which should mean
//! that no message is as young, the whole partition is read and each message judged: to read on from a bookmark is cheaper.

mod avro;
mod catalog;
mod connect;
mod decode;
mod error;
mod filter;
mod group;
mod messages;
mod offsets;
mod read;
mod scan;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use domain::{Error, Result};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Description, LogSource, Predicate, Scan, Source, TablePath};
use crate::connection::{KafkaEndpoint, TlsMode};
use crate::diagnosis::{AUTHENTICATION_FAILED, Diagnosis, Step, TLS_FAILED};
use catalog::Shape;
use connect::Client;
pub use group::{Event, EventGroup};
pub use offsets::Offsets;
use read::Range;

/// Our own columns.
pub const PARTITION: &str = "_partition";
pub const OFFSET: &str = "_offset";
pub const TIMESTAMP: &str = "_timestamp";
pub const KEY: &str = "_key";

/// Batches that may wait for the reader.
const BATCHES_AHEAD: usize = 2;
/// Fewer messages are not worth a reader of their own.
const PART_MESSAGES: i64 = 10_000;

/// A Kafka cluster. A topic's columns are found out once and kept for the life of the value, until it is described anew.
#[derive(Clone)]
pub struct KafkaSource {
    endpoint: Arc<KafkaEndpoint>,
    shapes: Arc<Mutex<HashMap<String, Arc<Shape>>>>,
}

impl KafkaSource {
    /// Reaches out to nobody.
    pub fn new(endpoint: KafkaEndpoint) -> Self {
        Self { endpoint: Arc::new(endpoint), shapes: Arc::default() }
    }

    /// The offsets of the first messages that are kept.
    pub async fn begin_offsets(&self, topic: &str) -> Result<Offsets> {
        Ok(self.marks(topic).await?.0)
    }

    /// The offsets after the last messages there are now: the bookmark of whoever has read all of them.
    pub async fn end_offsets(&self, topic: &str) -> Result<Offsets> {
        Ok(self.marks(topic).await?.1)
    }

    /// What came since the bookmark, as a filter for a scan of the topic, and the bookmark after it. Fails with `SOURCE_OFFSET_GONE`
    /// when some of it is no longer kept.
    pub async fn since(&self, topic: &str, bookmark: &Offsets) -> Result<(Predicate, Offsets)> {
        let (begin, end) = self.marks(topic).await?;
        bookmark.check(topic, &begin, &end)?;
        Ok((bookmark.until(&end), end))
    }

    /// The messages of the topic from one bookmark to another, as a filter for a scan.
    pub fn between(&self, from: &Offsets, to: &Offsets) -> Predicate {
        from.until(to)
    }

    async fn marks(&self, topic: &str) -> Result<(Offsets, Offsets)> {
        let topic = topic.to_owned();
        let marks = self.with_client(move |client| client.watermarks(&topic, client.partitions(&topic)?)).await?;
        let begin = marks.iter().map(|(&partition, &(low, _))| (partition, low)).collect();
        let end = marks.iter().map(|(&partition, &(_, high))| (partition, high)).collect();
        Ok((Offsets(begin), Offsets(end)))
    }

    /// Connects, and runs what blocks where it does no harm.
    async fn with_client<T: Send + 'static>(&self, work: impl FnOnce(&Client) -> Result<T> + Send + 'static) -> Result<T> {
        let client = connect::connect(&self.endpoint).await?;
        connect::blocking(move || work(&client)).await
    }

    fn describe_one(&self, client: &Client, table: &TablePath) -> Result<(Arc<Shape>, u64)> {
        let (shape, rows) = catalog::describe(client, &table.table)?;
        let shape = Arc::new(shape);
        self.shapes.lock().unwrap_or_else(PoisonError::into_inner).insert(table.table.clone(), shape.clone());
        Ok((shape, rows))
    }

    /// As it was described last.
    fn shape(&self, client: &Client, table: &TablePath) -> Result<Arc<Shape>> {
        client.partitions(&table.table)?;
        let known = self.shapes.lock().unwrap_or_else(PoisonError::into_inner).get(&table.table).cloned();
        known.map_or_else(|| self.describe_one(client, table).map(|(shape, _)| shape), Ok)
    }

    async fn start(self, scan: Scan) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        if let Some(refused) = scan.filters.iter().find(|one| !filter::accepts(one)) {
            return Err(Error::invalid_input(format!("Kafka compares nothing but its own columns; asked for {refused:?}.")));
        }
        let client = connect::connect(&self.endpoint).await?;
        let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
        let work = tokio::task::spawn_blocking(move || {
            let outcome = self.shape(&client, &scan.table).and_then(|shape| scan::run(&client, &scan, &shape, &sender));
            if let Err(error) = outcome {
                // Nobody is there to be told when the reader is gone.
                let _ = sender.blocking_send(Err(error));
            }
        });
        Ok(stream::unfold(Reader { batches, work: Some(work) }, next).boxed())
    }
}

struct Reader {
    batches: mpsc::Receiver<Result<RecordBatch>>,
    work: Option<JoinHandle<()>>,
}

async fn next(mut reader: Reader) -> Option<(Result<RecordBatch>, Reader)> {
    if let Some(batch) = reader.batches.recv().await {
        return Some((batch, reader));
    }
    // A thread that died would otherwise look like the end of the topic.
    match reader.work.take()?.await {
        Ok(()) => None,
        Err(e) => Some((Err(Error::internal("Reading from Kafka ended before its time.").source(e)), reader)),
    }
}

#[async_trait]
impl Source for KafkaSource {
    fn classification(&self) -> &'static str {
        "kafka"
    }

    async fn tables(&self) -> Result<Vec<TablePath>> {
        self.with_client(|client| Ok(client.topics.keys().map(TablePath::table).collect())).await
    }

    async fn describe(&self, tables: &[TablePath]) -> Result<Vec<Result<Description>>> {
        let (source, tables) = (self.clone(), tables.to_vec());
        let one = move |client: &Client, table: &TablePath| {
            let (shape, rows) = source.describe_one(client, table)?;
            Ok(Description { rows: Some(rows), ..Description::of(shape.schema.clone()) })
        };
        self.with_client(move |client| Ok(tables.iter().map(|table| one(client, table)).collect())).await
    }

    async fn count(&self, table: &TablePath) -> Result<Option<u64>> {
        let (source, table) = (self.clone(), table.clone());
        self.with_client(move |client| {
            let shape = source.shape(client, &table)?;
            let marks = client.watermarks(&table.table, client.partitions(&table.table)?)?;
            let rows = marks.values().map(|(low, high)| u64::try_from(high - low).unwrap_or(0)).sum();
            Ok((rows == 0 || shape.format.is_a_row_each()).then_some(rows))
        })
        .await
    }

    fn accepts(&self, predicate: &Predicate, _: &SchemaRef) -> bool {
        filter::accepts(predicate)
    }

    async fn split(&self, scan: Scan, parts: usize) -> Result<Vec<Scan>> {
        if parts < 2 || scan.limit.is_some() {
            return Ok(vec![scan]);
        }
        let asked = scan.clone();
        let ranges = self.with_client(move |client| scan::ranges(client, &asked)).await?;
        let shares = share(&ranges, parts);
        if shares.len() < 2 {
            return Ok(vec![scan]);
        }
        let part = |share: Vec<Range>| {
            let only = |range: &Range| offsets::within(range.partition, range.from, range.to);
            let mut filters = scan.filters.clone();
            filters.push(Predicate::Or(share.iter().map(only).collect()));
            Scan { filters, ..scan.clone() }
        };
        Ok(shares.into_iter().map(part).collect())
    }

    fn scan(&self, scan: Scan) -> BoxStream<'static, Result<RecordBatch>> {
        let source = self.clone();
        stream::once(async move { source.start(scan).await }).try_flatten().boxed()
    }

    async fn diagnose(&self) -> Diagnosis {
        let mut diagnosis = connect::reach(&self.endpoint).await;
        if diagnosis.failure().is_some() {
            return diagnosis;
        }
        let endpoint = self.endpoint.clone();
        let topics = connect::blocking(move || Client::connect(endpoint).map(|client| client.topics.len())).await;
        let failed = topics.as_ref().err().and_then(|error| error.code);
        let steps = [
            (Step::Tls, self.endpoint.tls.mode != TlsMode::Disable, TLS_FAILED),
            (Step::Authentication, self.endpoint.sasl.is_some(), AUTHENTICATION_FAILED),
        ];
        for (step, taken, code) in steps {
            if failed == Some(code) {
                diagnosis.note(step, topics, |_| String::new());
                return diagnosis;
            }
            if taken {
                diagnosis.note(step, Ok(()), |()| "passed".into());
            }
        }
        diagnosis.note(Step::Permission, topics, |count| format!("{count} topics"));
        diagnosis
    }

    fn log(&self) -> Option<&dyn LogSource> {
        Some(self)
    }
}

#[async_trait]
impl LogSource for KafkaSource {
    async fn ends(&self, table: &TablePath, next: &BTreeMap<i32, i64>) -> Result<BTreeMap<i32, i64>> {
        let (_, end) = self.since(&table.table, &Offsets(next.clone())).await?;
        Ok(end.0)
    }

    fn place_columns(&self) -> (&'static str, &'static str) {
        (PARTITION, OFFSET)
    }
}

/// The ranges in at most `parts` groups that have about as many messages each; no group has two ranges of one partition.
fn share(ranges: &[Range], parts: usize) -> Vec<Vec<Range>> {
    let each = parts / ranges.len().max(1);
    let mut pieces: Vec<Range> = Vec::new();
    for range in ranges {
        let cuts = i64::try_from(each).unwrap_or(1).min(range.len() / PART_MESSAGES).max(1);
        let bound = |cut: i64| range.from + i64::try_from(i128::from(range.len()) * i128::from(cut) / i128::from(cuts)).unwrap_or(0);
        pieces.extend((0..cuts).map(|cut| Range { partition: range.partition, from: bound(cut), to: bound(cut + 1) }));
    }
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    let mut groups: Vec<Vec<Range>> = vec![Vec::new(); parts.min(pieces.len())];
    for piece in pieces {
        let free = |group: &&mut Vec<Range>| group.iter().all(|one| one.partition != piece.partition);
        let least = groups.iter_mut().filter(free).min_by_key(|group| group.iter().map(Range::len).sum::<i64>());
        if let Some(group) = least {
            group.push(piece);
        }
    }
    groups
}

/// Never shows a password.
impl fmt::Debug for KafkaSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KafkaSource({:?})", self.endpoint)
    }
}

#[cfg(test)]
mod tests;
