//! What the real broker for tests is too old for, on librdkafka's **mock** cluster: timestamps and headers. Nothing else is shown
//! here: the mock answers every lookup of a time with "no such offset", so that what narrows the offsets by time is not shown either.

use std::time::Duration;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use futures::StreamExt;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::super::{EventGroup, KafkaSource};
use super::rows;
use crate::connection::{KafkaEndpoint, Reach, Tls, TlsMode};
use crate::source::{Comparison, Literal, Predicate, Scan, Source, TablePath};

const DAY: i64 = 86_400_000;

fn endpoint(servers: &str) -> KafkaEndpoint {
    KafkaEndpoint {
        bootstrap_servers: servers.to_owned(),
        tls: Tls { mode: TlsMode::Disable, authority: None },
        sasl: None,
        reach: Reach { connect_timeout: Duration::from_secs(10), read_timeout: Duration::from_secs(30), retries: 0 },
        settings: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_mock_timestamps_and_headers_are_read() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("timed", 1, 1).unwrap();
    let servers = cluster.bootstrap_servers();
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &servers).create().unwrap();
    tokio::task::block_in_place(|| {
        // Times do not only grow.
        for (n, day) in [1_i64, 2, 9, 3, 4].into_iter().enumerate() {
            let payload = format!("{{\"n\":{n}}}");
            let headers =
                OwnedHeaders::new().insert(Header { key: "trace", value: Some("abc") }).insert(Header::<&str> { key: "none", value: None });
            let record: BaseRecord<'_, str, str> =
                BaseRecord::to("timed").partition(0).payload(payload.as_str()).timestamp(day * DAY).headers(headers);
            producer.send(record).map_err(|(e, _)| e).unwrap();
        }
        producer.flush(Duration::from_secs(30)).unwrap();
    });
    let source = KafkaSource::new(endpoint(&servers));
    // Nobody listens at the first.
    let diagnosis = KafkaSource::new(endpoint(&format!("127.0.0.1:1,{servers}"))).diagnose().await;
    assert!(diagnosis.failure().is_none(), "{diagnosis:?}");
    let at = |comparison, day: i64| Predicate::compare("_timestamp", comparison, Literal::Timestamp(day * DAY * 1000));
    let cases = [
        (at(Comparison::GreaterOrEqual, 0), vec![0, 1, 2, 3, 4]),
        (at(Comparison::GreaterOrEqual, 3), vec![2, 3, 4]),
        (at(Comparison::Less, 4), vec![0, 1, 3]),
        (at(Comparison::Equal, 9), vec![2]),
        (Predicate::And(vec![at(Comparison::Greater, 1), at(Comparison::LessOrEqual, 4)]), vec![1, 3, 4]),
        (Predicate::IsNull("_timestamp".into()), vec![]),
    ];
    for (filter, expected) in cases {
        let batches = rows(&source, Scan { filters: vec![filter.clone()], ..Scan::all(TablePath::table("timed")) }).await;
        let found: Vec<i64> = batches.iter().flat_map(|batch| batch["n"].as_primitive::<Int64Type>().values().to_vec()).collect();
        assert_eq!(found, expected, "{filter:?}");
        for batch in &batches {
            assert!(cast(&batch["_timestamp"], &DataType::Int64).unwrap().as_primitive::<Int64Type>().value(0) >= DAY * 1000);
        }
    }
    let group = EventGroup::join(endpoint(&servers), "timed", "mocked").await.unwrap();
    let first = tokio::time::timeout(Duration::from_secs(60), group.stream().next()).await.expect("an event").unwrap().unwrap();
    assert_eq!((first.offset, first.timestamp), (0, Some(DAY * 1000)));
    assert_eq!(first.headers, [("trace".to_owned(), Some(b"abc".to_vec())), ("none".to_owned(), None)]);
}
