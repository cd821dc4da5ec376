//! Projects for tests.

use std::path::Path;

use tempfile::TempDir;

use crate::binary::ask;

/// A shop a sixteenth of the default's size, walked once.
pub fn walked_shop() -> TempDir {
    let folder = TempDir::new().unwrap();
    ask(Path::new("."), &["quickstart", "--shop", folder.path().to_str().unwrap(), "--customers", "320"]);
    folder
}

/// The same shop, its sources and project files only.
pub fn copy_of_sources(walked: &Path) -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in ["sources", "jobs", "penchant.yaml", "training.json"] {
        copy(&walked.join(name), &folder.path().join(name));
    }
    folder
}

pub fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        std::fs::copy(from, to).unwrap();
        return;
    }
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

/// A project that only imports and trains: `interactions` is the CSV, `fields` the schema's fields as JSON.
pub fn only_training(interactions: &str, fields: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let parameters = format!(
        r#"{{"datasetGroup": {{"name": "tiny"}},
            "datasets": {{"Interactions": {{"name": "events", "dataLocation": "data/interactions.csv",
                "schema": {{"type": "record", "name": "Interactions", "namespace": "n", "fields": {fields}}}}}}},
            "solutions": {{"best": {{"name": "best", "recipeArn": "arn:aws:personalize:::recipe/aws-popularity-count"}}}},
            "campaigns": {{"c": {{"name": "c", "solution": "best"}}}}}}"#
    );
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/interactions.csv"), interactions).unwrap();
    std::fs::write(folder.path().join("training.json"), parameters).unwrap();
    std::fs::write(folder.path().join("penchant.yaml"), "pipelines: [{Name: train, ParameterFile: training.json}]\n").unwrap();
    ask(folder.path(), &["apply"]);
    folder
}

/// USER_ID, ITEM_ID, TIMESTAMP.
pub const FIELDS: &str =
    r#"[{"name": "USER_ID", "type": "string"}, {"name": "ITEM_ID", "type": "string"}, {"name": "TIMESTAMP", "type": "long"}]"#;

/// `count` events of 50 users on 40 items, a minute apart; `unit` is 1 for seconds.
pub fn events(count: usize, unit: i64) -> String {
    let mut csv = String::from("USER_ID,ITEM_ID,TIMESTAMP\n");
    for i in 0..count {
        let when = (1_700_000_000 + 60 * i as i64) * unit;
        csv.push_str(&format!("u{},i{},{when}\n", i % 50, (i * i + i / 50) % 40));
    }
    csv
}
