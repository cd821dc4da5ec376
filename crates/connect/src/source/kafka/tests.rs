#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! Against a real broker, Apache Kafka 0.9.0.1: the newest there is a server of here. It is older than message times, headers,
//! transactions, passwords (SCRAM) and lookups of offsets by time: the first two are asked of librdkafka's mock in [`mock`], which
//! says so; the others were run nowhere. A topic with times is therefore never filtered here on a real broker, and the cases say
//! what a broker without them gives.

mod formats;
mod mock;
mod pure;
mod tls;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use async_trait::async_trait;
use domain::ErrorKind;
use futures::{StreamExt, TryStreamExt};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{ClientConfig, ClientContext};
use serde_json::json;
use testkit::servers::{Kafka, Proxy, free_port};

use super::error::OFFSET_GONE;
use super::{EventGroup, KafkaSource, Offsets};
use crate::connection::{KafkaEndpoint, Reach, Tls, TlsMode};
use crate::diagnosis::TABLE_GONE;
use crate::source::conformance::{Bench, Kind, Lacks, Value, keeps_the_contract};
use crate::source::{Comparison, Literal, Predicate, Scan, Source, TablePath};

/// A broker that sends its clients to a proxy, since they go where it tells them whatever they were told first.
pub(super) struct Broker {
    pub kafka: Kafka,
    pub proxy: Arc<Proxy>,
    producer: BaseProducer<Deliveries>,
}

/// What the broker refused to take.
#[derive(Default)]
struct Deliveries(Mutex<Vec<KafkaError>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, outcome: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = outcome {
            self.0.lock().unwrap().push(error.clone());
        }
    }
}

impl Broker {
    pub async fn start() -> Option<Self> {
        let advertised = free_port();
        let kafka = tokio::task::block_in_place(|| Kafka::start_behind(advertised))?;
        let proxy = Arc::new(Proxy::on(advertised, kafka.port).await);
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", format!("127.0.0.1:{advertised}"));
        // A set of messages that is longer than a segment is refused.
        config.set("queue.buffering.max.messages", "500000").set("batch.size", "16384");
        for (name, value) in Kafka::client_settings().iter().filter(|(name, _)| name != "session.timeout.ms") {
            config.set(name, value);
        }
        Some(Self { kafka, proxy, producer: config.create_with_context(Deliveries::default()).unwrap() })
    }

    pub fn endpoint(&self, port: u16) -> KafkaEndpoint {
        KafkaEndpoint {
            bootstrap_servers: format!("127.0.0.1:{port}"),
            tls: Tls { mode: TlsMode::Disable, authority: None },
            sasl: None,
            reach: Reach { connect_timeout: Duration::from_secs(5), read_timeout: Duration::from_secs(20), retries: 0 },
            settings: Kafka::client_settings(),
        }
    }

    pub fn open(&self) -> KafkaSource {
        KafkaSource::new(self.endpoint(self.proxy.port))
    }

    /// A source with settings of ours.
    pub fn open_with(&self, settings: &[(&str, &str)]) -> KafkaSource {
        let mut endpoint = self.endpoint(self.proxy.port);
        endpoint.settings.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        KafkaSource::new(endpoint)
    }

    pub fn create(&self, topic: &str, partitions: usize, settings: &[(&str, &str)]) {
        tokio::task::block_in_place(|| self.kafka.create_topic_with(topic, partitions, settings));
    }

    /// Writes one message each and waits until all are there.
    pub fn send<'a>(&self, topic: &str, messages: impl IntoIterator<Item = Sent<'a>>) {
        tokio::task::block_in_place(|| {
            self.queue(topic, messages);
            self.producer.flush(Duration::from_secs(60)).unwrap();
            let refused = std::mem::take(&mut *self.producer.context().0.lock().unwrap());
            assert!(refused.is_empty(), "{topic}: {} messages were refused: {:?}", refused.len(), refused.first());
        });
    }

    /// The same without waiting: they are written while the caller does something else.
    fn queue<'a>(&self, topic: &str, messages: impl IntoIterator<Item = Sent<'a>>) {
        for (partition, key, payload) in messages {
            let mut record: BaseRecord<'_, str, [u8]> = BaseRecord::to(topic).partition(partition);
            record.key = key;
            record.payload = payload.as_deref();
            self.producer.send(record).map_err(|(e, _)| e).unwrap();
            self.producer.poll(Duration::ZERO);
        }
    }

    pub fn send_numbers(&self, topic: &str, partitions: i32, numbers: std::ops::Range<i64>) {
        self.send(topic, numbered(partitions, numbers));
    }
}

