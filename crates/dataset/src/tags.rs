//! Tags of Personalize's resources: kept beside them under their ARN, because every stage has resources and all are tagged alike.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Arn, Error, Result};
use serde::{Deserialize, Serialize};
use store::Resource;

use crate::Datasets;

/// AWS's limits.
const MOST: usize = 50;
const KEY_CHARS: usize = 128;
const VALUE_CHARS: usize = 256;

/// One tag as it is on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    pub tag_key: String,
    pub tag_value: String,
}

/// The tags of one resource; values by key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tags {
    arn: Arn,
    tags: BTreeMap<String, String>,
}

impl Resource for Tags {
    const KIND: &'static str = "tags";
    fn key(&self) -> String {
        self.arn.to_string()
    }
}

/// Values by key; refuses what AWS refuses: too many, keys that are empty, too long or there twice, values that are too long.
pub fn checked_tags(tags: Vec<Tag>) -> Result<BTreeMap<String, String>> {
    let mut seen = BTreeSet::new();
    for Tag { tag_key, tag_value } in &tags {
        let (key, value) = (tag_key.chars().count(), tag_value.chars().count());
        if !(1..=KEY_CHARS).contains(&key) {
            return Err(Error::invalid_input(format!("A tagKey has 1 to {KEY_CHARS} characters; found {key}.")));
        }
        if value > VALUE_CHARS {
            return Err(Error::invalid_input(format!("A tagValue has at most {VALUE_CHARS} characters; found {value} for {tag_key:?}.")));
        }
        if !seen.insert(tag_key) {
            return Err(Error::invalid_input(format!("The keys of tags differ; found {tag_key:?} twice.")));
        }
    }
    at_most(tags.len())?;
    Ok(tags.into_iter().map(|tag| (tag.tag_key, tag.tag_value)).collect())
}

fn at_most(count: usize) -> Result<()> {
    if count <= MOST {
        return Ok(());
    }
    Err(Error::invalid_input(format!("A resource has at most {MOST} tags; found {count}.")))
}

impl Datasets {
    /// The tags of a resource of any stage; none for one that nobody tagged.
    pub async fn tags(&self, arn: &Arn) -> Result<BTreeMap<String, String>> {
        Ok(self.store().find::<Tags>(arn.as_str()).await?.map(|found| found.value.tags).unwrap_or_default())
    }

    /// Adds tags, or gives them other values, and takes those of the keys in `remove` away.
    pub async fn change_tags(&self, arn: &Arn, add: BTreeMap<String, String>, remove: &[String]) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let mut tags = tx.find::<Tags>(arn.as_str()).await?.map(|found| found.value.tags).unwrap_or_default();
        tags.extend(add);
        tags.retain(|key, _| !remove.contains(key));
        at_most(tags.len())?;
        tx.put(Tags { arn: arn.clone(), tags }).await?;
        tx.commit().await
    }

    /// For a resource that is new, or gone: it has these tags and no others.
    pub async fn set_tags(&self, arn: &Arn, tags: BTreeMap<String, String>) -> Result<()> {
        let mut tx = self.store().begin().await?;
        match (tags.is_empty(), tx.find::<Tags>(arn.as_str()).await?.is_some()) {
            (true, false) => return Ok(()),
            (true, true) => tx.delete::<Tags>(arn.as_str()).await?,
            (false, _) => tx.put(Tags { arn: arn.clone(), tags }).await?,
        }
        tx.commit().await
    }
}
