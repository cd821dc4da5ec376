#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use domain::{ErrorKind, SystemClock};
use serde::{Deserialize, Serialize};
use serde_json::json;

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
async fn a_transaction_happens_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let mut tx = store.begin().await.unwrap();
    tx.create(&shelf("a", "hall")).await.unwrap();
    tx.notify("shelf.built", "a", &json!({"books": 3})).await.unwrap();
    drop(tx);
    assert!(store.find::<Shelf>("a").await.unwrap().is_none());
    assert!(store.notifications(0, 10).await.unwrap().is_empty());

    let mut tx = store.begin().await.unwrap();
    tx.put(shelf("a", "hall")).await.unwrap();
    tx.put(Shelf { books: 9, ..shelf("a", "hall") }).await.unwrap();
    tx.notify("shelf.built", "a", &json!({"books": 9})).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.get::<Shelf>("a").await.unwrap().books, 9);
    assert_eq!(store.notifications(0, 10).await.unwrap()[0].detail, json!({"books": 9}));
}

#[tokio::test]
async fn children_are_listed_by_key_under_their_parent_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    for (name, room) in [("c", "hall"), ("a", "hall"), ("b", "attic")] {
        store.create(&shelf(name, room)).await.unwrap();
    }
    let names = |list: Vec<Stored<Shelf>>| list.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(store.children("hall").await.unwrap()), ["a", "c"]);
    assert_eq!(names(store.list().await.unwrap()), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let mut tx = store.begin().await.unwrap();
    sqlx::query("PRAGMA user_version = 99").execute(tx.connection()).await.unwrap();
    tx.commit().await.unwrap();
    store.close().await;
    let refused = Store::open(&folder.path().join("metadata.db"), Arc::new(SystemClock)).await.unwrap_err();
    assert!(refused.message.contains("the file has 99"), "{refused}");
}

#[tokio::test]
async fn ids_never_repeat() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let mut tx = store.begin().await.unwrap();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..500 {
        assert!(seen.insert(tx.unique_hex().await.unwrap()));
    }
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
async fn a_range_goes_on_after_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    for (name, room) in [("a", "hall"), ("b", "attic"), ("c", "hall"), ("d", "hall"), ("é", "hall")] {
        store.create(&shelf(name, room)).await.unwrap();
    }
    let names = |found: Vec<Stored<Shelf>>| found.into_iter().map(|s| s.value.name).collect::<Vec<_>>();
    assert_eq!(names(store.range(Some("hall"), "", 2).await.unwrap()), ["a", "c"]);
    assert_eq!(names(store.range(Some("hall"), "c", 2).await.unwrap()), ["d", "é"]);
    assert_eq!(names(store.range(Some("hall"), "b2", 1).await.unwrap()), ["c"], "the key need not exist");
    assert_eq!(names(store.range(None, "a", 2).await.unwrap()), ["b", "c"]);
    assert!(store.range::<Shelf>(None, "é", 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn notifications_that_were_read_long_ago_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let mut tx = store.begin().await.unwrap();
    for name in ["a", "b", "c"] {
        tx.notify("shelf.built", name, &json!({})).await.unwrap();
    }
    let later = domain::Timestamp(tx.now().millis() + 1);
    tx.commit().await.unwrap();
    let ids: Vec<i64> = store.notifications(0, 10).await.unwrap().iter().map(|told| told.id).collect();
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.forget_notifications(ids[1], domain::Timestamp(0)).await.unwrap(), 0, "not old enough");
    assert_eq!(tx.forget_notifications(ids[1], later).await.unwrap(), 2, "not those that were not read");
    tx.commit().await.unwrap();
    assert_eq!(store.notifications(0, 10).await.unwrap()[0].subject, "c");
}
