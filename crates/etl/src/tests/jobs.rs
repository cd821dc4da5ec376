use domain::{ErrorKind, RunState};
use serde_json::json;

use super::{House, at, refused, sql_job};
use crate::{Arguments, Format, Job, JobResult, JobSpec, StartJobRun, Target};

#[tokio::test]
async fn a_job_is_created_read_listed_replaced_and_deleted() {
    let house = House::new().await;
    house.create_sql("items", "ROWS 1 OF 'a'", Format::Csv).await;
    refused(house.jobs.create_job(sql_job("items", "ROWS 1 OF 'a'", Format::Csv)).await, ErrorKind::AlreadyExists);
    assert_eq!(house.jobs.arn("items").as_str(), "arn:aws:glue:us-east-1:123456789012:job/items");
    let mut changed = sql_job("", "ROWS 2 OF 'b'", Format::Csv);
    changed.description = Some("twice".into());
    house.jobs.update_job("items", changed).await.unwrap();
    let stored = house.jobs.get_job("items").await.unwrap();
    assert_eq!((stored.version, stored.description.as_deref()), (2, Some("twice")));
    assert_eq!(house.jobs.list_jobs().await.unwrap().len(), 1);
    house.jobs.delete_job("items").await.unwrap();
    refused(house.jobs.get_job("items").await, ErrorKind::NotFound);
}

#[tokio::test]
async fn glues_members_are_read_and_given_back() {
    let house = House::new().await;
    house.put("s3://shop/scripts/items.sql", "ROWS 3 OF ${word}").await;
    let request = json!({
        "Name": "items", "Role": "arn:aws:iam::123456789012:role/glue",
        "Command": {"Name": "glueetl", "ScriptLocation": "s3://shop/scripts/items.sql"},
        "DefaultArguments": {"--target": "s3://shop/exports/items", "--word": "default", "--format": "csv"},
        "NonOverridableArguments": {"--format": "csv"},
        "MaxRetries": 1, "Timeout": 5, "GlueVersion": "5.0", "WorkerType": "G.1X", "NumberOfWorkers": 2,
        "JobMode": "SCRIPT", "JobRunQueuingEnabled": true, "Connections": {"Connections": ["a"]}, "SecurityConfiguration": "s",
        "NotificationProperty": {"NotifyDelayAfter": 3}, "ExecutionClass": "FLEX", "MaintenanceWindow": "Sun:10", "AllocatedCapacity": 4,
        "SourceControlDetails": {"Provider": "GITLAB", "Repository": "r", "AuthStrategy": "PERSONAL_ACCESS_TOKEN"}
    });
    let job: Job = serde_json::from_value(request.clone()).unwrap();
    house.jobs.create_job(job).await.unwrap();
    let stored = house.jobs.get_job("items").await.unwrap();
    let given = serde_json::to_value(&stored.value).unwrap();
    for (member, value) in request.as_object().unwrap() {
        assert_eq!(&given[member], value, "{member}");
    }
    let _process = house.work();
    let arguments = Arguments::from([("--word".into(), "mine".into()), ("--format".into(), "parquet".into())]);
    let start = StartJobRun { job_name: "items".into(), arguments, ..StartJobRun::default() };
    let id = house.jobs.start_job_run(start).await.unwrap();
    let run = house.installation.runs.wait(&id).await.unwrap();
    assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
    assert_eq!((run.max_attempts, run.timeout_ms), (2, Some(300_000)));
    assert_eq!(house.read("s3://shop/exports/").await, [("exports/items/part-00000.csv".into(), "value\nmine\nmine\nmine\n".into())]);
}

