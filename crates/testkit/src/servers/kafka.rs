//! Kafka: the real Apache Kafka 0.9.0.1, a ZooKeeper and one broker as two processes.
//!
//! Topics are made and removed as Kafka's own tools do it, by writing to ZooKeeper: a Java program for each would take seconds.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Process, free_port, missing, open_folder, services, wait_for_port};

const START_SECONDS: u64 = 60;
/// How long topics take to come and go on a busy machine.
const TOPIC_SECONDS: u64 = 30;

/// A running broker with its ZooKeeper; both are ended with the value, and everything in them is gone.
///
/// It makes topics only when told to, removes them when told to, and looks for what its topics' settings say is to be
/// removed or compacted several times a second.
#[derive(Debug)]
pub struct Kafka {
    /// Where the broker listens.
    pub port: u16,
    zookeeper_port: u16,
    broker: Process,
    zookeeper: Process,
    _folder: tempfile::TempDir,
}

impl Kafka {
    /// A broker that tells its clients to come to its own port. Nothing where Java or the jars are missing.
    pub fn start() -> Option<Self> {
        let port = free_port();
        Self::start_on(port, &format!("listeners=PLAINTEXT://127.0.0.1:{port}\n"))
    }

    /// A broker that tells its clients to come to `advertised`, where a proxy must pass everything on to `port`.
    pub fn start_behind(advertised: u16) -> Option<Self> {
        let port = free_port();
        let listeners = format!("listeners=PLAINTEXT://127.0.0.1:{port}\nadvertised.listeners=PLAINTEXT://127.0.0.1:{advertised}\n");
        Self::start_on(port, &listeners)
    }

    /// A broker whose further properties are the caller's, `listeners` among them: `PLAINTEXT://127.0.0.1:port` is one of these.
    pub fn start_on(port: u16, properties: &str) -> Option<Self> {
        let home = services().join("kafka");
        let java = Command::new("java").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !home.join("libs").is_dir() || !java.is_ok_and(|status| status.success()) {
            missing("Kafka");
            return None;
        }
        let folder = open_folder();
        let zookeeper_port = free_port();
        // Both at once: the broker waits for its ZooKeeper.
        let mut zookeeper = start_zookeeper(&home, folder.path(), zookeeper_port);
        let mut broker = start_broker(&home, folder.path(), zookeeper_port, properties);
        wait_for_port(zookeeper_port, "ZooKeeper", &mut zookeeper.0, START_SECONDS);
        wait_for_port(port, "Kafka", &mut broker.0, START_SECONDS);
        // It listens before it can lead a partition.
        ZooKeeper::connect(zookeeper_port).wait_for("/brokers/ids/0", true);
        Some(Self { port, zookeeper_port, broker, zookeeper, _folder: folder })
    }

