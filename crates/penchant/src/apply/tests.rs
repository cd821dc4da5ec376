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
    let guide = std::fs::read_to_string("../../docs/jobs.md").unwrap();
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

#[tokio::test]
async fn a_blueprint_is_made_whole_or_not_at_all() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join(crate::project::FILE), "").unwrap();
    let home = Home::open(folder.path()).await.unwrap();
    let blueprint = home.workflows.get_blueprint("export-and-train").await.unwrap();
    let rendered = |bucket: &str| {
        let parameters = serde_json::json!({"Name": "nightly", "Bucket": bucket, "Database": "stores"});
        blueprint.definition.render(parameters.as_object().unwrap().clone()).unwrap()
    };
    let made = instantiate(&home, &rendered("shop")).await.unwrap();
    assert_eq!(made.len(), 4 + 1 + 1 + 3, "jobs, a pipeline, the workflow, its triggers: {made:?}");
    assert!(home.workflows.get_trigger("nightly-exported").await.unwrap().activated);
    assert!(instantiate(&home, &rendered("shop")).await.unwrap().is_empty(), "what is there and equal stays");
    let error = instantiate(&home, &rendered("other-shop")).await.unwrap_err();
    assert!(error.kind == domain::ErrorKind::AlreadyExists && error.message.contains("nightly-clean"), "{error}");
    // The job could be made, and the trigger cannot: then the job goes again.
    let wrong = serde_json::json!({
        "jobs": [{"Name": "left", "Spec": {"Clean": {"Location": "s3://shop/x/"}}}],
        "workflows": [{"Name": "round", "Triggers": [{"Name": "round-1", "Type": "CONDITIONAL", "Actions": [{"JobName": "left"}],
            "Predicate": {"Conditions": [{"JobName": "left", "State": "SUCCEEDED"}]}}]}],
    });
    let error = instantiate(&home, &wrong).await.unwrap_err();
    assert!(error.message.contains("waits for itself"), "{error}");
    assert_eq!(home.jobs.get_job("left").await.unwrap_err().kind, domain::ErrorKind::NotFound);
    assert_eq!(home.workflows.get_workflow("round").await.unwrap_err().kind, domain::ErrorKind::NotFound);
    let unknown = instantiate(&home, &serde_json::json!({"jobz": []})).await.unwrap_err();
    assert!(unknown.message.contains("jobz"), "{unknown}");
}