#[tokio::test]
async fn a_run_is_shown_in_glues_words() {
    let house = House::new().await;
    house.create_sql("items", "ROWS 2 OF 'a'", Format::Csv).await;
    let id = house.start("items").await.unwrap();
    assert_eq!(house.jobs.get_job_run("items", &id).await.unwrap().job_run_state, "STARTING");
    let _process = house.work();
    house.installation.runs.wait(&id).await.unwrap();
    let view = house.jobs.get_job_run("items", &id).await.unwrap();
    assert_eq!((view.job_run_state, view.attempt, view.error_message.clone()), ("SUCCEEDED", 0, None));
    let Some(JobResult::Sql { outputs, .. }) = &view.result else { panic!("{view:?}") };
    assert_eq!((outputs[0].target.as_str(), outputs[0].outcome.rows_written), ("s3://shop/exports/items/", 2));
    let wire = serde_json::to_value(&view).unwrap();
    assert!(wire["CompletedOn"].as_f64() >= wire["StartedOn"].as_f64());
    assert_eq!(wire["Result"]["Sql"]["Outputs"][0]["RowsWritten"], 2);
    assert_eq!(house.jobs.list_job_runs("items").await.unwrap(), [view]);
    refused(house.jobs.get_job_run("others", &id).await, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_run_is_repeated_as_it_was() {
    let house = House::new().await;
    house.create_sql("items", "ROWS 2 OF ${word}", Format::Csv).await;
    let _process = house.work();
    let arguments = Arguments::from([("--word".into(), "mine".into())]);
    let start = StartJobRun { job_name: "items".into(), arguments, timeout: Some(3), ..StartJobRun::default() };
    let first = house.jobs.start_job_run(start).await.unwrap();
    house.installation.runs.wait(&first).await.unwrap();
    let again = StartJobRun { job_name: "items".into(), job_run_id: Some(first.clone()), ..StartJobRun::default() };
    let second = house.jobs.start_job_run(again).await.unwrap();
    let run = house.installation.runs.wait(&second).await.unwrap();
    assert_eq!((run.state, run.timeout_ms), (RunState::Succeeded, Some(180_000)), "{:?}", run.message);
    let view = house.jobs.get_job_run("items", &second).await.unwrap();
    assert_eq!((view.previous_run_id, view.arguments["--word"].as_str()), (Some(first.clone()), "mine"));
    house.create_sql("others", "ROWS 1 OF 'a'", Format::Csv).await;
    let foreign = StartJobRun { job_name: "others".into(), job_run_id: Some(first), ..StartJobRun::default() };
    refused(house.jobs.start_job_run(foreign).await, ErrorKind::NotFound);
}

#[tokio::test]
async fn no_more_runs_than_allowed_are_under_way() {
    let house = House::new().await;
    house.create_sql("items", "WAIT", Format::Csv).await;
    let first = house.start("items").await.unwrap();
    let message = refused(house.start("items").await, ErrorKind::TooManyRuns);
    assert!(message.contains("at most 1 runs at once"), "{message}");
    let _process = house.work();
    while house.jobs.get_job_run("items", &first).await.unwrap().job_run_state != "RUNNING" {
        tokio::task::yield_now().await;
    }
    refused(house.start("items").await, ErrorKind::TooManyRuns);
    house.jobs.stop_job_run("items", &first).await.unwrap();
    let run = house.installation.runs.wait(&first).await.unwrap();
    assert_eq!(run.state, RunState::Stopped);
    house.start("items").await.unwrap();
}

#[tokio::test]
async fn a_failure_that_may_pass_is_tried_again_as_often_as_max_retries_says() {
    let house = House::new().await;
    let mut job = sql_job("items", "FAIL ONCE", Format::Csv);
    job.max_retries = 1;
    house.jobs.create_job(job).await.unwrap();
    let _process = house.work();
    let run = house.succeed("items").await;
    assert_eq!(run.attempt, 2);
    assert_eq!(house.jobs.get_job_run("items", &run.id).await.unwrap().attempt, 1);
}

#[tokio::test]
async fn a_failed_run_says_why_and_leaves_the_old_result() {
    let house = House::new().await;
    house.create_sql("items", "ROWS 1 OF 'old'", Format::Csv).await;
    let _process = house.work();
    house.succeed("items").await;
    house.jobs.update_job("items", sql_job("", "SELEKT", Format::Csv)).await.unwrap();
    let run = house.run("items").await;
    assert_eq!(run.state, RunState::Failed);
    let view = house.jobs.get_job_run("items", &run.id).await.unwrap();
    assert_eq!((view.job_run_state, view.error_message.as_deref()), ("FAILED", Some("Not a query: SELEKT")));
    assert_eq!(house.read("s3://shop/exports/items/").await[0].1, "value\nold\n");
}

#[tokio::test]
async fn a_script_may_lie_in_the_project_folder_and_must_exist() {
    let house = House::new().await;
    let mut job = sql_job("items", "", Format::Csv);
    if let Some(JobSpec::Sql { query, .. }) = &mut job.spec {
        *query = None;
    }
    job.command.script_location = Some("jobs/items.sql".into());
    house.jobs.create_job(job).await.unwrap();
    let _process = house.work();
    let missing = house.run("items").await;
    assert!(missing.message.unwrap().contains("jobs/items.sql does not exist"));
    house.put("jobs/items.sql", "ROWS 1 OF 'x'").await;
    house.succeed("items").await;
}

#[tokio::test]
async fn jobs_that_could_never_run_are_refused() {
    let house = House::new().await;
    let parse = |value| serde_json::from_value::<Job>(value).unwrap();
    let cases = [
        (json!({"Name": "j"}), "needs a query"),
        (json!({"Name": "", "Command": {"ScriptLocation": "a.sql"}}), "1 to 255"),
        (json!({"Name": "j", "Command": {"Name": "glueetl", "ScriptLocation": "s3://shop/job.py"}}), "is a Spark program"),
        (json!({"Name": "j", "Command": {"ScriptLocation": "a.sql"}, "Timeout": 0}), "1 to 10080 minutes; found 0"),
        (json!({"Name": "j", "Command": {"ScriptLocation": "a.sql"}, "DefaultArguments": {"x": "1"}}), "--KEY; found \"x\""),
        (json!({"Name": "j", "Spec": {"Sql": {"Query": " ", "Target": {"Location": "s3://shop/x"}}}}), "is empty"),
        (
            json!({"Name": "j", "Spec": {"Sql": {"Query": "q", "Target": {"Location": "s3://shop/x", "Compression": "zstd"}}}}),
            "Compression of a csv target is none or gzip; found zstd",
        ),
        (json!({"Name": "j", "Spec": {"Clean": {"Location": "s3://shop"}}}), "found \"s3://shop/\""),
        (json!({"Name": "j", "Spec": {"Clean": {"Location": "exports/../.."}}}), "without '..'"),
        (json!({"Name": "j", "Command": {"ScriptLocation": "penchant:clean"}}), "needs the argument --location"),
        (json!({"Name": "j", "Command": {"ScriptLocation": "a.sql"}, "ExecutionProperty": {"MaxConcurrentRuns": 0}}), "at least 1"),
    ];
    for (job, expected) in cases {
        let message = refused(house.jobs.create_job(parse(job.clone())).await, ErrorKind::InvalidInput);
        assert!(message.contains(expected), "{job}: {message}");
    }
    let start = StartJobRun { job_name: "absent".into(), ..StartJobRun::default() };
    refused(house.jobs.start_job_run(start).await, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_job_without_target_fails_with_what_is_missing() {
    let house = House::new().await;
    house.put("s3://shop/a.sql", "ROWS 1 OF 'x'").await;
    let job = json!({"Name": "j", "Command": {"ScriptLocation": "s3://shop/a.sql"}});
    house.jobs.create_job(serde_json::from_value(job).unwrap()).await.unwrap();
    let _process = house.work();
    let run = house.run("j").await;
    assert!(run.message.unwrap().contains("needs the argument --target"));
}

#[test]
fn a_target_is_files_or_a_table_and_a_member_that_does_not_belong_is_named() {
    let old: Target = serde_json::from_value(json!({"Location": "s3://shop/x/", "Format": "parquet", "Compression": "zstd"})).unwrap();
    assert_eq!(serde_json::to_value(&old).unwrap(), json!({"Location": "s3://shop/x/", "Format": "parquet", "Compression": "zstd"}));
    let table = json!({"Connection": "pg", "Table": "public.items", "Mode": "upsert", "Keys": ["id"], "Create": true});
    let read: Target = serde_json::from_value(table.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), table);
    read.check().unwrap();
    let misread = [
        (json!({}), "found none of them"),
        (json!({"Location": "s3://shop/x/", "Table": "t"}), "found both"),
        (json!({"Connection": "pg"}), "names a Table too"),
        (json!({"Location": "s3://shop/x/", "Keys": ["id"]}), "has no Keys"),
        (json!({"Location": "s3://shop/x/", "Mode": "upsert"}), "found upsert"),
        (json!({"Connection": "pg", "Table": "t", "PartitionKeys": ["day"]}), "has no PartitionKeys"),
        (json!({"Location": "s3://shop/x/", "Compresion": "zstd"}), "unknown field `Compresion`"),
    ];
    for (target, expected) in misread {
        let message = serde_json::from_value::<Target>(target.clone()).unwrap_err().to_string();
        assert!(message.contains(expected), "{target}: {message}");
    }
    let refusals = [
        (json!({"Location": "s3://shop/x/", "Format": "json", "Compression": "snappy"}), "is none or gzip or zstd; found snappy"),
        (json!({"Location": "s3://shop/x/", "MaxFileRows": 0}), "MaxFileRows of a target is at least 1"),
        (json!({"Location": "s3://shop/x/", "RowGroupRows": 5}), "RowGroupRows is for Parquet targets; found Format csv"),
        (json!({"Location": "s3://shop/x/", "PartitionKeys": ["a", "A"]}), "found \"A\" twice"),
        (json!({"Location": "s3://shop", "PartitionKeys": ["a"]}), "needs a prefix of its own"),
        (json!({"Connection": "pg", "Table": "a.b.c"}), "found \"a.b.c\""),
        (json!({"Connection": "pg", "Table": "t", "Mode": "upsert"}), "names the Keys"),
        (json!({"Connection": "pg", "Table": "t", "Keys": ["id"]}), "Keys are for a target with Mode upsert"),
    ];
    for (target, expected) in refusals {
        let message = refused(serde_json::from_value::<Target>(target).unwrap().check(), ErrorKind::InvalidInput);
        assert!(message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn code_takes_the_place_of_the_graph_that_it_was_made_of() {
    let house = House::new().await;
    let job = |path: &str, about: &str| -> Job {
        let nodes = json!({
            "a": {"CatalogSource": {"Name": "A", "Database": "shop", "Table": "orders"}},
            "b": {"S3DirectTarget": {"Name": "B", "Inputs": ["a"], "Path": path, "Format": "csv"}}});
        serde_json::from_value(json!({"Name": "j", "Description": about, "CodeGenConfigurationNodes": nodes})).unwrap()
    };
    let known = job("s3://shop/x/", "old");
    house.jobs.create_job(known.clone()).await.unwrap();
    house.jobs.update_job("j", job("s3://shop/x/", "new")).await.unwrap();
    house.jobs.run_code(&known, &at("s3://shop/j.sql")).await.unwrap();
    let now = house.jobs.get_job("j").await.unwrap().value;
    let found = (now.description.as_deref(), now.command.script_location.as_deref());
    assert_eq!(found, (Some("new"), Some("s3://shop/j.sql")), "what else was changed meanwhile stays");
    house.jobs.update_job("j", job("s3://shop/y/", "newer")).await.unwrap();
    let message = refused(house.jobs.run_code(&known, &at("s3://shop/j.sql")).await, ErrorKind::Conflict);
    assert!(message.contains("was changed while its code was written to s3://shop/j.sql"), "{message}");
    assert_eq!(house.jobs.get_job("j").await.unwrap().value, job("s3://shop/y/", "newer"));
}

#[tokio::test]
async fn a_run_whose_job_was_deleted_while_it_waited_says_so() {
    let house = House::new().await;
    house.create_sql("items", "ROWS 1 OF 'a'", Format::Csv).await;
    let id = house.start("items").await.unwrap();
    house.jobs.delete_job("items").await.unwrap();
    let _process = house.work();
    let run = house.installation.runs.wait(&id).await.unwrap();
    assert_eq!((run.state, run.code.as_deref()), (RunState::Failed, Some("JOB_DELETED")));
    assert!(run.message.unwrap().contains("\"items\""));
}
