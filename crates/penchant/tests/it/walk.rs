//! The main job: the quickstart, and what can be asked afterwards.

use serde_json::Value;

use crate::binary::{ask, ask_json, run, text};
use crate::project::walked_shop;

#[test]
fn the_quickstart_walks_the_whole_way_and_says_what_it_found() {
    let shop = walked_shop();
    // Again: everything is there, nothing is made twice, the way is walked anew.
    let told = ask(std::path::Path::new("."), &["quickstart", "--shop", shop.path().to_str().unwrap()]);
    for expected in
        ["shop.orders", "shop.products", "interactions", "NDCG@10", "best-sellers", "Ten recommendations", "because", "Try next:"]
    {
        assert!(told.contains(expected), "expected {expected:?} in:\n{told}");
    }

    let report = ask_json(shop.path(), &["report", "--json"]);
    let ndcg = |solution: &str| {
        let entry = report.as_array().unwrap().iter().find(|entry| entry["solutionVersionArn"].as_str().unwrap().contains(solution));
        entry.unwrap()["report"]["next"]["metrics"]["normalized_discounted_cumulative_gain_at_10"].as_f64().unwrap()
    };
    assert!(ndcg("/personal/") > 1.5 * ndcg("/best-sellers/"), "{report:#}");

    let items = ask_json(shop.path(), &["recommend", "--user", "nobody-knows-me", "-n", "5", "--json"]);
    assert_eq!(items.as_array().unwrap().len(), 5);
    assert!(items[0]["name"].as_str().unwrap().len() > 5, "{items:#}");

    let runs = ask_json(shop.path(), &["runs", "--json", "-n", "200"]);
    let state = |run: &Value| run["state"].as_str().unwrap().to_owned();
    assert!(runs.as_array().unwrap().iter().all(|run| state(run) == "succeeded"), "{runs:#}");
    let train = runs.as_array().unwrap().iter().find(|run| run["kind"] == "train").unwrap();
    let log = ask(shop.path(), &["logs", train["id"].as_str().unwrap()]);
    assert!(log.contains("Held out"), "{log}");
}

#[test]
fn applying_twice_changes_nothing_and_a_removed_job_is_deleted() {
    let shop = walked_shop();
    let again = ask(shop.path(), &["apply"]);
    assert!(again.contains("0 created, 0 updated, 0 deleted"), "{again}");

    let path = shop.path().join("penchant.yaml");
    let yaml = std::fs::read_to_string(&path).unwrap();
    let (before, after) = yaml.split_once("- Name: users\n").unwrap();
    let (_, after) = after.split_once("\n\n").unwrap();
    std::fs::write(&path, format!("{before}\n{after}")).unwrap();
    let plan = ask(shop.path(), &["apply", "--dry-run"]);
    assert!(plan.contains("- delete  job users"), "{plan}");
    ask(shop.path(), &["apply"]);
    assert!(!ask(shop.path(), &["job", "list"]).contains("users"));
}

#[test]
fn a_second_crawl_of_unchanged_data_changes_nothing() {
    let shop = walked_shop();
    let summaries = ask_json(shop.path(), &["crawl", "--json"]);
    for (crawler, summary) in summaries.as_object().unwrap() {
        let count = |name: &str| summary[name].as_u64().unwrap();
        assert!(count("tables_unchanged") > 0, "{crawler}: {summary:#}");
        assert_eq!(count("tables_created") + count("tables_updated") + count("tables_deleted"), 0, "{crawler}: {summary:#}");
    }
}

#[test]
fn every_command_shows_an_example() {
    for command in
        ["quickstart", "apply", "run", "serve", "crawl", "job", "train", "recommend", "report", "runs", "logs", "credentials", "doctor"]
    {
        let help = ask(std::path::Path::new("."), &[command, "--help"]);
        assert!(help.contains("Example:\n  penchant") || help.contains("Example:\n  eval"), "{command}: {help}");
    }
}

#[test]
fn doctor_finds_a_source_that_is_gone() {
    let shop = walked_shop();
    assert!(ask(shop.path(), &["doctor"]).contains("connection orders"));
    std::fs::remove_file(shop.path().join("sources/orders.db")).unwrap();
    let output = run(shop.path(), &["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("orders.db"), "{}", text(&output.stdout));
}
