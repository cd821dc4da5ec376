#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use domain::Arn;
use serde_json::Map;
use tempfile::TempDir;

use super::*;
use crate::call::{LoggedCall, LoggedEvent};
use crate::live_history::LiveHistory;

fn call(id: &str, item: &str) -> LoggedCall {
    LoggedCall {
        sequence: 0,
        group: Arn::parse("arn:aws:personalize:r:1:dataset-group/g").unwrap(),
        user: Some("u".into()),
        session: "s".into(),
        events: vec![LoggedEvent {
            id: (!id.is_empty()).then(|| id.into()),
            event_type: "View".into(),
            timestamp: 1,
            item: Some(item.into()),
            value: None,
            properties: Map::new(),
            impression: Vec::new(),
            recommendation: None,
            source: None,
        }],
    }
}

fn open(folder: &Path, remembered: usize) -> (Log, LiveHistory) {
    let live = LiveHistory::new(1000, 100);
    let settings = LogSettings { segment_bytes: 1 << 20, remembered_events: remembered, calls_per_commit: 64, waiting_calls: 64 };
    (Log::open(folder, settings, 0, live.clone()).unwrap(), live)
}

fn items(live: &LiveHistory) -> Vec<String> {
    live.get(&call("", "").group, "u").iter().map(|event| event.item_id.to_string()).collect()
}

fn segments(folder: &Path) -> Vec<std::path::PathBuf> {
    segment::list(folder).unwrap()
}

#[tokio::test]
async fn a_torn_tail_is_cut_off_and_everything_before_it_stays() {
    let folder = TempDir::new().unwrap();
    let (log, _) = open(folder.path(), 10);
    log.put(call("", "a")).await.unwrap();
    log.put(call("", "b")).await.unwrap();
    let path = segments(folder.path())[0].clone();
    let whole = std::fs::read(&path).unwrap();
    let first = segment::read(&path).unwrap();
    assert_eq!(first.iter().map(|call| call.sequence).collect::<Vec<_>>(), [1, 2]);
    let middle = whole.len() / 2;
    // Cut anywhere: whatever frame is not whole is gone, the others are there. A flipped bit does the same.
    let mut flipped = whole.clone();
    flipped[whole.len() - 3] ^= 1;
    let states: Vec<(Vec<u8>, usize)> = [0, 3, 7, 8, 30, middle - 1, middle, middle + 5, middle + 20, whole.len() - 1, whole.len()]
        .into_iter()
        .map(|cut| (whole[..cut].to_vec(), usize::from(cut >= middle) + usize::from(cut == whole.len())))
        .chain([(flipped, 1), ([whole.clone(), vec![0; 40]].concat(), 2)])
        .collect();
    for (bytes, expected) in states {
        let copy = TempDir::new().unwrap();
        std::fs::write(copy.path().join(path.file_name().unwrap()), &bytes).unwrap();
        let (log, live) = open(copy.path(), 10);
        assert_eq!(items(&live), &["a", "b"][..expected], "{} bytes", bytes.len());
        log.put(call("", "c")).await.unwrap();
        drop(log);
        let (_, live) = open(copy.path(), 10);
        assert_eq!(items(&live).last().map(String::as_str), Some("c"));
        assert_eq!(items(&live).len(), expected + 1, "what was cut off does not come back");
    }
}

#[tokio::test]
async fn an_id_counts_once_within_the_window_also_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let (log, live) = open(folder.path(), 2);
    for id in ["1", "2", "1", "3"] {
        log.put(call(id, id)).await.unwrap();
    }
    assert_eq!(items(&live), ["1", "2", "3"]);
    drop(log);
    let (log, live) = open(folder.path(), 2);
    // The window is two events wide: 2 and 3 are known, 1 is not any more.
    for id in ["3", "2", "1"] {
        log.put(call(id, id)).await.unwrap();
    }
    assert_eq!(items(&live), ["1", "2", "3", "1"]);
}

#[tokio::test]
async fn segments_go_when_they_are_flushed_and_no_longer_remembered() {
    let folder = TempDir::new().unwrap();
    let (log, _) = open(folder.path(), 2);
    for id in ["a", "b", "c", "d"] {
        log.put(call("", id)).await.unwrap();
        log.rotate().await.unwrap();
    }
    assert_eq!(log.rotate().await.unwrap().iter().map(|s| s.last).collect::<Vec<_>>(), [1, 2, 3, 4]);
    log.forget(1).unwrap();
    assert_eq!(log.rotate().await.unwrap().len(), 3, "only the first was flushed");
    log.forget(4).unwrap();
    assert_eq!(log.rotate().await.unwrap().iter().map(|s| s.last).collect::<Vec<_>>(), [3, 4], "two events are remembered");
    drop(log);
    let (log, live) = open(folder.path(), 2);
    assert_eq!(items(&live), ["c", "d"]);
    log.put(call("", "e")).await.unwrap();
    assert_eq!(log.rotate().await.unwrap().last().unwrap().last, 5, "numbers go on");
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_named() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().join("events");
    std::fs::write(&place, "a file where the folder should be").unwrap();
    let settings = LogSettings { segment_bytes: 1, remembered_events: 1, calls_per_commit: 1, waiting_calls: 1 };
    let error = Log::open(&place, settings, 0, LiveHistory::new(1, 1)).unwrap_err();
    assert_eq!(error.kind, domain::ErrorKind::Unavailable);
    assert!(error.message.contains("events"), "{error}");
}
