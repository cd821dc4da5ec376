//! Which types a table's values really have. SQLite keeps a type with every value, not with the column.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use rusqlite::Connection;

use super::sql::quote;

/// Rows whose types are looked at, from the start of the table. A value further down that does not fit is an error of the scan.
pub(crate) const TYPE_SAMPLE_ROWS: usize = 500_000;

/// What was met in a column, one bit each.
const INTEGER: i64 = 1;
const REAL: i64 = 2;
const TEXT: i64 = 4;
const BLOB: i64 = 8;
const NO_DATE: i64 = 16;
const NO_TIMESTAMP: i64 = 32;

#[derive(Debug)]
pub(crate) struct Shape {
    /// As the database spells it.
    pub table: String,
    pub columns: Vec<ShapeColumn>,
    /// Every row was looked at, so no value can be of another type (but for those written since).
    pub whole: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct ShapeColumn {
    pub name: String,
    pub kind: Kind,
}

/// How a column is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Real,
    /// Text as it is.
    Text,
    /// Numbers and text in one column: SQLite writes the numbers as text.
    Mixed,
    Blob,
    /// Declared as a date or time and holding ISO text only.
    Date,
    Timestamp,
}

impl Kind {
    pub fn data_type(self) -> DataType {
        match self {
            Self::Integer => DataType::Int64,
            Self::Real => DataType::Float64,
            Self::Text | Self::Mixed => DataType::Utf8,
            Self::Blob => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }
}

impl Shape {
    /// Reads the declaration and up to [`TYPE_SAMPLE_ROWS`] rows.
    pub fn of(connection: &Connection, table: &str) -> rusqlite::Result<Self> {
        let mut columns = connection.prepare("SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden <> 1")?;
        let declared: Vec<(String, String)> = columns
            .query_map([table], |row| Ok((row.get(0)?, row.get::<_, Option<String>>(1)?.unwrap_or_default())))?
            .collect::<Result<_, _>>()?;
        let beyond = format!("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT 1 OFFSET {TYPE_SAMPLE_ROWS})", quote(table));
        let whole = connection.query_row(&beyond, [], |row| row.get::<_, i64>(0))? == 0;
        let met = types_met(connection, table, whole, &declared)?;
        let columns = declared.into_iter().zip(met).map(|((name, declared), met)| ShapeColumn { name, kind: kind(&declared, met) });
        Ok(Self { table: table.to_owned(), columns: columns.collect(), whole })
    }

    pub fn schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self.columns.iter().map(|c| Field::new(&c.name, c.kind.data_type(), true)).collect();
        Arc::new(Schema::new(fields))
    }

    /// Names are compared as SQLite does, without regard to case.
    pub fn column(&self, name: &str) -> Option<&ShapeColumn> {
        let exact = self.columns.iter().find(|column| column.name == name);
        exact.or_else(|| self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)))
    }
}

/// One pass over the sample for all columns.
fn types_met(connection: &Connection, table: &str, whole: bool, declared: &[(String, String)]) -> rusqlite::Result<Vec<i64>> {
    if declared.is_empty() {
        return Ok(Vec::new());
    }
    let asked: Vec<String> = declared.iter().map(|(name, declared)| asked(name, is_temporal(declared))).collect();
    let mut rows = quote(table);
    if !whole {
        rows = format!("(SELECT * FROM {rows} LIMIT {TYPE_SAMPLE_ROWS})");
    }
    connection.query_row(&format!("SELECT {} FROM {rows}", asked.join(", ")), [], |row| {
        (0..declared.len()).map(|column| Ok(bits(&row.get::<_, Option<String>>(column)?.unwrap_or_default()))).collect()
    })
}

/// What is asked of a column, as one text: the names of its values' types, and the bits of its texts that are no dates. One aggregate
/// for all names takes a quarter of the time of one for each.
fn asked(column: &str, temporal: bool) -> String {
    let column = quote(column);
    let types = format!("group_concat(DISTINCT typeof({column}))");
    if !temporal {
        return types;
    }
    let bit = |bit: i64, condition: String| format!("{bit} * coalesce(max(typeof({column}) = 'text' AND {condition}), 0)");
    // julianday alone takes days that no month has: the day must come back unchanged.
    let shaped = format!("({column} GLOB '????-??-??[ T]??:??*' AND julianday({column}) IS NOT NULL)");
    let real_day = format!("date(substr({column}, 1, 10)) IS substr({column}, 1, 10)");
    let day = format!("date({column}) IS {column}");
    let no_date = bit(NO_DATE, format!("date({column}) IS NOT {column}"));
    let no_timestamp = bit(NO_TIMESTAMP, format!("NOT (({shaped} AND {real_day}) OR {day})"));
    format!("{types} || ',' || ({no_date} + {no_timestamp})")
}

fn bits(types: &str) -> i64 {
    let bit = |name: &str| match name {
        "integer" => INTEGER,
        "real" => REAL,
        "text" => TEXT,
        "blob" => BLOB,
        number => number.parse().unwrap_or(0),
    };
    types.split(',').map(bit).fold(0, |met, bit| met | bit)
}

fn is_temporal(declared: &str) -> bool {
    let declared = declared.to_ascii_uppercase();
    declared.contains("DATE") || declared.contains("TIME")
}

/// The narrowest type that holds everything met; the declaration decides where nothing, or only whole numbers, were met.
fn kind(declared: &str, met: i64) -> Kind {
    let types = met & (INTEGER | REAL | TEXT | BLOB);
    if types & BLOB != 0 {
        return Kind::Blob;
    }
    match types {
        0 => declared_kind(declared),
        INTEGER if matches!(declared_kind(declared), Kind::Real) => Kind::Real,
        INTEGER => Kind::Integer,
        REAL => Kind::Real,
        TEXT if is_temporal(declared) && met & NO_DATE == 0 => Kind::Date,
        TEXT if is_temporal(declared) && met & NO_TIMESTAMP == 0 => Kind::Timestamp,
        TEXT => Kind::Text,
        _ if types & TEXT == 0 => Kind::Real,
        _ => Kind::Mixed,
    }
}

/// SQLite's rules of affinity, with NUMERIC and DECIMAL taken for numbers with a fraction.
fn declared_kind(declared: &str) -> Kind {
    let declared = declared.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    if has(&["INT", "BOOL"]) {
        Kind::Integer
    } else if has(&["CHAR", "CLOB", "TEXT", "DATE", "TIME"]) {
        Kind::Text
    } else if has(&["BLOB"]) {
        Kind::Blob
    } else if has(&["REAL", "FLOA", "DOUB", "NUMERIC", "DECIMAL"]) {
        Kind::Real
    } else {
        Kind::Text
    }
}
