//! Runs that are resumed from chosen nodes.

use super::*;

#[tokio::test]
async fn a_resumed_run_does_the_chosen_nodes_and_what_follows_and_keeps_the_rest() {
    let (home, workflows) = home_with_article().await;
    let (broken, _) = registry("items");
    let process = home.work(broken);
    let first = workflows.start_workflow_run("export", BTreeMap::from([("day".to_owned(), "1".to_owned())])).await.unwrap();
    home.runs.wait(&first).await.unwrap().succeeded().unwrap();
    workflows.put_run_properties("export", &first, BTreeMap::from([("rows".to_owned(), "7".to_owned())])).await.unwrap();
    process.abort();
    let (mended, seen) = registry("");
    home.work(mended);
    let resumed = workflows.resume_run("export", &first, &["wnode_job_items".into()]).await.unwrap();
    assert_eq!(resumed.nodes, ["wnode_job_items"]);
    let run = home.runs.wait(&resumed.run).await.unwrap().succeeded().unwrap();
    assert_eq!(*seen.lock().unwrap(), ["items", "train"]);
    let view = workflows.run_view(run, true).await.unwrap();
    assert_eq!((view.statistics.succeeded_actions, view.statistics.total_actions, view.statistics.failed_actions), (5, 5, 0));
    assert_eq!(view.previous_run_id.as_deref(), Some(first.0.as_str()));
    let properties = BTreeMap::from([("day".to_owned(), "1".to_owned()), ("rows".to_owned(), "7".to_owned())]);
    assert_eq!(view.workflow_run_properties, properties);
    // The resumed run can itself be resumed; nodes that follow another chosen one are not begun with.
    let both = ["wnode_job_clean".to_owned(), "wnode_job_users".to_owned()];
    let again = workflows.resume_run("export", &resumed.run, &both).await.unwrap();
    assert_eq!(again.nodes, ["wnode_job_clean"]);
    home.runs.wait(&again.run).await.unwrap().succeeded().unwrap();
    assert_eq!(seen.lock().unwrap().len(), 2 + 5);
}

#[tokio::test]
async fn what_cannot_be_resumed_says_why() {
    let (home, workflows) = home_with_article().await;
    let process = home.work(Registry::default().with(WorkflowExecutor::new(Arc::new(Acting))));
    let id = workflows.start_workflow_run("export", BTreeMap::new()).await.unwrap();
    while home.runs.child(&id, "begin/0").await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let refused = workflows.resume_run("export", &id, &["wnode_job_clean".into()]).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::InvalidState);
    workflows.stop_run("export", &id).await.unwrap();
    home.runs.wait(&id).await.unwrap();
    for (node, expected) in [("wnode_job_train", "no node"), ("wnode_pipeline_train", "did not start"), ("nothing", "no node")] {
        let error = workflows.resume_run("export", &id, &[node.into()]).await.unwrap_err();
        assert!(error.kind == ErrorKind::InvalidInput && error.message.contains(expected), "{error}");
    }
    process.abort();
}
