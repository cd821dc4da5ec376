//! Batch inference over real files.

use domain::{Arn, RunState};
use serde_json::{Value, json};
use store::Location;
use train::SolutionVersion;

use super::Stall;
use super::fixture::{titles, walks};
use crate::filter::CreateFilter;
use crate::{BatchInferenceExecutor, BatchInferenceJob, BatchInferenceResult, CreateBatchInferenceJob};

const FOLDER: &str = "s3://shop-data";

async fn stall() -> Stall {
    let stall = Stall::open(&walks(), Some(&titles())).await;
    stall.shop.also_work(BatchInferenceExecutor::new(stall.serving.clone()));
    stall
}

async fn put(stall: &Stall, key: &str, text: String) {
    let location = Location::parse(&format!("{FOLDER}/{key}")).unwrap();
    stall.shop.installation.buckets.write(&location, text.into()).await.unwrap();
}

async fn lines(stall: &Stall, key: &str) -> Vec<Value> {
    let location = Location::parse(&format!("{FOLDER}/{key}")).unwrap();
    let bytes = stall.shop.installation.buckets.read(&location).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn request(name: &str, version: &SolutionVersion, input: &str, filter: Option<&Arn>) -> CreateBatchInferenceJob {
    let request = json!({
        "jobName": name, "solutionVersionArn": version.solution_version_arn, "filterArn": filter, "numResults": 5,
        "jobInput": {"s3DataSource": {"path": format!("{FOLDER}/{input}")}},
        "jobOutput": {"s3DataDestination": {"path": format!("{FOLDER}/out/{name}/")}}, "roleArn": "arn:aws:iam::1:role/r",
    });
    serde_json::from_value(request).unwrap()
}

async fn ended(stall: &Stall, job: &BatchInferenceJob) -> runs::Run {
    stall.shop.installation.runs.wait(&job.run).await.unwrap()
}

async fn carried_out(stall: &Stall, request: CreateBatchInferenceJob) -> BatchInferenceResult {
    let job = stall.serving.create_batch_inference_job(request).await.unwrap();
    let run = ended(stall, &job).await;
    assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
    let view = stall.serving.get_batch_inference_job(&job.batch_inference_job_arn).await.unwrap();
    assert_eq!(view.status(), "ACTIVE");
    serde_json::from_value(run.result.unwrap()).unwrap()
}

#[tokio::test]
async fn every_user_gets_what_a_campaign_would_say_and_bad_lines_say_why() {
    let stall = stall().await;
    let version = stall.shop.trained("likes", "aws-user-personalization").await;
    let campaign = stall.campaign(Stall::request("home", &version)).await.campaign_arn;
    // More lines than are in memory at a time.
    let mut users: String = (0..2_500).map(|n| format!("{{\"userId\":\"u{}\"}}\n", n % 240)).collect();
    users += "\nno json\n{\"user\":\"u1\"}\n{\"userId\":7}\n{\"userId\":\"stranger\",\"context\":{\"DEVICE\":\"phone\"}}";
    // Valid JSON, but for its length.
    users += &format!("\n{{\"userId\":\"u1\"}}{}", " ".repeat(2 << 20));
    put(&stall, "batch/users.jsonl", users).await;
    put(&stall, "batch/more/users.jsonl", "{\"userId\":\"u9\"}\n".into()).await;
    let result = carried_out(&stall, request("all", &version, "batch/", None)).await;
    assert_eq!(result, BatchInferenceResult { files: 2, lines: 2_506, faults: 4 });
    let answers = lines(&stall, "out/all/users.jsonl.out").await;
    assert_eq!(answers.len(), 2_505);
    for at in [0, 1, 239, 2_047, 2_048, 2_499] {
        let user = format!("u{}", at % 240);
        assert_eq!(answers[at]["input"], json!({"userId": user}));
        assert_eq!(answers[at]["error"], Value::Null);
        let expected = stall.ask(&campaign, &user, 5).item_list;
        let ids: Vec<&str> = expected.iter().map(|item| item.item_id.as_str()).collect();
        assert_eq!(answers[at]["output"]["recommendedItems"], json!(ids));
        assert_eq!(answers[at]["output"]["scores"].as_array().unwrap().len(), 5);
    }
    assert_eq!(answers[2_500]["input"], "no json");
    let faults: Vec<&str> = answers[2_500..2_503].iter().map(|line| line["error"].as_str().unwrap()).collect();
    assert_eq!(faults[0], "A line is a JSON object such as {\"userId\":\"…\"}; found no json.");
    assert_eq!(faults[1], "userId is required by recipe aws-user-personalization; found none.");
    assert!(faults[2].starts_with("A line is {\"userId\":\"…\"}; found {\"userId\":7}: invalid type"), "{}", faults[2]);
    assert!(answers[2_500..2_503].iter().all(|line| line["output"] == Value::Null));
    assert_eq!(answers[2_503]["input"]["context"]["DEVICE"], "phone");
    assert_eq!(answers[2_504]["input"], "{\"userId\":\"u1\"}");
    assert_eq!(answers[2_504]["error"], "A line has at most 1048576 bytes; found more, which begin {\"userId\":\"u1\"}.");
    assert_eq!(lines(&stall, "out/all/more/users.jsonl.out").await.len(), 1);
    let out = stall.shop.installation.buckets.path(&Location::parse(&format!("{FOLDER}/out/all")).unwrap());
    let mut names: Vec<String> = std::fs::read_dir(out).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["_CHECK", "more", "users.jsonl.out"]);
}

