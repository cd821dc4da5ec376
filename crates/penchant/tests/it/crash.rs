//! `kill -9` of the server in the middle of everything: after a restart the work completes, once.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::binary::{Server, ask_json, command};
use crate::project::{copy_of_sources, walked_shop};

/// Where the server is killed; every stage of the way has some. `kind.point`, see `runs::RunContext::point`.
const POINTS: &[&str] = &[
    "crawl.claimed",
    "crawl.read",
    "crawl.before_publish",
    "crawl.published",
    "workflow.action_started",
    "job.written",
    "job.swapped",
    "job.before_publish",
    "job.published",
    "pipeline.claimed",
    "import.claimed",
    "import.files_written",
    "import.before_publish",
    "pipeline.planned",
    "pipeline.imported",
    "train.claimed",
    "train.loaded",
    "train.artifacts_written",
    "train.before_publish",
    "train.published",
    "pipeline.trained",
    "pipeline.decided",
    "deploy.loaded",
    "deploy.before_publish",
    "workflow.before_publish",
];
/// How many of them one test run visits; `PENCHANT_SOAK=1` visits all.
const VISITED: usize = 5;
/// Which ones: printed with every failure, changed by `PENCHANT_CRASH_SEED`.
const SEED: u64 = 20_261_123;

#[test]
fn a_killed_server_goes_on_where_it_was_and_ends_in_the_same_state() {
    let seed = std::env::var("PENCHANT_CRASH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(SEED);
    let soak = std::env::var("PENCHANT_SOAK").is_ok();
    let undisturbed = walked_shop();
    let expected = state(undisturbed.path());
    for point in chosen(seed, if soak { POINTS.len() } else { VISITED }) {
        eprintln!("seed {seed}: killing at {point}");
        let shop = copy_of_sources(undisturbed.path());
        let server = Server::start(shop.path(), Some(point));
        // The server holds the lock, so this process only asks and waits; it outlives the server.
        let asking = start_asking(shop.path());
        server.wait_until_held(point);
        server.kill();
        let _next = Server::start(shop.path(), None);
        let output = asking.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "seed {seed}, killed at {point}: {told}");
        assert_eq!(state(shop.path()), expected, "seed {seed}, killed at {point}");
    }
}

pub fn start_asking(folder: &Path) -> Child {
    command(folder, &["run"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A seeded choice without repetition (SplitMix64).
fn chosen(seed: u64, count: usize) -> Vec<&'static str> {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let mut points = POINTS.to_vec();
    for i in (1..points.len()).rev() {
        points.swap(i, (next() % (i as u64 + 1)) as usize);
    }
    points.truncate(count);
    points
}

/// What must not depend on crashes: exported rows, runs by kind and state, metrics, recommendations.
pub fn state(folder: &Path) -> BTreeMap<String, Value> {
    let mut state = BTreeMap::new();
    for dataset in ["interactions", "items", "users"] {
        state.insert(format!("export {dataset}"), exported(&folder.join(".penchant/buckets/shop/export").join(dataset)));
    }
    let mut ended: BTreeMap<String, u64> = BTreeMap::new();
    for run in ask_json(folder, &["runs", "--json", "-n", "1000"]).as_array().unwrap() {
        *ended.entry(format!("{} {}", run["kind"], run["state"])).or_default() += 1;
    }
    state.insert("runs".into(), serde_json::to_value(ended).unwrap());
    let report = ask_json(folder, &["report", "--json"]);
    let metrics: Vec<Value> = report.as_array().unwrap().iter().map(|entry| entry["report"]["next"].clone()).collect();
    state.insert("metrics".into(), metrics.into());
    let items = ask_json(folder, &["recommend", "--user", "nobody-knows-me", "--json"]);
    state.insert("recommendations".into(), items);
    state
}

/// The lines of the one published file, sorted; more files would be a doubled export.
fn exported(folder: &Path) -> Value {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| !file.file_name().unwrap().to_string_lossy().starts_with(['.', '_']));
    assert_eq!(files.len(), 1, "{files:?}");
    let text = std::fs::read_to_string(&files[0]).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.into()
}
