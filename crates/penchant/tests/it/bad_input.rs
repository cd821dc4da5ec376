//! Every mistake gets one sentence that says what was expected, what was found and where; nothing panics.

use std::net::TcpListener;
use std::path::Path;

use tempfile::TempDir;

use crate::binary::{run, text};
use crate::project::{FIELDS, events, only_training};

/// The command fails with the exit code, and its error holds all the words.
fn refused(folder: &Path, arguments: &[&str], code: i32, words: &[&str]) {
    let output = run(folder, arguments);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    for word in words {
        assert!(error.contains(word), "{arguments:?}: expected {word:?} in: {error}");
    }
    assert!(!error.contains("panicked"), "{error}");
}

#[test]
fn a_folder_without_a_project_says_what_a_project_is() {
    let folder = TempDir::new().unwrap();
    refused(folder.path(), &["run"], 2, &["penchant.yaml", "found none in", "penchant quickstart"]);
}

#[test]
fn a_misspelt_project_file_is_named_with_file_and_line() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("penchant.yaml"), "project: x\njobz: []\n").unwrap();
    refused(folder.path(), &["apply"], 2, &["jobz", "line 2", "penchant.yaml"]);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = TempDir::new().unwrap();
    refused(folder.path(), &["serve", "--listen", &address], 4, &[&address, "in use", "--listen"]);
}

#[test]
fn what_does_not_exist_is_named() {
    let folder = only_training(&events(2000, 1), FIELDS);
    refused(folder.path(), &["crawl", "nobody"], 3, &["crawler", "nobody"]);
    refused(folder.path(), &["train", "nightly"], 3, &["nightly", "there is: train"]);
    refused(folder.path(), &["recommend", "--user", "u1", "--campaign", "gone"], 3, &["campaign", "gone"]);
    refused(folder.path(), &["logs", "train-00000000"], 3, &["train-00000000"]);
}

#[test]
fn data_that_cannot_be_used_is_explained() {
    let seconds = events(2000, 1);
    let without_column = seconds.replace("USER_ID,ITEM_ID,TIMESTAMP", "USER_ID,PRODUCT,TIMESTAMP");
    let cases: [(&str, &str, &[&str]); 4] = [
        (&without_column, FIELDS, &["ITEM_ID", "interactions.csv", "PRODUCT"]),
        (&events(2000, 1000), FIELDS, &["milliseconds", "seconds", "1700000000000"]),
        ("USER_ID,ITEM_ID,TIMESTAMP\n", FIELDS, &["interactions.csv"]),
        (&events(200, 1), FIELDS, &["1000", "200"]),
    ];
    for (csv, fields, words) in cases {
        let folder = only_training(csv, fields);
        refused(folder.path(), &["train"], 1, words);
    }
}

#[test]
fn a_schema_without_its_required_field_is_refused() {
    let fields = r#"[{"name": "ITEM_ID", "type": "string"}, {"name": "TIMESTAMP", "type": "long"}]"#;
    let folder = only_training(&events(2000, 1), fields);
    refused(folder.path(), &["train"], 1, &["USER_ID"]);
}

#[test]
fn an_unreadable_file_is_named() {
    let folder = only_training(&events(2000, 1), FIELDS);
    std::fs::remove_file(folder.path().join("data/interactions.csv")).unwrap();
    refused(folder.path(), &["train"], 1, &["data/interactions.csv"]);
    std::fs::write(folder.path().join("training.json"), "{\"datasetGroup\": ").unwrap();
    refused(folder.path(), &["train"], 1, &["training.json", "line 1"]);
}
