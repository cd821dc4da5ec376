//! Avro in messages.
//!
//! Fingerprints are those of Avro's specification, in which a logical type is no part of the canonical form. Writers that keep more of
//! it there (the Rust crate apache-avro 0.22 does) send another number, and their messages are refused.

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryArray, ListArray, RecordBatch, StringArray, StructArray};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use arrow::error::ArrowError;
use arrow_avro::reader::{Decoder as RowDecoder, ReaderBuilder};
use arrow_avro::schema::{AvroSchema, Fingerprint, FingerprintAlgorithm, SCHEMA_METADATA_KEY, SINGLE_OBJECT_MAGIC, SchemaStore};
use domain::{Error, Result};

const CONTAINER_MAGIC: &[u8] = b"Obj\x01";
/// The zero byte, and the schema's number in the registry.
const REGISTRY_PREFIX: usize = 5;
const HINT: &str = "give the writer's schema in the setting penchant.avro.schema (connection property KAFKA_CLIENT_penchant.avro.schema)";

/// How a record stands in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Nothing around it.
    Bare,
    SingleObject,
    /// Confluent's wire format, with the number that the schema has in the registry.
    Registry(u32),
}

impl Framing {
    fn of(payload: &[u8]) -> Self {
        match payload {
            [0, a, b, c, d, ..] => Self::Registry(u32::from_be_bytes([*a, *b, *c, *d])),
            _ if payload.starts_with(&SINGLE_OBJECT_MAGIC) => Self::SingleObject,
            _ => Self::Bare,
        }
    }

    /// The first bytes tell of Avro.
    pub fn shows(payload: &[u8]) -> bool {
        payload.starts_with(CONTAINER_MAGIC) || Self::of(payload) != Self::Bare
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum AvroForm {
    /// Each message is a container file; records are read as the newest sampled schema has them.
    Container {
        schema: String,
    },
    Framed {
        schema: String,
        framing: Framing,
    },
}

impl AvroForm {
    /// `newest` is the last payload of the sample, `given` the schema that the connection gives.
    pub fn of(newest: Option<&[u8]>, given: Option<&str>, topic: &str) -> Result<Self> {
        let newest = newest.unwrap_or_default();
        if newest.starts_with(CONTAINER_MAGIC) {
            let own = || schema_of(newest).map_err(|e| unreadable(topic, &e));
            return Ok(Self::Container { schema: given.map_or_else(own, |given| Ok(given.to_owned()))? });
        }
        let framing = Framing::of(newest);
        match (given, framing) {
            // A bare record may begin like a framed one; then its schema does not fit the rest.
            (Some(schema), framing) => Ok(Self::Framed { schema: schema.to_owned(), framing }),
            (None, Framing::Registry(id)) => Err(Error::invalid_input(format!(
                "The messages of topic {topic:?} begin like Avro in the wire format of Confluent's schema registry (schema {id}), which is not \
                 asked here: {HINT}, or set penchant.format to binary."
            ))),
            (None, Framing::SingleObject) => Err(Error::invalid_input(format!(
                "The messages of topic {topic:?} are Avro in single-object encoding, which names its schema by fingerprint alone: {HINT}."
            ))),
            (None, Framing::Bare) => {
                Err(Error::invalid_input(format!("The messages of topic {topic:?} are to be Avro without a schema in them: {HINT}.")))
            }
        }
    }

    fn schema(&self) -> &str {
        match self {
            Self::Container { schema } | Self::Framed { schema, .. } => schema,
        }
    }

    /// The records' fields, in the types of the contract.
    pub fn columns(&self) -> Result<Vec<Field>> {
        let wrong = |e: ArrowError| Error::invalid_input("The Avro schema cannot be used.").source(e);
        let (decoder, _) = row_decoder(self.schema(), 1).map_err(wrong)?;
        decoder.schema().fields().iter().map(|field| plain_field(field)).collect()
    }
}

fn unreadable(topic: &str, why: &ArrowError) -> Error {
    Error::invalid_data(format!("Topic {topic:?}: a message begins like an Avro container file and is none: {why}."))
}

/// The schema inside a container file.
fn schema_of(file: &[u8]) -> std::result::Result<String, ArrowError> {
    let reader = ReaderBuilder::new().build(Cursor::new(file))?;
    let schema = reader.avro_header().get(SCHEMA_METADATA_KEY).unwrap_or_default();
    Ok(String::from_utf8_lossy(schema).into_owned())
}

/// A decoder of records in single-object encoding, and the prefix that they have there.
fn row_decoder(schema: &str, rows: usize) -> std::result::Result<(RowDecoder, Vec<u8>), ArrowError> {
    let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Rabin);
    let fingerprint = store.register(AvroSchema::new(schema.to_owned()))?;
    let mut prefix = SINGLE_OBJECT_MAGIC.to_vec();
    if let Fingerprint::Rabin(value) = fingerprint {
        prefix.extend(value.to_le_bytes());
    }
    let builder = ReaderBuilder::new().with_writer_schema_store(store).with_active_fingerprint(fingerprint).with_batch_size(rows.max(1));
    Ok((builder.build_decoder()?, prefix))
}

/// Gathers records.
pub(super) struct AvroDecoder {
    form: AvroForm,
    columns: Fields,
    rows: RowDecoder,
    prefix: Vec<u8>,
    frame: Vec<u8>,
    batches: Vec<RecordBatch>,
}

impl AvroDecoder {
    /// For at most `rows` records at a time.
    pub fn new(form: &AvroForm, columns: Fields, rows: usize) -> Result<Self> {
        let wrong = |e| Error::invalid_input("The Avro schema cannot be used.").source(e);
        let (decoder, prefix) = row_decoder(form.schema(), rows).map_err(wrong)?;
        Ok(Self { form: form.clone(), columns, rows: decoder, prefix, frame: Vec::new(), batches: Vec::new() })
    }

