#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Decimal128Type, Field, Float64Type, Int64Type, Schema};
use domain::Result;
use futures::TryStreamExt;

use super::{PostgresBench, public};
use crate::source::{Dialect, Source};

pub(super) async fn run(bench: &PostgresBench, sql: &str, types: &[DataType]) -> Result<RecordBatch> {
    let fields: Vec<Field> = types.iter().enumerate().map(|(index, kind)| Field::new(format!("x{index}"), kind.clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let source = bench.source("postgres");
    let batches: Vec<RecordBatch> = source.sql().unwrap().query(sql.into(), schema.clone()).try_collect().await?;
    Ok(concat_batches(&schema, &batches).unwrap())
}

pub(super) async fn whole_queries_are_answered(bench: &PostgresBench) {
    let source = bench.source("postgres");
    let sql = source.sql().unwrap();
    assert_eq!(sql.dialect(), Dialect::PostgreSql);
    assert_eq!(sql.place(), format!("127.0.0.1:{}/postgres/postgres", bench.0.port));
    let name = sql.table_name(&public("measured"));
    assert_eq!(name, "\"public\".\"measured\"");
    let joined = format!("SELECT count(*), sum(a.id), avg(a.id), sum(a.id * 0.125), 'x', 'x' FROM {name} a JOIN {name} b USING (id, at);");
    let types = [DataType::Int64, DataType::Int64, DataType::Float64, DataType::Decimal128(20, 2), DataType::Utf8, DataType::Utf8];
    let answer = run(bench, &joined, &types).await.unwrap();
    assert_eq!(answer.column(0).as_primitive::<Int64Type>().value(0), 400);
    assert_eq!(answer.column(1).as_primitive::<Int64Type>().value(0), 80_200);
    assert!((answer.column(2).as_primitive::<Float64Type>().value(0) - 200.5).abs() < 1e-9);
    assert_eq!(answer.column(3).as_primitive::<Decimal128Type>().value(0), 1_002_500);
    let ordered = run(bench, "SELECT id FROM measured ORDER BY id DESC LIMIT 3", &[DataType::Int64]).await.unwrap();
    assert_eq!(ordered.column(0).as_primitive::<Int64Type>().values(), &[400, 399, 398]);
    let moods = run(bench, "SELECT c20, c37 FROM every_type ORDER BY id", &[DataType::Utf8, DataType::Decimal128(8, 3)]).await.unwrap();
    assert_eq!(moods.column(0).as_string::<i32>().value(0), "so so");
    let unfit = run(bench, "SELECT 3000000000::bigint", &[DataType::Int32]).await.unwrap_err();
    assert_eq!(unfit.code, Some("SOURCE_VALUE_UNFIT"), "{unfit}");
    assert!(unfit.message.contains("x0") && unfit.message.contains("3000000000"), "{unfit}");
    let cut = run(bench, "SELECT 1.5", &[DataType::Int64]).await.unwrap_err();
    assert_eq!(cut.code, Some("SOURCE_VALUE_UNFIT"), "{cut}");
    let wrong = run(bench, "SELEC 1", &[DataType::Int32]).await.unwrap_err();
    assert!(wrong.message.contains("syntax error"), "{wrong}");
    let writes = run(bench, "SELECT nextval('no_such')", &[DataType::Int64]).await.unwrap_err();
    assert_eq!(writes.code, Some(crate::diagnosis::TABLE_GONE), "{writes}");
    bench.sql("CREATE FUNCTION writes() RETURNS int LANGUAGE sql VOLATILE AS 'INSERT INTO counted VALUES (1) RETURNING id'");
    let refused = run(bench, "SELECT writes()", &[DataType::Int32]).await.unwrap_err();
    assert!(refused.message.contains("read-only"), "{refused}");
}
