//! A run does what the plan says, and nothing the second time.

use ::runs::RunId;
use domain::Arn;
use serde_json::json;

use super::fixture::walks;
use super::forms::avro;
use super::house::{BEST_SELLERS, House, parameters};
use crate::{Action, Gate, Outcome, Plan, Stage};

fn action(plan: &Plan, stage: Stage, name: &str) -> (Action, String) {
    let step = plan.of(stage).find(|step| step.name == name).unwrap_or_else(|| panic!("{stage} {name}: {plan:#?}"));
    (step.action, step.because.clone())
}

#[tokio::test]
async fn the_run_does_what_the_plan_says_and_the_second_one_nothing() {
    let house = House::new().await;
    let plan = house.plan().await;
    let outcome = house.succeeds().await;
    assert_eq!(outcome.steps, plan.steps);
    let stages: Vec<Stage> = plan.steps.iter().map(|step| step.stage).collect();
    assert!(stages.is_sorted(), "{stages:?}");
    assert!(plan.steps.iter().all(|step| matches!(step.action, Action::Create | Action::Import | Action::Train)), "{plan:#?}");
    assert_eq!((outcome.imports.len(), outcome.trained.len(), outcome.decisions[0].outcome), (1, 2, Gate::First));
    assert_eq!(house.serves().await, "likes");
    let file = outcome.file.unwrap();
    assert!(file.location == "s3://shop-data/params.json" && file.e_tag.is_some() && file.content.len() == 64, "{file:?}");

    let before = (house.count("import").await, house.count("train").await, house.count("deploy").await);
    let plan = house.plan().await;
    assert!(!plan.changes(), "{plan:#?}");
    let run = house.run().await;
    let again: Outcome = run.result().unwrap();
    assert_eq!(again.steps, plan.steps);
    assert_eq!((house.count("import").await, house.count("train").await, house.count("deploy").await), before);
    let log = house.log(&run.id).await;
    assert!(
        log.contains("skip    import INTERACTIONS: the files at s3://shop-data/Interactions/ are those of the last successful run."),
        "{log}"
    );
    assert!(log.contains("skip    solution version likes: data, file and solution are those that likes/"), "{log}");
}

#[tokio::test]
async fn what_differs_is_updated_and_only_that() {
    let house = House::new().await;
    house.succeeds().await;
    let mut wanted = parameters();
    wanted["campaigns"]["home"]["minProvisionedTPS"] = json!(3);
    wanted["campaigns"]["shelf"] = json!({"name": "shelf", "solution": "best"});
    house.wants(&wanted).await;
    let plan = house.plan().await;
    assert_eq!(action(&plan, Stage::Import, "INTERACTIONS").0, Action::Skip);
    assert_eq!(action(&plan, Stage::SolutionVersion, "likes"), (Action::Train, "the parameter file changed.".into()));
    let (update, because) = action(&plan, Stage::Campaign, "home");
    assert_eq!((update, because.starts_with("minProvisionedTPS 1 becomes 3; ")), (Action::Update, true), "{because}");
    assert_eq!(action(&plan, Stage::Campaign, "shelf").0, Action::Create);
    let outcome = house.succeeds().await;
    assert_eq!((outcome.steps, outcome.imports.len(), outcome.decisions.len()), (plan.steps, 0, 2));
    let home = house.executor.serving.list_campaigns(None).await.unwrap().into_iter().find(|view| view.campaign.name.as_str() == "home");
    assert_eq!(home.unwrap().campaign.min_provisioned_tps, 3);
    // On unchanged data the same settings are as good as they were.
    let decided = outcome.decisions.iter().find(|decision| decision.campaign == "home").unwrap();
    assert_eq!((decided.outcome, decided.live), (Gate::Passed, Some(decided.new)), "{decided:?}");

    house.write("Interactions/events.csv", &(walks() + "u1,tea3,1800000000,purchase,\n")).await;
    let plan = house.plan().await;
    assert!(action(&plan, Stage::Import, "INTERACTIONS").1.starts_with("the files changed (1 files at"));
    assert_eq!(action(&plan, Stage::SolutionVersion, "popular"), (Action::Train, "there is new data.".into()));
    assert_eq!(house.succeeds().await.imports[0].1.rows_read, 240 * 11 + 1);
    assert!(!house.plan().await.changes());
}

