#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use futures::StreamExt;
use testkit::servers::Postgres;

use super::{PostgresBench, public, server};
use crate::connection::{Server, Tls, TlsMode};
use crate::diagnosis::{AUTHENTICATION_FAILED, CONNECTION_LOST, DATABASE_UNKNOWN, DNS_FAILED, PERMISSION_DENIED, Step, TLS_FAILED};
use crate::source::postgres::PostgresSource;
use crate::source::{Scan, Source};

/// Even one that has not found a row yet.
pub(super) async fn a_dropped_stream_ends_the_query(bench: &PostgresBench) {
    bench.sql(
        "CREATE VIEW endless AS SELECT a.i FROM generate_series(1, 1000000) a(i), generate_series(1, 1000000) b(i) WHERE a.i + b.i < 0",
    );
    let source = bench.source("postgres");
    let mut rows = source.scan(Scan::all(public("endless")));
    let waited = tokio::time::timeout(Duration::from_millis(500), rows.next()).await;
    assert!(waited.is_err(), "the query has no row");
    let active =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'penchant' AND query LIKE 'COPY%endless%' AND state = 'active'";
    assert_eq!(bench.sql(active).trim(), "1");
    drop(rows);
    for _ in 0..100 {
        if bench.sql(active).trim() == "0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the server still works on a query that nobody waits for");
}

/// The codes of a call, and the step at which the diagnosis stops.
async fn fails(server: Server) -> (Option<&'static str>, Option<Step>, Vec<Step>) {
    let source = PostgresSource::new(server);
    let error = source.tables().await.unwrap_err();
    let diagnosis = source.diagnose().await;
    let passed = diagnosis.steps.iter().filter(|step| step.passed).map(|step| step.step).collect();
    (error.code, diagnosis.failure().map(|failed| failed.step), passed)
}

pub(super) async fn failures_are_told_apart(bench: &PostgresBench) {
    let right = || server(bench.0.port, "postgres", &bench.0.password);
    let (code, step, passed) = fails(Server { database: Some("nowhere".into()), ..right() }).await;
    assert_eq!((code, step), (Some(DATABASE_UNKNOWN), Some(Step::Database)));
    assert_eq!(passed, [Step::Configuration, Step::Dns, Step::Tcp, Step::Tls, Step::Authentication]);
    let (code, step, _) = fails(Server { user: Some("nobody here".into()), ..right() }).await;
    assert_eq!((code, step), (Some(AUTHENTICATION_FAILED), Some(Step::Authentication)));
    let (code, step, _) = fails(Server { host: "no-such-host.invalid".into(), ..right() }).await;
    assert_eq!((code, step), (Some(DNS_FAILED), Some(Step::Dns)));
    let (code, step, passed) = fails(Server { tls: Tls { mode: TlsMode::Require, authority: None }, ..right() }).await;
    assert_eq!((code, step), (Some(TLS_FAILED), Some(Step::Tls)));
    assert_eq!(passed, [Step::Configuration, Step::Dns, Step::Tcp]);
    bench.sql("CREATE DATABASE closed; REVOKE CONNECT ON DATABASE closed FROM public; CREATE ROLE outsider LOGIN PASSWORD 'outsider'");
    let outsider = Server { user: Some("outsider".into()), password: Some("outsider".into()), database: Some("closed".into()), ..right() };
    let (code, step, _) = fails(outsider).await;
    assert_eq!((code, step), (Some(PERMISSION_DENIED), Some(Step::Permission)));
    let (code, step, _) = fails(Server { user: None, ..right() }).await;
    assert_eq!((code, step), (None, Some(Step::Configuration)));
}

pub(super) async fn a_session_that_is_ended_is_lost(bench: &PostgresBench) {
    let source = bench.source("postgres");
    bench.sql("CREATE TABLE long AS SELECT i AS id, repeat('x', 400) AS padding FROM generate_series(1, 200000) i");
    let mut rows = source.scan(Scan::all(public("long")));
    rows.next().await.unwrap().unwrap();
    bench.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'penchant'");
    let error = loop {
        match rows.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("half a table is not a table"),
        }
    };
    assert_eq!(error.code, Some(CONNECTION_LOST), "{error}");
    assert!(error.is_retryable() && error.message.contains("long"), "{error}");
    assert!(source.tables().await.is_ok(), "later calls connect anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_as_strict_as_asked() {
    let Some(postgres) = Postgres::start_with_tls() else { return };
    let right = |host: &str, mode, with_authority: bool| {
        let authority = with_authority.then(|| postgres.certificate.clone().unwrap());
        PostgresSource::new(Server {
            host: host.into(),
            tls: Tls { mode, authority },
            ..server(postgres.port, "postgres", &postgres.password)
        })
    };
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'penchant'";
    let mut seen = Vec::new();
    for (host, mode, with_authority) in [
        ("127.0.0.1", TlsMode::Disable, false),
        ("127.0.0.1", TlsMode::Prefer, false),
        ("127.0.0.1", TlsMode::Require, false),
        ("127.0.0.1", TlsMode::VerifyCa, true),
        ("localhost", TlsMode::VerifyFull, true),
    ] {
        let source = right(host, mode, with_authority);
        let tables = source.tables().await;
        assert!(tables.is_ok(), "{host} {mode:?}: {tables:?}");
        assert!(source.diagnose().await.failure().is_none(), "{host} {mode:?}");
        // The connection waits for the next call, and is seen.
        seen.push(postgres.psql("postgres", encrypted).trim() != "0");
        drop(source);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(seen, [false, true, true, true, true]);
    for (host, mode, with_authority) in
        [("localhost", TlsMode::VerifyCa, false), ("localhost", TlsMode::VerifyFull, false), ("127.0.0.1", TlsMode::VerifyFull, true)]
    {
        let source = right(host, mode, with_authority);
        let error = source.tables().await.unwrap_err();
        assert_eq!(error.code, Some(TLS_FAILED), "{host} {mode:?}: {error}");
        assert_eq!(source.diagnose().await.failure().map(|failed| failed.step), Some(Step::Tls), "{host} {mode:?}");
    }
}
