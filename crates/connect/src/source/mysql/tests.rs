#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod queries;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Int64Type, Schema};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use testkit::servers::MariaDb;

use super::MySqlSource;
use super::decode::{Wire, read};
use crate::connection::{Reach, Server, Tls, TlsMode};
use crate::diagnosis::{DATABASE_UNKNOWN, PERMISSION_DENIED, Step, TABLE_GONE, TLS_FAILED};
use crate::source::cells::Cell;
use crate::source::conformance::{Bench, Kind, Value, gathered, keeps_the_contract};
use crate::source::{COMMENT, Comparison, Literal, NATIVE_TYPE, Predicate, Scan, Source, SqlSource, TablePath};

struct MariaBench(MariaDb);

impl MariaBench {
    fn server(&self, port: u16) -> Server {
        Server {
            host: "127.0.0.1".into(),
            port,
            database: Some("shop".into()),
            user: Some(self.0.user.clone()),
            password: Some(self.0.password.clone()),
            tls: Tls::default(),
            reach: Reach { connect_timeout: Duration::from_secs(5), read_timeout: Duration::from_secs(20), retries: 0 },
        }
    }

    fn own(&self) -> MySqlSource {
        MySqlSource::new(self.server(self.0.port))
    }

    async fn sql(&self, text: &str) {
        self.sql_in("shop", text);
    }

    fn sql_in(&self, database: &str, text: &str) {
        self.0.sql(database, text);
    }
}

fn shop(table: &str) -> TablePath {
    TablePath { database: Some("shop".into()), schema: None, table: table.into() }
}

fn declared(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "bigint",
        Kind::Real => "double",
        Kind::Text => "longtext",
        Kind::Boolean => "boolean",
        Kind::Decimal => "decimal(12,2)",
        Kind::Date => "date",
        Kind::Timestamp => "datetime(6)",
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => format!("{value:e}"),
        Value::Text(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
        Value::Boolean(value) => value.to_string(),
        Value::Decimal(text) => (*text).to_owned(),
        Value::Date(text) | Value::Timestamp(text) => format!("'{text}'"),
    }
}

#[async_trait]
impl Bench for MariaBench {
    fn port(&self) -> u16 {
        self.0.port
    }

    fn source(&self, port: u16, right_password: bool) -> Arc<dyn Source> {
        let mut server = self.server(port);
        if !right_password {
            server.password = Some("wrong".into());
        }
        Arc::new(MySqlSource::new(server))
    }

