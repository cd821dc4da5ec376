//! Bookmarks: how far a topic has been read.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use domain::{Error, Result};
use serde::{Deserialize, Serialize};

use super::error::OFFSET_GONE;
use super::{OFFSET, PARTITION};
use crate::source::{Comparison, Literal, Predicate};

/// For each partition the offset of the message to read next. As text it is JSON: `{"0":17,"1":4}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offsets(pub BTreeMap<i32, i64>);

impl Offsets {
    /// The messages from `self` on up to and without `end`: a partition that came since is read from its beginning, one that
    /// `end` does not name is not read.
    pub fn until(&self, end: &Self) -> Predicate {
        let part = |(&partition, &end): (&i32, &i64)| within(partition, self.0.get(&partition).copied().unwrap_or(0), end);
        Predicate::Or(end.0.iter().map(part).collect())
    }

    /// That everything from here on is still kept, given the first offsets that are and those after the last. Retention that was
    /// quicker than the reader has lost messages: whoever reads on must know.
    pub(super) fn check(&self, topic: &str, begin: &Self, end: &Self) -> Result<()> {
        for (partition, &next) in &self.0 {
            let (Some(&kept), Some(&last)) = (begin.0.get(partition), end.0.get(partition)) else {
                return Err(lost(topic, format!("partition {partition} of the bookmark is not there any more (was the topic made anew?)")));
            };
            if next > last {
                return Err(lost(
                    topic,
                    format!("partition {partition} ends at offset {last}, before the bookmark's {next} (was the topic made anew?)"),
                ));
            }
            if next < kept {
                let count = kept - next;
                return Err(lost(
                    topic,
                    format!(
                        "partition {partition} was to be read from offset {next} on, its first kept offset is {kept}: {count} are gone"
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// The messages of one partition from an offset up to and without another.
pub(super) fn within(partition: i32, from: i64, to: i64) -> Predicate {
    let compare = |column, comparison, value| Predicate::compare(column, comparison, Literal::Integer(value));
    Predicate::And(vec![
        compare(PARTITION, Comparison::Equal, i64::from(partition)),
        compare(OFFSET, Comparison::GreaterOrEqual, from),
        compare(OFFSET, Comparison::Less, to),
    ])
}

fn lost(topic: &str, what: String) -> Error {
    Error::invalid_data(format!("Messages of topic {topic:?} were removed before they were read: {what}.")).code(OFFSET_GONE)
}

impl fmt::Display for Offsets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Offsets {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |e| Error::invalid_input(format!("Expected offsets as {{\"partition\":offset}}; found {text:?}.")).source(e);
        serde_json::from_str(text).map_err(wrong)
    }
}
