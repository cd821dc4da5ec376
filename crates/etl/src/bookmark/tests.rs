#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! The arithmetic: which files and which keys belong to a window.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::keys::{Key, KeyColumn, KeyKind};
use super::mark::{FilesMark, KEPT_FILES, Mark, Stamp};
use super::spec::{Choice, KeyOrder};
use super::table::offset_condition;
use crate::Arguments;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

fn file(name: &str, seconds: i64, size: u64) -> (String, Stamp) {
    (name.to_owned(), Stamp { modified: at(seconds), size })
}

fn read(mark: &FilesMark, files: &[(String, Stamp)], kept: usize) -> FilesMark {
    mark.after_keeping(files.iter().map(|(name, stamp)| (name, stamp)), kept)
}

fn new<'a>(mark: &FilesMark, files: &'a [(String, Stamp)]) -> Vec<&'a str> {
    files.iter().filter(|(name, stamp)| !mark.has_read(name, stamp)).map(|(name, _)| name.as_str()).collect()
}

#[test]
fn files_of_one_moment_are_told_apart_by_their_names() {
    let mark = read(&FilesMark::default(), &[file("a", 0, 1), file("b", 0, 1)], KEPT_FILES);
    assert_eq!(new(&mark, &[file("a", 0, 1), file("b", 0, 1), file("c", 0, 1)]), ["c"]);
}

#[test]
fn a_clock_that_goes_back_hides_no_file() {
    let mark = read(&FilesMark::default(), &[file("a", 0, 1)], KEPT_FILES);
    assert_eq!(new(&mark, &[file("a", 0, 1), file("late", -86_400 * 365, 1)]), ["late"]);
}

#[test]
fn a_file_with_new_content_is_read_again_and_one_that_comes_back_is_not() {
    let mark = read(&FilesMark::default(), &[file("a", 0, 1), file("b", 0, 1)], KEPT_FILES);
    assert_eq!(new(&mark, &[file("a", 0, 2), file("b", 5, 1)]), ["a", "b"], "another size, another time");
    let mark = read(&mark, &[file("c", 9, 1)], KEPT_FILES);
    assert_eq!(new(&mark, &[file("a", 0, 1)]), Vec::<&str>::new(), "gone for a while");
    let mark = read(&mark, &[file("a", 7, 2)], KEPT_FILES);
    assert_eq!(new(&mark, &[file("a", 7, 2), file("a", 0, 1)]), ["a"], "the old content under the name again");
}

#[test]
fn the_oldest_of_many_files_are_remembered_by_their_time_alone() {
    let files: Vec<(String, Stamp)> = (0..100).map(|day| file(&format!("{day:03}"), day * 86_400, 1)).collect();
    let mark = read(&FilesMark::default(), &files, 10);
    assert_eq!((mark.files.len(), mark.before), (10, Some(at(90 * 86_400))));
    assert_eq!(new(&mark, &files), Vec::<&str>::new(), "all are known still");
    let late = [file("x", 90 * 86_400, 1), file("y", 89 * 86_400, 1)];
    assert_eq!(new(&mark, &late), ["x"], "what is older than the list is taken for read");
    // Those of the last quarter of an hour are kept, however many.
    let many: Vec<(String, Stamp)> = (0..100).map(|n| file(&format!("n{n}"), 200 * 86_400 + n, 1)).collect();
    let mark = read(&mark, &many, 10);
    assert_eq!((mark.files.len(), mark.before), (100, Some(at(200 * 86_400 + 99) - TimeDelta::minutes(15))));
    let mark = read(&mark, &[file("m", 300 * 86_400, 1)], 10);
    assert_eq!(mark.files.len(), 10);
    assert!(mark.before > Some(at(200 * 86_400)));
}

fn key(order: KeyOrder, columns: &[(&str, DataType)]) -> Key {
    let column = |(name, data_type): &(&str, DataType)| KeyColumn {
        name: (*name).into(),
        kind: KeyKind::of(data_type).unwrap(),
        data_type: data_type.clone(),
    };
    Key { table: "\"shop\".\"orders\"".into(), columns: columns.iter().map(column).collect(), order }
}