    /// How many records the payload held; why it cannot be read.
    pub fn push(&mut self, payload: &[u8]) -> std::result::Result<usize, String> {
        let framing = match &self.form {
            AvroForm::Container { schema } => {
                let before: usize = self.batches.iter().map(RecordBatch::num_rows).sum();
                let reader = ReaderBuilder::new().with_reader_schema(AvroSchema::new(schema.clone()));
                let reader = reader.build(Cursor::new(payload)).map_err(|e| format!("expected an Avro container file: {e}"))?;
                for batch in reader {
                    self.batches.push(batch.map_err(|e| format!("the Avro container file cannot be read: {e}"))?);
                }
                return Ok(self.batches.iter().map(RecordBatch::num_rows).sum::<usize>() - before);
            }
            AvroForm::Framed { framing, .. } => *framing,
        };
        let body = body(payload, framing, &self.prefix)?;
        self.frame.clear();
        self.frame.extend_from_slice(&self.prefix);
        self.frame.extend_from_slice(body);
        let read = self.rows.decode(&self.frame).map_err(|e| format!("expected an Avro record of the schema: {e}"))?;
        if read != self.frame.len() {
            return Err("expected one Avro record of the schema; the message is longer or shorter".into());
        }
        Ok(1)
    }

    /// The columns of what was pushed.
    pub fn flush(&mut self) -> std::result::Result<Vec<ArrayRef>, String> {
        let failed = |e: ArrowError| e.to_string();
        let mut batches = std::mem::take(&mut self.batches);
        batches.extend(self.rows.flush().map_err(|e| e.to_string())?);
        let column = |(index, field): (usize, &Arc<Field>)| {
            let parts = batches.iter().map(|batch| plain(batch.column(index), batch.schema_ref().field(index), field.data_type()));
            let parts: Vec<ArrayRef> = parts.collect::<std::result::Result<_, _>>()?;
            let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
            if parts.is_empty() { Ok(arrow::array::new_empty_array(field.data_type())) } else { concat(&parts) }
        };
        self.columns.iter().enumerate().map(column).collect::<std::result::Result<_, _>>().map_err(failed)
    }
}

/// The record without what stands before it.
fn body<'a>(payload: &'a [u8], framing: Framing, prefix: &[u8]) -> std::result::Result<&'a [u8], String> {
    match (framing, Framing::of(payload)) {
        (Framing::Bare, _) => Ok(payload),
        (Framing::SingleObject, Framing::SingleObject) => payload.strip_prefix(prefix).ok_or_else(|| {
            let found = payload.get(SINGLE_OBJECT_MAGIC.len()..prefix.len()).unwrap_or_default();
            format!("the Avro record was written with another schema (fingerprint {found:02x?}) than the one given")
        }),
        (Framing::Registry(known), Framing::Registry(id)) if id == known => Ok(&payload[REGISTRY_PREFIX..]),
        (Framing::Registry(known), Framing::Registry(id)) => {
            Err(format!("the Avro record was written with schema {id} of the registry, the one given is that of schema {known}"))
        }
        (framing, found) => Err(format!("expected Avro framed as {framing:?}; found {found:?}")),
    }
}

