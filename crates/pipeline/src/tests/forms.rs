//! Three forms, one model; everything wrong is said at once, with its place.

use dataset::{DatasetType, Domain};
use domain::Timestamp;
use serde_json::{Value, json};

use super::fixture::real_file;
use crate::forms;
use crate::wanted::{Choice, Form, QualityGate, Wanted};

const SAMPLES: &str = "aws-personalize-glue-samples/samples.zip";

fn parse(value: &Value) -> domain::Result<Wanted> {
    forms::wanted(value, Timestamp(1_700_000_000_000))
}

/// One of the published files; nothing where the data is not here.
fn sample(file: &str) -> Option<Wanted> {
    let text = real_file(SAMPLES, file)?;
    Some(forms::parse(&text, false, Timestamp(1_700_000_000_000)).unwrap())
}

pub fn avro(kind: &str, fields: &[(&str, &str)]) -> Value {
    let fields: Vec<Value> = fields.iter().map(|(name, kind)| json!({"name": name, "type": kind})).collect();
    json!({"type": "record", "name": kind, "namespace": "com.amazonaws.personalize.schema", "fields": fields, "version": "1.0"})
}

fn interactions() -> Value {
    avro("Interactions", &[("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long")])
}

fn ml_ops() -> Value {
    json!({
        "datasetGroup": {"name": "demo"},
        "datasets": {"Interactions": {"name": "clicks", "schema": interactions(), "dataLocation": "s3://data/clicks/"}},
        "solutions": {"likes": {"name": "likes", "recipeArn": "arn:aws:personalize:::recipe/aws-user-personalization"}},
        "campaigns": {"likesCampaign": {"name": "home", "minProvisionedTPS": 1}},
    })
}

fn maintaining() -> Value {
    json!({
        "datasetGroup": {"serviceConfig": {"name": "demo"}, "workflowConfig": {"schedules": {"import": "cron(0 */6 * * ? *)"}, "maxAge": "365 days"}},
        "datasets": {"serviceConfig": {"importMode": "FULL"}, "interactions": {
            "dataset": {"serviceConfig": {"name": "clicks"}},
            "schema": {"serviceConfig": {"name": "clicks-schema", "schema": interactions()}}}},
        "solutions": [{
            "serviceConfig": {"name": "likes", "recipeArn": "arn:aws:personalize:::recipe/aws-user-personalization"},
            "workflowConfig": {"schedules": {"full": "cron(0 0 ? * 1 *)", "update": "rate(1 day)"}, "maxAge": "7 days"},
            "campaigns": [{"serviceConfig": {"name": "home", "minProvisionedTPS": 1}}],
            "batchInferenceJobs": [{"serviceConfig": {"numResults": 5}, "workflowConfig": {"schedule": "cron(0 3 * * ? *)"}}]}],
    })
}

/// The value with one member (a path as in `a.b`) replaced, or taken away.
fn with(mut value: Value, pointer: &str, member: Option<Value>) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = value.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match member {
        Some(member) => parent.insert(key.into(), member),
        None => parent.remove(key),
    };
    value
}

fn refused(value: &Value) -> String {
    let error = parse(value).unwrap_err();
    assert_eq!(error.code, Some("PIPELINE_PARAMETERS"));
    error.message
}

#[test]
fn the_samples_params_json_is_accepted_unchanged() {
    let Some(wanted) = sample("ml_ops/example/params.json") else { return };
    assert_eq!((wanted.form, wanted.group.name.as_str()), (Form::MlOps, "MovieLensDemo"));
    let kinds: Vec<DatasetType> = wanted.datasets.iter().map(|dataset| dataset.kind).collect();
    assert_eq!(kinds, [DatasetType::Interactions, DatasetType::Items]);
    assert_eq!(wanted.event_tracker.as_deref(), Some("MovieLensDemoEventTracker"));
    assert_eq!(wanted.filters[0].expression, "INCLUDE ItemID WHERE Items.YEAR >= 1970 AND Items.YEAR < 1980");
    assert_eq!(wanted.gate, QualityGate::default());
    let solutions: Vec<&str> = wanted.solutions.iter().map(|solution| solution.name.as_str()).collect();
    let left: Vec<&str> = wanted.left_out.iter().map(|(place, _)| place.as_str()).collect();
    if left.is_empty() {
        assert_eq!((solutions.len(), wanted.campaigns.len()), (3, 3), "every recipe is there");
    } else {
        assert_eq!(left, ["solutions.sims", "campaigns.simsCampaign"]);
        assert_eq!(solutions.len(), 2);
        let campaign = wanted.campaigns.iter().find(|campaign| campaign.name == "personalizedRankingCampaign").unwrap();
        assert_eq!((&campaign.solution, campaign.min_provisioned_tps), (&Choice::Of("personalizedRanking".into()), Some(1)));
    }
}