    /// MySQL's identifiers have no characters beyond the basic plane: a cart becomes an anchor.
    async fn create(&self, table: &str, columns: &[(&str, Kind)], rows: &[Vec<Value>]) -> TablePath {
        let path = shop(&table.replace('🛒', "⚓"));
        let name = super::sql::quote(&path.table);
        let columns: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(index, (name, kind))| {
                format!("{} {}{}", super::sql::quote(name), declared(*kind), if index == 0 { " PRIMARY KEY" } else { "" })
            })
            .collect();
        let mut sql = format!("CREATE TABLE {name} ({}) CHARACTER SET utf8mb4;\n", columns.join(", "));
        for chunk in rows.chunks(1000) {
            let tuples: Vec<String> =
                chunk.iter().map(|row| format!("({})", row.iter().map(literal).collect::<Vec<_>>().join(", "))).collect();
            sql.push_str(&format!("INSERT INTO {name} VALUES {};\n", tuples.join(",\n")));
        }
        self.sql(&sql).await;
        path
    }

    async fn remove(&self, table: &TablePath) {
        self.sql(&format!("DROP TABLE {}", super::sql::quote(&table.table))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_keeps_the_contract() {
    let Some(server) = MariaDb::start() else { return };
    keeps_the_contract(&MariaBench(server)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_mysqls_own() {
    let Some(server) = MariaDb::start() else { return };
    let bench = MariaBench(server);
    integers_reach_their_ends(&bench).await;
    decimals_floats_and_bits_are_exact(&bench).await;
    dates_that_are_none_are_null(&bench).await;
    texts_and_bytes_arrive_whole(&bench).await;
    texts_are_compared_byte_by_byte(&bench).await;
    numbers_and_dates_are_compared_exactly(&bench).await;
    tables_are_described(&bench).await;
    a_view_that_fails_is_named(&bench).await;
    one_table_without_permission_leaves_the_others(&bench).await;
    all_databases_are_seen_when_none_is_named(&bench).await;
    steps_are_told_apart(&bench).await;
    whole_queries_are_answered(&bench).await;
    queries::a_query_gives_what_a_scan_gives(&bench).await;
    nothing_can_be_written(&bench).await;
    a_query_that_nobody_reads_is_ended(&bench).await;
    queries::a_session_that_the_server_ended_is_not_ended_again(&bench).await;
}

async fn whole(bench: &MariaBench, table: &str) -> RecordBatch {
    gathered(&bench.own(), Scan::all(shop(table))).await
}

/// Every value as text, a column as a list.
fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    let values = cast(batch.column_by_name(column).unwrap(), &DataType::Utf8).unwrap();
    values.as_string::<i32>().iter().map(|value| value.unwrap_or("null").to_owned()).collect()
}

async fn integers_reach_their_ends(bench: &MariaBench) {
    bench
        .sql(
            "CREATE TABLE ends (id int PRIMARY KEY, t tinyint, tu tinyint unsigned, s smallint, su smallint unsigned, m mediumint,
                mu mediumint unsigned, i int, iu int unsigned, b bigint, bu bigint unsigned, flag tinyint(1), y year);
             INSERT INTO ends VALUES
                (1, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0, 0, 1901),
                (2, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615, 5, 2155);",
        )
        .await;
    let read = whole(bench, "ends").await;
    let types: Vec<String> = read.schema().fields().iter().map(|field| field.data_type().to_string()).collect();
    assert_eq!(
        types,
        ["Int32", "Int8", "Int16", "Int16", "Int32", "Int32", "Int64", "Int32", "Int64", "Int64", "Decimal128(20, 0)", "Boolean", "Int32"]
    );
    let expected = [
        ("t", ["-128", "127"]),
        ("tu", ["0", "255"]),
        ("s", ["-32768", "32767"]),
        ("su", ["0", "65535"]),
        ("m", ["-8388608", "8388607"]),
        ("mu", ["0", "16777215"]),
        ("i", ["-2147483648", "2147483647"]),
        ("iu", ["0", "4294967295"]),
        ("b", ["-9223372036854775808", "9223372036854775807"]),
        ("bu", ["0", "18446744073709551615"]),
        ("flag", ["false", "true"]),
        ("y", ["1901", "2155"]),
    ];
    for (column, values) in expected {
        assert_eq!(texts(&read, column), values, "{column}");
    }
}

async fn decimals_floats_and_bits_are_exact(bench: &MariaBench) {
    bench
        .sql(
            "CREATE TABLE exact (id int PRIMARY KEY, d decimal(38,10), wide decimal(65,30), f float, r double, one bit(1), some bit(20), all_ bit(64));
             INSERT INTO exact VALUES (1, -1234567890123456789012345678.0123456789, 12345678901234567890123456789012345.5, 16777217.3, 0.1, b'1', 1023, ~0),
                                      (2, 0, 0, 1e-38, -1.7976931348623157e308, b'0', 0, 1);",
        )
        .await;
    let read = whole(bench, "exact").await;
    assert_eq!(texts(&read, "d")[0], "-1234567890123456789012345678.0123456789");
    assert_eq!(texts(&read, "wide")[0], "12345678901234567890123456789012345.500000000000000000000000000000");
    assert_eq!(read["f"].as_primitive::<Float32Type>().values().to_vec(), [16_777_217.3_f32, 1e-38]);
    assert_eq!(read["r"].as_primitive::<Float64Type>().values().to_vec(), [0.1, f64::MIN]);
    assert_eq!((texts(&read, "one"), texts(&read, "some")), (vec!["true".into(), "false".into()], vec!["1023".into(), "0".into()]));
    assert_eq!(read["all_"].as_binary::<i32>().value(0), [0xff; 8]);
}

async fn dates_that_are_none_are_null(bench: &MariaBench) {
    bench
        .sql(
            "SET sql_mode = 'ALLOW_INVALID_DATES';
             CREATE TABLE dates (id int PRIMARY KEY, day date NOT NULL, at datetime(3), seen timestamp NULL, hours time(6));
             INSERT INTO dates VALUES (1, '0000-00-00', '0000-00-00', '0000-00-00', '-838:59:59'), (2, '2024-00-10', '2024-01-00 10:00:00', NULL, '00:00:00'),
                                      (3, '2024-02-31', '2023-02-29 01:00:00', '2024-05-17 08:00:00', '12:30:00.5'), (4, '9999-12-31', '1000-01-01 00:00:00.001', '1970-01-01 00:00:01', NULL);",
        )
        .await;
    let read = whole(bench, "dates").await;
    assert_eq!(texts(&read, "day"), ["null", "null", "null", "9999-12-31"]);
    assert_eq!(texts(&read, "at"), ["null", "null", "null", "1000-01-01T00:00:00.001"]);
    assert_eq!(texts(&read, "seen"), ["null", "null", "2024-05-17T08:00:00", "1970-01-01T00:00:01"]);
    assert_eq!(texts(&read, "hours"), ["-838:59:59", "00:00:00", "12:30:00.500000", "null"]);
    // To MySQL, the days that are none come before and between the others.
    let source = bench.own();
    let schema = source.schema(&shop("dates")).await.unwrap();
    let days =
        |date: chrono::NaiveDate| i32::try_from(date.signed_duration_since(chrono::DateTime::UNIX_EPOCH.date_naive()).num_days()).unwrap();
    let last = Literal::Date(days(chrono::NaiveDate::from_ymd_opt(9999, 12, 31).unwrap()));
    for (comparison, expected) in [(Comparison::Less, 0), (Comparison::LessOrEqual, 1), (Comparison::Equal, 1), (Comparison::NotEqual, 0)] {
        let filter = Predicate::compare("day", comparison, last.clone());
        assert!(source.accepts(&filter, &schema));
        assert_eq!(found(bench, "dates", filter).await, expected, "{comparison:?}");
    }
    assert_eq!(found(bench, "dates", Predicate::compare("at", Comparison::Greater, Literal::Timestamp(-40_000_000_000_000_000))).await, 1);
    assert!(!source.accepts(&Predicate::IsNull("day".into()), &schema), "zero dates are null to us alone");
}

async fn texts_and_bytes_arrive_whole(bench: &MariaBench) {
    bench
        .sql(
            "CREATE TABLE texts (id int PRIMARY KEY, l varchar(20) CHARACTER SET latin1, u text CHARACTER SET utf8mb4, b varchar(10) COLLATE utf8mb4_bin,
                e enum('klein', 'groß'), s set('a', 'b', 'c'), j json, fixed binary(4), blob_ longblob, p point, `select` char(5), `a``b \"c\"` int);
             INSERT INTO texts VALUES (1, 'Grüße', '👩‍👩‍👧 漢', 'Ä', 'groß', 'a,c', '{\"k\": [1, \"é\"]}', 'ab', x'00ff', POINT(1, 2), 'x  ', 7);",
        )
        .await;
    let read = whole(bench, "texts").await;
    let row: Vec<String> = ["l", "u", "b", "e", "s", "j", "select", "a`b \"c\""].iter().map(|name| texts(&read, name)[0].clone()).collect();
    assert_eq!(row, ["Grüße", "👩‍👩‍👧 漢", "Ä", "groß", "a,c", "{\"k\": [1, \"é\"]}", "x", "7"]);
    assert_eq!(read["fixed"].as_binary::<i32>().value(0), b"ab\0\0");
    assert_eq!(read["blob_"].as_binary::<i32>().value(0), [0, 0xff]);
    assert_eq!(read["p"].as_binary::<i32>().value(0).len(), 25);
    let json = read.schema().field_with_name("j").unwrap().clone();
    assert_eq!((json.data_type(), json.metadata()[NATIVE_TYPE].as_str()), (&DataType::Utf8, "longtext"));
}

async fn found(bench: &MariaBench, table: &str, filter: Predicate) -> usize {
    gathered(&bench.own(), Scan { filters: vec![filter], ..Scan::all(shop(table)) }).await.num_rows()
}

async fn texts_are_compared_byte_by_byte(bench: &MariaBench) {
    bench
        .sql(
            "CREATE TABLE names (id int PRIMARY KEY, l varchar(20) CHARACTER SET latin1, u varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci,
                e enum('b', 'a'));
             INSERT INTO names VALUES (1, 'straße', 'straße', 'b'), (2, 'STRASSE', 'strasse', 'a'), (3, 'straße ', 'straße ', NULL), (4, 'it''s \\\\', '🛒', NULL), (5, '', '', NULL);",
        )
        .await;
    let text = |column: &str, comparison, value: &str| Predicate::compare(column, comparison, Literal::Text(value.into()));
    let cases = [
        (text("l", Comparison::Equal, "straße"), 1),
        (text("u", Comparison::Equal, "straße"), 1),
        (text("u", Comparison::Equal, "STRASSE"), 0),
        (text("u", Comparison::NotEqual, "straße"), 4),
        (text("u", Comparison::Equal, "🛒"), 1),
        (text("l", Comparison::Equal, "🛒"), 0),
        (text("l", Comparison::Equal, "it's \\"), 1),
        (text("u", Comparison::Equal, ""), 1),
        // By bytes: 🛒 comes after every letter, "" before.
        (text("u", Comparison::Greater, "straße"), 2),
        (text("u", Comparison::Less, "straße"), 2),
        // By name, not by the number of the enumeration.
        (text("e", Comparison::Less, "b"), 1),
        (Predicate::In { column: "u".into(), values: vec![Literal::Text("straße".into()), Literal::Text("x' OR 1=1 -- ".into())] }, 1),
    ];
    let schema = bench.own().schema(&shop("names")).await.unwrap();
    for (filter, expected) in cases {
        assert!(bench.own().accepts(&filter, &schema), "{filter:?}");
        assert_eq!(found(bench, "names", filter.clone()).await, expected, "{filter:?}");
    }
}

