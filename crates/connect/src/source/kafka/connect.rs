//! A client of librdkafka that gives up: in time, and with a reason.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{Error, Result};
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode as Code;

use super::error::{self, Phase};
use super::messages::OWN_SETTINGS;
use crate::connection::{KafkaEndpoint, TlsMode};
use crate::diagnosis::{Diagnosis, Step, TCP_FAILED};
use crate::source::retried::retried;

/// What scans call themselves towards the broker; they join no group and commit nothing.
const READER_GROUP: &str = "penchant-reader";
/// Messages that librdkafka reads ahead, in kilobytes.
const QUEUED_KBYTES: &str = "8192";
const FIRST_WAIT: Duration = Duration::from_millis(500);
const HEAR_WAIT: Duration = Duration::from_millis(10);
const MOST_HEARD: usize = 100;
const PORT: u16 = 9092;

/// Remembers what the library last said of its connections: the reason is in its log alone.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    said: Mutex<String>,
    /// The last code that means that there is no connection.
    refused: Mutex<Option<Code>>,
}

impl Watcher {
    pub fn reason(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn refusal(&self) -> Option<Code> {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn note(&self, code: Code) {
        if error::is_refusal(code) {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(code);
        }
    }
}

impl ClientContext for Watcher {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        tracing::debug!(target: "kafka", ?level, facility, text, "librdkafka");
        if facility == "FAIL" {
            // `[thrd:…]: host:port/bootstrap: the reason`
            let said = text.split_once("]: ").map_or(text, |(_, said)| said);
            said.clone_into(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "kafka", %error, reason, "librdkafka");
        if let Some(code) = error.rdkafka_error_code() {
            self.note(code);
        }
    }
}

impl ConsumerContext for Watcher {}

/// A consumer that knows the cluster's topics. Every call blocks.
pub(super) struct Client {
    pub consumer: BaseConsumer<Watcher>,
    pub endpoint: Arc<KafkaEndpoint>,
    /// Every topic but the brokers' own, with its partitions.
    pub topics: BTreeMap<String, Vec<i32>>,
}

impl Client {
    /// Connects within the connection's timeout and asks for the topics.
    pub fn connect(endpoint: Arc<KafkaEndpoint>) -> Result<Self> {
        let mut config = configuration(&endpoint)?;
        config.set("group.id", READER_GROUP).set("enable.partition.eof", "true").set("auto.offset.reset", "error");
        config.set("queued.max.messages.kbytes", QUEUED_KBYTES).set("fetch.queue.backoff.ms", "50");
        for (name, value) in library_settings(&endpoint) {
            config.set(name, value);
        }
        let failed = |e: &KafkaError| error::of(e, "", &endpoint.bootstrap_servers, Phase::Connecting);
        let consumer: BaseConsumer<Watcher> = config.create_with_context(Watcher::default()).map_err(|e| failed(&e))?;
        let mut client = Self { consumer, endpoint: endpoint.clone(), topics: BTreeMap::new() };
        let metadata = client.ask(|consumer, wait| consumer.fetch_metadata(None, wait))?;
        for topic in metadata.topics().iter().filter(|topic| !topic.name().starts_with("__")) {
            let mut partitions: Vec<i32> = topic.partitions().iter().map(rdkafka::metadata::MetadataPartition::id).collect();
            partitions.sort_unstable();
            client.topics.insert(topic.name().to_owned(), partitions);
        }
        Ok(client)
    }

    pub fn servers(&self) -> &str {
        &self.endpoint.bootstrap_servers
    }

    pub fn partitions(&self, topic: &str) -> Result<&[i32]> {
        self.topics.get(topic).map(Vec::as_slice).ok_or_else(|| error::gone(topic))
    }

    /// The first offset that is kept and the one after the last, of each of these partitions.
    pub fn watermarks(&self, topic: &str, partitions: &[i32]) -> Result<BTreeMap<i32, (i64, i64)>> {
        let of = |partition: i32| self.ask(|consumer, wait| consumer.fetch_watermarks(topic, partition, wait));
        partitions.iter().map(|&partition| Ok((partition, of(partition).map_err(|e| e.with("topic", topic))?))).collect()
    }

    /// Asks again and again, each time waiting longer, until the connection's timeout is over: the library itself would not tell a
    /// refused password from a slow broker.
    pub fn ask<T>(&self, question: impl Fn(&BaseConsumer<Watcher>, Duration) -> KafkaResult<T>) -> Result<T> {
        let mut left = self.endpoint.reach.connect_timeout;
        let mut wait = FIRST_WAIT;
        loop {
            let now = wait.min(left);
            let error = match question(&self.consumer, now) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let code = error.rdkafka_error_code();
            self.hear();
            let context = self.consumer.context();
            if let Some(refusal) = context.refusal() {
                return Err(error::of_code(refusal, &context.reason(), self.servers(), Phase::Connecting));
            }
            left = left.saturating_sub(now);
            if left.is_zero() || !code.is_some_and(error::is_passing) {
                return Err(error::of(&error, &context.reason(), self.servers(), Phase::Connecting));
            }
            if code != Some(Code::OperationTimedOut) {
                std::thread::sleep(FIRST_WAIT.min(left) / 4);
            }
            wait *= 2;
        }
    }

    /// Takes in what the library has to say, while nothing is assigned. It must be given a moment: asked for none, it gives up after a
    /// line of its log, and the reason comes after many.
    fn hear(&self) {
        for _ in 0..MOST_HEARD {
            match self.consumer.poll(HEAR_WAIT) {
                None => return,
                Some(Err(error)) => {
                    if let Some(code) = error.rdkafka_error_code() {
                        self.consumer.context().note(code);
                    }
                }
                Some(Ok(_)) => {}
            }
        }
    }
}

/// A client, after as many tries as the connection allows. The brokers are looked for before librdkafka is started: it would look for
/// ever and say little.
pub(super) async fn connect(endpoint: &Arc<KafkaEndpoint>) -> Result<Client> {
    retried(endpoint.reach, || once(endpoint.clone())).await
}

async fn once(endpoint: Arc<KafkaEndpoint>) -> Result<Client> {
    reachable(&endpoint).await?;
    blocking(move || Client::connect(endpoint)).await
}

/// One of the brokers answers.
pub(super) async fn reachable(endpoint: &KafkaEndpoint) -> Result<()> {
    match reach(endpoint).await.failure() {
        None => Ok(()),
        Some(failed) if failed.step == Step::Configuration => Err(Error::invalid_input(failed.detail.clone())),
        Some(failed) => Err(Error::unavailable(failed.detail.clone()).code(failed.step.code().unwrap_or(TCP_FAILED))),
    }
}

/// The way to the first broker that answers, or to the last.
pub(super) async fn reach(endpoint: &KafkaEndpoint) -> Diagnosis {
    let mut way = Diagnosis::default();
    for (host, port) in servers(endpoint) {
        way = Diagnosis::default();
        if way.reach(&host, port, endpoint.reach.connect_timeout).await.is_some() {
            return way;
        }
    }
    if way.steps.is_empty() {
        let none = Error::invalid_input(format!("Expected brokers as host:port; found {:?}.", endpoint.bootstrap_servers));
        way.note(Step::Configuration, Err::<(), _>(none), |()| String::new());
    }
    way
}

/// The bootstrap servers' names and ports.
pub(super) fn servers(endpoint: &KafkaEndpoint) -> impl Iterator<Item = (String, u16)> {
    let servers = endpoint.bootstrap_servers.split(',').map(|server| server.rsplit("://").next().unwrap_or(server).trim());
    servers.filter(|server| !server.is_empty()).map(|server| match server.rsplit_once(':') {
        Some((host, port)) => (host.trim_matches(['[', ']']).to_owned(), port.parse().unwrap_or(PORT)),
        None => (server.to_owned(), PORT),
    })
}

/// Runs what blocks where it does no harm.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal("Asking Kafka ended before its time.").source(e))?
}

/// The settings that the user gives to librdkafka itself; they win.
pub(super) fn library_settings(endpoint: &KafkaEndpoint) -> impl Iterator<Item = (&str, &str)> {
    let all = endpoint.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    all.filter(|(name, _)| !name.starts_with(OWN_SETTINGS))
}

/// What scans and members of groups have in common. Nothing is committed unless asked.
pub(super) fn configuration(endpoint: &KafkaEndpoint) -> Result<ClientConfig> {
    let mut config = ClientConfig::new();
    let timeout = endpoint.reach.connect_timeout.as_millis().clamp(1000, 300_000).to_string();
    config.set("bootstrap.servers", &endpoint.bootstrap_servers);
    config.set("socket.connection.setup.timeout.ms", timeout);
    config.set("reconnect.backoff.ms", "100").set("reconnect.backoff.max.ms", "1000");
    config.set("allow.auto.create.topics", "false");
    config.set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
    // librdkafka 2.12 takes too little memory for what brokers before 2.8 say of many topics with short names and one partition
    // each, and then refuses all of it; a client with a rack takes more. A rack that no broker has changes nothing else.
    config.set("client.rack", "-");
    let encrypted = endpoint.tls.mode != TlsMode::Disable;
    let protocol = match (encrypted, &endpoint.sasl) {
        (false, None) => "plaintext",
        (true, None) => "ssl",
        (false, Some(_)) => "sasl_plaintext",
        (true, Some(_)) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if encrypted {
        let checked = matches!(endpoint.tls.mode, TlsMode::VerifyCa | TlsMode::VerifyFull);
        config.set("enable.ssl.certificate.verification", if checked { "true" } else { "false" });
        let named = endpoint.tls.mode == TlsMode::VerifyFull;
        config.set("ssl.endpoint.identification.algorithm", if named { "https" } else { "none" });
    }
    if let Some(authority) = &endpoint.tls.authority {
        let path = authority.to_str().ok_or_else(|| Error::invalid_input("The certificate's path is no UTF-8."))?;
        config.set("ssl.ca.location", path);
    }
    if let Some(sasl) = &endpoint.sasl {
        config.set("sasl.mechanism", &sasl.mechanism).set("sasl.username", &sasl.user).set("sasl.password", &sasl.password);
    }
    Ok(config)
}
