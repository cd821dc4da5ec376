#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::{PostgresBench, failure, public, read};
use crate::source::{NATIVE_TYPE, Scan, Source, TablePath};

/// A type, the Arrow type, a value as SQL, the value as Arrow shows it.
fn cases() -> Vec<(&'static str, DataType, &'static str, &'static str)> {
    let list = |item| DataType::List(std::sync::Arc::new(Field::new_list_field(item, true)));
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    vec![
        ("bool", DataType::Boolean, "true", "true"),
        ("int2", DataType::Int16, "-32768", "-32768"),
        ("int4", DataType::Int32, "2147483647", "2147483647"),
        ("int8", DataType::Int64, "-9223372036854775808", "-9223372036854775808"),
        ("oid", DataType::Int64, "4294967295", "4294967295"),
        ("float4", DataType::Float32, "1.5", "1.5"),
        ("float8", DataType::Float64, "'-Infinity'", "-inf"),
        ("numeric(12,2)", DataType::Decimal128(12, 2), "-9999999999.99", "-9999999999.99"),
        (
            "numeric(38,10)",
            DataType::Decimal128(38, 10),
            "1234567890123456789012345678.0000000001",
            "1234567890123456789012345678.0000000001",
        ),
        (
            "numeric(38,1)",
            DataType::Decimal128(38, 1),
            "9999999999999999999999999999999999999.9",
            "9999999999999999999999999999999999999.9",
        ),
        ("numeric(6,6)", DataType::Decimal128(6, 6), "0.000012", "0.000012"),
        ("numeric(3,-2)", DataType::Decimal128(5, 0), "99900", "99900"),
        ("numeric(2,4)", DataType::Decimal128(4, 4), "0.0099", "0.0099"),
        ("numeric(9,0)", DataType::Decimal128(9, 0), "120000000", "120000000"),
        (
            "numeric",
            DataType::Utf8,
            "12345678901234567890123456789012345678901234567890.5",
            "12345678901234567890123456789012345678901234567890.5",
        ),
        ("numeric(40,2)", DataType::Utf8, "12345678901234567890123456789012345678.25", "12345678901234567890123456789012345678.25"),
        ("text", DataType::Utf8, "'Ünï 🛒 '' \\'", "Ünï 🛒 ' \\"),
        ("varchar(5)", DataType::Utf8, "'abc'", "abc"),
        ("char(5)", DataType::Utf8, "'abc'", "abc  "),
        ("name", DataType::Utf8, "'abc'", "abc"),
        ("mood", DataType::Utf8, "'so so'", "so so"),
        ("xml", DataType::Utf8, "'<a>1</a>'", "<a>1</a>"),
        ("inet", DataType::Utf8, "'10.0.0.1/8'", "10.0.0.1/8"),
        ("uuid", DataType::Utf8, "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("json", DataType::Utf8, "'{\"a\": 1}'", "{\"a\": 1}"),
        ("jsonb", DataType::Utf8, "'{\"b\":1,  \"a\": [2]}'", "{\"a\": [2], \"b\": 1}"),
        ("bytea", DataType::Binary, "'\\x00ff'", "00ff"),
        ("date", DataType::Date32, "'1752-09-14'", "1752-09-14"),
        ("timestamp", timestamp.clone(), "'2024-02-29 23:59:59.123456'", "2024-02-29T23:59:59.123456"),
        ("timestamptz", timestamp.clone(), "'2024-02-29 23:59:59.5+09'", "2024-02-29T14:59:59.500"),
        ("time", DataType::Utf8, "'12:34:56.5'", "12:34:56.5"),
        ("interval", DataType::Utf8, "'1 year 2 days'", "1 year 2 days"),
        ("int4range", DataType::Utf8, "'[1,5)'", "[1,5)"),
        ("point", DataType::Utf8, "'(1,2)'", "(1,2)"),
        ("money", DataType::Utf8, "12.5", "$12.50"),
        ("bit(3)", DataType::Utf8, "B'101'", "101"),
        ("pair", DataType::Utf8, "ROW(1, 'x y')", "(1,\"x y\")"),
        ("positive", DataType::Decimal128(8, 3), "1.250", "1.250"),
        ("very_positive", DataType::Decimal128(8, 3), "2.5", "2.500"),
        ("int4[]", list(DataType::Int32), "'{1,NULL,3}'", "[1, , 3]"),
        ("text[]", list(DataType::Utf8), "'{}'", "[]"),
        ("numeric(5,1)[]", list(DataType::Decimal128(5, 1)), "'{1.5,-2}'", "[1.5, -2.0]"),
        ("positive[]", list(DataType::Decimal128(8, 3)), "'{1.5}'", "[1.500]"),
        ("uuid[]", list(DataType::Utf8), "'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'", "[a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11]"),
        ("mood[]", list(DataType::Utf8), "'{so so}'", "[so so]"),
        ("interval[]", list(DataType::Utf8), "'{1 day}'", "[1 day]"),
        ("timestamptz[]", list(timestamp), "'{2024-01-01 00:00:00+09,infinity}'", "[2023-12-31T15:00:00, ]"),
        ("int4[][]", DataType::Utf8, "'{{1,2},{3,4}}'", "{{1,2},{3,4}}"),
    ]
}

fn shown(column: &ArrayRef, row: usize) -> String {
    ArrayFormatter::try_new(column, &FormatOptions::default()).unwrap().value(row).to_string()
}

pub(super) async fn every_type_round_trips(bench: &PostgresBench) {
    let cases = cases();
    let columns: Vec<String> = cases.iter().enumerate().map(|(index, (native, ..))| format!("c{index} {native}")).collect();
    let values: Vec<&str> = cases.iter().map(|(_, _, value, _)| *value).collect();
    bench.sql(&format!(
        "CREATE TYPE mood AS ENUM ('well', 'so so'); CREATE TYPE pair AS (a int, b text);
         CREATE DOMAIN positive AS numeric(8,3) CHECK (VALUE > 0); CREATE DOMAIN very_positive AS positive CHECK (VALUE > 1);
         CREATE TABLE every_type (id int, {}); INSERT INTO every_type VALUES (1, {}); INSERT INTO every_type VALUES (2);",
        columns.join(", "),
        values.join(", ")
    ));
    let source = bench.source("postgres");
    let schema = source.schema(&public("every_type")).await.unwrap();
    let batch = read(&source, "every_type").await;
    assert_eq!(batch.num_rows(), 2);
    for (index, (native, data_type, _, expected)) in cases.iter().enumerate() {
        let (field, column) = (schema.field(index + 1), batch.column(index + 1));
        assert_eq!((field.data_type(), column.data_type()), (data_type, data_type), "{native}");
        assert_eq!(shown(column, 0), *expected, "{native}");
        assert!(column.is_null(1), "{native}: null");
    }
    let native = |name: &str| schema.field_with_name(name).unwrap().metadata()[NATIVE_TYPE].clone();
    assert_eq!((native("c17"), native("c7")), ("character varying(5)".into(), "numeric(12,2)".into()));
}

pub(super) async fn times_are_utc_whatever_the_database_says(bench: &PostgresBench) {
    bench.sql("CREATE DATABASE tokyo");
    bench.0.psql(
        "tokyo",
        "ALTER DATABASE tokyo SET TimeZone = 'Asia/Tokyo'; ALTER DATABASE tokyo SET DateStyle = 'SQL, DMY'; ALTER ROLE postgres SET IntervalStyle = 'iso_8601';",
    );
    bench.0.psql(
        "tokyo",
        "CREATE TABLE seen (id int, at timestamptz, day date, long interval, forever timestamptz, never date);
         INSERT INTO seen VALUES (1, '2026-11-01 00:00:00', '2026-11-01', '90 minutes', 'infinity', '-infinity');
         CREATE VIEW months AS SELECT 1 AS id, date_trunc('month', at) AS month, at::text AS text FROM seen;",
    );
    let source = bench.source("tokyo");
    let path = |table: &str| TablePath { database: Some("tokyo".into()), ..public(table) };
    let batch = crate::source::conformance::gathered(&source, Scan::all(path("seen"))).await;
    assert_eq!(shown(&batch["at"], 0), "2026-10-31T15:00:00");
    assert_eq!(shown(&batch["long"], 0), "01:30:00");
    assert!(batch["forever"].is_null(0) && batch["never"].is_null(0));
    let months = crate::source::conformance::gathered(&source, Scan::all(path("months"))).await;
    assert_eq!(shown(&months["month"], 0), "2026-10-01T00:00:00");
    assert_eq!(shown(&months["text"], 0), "2026-10-31 15:00:00+00");
    bench.sql("ALTER ROLE postgres RESET IntervalStyle");
}

/// Numbers of every size against what the server itself writes for them.
pub(super) async fn decimals_are_exact(bench: &PostgresBench) {
    bench.sql(
        "CREATE VIEW decimals AS SELECT id, fine, fine::text AS fine_text, coarse, coarse::text AS coarse_text FROM (
           SELECT i AS id, ((CASE i % 2 WHEN 0 THEN 1 ELSE -1 END) * trunc((7919 * i)::numeric ^ 3 * 10::numeric ^ (i % 21 - 16), 11))::numeric(38,11) AS fine,
             (i::numeric * 10::numeric ^ (i % 9 - 4))::numeric(20,3) AS coarse FROM generate_series(0, 4000) i) AS made",
    );
    let batch = read(&bench.source("postgres"), "decimals").await;
    for (number, text) in [("fine", "fine_text"), ("coarse", "coarse_text")] {
        let shown = cast(&batch[number], &DataType::Utf8).unwrap();
        assert_eq!(shown.as_string::<i32>(), batch[text].as_string::<i32>(), "{number}");
        assert_eq!(batch.num_rows(), 4001);
    }
}

