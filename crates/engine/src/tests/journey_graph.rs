//! A retailer's tables (complete-journey) become what training takes: the graph of the example alone, which is asked of every engine.

use serde_json::Value;

/// The example's job: interactions, items and users as CSV files under `s3://data/journey/`, of the tables of database `shop`.
pub fn graph() -> Value {
    let place = format!("{}/../../examples/complete-journey-graph/penchant.yaml", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    let text = std::fs::read_to_string(&place).unwrap_or_else(|e| panic!("{place}: {e}"));
    let mut project: Value = serde_norway::from_str(&text).unwrap();
    project["jobs"][0]["CodeGenConfigurationNodes"].take()
}
