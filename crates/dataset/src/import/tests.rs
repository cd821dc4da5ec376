#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Cursor;

use arrow::array::AsArray;
use proptest::prelude::*;

use super::cells::{Raw, Why, to_seconds};
use super::columns::Column;
use super::rows::Rows;
use super::{ImportReport, ImportSettings, csv_rows};
use crate::part_file;
use crate::schema::AvroSchema;

/// Reads a CSV with the columns ITEM_ID and TITLE through the whole import path.
fn import(csv: &str) -> (ImportReport, Vec<(String, Option<String>)>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part.parquet");
    let text =
        r#"{"type":"record","name":"Items","fields":[{"name":"ITEM_ID","type":"string"},{"name":"TITLE","type":["null","string"]}]}"#;
    let schema = AvroSchema::parse(text, None).unwrap();
    let mut no_pulse = |_| Ok(());
    let mut rows = Rows::create(&path, &schema, &ImportSettings::default(), &mut no_pulse).unwrap();
    csv_rows::read("test.csv", Box::new(Cursor::new(csv.to_owned())), &mut rows).unwrap();
    let (report, _) = rows.finish().unwrap();
    let mut read = Vec::new();
    part_file::read(
        &path,
        |_| true,
        |batch| {
            let column = |at| arrow::compute::cast(batch.column(at), &arrow::datatypes::DataType::Utf8).unwrap();
            let (ids, titles) = (column(0), column(1));
            for (id, title) in ids.as_string::<i32>().iter().zip(titles.as_string::<i32>().iter()) {
                read.push((id.unwrap().to_owned(), title.map(ToOwned::to_owned)));
            }
            Ok(())
        },
    )
    .unwrap();
    (report, read)
}

fn round_trip(csv: &str) -> Vec<(String, Option<String>)> {
    let (report, read) = import(csv);
    assert_eq!(report.rows_rejected, 0, "{:?}", report.problems);
    read
}

