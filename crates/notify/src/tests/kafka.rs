//! A topic of librdkafka's own broker: it speaks Kafka's protocol over TCP, within the test's process.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::{Headers, Message};
use rdkafka::mocking::MockCluster;
use serde_json::{Value, json};

use super::house::{House, until};

#[tokio::test(flavor = "multi_thread")]
async fn events_reach_a_topic() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("changes", 3, 1).unwrap();
    let servers = cluster.bootstrap_servers();
    let house = House::new().await;
    let impossible = json!({"no.such.property": "x"});
    house
        .rule(
            "r",
            json!([
                {"Id": "topic", "Arn": format!("kafka:{servers}/changes")},
                {"Id": "refused", "Arn": format!("kafka:{servers}/changes"), "KafkaProperties": impossible, "RetryPolicy": {"MaximumRetryAttempts": 0}},
                {"Id": "down", "Arn": "kafka:127.0.0.1:1/changes", "TimeoutSeconds": 2, "RetryPolicy": {"MaximumRetryAttempts": 0}},
            ]),
        )
        .await;
    let ids = house.put(5).await;
    let _work = house.work();
    until("sent", async || house.is_idle().await).await;
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", &servers)
        .set("group.id", "test")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    consumer.subscribe(&["changes"]).unwrap();
    let mut got = Vec::new();
    while got.len() < 5 {
        let message = tokio::time::timeout(Duration::from_secs(20), consumer.recv()).await.unwrap().unwrap();
        assert_eq!(message.key(), Some(&b"shop"[..]));
        assert_eq!(message.headers().unwrap().get(0).key, "content-type");
        let event: Value = serde_json::from_slice(message.payload().unwrap()).unwrap();
        assert_eq!(event["type"], "Order");
        got.push(event["id"].as_str().unwrap().to_owned());
    }
    got.sort();
    let mut expected = ids;
    expected.sort();
    assert_eq!(got, expected);
    let letters = house.notify.dead_letters().await.unwrap();
    assert_eq!(letters.iter().map(|letter| letter.target.as_str()).collect::<Vec<_>>(), [["down"; 5], ["refused"; 5]].concat());
    assert!(letters[0].last_error.contains("127.0.0.1:1"), "{}", letters[0].last_error);
    assert!(letters[5].last_error.contains("no.such.property"), "{}", letters[5].last_error);
}
