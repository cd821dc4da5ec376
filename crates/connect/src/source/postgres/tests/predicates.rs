#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;

use super::{PostgresBench, public};
use crate::source::conformance::gathered;
use crate::source::{Comparison, Literal, Predicate, Scan, Source};

/// The ids of the rows that the predicate keeps; `None` when it is not accepted.
async fn kept(source: &dyn Source, table: &str, predicate: Predicate) -> Option<Vec<i32>> {
    let table = public(table);
    if !source.accepts(&predicate, &source.schema(&table).await.unwrap()) {
        return None;
    }
    let scan = Scan { columns: Some(vec!["id".into()]), filters: vec![predicate], ..Scan::all(table) };
    let batch = gathered(source, scan).await;
    Some(batch.column_by_name("id").map(|ids| ids.as_primitive::<Int32Type>().values().to_vec()).unwrap_or_default())
}

pub(super) async fn each_means_what_arrow_means(bench: &PostgresBench) {
    bench.sql(
        "CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE COLLATION german (provider = icu, locale = 'de');
         CREATE TABLE compared (id int PRIMARY KEY, word text COLLATE german, loose text COLLATE nocase, code char(4), label mood, small int2,
           ratio float8, narrow float4, price numeric(8,2), loose_price numeric, day date, at timestamptz, flag bool, doc jsonb);
         INSERT INTO compared VALUES
           (1, 'apfel', 'Word', 'ab', 'well', 1, 'NaN', 1.5, 2.50, 1, '2024-02-29', '2024-02-29 00:00:00+00', true, '{}'),
           (2, 'Zug', 'word', 'abc', 'so so', 2, '-0.0', 0.1, 10, 1.0, 'infinity', 'infinity', false, '1'),
           (3, 'äpfel', 'WORD', 'ab  ', 'well', 3, 7.5, 'NaN', 0, 2, '-infinity', '-infinity', false, 'null'),
           (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);",
    );
    let source = bench.source("postgres");
    let text = |text: &str| Literal::Text(text.into());
    let day = |days| Literal::Date(days);
    use Comparison::{Equal, Greater, Less, LessOrEqual, NotEqual};
    let compare = |column: &str, comparison, value| Predicate::compare(column, comparison, value);
    let cases = [
        (compare("word", Equal, text("apfel")), Some(vec![1])),
        // By bytes: capitals before small letters before umlauts.
        (compare("word", Less, text("b")), Some(vec![1, 2])),
        (compare("word", Greater, text("z")), Some(vec![3])),
        (compare("loose", Equal, text("word")), Some(vec![2])),
        (compare("loose", NotEqual, text("word")), Some(vec![1, 3])),
        (compare("code", Equal, text("ab  ")), Some(vec![1, 3])),
        (compare("code", Equal, text("ab")), Some(vec![])),
        (compare("label", Equal, text("no such label")), Some(vec![])),
        (compare("label", Greater, text("so so")), Some(vec![1, 3])),
        (compare("doc", Equal, text("{}")), Some(vec![1])),
        (compare("loose_price", Equal, text("1.0")), Some(vec![2])),
        (compare("small", Less, Literal::Integer(i64::MAX)), Some(vec![1, 2, 3])),
        (compare("small", Greater, Literal::Integer(i64::MIN)), Some(vec![1, 2, 3])),
        (compare("ratio", Greater, Literal::Float(5.0)), Some(vec![1, 3])),
        (compare("ratio", Equal, Literal::Float(0.0)), None),
        (compare("ratio", Equal, Literal::Float(f64::NAN)), None),
        (compare("narrow", LessOrEqual, Literal::Float(1.5)), Some(vec![1, 2])),
        (compare("narrow", Equal, Literal::Float(0.1)), None),
        (compare("price", Equal, Literal::Decimal { unscaled: 25, scale: 1 }), Some(vec![1])),
        (compare("price", Less, Literal::Integer(3)), Some(vec![1, 3])),
        (compare("day", Equal, day(19_782)), Some(vec![1])),
        (compare("day", Greater, day(0)), Some(vec![1])),
        (compare("day", Less, day(30_000)), Some(vec![1])),
        (compare("day", Less, day(i32::MAX)), None),
        (Predicate::IsNull("day".into()), Some(vec![2, 3, 4])),
        (Predicate::IsNotNull("at".into()), Some(vec![1])),
        (compare("at", Equal, Literal::Timestamp(19_782 * 86_400_000_000)), Some(vec![1])),
        (compare("at", NotEqual, Literal::Timestamp(0)), Some(vec![1])),
        (compare("flag", Less, Literal::Boolean(true)), Some(vec![2, 3])),
        (compare("flag", Equal, Literal::Text("true".into())), None),
        (compare("word", Equal, text("'; DROP TABLE compared; --\\")), Some(vec![])),
        (compare("word", Equal, text("\0")), None),
        (compare("nowhere", Equal, text("x")), None),
        (Predicate::In { column: "word".into(), values: vec![text("Zug"), text("x")] }, Some(vec![2])),
        (Predicate::In { column: "word".into(), values: Vec::new() }, Some(vec![])),
    ];
    for (predicate, expected) in cases {
        assert_eq!(kept(&source, "compared", predicate.clone()).await, expected, "{predicate:?}");
    }
}

pub(super) async fn scans_are_split_by_the_key(bench: &PostgresBench) {
    bench.sql(
        "CREATE TABLE keyed (id int2 PRIMARY KEY); INSERT INTO keyed VALUES (-32768), (0), (5), (32767);
         CREATE TABLE keyless AS SELECT * FROM keyed; CREATE TABLE hollow (id int PRIMARY KEY);",
    );
    let source = bench.source("postgres");
    let all = |table| Scan::all(public(table));
    for table in ["keyed", "keyless", "hollow"] {
        let scans = source.split(all(table), 4).await.unwrap();
        assert_eq!(scans.len(), if table == "keyed" { 4 } else { 1 }, "{table}");
        let mut rows = 0;
        for scan in scans {
            rows += gathered(&source, scan).await.num_rows();
        }
        assert_eq!(rows, if table == "hollow" { 0 } else { 4 }, "{table}");
    }
    let limited = Scan { limit: Some(1), ..all("keyed") };
    assert_eq!(source.split(limited, 4).await.unwrap().len(), 1, "a limit is for the whole");
    let extremes = super::super::ranges(&all("keyed"), "id", i64::MIN, i64::MAX, 3);
    assert_eq!(extremes.len(), 3);
    assert_eq!(extremes[0].filters, [Predicate::compare("id", Comparison::Less, Literal::Integer(-3_074_457_345_618_258_603))]);
}
