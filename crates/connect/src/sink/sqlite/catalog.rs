//! What SQLite's pragmas say of one table that is written to.

use rusqlite::{Connection, OptionalExtension, Row};

use crate::sink::plan::{Column, Table};
use crate::sink::slot::{Float, NUMERIC_DIGITS, Slot};

pub(crate) fn table(connection: &Connection, table: &str) -> rusqlite::Result<Option<Table>> {
    let kind = "SELECT type FROM main.sqlite_master WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE";
    let kind: Option<String> = connection.query_row(kind, [table], |row| row.get(0)).optional()?;
    let Some(kind) = kind else { return Ok(None) };
    // A primary key of one INTEGER is the row's number, which is given where it is missing.
    let mut asked = connection.prepare(
        "SELECT name, type, \"notnull\", dflt_value, pk, hidden, (SELECT count(*) FROM pragma_table_info(?1, 'main') WHERE pk > 0)
         FROM pragma_table_xinfo(?1, 'main') WHERE hidden <> 1",
    )?;
    let columns: Vec<(Column, i64)> = asked.query_map([table], column)?.collect::<rusqlite::Result<_>>()?;
    let mut keys: Vec<&(Column, i64)> = columns.iter().filter(|(_, place)| *place > 0).collect();
    keys.sort_by_key(|(_, place)| *place);
    let mut unique = vec![keys.into_iter().map(|(column, _)| column.name.clone()).collect()];
    let mut asked = connection.prepare("SELECT name FROM pragma_index_list(?, 'main') WHERE \"unique\" = 1 AND partial = 0")?;
    let indexes: Vec<String> = asked.query_map([table], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for index in indexes {
        // An expression has no name, and makes the index one of other things than columns.
        let mut asked = connection.prepare("SELECT name FROM pragma_index_info(?, 'main') ORDER BY seqno")?;
        let names: Vec<Option<String>> = asked.query_map([index], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        unique.extend(names.into_iter().collect::<Option<Vec<String>>>());
    }
    let dependent = "SELECT m.name FROM main.sqlite_master m JOIN pragma_foreign_key_list(m.name, 'main') f
                     WHERE m.type = 'table' AND f.\"table\" = ? COLLATE NOCASE AND f.on_delete NOT IN ('NO ACTION', 'RESTRICT')";
    let dependent = connection.query_row(dependent, [table], |row| row.get(0)).optional()?;
    let unfit = (kind == "view").then(|| "it is a view".to_owned());
    Ok(Some(Table { columns: columns.into_iter().map(|(column, _)| column).collect(), unique, unfit, dependent }))
}

fn column(row: &Row<'_>) -> rusqlite::Result<(Column, i64)> {
    let native: String = row.get::<_, Option<String>>(1)?.unwrap_or_default();
    let (default, place, hidden, keys): (Option<String>, i64, i64, i64) = (row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?);
    let is_row_number = place > 0 && keys == 1 && native.eq_ignore_ascii_case("INTEGER");
    let slot = slot(&native);
    let column = Column {
        name: row.get(0)?,
        native: match slot {
            Slot::Any => "anything".into(),
            Slot::Numeric => format!("{native}, which SQLite takes for numbers"),
            _ => native,
        },
        slot,
        is_nullable: row.get::<_, i64>(2)? == 0 && !is_row_number,
        has_default: default.is_some() || is_row_number,
        is_computed: hidden > 1,
    };
    Ok((column, place))
}

/// By the words in a declared type, as SQLite's own rules of affinity go, and by those that stand for dates.
pub(crate) fn slot(declared: &str) -> Slot {
    let declared = declared.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    if has(&["INT"]) {
        Slot::integer(64, false)
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        Slot::Text { longest: None }
    } else if has(&["BLOB"]) {
        Slot::Binary
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        // What is no number would become null.
        Slot::Float(Float { is_double: true, nan: false, infinite: true })
    } else if has(&["BOOL"]) {
        Slot::Boolean
    } else if has(&["DATETIME", "TIMESTAMP"]) {
        Slot::Timestamp { digits: 6 }
    } else if has(&["DATE"]) {
        Slot::Date
    } else if has(&["NUMERIC", "DECIMAL"]) {
        numeric(&declared)
    } else if declared.is_empty() {
        Slot::Any
    } else {
        // What SQLite does not know (STRING, JSON, UUID) it takes for numbers.
        Slot::Numeric
    }
}

/// SQLite keeps fifteen digits of what has a fraction, and whole numbers of 64 bits, whatever is declared; the declaration is kept too.
fn numeric(declared: &str) -> Slot {
    let inside = declared.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inside, _)| inside);
    let mut numbers = inside.unwrap_or_default().split(',').map(|number| number.trim().parse::<u32>().ok());
    let (whole, scale) = match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(precision), scale) => (precision.saturating_sub(scale.unwrap_or(0)), scale.unwrap_or(0)),
        _ => (NUMERIC_DIGITS, NUMERIC_DIGITS),
    };
    Slot::Decimal { whole, scale, digits: NUMERIC_DIGITS }
}