async fn numbers_and_dates_are_compared_exactly(bench: &MariaBench) {
    bench
        .sql(
            "CREATE TABLE numbers (id int PRIMARY KEY, bu bigint unsigned, d decimal(30,2), r double, f float, y year, flag tinyint(1), at datetime(6));
             INSERT INTO numbers VALUES (1, 18446744073709551615, 12345678901234567890.01, 0.1, 0.1, 1970, 5, '2024-05-17 08:26:00.123456'),
                                        (2, 9223372036854775808, 12345678901234567890.02, 0.30000000000000004, 0.5, 2070, 0, '2024-05-17 08:26:00.123457'),
                                        (3, 7, -0.01, -0e0, -1, NULL, NULL, NULL);",
        )
        .await;
    let compare = Predicate::compare;
    let at = |micros: i64| Literal::Timestamp(1_715_934_360_000_000 + micros);
    let decimal = |unscaled, scale| Literal::Decimal { unscaled, scale };
    let cases = [
        (compare("bu", Comparison::Greater, Literal::Integer(i64::MAX)), 2),
        (compare("bu", Comparison::Equal, decimal(i128::from(u64::MAX), 0)), 1),
        (compare("bu", Comparison::GreaterOrEqual, Literal::Integer(-1)), 3),
        (compare("d", Comparison::Equal, decimal(1_234_567_890_123_456_789_001, 2)), 1),
        (compare("d", Comparison::Less, decimal(0, 2)), 1),
        (compare("d", Comparison::Equal, decimal(-1, 2)), 1),
        (compare("r", Comparison::Equal, Literal::Float(0.1)), 1),
        (compare("r", Comparison::Equal, Literal::Float(0.3)), 0),
        (compare("r", Comparison::Equal, Literal::Float(0.1 + 0.2)), 1),
        (compare("flag", Comparison::Equal, Literal::Boolean(true)), 1),
        (compare("flag", Comparison::NotEqual, Literal::Boolean(true)), 1),
        (compare("at", Comparison::Equal, at(123_456)), 1),
        (compare("at", Comparison::Greater, at(123_456)), 1),
        (compare("at", Comparison::NotEqual, at(0)), 2),
    ];
    let schema = bench.own().schema(&shop("numbers")).await.unwrap();
    for (filter, expected) in cases {
        assert!(bench.own().accepts(&filter, &schema), "{filter:?}");
        assert_eq!(found(bench, "numbers", filter.clone()).await, expected, "{filter:?}");
    }
    let refused = [
        compare("r", Comparison::Equal, Literal::Float(0.0)),
        compare("r", Comparison::Equal, Literal::Float(f64::NAN)),
        compare("f", Comparison::Equal, Literal::Float(0.1)),
        compare("y", Comparison::Equal, Literal::Integer(70)),
        compare("id", Comparison::Equal, Literal::Text("1".into())),
        compare("at", Comparison::Equal, Literal::Text("2024-05-17".into())),
        compare("nowhere", Comparison::Equal, Literal::Integer(1)),
    ];
    for filter in refused {
        assert!(!bench.own().accepts(&filter, &schema), "{filter:?}");
    }
}

