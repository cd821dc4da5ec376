//! Events for whoever shares a topic with others: a consumer group.

use std::sync::Arc;

use domain::{Error, Result};
use futures::stream::{self, BoxStream, StreamExt};
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode as Code;

use super::connect::{self, Watcher};
use super::error::{self, Phase};
use super::offsets::Offsets;
use crate::connection::KafkaEndpoint;

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub partition: i32,
    pub offset: i64,
    /// Microseconds since 1970-01-01T00:00:00 in UTC; brokers before 0.10 keep none.
    pub timestamp: Option<i64>,
    pub key: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
    /// In their order; a name may come more than once. Brokers before 0.11 keep none.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// A member of a consumer group. Its members share the topic's partitions, and share them anew when one comes or goes.
///
/// At least once: what was given and not committed is given again, to this member or another. A group that is new begins with
/// the first messages that are kept. The member leaves with the value and its last stream.
#[derive(Clone)]
pub struct EventGroup {
    member: Arc<Member>,
    endpoint: Arc<KafkaEndpoint>,
    topic: String,
}

/// Leaving a group takes a while; nothing that is asynchronous waits for it.
struct Member(Option<StreamConsumer<Watcher>>);

impl Drop for Member {
    fn drop(&mut self) {
        if let (Some(consumer), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn_blocking(move || drop(consumer));
        }
    }
}

impl EventGroup {
    /// Becomes a member. Fails when the brokers cannot be reached or do not have the topic; partitions come with the stream.
    pub async fn join(endpoint: KafkaEndpoint, topic: &str, group: &str) -> Result<Self> {
        let endpoint = Arc::new(endpoint);
        let client = connect::connect(&endpoint).await?;
        let (asked, shared) = (topic.to_owned(), endpoint.clone());
        let group = group.to_owned();
        let consumer = connect::blocking(move || {
            client.partitions(&asked)?;
            let mut config = connect::configuration(&shared)?;
            config.set("group.id", group).set("auto.offset.reset", "earliest");
            for (name, value) in connect::library_settings(&shared) {
                config.set(name, value);
            }
            let failed = |e: &KafkaError| error::of(e, "", &shared.bootstrap_servers, Phase::Connecting);
            let consumer: StreamConsumer<Watcher> = config.create_with_context(Watcher::default()).map_err(|e| failed(&e))?;
            consumer.subscribe(&[&asked]).map_err(|e| failed(&e))?;
            Ok(consumer)
        })
        .await?;
        Ok(Self { member: Arc::new(Member(Some(consumer))), endpoint, topic: topic.to_owned() })
    }

    /// The messages of the partitions that this member has, without end. An error ends it: `CONNECTION_LOST` when no broker answers for
    /// longer than the connection's timeout; then join again.
    pub fn stream(&self) -> BoxStream<'static, Result<Event>> {
        let start = Some(self.clone());
        stream::unfold(start, |group| async move {
            let group = group?;
            match group.next().await {
                Ok(event) => Some((Ok(event), Some(group))),
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }

    /// Says that everything before these offsets is done. A partition that has gone to another member is an error of kind
    /// `Conflict`; that member gives its messages once more.
    pub async fn commit(&self, offsets: &Offsets) -> Result<()> {
        let mut list = TopicPartitionList::new();
        for (&partition, &next) in &offsets.0 {
            list.add_partition_offset(&self.topic, partition, Offset::Offset(next)).map_err(|e| self.failed(&e))?;
        }
        self.blocking(move |consumer| consumer.commit(&list, CommitMode::Sync)).await
    }

    /// How far the group has come; partitions of which nothing was committed are not named.
    pub async fn committed(&self) -> Result<Offsets> {
        let (topic, wait) = (self.topic.clone(), self.endpoint.reach.connect_timeout);
        let list = self
            .blocking(move |consumer| {
                let metadata = consumer.fetch_metadata(None, wait)?;
                let mut asked = TopicPartitionList::new();
                for partition in metadata.topics().iter().filter(|found| found.name() == topic).flat_map(|found| found.partitions()) {
                    asked.add_partition(&topic, partition.id());
                }
                consumer.committed_offsets(asked, wait)
            })
            .await?;
        let known =
            list.elements().into_iter().filter_map(|one| Some((one.partition(), one.offset().to_raw().filter(|offset| *offset >= 0)?)));
        Ok(Offsets(known.collect()))
    }

    async fn next(&self) -> Result<Event> {
        let consumer = self.consumer()?;
        let mut down = false;
        loop {
            let received = if down {
                match tokio::time::timeout(self.endpoint.reach.connect_timeout, consumer.recv()).await {
                    Ok(received) => received,
                    // Silence may be a topic without messages: a broker that answers is there again.
                    Err(_) => {
                        let wait = self.endpoint.reach.connect_timeout;
                        let answer = self.blocking(move |consumer| consumer.fetch_metadata(None, wait).map(|_| ())).await;
                        answer.map_err(|_| error::lost(&self.endpoint.bootstrap_servers, &consumer.context().reason()))?;
                        down = false;
                        continue;
                    }
                }
            } else {
                consumer.recv().await
            };
            let problem = match received {
                Ok(message) => return Ok(event(&message)),
                Err(problem) => problem,
            };
            match problem.rdkafka_error_code() {
                Some(Code::AllBrokersDown) => down = true,
                Some(Code::AutoOffsetReset | Code::UnknownTopic | Code::UnknownTopicOrPartition) => return Err(self.failed(&problem)),
                Some(code) if error::is_passing(code) || code == Code::Resolve => {}
                _ => return Err(self.failed(&problem)),
            }
        }
    }

    fn consumer(&self) -> Result<&StreamConsumer<Watcher>> {
        self.member.0.as_ref().ok_or_else(|| Error::internal("The member has left its group."))
    }

    fn failed(&self, error: &KafkaError) -> Error {
        let reason = self.consumer().map(|consumer| consumer.context().reason()).unwrap_or_default();
        error::of(error, &reason, &self.endpoint.bootstrap_servers, Phase::Reading).with("topic", &self.topic)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&StreamConsumer<Watcher>) -> std::result::Result<T, KafkaError> + Send + 'static,
    ) -> Result<T> {
        let group = self.clone();
        let asked = connect::blocking(move || work(group.consumer()?).map_err(|e| group.failed(&e)));
        let limit = self.endpoint.reach.read_timeout;
        match tokio::time::timeout(limit, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(error::lost(&self.endpoint.bootstrap_servers, &format!("no answer within {} seconds", limit.as_secs()))),
        }
    }
}

fn event(message: &BorrowedMessage<'_>) -> Event {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    Event {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis().and_then(|millis| millis.checked_mul(1000)),
        key: message.key().map(<[u8]>::to_vec),
        payload: message.payload().map(<[u8]>::to_vec),
        headers: headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect(),
    }
}

/// Never shows a password.
impl std::fmt::Debug for EventGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EventGroup({:?} of {:?})", self.topic, self.endpoint)
    }
}
