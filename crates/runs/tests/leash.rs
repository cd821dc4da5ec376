//! Real processes, ended in every way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use runs::Leash;
use tokio::process::Command;

/// Where a process that this test starts anew, to kill it, is told to write what it started.
const HOLDING: &str = "LEASH_TEST_FILE";
const PATIENCE: Duration = Duration::from_secs(20);

/// One process that stays in the group and one that leaves it; both ignore SIGTERM and write their ids.
fn pair(file: &Path, mark: &str) -> Command {
    let stay = "trap '' TERM; echo $$ >> $1; while :; do sleep 1; done";
    let mut command = Command::new("sh");
    command.args(["-c", "setsid sh -c \"$2\" - \"$1\" & sh -c \"$2\" - \"$1\"", "-"]).arg(file).arg(stay);
    let (name, value) = mark.split_once('=').unwrap();
    command.env(name, value).stdin(Stdio::null());
    command
}

fn mark(file: &Path) -> String {
    format!("LEASH_TEST_MARK={}", file.display())
}

async fn ids(file: &Path) -> Vec<String> {
    let waiting = async {
        loop {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            if text.lines().count() == 2 && text.ends_with('\n') {
                return text.lines().map(str::to_owned).collect();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("two processes")
}

/// One that is dead and not yet waited for does not live.
fn alive(id: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, state)| !state.trim_start().starts_with(['Z', 'X']))
}

async fn gone(ids: &[String]) {
    let waiting = async {
        while ids.iter().any(|id| alive(id)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("none of them lives");
}

#[tokio::test]
async fn ended_or_dropped_it_leaves_nothing() {
    for dropped in [false, true] {
        let folder = testkit::Installation::new().await;
        let file = folder.folder.path().join("ids");
        let mut leash = Leash::new(Some(&mark(&file))).unwrap();
        let mut child = leash.start(&mut pair(&file, &mark(&file))).await.unwrap();
        let ids = ids(&file).await;
        leash.terminate().await.unwrap();
        assert!(ids.iter().all(|id| alive(id)), "they ignore it");
        if dropped {
            drop(leash);
            gone(&ids).await;
        } else {
            leash.end().await;
            assert!(!ids.iter().any(|id| alive(id)), "gone when it returns");
        }
        child.wait().await.unwrap();
    }
}

#[tokio::test]
async fn released_it_lets_live_what_was_left() {
    let folder = testkit::Installation::new().await;
    let file = folder.folder.path().join("ids");
    let mut leash = Leash::new(None).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 60 & echo $! > \"$1\"", "-"]).arg(&file);
    let mut child = leash.start(&mut command).await.unwrap();
    child.wait().await.unwrap();
    leash.release().await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let id = std::fs::read_to_string(&file).unwrap();
    assert!(alive(id.trim()));
    Command::new("sh").args(["-c", "kill \"$1\"", "-", id.trim()]).status().await.unwrap();
}

#[tokio::test]
async fn a_killed_process_takes_along_what_it_started() {
    if let Some(file) = std::env::var_os(HOLDING) {
        let file = Path::new(&file);
        let mut leash = Leash::new(Some(&mark(file))).unwrap();
        leash.start(&mut pair(file, &mark(file))).await.unwrap().wait().await.unwrap();
        return;
    }
    let folder = testkit::Installation::new().await;
    let file = folder.folder.path().join("ids");
    let mut holding = Command::new(std::env::current_exe().unwrap());
    holding.args(["--exact", "a_killed_process_takes_along_what_it_started"]).env(HOLDING, &file).stdout(Stdio::null());
    let mut holding = holding.spawn().unwrap();
    let ids = ids(&file).await;
    holding.kill().await.unwrap();
    gone(&ids).await;
}