async fn tables_are_described(bench: &MariaBench) {
    bench
        .sql(
            "CREATE TABLE bought (position int, order_id int COMMENT 'whose ✓', price decimal(8,2), PRIMARY KEY (order_id, position)) COMMENT 'what was bought';
             INSERT INTO bought VALUES (1, 1, 9.99), (2, 1, 1);
             CREATE VIEW dear AS SELECT * FROM bought WHERE price > 5;",
        )
        .await;
    let source = bench.own();
    let described = source.describe(&[shop("dear"), shop("bought")]).await.unwrap();
    let [view, table] = described.as_slice() else { panic!("two answers") };
    let (view, table) = (view.as_ref().unwrap(), table.as_ref().unwrap());
    assert!(view.is_view && view.comment.is_none() && view.primary_key.is_empty() && !table.is_view);
    assert_eq!(table.comment.as_deref(), Some("what was bought"));
    assert_eq!(table.primary_key, ["order_id", "position"]);
    assert!(table.rows.is_some() && table.bytes.is_some_and(|bytes| bytes > 0));
    let order = table.schema.field_with_name("order_id").unwrap();
    assert_eq!((order.metadata()[COMMENT].as_str(), order.metadata()[NATIVE_TYPE].as_str()), ("whose ✓", "int(11)"));
    assert_eq!(gathered(&source, Scan::all(shop("dear"))).await.num_rows(), 1);
    assert_eq!(source.count(&shop("bought")).await.unwrap(), Some(2));
    // A key of two columns gives no ranges.
    assert_eq!(source.split(Scan::all(shop("bought")), 4).await.unwrap().len(), 1);
}

