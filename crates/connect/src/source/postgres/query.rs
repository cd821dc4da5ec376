//! Whole queries: what their columns are is asked of the server first, then they go the way of every scan.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use domain::{Error, Result};
use futures::stream::BoxStream;
use sqlx::postgres::{PgTypeInfo, PgTypeKind};
use sqlx::{AssertSqlSafe, Column, Executor, SqlSafeStr, Statement};

use super::connect::Connector;
use super::copy::{self, Reading, patiently};
use super::error;
use super::types::{Kind, MAX_PRECISION};
use crate::source::DEFAULT_BATCH_ROWS;

const WHAT: &str = "running the query";

/// The rows of one SELECT under `schema`.
pub(crate) async fn start(connector: Connector, sql: String, schema: SchemaRef) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let sql = sql.trim().trim_end_matches(';');
    let mut connection = connector.acquire().await?;
    let statement = patiently(&connector.server, WHAT, connection.prepare(AssertSqlSafe(sql).into_sql_str()))
        .await?
        .map_err(|e| error::of(&connector.server, WHAT, e))?;
    let found: Vec<PgTypeInfo> = statement.columns().iter().map(|column| column.type_info().clone()).collect();
    if found.len() != schema.fields().len() {
        return Err(Error::internal(format!("A query gives {} columns where {} were expected.", found.len(), schema.fields().len())));
    }
    let reading = reading(sql, &found, schema);
    Ok(copy::stream(connector, connection, reading))
}

/// The query's columns under names of ours: its own may be missing or come twice.
fn reading(sql: &str, found: &[PgTypeInfo], target: SchemaRef) -> Reading {
    let (mut names, mut selected, mut kinds, mut fields) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (index, (type_info, field)) in found.iter().zip(target.fields()).enumerate() {
        let name = format!("c{index}");
        let (expression, kind) = taken(&name, type_info, field.data_type());
        selected.push(expression);
        // Messages name the column as the reader knows it.
        fields.push(Field::new(field.name(), kind.data_type(), true));
        kinds.push(kind);
        names.push(name);
    }
    let select = if names.is_empty() {
        format!("SELECT FROM ({sql}) AS query")
    } else {
        format!("SELECT {} FROM ({sql}) AS query({})", selected.join(", "), names.join(", "))
    };
    let schema = Arc::new(Schema::new(fields));
    Reading { select, kinds, schema, target: Some(target), what: WHAT.into(), batch_rows: DEFAULT_BATCH_ROWS }
}

/// The expression for a column and how it is decoded, on its way to `wanted`.
///
/// Results of arithmetic on numeric have no declared scale: they are rounded to the one wanted, as a cast in a query engine would.
fn taken(name: &str, type_info: &PgTypeInfo, wanted: &DataType) -> (String, Kind) {
    let inner = without_domains(type_info);
    if Kind::is_numeric(oid(inner)) {
        return match wanted {
            DataType::Decimal128(precision, scale) if *scale >= 0 => {
                (format!("round({name}, {scale})"), Kind::Decimal { precision: *precision, scale: scale.unsigned_abs() })
            }
            DataType::Float64 | DataType::Float32 => (format!("{name}::double precision"), Kind::Float64),
            wanted if wanted.is_integer() => (name.into(), Kind::Decimal { precision: MAX_PRECISION, scale: 0 }),
            _ => (format!("{name}::text"), Kind::Other),
        };
    }
    let kind = kind(inner);
    (kind.selected(name), kind)
}

fn kind(type_info: &PgTypeInfo) -> Kind {
    let scalar = |type_info: &PgTypeInfo| Kind::scalar(oid(type_info), -1, matches!(type_info.kind(), PgTypeKind::Enum(_)));
    match type_info.kind() {
        PgTypeKind::Array(item) => Kind::list(scalar(without_domains(item))),
        _ => scalar(type_info),
    }
}

fn without_domains(type_info: &PgTypeInfo) -> &PgTypeInfo {
    match type_info.kind() {
        PgTypeKind::Domain(inner) => without_domains(inner),
        _ => type_info,
    }
}

/// Zero, which no type has, when the driver does not know it.
fn oid(type_info: &PgTypeInfo) -> u32 {
    type_info.oid().map_or(0, |oid| oid.0)
}
