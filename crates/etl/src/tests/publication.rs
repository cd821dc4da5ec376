use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::RunState;
use runs::Breakpoints;

use super::{House, sql_job};
use crate::{Format, Target};

const PREFIX: &str = "s3://shop/exports/items/";

#[tokio::test]
async fn whatever_dies_readers_see_a_whole_result_and_the_run_completes() {
    let (old, new) = ("value\nold\n".to_owned(), "value\nnew\nnew\n".to_owned());
    let points =
        [("job.claimed", &old), ("job.written", &old), ("job.swapped", &new), ("job.before_publish", &new), ("job.published", &new)];
    for (point, visible) in points {
        let house = House::new().await;
        house.create_sql("items", "ROWS 1 OF 'old'", Format::Csv).await;
        let process = house.work();
        house.succeed("items").await;
        drop(process);
        house.jobs.update_job("items", sql_job("", "ROWS 2 OF 'new'", Format::Csv)).await.unwrap();
        let held = house.work_until(Breakpoints::hold_at(point));
        let id = house.start("items").await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        drop(held);
        let seen = house.read(PREFIX).await;
        assert_eq!(seen, [("exports/items/part-00000.csv".to_owned(), visible.clone())], "killed at {point}");

        let _process = house.work();
        let run = house.installation.runs.wait(&id).await.unwrap();
        assert_eq!(run.state, RunState::Succeeded, "{point}: {:?}", run.message);
        assert_eq!(house.read(PREFIX).await, [("exports/items/part-00000.csv".to_owned(), new.clone())], "after {point}");
        assert_eq!(house.on_disk(PREFIX), ["part-00000.csv"], "after {point}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_beside_many_publications_never_see_half_a_result() {
    let house = Arc::new(House::new().await);
    house.create_sql("items", "ROWS 4000 OF 'a'", Format::Csv).await;
    let _process = house.work();
    house.succeed("items").await;
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (house, done) = (house.clone(), done.clone());
        tokio::spawn(async move {
            let mut reads = 0;
            while !done.load(Ordering::SeqCst) {
                let seen = house.read(PREFIX).await;
                assert_eq!(seen.len(), 1);
                let lines: Vec<&str> = seen[0].1.lines().collect();
                assert_eq!(lines.len(), 4001);
                assert!(lines[1..].iter().all(|line| *line == lines[1]));
                reads += 1;
            }
            reads
        })
    };
    for round in 0..10 {
        let query = format!("ROWS 4000 OF '{}'", ["b", "c"][round % 2]);
        house.jobs.update_job("items", sql_job("", &query, Format::Csv)).await.unwrap();
        house.succeed("items").await;
    }
    done.store(true, Ordering::SeqCst);
    assert!(reader.await.unwrap() > 0);
}

#[tokio::test]
async fn another_format_replaces_the_old_one_and_strangers_are_named() {
    let house = House::new().await;
    house.put("s3://shop/exports/items/mine.csv", "value\nhand\n").await;
    house.create_sql("items", "ROWS 1 OF 'a'", Format::Csv).await;
    let _process = house.work();
    let run = house.succeed("items").await;
    let log = house.log(&run.id).await;
    assert!(log.contains("warn: 1 other files are under s3://shop/exports/items/ (such as s3://shop/exports/items/mine.csv)"), "{log}");
    house.jobs.update_job("items", sql_job("", "ROWS 1 OF 'a'", Format::Parquet)).await.unwrap();
    house.succeed("items").await;
    assert_eq!(house.on_disk(PREFIX), ["mine.csv", "part-00000.parquet"]);
}

#[tokio::test]
async fn an_empty_result_is_a_header_and_a_warning() {
    let house = House::new().await;
    house.create_sql("items", "ROWS 0 OF 'a'", Format::Csv).await;
    let _process = house.work();
    let run = house.succeed("items").await;
    assert_eq!(house.read(PREFIX).await[0].1, "value\n");
    assert!(house.log(&run.id).await.contains("warn: The query gave no rows"));
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let house = House::new().await;
    let mut job = sql_job("items", "ROWS 1 OF 'a'", Format::Csv);
    if let Some(crate::JobSpec::Sql { target, .. }) = &mut job.spec {
        *target = Target::file("s3://elsewhere/x/", Format::Csv);
    }
    house.jobs.create_job(job).await.unwrap();
    let _process = house.work();
    let run = house.run("items").await;
    assert!(run.message.unwrap().contains("Bucket \"elsewhere\""));
}
