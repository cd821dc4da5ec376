//! The engine on real servers. Few tests, as each starts a server of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod databases;
mod failures;
mod house;
mod suite;
mod writing;

use testkit::servers::{Sail, Spark, jdbc_drivers};

use house::{House, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apache_spark_reads_writes_and_stops() {
    let Some(drivers) = jdbc_drivers() else { return };
    // A zone with hours that are skipped and hours that come twice, as a cluster's machines may well have.
    let Some(server) = Spark::start_with(&[("spark.jars", &drivers), ("user.timezone", "America/New_York")]) else { return };
    let house = House::new(Server::Spark, server.port()).await;
    databases::all(&house).await;
    writing::all(&house).await;
    failures::all(&house).await;
    failures::a_server_that_stands_still(&house, &server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apache_spark_answers_the_suite_of_engines() {
    let Some(server) = Spark::start() else { return };
    suite::all(&House::new(Server::Spark, server.port()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sail_reads_writes_and_stops() {
    let Some(server) = Sail::start() else { return };
    let house = House::new(Server::Sail, server.port()).await;
    writing::all(&house).await;
    failures::all(&house).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sail_answers_the_suite_of_engines() {
    let Some(server) = Sail::start() else { return };
    suite::all(&House::new(Server::Sail, server.port()).await).await;
}

#[tokio::test]
async fn an_endpoint_where_nobody_listens_is_named() {
    let house = House::at(Server::Spark, &format!("sc://127.0.0.1:{}/;token=secret", testkit::servers::free_port())).await;
    let error = house.rows("SELECT 1 AS x").await.unwrap_err();
    assert_eq!(error.kind, domain::ErrorKind::Unavailable);
    assert_eq!(error.code, Some("SPARK_UNAVAILABLE"));
    let text = error.to_string();
    assert!(text.contains(house.endpoint.trim_end_matches("/;token=secret")) && !text.contains("secret"), "{text}");
}
