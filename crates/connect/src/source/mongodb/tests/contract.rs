//! What every source must do, and what a MongoDB server is asked.

use std::time::Duration;

use domain::ErrorKind;
use futures::{StreamExt, TryStreamExt};
use mongodb::bson::{DateTime, Document, doc};

use super::bench::{MongoBench, endpoint, path, read};
use crate::connection::{Reach, TlsMode};
use crate::diagnosis::{CONNECTION_LOST, DNS_FAILED, PERMISSION_DENIED, Step, TABLE_GONE, TCP_FAILED, TLS_FAILED};
use crate::source::conformance::{Bench, keeps_the_contract, numbers};
use crate::source::mongodb::MongoSource;
use crate::source::{Scan, Source, TablePath};

#[tokio::test(flavor = "multi_thread")]
async fn mongodb_keeps_the_contract() {
    let Some(bench) = MongoBench::start().await else { return };
    keeps_the_contract(&bench).await;
    databases_and_views_are_listed(&bench).await;
    a_diagnosis_names_the_step(&bench).await;
    a_forbidden_collection_does_not_hide_the_others(&bench).await;
    a_collection_dropped_while_it_is_read_is_named(&bench).await;
    a_stream_that_is_dropped_ends_its_cursor(&bench).await;
    parts_are_ranges_of_ids(&bench).await;
    a_time_series_is_read_whole(&bench).await;
    large_documents_make_small_batches(&bench).await;
    nobody_is_waited_for_for_ever(&bench).await;
}

async fn databases_and_views_are_listed(bench: &MongoBench) {
    let client = bench.database.client();
    client.database("second").collection("things").insert_one(doc! { "a": 1 }).await.unwrap();
    bench.insert("shelf", vec![doc! { "_id": 1, "a": 1 }, doc! { "_id": 2, "a": 2 }]).await;
    let view = doc! { "create": "half", "viewOn": "shelf", "pipeline": [{ "$match": { "a": 2 } }] };
    bench.database.run_command(view).await.unwrap();
    let broken = doc! { "create": "broken", "viewOn": "shelf", "pipeline": [{ "$project": { "a": { "$divide": ["$a", 0] } } }] };
    bench.database.run_command(broken).await.unwrap();

    let all = bench.root_source(None).tables().await.unwrap();
    let named: Vec<String> = all.iter().map(ToString::to_string).collect();
    assert!(named.contains(&"second.things".into()) && named.contains(&"bench.half".into()), "{named:?}");
    assert!(!named.iter().any(|name| name.starts_with("admin.") || name.contains("system.")), "{named:?}");
    assert!(named.is_sorted());

    let source = bench.own_source();
    let described = source.describe(&[path("half"), path("broken"), path("shelf")]).await.unwrap();
    let half = described[0].as_ref().unwrap();
    assert_eq!((half.is_view, half.rows), (true, None));
    let broken = described[1].as_ref().unwrap_err();
    assert!(broken.to_string().contains("bench.broken"), "the view that fails is named: {broken}");
    let shelf = described[2].as_ref().unwrap();
    assert_eq!((shelf.is_view, shelf.rows, shelf.primary_key.clone()), (false, Some(2), vec!["_id".to_owned()]));
    assert!(shelf.bytes.unwrap() > 0);
    assert_eq!(read(&source, Scan::all(path("half"))).await.num_rows(), 1);
    assert_eq!((source.count(&path("half")).await.unwrap(), source.count(&path("shelf")).await.unwrap()), (None, Some(2)));
    let nowhere = source.count(&path("nowhere")).await.unwrap_err();
    assert_eq!(nowhere.code, Some(TABLE_GONE));
}