#[test]
fn the_configurations_of_maintaining_are_accepted_unchanged() {
    let Some(wanted) = sample("config/sample_config_wtags.json") else { return };
    assert_eq!((wanted.form, wanted.group.name.as_str()), (Form::Maintaining, "unit_test_new_datasetgroup"));
    assert_eq!(wanted.import_schedule.as_deref(), Some("cron(0 */6 * * ? *)"));
    assert_eq!(wanted.datasets.len(), 3);
    assert_eq!(wanted.datasets[0].schema_name.as_deref(), Some("unit_test_only_interactions_schema"));
    let ours = wanted.solutions.iter().find(|solution| solution.name == "unit_test_personalized_ranking_new_2").unwrap();
    assert_eq!(ours.schedules.full.as_deref(), Some("cron(0 2 ? * 1 *)"));
    assert_eq!(ours.batch_inference[0].schedule.as_deref(), Some("cron(0 3 * * ? *)"));
    assert!(wanted.solutions.iter().any(|solution| solution.name == "unit_test_popularity_count_new"));
    assert!(
        wanted.left_out.iter().any(|(place, why)| place == "recommenders[0]" && why.contains("with a domain")),
        "{:?}",
        wanted.left_out
    );
    let tags = &wanted.tags[&(crate::Stage::DatasetGroup, "unit_test_new_datasetgroup".to_owned())];
    assert!(!tags.is_empty(), "{:?}", wanted.tags);
    let plain = sample("config/sample_config.json").unwrap();
    assert_eq!(plain.filters[1].name, "interacted-2");
    // This one is for tests of tags only: AWS too refuses interactions without a time.
    let rooted = real_file(SAMPLES, "config/sample_config_root_tags.json").unwrap();
    let refused = forms::parse(&rooted, false, Timestamp(1_700_000_000_000)).unwrap_err().message;
    assert!(refused.contains("datasets.interactions.schema: The schema has one problem: TIMESTAMP"), "{refused}");
    let video = sample("gen_ai/params.json").unwrap();
    assert_eq!((video.form, video.group.domain), (Form::Maintaining, Some(Domain::VideoOnDemand)));
    let picks: Vec<(&str, &str)> = video.recommenders.iter().map(|one| (one.name.as_str(), one.recipe_arn.id())).collect();
    assert_eq!(picks, [("workshop_top_picks_for_you", "aws-vod-top-picks")]);
    assert_eq!(video.left_out, []);
}

#[test]
fn both_forms_and_yaml_want_the_same() {
    let (one, other) = (parse(&ml_ops()).unwrap(), parse(&maintaining()).unwrap());
    assert_eq!((&one.group, &one.solutions[0].arguments), (&other.group, &other.solutions[0].arguments));
    assert_eq!((&one.campaigns[0].name, &one.campaigns[0].solution), (&other.campaigns[0].name, &other.campaigns[0].solution));
    assert_eq!(one.datasets[0].schema, other.datasets[0].schema);
    assert_eq!((other.import_max_age_ms, other.solutions[0].max_age_ms), (Some(365 * 86_400_000), Some(7 * 86_400_000)));
    let yaml = serde_norway::to_string(&ml_ops()).unwrap();
    assert_eq!(forms::parse(&yaml, true, Timestamp(0)).unwrap(), one);
}

#[test]
fn the_older_form_with_one_solution_is_accepted() {
    let mut older = ml_ops();
    older.as_object_mut().unwrap().retain(|key, _| !matches!(key.as_str(), "solutions" | "campaigns"));
    older["solution"] = json!({"name": "Solution", "performAutoML": true});
    older["campaign"] = json!({"name": "Campaign", "minProvisionedTPS": 1});
    let wanted = parse(&older).unwrap();
    assert_eq!((&wanted.solutions[0].arguments["performAutoML"], wanted.solutions[0].arguments.get("recipeArn")), (&json!(true), None));
    assert_eq!(wanted.campaigns[0].solution, Choice::Of("solution".into()));
}

