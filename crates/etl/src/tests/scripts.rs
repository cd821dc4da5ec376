//! Script jobs, with real shells and a real Python.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::{ErrorKind, Result, RunState};
use runs::{Breakpoints, NewRun, Run, RunId};
use serde_json::{Value, json};

use super::{House, refused};
use crate::{Arguments, Engines, Job, JobExecutor, JobResult, ScriptOutcome, Session, Sessions, StartJobRun};

/// What is bound to happen is waited for so long.
const PATIENCE: Duration = Duration::from_secs(20);

async fn create(house: &House, job: Value) {
    let job: Job = serde_json::from_value(job).unwrap();
    house.jobs.create_job(job).await.unwrap();
}

/// A job `load` whose shell script is this text.
async fn shell(house: &House, script: &str) {
    house.put("s3://shop/scripts/load.sh", script).await;
    create(house, json!({"Name": "load", "Command": {"ScriptLocation": "s3://shop/scripts/load.sh"}})).await;
}

/// Queues the job with a limit finer than Glue's minutes.
async fn start_within(house: &House, limit_ms: i64) -> RunId {
    house.installation.runs.submit(NewRun::new("job", "load").timeout_ms(limit_ms)).await.unwrap()
}

fn outcome(run: &Run) -> ScriptOutcome {
    match run.result::<JobResult>().unwrap() {
        JobResult::Script(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

/// The folders of attempts that are there.
fn left(house: &House) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(house.installation.folder.path().join("spill")) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// Whether the process lives; one that is dead but not yet waited for by its parent does not.
fn alive(id: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, state)| !state.trim_start().starts_with(['Z', 'X']))
}

/// Waits until the file has as many process ids as that, one a line.
async fn ids(file: &std::path::Path, count: usize) -> Vec<String> {
    let waiting = async {
        loop {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            if text.lines().count() == count && text.ends_with('\n') {
                return text.lines().map(str::to_owned).collect();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the script's processes")
}

async fn all_gone(ids: &[String]) {
    let waiting = async {
        while ids.iter().any(|id| alive(id)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("no process of the script lives");
}

/// Ignores SIGTERM, and so do a child and one that left session and group. Each writes its id into the file.
fn stubborn(file: &std::path::Path) -> String {
    let stay = format!("trap '' TERM; echo \\$\\$ >> {}; while :; do sleep 1; done", file.display());
    format!("echo \"{stay}\" > stay\nsh stay &\nsetsid sh stay &\nexec sh stay\n")
}

#[tokio::test]
async fn a_python_shell_job_runs_as_in_glue() {
    let house = House::new().await;
    let script = r"
import json, os, sys
from awsglue.utils import getResolvedOptions
import helper
options = getResolvedOptions(sys.argv, ['JOB_NAME', 'day', 'word'])
print(json.dumps({'argv': sys.argv[1:], 'options': options, 'cwd': os.getcwd(), 'stdin': sys.stdin.read(),
    'env': dict(os.environ), 'helped': helper.twice(options['word']), 'file': open('limits.txt').read()}))
";
    house.put("s3://shop/scripts/load.py", script).await;
    house.put("s3://shop/scripts/helper.py", "def twice(text):\n    return text * 2\n").await;
    house.put("s3://shop/scripts/limits.txt", "7").await;
    create(
        &house,
        json!({"Name": "load", "Command": {"Name": "pythonshell", "PythonVersion": "3.9", "ScriptLocation": "s3://shop/scripts/load.py"},
            "DefaultArguments": {"--word": "Größe ", "--day": "2025-01-01", "--extra-py-files": "s3://shop/scripts/helper.py",
                "--extra-files": "s3://shop/scripts/limits.txt", "--library-set": "none"}}),
    )
    .await;
    let _process = house.work();
    let arguments = Arguments::from([("--day".to_owned(), "2025-01-02".to_owned())]);
    let id = house.jobs.start_job_run(StartJobRun { job_name: "load".into(), arguments, ..StartJobRun::default() }).await.unwrap();
    let run = house.installation.runs.wait(&id).await.unwrap();
    let log = house.log(&id).await;
    assert_eq!(run.state, RunState::Succeeded, "{log}");
    assert_eq!(outcome(&run), ScriptOutcome { exit_code: 0, output_lines: 1, dropped_lines: 0 });
    assert!(log.contains("info: No server listens in this process"), "{log}");
    let line = log.lines().find_map(|line| line.strip_prefix("info: {")).unwrap_or_else(|| panic!("{log}"));
    let seen: Value = serde_json::from_str(&format!("{{{line}")).unwrap();
    let expected = ["--JOB_NAME", "load", "--JOB_RUN_ID", &id.0, "--day", "2025-01-02", "--library-set", "none", "--word", "Größe "];
    assert_eq!(seen["argv"], json!(expected));
    assert_eq!((&seen["options"]["day"], &seen["options"]["JOB_RUN_ID"]), (&json!("2025-01-02"), &json!(id.0)));
    assert_eq!((&seen["helped"], &seen["file"], &seen["stdin"]), (&json!("Größe Größe "), &json!("7"), &json!("")));
    let environment: BTreeMap<String, String> = serde_json::from_value(seen["env"].clone()).unwrap();
    let expected = [
        "HOME",
        "JOB_NAME",
        "JOB_RUN_ID",
        "LANG",
        "PATH",
        "PENCHANT_ATTEMPT",
        "PENCHANT_FOLDER",
        "PYTHONPATH",
        "PYTHONUNBUFFERED",
        "TMPDIR",
        "TZ",
    ];
    assert!(expected.iter().all(|name| environment.contains_key(*name)), "{environment:?}");
    // Of this process's own environment the search path alone. (What wraps Python on a machine may add its own.)
    assert!(!environment.keys().any(|name| name.starts_with("CARGO") || name.starts_with("NEXTEST")), "{environment:?}");
    assert_eq!((environment["HOME"].as_str(), environment["TZ"].as_str()), (seen["cwd"].as_str().unwrap(), "UTC"));
    assert_eq!(left(&house), [""; 0], "the working folder goes with the attempt");
}

#[tokio::test]
async fn a_program_has_its_own_command_line_and_environment() {
    let house = House::new().await;
    create(
        &house,
        json!({"Name": "load", "DefaultArguments": {"--day": "2025-01-01"}, "Spec": {"Script": {
            "Executable": "sh", "Arguments": ["-c", "echo \"$WORD $${WORD:-x} $1\"", "-", "day=${day}"], "Environment": {"WORD": "hello"}}}}),
    )
    .await;
    let _process = house.work();
    let run = house.succeed("load").await;
    let log = house.log(&run.id).await;
    assert!(log.contains("info: hello hello day=2025-01-01"), "{log}");
    let stored = serde_json::to_value(&house.jobs.get_job("load").await.unwrap().value).unwrap();
    assert_eq!(stored["Spec"]["Script"]["Environment"]["WORD"], "hello");
}

#[tokio::test]
async fn output_is_kept_from_both_ends_and_cut_to_its_bounds() {
    let house = House::new().await;
    let script = "
import sys
sys.stdout.buffer.write(b'bad \\xff byte\\r\\n' + b'x' * 5000 + b'\\n')
for number in range(6000): print('line', number)
print('PENCHANT_PROGRESS 3 10 files')
sys.stdout.write('unfinished')
";
    house.put("s3://shop/scripts/load.py", script).await;
    create(&house, json!({"Name": "load", "Command": {"Name": "pythonshell", "ScriptLocation": "s3://shop/scripts/load.py"}})).await;
    let _process = house.work();
    let run = house.succeed("load").await;
    let (lines, dropped) = (6003, 6003 - 5000 - 200);
    assert_eq!(outcome(&run), ScriptOutcome { exit_code: 0, output_lines: lines, dropped_lines: dropped });
    let log = house.log(&run.id).await;
    assert!(log.contains("info: bad \u{fffd} byte\n"), "{log}");
    assert!(log.contains(&format!("info: {}… (2952 more bytes)\n", "x".repeat(2048))));
    assert!(log.contains("info: line 4997\n") && !log.contains("info: line 4998\n") && log.contains("info: line 5999\ninfo: unfinished\n"));
    assert!(log.contains("warn: 803 lines of the script are left out here"));
}

#[tokio::test]
async fn an_exit_code_fails_the_run_and_max_retries_tries_again() {
    let house = House::new().await;
    shell(&house, "echo first >&2; echo \"ValueError: no rows\" >&2; exit 3").await;
    let _process = house.work();
    let run = house.run("load").await;
    assert_eq!((run.state, run.code.as_deref(), run.attempt), (RunState::Failed, Some("SCRIPT_FAILED"), 1));
    let message = run.message.unwrap();
    assert!(message.contains("ended with exit code 3") && message.contains("ends with \"ValueError: no rows\""), "{message}");
    assert!(house.log(&run.id).await.contains("warn: first\n"));
    house.put("s3://shop/scripts/load.sh", "[ \"$PENCHANT_ATTEMPT\" = 2 ]").await;
    let mut job = house.jobs.get_job("load").await.unwrap().value;
    job.max_retries = 1;
    house.jobs.update_job("load", job).await.unwrap();
    assert_eq!(house.succeed("load").await.attempt, 2);
    house.put("s3://shop/scripts/load.sh", "kill -s KILL $$").await;
    let message = house.run("load").await.message.unwrap();
    assert!(message.contains("was killed by signal 9 (SIGKILL, often for want of memory)"), "{message}");
    assert!(message.contains("it wrote nothing to its standard error"), "{message}");
}

#[tokio::test]
async fn a_script_that_ignores_its_time_limit_is_killed_with_all_it_started() {
    let house = House::new().await;
    let file = house.installation.folder.path().join("ids");
    shell(&house, &stubborn(&file)).await;
    let _process = house.work();
    let id = start_within(&house, 1500).await;
    let ids = ids(&file, 3).await;
    assert!(ids.iter().all(|id| alive(id)));
    let run = house.installation.runs.wait(&id).await.unwrap();
    assert_eq!(run.state, RunState::TimedOut, "{:?}", run.message);
    all_gone(&ids).await;
    let took = run.ended.unwrap().since_ms(run.started.unwrap());
    assert!((1500..5000).contains(&took), "ended {took} ms after its start");
    let log = house.log(&id).await;
    assert!(log.contains("warn: The run is to end: the script still ran 500ms after SIGTERM and is killed."), "{log}");
    let view = house.jobs.get_job_run("load", &id).await.unwrap();
    assert_eq!(view.job_run_state, "TIMEOUT");
}

#[tokio::test]
async fn a_stopped_script_may_end_by_itself() {
    let house = House::new().await;
    let file = house.installation.folder.path().join("ids");
    shell(&house, &format!("trap 'echo bye; exit 0' TERM\necho $$ >> {}\nwhile :; do sleep 0.02; done", file.display())).await;
    let _process = house.work();
    let id = house.start("load").await.unwrap();
    let ids = ids(&file, 1).await;
    house.jobs.stop_job_run("load", &id).await.unwrap();
    let run = house.installation.runs.wait(&id).await.unwrap();
    assert_eq!(run.state, RunState::Stopped);
    all_gone(&ids).await;
    let log = house.log(&id).await;
    assert!(log.contains("info: bye") && log.contains("the script ended after SIGTERM"), "{log}");
}

#[tokio::test]
async fn what_a_script_leaves_running_ends_with_it() {
    let house = House::new().await;
    let file = house.installation.folder.path().join("ids");
    shell(&house, &format!("setsid sh -c 'echo $$ >> {0}; sleep 600' &\nwhile ! [ -s {0} ]; do sleep 0.01; done", file.display())).await;
    let _process = house.work();
    let run = house.succeed("load").await;
    assert_eq!(outcome(&run).exit_code, 0);
    all_gone(&ids(&file, 1).await).await;
}

#[tokio::test]
async fn a_process_that_ends_takes_its_scripts_along_and_the_next_begins_anew() {
    let house = House::new().await;
    let file = house.installation.folder.path().join("ids");
    shell(&house, &format!("if [ \"$PENCHANT_ATTEMPT\" != 1 ]; then exit 0; fi\n{}", stubborn(&file))).await;
    let process = house.work();
    let id = house.start("load").await.unwrap();
    let ids = ids(&file, 3).await;
    drop(process);
    all_gone(&ids).await;
    // What a killed process would have left: nobody removed its folder.
    let abandoned = house.installation.folder.path().join(format!("spill/script-{}-1/work", id.0));
    std::fs::create_dir_all(&abandoned).unwrap();
    let _next = house.work();
    let run = house.installation.runs.wait(&id).await.unwrap();
    assert_eq!((run.state, run.attempt), (RunState::Succeeded, 2), "{:?}", run.message);
    assert_eq!(left(&house), [""; 0]);
}

#[tokio::test]
async fn a_script_that_cannot_be_started_says_why() {
    let house = House::new().await;
    let project = house.installation.folder.path();
    house.put("s3://shop/scripts/odd", "#!/no/such/interpreter -x\n").await;
    house.put("s3://shop/scripts/data.bin", "1;2;3\n").await;
    std::fs::create_dir(project.join("bin")).unwrap();
    std::fs::write(project.join("bin/tool"), "#!/bin/sh\necho tool\n").unwrap();
    let _process = house.work();
    let cases = [
        (json!({"Command": {"ScriptLocation": "s3://shop/scripts/gone.py"}}), "s3://shop/scripts/gone.py is not a file"),
        (json!({"Command": {"ScriptLocation": "s3://shop/scripts/odd"}}), "its first line names \"#!/no/such/interpreter -x\""),
        (json!({"Command": {"ScriptLocation": "s3://shop/scripts/data.bin"}}), "no program of this machine"),
        (json!({"Spec": {"Script": {"Executable": "no-such-program"}}}), "no-such-program is not a program on the PATH of this server"),
        (json!({"Spec": {"Script": {"Executable": "bin/tool"}}}), "bin/tool is not executable"),
        (json!({"Spec": {"Script": {"Executable": "bin/none"}}}), "bin/none is not a file"),
        (
            json!({"Spec": {"Script": {"Executable": "true"}}, "DefaultArguments": {"--extra-files": "s3://shop/none.csv"}}),
            "s3://shop/none.csv is not a file",
        ),
    ];
    for (index, (mut job, expected)) in cases.into_iter().enumerate() {
        job["Name"] = json!(format!("job-{index}"));
        create(&house, job.clone()).await;
        let run = house.run(&format!("job-{index}")).await;
        let message = run.message.unwrap_or_default();
        assert!(message.contains(expected), "{job}: {message}");
        assert_eq!((run.state, run.code.as_deref()), (RunState::Failed, Some("SCRIPT_NOT_STARTED")), "{message}");
    }
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(project.join("bin/tool"), executable).unwrap();
    let run = house.succeed("job-4").await;
    assert!(house.log(&run.id).await.contains("info: tool\n"), "a program of the project's folder");
}

#[tokio::test]
async fn jobs_that_no_script_could_run_are_refused() {
    let house = House::new().await;
    let python = |more: Value| {
        let mut job = json!({"Name": "j", "Command": {"Name": "pythonshell", "ScriptLocation": "s3://shop/a.py"}});
        for (member, value) in more.as_object().unwrap() {
            job[member] = value.clone();
        }
        job
    };
    let cases = [
        (
            python(json!({"Command": {"Name": "glueetl", "ScriptLocation": "s3://shop/a.py"}})),
            "a job is a graph (CodeGenConfigurationNodes), SQL (a .sql script, or Spec.Sql), or a plain Python script (Command.Name \"pythonshell\")",
        ),
        (python(json!({"Command": {"ScriptLocation": "s3://shop/a.scala"}})), "is a Spark program"),
        (python(json!({"Command": {"Name": "pythonshell", "PythonVersion": "2", "ScriptLocation": "s3://shop/a.py"}})), "found \"2\""),
        (python(json!({"DefaultArguments": {"--additional-python-modules": "polars"}})), "nothing is installed from the network"),
        (python(json!({"Spec": {"Script": {"Environment": {"A=B": "c"}}}})), "names without '='"),
        (json!({"Name": "j", "Spec": {"Script": {}}}), "found neither"),
        (json!({"Name": "j", "Spec": {"Script": {"Executable": ""}}}), "found \"\""),
    ];
    for (job, expected) in cases {
        let message = refused(house.jobs.create_job(serde_json::from_value(job.clone()).unwrap()).await, ErrorKind::InvalidInput);
        assert!(message.contains(expected), "{job}: {message}");
    }
    create(&house, json!({"Name": "load", "Spec": {"Script": {"Executable": "true", "Arguments": ["${day}"]}}})).await;
    let _process = house.work();
    let message = house.run("load").await.message.unwrap();
    assert!(message.contains("ask for ${day}; there is no argument --day, only --JOB_NAME, --JOB_RUN_ID"), "{message}");
}

/// Sessions that tell whether they are open.
struct Door(Arc<AtomicBool>);

struct Shut(Arc<AtomicBool>);

impl Drop for Shut {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Sessions for Door {
    fn open(&self, run: &RunId, lifetime: Duration) -> Result<Session> {
        self.0.store(true, Ordering::SeqCst);
        let environment = [("AWS_ENDPOINT_URL", "http://127.0.0.1:1".to_owned()), ("AWS_SESSION_TOKEN", format!("{run} {lifetime:?}"))];
        Ok(Session::new(environment.map(|(name, value)| (name.to_owned(), value)).into(), Shut(self.0.clone())))
    }
}

#[tokio::test]
async fn a_session_is_open_as_long_as_the_script_runs() {
    let house = House::new().await;
    let open = Arc::new(AtomicBool::new(false));
    let executor = JobExecutor::new(house.jobs.clone(), house.catalog.clone(), Engines::new(house.engine.clone()))
        .with_sessions(Arc::new(Door(open.clone())));
    let _process = house.work_with(executor, Breakpoints::none());
    let ready = house.installation.folder.path().join("ready");
    let script =
        "echo \"$AWS_ENDPOINT_URL $AWS_SESSION_TOKEN\"; echo PENCHANT_PROGRESS 3 10 files; while ! [ -e READY ]; do sleep 0.02; done";
    shell(&house, &script.replace("READY", &ready.display().to_string())).await;
    let id = start_within(&house, 20_000).await;
    let waiting = async {
        while house.installation.runs.get(&id).await.unwrap().progress.done != 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the script's progress");
    assert!(open.load(Ordering::SeqCst));
    std::fs::write(&ready, "").unwrap();
    let run = house.installation.runs.wait(&id).await.unwrap();
    assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
    assert!(!open.load(Ordering::SeqCst), "closed with the attempt");
    let log = house.log(&id).await;
    assert!(log.contains(&format!("info: http://127.0.0.1:1 {id} 20s")), "{log}");
}

#[test]
fn glues_argument_parser_is_kept() {
    // Relative, as tests run in their crate: a path of the build would be that of whichever clone built first.
    let folder = PathBuf::from("src");
    let output = std::process::Command::new("python3")
        .arg(folder.join("tests/awsglue_test.py"))
        .env("PYTHONPATH", folder.join("script"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
