use connect::{Connection, Secrets, Step};
use domain::ErrorKind;
use serde_json::json;

use super::{House, crawler};
use crate::Catalog;

fn sealing(house: &House) -> Catalog {
    house.catalog.clone().with_secrets(Secrets::with_key([9; 32]))
}

fn postgres(password: &str) -> Connection {
    let properties = [("HOST", "127.0.0.1"), ("PORT", "1"), ("DATABASE", "d"), ("USERNAME", "u"), ("PASSWORD", password)];
    Connection::new("pg", "POSTGRESQL", properties.map(|(name, value)| (name, value.to_owned())))
}

#[tokio::test]
async fn secrets_are_stored_sealed_or_not_at_all() {
    let house = House::new().await;
    let keyless = house.catalog.create_connection(postgres("hush")).await.unwrap_err();
    assert!(keyless.message.contains("key file"), "{keyless}");
    let catalog = sealing(&house);
    catalog.create_connection(postgres("hush")).await.unwrap();
    let stored = catalog.get_connection("pg").await.unwrap();
    let sealed = &stored.connection_properties["PASSWORD"];
    assert!(sealed.starts_with("${sealed:") && !sealed.contains("hush"), "{sealed}");
    for suffix in ["", "-wal"] {
        let file = std::fs::read(house.folder().join(format!("metadata.db{suffix}"))).unwrap();
        assert!(!file.windows(4).any(|bytes| bytes == b"hush"), "metadata.db{suffix} holds the secret in clear");
    }
    assert_eq!(stored.unsealed(catalog.sources().secrets()).unwrap().connection_properties["PASSWORD"], "hush");
    assert!(!stored.without_secrets().connection_properties.contains_key("PASSWORD"));
    let mut without = postgres("");
    without.connection_properties.remove("PASSWORD");
    catalog.update_connection("pg", without).await.unwrap();
    assert!(!catalog.get_connection("pg").await.unwrap().connection_properties.contains_key("PASSWORD"), "replaced as a whole");
    house.catalog.update_connection("pg", postgres("${env:PG_PASSWORD}")).await.unwrap();
    assert_eq!(catalog.get_connection("pg").await.unwrap().connection_properties["PASSWORD"], "${env:PG_PASSWORD}");
}

#[tokio::test]
async fn a_test_names_the_step_that_failed_and_is_remembered() {
    let house = House::new().await;
    let catalog = sealing(&house);
    catalog.create_connection(Connection::sqlite("orders", "orders.db")).await.unwrap();
    let failed = catalog.test_connection("orders").await.unwrap();
    assert_eq!(failed.failure().unwrap().step, Step::File);
    let check = catalog.connection_check("orders").await.unwrap().unwrap();
    assert!(check.failure.as_ref().unwrap().contains("orders"), "{check:?}");
    rusqlite::Connection::open(house.folder().join("orders.db")).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    assert!(catalog.test_connection("orders").await.unwrap().failure().is_none());
    assert_eq!(catalog.connection_check("orders").await.unwrap().unwrap().failure, None);
    catalog.update_connection("orders", Connection::sqlite("orders", "other.db")).await.unwrap();
    assert!(catalog.connection_check("orders").await.unwrap().is_none(), "another connection is untested");
    let refused = catalog.delete_connections(vec!["orders".into(), "nobody".into()]).await.unwrap();
    assert_eq!((refused.len(), refused[0].item.as_str(), refused[0].error.kind), (1, "nobody", ErrorKind::NotFound));
    assert_eq!(catalog.test_connection("orders").await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_store_of_files_is_reached_as_far_as_it_goes() {
    let house = House::new().await;
    let catalog = sealing(&house);
    let at = |endpoint: &str| Connection::new("minio", "S3", [("ENDPOINT", endpoint.to_owned())]);
    for (endpoint, step) in [
        ("minio:9000", Step::Configuration),
        ("http://", Step::Configuration),
        ("http://nowhere.invalid:9000", Step::Dns),
        ("http://127.0.0.1:1", Step::Tcp),
    ] {
        let diagnosis = catalog.diagnose_connection(&at(endpoint)).await.unwrap();
        assert_eq!(diagnosis.failure().map(|failed| failed.step), Some(step), "{endpoint}: {diagnosis:?}");
    }
    // Somebody listens, who speaks no S3: without a bucket nothing is asked, with one it is told.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let answering = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            if stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                let body = "<Error><Code>NoSuchBucket</Code></Error>";
                let answer = format!("HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.ok();
            }
        }
    });
    assert!(catalog.diagnose_connection(&at(&endpoint)).await.unwrap().failure().is_none());
    let reading = json!({"Name": "c", "DatabaseName": "shop", "Targets": {"S3Targets": [{"Path": "s3://lost-bucket/x/", "ConnectionName": "minio"}]}});
    catalog.create_crawler(crawler(reading)).await.unwrap();
    let diagnosis = catalog.diagnose_connection(&at(&endpoint)).await.unwrap();
    let failed = diagnosis.failure().unwrap();
    assert!(failed.step == Step::Database && failed.detail.contains("lost-bucket"), "{failed:?}");
    answering.abort();
}
