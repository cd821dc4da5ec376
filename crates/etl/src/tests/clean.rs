use domain::RunState;
use serde_json::json;

use super::House;
use crate::{Arguments, JobResult, StartJobRun};

async fn house() -> House {
    let house = House::new().await;
    for name in ["exports/items/part-00000.csv", "exports/users/part-00000.csv", "exports2/keep.csv", "keep.csv"] {
        house.put(&format!("s3://shop/{name}"), "value\n1\n").await;
    }
    let job = json!({"Name": "clean", "Spec": {"Clean": {"Location": "s3://shop/exports/"}}});
    house.jobs.create_job(serde_json::from_value(job).unwrap()).await.unwrap();
    house
}

async fn clean_at(house: &House, location: &str) -> runs::Run {
    let arguments = Arguments::from([("--location".into(), location.into())]);
    let id = house.jobs.start_job_run(StartJobRun { job_name: "clean".into(), arguments, ..StartJobRun::default() }).await.unwrap();
    house.installation.runs.wait(&id).await.unwrap()
}

#[tokio::test]
async fn everything_under_the_prefix_goes_and_nothing_else() {
    let house = house().await;
    house.put("s3://shop/exports/items/_attempt-job-ffffffff-1.csv", "of another installation").await;
    let _process = house.work();
    let run = house.succeed("clean").await;
    let expected = JobResult::Clean { location: "s3://shop/exports/".into(), files_removed: 2, bytes_removed: 16 };
    assert_eq!(run.result::<JobResult>().unwrap(), expected);
    let left: Vec<String> = house.read("s3://shop/").await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, ["exports2/keep.csv", "keep.csv"]);
    assert_eq!(house.on_disk("s3://shop/exports/items"), ["_attempt-job-ffffffff-1.csv"]);
    assert!(house.log(&run.id).await.contains("Removed 2 files (16 bytes) under s3://shop/exports/."));
    let again = house.succeed("clean").await;
    assert!(matches!(again.result::<JobResult>().unwrap(), JobResult::Clean { files_removed: 0, .. }));
}

#[tokio::test]
async fn a_run_may_narrow_the_prefix_but_never_leave_it() {
    let house = house().await;
    let _process = house.work();
    for outside in ["s3://shop/", "s3://shop/exports2/", "s3://shop/exports/../", "s3://other/exports/", "exports", "/"] {
        let run = clean_at(&house, outside).await;
        assert_eq!(run.state, RunState::Failed, "{outside}");
    }
    assert_eq!(house.read("s3://shop/").await.len(), 4);
    let run = clean_at(&house, "s3://shop/exports/items").await;
    assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
    assert_eq!(house.read("s3://shop/").await.len(), 3);
}

#[tokio::test]
async fn a_link_out_of_the_prefix_is_refused_before_anything_is_removed() {
    let house = house().await;
    let outside = house.installation.folder.path().join("precious");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("photo.csv"), "x").unwrap();
    std::os::unix::fs::symlink(&outside, house.installation.buckets.root().join("shop/exports/link")).unwrap();
    let _process = house.work();
    let run = house.run("clean").await;
    assert!(run.message.unwrap().contains("Nothing was removed"));
    assert!(outside.join("photo.csv").exists());
    assert!(house.installation.buckets.root().join("shop/exports/items/part-00000.csv").exists());
}

#[tokio::test]
async fn clients_with_glues_members_only_can_clean_too() {
    let house = house().await;
    let job = json!({
        "Name": "tidy", "Command": {"Name": "pythonshell", "ScriptLocation": "penchant:clean"},
        "DefaultArguments": {"--location": "s3://shop/exports/users/"}
    });
    house.jobs.create_job(serde_json::from_value(job).unwrap()).await.unwrap();
    let _process = house.work();
    house.succeed("tidy").await;
    assert_eq!(house.read("s3://shop/").await.len(), 3);
}
