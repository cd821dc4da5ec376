#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::json;
use tempfile::TempDir;

use super::*;

#[tokio::test]
async fn a_store_of_files_is_reached_as_one() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join(FILE), "project: p\n").unwrap();
    let home = open(folder.path()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    for (name, port) in [("lake", address.as_str()), ("nowhere", "127.0.0.1:1")] {
        let properties = json!({"ENDPOINT": format!("http://{port}")});
        let connection = json!({"Name": name, "ConnectionType": "S3", "ConnectionProperties": properties});
        home.catalog.create_connection(serde_json::from_value(connection).unwrap()).await.unwrap();
    }
    let checks = checks(folder.path()).await;
    let found = |name: &str| checks.iter().find(|check| check.what == name).unwrap();
    let (lake, nowhere) = (found("connection lake"), found("connection nowhere"));
    assert!(lake.ok && lake.found == address, "{}", lake.found);
    assert!(!nowhere.ok && nowhere.found.contains("failed at TCP"), "{}", nowhere.found);
}
