//! Targets that keep a table of the catalogue in step with their files.

use catalog::{Table, TableUpdate};
use serde_json::{Value, json};

use super::House;
use super::files::{CSV, csv};

/// Copies `shop.orders` to files which the table of the policy is to describe.
fn graph(members: Value, policy: Value) -> Value {
    let mut target = json!({"Name": "Out", "Inputs": ["orders"], "Path": "s3://data/out/", "Format": "csv", "Mode": "overwrite"});
    target.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    target["SchemaChangePolicy"] = policy;
    json!({"orders": {"CatalogSource": {"Name": "Orders", "Database": "shop", "Table": "orders"}}, "out": {"S3DirectTarget": target}})
}

fn into(database: &str, table: &str) -> Value {
    json!({"EnableUpdateCatalog": true, "UpdateBehavior": "UPDATE_IN_DATABASE", "Database": database, "Table": table})
}

async fn shop() -> House {
    let house = House::new().await;
    house.put("orders/a.csv", "id,word,day\n1,\"one, two\",2025-01-01\n2,two,2025-01-02\n").await;
    house.table("orders", "s3://data/orders/", csv(CSV), "id bigint, word string, day string").await;
    house
}

async fn known(house: &House) -> Table {
    house.catalog.get_table("shop", "copy").await.unwrap().value
}

/// The rows of the table that describes the files, as a job reads them.
async fn read(house: &House) -> String {
    let text = "SELECT id, word, day FROM shop.copy ORDER BY id";
    let id = house.start_into(text, etl::Target::file("s3://data/read/", etl::Format::Csv)).await;
    house.installation.runs.wait(&id).await.unwrap().succeeded().unwrap();
    house.read("read/part-00000.csv").await
}

#[tokio::test]
async fn a_table_that_cannot_be_named_is_known_before_anything_is_written() {
    let house = shop().await;
    house.graph("copy", graph(json!({}), json!({}))).await;
    house.succeed("copy").await;
    let before = house.files().await;
    house.put("orders/b.csv", "id,word,day\n3,three,2025-01-03\n").await;
    let no_table = json!({"EnableUpdateCatalog": true, "Database": "shop", "Table": ""});
    let no_name = json!({"EnableUpdateCatalog": true});
    let cases = [(no_table, "found no Table"), (no_name, "found neither"), (into("warehouse", "copy"), "\"warehouse\"")];
    for (policy, expected) in cases {
        house.graph("copy", graph(json!({}), policy)).await;
        let (_, message) = house.fail("copy").await;
        assert!(message.contains(expected) && message.contains("\"out\""), "{message}");
        assert!(house.files().await == before, "the old result stays: {message}");
    }
}

#[tokio::test]
async fn the_table_follows_the_form_of_the_files_and_keeps_what_people_wrote_on_it() {
    let house = shop().await;
    let expected = "id,word,day\n1,\"one, two\",2025-01-01\n2,two,2025-01-02\n";
    house.graph("copy", graph(json!({}), into("shop", "copy"))).await;
    house.succeed("copy").await;
    assert_eq!(read(&house).await, expected);
    let mut described = known(&house).await;
    described.description = Some("What was ordered".into());
    described.owner = Some("sales".into());
    described.parameters.insert("team".into(), "blue".into());
    described.storage_descriptor.columns[1].comment = Some("in letters".into());
    house.catalog.update_table("shop", described.clone(), TableUpdate::default()).await.unwrap();
    house.succeed("copy").await;
    assert_eq!(known(&house).await.version_id, "1", "nothing has changed that readers see");

    let forms = [
        (json!({"Format": "parquet"}), "parquet", 3),
        (json!({"Format": "json", "Compression": "gzip"}), "json", 3),
        (json!({"Format": "csv", "PartitionKeys": [["day"]]}), "csv", 2),
        (json!({"Format": "csv", "Compression": "gzip"}), "csv", 3),
    ];
    for (version, (members, classification, columns)) in (2..).zip(forms) {
        house.graph("copy", graph(members, into("shop", "copy"))).await;
        house.succeed("copy").await;
        house.succeed("copy").await;
        let table = known(&house).await;
        assert_eq!((table.version_id.as_str(), table.classification()), (version.to_string().as_str(), Some(classification)));
        assert_eq!((table.columns().len(), table.partition_keys.len()), (columns, 3 - columns), "{classification}");
        assert_eq!(read(&house).await, expected, "{classification}");
        let kept = (table.description.as_deref(), table.owner.as_deref(), table.parameters["team"].as_str());
        assert_eq!(kept, (Some("What was ordered"), Some("sales"), "blue"));
        assert_eq!(table.columns()[1].comment.as_deref(), Some("in letters"));
        assert_eq!(table.parameters.contains_key("delimiter"), classification == "csv", "{:?}", table.parameters);
    }
}
