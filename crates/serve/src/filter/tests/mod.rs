#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod language;
mod meaning;
mod speed;
mod values;

use std::collections::BTreeMap;

use super::check::Schemas;
use dataset::{Snapshot, SnapshotDataset};
use domain::Arn;
use domain::arn::Partition;

pub const INTERACTIONS: &str = r#"{"type":"record","name":"Interactions","fields":[{"name":"USER_ID","type":"string"},
 {"name":"ITEM_ID","type":"string"},{"name":"TIMESTAMP","type":"long"},{"name":"EVENT_TYPE","type":["null","string"]},
 {"name":"DEVICE","type":["null","string"]}],"version":"1.0"}"#;
pub const ITEMS: &str = r#"{"type":"record","name":"Items","fields":[{"name":"ITEM_ID","type":"string"},
 {"name":"GENRE","type":["null","string"],"categorical":true},{"name":"YEAR","type":["null","int"]},
 {"name":"ADULT","type":["null","boolean"]},{"name":"STORY","type":["null","string"],"textual":true}],"version":"1.0"}"#;
pub const USERS: &str = r#"{"type":"record","name":"Users","fields":[{"name":"USER_ID","type":"string"},
 {"name":"AGE","type":["null","int"]},{"name":"COUNTRY","type":["null","string"]}],"version":"1.0"}"#;

pub fn group() -> Arn {
    Partition::default().personalize("dataset-group", "shop")
}

pub fn snapshot() -> Snapshot {
    let dataset = |kind: &str, schema: &str| {
        let dataset_arn = Partition::default().personalize("dataset", format!("shop/{kind}"));
        Some(SnapshotDataset { dataset_arn, schema: schema.into(), parts: Vec::new(), deletions: 0 })
    };
    Snapshot {
        dataset_group_arn: group(),
        domain: None,
        interactions: dataset("INTERACTIONS", INTERACTIONS),
        items: dataset("ITEMS", ITEMS),
        users: dataset("USERS", USERS),
        events_through: 0,
    }
}

pub fn check(expression: &str) -> domain::Result<()> {
    Schemas::of(&snapshot()).unwrap().check(&super::parse(expression)?)
}

pub fn given(values: &[(&str, &str)]) -> BTreeMap<String, String> {
    values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
