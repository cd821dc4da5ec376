#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use domain::ErrorKind;
use object_store::aws::AmazonS3ConfigKey;
use store::{Buckets, Location};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::connection::{Connection, Endpoint};
use crate::sources::{Sources, external_bucket};

fn connection(kind: &str, properties: &[(&str, &str)]) -> Connection {
    Connection {
        name: "shop".into(),
        description: None,
        connection_type: kind.into(),
        match_criteria: Vec::new(),
        connection_properties: properties.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
    }
}

fn sources(folder: &std::path::Path) -> Sources {
    Sources::new(Buckets::open(&folder.join("buckets"), folder).unwrap())
}

#[test]
fn sqlite_is_reached_by_path_and_by_url() {
    let expected = Endpoint::Sqlite { path: "data/orders.db".into() };
    assert_eq!(connection("SQLITE", &[("PATH", "data/orders.db")]).endpoint().unwrap(), expected);
    assert_eq!(connection("SQLITE", &[("JDBC_CONNECTION_URL", "jdbc:sqlite:data/orders.db")]).endpoint().unwrap(), expected);
    assert_eq!(connection("JDBC", &[("JDBC_CONNECTION_URL", "jdbc:sqlite:data/orders.db")]).endpoint().unwrap(), expected);
}

#[test]
fn other_types_are_refused_by_name() {
    let oracle = connection("ORACLE", &[]).validate().unwrap_err();
    assert_eq!(oracle.kind, ErrorKind::InvalidInput);
    assert!(oracle.message.contains("\"ORACLE\"") && oracle.message.contains("SQLITE"), "{oracle}");
    let oracle = connection("JDBC", &[("JDBC_CONNECTION_URL", "jdbc:oracle:thin://@h:1521/x")]).validate().unwrap_err();
    assert!(oracle.message.contains("jdbc:oracle:thin://@h:1521/x"), "{oracle}");
    let nowhere = connection("SQLITE", &[]).validate().unwrap_err();
    assert!(nowhere.message.contains("PATH"), "{nowhere}");
}

#[test]
fn secrets_are_read_at_use_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "hidden-in-file\n").unwrap();
    let reference = format!("${{file:{}}}", file.display());
    let s3 = connection("S3", &[("ACCESS_KEY", "key"), ("SECRET", &reference), ("PASSWORD", "plainly-written")]);
    assert_eq!(s3.property("SECRET").unwrap().as_deref(), Some("hidden-in-file"));
    let shown = format!("{s3:?}");
    assert!(!shown.contains("hidden-in-file") && !shown.contains("plainly-written"), "{shown}");
    let safe = s3.without_secrets().connection_properties;
    assert_eq!(safe, BTreeMap::from([("ACCESS_KEY".into(), "key".into()), ("SECRET".into(), reference)]));
    std::fs::remove_file(&file).unwrap();
    let error = s3.property("SECRET").unwrap_err().to_string();
    assert!(error.contains("SECRET") && error.contains("shop"), "{error}");
    let missing = connection("SQLITE", &[("PATH", "${env:PENCHANT_TEST_NO_SUCH_VARIABLE}")]).endpoint().unwrap_err();
    assert!(missing.to_string().contains("PENCHANT_TEST_NO_SUCH_VARIABLE"), "{missing}");
}

#[test]
fn external_buckets_are_addressed_as_configured() {
    let s3 = connection("S3", &[("ENDPOINT", "http://127.0.0.1:9000"), ("REGION", "eu-x-1"), ("ACCESS_KEY", "a"), ("SECRET", "b")]);
    external_bucket(&s3, "retail").unwrap();
    assert_eq!(s3.endpoint().unwrap(), Endpoint::S3 { endpoint: Some("http://127.0.0.1:9000".into()), region: "eu-x-1".into() });
    let half = external_bucket(&connection("S3", &[("ACCESS_KEY", "a")]), "retail").unwrap_err();
    assert!(half.message.contains("both ACCESS_KEY and SECRET"), "{half}");
    let wrong = external_bucket(&connection("SQLITE", &[("PATH", "x")]), "retail").unwrap_err();
    assert!(wrong.message.contains("type S3"), "{wrong}");
    // The key is one that the builder knows; a rename in the library would otherwise pass unseen.
    assert_eq!(AmazonS3ConfigKey::Endpoint.as_ref(), "aws_endpoint");
}