async fn a_diagnosis_names_the_step(bench: &MongoBench) {
    let passed = bench.own_source().diagnose().await;
    let steps: Vec<Step> = passed.steps.iter().map(|step| step.step).collect();
    assert_eq!(steps, [Step::Dns, Step::Tcp, Step::Authentication, Step::Database, Step::Permission], "{passed:?}");
    let failed = |diagnosis: crate::Diagnosis| diagnosis.failure().map(|failure| (failure.step, failure.detail.clone())).unwrap();

    let (step, detail) = failed(bench.root_source(Some("no_such_database")).diagnose().await);
    assert_eq!(step, Step::Database);
    assert!(detail.contains("no_such_database") && detail.contains("second"), "{detail}");

    let mut nameless = endpoint(bench.port(), "u", "p", None);
    nameless.url = "mongodb://no-such-host.invalid:27017".into();
    let nameless = MongoSource::new(nameless);
    assert_eq!(failed(nameless.diagnose().await).0, Step::Dns);
    assert_eq!(nameless.tables().await.unwrap_err().code, Some(DNS_FAILED));

    let mut encrypted = endpoint(bench.port(), "u", "p", None);
    encrypted.tls.mode = TlsMode::Require;
    let encrypted = MongoSource::new(encrypted);
    assert_eq!(failed(encrypted.diagnose().await).0, Step::Tls);
    assert_eq!(encrypted.tables().await.unwrap_err().code, Some(TLS_FAILED));

    let mut unusable = endpoint(bench.port(), "u", "p", None);
    unusable.url = "mongodb://127.0.0.1/?maxPoolSize=many".into();
    assert_eq!(failed(MongoSource::new(unusable).diagnose().await).0, Step::Configuration);

    let mut patient = endpoint(testkit::servers::free_port(), "u", "p", None);
    patient.reach = Reach { connect_timeout: Duration::from_millis(300), retries: 1, ..patient.reach };
    let tried = tokio::time::timeout(Duration::from_secs(10), MongoSource::new(patient).tables()).await;
    assert_eq!(tried.expect("two short tries").unwrap_err().kind, ErrorKind::Unavailable);
}

async fn a_forbidden_collection_does_not_hide_the_others(bench: &MongoBench) {
    bench.insert("open", vec![doc! { "a": 1 }]).await;
    bench.insert("secret", vec![doc! { "a": 1 }]).await;
    let privileges = doc! { "resource": { "db": "bench", "collection": "open" }, "actions": ["find"] };
    let admin = bench.database.client().database("admin");
    admin.run_command(doc! { "createRole": "reader", "privileges": [privileges], "roles": [] }).await.unwrap();
    admin.run_command(doc! { "createUser": "guest", "pwd": "guest", "roles": ["reader"] }).await.unwrap();
    let source = bench.source_of("guest", "guest", None);
    assert_eq!(source.tables().await.unwrap(), [path("open")], "only what the user may read is listed");
    assert_eq!(read(&source, Scan::all(path("open"))).await.num_rows(), 1);
    let described = source.describe(&[path("secret"), path("open")]).await.unwrap();
    assert!(described[0].is_err() && described[1].is_ok(), "{described:?}");

    // Who may list a collection and not read it.
    let privileges = [
        doc! { "resource": { "db": "bench", "collection": "" }, "actions": ["listCollections"] },
        doc! { "resource": { "db": "bench", "collection": "open" }, "actions": ["find", "collStats"] },
    ];
    admin.run_command(doc! { "createRole": "lister", "privileges": privileges.to_vec(), "roles": [] }).await.unwrap();
    admin.run_command(doc! { "createUser": "clerk", "pwd": "clerk", "roles": ["lister"] }).await.unwrap();
    let clerk = bench.source_of("clerk", "clerk", Some("bench"));
    let described = clerk.describe(&[path("open"), path("secret")]).await.unwrap();
    assert!(described[0].is_ok(), "{described:?}");
    let error = clerk.scan(Scan::all(path("secret"))).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(error.code, Some(PERMISSION_DENIED | TABLE_GONE)), "{error}");
    assert!(error.to_string().contains("bench.secret"), "{error}");
}

async fn a_collection_dropped_while_it_is_read_is_named(bench: &MongoBench) {
    let table = numbers(bench, "dropped_early", 30_000).await;
    let source = bench.own_source();
    let mut rows = source.scan(Scan { batch_rows: 100, ..Scan::all(table.clone()) });
    rows.next().await.unwrap().unwrap();
    bench.remove(&table).await;
    let error = rows.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.code, Some(TABLE_GONE), "{error}");
    assert!(error.to_string().contains("dropped_early"), "{error}");
}

