//! Columns and rows as a server sends them, in the types of our catalogue.

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{ArrayData, ArrayRef, RecordBatch, RecordBatchOptions, make_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use arrow::ipc::reader::StreamReader;
use domain::{Error, Result};
use spark_connect_proto as proto;
use spark_connect_proto::data_type::Kind;

/// The schema of a result as Spark's analysis names it.
///
/// # Errors
/// `InvalidInput` for a column of a type that the catalogue has no word for.
pub(crate) fn schema(data_type: &proto::DataType) -> Result<SchemaRef> {
    let Some(Kind::Struct(columns)) = &data_type.kind else {
        return Err(Error::internal("A query's columns came without their names from the Spark server."));
    };
    let column = |field: &proto::data_type::StructField| -> Result<Field> {
        let data_type = field.data_type.as_ref().and_then(arrow_type);
        let data_type = data_type.ok_or_else(|| {
            Error::invalid_input(format!(
                "Column {:?} of the result has a type that files and tables have no word for; cast it.",
                field.name
            ))
        })?;
        Ok(Field::new(&field.name, data_type, true))
    };
    Ok(Arc::new(Schema::new(columns.fields.iter().map(column).collect::<Result<Vec<_>>>()?)))
}

fn arrow_type(data_type: &proto::DataType) -> Option<DataType> {
    Some(match data_type.kind.as_ref()? {
        Kind::Boolean(_) => DataType::Boolean,
        Kind::Byte(_) => DataType::Int8,
        Kind::Short(_) => DataType::Int16,
        Kind::Integer(_) => DataType::Int32,
        Kind::Long(_) => DataType::Int64,
        Kind::Float(_) => DataType::Float32,
        Kind::Double(_) => DataType::Float64,
        Kind::Decimal(decimal) => {
            DataType::Decimal128(u8::try_from(decimal.precision.unwrap_or(10)).ok()?, i8::try_from(decimal.scale.unwrap_or(0)).ok()?)
        }
        // Nothing but nulls is a text.
        Kind::String(_) | Kind::Char(_) | Kind::VarChar(_) | Kind::Null(_) => DataType::Utf8,
        Kind::Binary(_) => DataType::Binary,
        Kind::Date(_) => DataType::Date32,
        Kind::Timestamp(_) | Kind::TimestampNtz(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
        Kind::Array(array) => DataType::List(Arc::new(Field::new("item", arrow_type(array.element_type.as_deref()?)?, true))),
        Kind::Struct(members) => {
            let member =
                |field: &proto::data_type::StructField| Some(Field::new(&field.name, arrow_type(field.data_type.as_ref()?)?, true));
            DataType::Struct(members.fields.iter().map(member).collect::<Option<Fields>>()?)
        }
        Kind::Map(map) => {
            let key = Field::new("key", arrow_type(map.key_type.as_deref()?)?, false);
            let value = Field::new("value", arrow_type(map.value_type.as_deref()?)?, true);
            DataType::Map(Arc::new(Field::new("entries", DataType::Struct(vec![key, value].into()), false)), false)
        }
        _ => return None,
    })
}

/// The rows of one message: a whole stream in Arrow's format.
pub(crate) fn decode(data: &[u8], schema: &SchemaRef) -> Result<Vec<RecordBatch>> {
    let broken = |e| Error::unavailable("Rows of the Spark server cannot be read as Arrow.").source(e);
    let reader = StreamReader::try_new(Cursor::new(data), None).map_err(broken)?;
    let mut batches = Vec::new();
    for batch in reader {
        batches.push(fit(&batch.map_err(broken)?, schema)?);
    }
    Ok(batches)
}

fn fit(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let unfit = |e| Error::internal("Rows of the Spark server do not have the columns that it named before.").source(e);
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (column, field) in batch.columns().iter().zip(schema.fields()) {
        let plain = make_array(unzoned(column.to_data()).map_err(unfit)?);
        columns.push(if plain.data_type() == field.data_type() {
            plain
        } else {
            cast_with_options(&plain, field.data_type(), &options).map_err(unfit)?
        });
    }
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &rows).map_err(unfit)
}

/// The same values with moments that carry no zone: they are UTC on both sides.
fn unzoned(data: ArrayData) -> std::result::Result<ArrayData, arrow::error::ArrowError> {
    let data_type = without_zone(data.data_type());
    if &data_type == data.data_type() {
        return Ok(data);
    }
    let children = data.child_data().iter().cloned().map(unzoned).collect::<std::result::Result<Vec<_>, _>>()?;
    data.into_builder().data_type(data_type).child_data(children).build()
}

fn without_zone(data_type: &DataType) -> DataType {
    let plain = |field: &Arc<Field>| Arc::new(field.as_ref().clone().with_data_type(without_zone(field.data_type())));
    match data_type {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, None),
        DataType::List(item) => DataType::List(plain(item)),
        DataType::LargeList(item) => DataType::LargeList(plain(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain).collect()),
        DataType::Map(entries, sorted) => DataType::Map(plain(entries), *sorted),
        other => other.clone(),
    }
}