#[test]
fn everything_wrong_is_said_at_once_with_its_place() {
    let mut wrong = ml_ops();
    wrong["datasetGroup"]["name"] = json!("-no");
    wrong["datasets"]["Clicks"] = json!({"name": "x", "schema": {}});
    wrong["datasets"]["Items"] = json!({"name": "items", "schema": avro("Items", &[("GENRE", "string"), ("YEAR", "int")])});
    wrong["solutions"]["odd"] = json!({"name": "odd", "recipeArn": "arn:aws:personalize:::recipe/aws-magic"});
    wrong["solutions"]["bad"] = json!({"name": "bad", "recipeArn": "recipe"});
    wrong["solutions"]["likes"]["schedules"] = json!({"full": "cron(0 0 30 2 ? *)", "update": "every day"});
    wrong["campaigns"]["simsCampaign"] = json!({"name": "s", "minProvisionedTPS": 0});
    wrong["campaigns"]["other"] = json!({"name": "home", "solution": "best", "campaignConfg": {}});
    wrong["filters"] = json!([{"name": "f", "filterExpression": "INCLUDE ItemID WHERE"}, {"name": "g"}]);
    wrong["tags"] = json!([{"tagKey": ""}]);
    wrong["qualityGate"] = json!({"metric": "accuracy", "maxDrop": 2});
    let message = refused(&wrong);
    for expected in [
        "datasetGroup.name: A name has",
        "datasets.Clicks: A datasetType is",
        "datasets.Items.schema: The schema has",
        "ITEM_ID",
        "solutions.odd.recipeArn: Recipe arn:aws:personalize:::recipe/aws-magic does not exist",
        "solutions.bad.recipeArn: An ARN looks like",
        "solutions.likes.schedules.full: expected a schedule that fires",
        "solutions.likes.schedules.update: A schedule is",
        "campaigns.simsCampaign: serves solution \"sims\"",
        "campaigns.simsCampaign.minProvisionedTPS: expected a whole number of at least 1, found 0",
        "campaigns.other.campaignConfg: unknown; did you mean campaignConfig?",
        "filters[1].filterExpression: expected, found nothing",
        "tags: missing field `tagValue`.",
        "filters[0].filterExpression: ",
        "qualityGate.metric: there is no metric \"accuracy\"",
        "qualityGate.maxDrop: expected a share from 0 to 1, found 2",
        "expected names that differ, found campaign \"home\" at campaigns.",
    ] {
        assert!(message.contains(expected), "expected {expected:?} in: {message}");
    }
}

#[test]
fn the_other_form_is_checked_as_closely() {
    let cases = [
        ("/datasetGroup/serviceConfig/nme", Some(json!("x")), "datasetGroup.serviceConfig.nme: unknown; did you mean name?"),
        (
            "/datasetGroup/workflowConfig/maxAge",
            Some(json!("soon")),
            "datasetGroup.workflowConfig.maxAge: expected an age such as \"365 days\"",
        ),
        ("/datasets/interactions", None, "datasets: needs Interactions"),
        (
            "/datasets/interactions/schema/serviceConfig/schema",
            None,
            "datasets.interactions.schema.serviceConfig.schema: expected, found nothing",
        ),
        ("/datasets/interactions/schema/serviceConfig/domain", Some(json!("ECOMMERCE")), "expected the domain of the dataset group (none)"),
        ("/datasets/serviceConfig/importMode", Some(json!("SOME")), "datasets.serviceConfig.importMode: "),
        ("/solutions/0/serviceConfig/name", None, "solutions[0].serviceConfig.name: expected, found nothing"),
        (
            "/solutions/0/serviceConfig/recipeArn",
            Some(json!("arn:aws:personalize:::recipe/aws-popularity-count")),
            "solutions[0].workflowConfig.schedules.update: expected with a recipe that can update",
        ),
        ("/solutions/0/serviceConfig/solutionVersion", Some(json!({"trainingMode": "FAST"})), "trainingMode: expected FULL or UPDATE"),
        (
            "/solutions/0/serviceConfig/solutionConfig",
            Some(json!({"algorithmHyperParameters": {"lambda": "-1"}})),
            "solutions[0].serviceConfig: lambda",
        ),
        ("/solutions/0/campaigns/0/serviceConfig/name", Some(json!("no name")), "solutions[0].campaigns[0].serviceConfig.name: A name has"),
        ("/eventTracker", Some(json!({"name": "t"})), "eventTracker.name: unknown"),
        ("/solutions/0/batchInferenceJobs/0/serviceConfig/numResults", Some(json!("five")), "numResults: expected a whole number"),
    ];
    for (pointer, member, expected) in cases {
        let message = refused(&with(maintaining(), pointer, member));
        assert!(message.contains(expected), "{pointer}: expected {expected:?} in: {message}");
    }
}