#[test]
fn problems_name_the_line_whatever_lines_end_with() {
    let lines = |csv: &str| import(csv).0.problems.iter().map(|p| p.line).collect::<Vec<_>>();
    for end in ["\n", "\r\n"] {
        let csv = ["ITEM_ID,TITLE", ",bad", "", "a,\"two", "lines\"", "", ",bad", "one", "b,good", ",\"bad", "too\""].join(end);
        assert_eq!(lines(&csv), [2, 7, 8, 10], "{end:?}");
        assert_eq!(lines(&(csv + end)), [2, 7, 8, 10], "{end:?} at the end");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_survives_quoting_by_doubling(titles in prop::collection::vec("[a-zA-Zäß ,;\"\n\r'|0-9]{0,12}", 1..20)) {
        let mut csv = String::from("ITEM_ID,TITLE\n");
        for (at, title) in titles.iter().enumerate() {
            csv.push_str(&format!("i{at},\"{}\"\n", title.replace('"', "\"\"")));
        }
        let expected: Vec<_> = titles.iter().enumerate().map(|(at, t)| (format!("i{at}"), (!t.is_empty()).then(|| t.clone()))).collect();
        prop_assert_eq!(round_trip(&csv), expected);
    }

    #[test]
    fn any_text_survives_quoting_by_backslash(titles in prop::collection::vec("[a-zA-Zäß ,;\"\\\\\n0-9]{0,12}", 1..20)) {
        let mut csv = String::from("ITEM_ID,TITLE\n");
        for (at, title) in titles.iter().enumerate() {
            csv.push_str(&format!("i{at},\"{}\"\n", title.replace('\\', "\\\\").replace('"', "\\\"")));
        }
        let expected: Vec<_> = titles.iter().enumerate().map(|(at, t)| (format!("i{at}"), (!t.is_empty()).then(|| t.clone()))).collect();
        prop_assert_eq!(round_trip(&csv), expected);
    }
}

#[test]
fn a_backslash_outside_quotes_is_a_letter_and_a_byte_order_mark_is_no_part_of_the_header() {
    let read = round_trip("\u{feff}ITEM_ID,TITLE\na,C:\\temp\nb,\"say \\\"hi\\\", he said\"\n");
    let row = |id: &str, title: &str| (id.to_owned(), Some(title.to_owned()));
    assert_eq!(read, [row("a", "C:\\temp"), row("b", "say \"hi\", he said")]);
}

#[test]
fn values_that_are_too_long_are_refused_or_cut() {
    let text = r#"{"type":"record","name":"Items","fields":[{"name":"ITEM_ID","type":"string"},
        {"name":"GENRES","type":["null","string"],"categorical":true},{"name":"TEXT","type":["null","string"],"textual":true},
        {"name":"STOCK","type":["null","int"]},{"name":"NEW","type":["null","boolean"]}]}"#;
    let schema = AvroSchema::parse(text, None).unwrap();
    let settings = ImportSettings { max_id_chars: 4, max_categorical_chars: 5, max_textual_chars: 3, ..ImportSettings::default() };
    let offer = |field: &str, value: &str| Column::new(schema.field(field).unwrap(), &settings).offer(Raw::Text(value.as_bytes()));
    assert_eq!(offer("GENRES", "äöüäö"), Ok(()), "characters are counted, not bytes");
    assert_eq!(offer("GENRES", "sechs!"), Err(Why::TooLong(5)));
    assert_eq!(offer("ITEM_ID", "fünf!"), Err(Why::TooLong(4)));
    assert_eq!(offer("ITEM_ID", ""), Err(Why::Missing));
    assert_eq!(offer("STOCK", "2147483648"), Err(Why::TooLargeForInt));
    assert_eq!(offer("STOCK", "2.0"), Err(Why::NotWhole));
    assert_eq!(offer("NEW", "TRUE"), Ok(()));
    assert_eq!(offer("NEW", "yes"), Err(Why::NotBoolean));
    let mut text = Column::new(schema.field("TEXT").unwrap(), &settings);
    text.offer(Raw::Text("äöüß".as_bytes())).unwrap();
    text.take();
    assert_eq!(text.finish().as_string::<i32>().value(0), "äöü");
}

#[test]
fn an_import_that_is_stopped_ends_within_ten_thousand_rows() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"{"type":"record","name":"Items","fields":[{"name":"ITEM_ID","type":"string"},{"name":"A","type":["null","int"]}]}"#;
    let schema = AvroSchema::parse(text, None).unwrap();
    let mut told = Vec::new();
    let mut pulse = |rows| {
        told.push(rows);
        if rows < 20_000 { Ok(()) } else { Err(domain::Error::stopped()) }
    };
    let mut rows = Rows::create(&folder.path().join("part.parquet"), &schema, &ImportSettings::default(), &mut pulse).unwrap();
    let csv = format!("ITEM_ID,A\n{}", "i,1\n".repeat(40_000));
    let stopped = csv_rows::read("test.csv", Box::new(Cursor::new(csv)), &mut rows).unwrap_err();
    assert_eq!(stopped.kind, domain::ErrorKind::Stopped);
    drop(rows);
    assert_eq!(told, [10_000, 20_000]);
}

#[test]
fn epoch_units_are_told_apart() {
    let check = |text: &str| to_seconds(Raw::Text(text.as_bytes()));
    assert_eq!(check("1577836800"), Ok(1_577_836_800));
    assert_eq!(check("1577836800000"), Err(Why::Finer("milliseconds")));
    assert_eq!(check("1577836800000000"), Err(Why::Finer("microseconds")));
    assert_eq!(check("1577836800000000000"), Err(Why::Finer("nanoseconds")));
    for wrong in ["-1", "1577836800.5", "2020-01-01", ""] {
        assert_eq!(check(wrong), Err(Why::NotSeconds), "{wrong}");
    }
}
