use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::RunState;
use runs::Breakpoints;

use super::House;
use crate::{FilesMode, FilesTarget, Job, JobResult, JobSpec, TARGET_NOT_WRITABLE, Target};

const PREFIX: &str = "s3://shop/exports/items/";

fn job(query: &str, files: FilesTarget) -> Job {
    let target = Target::Files(FilesTarget { location: PREFIX.into(), ..files });
    Job::new("items", JobSpec::Sql { query: Some(query.into()), database: None, target })
}

/// Files of two rows.
fn in_twos(mode: FilesMode) -> FilesTarget {
    FilesTarget { mode, max_file_rows: Some(2), ..FilesTarget::default() }
}

/// Paths below the prefix, and how many rows of what they hold.
async fn seen(house: &House) -> Vec<(String, String)> {
    let short = |(name, text): (String, String)| {
        let lines: Vec<&str> = text.lines().skip(1).collect();
        (name.trim_start_matches("exports/items/").to_owned(), lines.join(" "))
    };
    house.read(PREFIX).await.into_iter().map(short).collect()
}

fn files(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, rows)| ((*name).to_owned(), (*rows).to_owned())).collect()
}

#[tokio::test]
async fn several_files_replace_several_files_and_strangers_stay() {
    let house = House::new().await;
    house.put("s3://shop/exports/items/mine.csv", "value\nhand\n").await;
    house.put("s3://shop/exports/items/deep/er/mine.csv", "value\ndeep\n").await;
    house.jobs.create_job(job("ROWS 5 OF 'a'", in_twos(FilesMode::Overwrite))).await.unwrap();
    let _process = house.work();
    let run = house.succeed("items").await;
    let three =
        [("deep/er/mine.csv", "deep"), ("mine.csv", "hand"), ("part-00000.csv", "a a"), ("part-00001.csv", "a a"), ("part-00002.csv", "a")];
    assert_eq!(seen(&house).await, files(&three));
    let JobResult::Sql { outputs, .. } = run.result().unwrap() else { panic!("{run:?}") };
    assert_eq!((outputs[0].file_count, outputs[0].outcome.files.len()), (3, 3));
    assert_eq!(outputs[0].outcome.files[2], "part-00002.csv");

    house
        .jobs
        .update_job("items", job("ROWS 3 OF 'b'", FilesTarget { partition_keys: vec!["k".into()], ..in_twos(FilesMode::Overwrite) }))
        .await
        .unwrap();
    house.succeed("items").await;
    let in_folder = [("deep/er/mine.csv", "deep"), ("k=b/part-00000.csv", "b b"), ("k=b/part-00001.csv", "b"), ("mine.csv", "hand")];
    assert_eq!(seen(&house).await, files(&in_folder));

    house.jobs.update_job("items", job("ROWS 1 OF 'c'", FilesTarget::default())).await.unwrap();
    house.succeed("items").await;
    assert_eq!(seen(&house).await, files(&[("deep/er/mine.csv", "deep"), ("mine.csv", "hand"), ("part-00000.csv", "c")]));
    assert_eq!(house.on_disk(PREFIX), ["deep", "mine.csv", "part-00000.csv"]);
    assert_eq!(house.on_disk("s3://shop/exports/"), ["items"]);
}

#[tokio::test]
async fn whatever_dies_around_an_exchange_readers_see_a_whole_result_and_the_run_completes() {
    let old = files(&[("mine.csv", "hand"), ("part-00000.csv", "old old"), ("part-00001.csv", "old")]);
    let new = files(&[("mine.csv", "hand"), ("part-00000.csv", "new new"), ("part-00001.csv", "new new"), ("part-00002.csv", "new")]);
    let points = [
        ("job.claimed", &old),
        ("job.written", &old),
        ("job.staged", &old),
        ("job.swapped", &new),
        ("job.before_publish", &new),
        ("job.published", &new),
    ];
    for (point, visible) in points {
        let house = House::new().await;
        house.put("s3://shop/exports/items/mine.csv", "value\nhand\n").await;
        house.jobs.create_job(job("ROWS 3 OF 'old'", in_twos(FilesMode::Overwrite))).await.unwrap();
        let process = house.work();
        house.succeed("items").await;
        drop(process);
        house.jobs.update_job("items", job("ROWS 5 OF 'new'", in_twos(FilesMode::Overwrite))).await.unwrap();
        let held = house.work_until(Breakpoints::hold_at(point));
        let id = house.start("items").await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        drop(held);
        assert_eq!(&seen(&house).await, visible, "killed at {point}");

        let _process = house.work();
        let run = house.installation.runs.wait(&id).await.unwrap();
        assert_eq!(run.state, RunState::Succeeded, "{point}: {:?}", run.message);
        assert_eq!(seen(&house).await, new, "after {point}");
        assert_eq!(house.on_disk("s3://shop/exports/"), ["items"], "after {point}");
        assert_eq!(house.on_disk(PREFIX), ["mine.csv", "part-00000.csv", "part-00001.csv", "part-00002.csv"], "after {point}");
    }
}