/// Partition, key and payload.
type Sent<'a> = (i32, Option<&'a str>, Option<Vec<u8>>);

/// Numbers as JSON objects, over the partitions in turn.
fn numbered(partitions: i32, numbers: std::ops::Range<i64>) -> impl Iterator<Item = Sent<'static>> {
    numbers.map(move |n| (i32::try_from(n).unwrap() % partitions, None, Some(json!({ "n": n }).to_string().into_bytes())))
}

struct JsonBench(Broker);

#[async_trait]
impl Bench for JsonBench {
    fn lacks(&self) -> Lacks {
        // JSON has neither decimals nor dates; the broker for tests knows no passwords but Kerberos'.
        Lacks {
            passwords: true,
            kinds: &[Kind::Decimal, Kind::Date, Kind::Timestamp],
            columns_without_rows: true,
            filters: true,
            ..Lacks::default()
        }
    }

    fn port(&self) -> u16 {
        self.0.proxy.port
    }

    async fn proxy(&self) -> Arc<Proxy> {
        self.0.proxy.clone()
    }

    fn source(&self, port: u16, _: bool) -> Arc<dyn Source> {
        Arc::new(KafkaSource::new(self.0.endpoint(port)))
    }

    /// Kafka's names have no letters but these: others become hyphens.
    async fn create(&self, table: &str, columns: &[(&str, Kind)], rows: &[Vec<Value>]) -> TablePath {
        let legal = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
        let topic: String = table.chars().map(legal).collect();
        self.0.create(&topic, 3, &[]);
        let object = |row: &Vec<Value>| {
            let members = columns.iter().zip(row).map(|((name, _), value)| ((*name).to_owned(), written(value)));
            serde_json::Value::Object(members.collect()).to_string().into_bytes()
        };
        self.0.send(&topic, rows.iter().enumerate().map(|(index, row)| ((index % 3) as i32, None, Some(object(row)))));
        TablePath::table(topic)
    }

    async fn remove(&self, table: &TablePath) {
        tokio::task::block_in_place(|| self.0.kafka.delete_topic(&table.table));
    }
}

