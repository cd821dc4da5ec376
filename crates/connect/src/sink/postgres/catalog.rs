//! What PostgreSQL's catalogue says of one table that is written to.

use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use super::Place;
use crate::sink::plan::{Column, Table};
use crate::sink::slot::{Float, Slot};

/// A domain is described by the type it is a domain of; it checks its values itself.
const COLUMNS: &str = "
    SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL, a.attgenerated <> '' OR a.attidentity = 'a',
           format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, NULL),
           CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END,
           c.relkind::text
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         JOIN pg_type t ON t.oid = a.atttypid
    WHERE n.nspname = $1 AND c.relname = $2 ORDER BY a.attnum";
const UNIQUE: &str = "
    SELECT array_agg(a.attname::text)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_index i ON i.indrelid = c.oid
         CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, place)
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
    WHERE n.nspname = $1 AND c.relname = $2 AND i.indisunique AND i.indisvalid AND i.indimmediate
          AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
    GROUP BY i.indexrelid";
/// Foreign keys that pass a deletion on.
const DEPENDENT: &str = "
    SELECT f.conrelid::regclass::text
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_constraint f ON f.confrelid = c.oid
    WHERE n.nspname = $1 AND c.relname = $2 AND f.contype = 'f' AND f.confdeltype IN ('c', 'n', 'd') LIMIT 1";

pub(crate) async fn table(connection: &mut PgConnection, place: &Place) -> sqlx::Result<Option<Table>> {
    let rows = sqlx::query(COLUMNS).bind(&place.schema).bind(&place.table).fetch_all(&mut *connection).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let unfit = match first.try_get::<String, _>(7)?.as_str() {
        "r" | "p" => None,
        "v" | "m" => Some("it is a view".to_owned()),
        "f" => Some("it is a foreign table".to_owned()),
        _ => Some("it is no table".to_owned()),
    };
    let columns = rows.iter().map(column).collect::<sqlx::Result<_>>()?;
    let unique = sqlx::query(UNIQUE).bind(&place.schema).bind(&place.table).fetch_all(&mut *connection).await?;
    let unique = unique.iter().map(|row| row.try_get(0)).collect::<sqlx::Result<_>>()?;
    let dependent = sqlx::query(DEPENDENT).bind(&place.schema).bind(&place.table).fetch_optional(connection).await?;
    let dependent = dependent.map(|row| row.try_get(0)).transpose()?;
    Ok(Some(Table { columns, unique, unfit, dependent }))
}

fn column(row: &PgRow) -> sqlx::Result<Column> {
    Ok(Column {
        name: row.try_get(0)?,
        native: row.try_get(1)?,
        slot: slot(&row.try_get::<String, _>(5)?, row.try_get(6)?),
        is_nullable: !row.try_get::<bool, _>(2)?,
        has_default: row.try_get(3)?,
        is_computed: row.try_get(4)?,
    })
}

/// Every float there is.
pub(crate) fn float(is_double: bool) -> Float {
    Float { is_double, nan: true, infinite: true }
}

/// What is declared behind the type's name, -1 for nothing, is packed in `typmod` as each type sees fit.
fn slot(base: &str, typmod: i32) -> Slot {
    let declared = u32::try_from(typmod).ok();
    match base {
        "boolean" => Slot::Boolean,
        "smallint" => Slot::integer(16, false),
        "integer" => Slot::integer(32, false),
        "bigint" => Slot::integer(64, false),
        "oid" => Slot::integer(32, true),
        "real" => Slot::Float(float(false)),
        "double precision" => Slot::Float(float(true)),
        "numeric" => numeric(typmod),
        "text" | "name" => Slot::Text { longest: None },
        // Behind a length word of four bytes.
        "character varying" | "character" | "bpchar" => Slot::Text { longest: declared.map(|length| u64::from(length.saturating_sub(4))) },
        "bytea" => Slot::Binary,
        "date" => Slot::Date,
        "timestamp without time zone" | "timestamp with time zone" => Slot::Timestamp { digits: declared.unwrap_or(6) },
        "time without time zone" | "time with time zone" => Slot::Parsed { digits: Some(declared.unwrap_or(6)) },
        "money" => Slot::Parsed { digits: Some(2) },
        // Intervals and arrays with digits of their own.
        _ if declared.is_some() && ["numeric", "time", "interval"].iter().any(|kind| base.starts_with(kind)) => Slot::Rounded,
        _ => Slot::PARSED,
    }
}

/// Without precision a numeric holds whatever we have.
fn numeric(typmod: i32) -> Slot {
    if typmod < 4 {
        return Slot::Decimal { whole: 131_072, scale: 16_383, digits: u32::MAX };
    }
    let packed = typmod - 4;
    let (precision, scale) = ((packed >> 16) & 0xffff, ((packed & 0x7ff) ^ 1024) - 1024);
    // numeric(3, -2) keeps no tens, numeric(2, 4) has no digit before the point: the server rounds what it cannot keep, so neither is written.
    match (u32::try_from(precision), u32::try_from(scale)) {
        (Ok(precision), Ok(scale)) if scale <= precision => Slot::decimal(precision, scale),
        _ => Slot::Rounded,
    }
}