/// One answer on a port of its own: enough to see what an S3-compatible endpoint is asked.
async fn answer_once(listener: tokio::net::TcpListener, body: &'static str) -> String {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    let mut chunk = [0_u8; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = socket.read(&mut chunk).await.unwrap();
        assert!(read > 0, "the request ended early");
        request.extend_from_slice(&chunk[..read]);
    }
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/xml\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    String::from_utf8(request).unwrap()
}

#[tokio::test]
async fn an_external_endpoint_is_asked_in_path_style_and_signed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let listing = "<?xml version=\"1.0\"?><ListBucketResult><Name>retail</Name><IsTruncated>false</IsTruncated>\
        <Contents><Key>in/_hidden.csv</Key><LastModified>2024-05-17T08:26:00.000Z</LastModified><ETag>\"x\"</ETag><Size>5</Size></Contents>\
        <Contents><Key>in/orders.csv</Key><LastModified>2024-05-17T08:26:00.000Z</LastModified><ETag>\"x\"</ETag><Size>7</Size></Contents>\
        </ListBucketResult>";
    let server = tokio::spawn(answer_once(listener, listing));
    let s3 = connection("S3", &[("ENDPOINT", &endpoint), ("REGION", "eu-x-1"), ("ACCESS_KEY", "AKID"), ("SECRET", "hush")]);
    let folder = tempfile::tempdir().unwrap();
    let (store, path) = sources(folder.path()).files(&Location::parse("s3://retail/in/").unwrap(), Some(&s3)).unwrap();
    let files: Vec<object_store::ObjectMeta> = futures::TryStreamExt::try_collect(store.list(Some(&path))).await.unwrap();
    assert_eq!(files.len(), 2);
    let request = server.await.unwrap();
    assert!(request.starts_with("GET /retail?"), "{request}");
    assert!(request.contains("/eu-x-1/s3/aws4_request") && request.contains("Credential=AKID/"), "{request}");
    assert!(!request.contains("hush"), "{request}");
}

#[tokio::test]
async fn files_are_listed_without_hidden_ones() {
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(folder.path());
    for name in ["in/a.csv", "in/_success", "in/.hidden/b.csv", "in/sub/c.csv"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    let listed = sources.list(&Location::parse("in").unwrap(), None).await.unwrap();
    let names: Vec<&str> = listed.iter().filter_map(|file| file.location.filename()).collect();
    assert_eq!(names, ["a.csv", "c.csv"]);
}

#[tokio::test]
async fn an_s3_connection_is_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let error = sources(folder.path()).open(&connection("S3", &[])).unwrap_err();
    assert!(error.message.contains("S3 target"), "{error}");
}

#[test]
fn tables_are_written_where_we_can_and_refused_by_name_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(folder.path());
    assert!(sources.sink(&Connection::sqlite("shop", "new.db")).is_ok(), "the file may be missing");
    let server = [("HOST", "h"), ("DATABASE", "d"), ("USERNAME", "u"), ("PASSWORD", "p")];
    for (kind, properties, word) in [
        ("REDSHIFT", &server[..], "Redshift"),
        ("SQLSERVER", &server[..], "SQL Server"),
        ("MONGODB", &[("CONNECTION_URL", "mongodb://h/d")][..], "MongoDB"),
        ("KAFKA", &[("KAFKA_BOOTSTRAP_SERVERS", "h:9092")][..], "Kafka"),
        ("S3", &[][..], "S3"),
    ] {
        let error = sources.sink(&connection(kind, properties)).unwrap_err();
        assert_eq!((error.kind, error.code), (ErrorKind::InvalidInput, Some("SINK_UNSUPPORTED")), "{error}");
        assert!(error.message.contains(word) && error.message.contains("\"shop\""), "{error}");
    }
}
