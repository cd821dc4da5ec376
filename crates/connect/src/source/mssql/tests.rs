#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use domain::ErrorKind;
use tiberius::ColumnData;
use tiberius::error::Error as Failure;
use tiberius::numeric::Numeric;
use tiberius::time::{Date, DateTime, DateTime2, DateTimeOffset, SmallDateTime, Time};

use super::types::Declared;
use super::{MsSqlSource, catalog, connect, decode, error, sql};
use crate::connection::{Connection, Endpoint, Reach, Server, Tls, TlsMode};
use crate::diagnosis::{CONNECTION_LOST, Step, TCP_FAILED, TLS_FAILED};
use crate::source::cells::Cell;
use crate::source::{COMMENT, Comparison, Literal, NATIVE_TYPE, Predicate, Scan, Source, SqlSource, TablePath};

fn server(port: u16) -> Server {
    Server {
        host: "127.0.0.1".into(),
        port,
        database: Some("shop".into()),
        user: Some("etl".into()),
        password: Some("secret".into()),
        tls: Tls::default(),
        reach: Reach { connect_timeout: Duration::from_secs(2), read_timeout: Duration::from_secs(2), retries: 0 },
    }
}

fn orders() -> TablePath {
    TablePath { database: Some("shop".into()), schema: Some("dbo".into()), table: "order]s".into() }
}

fn declared(name: &str, type_name: &str, length: i16, precision: u8, scale: u8) -> Declared {
    Declared { name: name.into(), type_name: type_name.into(), length, precision, scale, comment: None }
}

/// One column of each type, named after it.
fn schema() -> SchemaRef {
    let columns = [
        declared("id", "int", 4, 10, 0),
        declared("big", "bigint", 8, 19, 0),
        declared("tiny", "tinyint", 1, 3, 0),
        declared("flag", "bit", 1, 1, 0),
        declared("price", "decimal", 9, 12, 2),
        declared("wide", "numeric", 17, 38, 10),
        declared("cash", "money", 8, 19, 4),
        declared("ratio", "float", 8, 53, 0),
        declared("name", "nvarchar", 40, 0, 0),
        declared("code", "char", 3, 0, 0),
        declared("notes", "ntext", 16, 0, 0),
        declared("guid", "uniqueidentifier", 16, 0, 0),
        declared("raw", "varbinary", -1, 0, 0),
        declared("born", "date", 3, 10, 0),
        declared("old", "datetime", 8, 23, 3),
        declared("seen", "datetime2", 8, 27, 6),
        declared("fine", "datetime2", 8, 27, 7),
        declared("zoned", "datetimeoffset", 10, 34, 7),
        declared("hours", "time", 5, 16, 7),
        declared("any", "sql_variant", 8016, 0, 0),
        declared("place", "geography", -1, 0, 0),
    ];
    Arc::new(Schema::new(columns.iter().map(Declared::field).collect::<Vec<Field>>()))
}

#[test]
fn types_hold_what_the_columns_hold() {
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    let expected = [
        ("id", DataType::Int32, "int"),
        ("big", DataType::Int64, "bigint"),
        ("tiny", DataType::Int16, "tinyint"),
        ("flag", DataType::Boolean, "bit"),
        ("price", DataType::Decimal128(12, 2), "decimal(12,2)"),
        ("wide", DataType::Decimal128(38, 10), "numeric(38,10)"),
        ("cash", DataType::Decimal128(19, 4), "money"),
        ("ratio", DataType::Float64, "float"),
        ("name", DataType::Utf8, "nvarchar(20)"),
        ("code", DataType::Utf8, "char(3)"),
        ("notes", DataType::Utf8, "ntext"),
        ("guid", DataType::Utf8, "uniqueidentifier"),
        ("raw", DataType::Binary, "varbinary(max)"),
        ("born", DataType::Date32, "date"),
        ("old", timestamp.clone(), "datetime"),
        ("seen", timestamp.clone(), "datetime2(6)"),
        ("fine", timestamp.clone(), "datetime2(7)"),
        ("zoned", timestamp, "datetimeoffset(7)"),
        ("hours", DataType::Utf8, "time(7)"),
        ("any", DataType::Utf8, "sql_variant"),
        ("place", DataType::Binary, "geography"),
    ];
    let schema = schema();
    assert_eq!(schema.fields().len(), expected.len());
    for (field, (name, kind, native)) in schema.fields().iter().zip(expected) {
        assert_eq!((field.name().as_str(), field.data_type(), field.metadata()[NATIVE_TYPE].as_str()), (name, &kind, native));
    }
    let remarked = Declared { comment: Some("what it costs".into()), ..declared("p", "money", 8, 19, 4) };
    assert_eq!(remarked.field().metadata()[COMMENT], "what it costs");
}