#[tokio::test]
async fn filters_with_values_rankings_and_popularity_have_their_forms() {
    let stall = stall().await;
    let likes = stall.shop.trained("likes", "aws-user-personalization").await;
    let new = CreateFilter {
        name: "genre".into(),
        dataset_group_arn: stall.shop.group.clone(),
        filter_expression: "INCLUDE ItemID WHERE Items.GENRE IN ($g)".into(),
    };
    let filter = stall.serving.create_filter(new).await.unwrap().filter_arn;
    put(&stall, "filtered.json", "{\"userId\":\"u4\",\"filterValues\":{\"g\":\"\\\"3\\\"\"}}\n{\"userId\":\"u4\"}\n".into()).await;
    let result = carried_out(&stall, request("filtered", &likes, "filtered.json", Some(&filter))).await;
    assert_eq!((result.lines, result.faults), (2, 1));
    let answers = lines(&stall, "out/filtered/filtered.json.out").await;
    let books = answers[0]["output"]["recommendedItems"].as_array().unwrap();
    assert!(books.len() == 5 && books.iter().all(|item| item.as_str().unwrap().starts_with("book")), "{books:?}");
    assert_eq!(answers[1]["error"], "The filter needs a value for $g in filterValues; found none.");

    let ranking = stall.shop.trained("rank", "aws-personalized-ranking").await;
    put(&stall, "lists.json", "{\"userId\":\"u4\",\"itemList\":[\"unknown\",\"lamp1\",\"socks2\"]}\n{\"userId\":\"u4\"}".into()).await;
    carried_out(&stall, request("lists", &ranking, "lists.json", None)).await;
    let answers = lines(&stall, "out/lists/lists.json.out").await;
    assert_eq!(answers[0]["output"]["recommendedItems"], json!(["socks2", "lamp1", "unknown"]));
    assert_eq!(answers[0]["output"]["scores"][2], 0.0);
    assert!(answers[1]["error"].as_str().unwrap().ends_with("found no itemList."));

    let best = stall.shop.trained("best", "aws-popularity-count").await;
    put(&stall, "best.json", "{\"userId\":\"u4\"}".into()).await;
    carried_out(&stall, request("best", &best, "best.json", None)).await;
    let answers = lines(&stall, "out/best/best.json.out").await;
    assert_eq!(answers[0]["output"].as_object().unwrap().keys().collect::<Vec<_>>(), ["recommendedItems"]);
}

#[tokio::test]
async fn what_cannot_work_is_refused_or_fails_with_a_reason_and_leaves_nothing() {
    let stall = stall().await;
    let version = stall.shop.trained("likes", "aws-user-personalization").await;
    let refuse = async |request: CreateBatchInferenceJob| stall.serving.create_batch_inference_job(request).await.unwrap_err().message;
    let mut themes = request("themes", &version, "x", None);
    themes.batch_inference_job_mode = crate::BatchInferenceJobMode::ThemeGeneration;
    assert!(refuse(themes).await.contains("THEME_GENERATION is not offered"));
    let mut many = request("many", &version, "x", None);
    many.num_results = Some(501);
    assert_eq!(refuse(many).await, "numResults is 1 to 500; found 501.");
    let absent = stall.serving.create_batch_inference_job(request("absent", &version, "nothing/here", None)).await.unwrap();
    let run = ended(&stall, &absent).await;
    assert_eq!(run.state, RunState::Failed);
    assert!(run.message.unwrap().contains("nothing/here"));
    let view = stall.serving.get_batch_inference_job(&absent.batch_inference_job_arn).await.unwrap();
    assert!(view.status() == "CREATE FAILED" && view.failure_reason().is_some());
    let again = stall.serving.create_batch_inference_job(request("absent", &version, "x", None)).await.unwrap_err();
    assert_eq!(again.kind, domain::ErrorKind::AlreadyExists);
    assert_eq!(stall.serving.list_batch_inference_jobs(Some(&version.solution_version_arn)).await.unwrap().len(), 1);
    let out = stall.shop.installation.buckets.path(&Location::parse(&format!("{FOLDER}/out/absent")).unwrap());
    assert!(!out.exists() || std::fs::read_dir(out).unwrap().next().is_none());
}
