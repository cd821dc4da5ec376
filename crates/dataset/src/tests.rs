#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "the import is timed")]

use std::fmt::Write as _;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float32Type;
use domain::{Arn, ErrorKind, RunState};
use runs::{NewRun, Registry, Run, RunId};
use serde_json::json;
use store::Location;
use testkit::Installation;

use super::*;

const INTERACTIONS: &str = r#"{"type":"record","name":"Interactions","namespace":"com.amazonaws.personalize.schema","fields":[
    {"name":"USER_ID","type":"string"},{"name":"ITEM_ID","type":"string"},{"name":"TIMESTAMP","type":"long"},
    {"name":"EVENT_TYPE","type":["null","string"]},{"name":"EVENT_VALUE","type":["float","null"]}],"version":"1.0"}"#;
const ITEMS: &str = r#"{"type":"record","name":"items","fields":[
    {"name":"ITEM_ID","type":"string"},{"name":"TITLE","type":["null","string"],"textual":true},
    {"name":"PRICE","type":"float"},{"name":"GENRES","type":["string","null"],"categorical":true}]}"#;

struct Shop {
    house: Installation,
    datasets: Datasets,
    group: Arn,
    interactions: Arn,
    items: Arn,
}

impl Shop {
    async fn open() -> Self {
        Self::with(ImportSettings { min_interactions: 1, ..ImportSettings::default() }).await
    }

    async fn with(settings: ImportSettings) -> Self {
        let house = Installation::new().await;
        house.buckets.create("shop").unwrap();
        let datasets =
            Datasets::new(house.runs.clone(), house.buckets.clone(), house.artifacts.clone(), Default::default()).with_settings(settings);
        house.work(Registry::default().with(ImportExecutor::new(datasets.clone())));
        let group = datasets.create_dataset_group(from(json!({"name": "shop"}))).await.unwrap().dataset_group_arn;
        let mut arns = Vec::new();
        for (kind, schema) in [("Interactions", INTERACTIONS), ("ITEMS", ITEMS)] {
            let schema = datasets.create_schema(from(json!({"name": kind, "schema": schema}))).await.unwrap();
            let new = json!({"name": kind, "schemaArn": schema.schema_arn, "datasetGroupArn": group, "datasetType": kind});
            arns.push(datasets.create_dataset(from(new)).await.unwrap().dataset_arn);
        }
        let [interactions, items] = arns.try_into().unwrap();
        Self { house, datasets, group, interactions, items }
    }

    async fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        let location = Location::parse(&format!("s3://shop/{key}")).unwrap();
        self.house.buckets.write(&location, bytes.into().into()).await.unwrap();
    }

    /// Imports and waits; the job's name is made from the location.
    async fn import(&self, dataset: &Arn, key: &str, mode: &str) -> Run {
        let name = format!("{}{}", key.replace(['/', '.'], "-"), self.datasets.list_dataset_import_jobs(None).await.unwrap().len());
        let new = json!({"jobName": name, "datasetArn": dataset, "roleArn": "arn:aws:iam::1:role/x",
            "dataSource": {"dataLocation": format!("s3://shop/{key}")}, "importMode": mode});
        let job = self.datasets.create_dataset_import_job(from(new)).await.unwrap();
        self.house.runs.wait(&job.run).await.unwrap()
    }

    /// What fails, as code and message.
    async fn refused(&self, dataset: &Arn, key: &str) -> (String, String) {
        let run = self.import(dataset, key, "FULL").await;
        assert_eq!(run.state, RunState::Failed, "{:?}", run.result);
        (run.code.unwrap(), run.message.unwrap())
    }

    async fn snapshot(&self) -> Snapshot {
        let mut tx = self.house.store.begin().await.unwrap();
        let snapshot = self.datasets.snapshot_in(&mut tx, &self.group, &RunId("train-none".into())).await.unwrap();
        tx.commit().await.unwrap();
        snapshot
    }

    async fn load(&self) -> TrainingData {
        self.snapshot().await.load(&self.house.artifacts).await.unwrap()
    }
}

