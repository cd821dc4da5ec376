//! An installation with rules, and a web server that writes down what it gets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use domain::Clock;
use runs::Breakpoints;
use serde_json::{Value, json};
use testkit::Installation;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{CustomEvent, Delivery, Notify, Rule, Settings};

pub struct House {
    pub installation: Installation,
    pub notify: Notify,
}

impl House {
    pub async fn new() -> Self {
        Self::with(Arc::new(domain::SystemClock), Settings { retry_base_ms: 20, ..Settings::default() }).await
    }

    pub async fn with(clock: Arc<dyn Clock>, settings: Settings) -> Self {
        let installation = Installation::with_clock(clock).await;
        let notify = Notify::new(installation.runs.clone(), settings).unwrap();
        Self { installation, notify }
    }

    /// A rule about everything that comes from `shop`.
    pub async fn rule(&self, name: &str, targets: Value) {
        let rule = json!({"Name": name, "EventPattern": r#"{"source": ["shop"]}"#, "Targets": targets});
        self.notify.replace_rule(serde_json::from_value::<Rule>(rule).unwrap()).await.unwrap();
    }

    /// Puts events `{"n": 0}`, `{"n": 1}`, … and gives their ids.
    pub async fn put(&self, count: usize) -> Vec<String> {
        let event = |n| CustomEvent {
            source: "shop".into(),
            detail_type: "Order".into(),
            detail: json!({"n": n}).to_string(),
            ..CustomEvent::default()
        };
        let put = self.notify.put_events((0..count).map(event).collect()).await.unwrap();
        put.into_iter().map(|id| id.unwrap()).collect()
    }

    pub fn work(&self) -> JoinHandle<()> {
        self.work_until(Breakpoints::none())
    }

    /// Aborting the handle is as if the process were killed.
    pub fn work_until(&self, breakpoints: Breakpoints) -> JoinHandle<()> {
        let dispatcher = self.notify.dispatcher(breakpoints);
        tokio::spawn(async move { dispatcher.work(CancellationToken::new()).await })
    }

    pub async fn waiting(&self) -> usize {
        self.installation.store.list::<Delivery>().await.unwrap().len()
    }

    /// All that was put has been read, and nothing waits.
    pub async fn is_idle(&self) -> bool {
        let cursor = self.notify.cursor().await.unwrap();
        self.installation.store.notifications(cursor, 1).await.unwrap().is_empty() && self.waiting().await == 0
    }
}

/// Looks again until it is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("ten seconds have passed, and not yet: {what}");
}

#[derive(Debug, Clone)]
pub struct Receipt {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Receipt {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub fn id(&self) -> String {
        self.header("webhook-id").to_owned()
    }
}

/// A web server whose paths say how they behave.
#[derive(Clone, Default)]
pub struct Listener {
    receipts: Arc<Mutex<Vec<Receipt>>>,
    pub port: u16,
}

impl Listener {
    pub async fn start() -> Self {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = Self { port: socket.local_addr().unwrap().port(), ..Self::default() };
        let router = Router::new().fallback(answer).with_state(listener.clone());
        tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
        listener
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub fn at(&self, path: &str) -> Vec<Receipt> {
        self.receipts.lock().unwrap().iter().filter(|receipt| receipt.path == path).cloned().collect()
    }

    /// How often each event came.
    pub fn counts(&self, path: &str) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for receipt in self.at(path) {
            *counts.entry(receipt.id()).or_default() += 1;
        }
        counts
    }
}

async fn answer(State(listener): State<Listener>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path().trim_start_matches('/').to_owned();
    let receipt = Receipt { path: path.clone(), headers, body: body.to_vec() };
    let before = listener.counts(&path).get(&receipt.id()).copied().unwrap_or(0);
    listener.receipts.lock().unwrap().push(receipt);
    match path.as_str() {
        "flaky" if before < 2 => (StatusCode::INTERNAL_SERVER_ERROR, "not\tyet").into_response(),
        "broken" => (StatusCode::BAD_GATEWAY, "x".repeat(100_000)).into_response(),
        "gone" => StatusCode::GONE.into_response(),
        "moved" => (StatusCode::FOUND, [("location", "/elsewhere")]).into_response(),
        "busy" if before == 0 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "120")]).into_response(),
        "slow" => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            StatusCode::OK.into_response()
        }
        _ => StatusCode::NO_CONTENT.into_response(),
    }
}