fn is_uuid(field: &Field) -> bool {
    field.metadata().get("logicalType").is_some_and(|name| name == "uuid") && *field.data_type() == DataType::FixedSizeBinary(16)
}

/// The field in a type of the contract.
fn plain_field(field: &Field) -> Result<Field> {
    let data_type =
        if is_uuid(field) { DataType::Utf8 } else { plain_type(field.data_type()).map_err(|e| e.with("field", field.name()))? };
    Ok(Field::new(field.name(), data_type, true))
}

fn plain_type(data_type: &DataType) -> Result<DataType> {
    use DataType::{Binary, Date32, Decimal128, Dictionary, FixedSizeBinary, Float64, Int64, List, Map, Struct, Timestamp, Utf8};
    Ok(match data_type {
        DataType::Boolean | DataType::Int32 | Int64 | DataType::Float32 | Float64 | Binary | Utf8 | Date32 | Decimal128(..) => {
            data_type.clone()
        }
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) => Decimal128(*p, *s),
        Timestamp(..) => Timestamp(TimeUnit::Microsecond, None),
        FixedSizeBinary(_) => Binary,
        // Types that Hive's names do not have: as text, a duration too.
        Dictionary(..) | DataType::Null | DataType::Utf8View | DataType::Time32(_) | DataType::Time64(_) | DataType::Interval(_) => Utf8,
        List(item) => List(Arc::new(Field::new("item", plain_field(item)?.data_type().clone(), true))),
        Struct(fields) => Struct(fields.iter().map(|field| plain_field(field)).collect::<Result<Fields>>()?),
        Map(entries, _) => List(Arc::new(Field::new("item", plain_type(entries.data_type())?, true))),
        other => {
            return Err(Error::invalid_input(format!("The Avro schema has a type that no column holds: {other}.")));
        }
    })
}

/// The same values in the type that [`plain_type`] gives.
fn plain(array: &ArrayRef, field: &Field, wanted: &DataType) -> std::result::Result<ArrayRef, ArrowError> {
    Ok(match (array.data_type(), wanted) {
        _ if is_uuid(field) => Arc::new(uuids(array.as_fixed_size_binary())),
        (DataType::List(item), DataType::List(to)) => {
            let list = array.as_list::<i32>();
            let values = plain(list.values(), item, to.data_type())?;
            Arc::new(ListArray::try_new(to.clone(), list.offsets().clone(), values, list.nulls().cloned())?)
        }
        (DataType::Map(item, _), DataType::List(to)) => {
            let map = array.as_map();
            let entries: ArrayRef = Arc::new(map.entries().clone());
            let values = plain(&entries, item, to.data_type())?;
            Arc::new(ListArray::try_new(to.clone(), map.offsets().clone(), values, map.nulls().cloned())?)
        }
        (DataType::Struct(fields), DataType::Struct(to)) => {
            let parts = array.as_struct().columns().iter().zip(fields).zip(to);
            let parts = parts.map(|((part, field), to)| plain(part, field, to.data_type())).collect::<std::result::Result<Vec<_>, _>>()?;
            Arc::new(StructArray::try_new_with_length(to.clone(), parts, array.nulls().cloned(), array.len())?)
        }
        _ => cast(array, wanted)?,
    })
}

/// `6ba7b810-9dad-11d1-80b4-00c04fd430c8`
fn uuids(array: &FixedSizeBinaryArray) -> StringArray {
    let text = |bytes: &[u8]| {
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        [0..4, 4..6, 6..8, 8..10, 10..16].map(|part| hex[part].concat()).join("-")
    };
    array.iter().map(|bytes| bytes.map(text)).collect()
}