fn from<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn report(run: &Run) -> ImportReport {
    assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
    run.result().unwrap()
}

/// Events as (user, item, timestamp, type).
fn events(data: &TrainingData) -> Vec<(String, String, i64, String)> {
    let e = &data.events;
    (0..e.len())
        .map(|at| {
            let kind = e.event_types[usize::from(e.event_type[at])].clone();
            (data.users.id(e.user[at]).unwrap().into(), data.items.id(e.item[at]).unwrap().into(), e.timestamp[at], kind)
        })
        .collect()
}

#[tokio::test]
async fn an_import_keeps_good_rows_and_reports_bad_ones() {
    let shop =
        Shop::with(ImportSettings { min_interactions: 1, max_bad_share: 0.7, listed_problems: 3, ..ImportSettings::default() }).await;
    // Columns in another order and spelling, one that the schema does not know, CRLF, an empty line.
    shop.put(
        "in/a.csv",
        "timestamp,userId,ITEM_ID,extra,EVENT_TYPE,eventValue\r\n20,u2,i1,x,Purchase,1.5\r\n\r\n10,u1,i2,x,,\r\n10,,i2,x,,\r\n2020-01-01,u1,i2,x,,\r\n10,u1\r\n10,u1,i2,x,,abc\r\n",
    )
    .await;
    shop.put("in/b.csv", b"USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE\nu1,i\xff,3,,\nu1,i1,30,View,\n").await;
    shop.put("in/readme.txt", "no data").await;
    let report = report(&shop.import(&shop.interactions, "in/", "FULL").await);
    assert_eq!((report.files, report.rows_read, report.rows_kept, report.rows_rejected), (2, 8, 3, 5));
    let problems: Vec<(u64, &str, &str)> = report.problems.iter().map(|p| (p.line, p.column.as_str(), p.reason.as_str())).collect();
    assert_eq!(
        problems,
        [
            (5, "USER_ID", "USER_ID: expected a value, found none"),
            (6, "TIMESTAMP", "TIMESTAMP: expected epoch seconds, found \"2020-01-01\""),
            (7, "", "expected 6 fields as in the header, found 2"),
        ]
    );
    assert_eq!(report.problems[0].file, "s3://shop/in/a.csv");
    let reasons: Vec<&str> = report.reasons.iter().map(|r| r.reason.as_str()).collect();
    assert!(
        reasons.contains(&"EVENT_VALUE: expected a number") && reasons.contains(&"ITEM_ID: expected UTF-8 text, found other bytes"),
        "{reasons:?}"
    );

    let data = shop.load().await;
    let row = |user: &str, item: &str, at, kind: &str| (user.to_owned(), item.to_owned(), at, kind.to_owned());
    assert_eq!(events(&data), [row("u1", "i2", 10, ""), row("u1", "i1", 30, "View"), row("u2", "i1", 20, "Purchase")]);
    assert_eq!(data.events.event_value[2], 1.5);
    assert!(data.events.event_value[0].is_nan());
}

