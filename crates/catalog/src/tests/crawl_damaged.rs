//! Files that become unreadable beside others: what is left is grouped as it was.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use serde_json::json;

use super::{House, crawler};
use crate::{CrawlSummary, TableChange};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn parquet(column: &str) -> Vec<u8> {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
    let batch = RecordBatch::try_from_iter([(column, numbers)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn half(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() / 2]
}

async fn house(files: &[(&str, &[u8])]) -> House {
    let house = House::new().await;
    let policy = json!({"DeleteBehavior": "DELETE_FROM_DATABASE"});
    let targets = json!({"S3Targets": [{"Path": "data"}]});
    let definition = json!({"Name": "c", "DatabaseName": "shop", "Targets": targets, "SchemaChangePolicy": policy});
    house.catalog.create_crawler(crawler(definition)).await.unwrap();
    files.iter().for_each(|(name, bytes)| house.write(name, bytes));
    house
}

async fn locations(house: &House) -> Vec<String> {
    let tables = house.installation.store.children::<crate::Table>("shop").await.unwrap();
    let mut locations: Vec<String> = tables.iter().map(|table| table.location().to_owned()).collect();
    locations.sort_unstable();
    locations
}

/// Nothing came, changed or went; one problem tells of the file.
async fn nothing_but_a_problem(house: &House, file: &str) -> CrawlSummary {
    let before = locations(house).await;
    let told = house.notifications().await;
    let summary = house.crawl("c").await;
    let places: Vec<&str> = summary.problems.iter().map(|problem| problem.place.as_str()).collect();
    assert!(places.contains(&file), "{:?}", summary.problems);
    assert!(summary.tables.iter().all(|table| table.change == TableChange::Unchanged), "{file}: {:?}", summary.tables);
    assert_eq!((summary.change_count, locations(house).await), (0, before), "{file}");
    assert_eq!(house.notifications().await, told, "{file}");
    summary
}

#[tokio::test]
async fn of_two_kinds_in_one_folder_one_becomes_unreadable() {
    let (text, columns) = (gzip(&"customer,town\n1,Ulm\n2,Bonn\n".repeat(40)), parquet("price"));
    for [first, second] in [
        [("data/mixed/a.csv.gz", &text), ("data/mixed/b.parquet", &columns)],
        [("data/mixed/a.parquet", &columns), ("data/mixed/b.csv.gz", &text)],
    ] {
        let house = house(&[(first.0, first.1), (second.0, second.1)]).await;
        assert_eq!(house.crawl("c").await.tables_created, 2);
        for (broken, whole) in [first, second] {
            house.write(broken, half(whole));
            nothing_but_a_problem(&house, broken).await;
            house.write(broken, whole);
            let mended = house.crawl("c").await;
            assert_eq!((mended.tables_unchanged, mended.change_count, mended.problem_count), (2, 0, 0), "{:?}", mended.problems);
        }
        // An empty file has no data, and is no reason to take its neighbour for the whole folder.
        house.write(first.0, b"");
        let summary = house.crawl("c").await;
        assert_eq!((summary.tables_unchanged, summary.tables_created, summary.tables_deleted), (1, 0, 1), "{:?}", summary.tables);
        // What is gone, not hidden, is gone.
        std::fs::remove_file(house.folder().join(first.0)).unwrap();
        house.crawl("c").await;
        assert_eq!(locations(&house).await, ["data/mixed/"]);
    }
}

#[tokio::test]
async fn a_folder_stays_one_table_when_those_like_it_become_few() {
    let rows = gzip("customer,town\n1,Ulm\n");
    let other = parquet("price");
    let files = ["data/s/a.csv.gz", "data/s/b.csv.gz", "data/s/c.csv.gz"].map(|name| (name, rows.as_slice()));
    let house = house(&[files[0], files[1], files[2], ("data/s/d.parquet", &other)]).await;
    house.crawl("c").await;
    assert_eq!(locations(&house).await, ["data/s/"]);
    house.write(files[1].0, half(&rows));
    // The file that is to be left out now changes the table's definition, as for every unreadable file; nothing else comes or goes.
    let summary = house.crawl("c").await;
    assert_eq!((summary.tables_created, summary.tables_deleted), (0, 0), "{:?}", summary.tables);
    assert_eq!(locations(&house).await, ["data/s/"]);
}

#[tokio::test]
async fn folders_that_are_tables_do_not_become_partitions_of_what_is_left() {
    let (text, columns) = (gzip("customer,town\n1,Ulm\n"), parquet("price"));
    let (first, second) = (("data/s/day=1/a.csv.gz", &text), ("data/s/day=2/a.parquet", &columns));
    let house = house(&[(first.0, first.1), (second.0, second.1)]).await;
    assert_eq!(house.crawl("c").await.tables_created, 2);
    for (broken, whole) in [first, second] {
        house.write(broken, half(whole));
        nothing_but_a_problem(&house, broken).await;
        house.write(broken, whole);
    }
}

#[tokio::test]
async fn partitions_stay_partitions_when_only_one_can_be_read() {
    let rows = gzip("customer,town\n1,Ulm\n");
    let files = ["data/s/x/1/a.csv.gz", "data/s/x/2/a.csv.gz", "data/s/y/1/a.csv.gz", "data/s/y/2/a.csv.gz"];
    let house = house(&files.map(|name| (name, rows.as_slice()))).await;
    let summary = house.crawl("c").await;
    assert_eq!((summary.tables_created, summary.partitions_added), (1, 4));
    let keys = house.table(&summary.tables[0].name).await.partition_keys.len();
    assert_eq!(keys, 2);
    for broken in files {
        house.write(broken, half(&rows));
        let summary = nothing_but_a_problem(&house, broken).await;
        assert_eq!((summary.partitions_added, summary.partitions_deleted), (0, 0));
        house.write(broken, &rows);
    }
    house.write(files[0], half(&rows));
    house.write(files[1], half(&rows));
    nothing_but_a_problem(&house, files[0]).await;
}

/// At the first crawl nobody knows yet how the whole was grouped: names say what is alike.
#[tokio::test]
async fn what_cannot_be_read_at_first_joins_what_is_like_it() {
    let rows = gzip("customer,town\n1,Ulm\n");
    let beside = ["data/s/a.csv.gz", "data/s/b.csv.gz", "data/s/c.csv.gz"];
    let named = ["data/s/day=1/a.csv.gz", "data/s/day=2/a.csv.gz"];
    let numbered = ["data/s/1/a.csv.gz", "data/s/2/a.csv.gz"];
    let nested = ["data/s/2023/01/a.csv.gz", "data/s/2023/02/a.csv.gz", "data/s/2024/01/a.csv.gz", "data/s/2024/11/a.csv.gz"];
    for files in [&beside[..], &named, &numbered, &nested] {
        for readable in files {
            let house =
                house(&files.iter().map(|name| (*name, if name == readable { rows.as_slice() } else { half(&rows) })).collect::<Vec<_>>())
                    .await;
            let first = house.crawl("c").await;
            assert_eq!((first.tables_created, first.problem_count), (1, files.len() as u64 - 1), "{readable}: {:?}", first.tables);
            assert_eq!(locations(&house).await, ["data/s/"], "{readable}");
            let again = house.crawl("c").await;
            assert_eq!((again.tables_unchanged, again.change_count), (1, 0), "{readable}: {:?}", again.tables);
            files.iter().for_each(|name| house.write(name, &rows));
            let healed = house.crawl("c").await;
            assert_eq!((healed.tables_created, healed.tables_deleted, healed.problem_count), (0, 0, 0), "{readable}: {:?}", healed.tables);
            assert_eq!((locations(&house).await, healed.tables[0].files), (vec!["data/s/".to_owned()], Some(files.len() as u64)));
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_at_first_counts_among_what_is_like_it() {
    let (rows, other) = (gzip("customer,town\n1,Ulm\n"), parquet("price"));
    let files = ["data/s/a.csv.gz", "data/s/b.csv.gz", "data/s/c.csv.gz"].map(|name| (name, rows.as_slice()));
    let house = house(&[files[0], files[1], (files[2].0, half(&rows)), ("data/s/d.parquet", &other)]).await;
    house.crawl("c").await;
    assert_eq!(locations(&house).await, ["data/s/"]);
    house.write(files[2].0, &rows);
    let healed = house.crawl("c").await;
    assert_eq!((healed.tables_created, healed.tables_deleted, healed.tables[0].files), (0, 0, Some(3)), "{:?}", healed.tables);
}

/// They may be tables just as well.
#[tokio::test]
async fn folders_with_names_of_their_own_are_not_taken_for_partitions() {
    let rows = gzip("customer,town\n1,Ulm\n");
    let house = house(&[("data/customers/a.csv.gz", &rows), ("data/orders/a.csv.gz", half(&rows))]).await;
    house.crawl("c").await;
    assert_eq!(locations(&house).await, ["data/customers/"]);
}

/// Of every file that has them, as of everything else that somebody should know.
#[tokio::test]
async fn rows_of_other_lengths_are_problems_with_place_and_reason() {
    let even: &[u8] = b"id,name,town\n1,Anna,Ulm\n2,Bernd,Bonn\n";
    let files: [(&str, &[u8]); 3] = [
        ("data/s/a.csv", even),
        ("data/s/b.csv", b"id,name,town\n1,Anna,Ulm\n2,Bernd\n3,Carl,Jena\n4,Dora,Kiel\n5,Emil,Ulm\n6,Frida,Ulm\n"),
        ("data/s/c.csv", b"id,name,town\n1,Anna,Ulm,y,z\n2,Bernd,Bonn\n3,Carl,Jena\n4,Dora,Kiel\n"),
    ];
    let house = house(&files).await;
    let summary = house.crawl("c").await;
    let told: Vec<(&str, &str)> = summary.problems.iter().map(|problem| (problem.place.as_str(), problem.reason.as_str())).collect();
    let expected = [
        ("data/s/b.csv", "1 of the first 6 rows do not have 3 fields; the first of them is on line 3 and has 2."),
        ("data/s/c.csv", "1 of the first 4 rows do not have 3 fields; the first of them is on line 2 and has 5."),
    ];
    assert_eq!((told.as_slice(), summary.problem_count), (expected.as_slice(), 2));
    assert_eq!((summary.tables_created, summary.tables[0].location.as_str(), summary.tables[0].files), (1, "data/s/", Some(3)));
}
