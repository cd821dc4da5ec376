//! Values as database drivers give them, gathered strictly into record batches; and the task that reads them.

mod scans;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder, Float64Builder, Int8Builder, Int16Builder,
    Int32Builder, Int64Builder, RecordBatch, RecordBatchOptions, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use domain::{Error, Result};
use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub(crate) use scans::{projected, ranges};

/// Batches that may wait for the reader.
const BATCHES_AHEAD: usize = 2;
/// A batch ends early when its texts and bytes reach this, so that large values stay within bounds too.
const BATCH_BYTES: usize = 32 << 20;
const MICROS_PER_DAY: i64 = 86_400_000_000;
/// Whole numbers up to this size are the same as floats.
pub(crate) const MAX_EXACT_FLOAT: i128 = 1 << 53;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Boolean(bool),
    Integer(i128),
    Single(f32),
    Double(f64),
    /// A decimal number in digits, `-12.50`: it may have more of them than any number type holds.
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    Binary(&'a [u8]),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00 in UTC.
    Timestamp(i64),
}

/// As an error message shows it.
impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 80;
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Single(value) => write!(f, "{value:?}"),
            Self::Double(value) => write!(f, "{value:?}"),
            Self::Number(text) => f.write_str(text),
            Self::Text(text) => write!(f, "{:?}", text.chars().take(SHOWN).collect::<String>()),
            Self::Binary(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Date(days) => write!(f, "day {days} since 1970"),
            Self::Timestamp(micros) => write!(f, "microsecond {micros} since 1970"),
        }
    }
}

/// Rows on their way into a batch.
pub(crate) struct Rows {
    /// What is read, for messages: a table, a query.
    place: String,
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
    batch_rows: usize,
}

impl Rows {
    pub fn new(place: impl Into<String>, schema: SchemaRef, batch_rows: usize) -> Self {
        let columns = schema.fields().iter().map(|field| Column::new(&gathered(field.data_type()))).collect();
        Self { place: place.into(), schema, columns, rows: 0, bytes: 0, batch_rows: batch_rows.max(1) }
    }

    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// Appends to the column. Fails with `SOURCE_VALUE_UNFIT` when its type cannot hold the value as it is.
    pub fn push(&mut self, index: usize, cell: &Cell<'_>) -> Result<()> {
        self.bytes += match cell {
            Cell::Text(text) => text.len(),
            Cell::Binary(bytes) => bytes.len(),
            _ => 0,
        };
        let taken = self.columns.get_mut(index).and_then(|column| column.push(cell));
        taken.ok_or_else(|| {
            let field = self.schema.fields().get(index);
            let (name, kind) = field.map(|field| (field.name().as_str(), field.data_type().to_string())).unwrap_or_default();
            Error::invalid_data(format!("Column {name:?} of {}: expected a value that fits {kind}; found {cell}.", self.place))
                .code("SOURCE_VALUE_UNFIT")
        })
    }

    /// A row is complete. Gives the batch when it is full.
    pub fn end_row(&mut self) -> Option<Result<RecordBatch>> {
        self.rows += 1;
        (self.rows >= self.batch_rows || self.bytes >= BATCH_BYTES).then(|| self.take())
    }

    /// The rows left over.
    pub fn rest(&mut self) -> Option<Result<RecordBatch>> {
        (self.rows > 0).then(|| self.take())
    }

