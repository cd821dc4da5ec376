//! A batch read of one topic: from where it begins to where it ends now.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::compute::take;
use arrow::datatypes::{Fields, Schema, SchemaRef};
use domain::{Error, Result};
use rdkafka::consumer::Consumer;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::sync::mpsc::Sender;

use super::catalog::Shape;
use super::connect::Client;
use super::decode::{Decoder, unmade};
use super::error;
use super::filter::{self, Place};
use super::read::{self, Next, Range};
use super::{KEY, OFFSET, PARTITION, TIMESTAMP};
use crate::source::Scan;

/// A batch ends early when its messages have this many bytes.
const BATCH_BYTES: usize = 8 << 20;

/// What is left of the topic after the filters, by partition.
pub(super) fn ranges(client: &Client, scan: &Scan) -> Result<Vec<Range>> {
    let topic = &scan.table.table;
    let narrowed = |range: Range| scan.filters.iter().fold(range, |range, one| filter::narrow(one, range));
    let possible = |partition: &i32| narrowed(Range { partition: *partition, from: 0, to: i64::MAX }).len() > 0;
    let partitions: Vec<i32> = client.partitions(topic)?.iter().copied().filter(possible).collect();
    let marks = client.watermarks(topic, &partitions)?;
    let mut ranges: Vec<Range> =
        marks.into_iter().map(|(partition, (low, high))| narrowed(Range { partition, from: low, to: high })).collect();
    if let Some(time) = scan.filters.iter().filter_map(filter::earliest).max() {
        start_at(client, topic, time, &mut ranges);
    }
    ranges.retain(|range| range.len() > 0);
    Ok(ranges)
}

/// Leaves out what is older than the time, where the broker can look that up. No message before the offset that it names is as young.
fn start_at(client: &Client, topic: &str, time: i64, ranges: &mut [Range]) {
    let mut times = TopicPartitionList::new();
    for range in ranges.iter() {
        if times.add_partition_offset(topic, range.partition, Offset::Offset(time.div_euclid(1000).max(0))).is_err() {
            return;
        }
    }
    // A broker that keeps no times answers with an error or with no offset: then every message is read and judged by itself.
    let Ok(found) = client.consumer.offsets_for_times(times, client.endpoint.reach.connect_timeout) else { return };
    for range in ranges {
        let place = found.find_partition(topic, range.partition).map(|found| (found.error(), found.offset()));
        if let Some((Ok(()), Offset::Offset(offset))) = place {
            range.from = range.from.max(offset);
        }
    }
}

/// Reads and sends batches until the end, the limit, or until nobody listens any more.
pub(super) fn run(client: &Client, scan: &Scan, shape: &Shape, sender: &Sender<Result<RecordBatch>>) -> Result<()> {
    let topic = &scan.table.table;
    let mut rows = Rows::new(shape, scan)?;
    let ranges = ranges(client, scan)?;
    let mut left = scan.limit.unwrap_or(usize::MAX);
    if left == 0 {
        return Ok(());
    }
    let mut send = |rows: &mut Rows| -> Result<Next> {
        let batch = rows.finish()?;
        let batch = batch.slice(0, batch.num_rows().min(left));
        left -= batch.num_rows();
        for from in (0..batch.num_rows()).step_by(scan.batch_rows.max(1)) {
            let part = batch.slice(from, scan.batch_rows.max(1).min(batch.num_rows() - from));
            if sender.blocking_send(Ok(part)).is_err() {
                return Ok(Next::Enough);
            }
        }
        Ok(if left == 0 { Next::Enough } else { Next::Go })
    };
    let full = scan.batch_rows.min(scan.limit.unwrap_or(usize::MAX)).max(1);
    let read = read::read(
        client,
        topic,
        &ranges,
        || sender.is_closed(),
        |message| {
            rows.push(message, scan)?;
            if rows.places.len() >= full || rows.bytes >= BATCH_BYTES { send(&mut rows) } else { Ok(Next::Go) }
        },
    );
    read?;
    if !rows.places.is_empty() {
        send(&mut rows)?;
    }
    Ok(())
}

/// Rows on their way into a batch.
struct Rows {
    topic: String,
    schema: SchemaRef,
    /// Of each column wanted, its place among the shape's.
    projection: Vec<usize>,
    decoder: Decoder,
    places: Vec<Place>,
    keys: Vec<Option<String>>,
    /// The decoder's row; nothing where the message had no payload.
    decoded: Vec<Option<u64>>,
    decoded_rows: u64,
    bytes: usize,
    has_keys: bool,
}