async fn a_stream_that_is_dropped_ends_its_cursor(bench: &MongoBench) {
    let open = async || {
        let status = bench.database.run_command(doc! { "serverStatus": 1 }).await.unwrap();
        let cursors = status.get_document("metrics").unwrap().get_document("cursor").unwrap().get_document("open").unwrap();
        cursors.get_i64("total").unwrap()
    };
    let table = numbers(bench, "left", 20_000).await;
    let before = open().await;
    let source = bench.own_source();
    let mut rows = source.scan(Scan { batch_rows: 100, ..Scan::all(table.clone()) });
    rows.next().await.unwrap().unwrap();
    assert_eq!(open().await, before + 1);
    drop(rows);
    for _ in 0..100 {
        if open().await <= before {
            return bench.remove(&table).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the cursor is still open");
}

async fn parts_are_ranges_of_ids(bench: &MongoBench) {
    let source = bench.own_source();
    let rows_of = async |table: &TablePath| {
        let mut counts = Vec::new();
        for scan in source.split(Scan::all(table.clone()), 4).await.unwrap() {
            let batches: Vec<_> = source.scan(scan).try_collect().await.unwrap();
            counts.push(batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>());
        }
        counts
    };
    let table = numbers(bench, "by_object_id", 8_000).await;
    let counts = rows_of(&table).await;
    assert_eq!((counts.len(), counts.iter().sum::<usize>()), (4, 8_000), "{counts:?}");
    assert!(counts.iter().all(|count| (500..=4_000).contains(count)), "parts are about even: {counts:?}");

    let numbered: Vec<Document> = (0..4_000_i64).map(|id| doc! { "_id": id, "a": 1 }).collect();
    let counts = rows_of(&bench.insert("by_number", numbered).await).await;
    assert_eq!((counts.len(), counts.iter().sum::<usize>()), (4, 4_000), "{counts:?}");

    // One id of another type, which no sample meets for sure: it would be in no range.
    bench.database.collection("by_number").insert_one(doc! { "_id": "text", "a": 1 }).await.unwrap();
    let split = source.split(Scan::all(path("by_number")), 4).await.unwrap();
    assert_eq!(split, [Scan::all(path("by_number"))]);
    let limited = Scan { limit: Some(5), ..Scan::all(path("by_object_id")) };
    assert_eq!(source.split(limited.clone(), 4).await.unwrap(), [limited]);
}

async fn a_time_series_is_read_whole(bench: &MongoBench) {
    let series = doc! { "create": "series", "timeseries": { "timeField": "at" } };
    bench.database.run_command(series).await.unwrap();
    let points = (0..500).map(|at| doc! { "at": DateTime::from_millis(at * 1000), "value": at as f64 / 2.0 });
    let table = bench.insert("series", points.collect()).await;
    let source = bench.own_source();
    let described = source.describe(std::slice::from_ref(&table)).await.unwrap().remove(0).unwrap();
    assert!(!described.is_view && described.primary_key.is_empty(), "{described:?}");
    assert_eq!(read(&source, Scan::all(table.clone())).await.num_rows(), 500);
    assert_eq!(source.split(Scan::all(table.clone()), 4).await.unwrap().len(), 1);
    let listed = source.tables().await.unwrap();
    assert!(listed.contains(&table) && listed.iter().all(|table| !table.table.starts_with("system.")), "{listed:?}");
}

async fn large_documents_make_small_batches(bench: &MongoBench) {
    let large = "x".repeat(1 << 20);
    let table = bench.insert("large", (0..80).map(|id| doc! { "_id": id, "text": &large }).collect()).await;
    let source = bench.own_source();
    let batches: Vec<_> = source.scan(Scan::all(table.clone())).try_collect().await.unwrap();
    let rows: Vec<usize> = batches.iter().map(arrow::array::RecordBatch::num_rows).collect();
    assert_eq!(rows, [32, 32, 16], "a batch holds 32 MiB");
    bench.remove(&table).await;
}

async fn nobody_is_waited_for_for_ever(bench: &MongoBench) {
    // It takes connections and says nothing.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut silent = endpoint(listener.local_addr().unwrap().port(), "u", "p", None);
    silent.reach.connect_timeout = Duration::from_millis(500);
    let refused = tokio::time::timeout(Duration::from_secs(10), MongoSource::new(silent).tables()).await;
    assert_eq!(refused.expect("an error in time").unwrap_err().code, Some(TCP_FAILED));

    let table = numbers(bench, "stalled", 30_000).await;
    let mut hasty = endpoint(bench.port(), "tester", "p@ss/w:rd", Some("bench"));
    hasty.reach.read_timeout = Duration::from_secs(1);
    let source = MongoSource::new(hasty);
    let mut rows = source.scan(Scan { batch_rows: 100, ..Scan::all(table) });
    rows.next().await.unwrap().unwrap();
    bench.server.pause();
    let stalled = tokio::time::timeout(Duration::from_secs(10), rows.try_collect::<Vec<_>>()).await;
    bench.server.resume();
    let error = stalled.expect("an error in time").unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Unavailable, Some(CONNECTION_LOST)), "{error}");
}
