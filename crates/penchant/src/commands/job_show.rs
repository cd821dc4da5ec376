//! `penchant job show`.

use domain::Result;
use etl::{ColumnsRead, Job, JobKind, JobResult, JobRun, JobSpec, Output};
use serde_json::{Value, json};

use crate::commands::print_json;
use crate::home::Home;
use crate::words::{self, say};

/// Runs that are shown, newest first.
const SHOWN_RUNS: usize = 5;

pub async fn show(home: &Home, name: &str, json: bool) -> Result<()> {
    let stored = home.jobs.get_job(name).await?;
    let job = &stored.value;
    let workbench = home.workbench()?;
    // A job whose tables have changed is looked at because of that: what cannot be said is said so.
    let reads = workbench.columns_read(job, &[]).await;
    let targets = workbench.targets(job, &[]).await.map(|targets| targets.iter().map(ToString::to_string).collect::<Vec<_>>());
    let mut runs = home.jobs.list_job_runs(name).await?;
    runs.truncate(SHOWN_RUNS);
    if json {
        let reads = reads.as_ref().map(|reads| reads.iter().map(read_json).collect::<Vec<_>>());
        return print_json(&json!({
            "Job": job,
            "Reads": reads.as_ref().unwrap_or(&Vec::new()),
            "Targets": targets.as_ref().unwrap_or(&Vec::new()),
            "Problem": reads.err().or(targets.as_ref().err()).map(ToString::to_string),
            "Runs": runs,
        }));
    }
    say!("{}", words::table(&["job", name], &facts(job)));
    match reads {
        Ok(reads) if reads.is_empty() => {}
        Ok(reads) => {
            let rows: Vec<Vec<String>> = reads.into_iter().map(|read| vec![read.table, read.columns.join(", ")]).collect();
            say!("\n{}", words::table(&["reads", "columns"], &rows));
        }
        Err(error) => say!("\nWhat it reads cannot be said: {error}"),
    }
    match targets {
        Ok(targets) if targets.is_empty() => {}
        Ok(targets) => say!("\nwrites  {}", targets.join("\n        ")),
        Err(error) => say!("\nWhat it writes cannot be said: {error}"),
    }
    if runs.is_empty() {
        say!("\nIt never ran. Try: penchant job run {name}");
        return Ok(());
    }
    say!("\n{}", words::table(&["run", "state", "took", "message"], &runs.iter().map(run_row).collect::<Vec<_>>()));
    let outputs: Vec<Vec<String>> = runs.iter().flat_map(output_rows).collect();
    if !outputs.is_empty() {
        let header = ["run", "node", "rows read", "bytes read", "rows written", "bytes written", "peak memory", "spilled", "target"];
        say!("\n{}", words::table(&header, &outputs));
    }
    Ok(())
}

/// Name and value of what was said about the job.
fn facts(job: &Job) -> Vec<Vec<String>> {
    let mut facts = vec![("is", kind(job))];
    facts.extend(job.description.iter().map(|text| ("description", text.clone())));
    facts.extend(job.engine.iter().map(|engine| ("engine", engine.clone())));
    facts.extend(job.command.script_location.iter().map(|script| ("script", script.clone())));
    facts.push(("runs at once", job.execution_property.max_concurrent_runs.to_string()));
    facts.push(("retries", job.max_retries.to_string()));
    facts.extend(job.timeout.map(|minutes| ("timeout", format!("{minutes} min"))));
    facts.extend(job.bookmarks.iter().map(|bookmark| ("follows", bookmark.table.clone())));
    let all = job.default_arguments.iter().chain(&job.non_overridable_arguments);
    facts.extend(all.map(|(key, value)| ("argument", format!("{key} {value}"))));
    facts.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect()
}

fn kind(job: &Job) -> String {
    match (job.kind(), &job.spec) {
        (JobKind::Graph, _) => {
            let nodes = job.code_gen_configuration_nodes.as_ref().and_then(Value::as_object);
            format!("a graph of {} nodes", nodes.map_or(0, serde_json::Map::len))
        }
        (JobKind::Clean, Some(JobSpec::Clean { location })) => format!("the removal of what is under {location}"),
        (JobKind::Clean, _) => "the removal of what is under --location".into(),
        (JobKind::Script, Some(JobSpec::Script { executable: Some(program), .. })) => format!("a script: {program}"),
        (JobKind::Script, _) => "a script".into(),
        (JobKind::Sql, _) => "SQL".into(),
    }
}

fn read_json(read: &ColumnsRead) -> Value {
    json!({"Table": read.table, "Columns": read.columns})
}

fn run_row(run: &JobRun) -> Vec<String> {
    let message = run.error_message.clone().or_else(|| run.state_detail.clone()).unwrap_or_default();
    vec![run.id.clone(), run.job_run_state.to_owned(), format!("{} s", run.execution_time), message]
}

fn output_rows(run: &JobRun) -> Vec<Vec<String>> {
    let Some(JobResult::Sql { outputs, .. }) = &run.result else { return Vec::new() };
    outputs.iter().map(|output| output_row(&run.id, output)).collect()
}

fn output_row(run: &str, output: &Output) -> Vec<String> {
    let done = &output.outcome;
    let bytes_read = done.read.iter().map(|table| table.bytes).sum();
    let figures = [done.rows_read(), bytes_read, done.rows_written, done.bytes_written, done.peak_memory_bytes, done.spilled_bytes];
    let mut row = vec![run.to_owned(), output.node.clone().unwrap_or_default()];
    row.extend(figures.map(words::count));
    row.push(output.target.clone());
    row
}