    fn take(&mut self) -> Result<RecordBatch> {
        let fields = self.schema.fields().clone();
        let mut arrays = Vec::with_capacity(fields.len());
        for (column, field) in self.columns.iter_mut().zip(fields.iter()) {
            let array = column.finish();
            let options = CastOptions { safe: false, ..CastOptions::default() };
            let array =
                if array.data_type() == field.data_type() { Ok(array) } else { cast_with_options(&array, field.data_type(), &options) };
            arrays.push(array.map_err(|e| {
                Error::invalid_data(format!("Column {:?} of {}: a value does not fit {}.", field.name(), self.place, field.data_type()))
                    .code("SOURCE_VALUE_UNFIT")
                    .source(e)
            })?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(|e| Error::internal(format!("A batch of {} could not be made.", self.place)).source(e))
    }
}

/// The type that values are gathered in before they are cast to a rarer one.
fn gathered(wanted: &DataType) -> DataType {
    match wanted {
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal128(..)
        | DataType::Utf8
        | DataType::Binary
        | DataType::Date32 => wanted.clone(),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Timestamp(..) | DataType::Date64 => DataType::Timestamp(TimeUnit::Microsecond, None),
        _ => DataType::Utf8,
    }
}

enum Column {
    Boolean(BooleanBuilder),
    Int8(Int8Builder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal(Decimal128Builder, u8, i8),
    Text(StringBuilder),
    Binary(BinaryBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
}

/// Runs the same on the builder of each variant.
macro_rules! each {
    ($column:expr, $builder:ident => $run:expr) => {
        match $column {
            Column::Boolean($builder) => $run,
            Column::Int8($builder) => $run,
            Column::Int16($builder) => $run,
            Column::Int32($builder) => $run,
            Column::Int64($builder) => $run,
            Column::Float32($builder) => $run,
            Column::Float64($builder) => $run,
            Column::Decimal($builder, ..) => $run,
            Column::Text($builder) => $run,
            Column::Binary($builder) => $run,
            Column::Date($builder) => $run,
            Column::Timestamp($builder) => $run,
        }
    };
}

impl Column {
    fn new(kind: &DataType) -> Self {
        match kind {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Int8 => Self::Int8(Int8Builder::new()),
            DataType::Int16 => Self::Int16(Int16Builder::new()),
            DataType::Int32 => Self::Int32(Int32Builder::new()),
            DataType::Int64 => Self::Int64(Int64Builder::new()),
            DataType::Float32 => Self::Float32(Float32Builder::new()),
            DataType::Float64 => Self::Float64(Float64Builder::new()),
            DataType::Decimal128(precision, scale) => {
                Self::Decimal(Decimal128Builder::new().with_data_type(kind.clone()), *precision, *scale)
            }
            DataType::Binary => Self::Binary(BinaryBuilder::new()),
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Timestamp(..) => Self::Timestamp(TimestampMicrosecondBuilder::new()),
            _ => Self::Text(StringBuilder::new()),
        }
    }

    /// Nothing when the value does not fit.
    fn push(&mut self, cell: &Cell<'_>) -> Option<()> {
        if *cell == Cell::Null {
            each!(self, builder => builder.append_null());
            return Some(());
        }
        match self {
            Self::Boolean(builder) => builder.append_value(whole(cell)? != 0),
            Self::Int8(builder) => builder.append_value(whole(cell)?.try_into().ok()?),
            Self::Int16(builder) => builder.append_value(whole(cell)?.try_into().ok()?),
            Self::Int32(builder) => builder.append_value(whole(cell)?.try_into().ok()?),
            Self::Int64(builder) => builder.append_value(whole(cell)?.try_into().ok()?),
            Self::Float32(builder) => builder.append_value(single(cell)?),
            Self::Float64(builder) => builder.append_value(double(cell)?),
            Self::Decimal(builder, precision, scale) => builder.append_value(decimal(cell, *precision, *scale)?),
            Self::Text(builder) => builder.append_value(text(cell)?),
            Self::Binary(builder) => builder.append_value(bytes(cell)?),
            Self::Date(builder) => builder.append_value(date(cell)?),
            Self::Timestamp(builder) => builder.append_value(timestamp(cell)?),
        }
        Some(())
    }

    fn finish(&mut self) -> ArrayRef {
        each!(self, builder => Arc::new(builder.finish()))
    }
}

fn whole(cell: &Cell<'_>) -> Option<i128> {
    match cell {
        Cell::Boolean(value) => Some(i128::from(*value)),
        Cell::Integer(value) => Some(*value),
        Cell::Number(digits) => unscaled(digits, 0),
        Cell::Double(value) if value.fract() == 0.0 && value.abs() <= MAX_EXACT_FLOAT as f64 => Some(*value as i128),
        _ => None,
    }
}

fn double(cell: &Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Single(value) => Some(f64::from(*value)),
        Cell::Double(value) => Some(*value),
        Cell::Integer(value) if value.abs() <= MAX_EXACT_FLOAT => Some(*value as f64),
        Cell::Number(digits) => digits.parse().ok(),
        _ => None,
    }
}

fn single(cell: &Cell<'_>) -> Option<f32> {
    match cell {
        Cell::Single(value) => Some(*value),
        other => {
            double(other).map(|value| (value, value as f32)).filter(|(value, short)| f64::from(*short) == *value).map(|(_, short)| short)
        }
    }
}

fn decimal(cell: &Cell<'_>, precision: u8, scale: i8) -> Option<i128> {
    let scale = u32::try_from(scale).ok()?;
    let value = match cell {
        Cell::Integer(value) => value.checked_mul(10_i128.checked_pow(scale)?)?,
        Cell::Number(digits) => unscaled(digits, scale)?,
        _ => return None,
    };
    (value.unsigned_abs() < 10_u128.pow(u32::from(precision.min(38)))).then_some(value)
}

/// `-12.50` × 10^scale, where nothing but zeros is cut off.
fn unscaled(digits: &str, scale: u32) -> Option<i128> {
    let (negative, digits) = digits.strip_prefix('-').map_or((false, digits), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let missing = scale.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value = value.checked_mul(10)?.checked_add(i128::from(digit))?;
    }
    let value = value.checked_mul(10_i128.checked_pow(missing)?)?;
    Some(if negative { -value } else { value })
}

fn text<'a>(cell: &'a Cell<'_>) -> Option<&'a str> {
    match cell {
        Cell::Text(text) | Cell::Number(text) => Some(text),
        // What a function made of texts and numbers is often called binary.
        Cell::Binary(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn bytes<'a>(cell: &'a Cell<'_>) -> Option<&'a [u8]> {
    match cell {
        Cell::Binary(bytes) => Some(bytes),
        Cell::Text(text) => Some(text.as_bytes()),
        _ => None,
    }
}

fn date(cell: &Cell<'_>) -> Option<i32> {
    match cell {
        Cell::Date(days) => Some(*days),
        Cell::Timestamp(micros) if micros.rem_euclid(MICROS_PER_DAY) == 0 => i32::try_from(micros.div_euclid(MICROS_PER_DAY)).ok(),
        _ => None,
    }
}

fn timestamp(cell: &Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Timestamp(micros) => Some(*micros),
        Cell::Date(days) => i64::from(*days).checked_mul(MICROS_PER_DAY),
        _ => None,
    }
}

/// Where batches go; whoever sends stops when nobody reads any more.
pub(crate) struct Outlet(mpsc::Sender<Result<RecordBatch>>);

impl Outlet {
    /// Whether somebody still reads.
    pub async fn send(&self, batch: Result<RecordBatch>) -> bool {
        self.0.send(batch).await.is_ok()
    }
}

/// Runs the work in a task from the first poll on; dropping the stream ends the task, and with it what the work holds.
pub(crate) fn stream_of<F>(work: impl FnOnce(Outlet) -> F + Send + 'static) -> BoxStream<'static, Result<RecordBatch>>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let begin = async move {
        let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
        let work = work(Outlet(sender));
        stream::unfold(Reader { batches, work: Some(Task(tokio::spawn(work))) }, next)
    };
    stream::once(begin).flatten().boxed()
}

struct Reader {
    batches: mpsc::Receiver<Result<RecordBatch>>,
    work: Option<Task>,
}

struct Task(JoinHandle<Result<()>>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn next(mut reader: Reader) -> Option<(Result<RecordBatch>, Reader)> {
    if let Some(batch) = reader.batches.recv().await {
        return Some((batch, reader));
    }
    // How the work ended says whether this is the end of the rows.
    let mut work = reader.work.take()?;
    match (&mut work.0).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some((Err(error), reader)),
        Err(e) => Some((Err(Error::internal("Reading a database ended before its time.").source(e)), reader)),
    }
}

#[cfg(test)]
mod tests;
