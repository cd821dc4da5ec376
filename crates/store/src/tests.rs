#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use domain::{ErrorKind, SystemClock};
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Shelf {
    name: String,
    room: String,
    books: u32,
}

impl Resource for Shelf {
    const KIND: &'static str = "book_shelf";
    fn key(&self) -> String {
        self.name.clone()
    }
    fn parent(&self) -> String {
        self.room.clone()
    }
}

fn shelf(name: &str, room: &str) -> Shelf {
    Shelf { name: name.into(), room: room.into(), books: 3 }
}

async fn open(folder: &tempfile::TempDir) -> Store {
    Store::open(&folder.path().join("metadata.db"), Arc::new(SystemClock)).await.unwrap()
}

#[tokio::test]
async fn a_resource_lives_its_life_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    store.create(&shelf("a", "hall")).await.unwrap();
    let taken = store.create(&shelf("a", "hall")).await.unwrap_err();
    assert_eq!((taken.kind, taken.message.as_str()), (ErrorKind::AlreadyExists, "book shelf \"a\" already exists."));

    let updated = store
        .update::<Shelf>("a", |s| {
            s.books = 4;
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!((updated.version, updated.books), (2, 4));
    store.close().await;

    let store = open(&folder).await;
    assert_eq!(store.get::<Shelf>("a").await.unwrap().books, 4);
    store.delete::<Shelf>("a").await.unwrap();
    assert_eq!(store.get::<Shelf>("a").await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(store.delete::<Shelf>("a").await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let mut tx = store.begin().await.unwrap();
    sql("PRAGMA user_version = 99").execute(tx.connection()).await.unwrap();
    tx.commit().await.unwrap();
    store.close().await;
    let refused = Store::open(&folder.path().join("metadata.db"), Arc::new(SystemClock)).await.unwrap_err();
    assert!(refused.message.contains("found 99"), "{refused}");
}

#[test]
fn locations_are_parsed_and_what_is_no_location_is_refused() {
    let s3 = Location::parse("s3://shop/exports/items/").unwrap();
    assert_eq!(s3, Location::S3 { bucket: "shop".into(), key: "exports/items/".into() });
    assert_eq!(Location::parse("file:///data/x.csv").unwrap().to_string(), "/data/x.csv");
    for wrong in ["", "http://x/y", "s3://UPPER/x", "s3://../x", "s3:///x", "s3://shop/../../x", "s3://shop/a/./b"] {
        assert_eq!(Location::parse(wrong).unwrap_err().kind, ErrorKind::InvalidInput, "{wrong}");
    }
}

#[tokio::test]
async fn listing_leaves_hidden_files_out_and_names_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let buckets = Buckets::open(&folder.path().join("buckets"), folder.path()).unwrap();
    buckets.create("shop").unwrap();
    let at = |key: &str| Location::parse(&format!("s3://shop/{key}")).unwrap();
    for key in ["in/b.csv", "in/a.csv", "in/_SUCCESS", "in/.tmp/c.csv", "other/d.csv"] {
        buckets.write(&at(key), "x".into()).await.unwrap();
    }
    let names: Vec<String> = buckets.list(&at("in")).await.unwrap().iter().map(|f| f.location.to_string()).collect();
    assert_eq!(names, ["in/a.csv", "in/b.csv"]);
    assert_eq!(buckets.list(&at("in/a.csv")).await.unwrap().len(), 1);
    assert_eq!(buckets.read(&at("in/zz.csv")).await.unwrap_err().kind, ErrorKind::NotFound);
    let none = buckets.list(&Location::parse("s3://nowhere/in").unwrap()).await.unwrap_err();
    assert!(none.message.contains("\"nowhere\""), "{none}");
}

#[tokio::test]
async fn readers_come_while_somebody_writes_and_space_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    store.create(&shelf("a", "hall")).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.create(&shelf("b", "hall")).await.unwrap();
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers
            .push(tokio::time::timeout(std::time::Duration::from_secs(5), store.reader()).await.expect("no wait for the writer").unwrap());
    }
    let another = open(&folder).await;
    assert!(another.find::<Shelf>("a").await.unwrap().is_some());
    tx.commit().await.unwrap();
    drop(readers);
    let mut reader = store.reader().await.unwrap();
    let row = sql("SELECT auto_vacuum AS mode FROM pragma_auto_vacuum").fetch_one(reader.connection()).await.unwrap();
    assert_eq!(row.integer("mode").unwrap(), 2, "incremental");
}