async fn a_view_that_fails_is_named(bench: &MariaBench) {
    bench.sql("CREATE TABLE base (id int); CREATE VIEW broken AS SELECT * FROM base; DROP TABLE base;").await;
    let source = bench.own();
    assert!(source.tables().await.unwrap().contains(&shop("broken")));
    let described = source.describe(&[shop("broken"), shop("bought")]).await.unwrap();
    let error = described[0].as_ref().unwrap_err();
    assert!(error.message.contains("shop.broken") && error.message.contains("invalid"), "{error}");
    assert!(described[1].is_ok());
    let error = source.scan(Scan::all(shop("broken"))).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(error.message.contains("shop.broken"), "{error}");
}

async fn one_table_without_permission_leaves_the_others(bench: &MariaBench) {
    bench
        .sql(
            "CREATE TABLE secret (id int PRIMARY KEY, salary int); CREATE TABLE half (id int PRIMARY KEY, hidden int); CREATE TABLE append (id int);
             CREATE USER guest@'127.0.0.1' IDENTIFIED BY 'guest'; GRANT SELECT ON shop.bought TO guest@'127.0.0.1';
             GRANT SELECT (id) ON shop.half TO guest@'127.0.0.1'; GRANT INSERT ON shop.append TO guest@'127.0.0.1';",
        )
        .await;
    let guest = Server { user: Some("guest".into()), password: Some("guest".into()), ..bench.server(bench.0.port) };
    let source = MySqlSource::new(guest.clone());
    assert_eq!(source.tables().await.unwrap(), [shop("append"), shop("bought"), shop("half")]);
    let described = source.describe(&[shop("secret"), shop("append"), shop("half"), shop("bought")]).await.unwrap();
    assert_eq!(described[0].as_ref().unwrap_err().code, Some(TABLE_GONE), "who may not see it is told no more");
    assert_eq!(described[1].as_ref().unwrap_err().code, Some(PERMISSION_DENIED));
    assert_eq!(described[2].as_ref().unwrap().schema.fields().len(), 1);
    assert!(described[3].is_ok());
    let error =
        source.query("SELECT salary FROM secret".into(), schema("salary", DataType::Int32)).try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.code, Some(PERMISSION_DENIED), "{error}");
    // Not even its database.
    let nowhere = MySqlSource::new(Server { database: Some("mysql".into()), ..guest });
    assert_eq!(nowhere.diagnose().await.failure().map(|step| step.step), Some(Step::Permission));
}

