//! Kafka topics: CloudEvents as JSON, keyed by what the event is about, so that one table's events stay in order.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::{Error, Result};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::{Failure, Message};
use crate::secret;

/// One producer for each set of properties, kept.
#[derive(Default)]
pub(super) struct Producers(Mutex<HashMap<Vec<(String, String)>, FutureProducer>>);

impl std::fmt::Debug for Producers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Producers")
    }
}

impl Producers {
    pub async fn send(&self, servers: &str, topic: &str, message: &Message<'_>) -> Result<(), Failure> {
        let producer = self.producer(servers, message)?;
        let body = message.cloud_event()?.to_string();
        let key = message.event.resources.first().unwrap_or(&message.event.source);
        let header = Header { key: "content-type", value: Some("application/cloudevents+json; charset=UTF-8") };
        let record = FutureRecord::to(topic).key(key).payload(&body).headers(OwnedHeaders::new().insert(header));
        let limit = message.target.timeout();
        match producer.send(record, limit).await {
            Ok(_) => Ok(()),
            Err((e, _)) => Err(Failure::new(format!("Kafka topic {topic} at {servers} did not take the event: {e}."))),
        }
    }

    fn producer(&self, servers: &str, message: &Message<'_>) -> Result<FutureProducer> {
        let mut properties = vec![
            ("bootstrap.servers".to_owned(), servers.to_owned()),
            // An event counts as sent when every replica in sync has it.
            ("acks".to_owned(), "all".to_owned()),
            ("message.timeout.ms".to_owned(), message.target.timeout().saturating_sub(Duration::from_millis(500)).as_millis().to_string()),
        ];
        for (name, value) in &message.target.kafka_properties {
            let value = if value.starts_with("${") { secret::resolve(name, value)? } else { value.clone() };
            properties.push((name.clone(), value));
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(producer) = known.get(&properties) {
            return Ok(producer.clone());
        }
        let mut config = ClientConfig::new();
        properties.iter().for_each(|(name, value)| {
            config.set(name, value);
        });
        let refused =
            |e| Error::invalid_input(format!("Target {:?}: Kafka's client does not take its properties.", message.target.id)).source(e);
        let producer: FutureProducer = config.create().map_err(refused)?;
        known.insert(properties, producer.clone());
        Ok(producer)
    }
}
