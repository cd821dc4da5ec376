//! Two nodes on one PostgreSQL database: one is killed in the middle of a training, the other goes on.

use std::io::Write;

use testkit::servers::Postgres;

use crate::binary::{Server, ask_json, command, run, text};
use crate::crash::{start_asking, state};
use crate::project::{copy_of_sources, walked_shop};

const HELD: &str = "train.artifacts_written";

#[test]
fn another_node_takes_over_what_a_killed_one_was_doing() {
    let Some(postgres) = Postgres::start() else { return };
    let alone = walked_shop();
    let shop = copy_of_sources(alone.path());
    let mut file = std::fs::OpenOptions::new().append(true).open(shop.path().join("penchant.yaml")).unwrap();
    writeln!(file, "\nmetadata: {{url: \"{}\", schema: shop}}", postgres.url("postgres")).unwrap();
    drop(file);

    let first = Server::start(shop.path(), Some(HELD));
    let asking = start_asking(shop.path());
    first.wait_until_held(HELD);
    let _second = Server::start_as(shop.path(), "worker,scheduler", None);
    let nodes = ask_json(shop.path(), &["nodes", "--json"]);
    let roles: Vec<usize> = nodes.as_array().unwrap().iter().map(|node| node["roles"].as_array().unwrap().len()).collect();
    assert_eq!((roles.len(), roles.iter().sum::<usize>()), (2, 6), "{nodes}");
    let third = command(shop.path(), &["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
    assert!(!third.status.success() && text(&third.stderr).contains("--roles"), "{}", text(&third.stderr));
    assert!(run(shop.path(), &["serve", "--roles", "wrker"]).status.code() == Some(2));

    first.kill();
    let output = asking.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(state(shop.path()), state(alone.path()), "two nodes come to what one comes to");
    assert!(!shop.path().join(".penchant/metadata.db").exists());
    let runs = ask_json(shop.path(), &["runs", "--json", "-n", "1000"]);
    let lost: Vec<&serde_json::Value> = runs.as_array().unwrap().iter().filter(|run| run["lost_leases"] != 0).collect();
    assert!(lost.iter().any(|run| run["kind"] == "train" && run["state"] == "succeeded"), "{lost:?}");
}