#[tokio::test]
async fn every_mistake_in_the_files_gets_one_sentence_and_leaves_the_old_data() {
    let shop = Shop::with(ImportSettings { min_interactions: 3, ..ImportSettings::default() }).await;
    let header = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE\n";
    shop.put("good/a.csv", format!("{header}u,i,1,,\nu,i,2,,\nu,i,3,,\n")).await;
    report(&shop.import(&shop.interactions, "good", "FULL").await);
    let files: [(&str, Vec<u8>, &str, &str); 9] = [
        (
            "missing.csv",
            b"USER_ID,TIMESTAMP,price\nu,1,2\n".to_vec(),
            "IMPORT_FIELD_MISSING",
            "found none for ITEM_ID, EVENT_TYPE, EVENT_VALUE; the columns are USER_ID, TIMESTAMP, price",
        ),
        ("semicolon.csv", b"USER_ID;ITEM_ID\nu;i\n".to_vec(), "IMPORT_FIELD_MISSING", "must be separated by commas"),
        (
            "twice.csv",
            b"USER_ID,userId,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE\n".to_vec(),
            "IMPORT_FIELD_TWICE",
            "found two: USER_ID and userId",
        ),
        ("header.csv", header.as_bytes().to_vec(), "IMPORT_EMPTY", "found 1 file with a header and nothing below it"),
        ("empty.csv", Vec::new(), "IMPORT_EMPTY", "s3://shop/empty.csv is empty"),
        (
            "millis.csv",
            format!("{header}u,i,1577836800000,,\nu,i,1577836800001,,\n").into_bytes(),
            "IMPORT_TOO_MANY_BAD_ROWS",
            "TIMESTAMP: expected epoch seconds, found 1577836800000, which looks like milliseconds (s3://shop/millis.csv, line 2)",
        ),
        ("few.csv", format!("{header}u,i,1,,\n").into_bytes(), "IMPORT_TOO_FEW_INTERACTIONS", "needs at least 3 usable rows; found 1 of 1"),
        (
            "broken.csv.gz",
            vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3],
            "IMPORT_FILE_UNREADABLE",
            "s3://shop/broken.csv.gz cannot be read",
        ),
        ("broken.parquet", b"PAR1 and no more".to_vec(), "IMPORT_FILE_UNREADABLE", "s3://shop/broken.parquet cannot be read"),
    ];
    for (key, bytes, code, sentence) in files {
        shop.put(key, bytes).await;
        let (found, message) = shop.refused(&shop.interactions, key).await;
        assert_eq!(found, code, "{key}: {message}");
        assert!(message.contains(sentence), "{key}: {message}");
    }
    shop.put("notes/a.txt", "x").await;
    let (code, message) = shop.refused(&shop.interactions, "notes/").await;
    assert!(code == "IMPORT_NO_FILES" && message.contains("found 1 other file, the first is s3://shop/notes/a.txt"), "{message}");
    let (code, message) = shop.refused(&shop.interactions, "nowhere/").await;
    assert!(code == "IMPORT_NO_FILES" && message.contains("found nothing"), "{message}");

    assert_eq!(shop.load().await.events.len(), 3);
    let contents = shop.datasets.contents(&shop.interactions).await.unwrap();
    let folders = std::fs::read_dir(shop.house.artifacts.path("datasets")).unwrap();
    let with_files = folders.filter(|f| f.as_ref().unwrap().path().join("part.parquet").exists()).count();
    assert_eq!((contents.parts.len(), with_files), (1, 1), "failed imports leave no files");
}

#[tokio::test]
async fn full_replaces_incremental_adds_and_later_items_win() {
    let shop = Shop::open().await;
    let header = "ITEM_ID,TITLE,PRICE,GENRES\n";
    shop.put("i1.csv", format!("{header}a,\"Tea, \"\"green\"\"\",1.5,Drink|Hot\nb,\"5\\\" pan\",2,\na,Tea,1.75,\n")).await;
    shop.put("i2.csv", format!("{header}b,Pan,3,Kitchen\nc,Cup,4,\n")).await;
    report(&shop.import(&shop.items, "i1.csv", "FULL").await);
    report(&shop.import(&shop.items, "i2.csv", "INCREMENTAL").await);
    let rows = |data: &TrainingData| -> Vec<(String, Option<String>, Option<f32>)> {
        let batch = data.item_metadata.as_ref().unwrap();
        let (title, price) = (
            batch.column_by_name("TITLE").unwrap().as_string::<i32>().clone(),
            batch.column_by_name("PRICE").unwrap().as_primitive::<Float32Type>().clone(),
        );
        let ids = batch.column_by_name("ITEM_ID").unwrap().as_string::<i32>().clone();
        (0..batch.num_rows())
            .map(|at| {
                (ids.value(at).into(), title.is_valid(at).then(|| title.value(at).into()), price.is_valid(at).then(|| price.value(at)))
            })
            .collect()
    };
    let row = |id: &str, title: &str, price: f32| (id.to_owned(), Some(title.to_owned()), Some(price));
    assert_eq!(rows(&shop.load().await), [row("a", "Tea", 1.75), row("b", "Pan", 3.0), row("c", "Cup", 4.0)]);

    report(&shop.import(&shop.items, "i2.csv", "FULL").await);
    // An item that only events know has a row without metadata; the items dataset alone counts as known items too.
    shop.put("e.csv", "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE\nu,x,1,,\n").await;
    report(&shop.import(&shop.interactions, "e.csv", "FULL").await);
    let data = shop.load().await;
    assert_eq!(rows(&data), [row("b", "Pan", 3.0), row("c", "Cup", 4.0), ("x".into(), None, None)]);
    assert_eq!(data.users.len(), 1);
}