fn select(scan: &Scan) -> String {
    let columns = crate::source::cells::projected(&schema(), scan).unwrap();
    sql::select(scan, &MsSqlSource::new(server(1)).table_name(&scan.table), &columns, &schema()).unwrap()
}

#[test]
fn a_scan_is_one_select() {
    let columns = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let scan = Scan { columns: columns(&["name", "id"]), limit: Some(7), ..Scan::all(orders()) };
    assert_eq!(select(&scan), "SELECT TOP (7) [name], [id] FROM [shop].[dbo].[order]]s]");
    assert_eq!(select(&Scan { columns: columns(&[]), ..Scan::all(orders()) }), "SELECT 1 FROM [shop].[dbo].[order]]s]");
    let converted = Scan { columns: columns(&["cash", "zoned", "place"]), ..Scan::all(orders()) };
    assert_eq!(
        select(&converted),
        "SELECT CAST([cash] AS decimal(19,4)) AS [cash], CAST(SWITCHOFFSET([zoned], '+00:00') AS datetime2(7)) AS [zoned], \
         CAST([place] AS varbinary(max)) AS [place] FROM [shop].[dbo].[order]]s]"
    );
}

#[test]
fn a_variant_keeps_what_its_own_type_holds() {
    let scan = Scan { columns: Some(vec!["any".into()]), ..Scan::all(orders()) };
    assert_eq!(
        select(&scan),
        "SELECT CASE CAST(SQL_VARIANT_PROPERTY([any], 'BaseType') AS nvarchar(128)) \
         WHEN N'float' THEN CONVERT(nvarchar(max), CAST([any] AS float), 3) WHEN N'real' THEN CONVERT(nvarchar(max), CAST([any] AS real), 3) \
         WHEN N'datetime' THEN CONVERT(nvarchar(max), CAST([any] AS datetime), 126) \
         WHEN N'smalldatetime' THEN CONVERT(nvarchar(max), CAST([any] AS datetime), 126) \
         WHEN N'money' THEN CONVERT(nvarchar(max), CAST([any] AS money), 2) WHEN N'smallmoney' THEN CONVERT(nvarchar(max), CAST([any] AS money), 2) \
         WHEN N'binary' THEN CONVERT(nvarchar(max), CAST([any] AS varbinary(8000)), 1) \
         WHEN N'varbinary' THEN CONVERT(nvarchar(max), CAST([any] AS varbinary(8000)), 1) \
         ELSE CAST([any] AS nvarchar(max)) END AS [any] FROM [shop].[dbo].[order]]s]"
    );
}

fn condition(filter: Predicate) -> Option<String> {
    let scan = Scan { columns: Some(vec!["id".into()]), filters: vec![filter.clone()], ..Scan::all(orders()) };
    sql::accepts(&filter, &schema()).then(|| select(&scan).split_once(" WHERE ").unwrap().1.to_owned())
}

#[test]
fn predicates_are_exact_or_refused() {
    let compare = Predicate::compare;
    let text = |text: &str| Literal::Text(text.into());
    let decimal = |unscaled, scale| Literal::Decimal { unscaled, scale };
    let taken = [
        (compare("id", Comparison::GreaterOrEqual, Literal::Integer(-5)), "[id] >= -5"),
        (compare("big", Comparison::Less, Literal::Integer(i64::MIN)), "[big] < -9223372036854775808"),
        (compare("flag", Comparison::NotEqual, Literal::Boolean(true)), "[flag] <> 1"),
        (compare("price", Comparison::Equal, decimal(-1, 2)), "[price] = -0.01"),
        (compare("cash", Comparison::Greater, Literal::Integer(5)), "CAST([cash] AS decimal(19,4)) > 5"),
        (
            compare("name", Comparison::Equal, text("a'🛒")),
            "(CAST(CAST([name] AS nvarchar(max)) AS varbinary(max)) = 0x610027003dd8d2de AND DATALENGTH(CAST([name] AS nvarchar(max))) = 8)",
        ),
        (
            compare("code", Comparison::NotEqual, text("")),
            "(CAST(CAST([code] AS nvarchar(max)) AS varbinary(max)) <> 0x OR DATALENGTH(CAST([code] AS nvarchar(max))) <> 0)",
        ),
        (compare("born", Comparison::Less, Literal::Date(0)), "[born] < CAST('1970-01-01' AS date)"),
        (compare("seen", Comparison::Equal, Literal::Timestamp(1)), "[seen] = CAST('1970-01-01T00:00:00.000001' AS datetime2(6))"),
        (
            compare("old", Comparison::Less, Literal::Timestamp(0)),
            "CAST([old] AS datetime2(3)) < CAST('1970-01-01T00:00:00.000000' AS datetime2(6))",
        ),
        (Predicate::In { column: "id".into(), values: vec![Literal::Integer(1), Literal::Integer(2)] }, "([id] = 1 OR [id] = 2)"),
        (Predicate::IsNull("notes".into()), "[notes] IS NULL"),
        (Predicate::Or(Vec::new()), "1 = 0"),
        (Predicate::And(Vec::new()), "1 = 1"),
        (
            Predicate::And(vec![
                Predicate::IsNotNull("id".into()),
                Predicate::Or(vec![compare("id", Comparison::Equal, Literal::Integer(1))]),
            ]),
            "([id] IS NOT NULL AND ([id] = 1))",
        ),
    ];
    for (filter, expected) in taken {
        assert_eq!(condition(filter.clone()).as_deref(), Some(expected), "{filter:?}");
    }
    let refused = [
        // The order of UTF-16 is not that of UTF-8.
        compare("name", Comparison::Less, text("a")),
        compare("notes", Comparison::Equal, text("a")),
        compare("guid", Comparison::Equal, text("A")),
        compare("ratio", Comparison::Equal, Literal::Float(0.1)),
        compare("fine", Comparison::Less, Literal::Timestamp(0)),
        compare("zoned", Comparison::Less, Literal::Timestamp(0)),
        compare("hours", Comparison::Equal, text("10:00")),
        compare("price", Comparison::Equal, decimal(1, 3)),
        compare("wide", Comparison::Equal, decimal(10_i128.pow(30), 0)),
        compare("born", Comparison::Less, Literal::Date(i32::MAX)),
        compare("id", Comparison::Equal, text("1")),
        compare("nowhere", Comparison::Equal, Literal::Integer(1)),
    ];
    for filter in refused {
        assert_eq!(condition(filter.clone()), None, "{filter:?}");
    }
}

