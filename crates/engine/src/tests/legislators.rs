//! Nested people (us-legislators: 537 of Congress, with terms and offices) become flat tables.
//!
//! The counts of rows are Python's over the YAML: the lengths of all lists of one path.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{House, shared};

/// The file as JSON lines: YAML is read by Python.
fn people(archive: &Path) -> Option<String> {
    const PROGRAM: &str = "import sys, json, zipfile, yaml
text = zipfile.ZipFile(sys.argv[1]).read('legislators-current.yaml')
for person in yaml.load(text, getattr(yaml, 'CSafeLoader', yaml.SafeLoader)): print(json.dumps(person, default=str, ensure_ascii=False))";
    let output = Command::new("python3").env("PYTHONIOENCODING", "utf-8").arg("-c").arg(PROGRAM).arg(archive).output().ok()?;
    if !output.status.success() {
        println!("not run: Python has no yaml");
        return None;
    }
    Some(String::from_utf8(output.stdout).unwrap())
}

const TABLES: [(&str, usize); 6] = [
    ("root", 537),
    ("root_terms", 2_792),
    ("root_id.fec", 605),
    ("root_leadership_roles", 127),
    ("root_family", 11),
    ("root_terms.val.party_affiliations", 4),
];

fn graph() -> Value {
    let mut nodes = json!({
        "people": {"CatalogSource": {"Name": "People", "Database": "shop", "Table": "people"}},
        "tables": {"Relationalize": {"Name": "Tables", "Inputs": ["people"]}},
        "flat": {"Flatten": {"Name": "Flat", "Inputs": ["people"]}},
        "names": {"SelectFields": {"Name": "Names", "Inputs": ["flat"], "Paths": [["id_bioguide"], ["name_official_full"], ["bio_birthday"]]}},
        "flat_out": {"S3DirectTarget": {"Name": "Flat out", "Inputs": ["names"], "Path": "s3://data/flat/", "Format": "csv"}}
    });
    for (at, (key, _)) in TABLES.iter().enumerate() {
        nodes[format!("table{at}")] = json!({"SelectFromCollection": {"Name": key, "Inputs": ["tables"], "Key": key}});
        let path = format!("s3://data/tables/{at}/");
        nodes[format!("out{at}")] = json!({"S3DirectTarget": {"Name": format!("Out {at}"), "Inputs": [format!("table{at}")], "Path": path, "Format": "json", "Mode": "overwrite"}});
    }
    nodes
}

async fn rows(house: &House, at: usize) -> Vec<Value> {
    let text = house.read(&format!("tables/{at}/part-00000.json")).await;
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_with_terms_become_tables_that_join_again() {
    let Some(archive) = shared("us-legislators/us-legislators.zip") else { return };
    let Some(people) = people(&archive) else { return };
    let house = House::new().await;
    house.put("people/current.json", people.clone()).await;
    let crawler = json!({"Name": "c", "DatabaseName": "shop", "Targets": {"S3Targets": [{"Path": "s3://data/people/"}]}});
    house.crawl(serde_json::from_value(crawler).unwrap()).await;
    house.graph("flat", graph()).await;
    house.succeed("flat").await;

    for (at, (key, expected)) in TABLES.iter().enumerate() {
        assert_eq!(rows(&house, at).await.len(), *expected, "{key}");
    }
    // One person's terms, found again through the two tables.
    let (root, terms) = (rows(&house, 0).await, rows(&house, 1).await);
    for person in people.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let row = root.iter().find(|row| row["id.bioguide"] == person["id"]["bioguide"]).unwrap();
        assert_eq!(row["name.last"], person["name"]["last"]);
        let of: Vec<&Value> = terms.iter().filter(|term| term["id"] == row["terms"]).collect();
        assert_eq!(of.len(), person["terms"].as_array().unwrap().len());
        for term in of {
            let place = usize::try_from(term["index"].as_i64().unwrap()).unwrap();
            assert_eq!(term["terms.val.start"], person["terms"][place]["start"]);
            assert_eq!(term["terms.val.party"], person["terms"][place]["party"]);
        }
    }
    let (header, flat) = house.lines("flat/").await;
    assert_eq!((header.as_str(), flat.len()), ("id_bioguide,name_official_full,bio_birthday", 537));
    assert!(flat.iter().any(|line| line.contains("Nydia M. Velázquez")), "unicode is kept");
    assert_eq!(flat.iter().filter(|line| line.split(',').nth(1) == Some("")).count(), 2, "two have no official name");
}
