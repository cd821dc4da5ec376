#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use arrow::array::{AsArray, RecordBatch};
use futures::TryStreamExt;

use super::{PostgresBench, failure, public, read};
use crate::diagnosis::PERMISSION_DENIED;
use crate::source::{COMMENT, Scan, Source, TablePath};

fn names(description: &crate::source::Description) -> Vec<&str> {
    description.schema.fields().iter().map(|field| field.name().as_str()).collect()
}

pub(super) async fn tables_are_described(bench: &PostgresBench) {
    bench.sql(
        "CREATE SCHEMA \"Sales 2024\";
         CREATE TABLE \"Sales 2024\".\"order\" (\"b\" int, \"select\" text, \"a\"\"b\" date, \"gone\" int, PRIMARY KEY (\"select\", b) INCLUDE (\"a\"\"b\"));
         ALTER TABLE \"Sales 2024\".\"order\" DROP COLUMN gone;
         COMMENT ON TABLE \"Sales 2024\".\"order\" IS 'what was sold'; COMMENT ON COLUMN \"Sales 2024\".\"order\".b IS 'the number';
         CREATE TABLE measured (id int, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
         CREATE TABLE measured_23 PARTITION OF measured FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
         CREATE TABLE measured_24 PARTITION OF measured FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
         INSERT INTO measured SELECT i, '2023-06-01'::date + i FROM generate_series(1, 400) i;
         CREATE MATERIALIZED VIEW by_year AS SELECT extract(year FROM at)::int AS year, count(*) AS n FROM measured GROUP BY 1;
         CREATE VIEW recent AS SELECT * FROM measured WHERE at > '2024-01-01';",
    );
    let source = bench.source("postgres");
    let tables = source.tables().await.unwrap();
    let order = TablePath { schema: Some("Sales 2024".into()), ..public("order") };
    for table in [&order, &public("measured"), &public("by_year"), &public("recent")] {
        assert!(tables.contains(table), "{table} in {tables:?}");
    }
    assert!(!tables.contains(&public("measured_23")), "the parts are the whole's");
    assert!(
        tables.iter().all(|table| table.schema.as_deref() != Some("pg_catalog") && table.schema.as_deref() != Some("information_schema"))
    );
    let described = source.describe(&[order.clone(), public("by_year"), public("recent")]).await.unwrap();
    let described: Vec<_> = described.into_iter().map(Result::unwrap).collect();
    assert_eq!(names(&described[0]), ["b", "select", "a\"b"]);
    assert_eq!(described[0].primary_key, ["select", "b"]);
    assert_eq!(described[0].comment.as_deref(), Some("what was sold"));
    assert_eq!(described[0].schema.field(0).metadata()[COMMENT], "the number");
    assert_eq!(described.iter().map(|one| one.is_view).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(read(&source, "measured").await.num_rows(), 400);
    assert_eq!(read(&source, "by_year").await.num_rows(), 2);
}

pub(super) async fn statistics_and_counts(bench: &PostgresBench) {
    bench.sql("CREATE TABLE counted AS SELECT i AS id FROM generate_series(1, 5000) i; ANALYZE counted, measured;");
    let source = bench.source("postgres");
    let described = source.describe(&[public("counted"), public("recent"), public("measured")]).await.unwrap();
    let (counted, view, parts) = (described[0].as_ref().unwrap(), described[1].as_ref().unwrap(), described[2].as_ref().unwrap());
    assert_eq!(counted.rows, Some(5000));
    assert!(counted.bytes.unwrap() >= 5000 * 24, "{:?}", counted.bytes);
    assert_eq!((view.rows, view.bytes, parts.rows), (None, None, Some(400)));
    assert_eq!(source.count(&public("counted")).await.unwrap(), Some(5000));
    assert_eq!(source.count(&public("recent")).await.unwrap(), None);
    assert_eq!(source.count(&public("ghost")).await.unwrap_err().code, Some(crate::diagnosis::TABLE_GONE));
}

pub(super) async fn odd_tables_do_no_harm(bench: &PostgresBench) {
    bench.sql(
        "CREATE TABLE no_columns (); INSERT INTO no_columns DEFAULT VALUES; INSERT INTO no_columns DEFAULT VALUES;
         CREATE VIEW fails AS SELECT 1 / (id - 1) AS ratio FROM every_type;
         CREATE TABLE \"🛒 \"\"quoted\"\" ' select\" (\"🛒\" int, \"from\" text); INSERT INTO \"🛒 \"\"quoted\"\" ' select\" VALUES (1, 'x');",
    );
    let source = bench.source("postgres");
    let odd = public("🛒 \"quoted\" ' select");
    let described = source.describe(&[public("no_columns"), public("fails"), odd.clone()]).await.unwrap();
    assert_eq!(names(described[0].as_ref().unwrap()), Vec::<&str>::new());
    assert_eq!(names(described[1].as_ref().unwrap()), ["ratio"]);
    assert_eq!(names(described[2].as_ref().unwrap()), ["🛒", "from"]);
    let rows: Vec<RecordBatch> = source.scan(Scan::all(public("no_columns"))).try_collect().await.unwrap();
    assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    let error = failure(&source, Scan::all(public("fails"))).await;
    assert_eq!(error.kind, domain::ErrorKind::InvalidData);
    assert!(error.message.contains("division by zero") && error.message.contains("fails"), "{error}");
    let quoted: Vec<RecordBatch> = source.scan(Scan::all(odd)).try_collect().await.unwrap();
    assert_eq!(quoted[0]["from"].as_string::<i32>().value(0), "x");
}

pub(super) async fn what_may_not_be_read_is_named(bench: &PostgresBench) {
    let tables: Vec<String> = (0..10).map(|index| format!("granted_{index}")).collect();
    let mut sql = String::from(
        "CREATE ROLE reader LOGIN PASSWORD 'reader'; CREATE SCHEMA closed; CREATE TABLE closed.inside (a int); GRANT SELECT ON closed.inside TO reader;\n",
    );
    for (index, table) in tables.iter().enumerate() {
        sql.push_str(&format!("CREATE TABLE {table} (id int, secret text); INSERT INTO {table} VALUES ({index}, 's');\n"));
        match index {
            3 => {}
            4 => sql.push_str(&format!("GRANT SELECT (id) ON {table} TO reader;\n")),
            _ => sql.push_str(&format!("GRANT SELECT ON {table} TO reader;\n")),
        }
    }
    bench.sql(&sql);
    let source = bench.source_as("reader", "reader");
    assert!(!source.tables().await.unwrap().iter().any(|table| table.table == "inside"), "a schema that may not be entered");
    let inside = TablePath { schema: Some("closed".into()), ..public("inside") };
    let described = source.describe(&[inside]).await.unwrap().pop().unwrap();
    assert_eq!(described.unwrap_err().code, Some(PERMISSION_DENIED), "it is there all the same");
    let paths: Vec<TablePath> = tables.iter().map(|table| public(table)).collect();
    for (index, described) in source.describe(&paths).await.unwrap().into_iter().enumerate() {
        match (index, described) {
            (3, Err(error)) => {
                assert_eq!(error.code, Some(PERMISSION_DENIED));
                assert!(error.message.contains("granted_3"), "{error}");
            }
            (4, Ok(described)) => assert_eq!(names(&described), ["id"]),
            (_, Ok(described)) => assert_eq!(names(&described), ["id", "secret"]),
            (_, Err(error)) => panic!("{index}: {error}"),
        }
    }
    assert_eq!(failure(&source, Scan::all(public("granted_3"))).await.code, Some(PERMISSION_DENIED));
    assert_eq!(read(&source, "granted_4").await.num_rows(), 1);
    bench.sql("CREATE VIEW through AS SELECT * FROM granted_3; GRANT SELECT ON through TO reader; CREATE ROLE weak; ALTER VIEW through OWNER TO weak");
    let error = failure(&source, Scan::all(public("through"))).await;
    assert_eq!(error.code, Some(PERMISSION_DENIED), "the server's own refusal: {error}");
    assert!(source.diagnose().await.failure().is_none());
}