#[test]
fn the_question_for_columns_names_the_tables() {
    let asked = catalog::question(&[orders(), TablePath { schema: None, table: "it's".into(), ..orders() }]);
    assert!(asked.contains("o.object_id IN (OBJECT_ID(N'[dbo].[order]]s]'), OBJECT_ID(N'[dbo].[it''s]'))"), "{asked}");
    assert!(catalog::question(&[]).contains("IN (NULL)"));
    assert!(!catalog::question(&vec![orders(); 1000]).contains("OBJECT_ID("), "thousands are not listed");
}

#[test]
fn values_are_read_as_they_are() {
    let epoch_from_1 = 719_162;
    let midnight_and = |increments, scale| DateTime2::new(Date::new(epoch_from_1), Time::new(increments, scale));
    let timestamp = |micros| Some(Cell::Timestamp(micros));
    let cases: Vec<(ColumnData<'static>, Option<Cell<'static>>)> = vec![
        (ColumnData::U8(Some(255)), Some(Cell::Integer(255))),
        (ColumnData::I64(Some(i64::MIN)), Some(Cell::Integer(i128::from(i64::MIN)))),
        (ColumnData::I32(None), Some(Cell::Null)),
        (ColumnData::Bit(Some(true)), Some(Cell::Boolean(true))),
        (ColumnData::F32(Some(0.1)), Some(Cell::Single(0.1))),
        (ColumnData::Numeric(Some(Numeric::new_with_scale(-1, 2))), Some(Cell::Number("-0.01".into()))),
        (ColumnData::Numeric(Some(Numeric::new_with_scale(1250, 2))), Some(Cell::Number("12.50".into()))),
        (ColumnData::String(Some(Cow::Borrowed("Grüße 🛒"))), Some(Cell::Text("Grüße 🛒".into()))),
        (ColumnData::Binary(Some(Cow::Borrowed(&[0, 255]))), Some(Cell::Binary(&[0, 255]))),
        (ColumnData::Date(Some(Date::new(epoch_from_1))), Some(Cell::Date(0))),
        (ColumnData::Date(Some(Date::new(0))), Some(Cell::Date(-719_162))),
        (ColumnData::DateTime2(Some(midnight_and(1, 6))), timestamp(1)),
        (ColumnData::DateTime2(Some(midnight_and(19, 7))), timestamp(1)),
        (ColumnData::DateTime2(Some(midnight_and(86_399, 0))), timestamp(86_399_000_000)),
        (ColumnData::DateTimeOffset(Some(DateTimeOffset::new(midnight_and(5, 3), 0))), timestamp(5000)),
        (ColumnData::DateTimeOffset(Some(DateTimeOffset::new(midnight_and(5, 3), 120))), None),
        (ColumnData::DateTime(Some(DateTime::new(25_567, 1))), timestamp(3000)),
        (ColumnData::DateTime(Some(DateTime::new(25_567, 2))), timestamp(7000)),
        (ColumnData::DateTime(Some(DateTime::new(25_567, 3))), timestamp(10_000)),
        (ColumnData::DateTime(Some(DateTime::new(-53_690, 0))), timestamp(-6_847_804_800_000_000)),
        (ColumnData::SmallDateTime(Some(SmallDateTime::new(25_567, 90))), timestamp(5_400_000_000)),
        (ColumnData::Time(Some(Time::new(450_005_000_000, 7))), Some(Cell::Text("12:30:00.5000000".into()))),
        (ColumnData::Time(Some(Time::new(86_399, 0))), Some(Cell::Text("23:59:59".into()))),
        (ColumnData::Time(Some(Time::new(1, 200))), None),
    ];
    for (data, expected) in cases {
        assert_eq!(decode::cell(&data), expected, "{data:?}");
    }
}