#[tokio::test]
async fn the_same_data_in_another_order_gives_the_same_indices_and_duplicates_count_once() {
    let header = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE\n";
    let lines = ["u2,b,5,View,", "u1,a,5,View,1", "u1,a,5,View,1", "u1,a,5,View,2", "u1,a,5,Buy,1", "u3,c,1,,"];
    let mut loaded = Vec::new();
    for turn in [0, 3] {
        let shop = Shop::open().await;
        let mut turned = lines;
        turned.rotate_left(turn);
        shop.put("a.csv", format!("{header}{}\n", turned.join("\n"))).await;
        report(&shop.import(&shop.interactions, "a.csv", "FULL").await);
        loaded.push(shop.load().await);
    }
    assert_eq!(loaded[0].users, loaded[1].users);
    assert_eq!(loaded[0].items, loaded[1].items);
    assert_eq!(loaded[0].events.event_types, ["", "Buy", "View"]);
    let sorted = |data: &TrainingData| {
        let mut all = events(data);
        all.sort();
        all
    };
    assert_eq!(loaded[0].events.len(), 5, "one exact duplicate");
    assert_eq!(sorted(&loaded[0]), sorted(&loaded[1]));
    assert_eq!(loaded[0].users.index("u2"), Some(1));
    assert_eq!(loaded[0].users.id(3), None);
}

/// Killed after the files were written and before they were published, the import is done again and leaves one file.
#[tokio::test]
async fn an_import_goes_on_after_a_crash() {
    let house = Installation::new().await;
    house.buckets.create("shop").unwrap();
    let settings = ImportSettings { min_interactions: 1, ..ImportSettings::default() };
    let datasets =
        Datasets::new(house.runs.clone(), house.buckets.clone(), house.artifacts.clone(), Default::default()).with_settings(settings);
    let group = datasets.create_dataset_group(from(json!({"name": "g"}))).await.unwrap().dataset_group_arn;
    let schema = datasets.create_schema(from(json!({"name": "s", "schema": INTERACTIONS}))).await.unwrap().schema_arn;
    let new = json!({"name": "i", "schemaArn": schema, "datasetGroupArn": group, "datasetType": "Interactions"});
    let dataset = datasets.create_dataset(from(new)).await.unwrap().dataset_arn;
    let file = Location::parse("s3://shop/a.csv").unwrap();
    house.buckets.write(&file, "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE\nu,i,1,,\n".into()).await.unwrap();
    let job = json!({"jobName": "j", "datasetArn": dataset, "dataSource": {"dataLocation": "s3://shop/a.csv"}});
    let job = datasets.create_dataset_import_job(from(job)).await.unwrap();
    let second = json!({"jobName": "k", "datasetArn": dataset, "dataSource": {"dataLocation": "s3://shop/a.csv"}});
    let second = datasets.create_dataset_import_job(from(second)).await.unwrap_err();
    assert!(second.kind == ErrorKind::InUse && second.message.contains("one import at a time"), "{second}");

    let limits = runs::Limits { job_memory_bytes: 1 << 20, spill_folder: house.folder.path().into(), threads: 1 };
    let registry = Registry::default().with(ImportExecutor::new(datasets.clone()));
    let held = runs::Breakpoints::hold_at("import.files_written");
    let worker = runs::Worker::new(house.runs.clone(), registry.clone(), runs::Settings::default(), limits, held);
    let crash = tokio_util::sync::CancellationToken::new();
    let work = tokio::spawn(async move { worker.work(crash).await });
    let part = |attempt: u32| house.artifacts.path(&format!("datasets/{}-{attempt}/part.parquet", job.run));
    while !part(1).exists() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    work.abort();
    assert!(datasets.contents(&dataset).await.unwrap().parts.is_empty());

    house.work(registry);
    let run = house.runs.wait(&job.run).await.unwrap();
    assert_eq!((report(&run).rows_kept, run.attempt), (1, 2));
    assert!(!part(1).exists() && part(2).exists());
    assert_eq!(datasets.contents(&dataset).await.unwrap().rows(), 1);
}

