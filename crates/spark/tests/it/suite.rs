//! The cases that every engine answers alike, but for those that a server cannot, which are listed with the reason.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use domain::Result;
use etl::suite::{Subject, Suite};

use super::house::{House, Server};

#[async_trait]
impl Subject for House {
    async fn rows(&self, query: &str) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        Self::rows(self, query).await
    }

    /// Planning, which is most of the work, is done by one thread for each query.
    fn at_once(&self) -> usize {
        4
    }
}

pub async fn all(house: &House) {
    let mut suite = Suite::load().unwrap();
    if let Ok(wanted) = std::env::var("PENCHANT_SUITE_CASES") {
        suite.retain(|case| case.to_string().contains(&wanted));
    }
    suite.lay_out(&house.catalog, &house.installation.buckets, "data", "suite").await.unwrap();
    let text = std::fs::read_to_string(format!("{}/suite_exceptions.yaml", std::env::var("CARGO_MANIFEST_DIR").unwrap())).unwrap();
    let mut exceptions: BTreeMap<String, BTreeMap<String, String>> = serde_norway::from_str(&text).unwrap();
    let exceptions = exceptions.remove(if house.server == Server::Spark { "spark" } else { "sail" }).unwrap_or_default();
    let failures = suite.run("suite", house).await;
    for failure in &failures {
        println!("{}\n   {}\n   {}\n", failure.case, failure.query.trim(), failure.problem);
    }
    let wrong: Vec<&str> = failures.iter().map(|failure| failure.case.as_str()).filter(|case| !exceptions.contains_key(*case)).collect();
    let asked = |case: &str| suite.cases().iter().any(|other| other.to_string() == case);
    let mended: Vec<&String> =
        exceptions.keys().filter(|case| asked(case) && !failures.iter().any(|failure| failure.case == **case)).collect();
    println!("{:?}: {} cases, {} exceptions", house.server, suite.cases().len(), exceptions.len());
    assert!(wrong.is_empty(), "{} of {} cases were answered otherwise: {wrong:#?}", wrong.len(), suite.cases().len());
    assert!(mended.is_empty(), "suite_exceptions.yaml lists cases that are answered rightly now: {mended:#?}");
    let unknown: Vec<&String> = exceptions.keys().filter(|case| std::env::var("PENCHANT_SUITE_CASES").is_err() && !asked(case)).collect();
    assert!(unknown.is_empty(), "suite_exceptions.yaml lists cases that there are not: {unknown:#?}");
}
