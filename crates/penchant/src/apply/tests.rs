#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use catalog::ScheduleState;
use tempfile::TempDir;

use super::*;

async fn applied(folder: &TempDir, schedule: &str) -> (Home, Action) {
    let crawler = format!("{{Name: c, DatabaseName: raw, Targets: {{S3Targets: [{{Path: data}}]}}, Schedule: {schedule}}}");
    std::fs::write(folder.path().join(crate::project::FILE), format!("crawlers: [{crawler}]\n")).unwrap();
    let home = Home::open(folder.path()).await.unwrap();
    let changes = apply(&home, Project::read_existing(folder.path()).unwrap(), false).await.unwrap();
    assert_eq!(changes.len(), 1, "{changes:?}");
    (home, changes[0].action)
}

#[tokio::test]
async fn a_schedule_that_was_paused_stays_so() {
    let folder = TempDir::new().unwrap();
    let (home, created) = applied(&folder, "rate(1 hour)").await;
    home.catalog.stop_crawler_schedule("c").await.unwrap();
    let (_, same) = applied(&folder, "rate(1 hour)").await;
    let (home, changed) = applied(&folder, "rate(2 hours)").await;
    assert_eq!([created, same, changed], [Action::Create, Action::Keep, Action::Update]);
    let schedule = home.catalog.get_crawler("c").await.unwrap().value.schedule.unwrap();
    assert_eq!((schedule.schedule_expression.as_str(), schedule.state), ("rate(2 hours)", ScheduleState::NotScheduled));
}

#[tokio::test]
async fn the_guides_examples_are_jobs() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join(crate::project::FILE), "").unwrap();
    let home = Home::open(folder.path()).await.unwrap();
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/jobs.md")).unwrap();
    let examples: Vec<&str> = guide.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 2);
    for (example, expected) in examples.into_iter().zip([Action::Create, Action::Update]) {
        std::fs::write(folder.path().join(crate::project::FILE), example).unwrap();
        let changes = apply(&home, Project::read_existing(folder.path()).unwrap(), false).await.unwrap();
        assert_eq!((changes[0].name.as_str(), changes[0].action), ("sent-orders", expected));
    }
}

/// A job as a graph; `path` is where its target goes.
fn graph(kind: &str, path: &str) -> Project {
    let nodes = format!(
        "n1: {{CatalogSource: {{Name: Orders, Database: shop, Table: orders}}}}
    n2: {{{kind}: {{Name: Few, Inputs: [n1], Path: {path}/few/, Topk: 3}}}}
    n3: {{S3DirectTarget: {{Name: Export, Inputs: [n2], Path: {path}/, Format: csv, PartitionKeys: [[day]]}}}}"
    );
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join(crate::project::FILE), format!("jobs:\n- Name: export\n  CodeGenConfigurationNodes:\n    {nodes}\n"))
        .unwrap();
    Project::read_existing(folder.path()).unwrap()
}

#[tokio::test]
async fn a_graph_is_made_kept_and_changed_and_a_dry_run_does_neither() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join(crate::project::FILE), "").unwrap();
    let home = Home::open(folder.path()).await.unwrap();
    let action = async |project, dry_run| apply(&home, project, dry_run).await.unwrap()[0].action;
    assert_eq!(action(graph("Spigot", "s3://a"), true).await, Action::Create);
    assert!(home.jobs.get_job("export").await.is_err());
    assert_eq!(action(graph("Spigot", "s3://a"), false).await, Action::Create);
    assert_eq!(action(graph("Spigot", "s3://a"), false).await, Action::Keep);
    assert_eq!(action(graph("Spigot", "s3://b"), true).await, Action::Update);
    let path = async || {
        let nodes = home.jobs.get_job("export").await.unwrap().value.code_gen_configuration_nodes.unwrap();
        nodes["n3"]["S3DirectTarget"]["Path"].clone()
    };
    assert_eq!(path().await, "s3://a/");
    assert_eq!(action(graph("Spigot", "s3://b"), false).await, Action::Update);
    assert_eq!(path().await, "s3://b/");
    for dry_run in [false, true] {
        let error = apply(&home, graph("CustomCode", "s3://c"), dry_run).await.unwrap_err();
        assert!(error.message.contains("CustomCode") && error.message.contains("Few"), "{error}");
    }
}
