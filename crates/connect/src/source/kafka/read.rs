//! Messages between offsets, from the first to the last and then no further.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Result;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode as Code;

use super::connect::Client;
use super::error::{self, Phase};

/// How often a reader looks whether anybody still wants it.
const TICK: Duration = Duration::from_millis(100);

/// Part of a partition: from an offset up to and without another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub partition: i32,
    pub from: i64,
    pub to: i64,
}

impl Range {
    pub fn len(&self) -> i64 {
        (self.to - self.from).max(0)
    }
}

/// What to do after a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Go,
    Enough,
}

/// Gives every message of the ranges, each partition in order, at most one range for each. Compaction and transactions leave holes,
/// also at the end: a range is over when a later message comes or the partition's end is reached. Stops early when `stopped` says so.
pub(super) fn read(
    client: &Client,
    topic: &str,
    ranges: &[Range],
    stopped: impl Fn() -> bool,
    mut each: impl FnMut(&BorrowedMessage<'_>) -> Result<Next>,
) -> Result<()> {
    let failed = |e: &KafkaError| error::of(e, &client.consumer.context().reason(), client.servers(), Phase::Reading).with("topic", topic);
    let mut open: BTreeMap<i32, i64> = BTreeMap::new();
    let mut assignment = TopicPartitionList::new();
    for range in ranges.iter().filter(|range| range.len() > 0) {
        assignment.add_partition_offset(topic, range.partition, Offset::Offset(range.from)).map_err(|e| failed(&e))?;
        open.insert(range.partition, range.to);
    }
    client.consumer.assign(&assignment).map_err(|e| failed(&e))?;
    let mut patience = Patience::default();
    while !open.is_empty() && !stopped() {
        let ended = match client.consumer.poll(TICK) {
            None => {
                patience.wait(client, topic)?;
                None
            }
            Some(Ok(message)) => {
                patience = Patience::default();
                let (partition, offset) = (message.partition(), message.offset());
                let Some(&to) = open.get(&partition) else { continue };
                if offset < to && each(&message)? == Next::Enough {
                    break;
                }
                (offset + 1 >= to).then_some(partition)
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => Some(partition),
            Some(Err(error)) => {
                patience.hear(client, topic, &error)?;
                None
            }
        };
        if let Some(partition) = ended
            && open.remove(&partition).is_some()
            && !open.is_empty()
        {
            // Not paused: the library keeps a pause across assignments, and the next read would wait for ever.
            let mut done = TopicPartitionList::new();
            done.add_partition(topic, partition);
            client.consumer.incremental_unassign(&done).map_err(|e| failed(&e))?;
        }
    }
    client.consumer.unassign().map_err(|e| failed(&e))
}

/// librdkafka connects anew for ever. A broker that is away for a moment is waited for, one that stays away is an error.
#[derive(Debug, Default)]
struct Patience {
    waited: Duration,
    /// No broker is connected.
    down: bool,
}

impl Patience {
    fn wait(&mut self, client: &Client, topic: &str) -> Result<()> {
        self.waited += TICK;
        let reach = &client.endpoint.reach;
        let limit = if self.down { reach.connect_timeout.min(reach.read_timeout) } else { reach.read_timeout };
        if self.waited < limit {
            return Ok(());
        }
        let because = match client.consumer.context().reason() {
            reason if self.down && !reason.is_empty() => reason,
            _ => format!("no message within {} seconds", limit.as_secs()),
        };
        Err(error::lost(client.servers(), &because).with("topic", topic))
    }

    fn hear(&mut self, client: &Client, topic: &str, error: &KafkaError) -> Result<()> {
        match error.rdkafka_error_code() {
            Some(Code::AllBrokersDown | Code::BrokerTransportFailure) => self.down = true,
            // Whoever assigns partitions by hand needs no group.
            Some(Code::GroupAuthorizationFailed | Code::CoordinatorNotAvailable | Code::NotCoordinator | Code::Resolve) => {}
            Some(Code::LeaderNotAvailable | Code::NotLeaderForPartition | Code::OperationTimedOut | Code::RequestTimedOut) => {}
            _ => {
                let reason = client.consumer.context().reason();
                return Err(error::of(error, &reason, client.servers(), Phase::Reading).with("topic", topic));
            }
        }
        Ok(())
    }
}
