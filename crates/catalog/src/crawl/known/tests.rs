#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::table::{Column, Parameters};

fn at(location: &str) -> Table {
    let mut table = Table { name: location.into(), partition_keys: vec![Column::new("day", "string")], ..Table::default() };
    table.storage_descriptor.location = Some(location.into());
    table.storage_descriptor.columns = vec![Column::new("id", "bigint")];
    table.parameters.insert("classification".into(), "csv".into());
    table
}

fn found(location: &str, parameters: &[(&str, &str)]) -> FoundTable {
    let mut table = Table { partition_keys: Vec::new(), ..at(location) };
    table.parameters.extend(parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    FoundTable {
        name: "t".into(),
        table,
        partitions: Vec::new(),
        statistics: Parameters::new(),
        files: None,
        bytes: None,
        rows: None,
        reason: None,
    }
}

#[test]
fn the_innermost_table_around_a_folder_is_found() {
    let mut known = Known::default();
    for (connection, location) in [("", "data/"), ("", "data/a/b/"), ("", "s3://lake/x/"), ("far", "s3://lake/")] {
        known.partitioned.entry(connection.into()).or_default().insert(location.into(), at(location));
    }
    let name = |connection: &str, folder: &str| known.table(connection, folder).map(|table| table.name.clone());
    for (connection, folder, expected) in [
        ("", "data/a/b/c/d/", Some("data/a/b/")),
        ("", "data/a/b/", Some("data/a/b/")),
        ("", "data/a/bc/", Some("data/")),
        ("", "database/", None),
        ("", "s3://lake/x/day=1/", Some("s3://lake/x/")),
        ("", "s3://lake/y/", None),
        ("far", "s3://lake/y/", Some("s3://lake/")),
        ("other", "data/a/", None),
    ] {
        assert_eq!(name(connection, folder).as_deref(), expected, "{connection} {folder}");
    }
}

#[test]
fn a_partition_is_read_as_its_table() {
    let table = at("data/");
    assert_eq!(partition_of(&table, &found("data/day=1/", &[])).unwrap(), ["1"]);
    for (name, value) in [("columnsByPosition", "true"), ("quoteChar", "'"), ("encoding", "latin-1"), ("delimiter", ";")] {
        let why = partition_of(&table, &found("data/day=1/", &[(name, value)])).unwrap_err();
        assert!(why.contains(name), "{why}");
    }
}