#[tokio::test]
async fn parquet_and_compressed_files_are_read_like_csv() {
    use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMillisecondArray};
    let shop = Shop::with(ImportSettings { min_interactions: 1, max_bad_share: 0.3, ..ImportSettings::default() }).await;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("event_type", std::sync::Arc::new(StringArray::from(vec![Some("View"), None]))),
        ("user_id", std::sync::Arc::new(Int64Array::from(vec![Some(7), None]))),
        ("item_id", std::sync::Arc::new(StringArray::from(vec!["i", "j"]))),
        ("timestamp", std::sync::Arc::new(TimestampMillisecondArray::from(vec![1_577_836_800_000, 1]))),
        ("event_value", std::sync::Arc::new(Int64Array::from(vec![Some(2), None]))),
    ];
    let batch = arrow::array::RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    shop.put("in/a.parquet", bytes).await;
    let text = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE\n8,i,5,,\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, text.as_bytes()).unwrap();
    shop.put("in/b.csv.gz", gzip.finish().unwrap()).await;
    shop.put("in/c.csv.zst", zstd::encode_all(text.replace("8,i", "9,i").as_bytes(), 1).unwrap()).await;
    // One of four rows has no user.
    let report = report(&shop.import(&shop.interactions, "in", "FULL").await);
    assert_eq!((report.problems[0].line, report.problems[0].reason.as_str()), (2, "USER_ID: expected a value, found none"));
    let row = |user: &str, at, kind: &str| (user.to_owned(), "i".to_owned(), at, kind.to_owned());
    assert_eq!(events(&shop.load().await), [row("7", 1_577_836_800, "View"), row("8", 5, ""), row("9", 5, "")]);
}

#[tokio::test]
async fn what_is_in_use_is_not_deleted() {
    let shop = Shop::open().await;
    let in_use = |result: domain::Result<()>, by: &str| {
        let error = result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::InUse);
        assert!(error.message.contains(by), "{error}");
    };
    shop.put("a.csv", "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE\nu,i,1,,\n").await;
    report(&shop.import(&shop.interactions, "a.csv", "FULL").await);
    let schema = shop.datasets.get_dataset(&shop.interactions).await.unwrap().schema_arn.clone();
    in_use(shop.datasets.delete_dataset_group(&shop.group).await, "dataset \"Interactions\"");
    in_use(shop.datasets.delete_schema(&schema).await, "dataset \"Interactions\"");

    // A run of a kind nobody executes stays queued and holds the dataset and its files.
    let mut tx = shop.house.store.begin().await.unwrap();
    let run = shop.house.runs.submit_in(&mut tx, &NewRun::new("train", "x")).await.unwrap();
    let snapshot = shop.datasets.snapshot_in(&mut tx, &shop.group, &run).await.unwrap();
    tx.commit().await.unwrap();
    in_use(shop.datasets.delete_dataset(&shop.interactions).await, &format!("run {run}"));
    report(&shop.import(&shop.interactions, "a.csv", "FULL").await);
    assert_eq!(snapshot.load(&shop.house.artifacts).await.unwrap().events.len(), 1, "replaced files are still there");
    assert_eq!(shop.datasets.contents(&shop.interactions).await.unwrap().retired.len(), 1);
    shop.house.runs.stop(&run).await.unwrap();
    report(&shop.import(&shop.interactions, "a.csv", "FULL").await);
    assert!(shop.datasets.contents(&shop.interactions).await.unwrap().retired.is_empty());
    assert!(snapshot.load(&shop.house.artifacts).await.is_err(), "nobody needs them any more");

    let mut tx = shop.house.store.begin().await.unwrap();
    shop.datasets.hold_group_in(&mut tx, &shop.group, "solution \"s\"").await.unwrap();
    tx.commit().await.unwrap();
    shop.datasets.delete_dataset(&shop.interactions).await.unwrap();
    shop.datasets.delete_dataset(&shop.items).await.unwrap();
    assert!(shop.datasets.list_dataset_import_jobs(None).await.unwrap().is_empty());
    in_use(shop.datasets.delete_dataset_group(&shop.group).await, "solution \"s\"");
    let mut tx = shop.house.store.begin().await.unwrap();
    shop.datasets.release_group_in(&mut tx, &shop.group, "solution \"s\"").await.unwrap();
    tx.commit().await.unwrap();
    shop.datasets.delete_dataset_group(&shop.group).await.unwrap();
    shop.datasets.delete_schema(&schema).await.unwrap();
}