#[tokio::test]
async fn tags_are_given_inherited_and_brought_up_to_date() {
    let house = House::new().await;
    let tag = |key: &str, value: &str| json!({"tagKey": key, "tagValue": value});
    let mut wanted = parameters();
    wanted["tags"] = json!([tag("team", "shop"), tag("cost", "1")]);
    wanted["campaigns"]["home"]["tags"] = json!([tag("cost", "2")]);
    house.wants(&wanted).await;
    let plan = house.plan().await;
    assert_eq!(action(&plan, Stage::Tags, "of campaign home"), (Action::Create, "cost=2, team=shop".into()));
    let outcome = house.succeeds().await;
    assert_eq!(outcome.steps, plan.steps);
    let datasets = &house.executor.datasets;
    let tags = async |kind: &str, id: &str| serde_json::to_value(datasets.tags(&datasets.partition().personalize(kind, id)).await.unwrap());
    assert_eq!(tags("campaign", "home").await.unwrap(), json!({"cost": "2", "team": "shop"}));
    let inherited = json!({"cost": "1", "team": "shop"});
    for (kind, id) in [("dataset-group", "shop"), ("dataset", "shop/INTERACTIONS"), ("solution", "likes"), ("filter", "bought")] {
        assert_eq!(tags(kind, id).await.unwrap(), inherited, "{kind}");
    }
    let tracker = house.executor.events.list_event_trackers(None).await.unwrap().remove(0).value.event_tracker_arn;
    let version = outcome.trained[0].solution_version_arn.clone();
    let import = datasets.list_dataset_import_jobs(None).await.unwrap().remove(0).value.dataset_import_job_arn;
    for arn in [tracker, version, import] {
        assert_eq!(serde_json::to_value(datasets.tags(&arn).await.unwrap()).unwrap(), inherited, "{arn}");
    }
    assert!(!house.plan().await.changes());

    wanted["campaigns"]["home"]["tags"] = json!([tag("cost", "3")]);
    house.wants(&wanted).await;
    assert_eq!(action(&house.plan().await, Stage::Tags, "of campaign home"), (Action::Update, "cost=3".into()));
    house.succeeds().await;
    assert_eq!(tags("campaign", "home").await.unwrap()["cost"], "3");
}

#[tokio::test]
async fn what_cannot_be_changed_is_refused_before_anything_is_made() {
    let house = House::new().await;
    house.succeeds().await;
    let mut wanted = parameters();
    let fields = [("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"), ("EVENT_TYPE", "string"), ("DEVICE", "string")];
    wanted["datasets"]["Interactions"]["schema"] = avro("Interactions", &fields);
    wanted["solutions"]["likes"]["recipeArn"] = json!(Arn::recipe(BEST_SELLERS));
    wanted["filters"][0]["filterExpression"] = json!("INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (\"purchase\")");
    wanted["campaigns"]["new"] = json!({"name": "new", "solution": "popular"});
    house.wants(&wanted).await;
    let (message, code) = house.fails().await;
    assert_eq!(code.as_deref(), Some("PIPELINE_SCHEMA_CHANGED"));
    for expected in [
        "dataset INTERACTIONS: its schema is not the one",
        "solution likes: it exists with other settings, which cannot be changed (recipe aws-user-personalization there, aws-popularity-count in the file)",
        "filter bought: it exists with another expression",
    ] {
        assert!(message.contains(expected), "expected {expected:?} in: {message}");
    }
    assert_eq!((house.count("import").await, house.count("deploy").await), (1, 1));
    let told = house.told().await;
    let (kind, detail) = told.last().unwrap();
    assert_eq!((kind.as_str(), &detail["code"]), ("pipeline.failed", &json!("PIPELINE_SCHEMA_CHANGED")));
}