    /// What librdkafka must be told to speak with a broker as old as this.
    pub fn client_settings() -> Vec<(String, String)> {
        let settings = [("api.version.request", "false"), ("broker.version.fallback", "0.9.0.1"), ("session.timeout.ms", "10000")];
        settings.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    /// Makes a topic and waits until it can be written to.
    pub fn create_topic(&self, name: &str, partitions: usize) {
        self.create_topic_with(name, partitions, &[]);
    }

    /// The same with settings of the topic, such as `cleanup.policy`.
    pub fn create_topic_with(&self, name: &str, partitions: usize, settings: &[(&str, &str)]) {
        let mut config = String::new();
        for (name, value) in settings {
            let comma = if config.is_empty() { "" } else { "," };
            let _ = write!(config, "{comma}\"{name}\":\"{value}\"");
        }
        let places: Vec<String> = (0..partitions).map(|partition| format!("\"{partition}\":[0]")).collect();
        let mut zookeeper = ZooKeeper::connect(self.zookeeper_port);
        zookeeper.put(&format!("/config/topics/{name}"), &format!("{{\"version\":1,\"config\":{{{config}}}}}"));
        zookeeper.put(&format!("/brokers/topics/{name}"), &format!("{{\"version\":1,\"partitions\":{{{}}}}}", places.join(",")));
        for _ in 0..TOPIC_SECONDS * 50 {
            if self.led_partitions(name) == partitions {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("topic {name} was to come within {TOPIC_SECONDS} seconds");
    }

    /// How many partitions of the topic the broker says it leads: what ZooKeeper knows, its clients hear of a moment later.
    fn led_partitions(&self, topic: &str) -> usize {
        // Metadata, the oldest version; the request's number; a client without a name; one topic.
        let mut request = [0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1].to_vec();
        request.extend(u16::try_from(topic.len()).expect("a short name").to_be_bytes());
        request.extend(topic.as_bytes());
        let answer = exchange(&mut connect(self.port), &request);
        let mut answer = Answer(&answer);
        answer.number(4);
        for _ in 0..answer.number(4) {
            answer.number(4);
            answer.skip_text();
            answer.number(4);
        }
        // One topic, its error and its name.
        answer.skip(4 + 2);
        answer.skip_text();
        let mut led = 0;
        for _ in 0..answer.number(4) {
            led += usize::from(answer.number(2) == 0);
            answer.skip(4 + 4);
            for _ in ["replicas", "those in sync"] {
                let count = answer.number(4);
                answer.skip(4 * count);
            }
        }
        led
    }

    /// Writes messages to a partition and waits until the broker has them.
    pub fn send(&self, topic: &str, partition: i32, messages: &[&str]) {
        let mut set = Vec::new();
        for message in messages {
            // No key, and neither compression nor a time: the oldest form.
            let mut body = [0, 0].to_vec();
            body.extend((-1_i32).to_be_bytes());
            text(&mut body, message);
            set.extend(0_i64.to_be_bytes());
            set.extend(u32::try_from(body.len() + 4).expect("a short message").to_be_bytes());
            set.extend(crc32(&body).to_be_bytes());
            set.extend(body);
        }
        // Produce, the oldest version; the request's number; a client without a name; answer once it is written, within ten seconds.
        let mut request = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1].to_vec();
        request.extend(10_000_i32.to_be_bytes());
        request.extend(1_i32.to_be_bytes());
        request.extend(u16::try_from(topic.len()).expect("a short name").to_be_bytes());
        request.extend(topic.as_bytes());
        request.extend(1_i32.to_be_bytes());
        request.extend(partition.to_be_bytes());
        request.extend(u32::try_from(set.len()).expect("few messages").to_be_bytes());
        request.extend(set);
        let answer = exchange(&mut connect(self.port), &request);
        let mut answer = Answer(&answer);
        // The request's number, one topic and its name, one partition and its number.
        answer.skip(4 + 4);
        answer.skip_text();
        answer.skip(4 + 4);
        assert_eq!(answer.number(2), 0, "topic {topic} takes no messages");
    }

    /// Removes a topic and waits until it is gone.
    pub fn delete_topic(&self, name: &str) {
        let mut zookeeper = ZooKeeper::connect(self.zookeeper_port);
        zookeeper.put(&format!("/admin/delete_topics/{name}"), "");
        zookeeper.wait_for(&format!("/brokers/topics/{name}"), false);
    }
}

/// At once: there is nothing to save.
impl Drop for Kafka {
    fn drop(&mut self) {
        self.broker.signal("-KILL");
        self.zookeeper.signal("-KILL");
    }
}

fn java(home: &Path, folder: &Path, log: &str, heap: &str) -> Command {
    let log = std::fs::File::create(folder.join(log)).expect("a file for the output");
    let mut command = Command::new("java");
    // The quick compiler alone: these processes live for seconds.
    command.args([heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    command.arg(format!("-Dlog4j.configuration=file:{}", home.join("config/tools-log4j.properties").display()));
    command.arg("-cp").arg(home.join("libs").join("*")).current_dir(folder);
    command.stdout(log.try_clone().expect("the same file")).stderr(log);
    command
}

fn start_zookeeper(home: &Path, folder: &Path, port: u16) -> Process {
    let data = folder.join("zookeeper");
    let properties =
        format!("dataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\ntickTime=1000\nmaxClientCnxns=0\n", data.display());
    std::fs::write(folder.join("zookeeper.properties"), properties).expect("ZooKeeper's properties");
    let mut command = java(home, folder, "zookeeper.log", "-Xmx64m");
    Process::start(command.args(["org.apache.zookeeper.server.quorum.QuorumPeerMain", "zookeeper.properties"]))
}

fn start_broker(home: &Path, folder: &Path, zookeeper_port: u16, properties: &str) -> Process {
    let text = format!(
        "broker.id=0\n{properties}log.dirs={}\nzookeeper.connect=127.0.0.1:{zookeeper_port}\nzookeeper.connection.timeout.ms=60000\n\
         zookeeper.session.timeout.ms=30000\noffsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
         auto.create.topics.enable=false\ndelete.topic.enable=true\nlog.retention.check.interval.ms=300\n\
         log.cleaner.dedupe.buffer.size=4194304\nlog.cleaner.backoff.ms=300\n",
        folder.join("logs").display()
    );
    std::fs::write(folder.join("server.properties"), text).expect("the broker's properties");
    let mut command = java(home, folder, "broker.log", "-Xmx192m");
    Process::start(command.args(["kafka.Kafka", "server.properties"]))
}

/// As much of ZooKeeper's protocol as it takes to write a node and to look for one.
struct ZooKeeper(TcpStream);

impl ZooKeeper {
    const CREATE: i32 = 1;
    const EXISTS: i32 = 3;
    const NODE_EXISTS: i32 = -110;
    const NO_NODE: i32 = -101;

    fn connect(port: u16) -> Self {
        let mut wire = connect(port);
        // Version, last transaction seen, session's timeout, no session to go on with and its empty password.
        let mut hello = Vec::new();
        hello.extend(0_i32.to_be_bytes());
        hello.extend(0_i64.to_be_bytes());
        hello.extend(10_000_i32.to_be_bytes());
        hello.extend(0_i64.to_be_bytes());
        text(&mut hello, &"\0".repeat(16));
        exchange(&mut wire, &hello);
        Self(wire)
    }

    /// Makes the node unless it is there.
    fn put(&mut self, path: &str, value: &str) {
        let mut body = Vec::new();
        text(&mut body, path);
        text(&mut body, value);
        // One rule: everybody may do everything. Then: the node stays when the session ends.
        body.extend(1_i32.to_be_bytes());
        body.extend(31_i32.to_be_bytes());
        text(&mut body, "world");
        text(&mut body, "anyone");
        body.extend(0_i32.to_be_bytes());
        let code = self.ask(Self::CREATE, &body);
        assert!(code == 0 || code == Self::NODE_EXISTS, "ZooKeeper does not make {path}: error {code}");
    }

    fn wait_for(&mut self, path: &str, there: bool) {
        for _ in 0..TOPIC_SECONDS * 50 {
            let mut body = Vec::new();
            text(&mut body, path);
            body.push(0);
            let code = self.ask(Self::EXISTS, &body);
            assert!(code == 0 || code == Self::NO_NODE, "ZooKeeper does not say whether {path} is there: error {code}");
            if (code == 0) == there {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{path} was to {} within {TOPIC_SECONDS} seconds", if there { "come" } else { "go" });
    }

    /// The answer's error; 0 is none.
    fn ask(&mut self, operation: i32, body: &[u8]) -> i32 {
        let mut request = Vec::new();
        request.extend(1_i32.to_be_bytes());
        request.extend(operation.to_be_bytes());
        request.extend(body);
        // The request's number and the transaction's stand before the error.
        let answer = exchange(&mut self.0, &request);
        let error = answer.get(12..16).and_then(|bytes| bytes.try_into().ok()).expect("an answer of ZooKeeper");
        i32::from_be_bytes(error)
    }
}

fn connect(port: u16) -> TcpStream {
    let wire = TcpStream::connect(("127.0.0.1", port)).expect("a server that listens");
    wire.set_read_timeout(Some(Duration::from_secs(TOPIC_SECONDS))).expect("a time limit");
    wire
}

/// Both servers put the length before what they say.
fn exchange(wire: &mut TcpStream, request: &[u8]) -> Vec<u8> {
    let mut framed = u32::try_from(request.len()).expect("a small request").to_be_bytes().to_vec();
    framed.extend(request);
    wire.write_all(&framed).expect("a server that reads");
    let mut length = [0; 4];
    wire.read_exact(&mut length).expect("a server that answers");
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    wire.read_exact(&mut answer).expect("a whole answer");
    answer
}

/// As in zip files.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// An answer of Kafka, read from its start.
struct Answer<'a>(&'a [u8]);

impl Answer<'_> {
    fn skip(&mut self, bytes: usize) {
        self.0 = self.0.get(bytes..).expect("a whole answer");
    }

    fn number(&mut self, bytes: usize) -> usize {
        let number = self.0.iter().take(bytes).fold(0, |number, byte| number << 8 | usize::from(*byte));
        self.skip(bytes);
        number
    }

    fn skip_text(&mut self) {
        let length = self.number(2);
        self.skip(length);
    }
}

fn text(buffer: &mut Vec<u8>, text: &str) {
    buffer.extend(u32::try_from(text.len()).expect("a short text").to_be_bytes());
    buffer.extend(text.as_bytes());
}