#[tokio::test]
async fn requests_that_do_not_fit_are_refused() {
    let shop = Shop::open().await;
    let d = &shop.datasets;
    let kind = |error: domain::Error| error.kind;
    let items_schema = d.get_dataset(&shop.items).await.unwrap().schema_arn.clone();
    let new =
        |kind: &str, schema: &Arn| from(json!({"name": "n", "schemaArn": schema, "datasetGroupArn": shop.group, "datasetType": kind}));
    assert_eq!(kind(d.create_dataset(new("items", &items_schema)).await.unwrap_err()), ErrorKind::AlreadyExists);
    let other = d.create_dataset(new("users", &items_schema)).await.unwrap_err();
    assert!(other.message.contains("schema \"ITEMS\" is for ITEMS"), "{other}");
    let actions = d.create_dataset(new("Actions", &items_schema)).await.unwrap_err();
    assert!(actions.message.contains("found \"Actions\""), "{actions}");
    assert_eq!(kind(d.create_dataset_group(from(json!({"name": "shop"}))).await.unwrap_err()), ErrorKind::AlreadyExists);
    let nowhere = Arn::parse("arn:aws:personalize:us-east-1:123456789012:dataset/x/ITEMS").unwrap();
    let job = json!({"jobName": "j", "datasetArn": nowhere, "dataSource": {"dataLocation": "s3://shop/x"}});
    assert_eq!(kind(d.create_dataset_import_job(from(job)).await.unwrap_err()), ErrorKind::NotFound);
}

