#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit};
use async_trait::async_trait;
use futures::TryStreamExt;
use testkit::servers::Postgres;

use super::RedshiftSource;
use crate::source::conformance::{Bench, Kind, Value, gathered, keeps_the_contract};
use crate::source::postgres::tests::{creation, public, server};
use crate::source::{COMMENT, Scan, Source, TablePath};

/// PostgreSQL with views named and shaped like Redshift's, as far as the source asks them.
const VIEWS: &str = "
CREATE SCHEMA redshift; ALTER DATABASE postgres SET search_path = public, redshift;
CREATE VIEW redshift.svv_all_tables AS
  SELECT table_catalog::varchar AS database_name, table_schema::varchar AS schema_name, table_name::varchar AS table_name,
    (CASE table_type WHEN 'BASE TABLE' THEN 'TABLE' ELSE table_type END)::varchar AS table_type,
    obj_description(format('%I.%I', table_schema, table_name)::regclass)::varchar AS remarks
  FROM information_schema.tables WHERE table_schema <> 'redshift';
CREATE VIEW redshift.svv_all_columns AS
  SELECT table_catalog::varchar AS database_name, table_schema::varchar AS schema_name, table_name::varchar AS table_name,
    column_name::varchar AS column_name, ordinal_position::int AS ordinal_position,
    (CASE data_type WHEN 'jsonb' THEN 'super' ELSE data_type END)::varchar AS data_type,
    numeric_precision::int AS numeric_precision, numeric_scale::int AS numeric_scale,
    col_description(format('%I.%I', table_schema, table_name)::regclass, ordinal_position)::varchar AS remarks
  FROM information_schema.columns;";

struct RedshiftBench(Postgres);

#[async_trait]
impl Bench for RedshiftBench {
    fn port(&self) -> u16 {
        self.0.port
    }

    fn source(&self, port: u16, right_password: bool) -> Arc<dyn Source> {
        let password = if right_password { self.0.password.as_str() } else { "wrong" };
        Arc::new(RedshiftSource::new(server(port, "postgres", password)))
    }

    async fn create(&self, table: &str, columns: &[(&str, Kind)], rows: &[Vec<Value>]) -> TablePath {
        self.0.psql("postgres", &creation(table, columns, rows));
        public(table)
    }

    async fn remove(&self, table: &TablePath) {
        self.0.psql("postgres", &format!("DROP TABLE {}", super::sql::table_name(table)));
    }
}

/// PostgreSQL stands in: what this shows is that the source asks and reads as Redshift's documentation says, not that Redshift answers so.
#[tokio::test(flavor = "multi_thread")]
async fn redshift_keeps_the_contract_over_postgresql() {
    let Some(postgres) = Postgres::start() else { return };
    postgres.psql("postgres", VIEWS);
    let bench = RedshiftBench(postgres);
    keeps_the_contract(&bench).await;
    types_are_redshifts(&bench).await;
    queries_are_answered(&bench).await;
}

async fn types_are_redshifts(bench: &RedshiftBench) {
    bench.0.psql(
        "postgres",
        "CREATE TABLE typed (id int, \"at\" timestamptz, doc jsonb, name varchar(20), code char(5), price numeric(8,3), ratio real, ok boolean);
         COMMENT ON TABLE typed IS 'of every type'; COMMENT ON COLUMN typed.name IS 'who';
         INSERT INTO typed VALUES (1, '2024-03-01 00:00:00+09', '{\"a\": 1}', 'x', 'y', 1.25, 0.5, false);
         INSERT INTO typed VALUES (2);
         CREATE VIEW typed_view AS SELECT id FROM typed;",
    );
    let source = bench.source(bench.port(), true);
    let tables = source.tables().await.unwrap();
    assert!(tables.iter().all(|table| table.schema.as_deref() == Some("public")), "{tables:?}");
    let described = source.describe(&[public("typed"), public("typed_view")]).await.unwrap();
    let (table, view) = (described[0].as_ref().unwrap(), described[1].as_ref().unwrap());
    assert!(view.is_view && !table.is_view);
    assert_eq!((table.comment.as_deref(), table.schema.field(3).metadata()[COMMENT].as_str()), (Some("of every type"), "who"));
    let types: Vec<&DataType> = table.schema.fields().iter().map(|field| field.data_type()).collect();
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    let decimal = DataType::Decimal128(8, 3);
    let expected =
        [&DataType::Int32, &timestamp, &DataType::Utf8, &DataType::Utf8, &DataType::Utf8, &decimal, &DataType::Float32, &DataType::Boolean];
    assert_eq!(types, expected);
    let batch = gathered(source.as_ref(), Scan::all(public("typed"))).await;
    let at = arrow::compute::cast(&batch["at"], &DataType::Int64).unwrap();
    assert_eq!(at.as_primitive::<Int64Type>().value(0), 1_709_218_800_000_000);
    assert_eq!(batch["doc"].as_string::<i32>().value(0), "{\"a\": 1}");
    assert_eq!((batch["ok"].as_boolean().value(0), batch["price"].null_count()), (false, 1));
}

async fn queries_are_answered(bench: &RedshiftBench) {
    let source = bench.source(bench.port(), true);
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
    let query = |sql: &str| source.sql().unwrap().query(sql.to_owned(), schema.clone()).try_collect::<Vec<_>>();
    let odd = bench.create("odd \\' \"name", &[("id", Kind::Integer)], &[vec![Value::Integer(1)]]).await;
    assert_eq!(gathered(source.as_ref(), Scan::all(odd)).await.num_rows(), 1);
    let answer = query("SELECT sum(id) FROM typed;").await.unwrap();
    assert_eq!(answer[0].column(0).as_primitive::<Int64Type>().value(0), 3);
    let unfit = query("SELECT 'x'").await.unwrap_err();
    assert!(unfit.code == Some("SOURCE_VALUE_UNFIT") && unfit.message.contains("Column n"), "{unfit}");
}
