//! A client that signs by itself: written against AWS's description, not with the code under test.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use domain::arn::Partition;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};
use testkit::Installation;
use tower::ServiceExt;

use crate::{App, Credentials, SessionKeys};

pub const KEY: &str = "AKIAPENCHANTTEST0000";
pub const SECRET: &str = "abcdefghijklmnopqrstuvwxyz0123456789+/AB";

pub struct Client {
    pub installation: Installation,
    pub router: Router,
    pub secret: String,
    pub key: String,
    pub sessions: SessionKeys,
}

#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The answer of success.
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    /// Exception and message of an awsJson failure.
    pub fn failed(self) -> (String, String) {
        assert_ne!(self.status, 200, "{}", self.text());
        let body = self.json();
        (body["__type"].as_str().unwrap_or("").to_owned(), body["message"].as_str().unwrap().to_owned())
    }
}

/// A request before it is signed.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: &'static str,
    /// As sent, percent-encoded.
    pub uri: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    pub service: &'static str,
}

impl Ask {
    pub fn target(target: &str, service: &'static str, body: &Value) -> Self {
        let headers = BTreeMap::from([
            ("x-amz-target".to_owned(), target.to_owned()),
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
        ]);
        Self { method: "POST", uri: "/".into(), headers, body: body.to_string().into_bytes(), service }
    }

    pub fn post(path: &str, body: &Value) -> Self {
        let headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
        Self { method: "POST", uri: path.into(), headers, body: body.to_string().into_bytes(), service: "personalize" }
    }

    pub fn form(service: &'static str, body: &str) -> Self {
        let headers = BTreeMap::from([("content-type".to_owned(), "application/x-www-form-urlencoded; charset=utf-8".to_owned())]);
        Self { method: "POST", uri: "/".into(), headers, body: body.into(), service }
    }

    pub fn s3(method: &'static str, uri: &str, body: &[u8]) -> Self {
        let hash = hex::encode(Sha256::digest(body));
        let headers = BTreeMap::from([("x-amz-content-sha256".to_owned(), hash), ("content-length".to_owned(), body.len().to_string())]);
        Self { method, uri: uri.into(), headers, body: body.into(), service: "s3" }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }
}

impl Client {
    pub async fn new() -> Self {
        let installation = Installation::new().await;
        let app = app(&installation).await;
        let sessions = app.sessions.clone();
        let router = crate::router(app).unwrap();
        Self { installation, router, secret: SECRET.into(), key: KEY.into(), sessions }
    }

    pub async fn send(&self, ask: Ask) -> Reply {
        self.send_unsigned(self.sign(ask)).await
    }

    pub async fn send_unsigned(&self, ask: Ask) -> Reply {
        let mut request = Request::builder().method(ask.method).uri(&ask.uri).header("host", "localhost:7440");
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(ask.body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    pub async fn personalize(&self, operation: &str, body: Value) -> Reply {
        self.send(Ask::target(&format!("AmazonPersonalize.{operation}"), "personalize", &body)).await
    }

    pub async fn glue(&self, operation: &str, body: Value) -> Reply {
        self.send(Ask::target(&format!("AWSGlue.{operation}"), "glue", &body)).await
    }

    pub async fn s3(&self, method: &'static str, uri: &str, body: &[u8]) -> Reply {
        self.send(Ask::s3(method, uri, body)).await
    }

    /// Adds the time and the signature.
    pub fn sign(&self, mut ask: Ask) -> Ask {
        let now = self.installation.store.clock().now().millis();
        let time = chrono::DateTime::from_timestamp_millis(now).unwrap().format("%Y%m%dT%H%M%SZ").to_string();
        ask.headers.insert("x-amz-date".into(), time.clone());
        let mut signed: BTreeMap<&str, &str> = ask.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        signed.insert("host", "localhost:7440");
        let names: Vec<&str> = signed.keys().copied().collect();
        let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let (path, query) = ask.uri.split_once('?').unwrap_or((&ask.uri, ""));
        // Tests send queries in order and encoded; S3 alone takes the path as it is, and ours need no second encoding.
        let hash = hex::encode(Sha256::digest(&ask.body));
        let payload = ask.headers.get("x-amz-content-sha256").unwrap_or(&hash);
        let canonical = format!("{}\n{path}\n{query}\n{lines}\n{}\n{payload}", ask.method, names.join(";"));
        let scope = format!("{}/us-east-1/{}/aws4_request", &time[..8], ask.service);
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for step in scope.split('/') {
            key = mac(&key, step);
        }
        let signature = hex::encode(mac(&key, &text));
        let credential = format!("{}/{scope}", self.key);
        let header = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={}, Signature={signature}", names.join(";"));
        ask.headers.insert("authorization".into(), header);
        ask
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// These tests compute nothing: DataFusion is not linked here.
struct NoEngine;

#[async_trait::async_trait]
impl etl::Engine for NoEngine {
    fn name(&self) -> &'static str {
        "none"
    }

    async fn write(&self, _: etl::SqlQuery, _: etl::FileOutput, _: &runs::RunContext) -> domain::Result<etl::SqlOutcome> {
        Err(domain::Error::internal("There is no engine in these tests."))
    }

    async fn rows(&self, _: etl::SqlQuery, _: etl::Means) -> domain::Result<etl::Rows> {
        Err(domain::Error::internal("There is no engine in these tests."))
    }

    async fn columns(&self, _: &etl::SqlQuery) -> domain::Result<arrow::datatypes::SchemaRef> {
        Err(domain::Error::internal("There is no engine in these tests."))
    }

    async fn columns_read(&self, _: &etl::SqlQuery) -> domain::Result<Vec<etl::ColumnsRead>> {
        Err(domain::Error::internal("There is no engine in these tests."))
    }
}

/// Every time another text; what is random in it matters to nobody here.
fn draw(count: usize) -> String {
    static DRAWN: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    format!("{:0>count$}", DRAWN.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}

async fn app(installation: &Installation) -> App {
    let partition = Partition::default();
    let (runs, buckets) = (installation.runs.clone(), installation.buckets.clone());
    let datasets = dataset::Datasets::new(runs.clone(), buckets.clone(), installation.artifacts.clone(), partition.clone());
    let training = train::Training::new(runs.clone(), installation.artifacts.clone(), datasets.clone(), partition.clone());
    let log = installation.folder.path().join("events");
    let events = events::Events::open(&log, datasets.clone(), events::Settings::default()).await.unwrap();
    let catalog = catalog::Catalog::new(runs.clone(), buckets.clone(), partition.clone()).with_secrets(connect::Secrets::with_key([7; 32]));
    let jobs = etl::Jobs::new(runs.clone(), buckets.clone(), partition.clone());
    let workflows = workflow::Workflows::new(runs.clone());
    App {
        credentials: Credentials::new(KEY, SECRET).unwrap(),
        sessions: SessionKeys::new(std::sync::Arc::clone(installation.store.clock()), draw),
        workbench: etl::Workbench::new(jobs.clone(), catalog.clone(), std::sync::Arc::new(NoEngine)),
        impacts: impact::Impacts::new(
            catalog.clone(),
            etl::Workbench::new(jobs.clone(), catalog.clone(), std::sync::Arc::new(NoEngine)),
            datasets.clone(),
            workflows.clone(),
        ),
        catalog,
        jobs,
        serving: serve::Serving::new(training.clone(), events.live().clone(), partition.clone(), 1),
        workflows,
        notify: notify::Notify::new(runs.clone(), notify::Settings::default()).unwrap(),
        datasets,
        training,
        events,
        runs,
        buckets,
        partition,
        serves: true,
    }
}