impl Rows {
    fn new(shape: &Shape, scan: &Scan) -> Result<Self> {
        let projection = projection(shape, scan)?;
        let schema = Arc::new(Schema::new(projection.iter().map(|&index| shape.schema.fields()[index].clone()).collect::<Fields>()));
        let reads = projection.iter().any(|&index| index < shape.columns.len()) || !shape.format.is_a_row_each();
        let decoder = if reads { Decoder::new(&shape.format, &shape.columns, scan.batch_rows)? } else { Decoder::Nothing };
        let has_keys = schema.field_with_name(KEY).is_ok();
        let topic = scan.table.table.clone();
        let (places, keys, decoded) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { topic, schema, projection, decoder, places, keys, decoded, decoded_rows: 0, bytes: 0, has_keys })
    }

    /// A tombstone is a row whose message has nulls.
    fn push(&mut self, message: &BorrowedMessage<'_>, scan: &Scan) -> Result<()> {
        let timestamp = message.timestamp().to_millis().and_then(|millis| millis.checked_mul(1000));
        let place = Place { partition: message.partition(), offset: message.offset(), timestamp };
        if !scan.filters.iter().all(|one| filter::holds(one, &place) == Some(true)) {
            return Ok(());
        }
        let rows = match message.payload() {
            None => {
                self.decoded.push(None);
                1
            }
            Some(payload) => {
                self.bytes += payload.len();
                let rows = self.decoder.push(payload).map_err(|why| error::unfit(&self.topic, place.partition, place.offset, &why))?;
                self.decoded.extend((self.decoded_rows..).take(rows).map(Some));
                self.decoded_rows += rows as u64;
                rows
            }
        };
        let key = message.key().filter(|_| self.has_keys).map(text);
        self.places.extend(std::iter::repeat_n(place, rows));
        self.keys.extend(std::iter::repeat_n(key, rows));
        Ok(())
    }

    fn finish(&mut self) -> Result<RecordBatch> {
        let mut columns = self.decoder.flush().map_err(|unfit| {
            let row = self.decoded.iter().position(|index| *index == Some(unfit.row as u64));
            let place = row.map(|row| self.places[row]).or(self.places.first().copied());
            let (partition, offset) = place.map_or((-1, -1), |place| (place.partition, place.offset));
            error::unfit(&self.topic, partition, offset, &unfit.why)
        })?;
        let message_columns = columns.len();
        let unmade = |e| unmade(&self.topic, e);
        if self.decoded.contains(&None) {
            let rows = UInt64Array::from(std::mem::take(&mut self.decoded));
            columns = columns.iter().map(|column| take(column, &rows, None)).collect::<std::result::Result<_, _>>().map_err(unmade)?;
        }
        let arrays = self.schema.fields().iter().zip(&self.projection).map(|(field, &index)| match field.name().as_str() {
            _ if index < message_columns => columns[index].clone(),
            name => self.own(name),
        });
        let arrays: Vec<ArrayRef> = arrays.collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.places.len()));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options).map_err(unmade)?;
        self.places.clear();
        self.keys.clear();
        self.decoded.clear();
        (self.decoded_rows, self.bytes) = (0, 0);
        Ok(batch)
    }

    fn own(&self, name: &str) -> ArrayRef {
        let places = self.places.iter();
        match name {
            PARTITION => Arc::new(places.map(|place| place.partition).collect::<Int32Array>()),
            OFFSET => Arc::new(places.map(|place| place.offset).collect::<Int64Array>()),
            TIMESTAMP => Arc::new(places.map(|place| place.timestamp).collect::<TimestampMicrosecondArray>()),
            _ => Arc::new(self.keys.iter().map(Option::as_deref).collect::<StringArray>()),
        }
    }
}

/// Keys are bytes: what is no UTF-8 is given in hexadecimal digits after `\x`.
fn text(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) => text.to_owned(),
        Err(_) => key.iter().fold("\\x".to_owned(), |text, byte| format!("{text}{byte:02x}")),
    }
}

fn projection(shape: &Shape, scan: &Scan) -> Result<Vec<usize>> {
    let Some(wanted) = &scan.columns else { return Ok((0..shape.schema.fields().len()).collect()) };
    let find = |name: &String| {
        shape.schema.index_of(name).map_err(|_| {
            let known: Vec<&str> = shape.schema.fields().iter().map(|field| field.name().as_str()).collect();
            Error::invalid_input(format!("Topic {:?} has no column {name:?}; it has: {}.", scan.table.table, known.join(", ")))
        })
    };
    wanted.iter().map(find).collect()
}
