#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::{SortOptions, sort};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit};
use arrow::util::display::array_value_to_string;
use domain::Result;

use super::super::{copy, sql};
use super::queries::run;
use super::{PostgresBench, public, read};
use crate::source::{NATIVE_TYPE, Source, SqlSource};

fn field(native: &str, data_type: DataType) -> Field {
    Field::new("c", data_type, true).with_metadata([(NATIVE_TYPE.to_owned(), native.to_owned())].into())
}

#[test]
fn a_column_is_written_as_a_scan_gives_it() {
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    let of_a_type_not_known = "((\"c\"::text || repeat(' ', length(format('%s', \"c\")) - length(\"c\"::text))) COLLATE \"C\")";
    let cases = [
        ("integer", DataType::Int32, "\"c\""),
        ("numeric(12,2)", DataType::Decimal128(12, 2), "\"c\""),
        ("oid", DataType::Int64, "(\"c\"::bigint)"),
        ("date", DataType::Date32, "(CASE WHEN isfinite(\"c\") THEN \"c\" END)"),
        ("timestamp with time zone", timestamp, "(CASE WHEN isfinite(\"c\") THEN \"c\"::timestamp END)"),
        ("character varying(20)", DataType::Utf8, "(\"c\"::text COLLATE \"C\")"),
        ("uuid", DataType::Utf8, "(\"c\"::text COLLATE \"C\")"),
        ("numeric(40,2)", DataType::Utf8, "(\"c\"::text COLLATE \"C\")"),
        ("character(5)", DataType::Utf8, "(textin(bpcharout(\"c\")) COLLATE \"C\")"),
        ("shop.mood", DataType::Utf8, of_a_type_not_known),
    ];
    for (native, data_type, expected) in cases {
        assert_eq!(sql::column(&field(native, data_type)).as_deref(), Some(expected), "{native}");
    }
    let list = DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
    assert_eq!(sql::column(&field("text[]", list)), None);
}

#[test]
fn a_value_that_cannot_be_cast_is_shown() {
    let cast = |column: ArrayRef, wanted: DataType| -> Result<RecordBatch> {
        let source = Arc::new(Schema::new(vec![Field::new("n", column.data_type().clone(), true)]));
        let target = Arc::new(Schema::new(vec![Field::new("n", wanted, true)]));
        copy::cast(&RecordBatch::try_new(source, vec![column]).unwrap(), &target, "reading a table")
    };
    let large = Arc::new(Int64Array::from(vec![None, Some(1), Some(3_000_000_000), Some(4_000_000_000)]));
    let unfit = cast(large, DataType::Int32).unwrap_err();
    assert_eq!(unfit.code, Some("SOURCE_VALUE_UNFIT"));
    assert!(unfit.message.contains("Column n holds Int32, and a value is 3000000000, while"), "{unfit}");
    let long = Arc::new(StringArray::from(vec![Some("1"), Some("x".repeat(200).as_str())]));
    let unfit = cast(long, DataType::Int64).unwrap_err();
    assert!(unfit.message.contains(&format!("a value is {}, while", "x".repeat(80))), "{unfit}");
}

const TABLE: &str = "
DO $$ BEGIN CREATE EXTENSION citext; EXCEPTION WHEN OTHERS THEN CREATE DOMAIN citext AS text; END $$;
DO $$ BEGIN CREATE COLLATION lax (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  EXCEPTION WHEN OTHERS THEN CREATE COLLATION lax FROM \"C\"; END $$;
CREATE TYPE tone AS ENUM ('loud', 'low'); CREATE DOMAIN code5 AS char(5); CREATE DOMAIN host AS inet; CREATE DOMAIN held AS oid;
CREATE TABLE given (id int, u uuid, m tone, n numeric, wide numeric(40,2), c char(5), d code5, i inet, h host, ci citext, lax text COLLATE lax,
  name text, \"v\"\" w\" varchar(9), j json, b jsonb, x xml, day date, at timestamp, seen timestamptz(3), o oid, held held, big bigint, price numeric(8,2));
INSERT INTO given VALUES
  (1, 'f0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'low', 1.0, 1.5, 'b', 'b', '10.0.0.1', '10.0.0.1', 'ABC', 'ABC',
   'B', 'é', '{\"a\":1}', '{\"a\":1}', '<a/>', 'infinity', 'infinity', '-infinity', 3000000000, 3000000000, -5, 1.50),
  (2, '00000000-9c0b-4ef8-bb6d-6bb9bd380a11', 'loud', 1.00, 1.50, 'a', 'a', '10.0.0.0/8', '10.0.0.0/8', 'abc', 'abc',
   'a', 'z', '{\"a\": 1}', '{\"a\": 1}', '<b/>', '2024-02-29', '2024-02-29 23:59:59.123456', '2024-02-29 23:59:59.5+09', 7, 7, 5, -0.01);
INSERT INTO given VALUES (3);";

/// Each column, through a query such as the engine makes: the same values, and groups and an order as Arrow has them.
pub(super) async fn a_query_gives_what_a_scan_gives(bench: &PostgresBench) {
    bench.sql(TABLE);
    let source = bench.source("postgres");
    let schema = source.schema(&public("given")).await.unwrap();
    let scanned = read(&source, "given").await;
    let table = source.table_name(&public("given"));
    for (index, field) in schema.fields().iter().enumerate() {
        let (native, is_text) = (&field.metadata()[NATIVE_TYPE], *field.data_type() == DataType::Utf8);
        let inner = format!("SELECT {} AS c0 FROM {table}", source.column(&public("given"), field).unwrap());
        let types = [field.data_type().clone()];
        let values = run(bench, &format!("SELECT c0 FROM ({inner}) AS q"), &types).await.unwrap();
        assert_eq!(values.column(0), scanned.column(index), "{native}");
        let key = if is_text { "(q.c0 COLLATE \"C\")" } else { "q.c0" };
        let grouped = format!("SELECT q.c0 AS c0 FROM ({inner}) AS q GROUP BY q.c0");
        let ordered = format!("SELECT c0 FROM ({grouped}) AS q ORDER BY (q.c0 IS NULL) ASC, {key} ASC");
        let found = run(bench, &ordered, &types).await.unwrap();
        assert_eq!(texts(found.column(0)), distinct(scanned.column(index)), "{native}");
        if is_text {
            let none = format!("SELECT count(*) FROM ({inner}) AS q WHERE (q.c0 = 'nothing')");
            let none = run(bench, &none, &[DataType::Int64]).await.unwrap();
            assert_eq!(none.column(0).as_primitive::<Int64Type>().value(0), 0, "{native}");
        }
    }
    let held = source.column(&public("given"), schema.field_with_name("held").unwrap()).unwrap();
    let sum = run(bench, &format!("SELECT sum(q.c0) FROM (SELECT {held} AS c0 FROM {table}) AS q"), &[DataType::Int64]).await.unwrap();
    assert_eq!(sum.column(0).as_primitive::<Int64Type>().value(0), 3_000_000_007);
}

fn texts(column: &ArrayRef) -> Vec<String> {
    (0..column.len()).map(|row| if column.is_null(row) { "null".into() } else { array_value_to_string(column, row).unwrap() }).collect()
}

/// In Arrow's order, nulls last.
fn distinct(column: &ArrayRef) -> Vec<String> {
    let mut texts = texts(&sort(column, Some(SortOptions { descending: false, nulls_first: false })).unwrap());
    texts.dedup();
    texts
}
