//! What a pipeline would do, what it did, and the way back.

use serde_json::Value;

use crate::binary::{ask, ask_json, run, text};
use crate::project::{FIELDS, events, only_training};

/// `stage action` of every step.
fn steps(plan: &Value) -> Vec<String> {
    let steps = plan["steps"].as_array().unwrap();
    steps.iter().map(|step| format!("{} {}", step["stage"].as_str().unwrap(), step["action"].as_str().unwrap())).collect()
}

#[test]
fn the_plan_is_what_the_run_does_and_a_campaign_goes_back() {
    let folder = only_training(&events(2000, 1), FIELDS);
    let planned = ask_json(folder.path(), &["plan", "--json"]);
    let plan = &planned["pipelines"][0]["plan"];
    let expected =
        ["schema create", "dataset_group create", "dataset create", "import import", "solution create", "solution_version train"];
    assert_eq!(steps(plan)[..6], expected);
    assert!(ask(folder.path(), &["plan"]).contains("+ create  campaign c: with the newest version of the best solution."));
    ask(folder.path(), &["train"]);
    let pipeline_run = |at: usize| ask_json(folder.path(), &["runs", "--kind", "pipeline", "--json"])[at]["result"].clone();
    assert_eq!(pipeline_run(0)["steps"], plan["steps"]);
    assert!(ask(folder.path(), &["plan"]).contains("Nothing to do."));
    ask(folder.path(), &["train"]);
    assert_eq!(ask_json(folder.path(), &["runs", "--kind", "train", "--json"]).as_array().unwrap().len(), 1);

    let refused = run(folder.path(), &["campaign", "rollback", "c"]);
    assert!(text(&refused.stderr).contains("there is nothing to go back to"), "{}", text(&refused.stderr));
    std::fs::write(folder.path().join("data/interactions.csv"), events(3000, 1)).unwrap();
    assert!(ask(folder.path(), &["plan", "train"]).contains("> import  import INTERACTIONS: the files changed"));
    let before = ask_json(folder.path(), &["campaign", "list", "--json"])[0]["solutionVersionArn"].clone();
    ask(folder.path(), &["train"]);
    assert_eq!(pipeline_run(0)["decisions"][0]["outcome"], "passed", "{:#}", pipeline_run(0));
    let after = ask_json(folder.path(), &["campaign", "list", "--json"]);
    assert_eq!((&after[0]["servedBefore"][0], after[0]["solutionVersionArn"] == before), (&before, false));
    let told = ask(folder.path(), &["campaign", "rollback", "c"]);
    assert_eq!(told.trim(), format!("Campaign c serves {}.", before.as_str().unwrap()));
}

#[test]
fn a_plan_says_everything_that_is_wrong_and_makes_nothing() {
    let folder = only_training(&events(2000, 1), FIELDS);
    std::fs::remove_file(folder.path().join("data/interactions.csv")).unwrap();
    let told = ask(folder.path(), &["plan"]);
    assert!(told.contains("! refuse  import INTERACTIONS: expected files at data/interactions.csv, found none."), "{told}");
    std::fs::write(folder.path().join("training.json"), r#"{"datasetGroup": {"nme": "x"}, "datasets": {}}"#).unwrap();
    let refused = run(folder.path(), &["plan"]);
    assert_eq!(refused.status.code(), Some(2));
    let told = text(&refused.stdout);
    for expected in
        ["datasetGroup.nme: unknown; did you mean name?", "datasets: needs Interactions", "solutions needs at least one solution"]
    {
        assert!(told.contains(expected), "expected {expected:?} in: {told}");
    }
    let unknown = run(folder.path(), &["plan", "nightly"]);
    assert_eq!(unknown.status.code(), Some(3));
}