#[test]
fn failures_are_told_apart() {
    let of = |failed| error::of(&server(1433), "Table shop.dbo.orders", failed);
    let io = of(Failure::Io { kind: std::io::ErrorKind::ConnectionReset, message: "reset".into() });
    assert_eq!((io.kind, io.code), (ErrorKind::Unavailable, Some(CONNECTION_LOST)));
    assert!(io.to_string().contains("shop.dbo.orders") && io.to_string().contains("1433") && io.to_string().contains("reset"), "{io}");
    assert_eq!(of(Failure::Tls("bad certificate".into())).code, Some(TLS_FAILED));
    assert_eq!(of(Failure::Utf16).kind, ErrorKind::InvalidData);
    for (number, kind, code) in [
        (18456, ErrorKind::InvalidInput, Some("CONNECTION_AUTHENTICATION_FAILED")),
        (4060, ErrorKind::InvalidInput, Some("CONNECTION_DATABASE_UNKNOWN")),
        (229, ErrorKind::InvalidInput, Some("CONNECTION_PERMISSION_DENIED")),
        (208, ErrorKind::NotFound, Some("SOURCE_TABLE_GONE")),
        (1205, ErrorKind::Unavailable, None),
        (4413, ErrorKind::InvalidData, None),
        (102, ErrorKind::InvalidData, None),
    ] {
        let told = error::by_number(&server(1433), "SQL Server at db:1433", "Table t", number);
        assert_eq!((told.kind, told.code), (kind, code), "{number}");
    }
}

#[tokio::test]
async fn urls_lead_here() {
    let url = "jdbc:sqlserver://db.example:1444;databaseName=shop;user=etl;password={p;w}";
    for connection in [
        Connection::new("a", "JDBC", [("JDBC_CONNECTION_URL", url.replace("{p;w}", "pw"))]),
        Connection::new(
            "b",
            "SQLSERVER",
            [
                ("HOST", "db.example".into()),
                ("PORT", "1444".into()),
                ("DATABASE", "shop".into()),
                ("USERNAME", "etl".into()),
                ("PASSWORD", "pw".into()),
            ],
        ),
    ] {
        let Endpoint::SqlServer(server) = connection.endpoint().unwrap() else { panic!("{connection:?} leads to SQL Server") };
        let config = connect::config(&server).await.unwrap();
        assert_eq!(config.get_addr(), "db.example:1444");
        assert_eq!(
            (server.database.as_deref(), server.user.as_deref(), server.password.as_deref()),
            (Some("shop"), Some("etl"), Some("pw"))
        );
        let source = MsSqlSource::new(server);
        assert_eq!(source.place(), "sqlserver://etl@db.example:1444/shop");
        assert_eq!(source.classification(), "sqlserver");
    }
}

#[tokio::test]
async fn an_authority_that_is_not_there_is_named() {
    let tls = Tls { mode: TlsMode::VerifyFull, authority: Some("no/such/authority.pem".into()) };
    let error = connect::config(&Server { tls, ..server(1) }).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidInput);
    assert!(error.message.contains("authority.pem"), "{error}");
}

#[tokio::test]
async fn a_host_that_is_down_is_told_from_one_that_hangs_up_and_one_that_is_silent() {
    let port = testkit::servers::free_port();
    let down = MsSqlSource::new(server(port));
    let error = down.tables().await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Unavailable, Some(TCP_FAILED)), "{error}");
    assert!(error.to_string().contains(&port.to_string()), "{error}");
    assert_eq!(down.diagnose().await.failure().map(|step| step.step), Some(Step::Tcp));

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let hangs_up = tokio::spawn(async move {
        loop {
            drop(listener.accept().await);
        }
    });
    let error = MsSqlSource::new(server(port)).tables().await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Unavailable, Some(CONNECTION_LOST)), "{error}");
    hangs_up.abort();

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let silent = MsSqlSource::new(server(listener.local_addr().unwrap().port()));
    let error = tokio::time::timeout(Duration::from_secs(10), silent.tables()).await.expect("an answer in time").unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Unavailable, Some(TCP_FAILED)), "{error}");
    assert!(error.message.contains("within 2 seconds"), "{error}");
    assert_eq!(silent.diagnose().await.failure().map(|step| step.step), Some(Step::Authentication));
}
