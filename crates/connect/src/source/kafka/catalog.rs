//! What a topic's rows look like, by sampling.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use domain::Result;
use rdkafka::message::Message;

use super::connect::Client;
use super::error::OFFSET_GONE;
use super::messages::{self, Format, Sampled, Wishes};
use super::read::{self, Next, Range};
use super::{KEY, OFFSET, PARTITION, TIMESTAMP};
use crate::source::NATIVE_TYPE;

/// Messages sampled from the start of a topic, and once more from its end, over all its partitions.
pub(super) const SAMPLE_MESSAGES: i64 = 1000;
/// From each end of a partition, whatever their number.
const SAMPLE_LEAST: i64 = 10;
/// A sample from one end goes no further than this, whatever the size of the messages.
const SAMPLE_BYTES: usize = 8 << 20;

/// How a topic's messages become rows.
#[derive(Debug)]
pub(super) struct Shape {
    pub format: Format,
    /// The columns of the messages, under the names that they have there.
    pub columns: Fields,
    /// These, and after them our own four.
    pub schema: SchemaRef,
}

impl Shape {
    fn new(format: Format, columns: Vec<Field>) -> Self {
        let native = |name: &str| HashMap::from([(NATIVE_TYPE.to_owned(), name.to_owned())]);
        let own = own_columns();
        let mut fields: Vec<Field> = columns.iter().map(|field| field.clone().with_metadata(native(format.name()))).collect();
        for field in &mut fields {
            // Ours keep their names; the message's column is still there.
            if own.iter().any(|ours| ours.name() == field.name()) {
                *field = field.clone().with_name(format!("_message{}", field.name()));
            }
        }
        let natives = ["int32", "int64", "timestamp in milliseconds", "bytes"];
        fields.extend(own.into_iter().zip(natives).map(|(field, name)| field.with_metadata(native(name))));
        Self { format, columns: columns.into(), schema: Arc::new(Schema::new(fields)) }
    }
}

fn own_columns() -> [Field; 4] {
    [
        Field::new(PARTITION, DataType::Int32, true),
        Field::new(OFFSET, DataType::Int64, true),
        Field::new(TIMESTAMP, DataType::Timestamp(TimeUnit::Microsecond, None), true),
        Field::new(KEY, DataType::Utf8, true),
    ]
}

/// A topic's shape and how many messages it keeps, as its offsets say. Blocks; needs a runtime around it.
pub(super) fn describe(client: &Client, topic: &str) -> Result<(Shape, u64)> {
    let outcome = match sample(client, topic) {
        // Retention took the beginning away while it was sampled.
        Err(error) if error.code == Some(OFFSET_GONE) => sample(client, topic),
        outcome => outcome,
    };
    let (payloads, rows) = outcome?;
    let wishes = Wishes { settings: &client.endpoint.settings, topic };
    let found = tokio::runtime::Handle::current().block_on(messages::find(&payloads, wishes))?;
    Ok((Shape::new(found.format, found.columns), rows))
}

fn sample(client: &Client, topic: &str) -> Result<(Vec<Sampled>, u64)> {
    let partitions = client.partitions(topic)?;
    let marks = client.watermarks(topic, partitions)?;
    let most = (SAMPLE_MESSAGES / i64::try_from(marks.len().max(1)).unwrap_or(i64::MAX)).max(SAMPLE_LEAST);
    let range = |partition: &i32, from, to| Range { partition: *partition, from, to };
    let heads: Vec<Range> = marks.iter().map(|(partition, &(low, high))| range(partition, low, high.min(low + most))).collect();
    let tails: Vec<Range> = marks.iter().map(|(partition, &(low, high))| range(partition, (low + most).max(high - most), high)).collect();
    let mut found: BTreeMap<(i32, i64), Vec<u8>> = BTreeMap::new();
    for ranges in [heads, tails] {
        let mut bytes = 0;
        read::read(
            client,
            topic,
            &ranges,
            || false,
            |message| {
                if let Some(payload) = message.payload() {
                    bytes += payload.len();
                    found.insert((message.partition(), message.offset()), payload.to_vec());
                }
                Ok(if bytes < SAMPLE_BYTES { Next::Go } else { Next::Enough })
            },
        )?;
    }
    let mut before = None;
    let payloads = found.into_iter().map(|((partition, _), payload)| {
        let is_first = before.replace(partition) != Some(partition);
        Sampled { is_first, payload }
    });
    let rows = marks.values().map(|(low, high)| u64::try_from(high - low).unwrap_or(0)).sum();
    Ok((payloads.collect(), rows))
}
