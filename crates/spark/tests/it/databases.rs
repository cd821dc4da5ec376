//! Tables of databases, read by the cluster's own JDBC readers: the same rows as the source itself gives, which the embedded engine reads.

use arrow::array::RecordBatch;
use arrow::compute::cast;
use catalog::{Parameters, StorageDescriptor, Table, hive};
use connect::{Connection, Scan, Source, TablePath};
use futures::TryStreamExt;
use testkit::servers::Postgres;

use super::house::{House, texts};

/// The types that every source is asked for, then PostgreSQL's own.
const POSTGRES: &str = r#"
    CREATE TYPE mood AS ENUM ('so', 'Well');
    CREATE TABLE "All kinds" (
        id bigint PRIMARY KEY, amount bigint, ratio double precision, name text, active boolean, price numeric(12, 2), born date,
        seen timestamp, small smallint, whole integer, little real, padded char(5), code varchar(5), loose numeric, zoned timestamptz,
        uid uuid, doc json, docb jsonb, bytes bytea, clock time, mood mood, numbers int[], words text[], span interval, "Weird ""näme" text
    );
    INSERT INTO "All kinds" VALUES
        (1, 9223372036854775807, 1.5, 'plain', true, 9999999999.99, '1970-01-01', '1970-01-01 00:00:00', -32768, 2147483647, 0.25, 'ab',
            'abc', 12345678901234567890123456789.125, '2024-06-01 12:00:00+02', '00000000-0000-0000-0000-0000000000ff', '{"a": [1]}',
            '{"a": [1]}', '\x00ff', '23:59:59.5', 'Well', '{1,NULL,3}', '{a,"b c"}', '1 day 02:03:04', 'x'),
        (2, -9223372036854775808, -0.1, E'quote '' " \\ ; -- %_', false, -0.01, '2024-02-29', '2024-02-29 23:59:59.123', 32767, -1, -1e30,
            '', '', 1.50, '2024-12-31 23:59:59.123456+00', NULL, '"x"', '"x"', '', '00:00:00', 'so', '{}', '{}', '-3 months', ''),
        (3, 0, 1e300, 'Ünïcødé 🛒 漢字 ́', true, 0, '1752-09-14', '2024-03-10 02:30:00', 0, 0, 0, NULL, NULL, 1e-20,
            '1999-12-31 12:00:00+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
        (4, NULL, NULL, NULL, NULL, NULL, NULL, 'infinity', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            NULL, NULL, NULL);
    CREATE TABLE nothing (id bigint, name text);
"#;

pub async fn all(house: &House) {
    if let Some(server) = Postgres::start() {
        server.psql("postgres", POSTGRES);
        let url = format!("jdbc:postgresql://127.0.0.1:{}/postgres", server.port);
        let path = |table: &str| TablePath { database: Some("postgres".into()), schema: Some("public".into()), table: table.into() };
        reads(house, "pg", "postgres", &url, &server.password, path).await;
    }
}

async fn reads(house: &House, name: &str, user: &str, url: &str, password: &str, path: impl Fn(&str) -> TablePath) {
    let properties = [("JDBC_CONNECTION_URL", url.into()), ("USERNAME", user.into()), ("PASSWORD", password.into())];
    let connection = Connection::new(name, "JDBC", properties);
    house.catalog.create_connection(connection.clone()).await.unwrap();
    let source = house.catalog.sources().open(&connection).unwrap();
    for table in ["All kinds", "nothing"] {
        same_rows(house, name, source.as_ref(), &path(table)).await;
    }
    // Texts are compared by every byte, whatever the database's collation is; the rest may be the database's work.
    let count = |condition: &str| format!("SELECT id FROM shop.{name}_all_kinds WHERE {condition}");
    for (condition, expected) in [
        ("name = 'PLAIN'", vec![]),
        ("name = 'plain'", vec!["1"]),
        ("name > 'z'", vec!["3"]),
        ("padded = 'ab   '", vec!["1"]),
        ("price < 1 AND born > DATE '2000-01-01'", vec!["2"]),
        ("seen = TIMESTAMP '2024-02-29T23:59:59.123'", vec!["2"]),
        ("zoned = TIMESTAMP '2024-12-31T23:59:59.123456'", vec!["2"]),
        ("active AND amount IS NOT NULL AND id IN (1, 3, 4)", vec!["1", "3"]),
    ] {
        assert_eq!(house.texts(&count(condition)).await, expected, "{name}: {condition}");
    }
}

async fn same_rows(house: &House, name: &str, source: &dyn Source, path: &TablePath) {
    let schema = source.schema(path).await.unwrap();
    let table = format!("{name}_{}", path.table.to_lowercase().replace(' ', "_"));
    let mut parameters = Parameters::from([("connectionName".into(), name.into()), ("sourceTable".into(), path.table.clone())]);
    let places = [("sourceDatabase", &path.database), ("sourceSchema", &path.schema)];
    parameters.extend(places.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?))));
    let columns = hive::columns(&schema);
    let wanted = hive::schema(&columns).unwrap();
    let storage_descriptor = StorageDescriptor { columns, location: Some(path.to_string()), ..StorageDescriptor::default() };
    house.catalog.create_table("shop", Table { name: table.clone(), storage_descriptor, parameters, ..Table::default() }).await.unwrap();
    let read: Vec<RecordBatch> = source.scan(Scan::all(path.clone())).try_collect().await.unwrap();
    let typed = |batch: &RecordBatch| {
        let columns = batch.columns().iter().zip(wanted.fields()).map(|(column, field)| cast(column, field.data_type()).unwrap());
        RecordBatch::try_new(wanted.clone(), columns.collect()).unwrap()
    };
    let expected = texts((wanted.clone(), read.iter().map(typed).collect()));
    let found = house.rows(&format!("SELECT * FROM shop.{table}")).await.unwrap_or_else(|e| panic!("{table}: {e}"));
    assert_eq!(found.0.fields(), wanted.fields(), "{table}");
    for (column, field) in wanted.fields().iter().enumerate() {
        let at = |rows: &[String]| -> Vec<String> { rows.iter().filter_map(|row| row.split('|').nth(column)).map(str::to_owned).collect() };
        assert_eq!(at(&texts(found.clone())), at(&expected), "{table}: {}", field.name());
    }
    assert_eq!(texts(found), expected, "{table}");
}
