//! Rows of a Parquet file: the same checks as for CSV, on typed values.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use domain::{Error, Result};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderBuilder, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::ChunkReader;

use super::cells::Raw;
use super::files::unreadable;
use super::header;
use super::rows::{Place, Rows};

pub(crate) fn read<R: ChunkReader + 'static>(name: &str, from: R, rows: &mut Rows<'_>) -> Result<()> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(from).map_err(|e| unreadable(name, e))?;
    let found: Vec<String> = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let fields: Vec<String> = rows.columns().map(|column| column.field.name.clone()).collect();
    let places = header::places(name, &fields, &found)?;
    let (reader, kept) = project(name, builder, &places)?;
    let mut line = 0;
    for batch in reader {
        let batch = batch.map_err(|e| unreadable(name, e))?;
        let columns = fields
            .iter()
            .zip(&places)
            .map(|(field, place)| {
                let at = kept.iter().position(|column| column == place).unwrap_or_default();
                simplify(name, field, batch.column(at))
            })
            .collect::<Result<Vec<Values>>>()?;
        line = read_batch(name, line, &batch, &columns, rows)?;
    }
    rows.end_file();
    Ok(())
}

/// Only the columns that are needed, in the file's order.
fn project<R: ChunkReader + 'static>(
    name: &str,
    builder: ArrowReaderBuilder<parquet::arrow::arrow_reader::SyncReader<R>>,
    places: &[usize],
) -> Result<(ParquetRecordBatchReader, Vec<usize>)> {
    let mut kept = places.to_vec();
    kept.sort_unstable();
    let mask = ProjectionMask::roots(builder.parquet_schema(), kept.iter().copied());
    let reader = builder.with_projection(mask).build().map_err(|e| unreadable(name, e))?;
    Ok((reader, kept))
}

fn read_batch(name: &str, before: u64, batch: &RecordBatch, columns: &[Values], rows: &mut Rows<'_>) -> Result<u64> {
    for row in 0..batch.num_rows() {
        let line = before + row as u64 + 1;
        rows.row(Place { file: name, line }, |at| columns[at].get(row))?;
    }
    Ok(before + batch.num_rows() as u64)
}

/// A column as one of the kinds of [`Raw`].
enum Values {
    Text(ArrayRef),
    Int(ArrayRef),
    Float(ArrayRef),
    Bool(ArrayRef),
    Null,
}

impl Values {
    fn get(&self, row: usize) -> Raw<'_> {
        match self {
            Self::Text(array) if array.is_valid(row) => Raw::Text(array.as_string::<i32>().value(row).as_bytes()),
            Self::Int(array) if array.is_valid(row) => Raw::Int(array.as_primitive::<Int64Type>().value(row)),
            Self::Float(array) if array.is_valid(row) => Raw::Float(array.as_primitive::<Float64Type>().value(row)),
            Self::Bool(array) if array.is_valid(row) => Raw::Bool(array.as_boolean().value(row)),
            _ => Raw::Null,
        }
    }
}

fn simplify(file: &str, field: &str, column: &ArrayRef) -> Result<Values> {
    let to = |target: DataType| {
        cast(column, &target).map_err(|e| {
            Error::invalid_data(format!("{file}: the column of field {field} cannot be read as {target}."))
                .code("IMPORT_COLUMN_TYPE")
                .source(e)
        })
    };
    match column.data_type() {
        DataType::Null => Ok(Values::Null),
        DataType::Boolean => Ok(Values::Bool(column.clone())),
        t if t.is_integer() => Ok(Values::Int(to(DataType::Int64)?)),
        t if t.is_floating() => Ok(Values::Float(to(DataType::Float64)?)),
        DataType::Decimal128(..) | DataType::Decimal256(..) => Ok(Values::Float(to(DataType::Float64)?)),
        // A real point in time has a unit of its own: it is turned into epoch seconds here.
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => {
            let seconds = to(DataType::Timestamp(TimeUnit::Second, None))?;
            let seconds = cast(&seconds, &DataType::Int64).map_err(|e| Error::internal("Seconds are not whole numbers.").source(e))?;
            Ok(Values::Int(seconds))
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => Ok(Values::Text(to(DataType::Utf8)?)),
        other => Err(Error::invalid_data(format!(
            "{file}: expected text, a number, a boolean or a time in the column of field {field}, found {other}."
        ))
        .code("IMPORT_COLUMN_TYPE")),
    }
}
