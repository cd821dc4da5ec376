//! Real nested data: the people, terms and committees of the Congress of the United States.

use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use mongodb::bson::{Bson, Document};
use serde_json::Value;

use super::bench::{MongoBench, column, read};
use crate::source::{Scan, Source};

fn archive() -> Option<PathBuf> {
    let data = std::env::var_os("PENCHANT_SHARED_DATA").map_or_else(|| Path::new("../../../shared/data").to_path_buf(), PathBuf::from);
    let archive = data.join("us-legislators/us-legislators.zip");
    if !archive.exists() {
        println!("us-legislators is not there ({}): the test was not run.", archive.display());
        return None;
    }
    Some(archive)
}

/// The people of one file of the archive, which is YAML: Python reads it.
fn people(archive: &Path, file: &str) -> Option<Vec<Value>> {
    const PROGRAM: &str = "import sys, json, zipfile, yaml
text = zipfile.ZipFile(sys.argv[1]).read(sys.argv[2])
json.dump(yaml.load(text, getattr(yaml, 'CSafeLoader', yaml.SafeLoader)), sys.stdout, default=str)";
    let output = Command::new("python3").arg("-c").arg(PROGRAM).arg(archive).arg(file).output().ok()?;
    if !output.status.success() {
        println!("Python without yaml: the test was not run.");
        return None;
    }
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn legislators_are_read_back_as_they_are() {
    let Some(archive) = archive() else { return };
    let Some(people) = people(&archive, "legislators-current.yaml") else { return };
    let Some(bench) = MongoBench::start().await else { return };
    let documents: Vec<Document> =
        people.iter().map(|person| Bson::try_from(person.clone()).unwrap().as_document().unwrap().clone()).collect();
    let table = bench.insert("legislators", documents).await;

    let source = bench.own_source();
    let described = source.describe(std::slice::from_ref(&table)).await.unwrap().remove(0).unwrap();
    assert_eq!(described.rows, Some(537));
    let names: Vec<&str> = described.schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert!(names.starts_with(&["_id", "id", "name", "bio", "terms"]), "{names:?}");
    let terms = described.schema.field_with_name("terms").unwrap();
    assert!(matches!(terms.data_type(), DataType::List(items) if matches!(items.data_type(), DataType::Struct(_))), "{terms:?}");

    let rows = read(&source, Scan::all(table)).await;
    assert_eq!((rows.num_rows(), people.len()), (537, 537));
    let terms = column(&rows, "terms");
    let terms = terms.as_list::<i32>();
    let expected: usize = people.iter().map(|person| person["terms"].as_array().unwrap().len()).sum();
    assert_eq!(terms.values().len(), expected, "terms of all people together");
    let all_terms = terms.values().as_struct();
    let starts = all_terms.column_by_name("start").unwrap().as_string::<i32>();
    let ids = column(&rows, "id");
    let bioguides = ids.as_struct().column_by_name("bioguide").unwrap().as_string::<i32>();
    let fec = ids.as_struct().column_by_name("fec").unwrap().as_list::<i32>();
    for (row, person) in people.iter().enumerate() {
        assert_eq!(bioguides.value(row), person["id"]["bioguide"].as_str().unwrap());
        let first = terms.value_offsets()[row] as usize;
        assert_eq!(starts.value(first), person["terms"][0]["start"].as_str().unwrap());
        let committees = person["id"]["fec"].as_array().map(Vec::len);
        assert_eq!(fec.is_valid(row).then(|| fec.value(row).len()), committees, "person {row}");
    }
}