async fn all_databases_are_seen_when_none_is_named(bench: &MariaBench) {
    bench.sql_in("", "CREATE DATABASE `other-db`; CREATE TABLE `other-db`.t (id int PRIMARY KEY); INSERT INTO `other-db`.t VALUES (5);");
    let source = MySqlSource::new(Server { database: None, ..bench.server(bench.0.port) });
    let other = TablePath { database: Some("other-db".into()), schema: None, table: "t".into() };
    let tables = source.tables().await.unwrap();
    assert!(
        tables.contains(&other) && tables.contains(&shop("bought")) && !tables.iter().any(|path| path.database.as_deref() == Some("mysql"))
    );
    assert!(source.describe(&[other.clone(), shop("bought")]).await.unwrap().iter().all(Result::is_ok));
    assert_eq!(gathered(&source, Scan::all(other)).await.num_rows(), 1);
}

async fn steps_are_told_apart(bench: &MariaBench) {
    let failed = async |server: Server| MySqlSource::new(server).diagnose().await.failure().map(|step| step.step);
    let server = bench.server(bench.0.port);
    let unknown = Server { database: Some("nowhere".into()), ..server.clone() };
    assert_eq!(MySqlSource::new(unknown.clone()).tables().await.unwrap_err().code, Some(DATABASE_UNKNOWN));
    assert_eq!(failed(unknown).await, Some(Step::Database));
    assert_eq!(failed(Server { host: "no-such-host.invalid".into(), ..server.clone() }).await, Some(Step::Dns));
    // This server has no certificate.
    let encrypted = Server { tls: Tls { mode: TlsMode::Require, authority: None }, ..server };
    assert_eq!(MySqlSource::new(encrypted.clone()).tables().await.unwrap_err().code, Some(TLS_FAILED));
    assert_eq!(failed(encrypted).await, Some(Step::Tls));
}

/// A column as the server declares it.
fn field(native: &str, kind: DataType) -> Field {
    Field::new("c", kind, true).with_metadata([(NATIVE_TYPE.to_owned(), native.to_owned())].into())
}

fn schema(name: &str, kind: DataType) -> Arc<Schema> {
    Arc::new(Schema::new(vec![Field::new(name, kind, true)]))
}