#[test]
fn what_a_stage_would_refuse_after_the_training_is_refused_before() {
    let job = "/solutions/0/batchInferenceJobs/0/serviceConfig";
    let filter = |expression: &str| Some(json!([{"serviceConfig": {"name": "f", "filterExpression": expression}}]));
    let cases = [
        ("/filters", filter("INCLUDE ItemID WHERE Items.GENRE IN (\"tea\")"), "filters[0].filterExpression: ", "it has no Items dataset"),
        (
            "/filters",
            filter("EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (\"purchase\")"),
            "filters[0].filterExpression: ",
            "expected a field of Interactions, found EVENT_TYPE",
        ),
        (
            "/solutions/0/campaigns/0/serviceConfig/campaignConfig",
            Some(json!({"itemExplorationConfig": {"explorationWeight": "2"}})),
            "solutions[0].campaigns[0]: ",
            "explorationWeight is a number from 0 to 1",
        ),
        (job, Some(json!({"numResults": 501})), "batchInferenceJobs[0]: ", "numResults is 1 to 500; found 501"),
        (job, Some(json!({"batchInferenceJobMode": "THEME_GENERATION"})), "batchInferenceJobs[0]: ", "THEME_GENERATION is not offered"),
        (job, Some(json!({"batchInferenceJobMode": "SLOW"})), "batchInferenceJobs[0]: ", "unknown variant `SLOW`"),
        (job, Some(json!({"jobInput": "s3://data/in.json"})), "batchInferenceJobs[0]: ", "is not what CreateBatchInferenceJob takes"),
        (job, Some(json!({"jobOutput": {"s3DataDestination": {}}})), "batchInferenceJobs[0]: ", "missing field `path`"),
        (job, Some(json!({"jobOutput": {"s3DataDestination": {"path": "s3:///"}}})), "batchInferenceJobs[0]: ", ""),
    ];
    for (pointer, member, place, why) in cases {
        let message = refused(&with(maintaining(), pointer, member));
        assert!(message.contains(place) && message.contains(why), "{pointer}: expected {place:?} and {why:?} in: {message}");
    }
}

#[test]
fn batch_jobs_of_a_solution_have_names_that_differ() {
    let job = |name: Option<&str>| json!({"serviceConfig": {"jobName": name}});
    let jobs = json!([job(Some("batch-2")), job(None), job(Some("x")), job(Some("x"))]);
    let message = refused(&with(maintaining(), "/solutions/0/batchInferenceJobs", Some(jobs)));
    for expected in [
        "solutions[0].batchInferenceJobs[1]: expected names that differ, found batch job \"batch-2\" at solutions[0].batchInferenceJobs[0] too.",
        "solutions[0].batchInferenceJobs[3]: expected names that differ, found batch job \"x\"",
    ] {
        assert!(message.contains(expected), "expected {expected:?} in: {message}");
    }
}

#[test]
fn the_best_is_chosen_only_among_solutions_of_the_same_events() {
    let best = with(ml_ops(), "/campaigns/shelf", Some(json!({"name": "shelf", "solution": "best"})));
    let other = json!({"name": "loves", "recipeArn": "arn:aws:personalize:::recipe/aws-user-personalization"});
    let two = with(best, "/solutions/loves", Some(other));
    parse(&two).unwrap();
    let rules = [
        ("/solutions/loves/eventType", json!("purchase")),
        ("/solutions/loves/solutionConfig", json!({"eventsConfig": {"eventParametersList": [{"eventType": "purchase"}]}})),
    ];
    for (pointer, rule) in rules {
        let message = refused(&with(two.clone(), pointer, Some(rule)));
        assert!(message.contains("campaigns.shelf: expected solutions with the same eventType"), "{message}");
        assert!(message.contains("found that \"likes\" and \"loves\" differ in them."), "{message}");
    }
}

#[test]
fn what_is_no_parameter_file_is_refused_with_its_place() {
    let error = forms::parse("{\"datasetGroup\": ", false, Timestamp(0)).unwrap_err();
    assert!(error.message.contains("line 1"), "{error}");
    assert!(refused(&json!({"datasetGroup": {}})).contains("datasetGroup.name: expected, found nothing"));
    assert!(refused(&with(ml_ops(), "/solution", Some(json!("x")))).contains("solution: expected an object, found \"x\""));
    assert!(refused(&with(ml_ops(), "/solutions", Some(json!({})))).contains("solutions needs at least one solution"));
    assert!(refused(&json!([])).contains("the file: expected an object"));
}