pub(super) async fn what_does_not_fit_is_named(bench: &PostgresBench) {
    bench.sql(
        "CREATE TABLE unfit (id int, price numeric(8,2), grid int[], far timestamp);
         INSERT INTO unfit VALUES (1, 'NaN', '{{1,2}}', '294276-12-31');",
    );
    let source = bench.source("postgres");
    for (column, found) in [("price", "NaN"), ("grid", "2 dimensions"), ("far", "294246")] {
        let error = failure(&source, Scan { columns: Some(vec![column.into()]), ..Scan::all(public("unfit")) }).await;
        assert_eq!(error.code, Some("SOURCE_VALUE_UNFIT"), "{error}");
        assert!(error.message.contains(column) && error.message.contains(found) && error.message.contains("unfit"), "{error}");
    }
    let fits = Scan { columns: Some(vec!["id".into()]), ..Scan::all(public("unfit")) };
    assert_eq!(crate::source::conformance::gathered(&source, fits).await.num_rows(), 1);
    let floats = "CREATE TABLE nans AS SELECT 1 AS id, 'Infinity'::float8 - 'Infinity'::float8 AS x";
    bench.sql(floats);
    let nan = cast(&read(&source, "nans").await["x"], &DataType::Float64).unwrap();
    let bits = nan.as_primitive::<arrow::datatypes::Float64Type>().value(0).to_bits();
    assert_eq!(bits, f64::NAN.to_bits(), "one NaN, the one that Arrow puts above all numbers");
}