async fn whole_queries_are_answered(bench: &MariaBench) {
    let source = bench.own();
    let sql: &dyn SqlSource = source.sql().unwrap();
    let table = sql.table_name(&shop("bought"));
    let fields =
        [("n", DataType::Int64), ("total", DataType::Decimal128(20, 2)), ("mean", DataType::Float64), ("name", DataType::Utf8View)];
    let wanted = Arc::new(Schema::new(fields.map(|(name, kind)| Field::new(name, kind, true)).to_vec()));
    let query = format!("SELECT count(*), sum(price), avg(price), 'a\\' || 'b?' FROM {table}");
    let batches: Vec<RecordBatch> = sql.query(query, wanted.clone()).try_collect().await.unwrap();
    assert_eq!(batches[0].schema(), wanted);
    assert_eq!(batches[0]["n"].as_primitive::<Int64Type>().value(0), 2);
    assert_eq!(
        (texts(&batches[0], "total"), texts(&batches[0], "mean"), texts(&batches[0], "name")),
        (vec!["10.99".into()], vec!["5.495".into()], vec!["a\\b?".into()])
    );
    let unfit =
        sql.query(format!("SELECT price FROM {table}"), schema("price", DataType::Int64)).try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(unfit.code, Some("SOURCE_VALUE_UNFIT"));
    assert!(unfit.message.contains("price") && unfit.message.contains("9.99"), "{unfit}");
    assert!(!sql.place().contains(&bench.0.password));
}

async fn nothing_can_be_written(bench: &MariaBench) {
    let write = |text: &str| bench.own().query(text.to_owned(), schema("x", DataType::Int64)).try_collect::<Vec<_>>();
    for text in ["DELETE FROM shop.bought", "SELECT 1; DELETE FROM shop.bought"] {
        write(text).await.expect_err(text);
    }
    assert_eq!(bench.own().count(&shop("bought")).await.unwrap(), Some(2));
}