#[test]
fn every_violation_of_a_schema_is_named() {
    let fields = |fields: &str| format!(r#"{{"type":"record","name":"Interactions","fields":[{fields}]}}"#);
    let wrong = fields(
        r#"{"name":"USER_ID","type":"int"},{"name":"user_id","type":"string"},{"name":"TIMESTAMP","type":["long","null"]},
           {"name":"WHEN","type":"date"},{"name":"TEXT","type":"long","categorical":true}"#,
    );
    let error = AvroSchema::parse(&wrong, None).unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::InvalidInput, Some("SCHEMA_INVALID")));
    for sentence in [
        "USER_ID: expected type string, found int.",
        "user_id: expected names that differ in more than case and underscores, found USER_ID before it.",
        "ITEM_ID: expected this field of type string in every INTERACTIONS schema, found none.",
        "TIMESTAMP: expected a type without null",
        "WHEN: expected string, int, long, float, double, boolean or a union of one of them with null, found \"date\".",
        "TEXT: expected type string for a categorical field, found long.",
    ] {
        assert!(error.message.contains(sentence), "{sentence}\n{error}");
    }
    let all = fields(r#"{"name":"userId","type":"string"},{"name":"ITEM_ID","type":"string"},{"name":"TIMESTAMP","type":"long"}"#);
    assert_eq!(AvroSchema::parse(&all, None).unwrap().fields.len(), 3);
    let domain = AvroSchema::parse(&all, Some(Domain::Ecommerce)).unwrap_err();
    assert!(
        domain.message.contains("EVENT_TYPE: expected this field of type string in every INTERACTIONS schema of domain ECOMMERCE"),
        "{domain}"
    );
    for (text, sentence) in [
        ("{", "not JSON"),
        (r#"{"type":"record","name":"Orders","fields":[]}"#, "name: expected \"Interactions\", \"Items\" or \"Users\", found \"Orders\"."),
        (r#"{"type":"record","name":"Users","fields":[{"name":"USER_ID","type":"string"}]}"#, "at least one field beside the id"),
        (r#"{"type":"record","name":"Users"}"#, "fields: expected a list of fields, found nothing."),
    ] {
        let error = AvroSchema::parse(text, None).unwrap_err();
        assert!(error.message.contains(sentence), "{error}");
    }
}

#[tokio::test]
async fn events_are_added_once_joined_to_their_user_and_survive_a_full_import() {
    let shop = Shop::open().await;
    shop.put("a.csv", "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE\nu,i,1,,\n").await;
    report(&shop.import(&shop.interactions, "a.csv", "FULL").await);
    let put = |sequence, user: Option<&str>, session: &str, item: &str| PutRecord {
        sequence,
        user_id: user.map(Into::into),
        session_id: session.into(),
        item_id: item.into(),
        timestamp: 100 + sequence as i64,
        event_type: "View".into(),
        event_value: Some(0.5),
        impression: Vec::new(),
        recommendation_id: None,
        attribution_source: None,
        properties: serde_json::Map::new(),
    };
    let first = [put(1, None, "s1", "a"), put(2, None, "s2", "b")];
    assert_eq!(shop.datasets.append_events(&shop.group, &first, 2).await.unwrap().rows, 2);
    // The same again, and one more: only the one is new. It says who was behind session s1.
    let again = [put(1, None, "s1", "a"), put(2, None, "s2", "b"), put(3, Some("v"), "s1", "c")];
    assert_eq!(shop.datasets.append_events(&shop.group, &again, 3).await.unwrap().rows, 1);
    report(&shop.import(&shop.interactions, "a.csv", "FULL").await);
    let row = |user: &str, item: &str, at, kind: &str| (user.to_owned(), item.to_owned(), at, kind.to_owned());
    assert_eq!(
        events(&shop.load().await),
        [row("s2", "b", 102, "View"), row("u", "i", 1, ""), row("v", "a", 101, "View"), row("v", "c", 103, "View")]
    );
    let contents = shop.datasets.contents(&shop.interactions).await.unwrap();
    assert_eq!((contents.parts.len(), contents.rows(), contents.events_through), (2, 4, 3), "small parts are merged");
    assert_eq!(shop.snapshot().await.events_through, 3);
}

/// One file of a zip archive in the shared data, or nothing when it is not there.
fn shared(zip: &str, file: &str) -> Option<Vec<u8>> {
    let root = std::env::var("PENCHANT_SHARED_DATA")
        .unwrap_or_else(|_| format!("{}/../../../shared/data", std::env::var("CARGO_MANIFEST_DIR").unwrap()));
    let archive = std::fs::read(std::path::Path::new(&root).join(zip)).ok()?;
    let number = |at: usize, len: usize| archive[at..at + len].iter().rev().fold(0_usize, |n, b| n << 8 | usize::from(*b));
    // Central directory: signature, ..., sizes at 20 and 24, lengths of name, extra and comment at 28, offset at 42, name at 46.
    let mut at = archive.windows(4).position(|w| w == b"PK\x01\x02")?;
    while archive[at..].starts_with(b"PK\x01\x02") {
        let name = &archive[at + 46..at + 46 + number(at + 28, 2)];
        if name == file.as_bytes() {
            let local = number(at + 42, 4);
            let data = local + 30 + number(local + 26, 2) + number(local + 28, 2);
            let packed = &archive[data..data + number(at + 20, 4)];
            if number(at + 10, 2) == 0 {
                return Some(packed.to_vec());
            }
            let mut out = Vec::with_capacity(number(at + 24, 4));
            std::io::Read::read_to_end(&mut flate2::read::DeflateDecoder::new(packed), &mut out).unwrap();
            return Some(out);
        }
        at += 46 + number(at + 28, 2) + number(at + 30, 2) + number(at + 32, 2);
    }
    None
}

/// MovieLens ratings as an interactions CSV.
fn ratings(text: &[u8], separator: &str) -> String {
    let mut csv = String::from("USER_ID,ITEM_ID,EVENT_VALUE,TIMESTAMP,EVENT_TYPE\n");
    for line in std::str::from_utf8(text).unwrap().lines() {
        writeln!(csv, "{},rating", line.replace(separator, ",")).unwrap();
    }
    csv
}

#[tokio::test]
async fn movielens_is_imported_and_loaded() {
    for (zip, file, separator, counts) in [
        ("ml-100k/ml-100k.zip", "ml-100k/u.data", "\t", (100_000, 943, 1682)),
        ("ml-1m/ml-1m.zip", "ml-1m/ratings.dat", "::", (1_000_209, 6040, 3706)),
    ] {
        let Some(text) = shared(zip, file) else {
            println!("not run: {zip} is absent");
            continue;
        };
        let shop = Shop::open().await;
        shop.put("ratings.csv", ratings(&text, separator)).await;
        let started = std::time::Instant::now();
        let report = report(&shop.import(&shop.interactions, "ratings.csv", "FULL").await);
        let imported = started.elapsed();
        let data = shop.load().await;
        println!("{file}: import {imported:?}, load {:?}", started.elapsed() - imported);
        assert_eq!((report.rows_kept, report.rows_rejected), (counts.0, 0));
        assert_eq!((data.events.len() as u64, data.users.len(), data.items.len()), counts);
        assert!(data.events.user.is_sorted());
    }
}

#[tokio::test]
async fn a_part_without_a_user_does_not_hold_the_id_in_its_dictionary_either() {
    let shop = Shop::open().await;
    shop.put("i.csv", "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE\nann,a,1,buy,\nbob,b,2,buy,\nann,c,3,buy,\n").await;
    assert_eq!(shop.import(&shop.interactions, "i.csv", "FULL").await.state, RunState::Succeeded);
    let before = shop.datasets.contents(&shop.interactions).await.unwrap();
    let new = |run: &str, user: &str| NewDeletion {
        run: RunId(run.into()),
        attempt: format!("{run}-1"),
        group_arn: shop.group.clone(),
        leavers: Leavers { users: [user.to_owned()].into(), sessions: Default::default() },
        through: 0,
        logged: 0,
    };
    let deletion = shop.datasets.delete_users(new("one", "ann")).await.unwrap();
    assert_eq!((deletion.rows["INTERACTIONS"], deletion.rows["ITEMS"]), (2, 0));
    let old = shop.datasets.artifacts().path(&before.parts[0].name);
    assert!(old.exists(), "until nothing points at it any more");
    shop.datasets.remove_gone(&deletion).await.unwrap();
    let after = shop.datasets.contents(&shop.interactions).await.unwrap();
    assert!(!old.exists() && after.retired.is_empty() && after.rows() == 1 && after.deletions == 1);
    part_file::read(
        &shop.datasets.artifacts().path(&after.parts[0].name),
        |_| true,
        |batch| {
            let users = batch.column(0).as_dictionary::<arrow::datatypes::Int32Type>();
            assert_eq!(users.values().as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["bob"]);
            Ok(())
        },
    )
    .unwrap();
    // The last one leaves nothing behind, and the record of a run that came to no end is taken over.
    let last = shop.datasets.delete_users(new("two", "bob")).await.unwrap();
    assert!(last.gone.is_superset(&deletion.gone) && shop.datasets.deletion(&deletion.run).await.unwrap().is_none());
    assert_eq!(shop.datasets.contents(&shop.interactions).await.unwrap().parts, []);
}
