#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use futures::{StreamExt, TryStreamExt};

use super::super::{connect, sql};
use super::{MariaBench, field, schema, shop, texts, two_texts, whole};
use crate::source::{Source, SqlSource};

#[test]
fn a_column_is_written_as_a_scan_gives_it() {
    let day = "DAYOFMONTH(`c`) BETWEEN 1 AND DAYOFMONTH(LAST_DAY(`c`))";
    let cases = [
        ("tinyint(1)", DataType::Boolean, "(`c` <> 0)".to_owned()),
        ("bit(1)", DataType::Boolean, "(`c` <> 0)".into()),
        ("bit(20)", DataType::Int64, "CAST(`c` AS SIGNED)".into()),
        ("year(4)", DataType::Int32, "CAST(`c` AS SIGNED)".into()),
        ("date", DataType::Date32, format!("(CASE WHEN {day} THEN `c` END)")),
        ("int(10) unsigned", DataType::Int64, "`c`".into()),
        ("varchar(20)", DataType::Utf8, "`c`".into()),
    ];
    for (native, data_type, expected) in cases {
        assert_eq!(sql::column(&field(native, data_type)), expected, "{native}");
    }
}

#[test]
fn only_a_query_that_may_still_run_is_ended() {
    let broken = sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
    assert!(connect::has_ended(&broken));
    assert!(!connect::has_ended(&sqlx::Error::ColumnNotFound("c".into())));
}

/// Each table through a query such as the engine makes, against its scan.
pub(super) async fn a_query_gives_what_a_scan_gives(bench: &MariaBench) {
    let source = bench.own();
    for table in ["ends", "exact", "dates", "texts"] {
        let scanned = whole(bench, table).await;
        let fields = scanned.schema();
        let columns = fields.fields().iter().map(|field| source.column(&shop(table), field).unwrap());
        let columns: Vec<String> = columns.enumerate().map(|(index, column)| format!("{column} AS c{index}")).collect();
        let names: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
        let inner = format!("SELECT {} FROM {}", columns.join(", "), source.table_name(&shop(table)));
        let query = format!("SELECT {} FROM ({inner}) AS q ORDER BY c0", names.join(", "));
        let given: Vec<RecordBatch> = source.query(query, fields).try_collect().await.unwrap();
        for (index, column) in scanned.columns().iter().enumerate() {
            assert_eq!(given[0].column(index), column, "{table}: {}", scanned.schema().field(index));
        }
    }
    let asked = [
        ("ends", "flag", "count(*)", "WHERE (q.c0 = true)", 1),
        ("ends", "y", "count(*)", "WHERE (q.c0 < 100)", 0),
        ("ends", "y", "sum(q.c0)", "WHERE (q.c0 > 1900)", 4056),
        ("exact", "one", "count(*)", "WHERE (q.c0 = true)", 1),
        ("exact", "some", "count(*)", "WHERE (q.c0 > 9)", 1),
        ("dates", "day", "count(q.c0)", "", 1),
        ("dates", "day", "count(*)", "WHERE (q.c0 IS NULL)", 3),
        ("dates", "day", "count(*)", "WHERE (q.c0 < DATE '2030-01-01')", 0),
        ("dates", "at", "count(DISTINCT q.c0)", "", 1),
    ];
    for (table, column, value, condition, expected) in asked {
        let fields = source.schema(&shop(table)).await.unwrap();
        let column = source.column(&shop(table), fields.field_with_name(column).unwrap()).unwrap();
        let query = format!("SELECT {value} FROM (SELECT {column} AS c0 FROM {}) AS q {condition}", source.table_name(&shop(table)));
        let answer: Vec<RecordBatch> = source.query(query.clone(), schema("n", DataType::Int64)).try_collect().await.unwrap();
        assert_eq!(answer[0]["n"].as_primitive::<Int64Type>().value(0), expected, "{query}");
    }
}

/// Its number may be another session's by now.
pub(super) async fn a_session_that_the_server_ended_is_not_ended_again(bench: &MariaBench) {
    let source = bench.own();
    let kills = async || -> u64 {
        let answer: Vec<RecordBatch> = source.query("SHOW GLOBAL STATUS LIKE 'Com_kill'".into(), two_texts()).try_collect().await.unwrap();
        texts(&answer[0], "b")[0].parse().unwrap()
    };
    let before = kills().await;
    let mut stream = source.query("SELECT sleep(31)".into(), schema("x", DataType::Int64));
    assert!(tokio::time::timeout(Duration::from_millis(500), stream.next()).await.is_err(), "the query takes its time");
    let question = "SELECT id FROM information_schema.processlist WHERE info LIKE '%sleep(31)%' AND info NOT LIKE '%processlist%'";
    let sessions: Vec<RecordBatch> = source.query(question.into(), schema("n", DataType::Int64)).try_collect().await.unwrap();
    bench.sql(&format!("KILL {}", sessions[0]["n"].as_primitive::<Int64Type>().value(0))).await;
    stream.next().await.unwrap().unwrap_err();
    drop(stream);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(kills().await, before + 1);
}
