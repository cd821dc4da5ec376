//! What every database promises, asked of SQLite and of PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use domain::{ErrorKind, SystemClock};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Resource, Store, Stored, sql};
use testkit::Installation;
use testkit::servers::Postgres;

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

async fn a_transaction_happens_whole_or_not_at_all(store: Store) {
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

async fn children_are_listed_by_key_under_their_parent_only(store: Store) {
    for (name, room) in [("c", "hall"), ("a", "hall"), ("b", "attic")] {
        store.create(&shelf(name, room)).await.unwrap();
    }
    let names = |list: Vec<Stored<Shelf>>| list.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(store.children("hall").await.unwrap()), ["a", "c"]);
    assert_eq!(names(store.list().await.unwrap()), ["a", "b", "c"]);
}

async fn ids_never_repeat(store: Store) {
    let mut tx = store.begin().await.unwrap();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..500 {
        assert!(seen.insert(tx.unique_hex().await.unwrap()));
    }
}

async fn a_range_goes_on_after_a_key(store: Store) {
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

async fn notifications_that_were_read_long_ago_are_forgotten(store: Store) {
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

async fn resources_are_created_once_updated_and_deleted(store: Store) {
    store.create(&shelf("a", "hall")).await.unwrap();
    assert_eq!(store.create(&shelf("a", "hall")).await.unwrap_err().kind, ErrorKind::AlreadyExists);
    let change = |shelf: &mut Shelf| {
        shelf.books += 1;
        Ok(())
    };
    assert_eq!(store.update::<Shelf>("a", change).await.unwrap().version, 2);
    let read = store.get::<Shelf>("a").await.unwrap();
    assert_eq!((read.version, read.books), (2, 4));
    store.delete::<Shelf>("a").await.unwrap();
    assert_eq!(store.delete::<Shelf>("a").await.unwrap_err().kind, ErrorKind::NotFound);
}

/// Who reads and then writes loses no other's change, although nobody asked for a lock.
async fn writers_wait_for_each_other(store: Store) {
    store.create(&Shelf { books: 0, ..shelf("a", "hall") }).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        writers.spawn(async move {
            let mut tx = store.begin().await.unwrap();
            let read = tx.get::<Shelf>("a").await.unwrap().value;
            tokio::task::yield_now().await;
            tx.put(Shelf { books: read.books + 1, ..read }).await.unwrap();
            tx.notify("shelf.grew", "a", &json!({"books": read.books + 1})).await.unwrap();
            tx.commit().await.unwrap();
        });
    }
    writers.join_all().await;
    assert_eq!(store.get::<Shelf>("a").await.unwrap().books, 20);
    let told: Vec<i64> = store.notifications(0, 100).await.unwrap().iter().filter_map(|note| note.detail["books"].as_i64()).collect();
    assert_eq!(told, (1..=20).collect::<Vec<_>>(), "notifications stand in the order of the commits");
}

async fn text_comes_back_as_it_was(store: Store) {
    let odd = Shelf { name: "'; DROP TABLE runs; -- ?$1 \u{1F4DA} \t".into(), ..shelf("", "?") };
    store.create(&odd).await.unwrap();
    assert_eq!(store.get::<Shelf>(&odd.name).await.unwrap().value, odd);
    assert_eq!(store.children::<Shelf>("?").await.unwrap().len(), 1);
}

macro_rules! promises {
    ($($name:ident,)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let home = testkit::Installation::new().await;
                super::$name(home.store.clone()).await;
            })*
        }

        /// One server for all, a schema for each.
        #[tokio::test(flavor = "multi_thread")]
        async fn postgresql() {
            let Some(server) = Postgres::start() else { return };
            for (number, name) in [$(stringify!($name)),*].iter().enumerate() {
                let home = Installation::on_postgres(&server, &format!("store_{number}")).await;
                match *name {
                    $(stringify!($name) => $name(home.store.clone()).await,)*
                    other => panic!("{other}"),
                }
            }
        }
    };
}

promises! {
    a_transaction_happens_whole_or_not_at_all,
    children_are_listed_by_key_under_their_parent_only,
    ids_never_repeat,
    a_range_goes_on_after_a_key,
    notifications_that_were_read_long_ago_are_forgotten,
    resources_are_created_once_updated_and_deleted,
    writers_wait_for_each_other,
    text_comes_back_as_it_was,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_a_newer_version_a_wrong_name_and_a_server_that_is_not_there_are_refused_in_one_sentence() {
    let Some(server) = Postgres::start() else { return };
    let clock = || Arc::new(SystemClock);
    let url = server.url("postgres");
    let store = Store::open_postgres(&url, "later", clock()).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    sql("UPDATE metadata_version SET version = 99").execute(tx.connection()).await.unwrap();
    tx.commit().await.unwrap();
    store.close().await;
    let refused = |schema: &'static str, url: String| async move { Store::open_postgres(&url, schema, clock()).await.unwrap_err().message };
    assert!(refused("later", url.clone()).await.contains("found 99"));
    assert!(refused("Later; DROP", url.clone()).await.contains("lower-case letters"));
    assert!(refused("later", "mysql:/x".into()).await.contains("postgres://"));
    drop(server);
    assert!(refused("later", url).await.contains("cannot be opened"));
}

async fn open(folder: &tempfile::TempDir) -> Store {
    Store::open(&folder.path().join("metadata.db"), Arc::new(SystemClock)).await.unwrap()
}

#[tokio::test]
async fn what_is_in_a_file_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    store.create(&shelf("a", "hall")).await.unwrap();
    let taken = store.create(&shelf("a", "hall")).await.unwrap_err();
    assert_eq!((taken.kind, taken.message.as_str()), (ErrorKind::AlreadyExists, "book shelf \"a\" already exists."));
    store.close().await;
    let store = open(&folder).await;
    assert_eq!(store.get::<Shelf>("a").await.unwrap().value, shelf("a", "hall"));
    store.delete::<Shelf>("a").await.unwrap();
    assert_eq!(store.get::<Shelf>("a").await.unwrap_err().kind, ErrorKind::NotFound);
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

#[tokio::test]
async fn readers_come_while_somebody_writes_and_space_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    store.create(&shelf("a", "hall")).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.create(&shelf("b", "hall")).await.unwrap();
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push(tokio::time::timeout(Duration::from_secs(5), store.reader()).await.expect("no wait for the writer").unwrap());
    }
    let another = open(&folder).await;
    assert!(another.find::<Shelf>("a").await.unwrap().is_some());
    tx.commit().await.unwrap();
    drop(readers);
    let mut reader = store.reader().await.unwrap();
    let row = sql("SELECT auto_vacuum AS mode FROM pragma_auto_vacuum").fetch_one(reader.connection()).await.unwrap();
    assert_eq!(row.integer("mode").unwrap(), 2, "incremental");
}