fn written(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => json!(null),
        Value::Integer(value) => json!(value),
        Value::Real(value) => json!(value),
        Value::Text(text) => json!(text),
        Value::Boolean(value) => json!(value),
        Value::Decimal(text) | Value::Date(text) | Value::Timestamp(text) => json!(text),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_broker_keeps_the_contract() {
    let Some(broker) = Broker::start().await else { return };
    keeps_the_contract(&JsonBench(broker)).await;
}

pub(super) async fn rows(source: &KafkaSource, scan: Scan) -> Vec<RecordBatch> {
    let read = tokio::time::timeout(Duration::from_secs(60), source.scan(scan).try_collect()).await;
    read.expect("a scan that ends").unwrap()
}

async fn numbers(source: &KafkaSource, topic: &str, filters: Vec<Predicate>) -> Vec<i64> {
    let batches = rows(source, Scan { filters, ..Scan::all(TablePath::table(topic)) }).await;
    let mut numbers: Vec<i64> = batches.iter().flat_map(|batch| batch["n"].as_primitive::<Int64Type>().values().to_vec()).collect();
    numbers.sort_unstable();
    numbers
}

fn offset(comparison: Comparison, value: i64) -> Predicate {
    Predicate::compare("_offset", comparison, Literal::Integer(value))
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_bookmarks_and_groups() {
    let Some(broker) = Broker::start().await else { return };
    filters_narrow_the_offsets(&broker).await;
    bookmarks_give_each_message_once(&broker).await;
    holes_do_not_keep_a_scan_waiting(&broker).await;
    a_scan_ends_although_somebody_writes(&broker).await;
    parts_share_offsets_too(&broker).await;
    members_share_the_partitions(&broker).await;
    a_message_that_does_not_fit_is_named(&broker).await;
    formats::other_formats_are_read(&broker).await;
    // Last: the broker looks for what is to be removed half a minute after its start, whatever its settings say.
    retention_that_was_quicker_is_said(&broker).await;
}

async fn filters_narrow_the_offsets(broker: &Broker) {
    broker.create("narrow", 2, &[]);
    broker.send_numbers("narrow", 2, 0..100);
    let source = broker.open();
    let schema = source.schema(&TablePath::table("narrow")).await.unwrap();
    let one = Predicate::compare("_partition", Comparison::Equal, Literal::Integer(1));
    let odd: Vec<i64> = (0..50).map(|n| 2 * n + 1).collect();
    let cases: Vec<(Predicate, Vec<i64>)> = vec![
        (one.clone(), odd.clone()),
        (Predicate::And(vec![one.clone(), offset(Comparison::GreaterOrEqual, 48)]), vec![97, 99]),
        (Predicate::And(vec![one.clone(), offset(Comparison::Equal, 3)]), vec![7]),
        (offset(Comparison::Less, 1), vec![0, 1]),
        (offset(Comparison::LessOrEqual, 0), vec![0, 1]),
        (offset(Comparison::Greater, 48), vec![98, 99]),
        (
            Predicate::In { column: "_offset".into(), values: vec![Literal::Integer(2), Literal::Integer(40), Literal::Integer(999)] },
            vec![4, 5, 80, 81],
        ),
        (Predicate::Or(vec![offset(Comparison::Less, 1), Predicate::And(vec![one, offset(Comparison::Greater, 48)])]), vec![0, 1, 99]),
        // Brokers this old keep no times: unknown is not kept.
        (Predicate::compare("_timestamp", Comparison::GreaterOrEqual, Literal::Timestamp(0)), vec![]),
        (Predicate::IsNull("_timestamp".into()), (0..100).collect()),
    ];
    for (filter, expected) in cases {
        assert!(source.accepts(&filter, &schema), "{filter:?}");
        assert_eq!(numbers(&source, "narrow", vec![filter.clone()]).await, expected, "{filter:?}");
    }
    assert!(!source.accepts(&Predicate::compare("n", Comparison::Equal, Literal::Integer(1)), &schema));
    let own = Scan { columns: Some(vec!["_offset".into(), "_partition".into()]), ..Scan::all(TablePath::table("narrow")) };
    let batches = rows(&source, own).await;
    let ones =
        batches.iter().flat_map(|batch| batch["_partition"].as_primitive::<Int32Type>().values().to_vec()).filter(|p| *p == 1).count();
    assert_eq!(ones, 50);
    assert_eq!(source.count(&TablePath::table("narrow")).await.unwrap(), Some(100));
}

async fn bookmarks_give_each_message_once(broker: &Broker) {
    broker.create("marked", 3, &[]);
    broker.send_numbers("marked", 3, 0..30);
    let source = broker.open();
    let mut bookmark: Offsets = source.begin_offsets("marked").await.unwrap();
    let mut seen = Vec::new();
    for round in 1..4 {
        let (filter, next) = source.since("marked", &bookmark).await.unwrap();
        // What comes between the bookmark and the reading belongs to the next round.
        broker.send_numbers("marked", 3, 30 * round..30 * (round + 1));
        let new = numbers(&source, "marked", vec![filter]).await;
        assert_eq!(new, (30 * (round - 1)..30 * round).collect::<Vec<_>>(), "round {round}");
        seen.extend(new);
        // As a job would keep it.
        bookmark = next.to_string().parse().unwrap();
        assert_eq!(bookmark, next);
    }
    assert_eq!(source.end_offsets("marked").await.unwrap().to_string(), r#"{"0":40,"1":40,"2":40}"#);
    let rest = source.between(&bookmark, &source.end_offsets("marked").await.unwrap());
    assert_eq!(numbers(&source, "marked", vec![rest]).await, (90..120).collect::<Vec<_>>());
    // However little there is at a time while somebody writes, and wherever a partition just stands.
    broker.queue("marked", numbered(3, 120..30_120));
    let mut rounds = 0;
    while seen.len() < 30_120 {
        let (filter, next) = source.since("marked", &bookmark).await.unwrap();
        seen.extend(numbers(&source, "marked", vec![filter]).await);
        (bookmark, rounds) = (next, rounds + 1);
        assert!(rounds < 300, "messages were lost: {} of 30120 came", seen.len());
    }
    broker.send("marked", []);
    seen.sort_unstable();
    assert_eq!(seen, (0..30_120).collect::<Vec<_>>(), "each once, in {rounds} rounds");
    let missing = source.end_offsets("no_such_topic").await.unwrap_err();
    assert_eq!((missing.kind, missing.code), (ErrorKind::NotFound, Some(TABLE_GONE)));
}

async fn retention_that_was_quicker_is_said(broker: &Broker) {
    let settings = [("segment.bytes", "32768"), ("retention.bytes", "32768"), ("segment.index.bytes", "4096")];
    broker.create("forgetful", 1, &settings);
    broker.send_numbers("forgetful", 1, 0..10);
    let source = broker.open();
    let bookmark = source.end_offsets("forgetful").await.unwrap();
    broker.send_numbers("forgetful", 1, 10..3000);
    let begin = wait_for(async || {
        let begin = source.begin_offsets("forgetful").await.unwrap();
        (begin.0[&0] > 10).then_some(begin)
    })
    .await;
    let error = source.since("forgetful", &bookmark).await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::InvalidData, Some(OFFSET_GONE)), "{error}");
    assert!(error.to_string().contains("offset 10") && error.to_string().contains("forgetful"), "{error}");
    // Whoever accepts that begins anew with what there is.
    let kept = wait_for(async || {
        let before = source.begin_offsets("forgetful").await.unwrap();
        tokio::time::sleep(Duration::from_millis(700)).await;
        (source.begin_offsets("forgetful").await.unwrap() == before).then_some(before)
    })
    .await;
    assert!(kept.0[&0] >= begin.0[&0]);
    let (filter, _) = source.since("forgetful", &kept).await.unwrap();
    assert_eq!(numbers(&source, "forgetful", vec![filter]).await, (kept.0[&0]..3000).collect::<Vec<_>>());
    let later = Offsets([(0, 5000)].into());
    assert_eq!(source.since("forgetful", &later).await.unwrap_err().code, Some(OFFSET_GONE));
}

/// Compaction takes away messages before the end of what is read.
async fn holes_do_not_keep_a_scan_waiting(broker: &Broker) {
    let settings =
        [("cleanup.policy", "compact"), ("segment.bytes", "32768"), ("min.cleanable.dirty.ratio", "0.01"), ("segment.index.bytes", "4096")];
    broker.create("compacted", 1, &settings);
    let message = |n: i64| (0, Some("the same"), Some(json!({ "n": n }).to_string().into_bytes()));
    broker.send("compacted", (0..2000).map(message));
    let source = broker.open();
    let filter = vec![offset(Comparison::Less, 50)];
    wait_for(async || {
        let read = numbers(&source, "compacted", filter.clone()).await;
        read.is_empty().then_some(())
    })
    .await;
    let all = numbers(&source, "compacted", Vec::new()).await;
    assert!(all.len() < 2000 && all.last() == Some(&1999), "{}", all.len());
    broker.send("compacted", [(0, Some("the same"), None)]);
    let last = rows(&source, Scan { filters: vec![offset(Comparison::Equal, 2000)], ..Scan::all(TablePath::table("compacted")) }).await;
    assert_eq!(last.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
    assert!(last[0]["n"].is_null(0), "a tombstone is a row of nulls");
    assert_eq!(last[0]["_key"].as_string::<i32>().value(0), "the same");
}

async fn a_scan_ends_although_somebody_writes(broker: &Broker) {
    broker.create("busy", 1, &[]);
    broker.send_numbers("busy", 1, 0..1000);
    let source = broker.open();
    let mut stream = source.scan(Scan { batch_rows: 100, ..Scan::all(TablePath::table("busy")) });
    let first = stream.next().await.unwrap().unwrap();
    broker.send_numbers("busy", 1, 1000..2000);
    let rest: Vec<RecordBatch> = tokio::time::timeout(Duration::from_secs(30), stream.try_collect()).await.expect("an end").unwrap();
    assert_eq!(first.num_rows() + rest.iter().map(RecordBatch::num_rows).sum::<usize>(), 1000);
}

async fn parts_share_offsets_too(broker: &Broker) {
    broker.create("long", 1, &[]);
    broker.send_numbers("long", 1, 0..50_000);
    let source = broker.open();
    let scans = source.split(Scan::all(TablePath::table("long")), 3).await.unwrap();
    assert_eq!(scans.len(), 3);
    // What comes after the split is in none of its parts.
    broker.send_numbers("long", 1, 50_000..50_010);
    let mut all = Vec::new();
    for scan in scans {
        let part = numbers(&source, "long", scan.filters).await;
        assert!(part.len() > 16_000, "{}", part.len());
        all.extend(part);
    }
    all.sort_unstable();
    assert_eq!(all, (0..50_000).collect::<Vec<_>>());
}

/// What a member gave, committed one by one as it comes, until it is told to stop.
fn member(group: EventGroup, seen: tokio::sync::mpsc::UnboundedSender<(usize, i32, i64)>, who: usize) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut events = group.stream();
        while let Some(event) = events.next().await {
            let event = event.unwrap();
            let payload: serde_json::Value = serde_json::from_slice(&event.payload.unwrap()).unwrap();
            let done = Offsets([(event.partition, event.offset + 1)].into());
            if let Err(error) = group.commit(&done).await {
                assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
            }
            let _ = seen.send((who, event.partition, payload["n"].as_i64().unwrap()));
        }
    })
}

