#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

#[test]
fn percentiles_are_nearest_rank() {
    let latencies: Vec<Duration> = (1..=200).map(Duration::from_micros).collect();
    assert_eq!(percentile(&latencies, 50.0).round(), 100.0);
    assert_eq!(percentile(&latencies, 99.0).round(), 198.0);
    assert_eq!(percentile(&latencies, 100.0).round(), 200.0);
    assert_eq!(percentile(&latencies[..1], 50.0).round(), 1.0);
    assert!(percentile(&[], 50.0).is_nan());
}

#[tokio::test]
async fn failures_are_counted_apart_and_every_request_is_sent() {
    let seen = Arc::new(std::sync::Mutex::new(std::collections::BTreeSet::new()));
    let record = Arc::clone(&seen);
    let router = axum::Router::new().fallback(move |uri: axum::http::Uri| {
        record.lock().unwrap().insert(uri.path().to_owned());
        async move { if uri.path() == "/bad" { axum::http::StatusCode::NOT_FOUND } else { axum::http::StatusCode::OK } }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let requests: Vec<Vec<u8>> =
        ["/good", "/bad"].iter().map(|path| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").into_bytes()).collect();
    let figures = measure(&endpoint, &requests, 2, Duration::from_millis(100)).await.unwrap();
    assert!(figures.answers > 0 && figures.failed > 0, "{figures:?}");
    assert!(figures.answers.abs_diff(figures.failed) <= 2, "the two requests take turns: {figures:?}");
    assert!(figures.p50_us <= figures.p99_us && figures.p99_us <= figures.max_us, "{figures:?}");
    assert_eq!(seen.lock().unwrap().len(), 2);
}