#[tokio::test]
async fn what_a_stranger_wrote_before_a_crash_is_found_in_the_old_folder() {
    let house = House::new().await;
    house.jobs.create_job(job("ROWS 3 OF 'a'", in_twos(FilesMode::Overwrite))).await.unwrap();
    let held = house.work_until(Breakpoints::hold_at("job.swapped"));
    let id = house.start("items").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    drop(held);
    let old = house.on_disk("s3://shop/exports/").into_iter().find(|name| name.starts_with("_attempt-")).unwrap();
    std::fs::write(house.installation.buckets.root().join("shop/exports").join(old).join("late.csv"), "value\nlate\n").unwrap();
    let _process = house.work();
    house.installation.runs.wait(&id).await.unwrap().succeeded().unwrap();
    assert_eq!(seen(&house).await, files(&[("late.csv", "late"), ("part-00000.csv", "a a"), ("part-00001.csv", "a")]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listings_beside_many_exchanges_are_of_one_result() {
    let house = Arc::new(House::new().await);
    let keys = |query: &str| job(query, FilesTarget { partition_keys: vec!["k".into()], max_file_rows: Some(1), ..FilesTarget::default() });
    house.jobs.create_job(keys("ROWS 40 OF 'a'")).await.unwrap();
    let _process = house.work();
    house.succeed("items").await;
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (house, done) = (house.clone(), done.clone());
        tokio::spawn(async move {
            let mut listings = 0;
            // Of the prefix, and of one above it.
            for prefix in [PREFIX, "s3://shop/"].into_iter().cycle() {
                let found = house.installation.buckets.list(&super::at(prefix)).await.unwrap();
                let folders: std::collections::HashSet<String> =
                    found.iter().map(|file| file.location.as_ref().rsplit_once('/').unwrap().0.to_owned()).collect();
                assert_eq!((folders.len(), found.len()), (1, 40), "{folders:?}");
                listings += 1;
                if done.load(Ordering::SeqCst) {
                    break;
                }
            }
            listings
        })
    };
    for round in 0..12 {
        house.jobs.update_job("items", keys(&format!("ROWS 40 OF '{}'", ["b", "a"][round % 2]))).await.unwrap();
        house.succeed("items").await;
    }
    done.store(true, Ordering::SeqCst);
    assert!(reader.await.unwrap() > 12);
}

#[tokio::test]
async fn appended_rows_are_there_once_however_often_the_run_is_tried() {
    for (query, rows) in [("ROWS 3 OF 'b'", 3_usize), ("ROWS 1 OF 'b'", 1)] {
        for point in ["job.written", "job.swapped", "job.before_publish"] {
            let house = House::new().await;
            house.jobs.create_job(job("ROWS 1 OF 'a'", in_twos(FilesMode::Append))).await.unwrap();
            let process = house.work();
            let first = house.succeed("items").await.id;
            drop(process);
            house.jobs.update_job("items", job(query, in_twos(FilesMode::Append))).await.unwrap();
            let held = house.work_until(Breakpoints::hold_at(point));
            let id = house.start("items").await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(400)).await;
            drop(held);
            let _process = house.work();
            house.installation.runs.wait(&id).await.unwrap().succeeded().unwrap();
            let seen = seen(&house).await;
            assert!(seen.contains(&(format!("part-{first}-00000.csv"), "a".into())), "{seen:?}");
            let added: usize = seen.iter().filter(|(name, _)| name.contains(&id.0)).map(|(_, rows)| rows.split(' ').count()).sum();
            assert_eq!((added, seen.len()), (rows, 1 + rows.div_ceil(2)), "{point}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn what_a_run_appended_that_failed_for_good_goes_with_the_next_run() {
    let house = House::new().await;
    house.jobs.create_job(job("NOT A QUERY", in_twos(FilesMode::Append))).await.unwrap();
    let _process = house.work();
    let failed = house.run("items").await;
    assert_eq!(failed.state, RunState::Failed);
    // As if it had died after its files were there.
    house.put(&format!("{PREFIX}part-{}-00000.csv", failed.id), "value\nhalf\n").await;
    house.put(&format!("{PREFIX}part-job-ffffffff-00000.csv"), "value\nforeign\n").await;
    house.jobs.update_job("items", job("ROWS 1 OF 'a'", in_twos(FilesMode::Append))).await.unwrap();
    let run = house.succeed("items").await;
    let mut expected = files(&[(&format!("part-{}-00000.csv", run.id), "a"), ("part-job-ffffffff-00000.csv", "foreign")]);
    expected.sort();
    assert_eq!(seen(&house).await, expected);
    house.jobs.update_job("items", job("ROWS 0 OF 'a'", in_twos(FilesMode::Append))).await.unwrap();
    house.succeed("items").await;
    assert_eq!(seen(&house).await, expected, "no rows are no file");
}

#[tokio::test]
async fn a_target_that_is_a_file_is_named() {
    let house = House::new().await;
    house.put("s3://shop/exports/items", "I am a file").await;
    house.jobs.create_job(job("ROWS 1 OF 'a'", FilesTarget::default())).await.unwrap();
    let _process = house.work();
    let run = house.run("items").await;
    assert_eq!(run.code.as_deref(), Some(TARGET_NOT_WRITABLE));
    let message = run.message.unwrap();
    assert!(message.contains("under s3://shop/exports/items/: expected a folder or nothing there, found a file"), "{message}");
}

/// A small file system of its own at the prefix's parent; gone with the value.
struct Mount(std::path::PathBuf);

impl Mount {
    fn new(house: &House) -> Option<Self> {
        let path = house.installation.buckets.root().join("shop/exports");
        std::fs::create_dir_all(&path).unwrap();
        let mounted = mount(&["-t", "tmpfs", "-o", "size=256k", "tmpfs"], &path);
        if !mounted {
            eprintln!("not tried: no file system can be mounted here");
        }
        mounted.then_some(Self(path))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

fn mount(options: &[&str], path: &std::path::Path) -> bool {
    std::process::Command::new("mount").args(options).arg(path).output().is_ok_and(|done| done.status.success())
}

#[tokio::test]
async fn a_full_or_read_only_disk_fails_with_a_code_and_the_old_result_stays() {
    let house = House::new().await;
    let Some(disk) = Mount::new(&house) else { return };
    house.jobs.create_job(job("ROWS 1 OF 'old'", FilesTarget::default())).await.unwrap();
    let process = house.work();
    house.succeed("items").await;
    house.jobs.update_job("items", job("ROWS 500000 OF 'new'", FilesTarget::default())).await.unwrap();
    let full = house.run("items").await;
    assert_eq!(full.state, RunState::Failed);
    assert!(full.message.as_ref().is_some_and(|text| text.contains("exports/items")), "{full:?}");
    assert_eq!(seen(&house).await, files(&[("part-00000.csv", "old")]));
    assert_eq!(house.on_disk(PREFIX), ["part-00000.csv"], "what was written is removed");

    assert!(mount(&["-o", "remount,ro"], &disk.0));
    house.jobs.update_job("items", job("ROWS 1 OF 'new'", FilesTarget::default())).await.unwrap();
    let locked = house.run("items").await;
    assert_eq!(locked.code.as_deref(), Some(TARGET_NOT_WRITABLE), "{:?}", locked.message);
    assert!(locked.message.unwrap().contains("under s3://shop/exports/items/"));
    assert_eq!(seen(&house).await, files(&[("part-00000.csv", "old")]));
    drop(process);
}
