#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use domain::ErrorKind;

use super::*;

#[test]
fn locations_are_parsed_and_what_is_no_location_is_refused() {
    let s3 = Location::parse("s3://shop/exports/items/").unwrap();
    assert_eq!(s3, Location::S3 { bucket: "shop".into(), key: "exports/items/".into() });
    assert_eq!(Location::parse("file:///data/x.csv").unwrap().to_string(), "/data/x.csv");
    for wrong in ["", "http://x/y", "s3://UPPER/x", "s3://../x", "s3:///x", "s3://shop/../../x", "s3://shop/a/./b"] {
        assert_eq!(Location::parse(wrong).unwrap_err().kind, ErrorKind::InvalidInput, "{wrong}");
    }
}

#[tokio::test]
async fn listing_leaves_hidden_files_out_and_names_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let buckets = Buckets::open(&folder.path().join("buckets"), folder.path()).unwrap();
    buckets.create("shop").unwrap();
    let at = |key: &str| Location::parse(&format!("s3://shop/{key}")).unwrap();
    for key in ["in/b.csv", "in/a.csv", "in/_SUCCESS", "in/.tmp/c.csv", "other/d.csv"] {
        buckets.write(&at(key), "x".into()).await.unwrap();
    }
    let names: Vec<String> = buckets.list(&at("in")).await.unwrap().iter().map(|f| f.location.to_string()).collect();
    assert_eq!(names, ["in/a.csv", "in/b.csv"]);
    assert_eq!(buckets.list(&at("in/a.csv")).await.unwrap().len(), 1);
    assert_eq!(buckets.read(&at("in/zz.csv")).await.unwrap_err().kind, ErrorKind::NotFound);
    let none = buckets.list(&Location::parse("s3://nowhere/in").unwrap()).await.unwrap_err();
    assert!(none.message.contains("\"nowhere\""), "{none}");
}