async fn members_share_the_partitions(broker: &Broker) {
    broker.create("events", 4, &[]);
    broker.send_numbers("events", 4, 0..20);
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let join = async || EventGroup::join(broker.endpoint(broker.proxy.port), "events", "clicks").await.unwrap();
    let mut all = std::collections::BTreeSet::new();
    let first = join().await;
    let one = member(first.clone(), sender.clone(), 1);
    while all.len() < 20 {
        let (who, _, n) = next(&mut seen).await;
        assert_eq!(who, 1);
        all.insert(n);
    }
    let two = member(join().await, sender.clone(), 2);
    // Both are given something once the partitions are shared anew.
    let (mut whose, mut sent) = (std::collections::BTreeMap::new(), 20);
    while whose.values().collect::<std::collections::BTreeSet<_>>().len() < 2 {
        assert!(sent < 2000, "the second member is given nothing");
        broker.send_numbers("events", 4, sent..sent + 4);
        sent += 4;
        while all.len() < usize::try_from(sent).unwrap() {
            let (who, partition, n) = next(&mut seen).await;
            whose.insert(partition, who);
            all.insert(n);
        }
    }
    // The first goes; the second gets all, and nothing is lost between them.
    one.abort();
    drop(first);
    broker.send_numbers("events", 4, sent..sent + 40);
    while all.len() < usize::try_from(sent + 40).unwrap() {
        all.insert(next(&mut seen).await.2);
    }
    assert_eq!(all, (0..sent + 40).collect());
    two.abort();
    let _ = two.await;
    let third = join().await;
    let each = (sent + 40) / 4;
    let committed =
        wait_for(async || Some(third.committed().await.unwrap()).filter(|offsets| offsets.0.values().sum::<i64>() == sent + 40)).await;
    assert_eq!(committed, Offsets((0..4).map(|partition| (partition, each)).collect()));
}

async fn next<T>(receiver: &mut tokio::sync::mpsc::UnboundedReceiver<T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), receiver.recv()).await.expect("an event within a minute").unwrap()
}

async fn a_message_that_does_not_fit_is_named(broker: &Broker) {
    broker.create("mixed", 1, &[]);
    broker.send_numbers("mixed", 1, 0..10);
    let source = broker.open();
    let table = TablePath::table("mixed");
    source.schema(&table).await.unwrap();
    broker.send("mixed", [(0, None, Some(br#"{"n":"ten"}"#.to_vec())), (0, None, Some(b"{broken".to_vec()))]);
    let error = source.scan(Scan::all(table.clone())).try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.code, Some("SOURCE_VALUE_UNFIT"), "{error}");
    for part in ["mixed", "partition 0", "offset 10", "\"n\"", "ten"] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    let broken = Scan { filters: vec![offset(Comparison::Equal, 11)], ..Scan::all(table) };
    let error = source.scan(broken).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(error.to_string().contains("offset 11") && error.to_string().contains("JSON"), "{error}");
    assert_eq!(numbers(&source, "mixed", vec![offset(Comparison::Less, 10)]).await.len(), 10);
}

pub(super) async fn wait_for<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..300 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("what was waited for did not come");
}
