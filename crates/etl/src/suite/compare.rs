//! An answer held against what was expected.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float32Type, Float64Type, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use catalog::{Column, hive};
use domain::{Error, Result};

use super::case::{Case, Expected};
use super::fixture::batch;

/// Floating-point numbers may differ by this share.
const TOLERANCE: f64 = 1e-9;
/// The word for whole numbers of any width.
const ANY_INTEGER: &str = "integer";
/// What Hive calls them; the last is what an unsigned number of 64 bits becomes.
const INTEGERS: [&str; 5] = ["tinyint", "smallint", "int", "bigint", "decimal(20,0)"];

/// Nothing, or what was expected and what was found.
pub(super) fn check(case: &Case, answer: Result<(SchemaRef, Vec<RecordBatch>)>) -> std::result::Result<(), String> {
    match (&case.expected, answer) {
        (Expected::Error(kinds), Err(error)) if kinds.contains(&error.kind) => Ok(()),
        (Expected::Error(kinds), Err(error)) => Err(format!("expected an error {kinds:?}, found {:?}: {error}", error.kind)),
        (Expected::Error(kinds), Ok((_, batches))) => {
            let found: Vec<Row> = batches.iter().map(rows).collect::<Result<Vec<_>>>().map_err(text)?.concat();
            Err(format!("expected an error {kinds:?}, found rows\n{}", lines(&found)))
        }
        (Expected::Rows { .. }, Err(error)) => Err(format!("expected rows, found {:?}: {error}", error.kind)),
        (Expected::Rows { columns, rows: expected }, Ok((schema, batches))) => {
            check_columns(columns, &schema)?;
            let expected = batch(&wide(columns), expected).and_then(|batch| rows(&batch)).map_err(text)?;
            let types = hive::schema(&wide(columns)).map_err(text)?;
            let mut found = Vec::new();
            for batch in &batches {
                found.extend(as_types(batch, &types).and_then(|batch| rows(&batch)).map_err(text)?);
            }
            check_rows(&expected, &found, case.is_ordered())
        }
    }
}

fn text(error: Error) -> String {
    error.to_string()
}

fn check_columns(expected: &[Column], schema: &SchemaRef) -> std::result::Result<(), String> {
    let found = hive::columns(schema);
    let same = |(expected, found): (&Column, &Column)| {
        let any = expected.data_type == ANY_INTEGER && INTEGERS.contains(&found.data_type.as_str());
        expected.name == found.name && (any || expected.data_type == found.data_type)
    };
    if expected.len() == found.len() && expected.iter().zip(&found).all(same) {
        return Ok(());
    }
    let shown =
        |columns: &[Column]| columns.iter().map(|column| format!("{} {}", column.name, column.data_type)).collect::<Vec<_>>().join(", ");
    Err(format!("expected columns {}\n   found columns {}", shown(expected), shown(&found)))
}

/// The columns, with whole numbers of any width as wide as can be.
fn wide(columns: &[Column]) -> Vec<Column> {
    let wide =
        |column: &Column| Column::new(&column.name, if column.data_type == ANY_INTEGER { "bigint" } else { column.data_type.as_str() });
    columns.iter().map(wide).collect()
}

/// The same values as the catalogue's types have them: another width of offsets, a time zone or unit are no difference.
fn as_types(batch: &RecordBatch, types: &SchemaRef) -> Result<RecordBatch> {
    let unfit = |e| Error::invalid_data("Expected values that fit the types of their columns.").source(e);
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (column, field) in batch.columns().iter().zip(types.fields()) {
        columns.push(cast_with_options(column, field.data_type(), &options).map_err(unfit)?);
    }
    RecordBatch::try_new(types.clone(), columns).map_err(unfit)
}

type Row = Vec<Cell>;

/// One value, in the few shapes that are compared differently.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Null,
    Number(f64),
    Text(String),
    /// Items of a list, members of a structure by place, keys and values of a map.
    Items(Vec<Cell>),
}

impl Cell {
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()),
            (Self::Items(a), Self::Items(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_like(b)),
            (a, b) => a == b,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Number(number) => write!(f, "{number:?}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Items(items) => {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", items.join(", "))
            }
        }
    }
}

fn rows(batch: &RecordBatch) -> Result<Vec<Row>> {
    let columns = batch.columns().iter().map(cells).collect::<Result<Vec<_>>>()?;
    Ok((0..batch.num_rows()).map(|row| columns.iter().filter_map(|column| column.get(row).cloned()).collect()).collect())
}

fn cells(column: &ArrayRef) -> Result<Vec<Cell>> {
    let values: Vec<Cell> = match column.data_type() {
        DataType::Float64 => column.as_primitive::<Float64Type>().values().iter().map(|number| Cell::Number(*number)).collect(),
        DataType::Float32 => column.as_primitive::<Float32Type>().values().iter().map(|number| Cell::Number((*number).into())).collect(),
        DataType::List(_) => {
            let items = |row: usize| cells(&column.as_list::<i32>().value(row)).map(Cell::Items);
            (0..column.len()).map(items).collect::<Result<_>>()?
        }
        DataType::Map(..) => {
            let entries = |row: usize| cells(&(Arc::new(column.as_map().value(row)) as ArrayRef)).map(Cell::Items);
            (0..column.len()).map(entries).collect::<Result<_>>()?
        }
        DataType::Struct(_) => {
            let members = column.as_struct().columns().iter().map(cells).collect::<Result<Vec<_>>>()?;
            (0..column.len()).map(|row| Cell::Items(members.iter().filter_map(|member| member.get(row).cloned()).collect())).collect()
        }
        _ => {
            let failed = |e| Error::internal("A value of an answer cannot be shown.").source(e);
            let options = FormatOptions::default();
            let texts = ArrayFormatter::try_new(column.as_ref(), &options).map_err(failed)?;
            (0..column.len()).map(|row| Cell::Text(texts.value(row).to_string())).collect()
        }
    };
    Ok(values.into_iter().enumerate().map(|(row, value)| if column.is_null(row) { Cell::Null } else { value }).collect())
}

fn check_rows(expected: &[Row], found: &[Row], ordered: bool) -> std::result::Result<(), String> {
    let alike = |a: &Row, b: &Row| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_like(b));
    let same = expected.len() == found.len()
        && if ordered {
            expected.iter().zip(found).all(|(a, b)| alike(a, b))
        } else {
            let mut left: Vec<&Row> = found.iter().collect();
            expected.iter().all(|row| left.iter().position(|other| alike(row, other)).map(|place| left.swap_remove(place)).is_some())
        };
    if same {
        return Ok(());
    }
    let order = if ordered { " in this order" } else { "" };
    Err(format!("expected rows{order}\n{}\n   found rows\n{}", lines(expected), lines(found)))
}

fn lines(rows: &[Row]) -> String {
    let line = |row: &Row| format!("     {}", row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "));
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