#[tokio::test]
async fn an_empty_place_creates_nothing() {
    let house = House::new().await;
    let mut wanted = parameters();
    wanted["datasets"]["Interactions"]["dataLocation"] = json!("s3://no-such-bucket/events/");
    house.wants(&wanted).await;
    let (message, code) = house.fails().await;
    assert!(message.contains("import INTERACTIONS: expected files at s3://no-such-bucket/events/, found none."), "{message}");
    assert_eq!(code.as_deref(), Some("PIPELINE_REFUSED"));
    wanted["datasets"]["Interactions"]["schema"]["fields"].as_array_mut().unwrap().remove(0);
    house.wants(&wanted).await;
    let (message, code) = house.fails().await;
    assert!(message.contains("datasets.Interactions.schema: ") && message.contains("USER_ID"), "{message}");
    assert_eq!(code.as_deref(), Some("PIPELINE_PARAMETERS"));
    assert!(house.executor.datasets.list_dataset_groups().await.unwrap().is_empty());
    assert!(house.executor.datasets.list_schemas().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_import_that_fails_leaves_the_others_to_their_end() {
    let house = House::new().await;
    let mut wanted = parameters();
    let fields = [("ITEM_ID", "string"), ("GENRE", "string")];
    wanted["datasets"]["Items"] = json!({"name": "shop-items", "schema": avro("Items", &fields)});
    house.wants(&wanted).await;
    house.write("Interactions/events.csv", "USER_ID,TIMESTAMP\nu1,1\n").await;
    house.write("Items/items.csv", "ITEM_ID,GENRE\ntea1,green\n").await;
    let failed = house.run().await;
    assert!(failed.message.as_deref().is_some_and(|why| why.contains("ITEM_ID")), "{:?}", failed.message);
    let outcome: Outcome = failed.result().unwrap();
    assert_eq!(outcome.imports.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["ITEMS"]);
    let filter = ::runs::Filter { kind: Some("import".into()), ..::runs::Filter::default() };
    let imports = house.installation.runs.list(&filter, 10).await.unwrap();
    assert_eq!(imports.len(), 2);
    for import in imports {
        assert_eq!((import.state.is_final(), import.parent.as_ref()), (true, Some(&failed.id)), "{import:?}");
    }
}

#[tokio::test]
async fn start_gate_and_success_are_told_with_the_report() {
    let house = House::new().await;
    let run = house.run().await.succeeded().unwrap();
    let told = house.told().await;
    let kinds: Vec<&str> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["pipeline.started", "pipeline.gate_decided", "pipeline.succeeded"]);
    assert!(told.iter().all(|(_, detail)| detail["runId"] == run.id.0 && detail["pipeline"] == "nightly"));
    let RunId(id) = &run.id;
    assert!(id.starts_with("pipeline-"));
    let [(_, started), (_, decided), (_, succeeded)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(started["file"]["location"], "s3://shop-data/params.json");
    assert_eq!(started["plan"]["steps"].as_array().unwrap().len(), succeeded["report"]["steps"].as_array().unwrap().len());
    assert!(decided["words"].as_str().unwrap().contains("It is the first version of this campaign."), "{decided}");
    assert!(succeeded["words"][0].as_str().unwrap().starts_with("likes: Of 100 customers"), "{succeeded}");
    assert_eq!(succeeded["report"]["file"]["content"], started["file"]["content"]);
}

#[tokio::test]
async fn the_other_form_goes_the_whole_way_and_keeps_to_its_ages() {
    let house = House::new().await;
    let schema = parameters()["datasets"]["Interactions"]["schema"].clone();
    let wanted = json!({
        "datasetGroup": {"serviceConfig": {"name": "store", "tags": [{"tagKey": "a", "tagValue": "b"}]}, "workflowConfig": {"maxAge": "1 day"}},
        "datasets": {"interactions": {
            "dataset": {"serviceConfig": {"name": "events"}},
            "schema": {"serviceConfig": {"name": "events-schema", "schema": schema}}}},
        "solutions": [{
            "serviceConfig": {"name": "store-likes", "recipeArn": Arn::recipe(BEST_SELLERS)},
            "workflowConfig": {"maxAge": "1 day"},
            "campaigns": [{"serviceConfig": {"name": "store-home"}}]}],
        "recommenders": [{"serviceConfig": {"name": "r", "recipeArn": "arn:aws:personalize:::recipe/aws-ecomm-popular-items-by-views"}}],
    });
    house.wants(&wanted).await;
    house.write("interactions.csv", &walks()).await;
    let outcome = house.succeeds().await;
    assert_eq!((outcome.imports.len(), outcome.trained.len(), outcome.campaigns.len()), (1, 1, 1));
    let last = outcome.steps.last().unwrap();
    assert_eq!((last.stage, last.action, last.name.as_str()), (Stage::LeftOut, Action::Skip, "recommenders[0]"));
    let schemas = house.executor.datasets.list_schemas().await.unwrap();
    assert_eq!(schemas[0].name.as_str(), "events-schema");
    // New data and a new file, but nothing is old enough.
    house.write("interactions.csv", &(walks() + "u1,tea3,1800000000,purchase,\n")).await;
    let plan = house.plan().await;
    assert_eq!(action(&plan, Stage::Import, "INTERACTIONS").0, Action::Skip);
    assert!(action(&plan, Stage::SolutionVersion, "store-likes").1.contains("are those that"), "{plan:#?}");
    let mut changed = wanted;
    changed["datasetGroup"]["workflowConfig"]["maxAge"] = json!("0 days");
    house.wants(&changed).await;
    let plan = house.plan().await;
    assert_eq!(action(&plan, Stage::Import, "INTERACTIONS").0, Action::Import);
    assert!(action(&plan, Stage::SolutionVersion, "store-likes").1.contains("less than maxAge"), "{plan:#?}");
}

#[tokio::test]
async fn an_age_keeps_no_version_from_the_gate() {
    let house = House::new().await;
    let mut wanted = parameters();
    wanted["solutions"]["likes"]["maxAge"] = json!("1 day");
    wanted["solutions"]["popular"]["maxAge"] = json!("1 day");
    house.wants(&wanted).await;
    let arn = house.executor.datasets.partition().personalize("campaign", "home");
    house.succeeds().await;
    let solution_arn = house.executor.datasets.partition().personalize("solution", "likes");
    let request = train::CreateSolutionVersion { solution_arn, name: None, training_mode: None, judge_beside: Vec::new() };
    let beside = house.executor.training.create_solution_version(request).await.unwrap();
    house.ended(&beside.run).await.succeeded().unwrap();
    // A version that the gate has not seen, as a run leaves it that fails after a training.
    wanted["campaigns"]["home"]["minProvisionedTPS"] = json!(2);
    house.wants(&wanted).await;
    let plan = house.plan().await;
    let (train, because) = action(&plan, Stage::SolutionVersion, "likes");
    assert!(train == Action::Train && because.starts_with("no successful run of a pipeline has trained likes/"), "{because}");
    assert!(action(&plan, Stage::SolutionVersion, "popular").1.contains("less than maxAge"), "{plan:#?}");
    assert_eq!(house.succeeds().await.decisions.len(), 1);
    // A campaign that moves has a version of its new solution judged beside what it serves, once.
    wanted["campaigns"]["home"]["solution"] = json!("popular");
    house.wants(&wanted).await;
    let plan = house.plan().await;
    let (train, because) = action(&plan, Stage::SolutionVersion, "popular");
    assert!(train == Action::Train && because.starts_with("campaign home serves another solution, beside which popular/"), "{because}");
    assert_eq!(action(&plan, Stage::Campaign, "home").0, Action::Update);
    let outcome = house.succeeds().await;
    assert_eq!((outcome.decisions[0].outcome, house.serves().await.as_str()), (Gate::Kept, "likes"));
    assert!(outcome.decisions[0].live.is_some(), "{:?}", outcome.decisions);
    wanted["campaigns"]["home"]["minProvisionedTPS"] = json!(3);
    house.wants(&wanted).await;
    assert!(action(&house.plan().await, Stage::SolutionVersion, "popular").1.contains("less than maxAge"));
    let view = house.executor.serving.get_campaign(&arn).await.unwrap();
    assert_eq!(view.status(), "ACTIVE");
}

#[tokio::test]
async fn a_campaign_whose_creation_failed_is_deployed_by_the_next_run() {
    let house = House::with_clock(std::sync::Arc::new(domain::SystemClock)).await;
    house.write("Interactions/events.csv", &walks()).await;
    let mut wanted = parameters();
    wanted["campaigns"].as_object_mut().unwrap().remove("home");
    wanted["solutions"]["likes"]["maxAge"] = json!("1 day");
    house.wants(&wanted).await;
    house.pipeline("nightly").await;
    let worker = house.work();
    let version = house.succeeds().await.trained[0].solution_version_arn.clone();
    worker.abort();
    let _ = worker.await;
    let request = serve::CreateCampaign {
        name: "home".into(),
        solution_version_arn: version.clone(),
        min_provisioned_tps: Some(1),
        campaign_config: None,
    };
    let campaign = house.executor.serving.create_campaign(request).await.unwrap();
    house.installation.runs.stop(&campaign.run).await.unwrap();
    house.ended(&campaign.run).await;
    wanted["campaigns"] = parameters()["campaigns"].clone();
    house.wants(&wanted).await;
    let plan = house.plan().await;
    assert_eq!(action(&plan, Stage::Campaign, "home"), (Action::Update, "its creation failed.".into()));
    house.work();
    let outcome = house.succeeds().await;
    assert_eq!((outcome.decisions[0].outcome, &outcome.campaigns[0].1), (Gate::First, &version));
    assert_eq!(house.executor.serving.get_campaign(&campaign.campaign_arn).await.unwrap().status(), "ACTIVE");
}

#[tokio::test]
async fn batch_jobs_answer_their_file_once_for_each_version() {
    let house = House::new().await;
    let mut wanted = parameters();
    wanted["solutions"]["likes"]["batchInferenceJobs"] = json!([{"serviceConfig": {"numResults": 3}}]);
    house.wants(&wanted).await;
    let (skip, because) = action(&house.plan().await, Stage::BatchInferenceJob, "likes/batch-1");
    assert_eq!((skip, because.as_str()), (Action::Skip, "there is no file at s3://shop-data/batch/shop/likes/job_config.json."));
    house.write("batch/shop/likes/job_config.json", "{\"userId\": \"u1\"}\n{\"userId\": \"u2\"}\n").await;
    let outcome = house.succeeds().await;
    let [job] = outcome.batch_jobs.as_slice() else { panic!("{:?}", outcome.batch_jobs) };
    let job = house.executor.serving.get_batch_inference_job(job).await.unwrap();
    assert_eq!((job.status(), job.job.num_results), ("ACTIVE", 3));
    let output = store::Location::parse(&job.job.job_output.s3_data_destination.path).unwrap();
    let files = house.installation.buckets.list(&output).await.unwrap();
    assert!(files.iter().any(|file| file.location.as_ref().ends_with("job_config.json.out")), "{files:?}");
    assert_eq!(action(&house.plan().await, Stage::BatchInferenceJob, "likes/batch-1").0, Action::Skip);
    let scope = crate::Scope::Batch { solution: "likes".into(), job: "batch-1".into() };
    let part = house.pipelines.start_part("nightly", scope).await.unwrap();
    let outcome: Outcome = house.ended(&part).await.succeeded().unwrap().result().unwrap();
    assert_eq!((outcome.batch_jobs.len(), outcome.trained.len()), (1, 0));
    // A version that was trained on its schedule is to answer the file too.
    let part = house.pipelines.start_part("nightly", crate::Scope::Train { solution: "likes".into() }).await.unwrap();
    house.ended(&part).await.succeeded().unwrap();
    let (action, because) = action(&house.plan().await, Stage::BatchInferenceJob, "likes/batch-1");
    assert_eq!((action, because.as_str()), (Action::Run, "its input was not answered yet by the version that is to answer it."));
    let outcome = house.succeeds().await;
    let job = house.executor.serving.get_batch_inference_job(&outcome.batch_jobs[0]).await.unwrap();
    // A version that the gate refuses answers no files either.
    wanted["qualityGate"] = json!({"minLiftOverPopularity": 1000});
    house.wants(&wanted).await;
    let outcome = house.succeeds().await;
    assert_eq!((outcome.trained.len(), outcome.decisions[0].outcome), (2, Gate::Kept));
    let again = house.executor.serving.get_batch_inference_job(&outcome.batch_jobs[0]).await.unwrap();
    assert_eq!(again.job.solution_version_arn, job.job.solution_version_arn);
}

#[tokio::test]
async fn the_samples_file_goes_the_whole_way_unchanged_with_its_own_data() {
    let file = |name: &str| super::fixture::real_file("aws-personalize-glue-samples/samples.zip", name);
    let Some(parameters) = file("ml_ops/example/params.json") else { return };
    let house = House::new().await;
    house.write("params.json", &parameters).await;
    house.write("Interactions/events.csv", &file("ml_ops/example/data/Interactions/interactions.csv").unwrap()).await;
    house.write("Items/item-meta.csv", &file("ml_ops/example/data/Items/item-meta.csv").unwrap()).await;
    let plan = house.plan().await;
    let outcome = house.succeeds().await;
    assert_eq!(outcome.steps, plan.steps);
    let rows: Vec<(&str, u64)> = outcome.imports.iter().map(|(kind, report)| (kind.as_str(), report.rows_read)).collect();
    assert_eq!(rows, [("INTERACTIONS", 158_371), ("ITEMS", 9_742)]);
    for trained in &outcome.trained {
        // One film alone does not tell what somebody watches next: sims are for the page of a film, not for a person.
        let expected = if trained.report.recipe == "aws-sims" { train::Verdict::Undecided } else { train::Verdict::Beats };
        assert_eq!(trained.report.verdict(), expected, "{}: {:?}", trained.key, trained.report.words());
    }
    assert_eq!(outcome.campaigns.len(), outcome.trained.len());
    assert_eq!(house.executor.serving.list_filters(None).await.unwrap()[0].name.as_str(), "media-filter-1");
    assert!(!house.plan().await.changes());
}