async fn a_query_that_nobody_reads_is_ended(bench: &MariaBench) {
    let source = bench.own();
    let running = async || {
        let question =
            "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%sleep(30)%' AND info NOT LIKE '%processlist%'";
        let batches: Vec<RecordBatch> = source.query(question.into(), schema("n", DataType::Int64)).try_collect().await.unwrap();
        batches[0]["n"].as_primitive::<Int64Type>().value(0)
    };
    let mut stream = source.query("SELECT sleep(30)".into(), schema("x", DataType::Int64));
    assert!(tokio::time::timeout(Duration::from_millis(500), stream.next()).await.is_err(), "the query takes its time");
    assert_eq!(running().await, 1);
    drop(stream);
    for _ in 0..50 {
        if running().await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the query still runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_rows_take_little_memory() {
    let Some(server) = MariaDb::start() else { return };
    let bench = MariaBench(server);
    bench.sql("CREATE TABLE million (id bigint PRIMARY KEY, price decimal(10,2), name varchar(200)); INSERT INTO million SELECT seq, seq / 100, repeat(char(65 + seq % 26), 200) FROM seq_1_to_1000000;").await;
    let source = bench.own();
    source.schema(&shop("million")).await.unwrap();
    let before = peak_kib();
    let mut rows = 0;
    let mut stream = source.scan(Scan::all(shop("million")));
    while let Some(batch) = stream.try_next().await.unwrap() {
        rows += batch.num_rows();
    }
    let grown = peak_kib() - before;
    println!("1,000,000 rows of 220 bytes: peak memory grew by {grown} KiB");
    assert_eq!(rows, 1_000_000);
    assert!(grown < 64 * 1024, "a scan streams: {grown} KiB");
    let parts = source.split(Scan::all(shop("million")), 4).await.unwrap();
    let counts = futures::future::join_all(
        parts.into_iter().map(|part| source.scan(part).try_fold(0, async |rows, batch| Ok(rows + batch.num_rows()))),
    );
    let counts: Vec<usize> = counts.await.into_iter().map(Result::unwrap).collect();
    assert_eq!(counts, [250_000; 4]);
}

/// The most memory that this process has held.
fn peak_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked_as_far_as_the_mode_says() {
    let folder = tempfile::tempdir().unwrap();
    if !make_certificates(folder.path()) {
        testkit::servers::missing("OpenSSL");
        return;
    }
    let file = |name: &str| folder.path().join(name);
    let options = [("ca", "ca.pem"), ("cert", "server.pem"), ("key", "server.key")]
        .map(|(option, name)| format!("--ssl-{option}={}", file(name).display()));
    let Some(server) = MariaDb::start_with(&options.each_ref().map(String::as_str)) else { return };
    let bench = MariaBench(server);
    let outcome = async |mode, authority: Option<&str>, host: &str| {
        let tls = Tls { mode, authority: authority.map(file) };
        let source = MySqlSource::new(Server { host: host.into(), tls, ..bench.server(bench.0.port) });
        let cipher = source.query("SHOW STATUS LIKE 'Ssl_cipher'".into(), two_texts()).try_collect::<Vec<_>>().await;
        cipher.map(|batches| !texts(&batches[0], "b")[0].is_empty()).map_err(|error| error.code)
    };
    // The certificate is for localhost.
    assert_eq!(outcome(TlsMode::Disable, None, "127.0.0.1").await, Ok(false));
    assert_eq!(outcome(TlsMode::Prefer, None, "127.0.0.1").await, Ok(true));
    assert_eq!(outcome(TlsMode::Require, None, "127.0.0.1").await, Ok(true));
    assert_eq!(outcome(TlsMode::VerifyCa, Some("ca.pem"), "127.0.0.1").await, Ok(true));
    assert_eq!(outcome(TlsMode::VerifyFull, Some("ca.pem"), "localhost").await, Ok(true));
    assert_eq!(outcome(TlsMode::VerifyFull, Some("ca.pem"), "127.0.0.1").await, Err(Some(TLS_FAILED)));
    assert_eq!(outcome(TlsMode::VerifyCa, None, "127.0.0.1").await, Err(Some(TLS_FAILED)), "an authority that nobody knows");
    assert_eq!(outcome(TlsMode::VerifyCa, Some("gone.pem"), "127.0.0.1").await, Err(None), "a file that is not there");
}

fn two_texts() -> Arc<Schema> {
    Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true), Field::new("b", DataType::Utf8, true)]))
}

/// An authority and a server's certificate for `localhost` signed by it; whether OpenSSL is there.
fn make_certificates(folder: &std::path::Path) -> bool {
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    let commands = "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=authority -days 30 &&
        openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=server &&
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile names -out server.pem &&
        chmod 755 . && chmod 644 server.key";
    let made = std::process::Command::new("sh").args(["-c", commands]).current_dir(folder).output().unwrap();
    made.status.success()
}

#[test]
fn values_of_the_wire_are_read() {
    assert_eq!(read(Wire::Signed, &[0x80]), Some(Cell::Integer(-128)));
    assert_eq!(read(Wire::Signed, &(-2_i64).to_le_bytes()), Some(Cell::Integer(-2)));
    assert_eq!(read(Wire::Unsigned, &u64::MAX.to_le_bytes()), Some(Cell::Integer(i128::from(u64::MAX))));
    assert_eq!(read(Wire::Date, &[4, 0xE8, 7, 2, 29]), Some(Cell::Date(19_782)));
    assert_eq!(read(Wire::Date, &[4, 0xE8, 7, 2, 30]), Some(Cell::Null));
    assert_eq!(read(Wire::DateTime, &[0]), Some(Cell::Null));
    assert_eq!(read(Wire::DateTime, &[11, 0xB2, 7, 1, 1, 0, 0, 1, 1, 0, 0, 0]), Some(Cell::Timestamp(1_000_001)));
    assert_eq!(read(Wire::Time, &[8, 1, 34, 0, 0, 0, 22, 59, 59]), Some(Cell::Text("-838:59:59".into())));
    assert_eq!(read(Wire::Double, &[1, 2]), None);
    assert_eq!(read(Wire::Date, &[4, 0xE8]), None);
}