fn point(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

#[test]
fn windows_of_keys_are_open_below_and_closed_above() {
    let id = key(KeyOrder::Asc, &[("id", DataType::Int64)]);
    assert_eq!(id.between(None, &point(&["7"])), "\"id\" <= 7");
    assert_eq!(id.between(Some(&point(&["7"])), &point(&["-9"])), "(\"id\" > 7) AND (\"id\" <= -9)");
    let falling = key(KeyOrder::Desc, &[("id", DataType::Int32)]);
    assert_eq!(falling.between(Some(&point(&["7"])), &point(&["3"])), "(\"id\" < 7) AND (\"id\" >= 3)");
    let both = key(KeyOrder::Asc, &[("day", DataType::Date32), ("n\"r", DataType::Utf8)]);
    let day = |day: &str| format!("CAST('{day}' AS DATE)");
    let present = "\"day\" IS NOT NULL AND \"n\"\"r\" IS NOT NULL";
    assert_eq!(
        both.between(Some(&point(&["2025-01-01", "it's"])), &point(&["2025-01-02", "z"])),
        format!(
            "{present} AND ((\"day\" > {0}) OR (\"day\" = {0} AND \"n\"\"r\" > 'it''s')) AND ((\"day\" < {1}) OR (\"day\" = {1} AND \"n\"\"r\" <= 'z'))",
            day("2025-01-01"),
            day("2025-01-02")
        )
    );
}

#[test]
fn literals_are_exact() {
    let literal = |data_type: DataType, value: &str| key(KeyOrder::Asc, &[("k", data_type)]).between(None, &point(&[value]));
    assert_eq!(literal(DataType::Decimal128(10, 2), "12.30"), "\"k\" <= CAST('12.30' AS DECIMAL(10,2))");
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    assert_eq!(literal(micros, "2025-01-01T00:00:00.000001"), "\"k\" <= CAST('2025-01-01T00:00:00.000001' AS TIMESTAMP)");
    assert_eq!(literal(DataType::Int64, "-9223372036854775808"), "\"k\" <= CAST('-9223372036854775808' AS BIGINT)");
    assert_eq!(KeyKind::of(&DataType::Float64), None, "NaN has no place in an order");
}

#[test]
fn a_mark_fits_the_key_that_made_it_alone() {
    let id = key(KeyOrder::Asc, &[("id", DataType::Int32)]);
    let mark = id.mark(point(&["7"]));
    assert!(id.fits(&mark) && key(KeyOrder::Asc, &[("id", DataType::Int64)]).fits(&mark), "a wider number is the same key");
    for other in [
        key(KeyOrder::Desc, &[("id", DataType::Int32)]),
        key(KeyOrder::Asc, &[("id", DataType::Utf8)]),
        key(KeyOrder::Asc, &[("nr", DataType::Int32)]),
        key(KeyOrder::Asc, &[("id", DataType::Int32), ("nr", DataType::Int32)]),
    ] {
        assert!(!other.fits(&mark), "{other:?}");
    }
}

#[test]
fn offsets_become_a_condition_for_each_partition() {
    assert_eq!(
        offset_condition("_partition", "_offset", &[(0, 3, 9), (2, 0, 1)]),
        "(\"_partition\" = 0 AND \"_offset\" >= 3 AND \"_offset\" < 9) OR (\"_partition\" = 2 AND \"_offset\" >= 0 AND \"_offset\" < 1)"
    );
    assert_eq!(offset_condition("_partition", "_offset", &[]), "FALSE");
}

#[test]
fn marks_can_be_read_by_people() {
    let files = Mark::Files(read(&FilesMark::default(), &[file("a.csv", 0, 12)], KEPT_FILES));
    let shown = json!({"Files": {"Files": {"a.csv": {"Modified": "2023-11-14T22:13:20Z", "Size": 12}}}});
    assert_eq!(serde_json::to_value(&files).unwrap(), shown);
    let keys = Mark::Keys(key(KeyOrder::Asc, &[("id", DataType::Int64)]).mark(point(&["42"])));
    assert_eq!(
        serde_json::to_value(&keys).unwrap(),
        json!({"Keys": {"Columns": ["id"], "Order": "ASC", "Kinds": ["Integer"], "Last": ["42"]}})
    );
    let offsets = Mark::Offsets(BTreeMap::from([(0, 17)]));
    assert_eq!(serde_json::to_value(&offsets).unwrap(), json!({"Offsets": {"0": 17}}));
    for mark in [files, keys, offsets] {
        let text = serde_json::to_string(&mark).unwrap();
        assert_eq!(serde_json::from_str::<Mark>(&text).unwrap(), mark);
    }
}

#[test]
fn the_option_is_glues() {
    let choice = |pairs: &[(&str, &str)]| {
        let arguments: Arguments = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Choice::of(&arguments).map_err(|e| e.to_string())
    };
    let option = "--job-bookmark-option";
    assert_eq!(choice(&[]), Ok(Choice::Disable));
    assert_eq!(choice(&[(option, "job-bookmark-disable")]), Ok(Choice::Disable));
    assert_eq!(choice(&[(option, "job-bookmark-enable")]), Ok(Choice::Enable));
    let pause = choice(&[(option, "job-bookmark-pause"), ("--job-bookmark-to", "job-1")]);
    assert_eq!(pause, Ok(Choice::Pause { from: None, to: Some(runs::RunId("job-1".into())) }));
    assert!(choice(&[(option, "on")]).unwrap_err().contains("found \"on\""));
    let wrong = choice(&[(option, "job-bookmark-enable"), ("--job-bookmark-from", "job-1")]).unwrap_err();
    assert_eq!(wrong, "--job-bookmark-from needs --job-bookmark-option job-bookmark-pause; found \"job-bookmark-enable\".");
}
