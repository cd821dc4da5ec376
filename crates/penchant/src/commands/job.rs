//! `penchant job`, but for running one.

use catalog::profile::ColumnProfile;
use domain::Result;
use etl::{Language, Preview, Side};
use runs::RunId;
use serde_json::Value;
use store::Location;

use crate::commands::print_json;
use crate::home::Home;
use crate::words::{self, say};

/// Characters of a cell that are shown.
const SHOWN_CHARS: usize = 32;

pub async fn list(home: &Home, json: bool) -> Result<()> {
    let jobs = home.jobs.list_jobs().await?;
    if json {
        let plain: Vec<&etl::Job> = jobs.iter().map(|stored| &stored.value).collect();
        return print_json(&plain);
    }
    let mut rows = Vec::new();
    for job in &jobs {
        let last = home.runs.latest("job", &job.name).await?;
        let state = last.as_ref().map_or("never ran", |run| run.state.as_str());
        let id = last.as_ref().map_or_else(String::new, |run| run.id.to_string());
        rows.push(vec![job.name.clone(), state.into(), id, job.description.clone().unwrap_or_default()]);
    }
    say!("{}", words::table(&["job", "last run", "run", "description"], &rows));
    Ok(())
}

pub async fn code(home: &Home, name: &str, language: &str) -> Result<()> {
    let language = match language {
        "pyspark" => Language::PySpark,
        "mermaid" => Language::Mermaid,
        _ => Language::Sql,
    };
    let job = home.jobs.get_job(name).await?.value;
    let code = home.workbench()?.code(&job, language).await?;
    say!("{}", code.trim_end());
    Ok(())
}

pub async fn eject(home: &Home, name: &str, to: Option<String>) -> Result<()> {
    let file = to.unwrap_or_else(|| format!("jobs/{name}.sql"));
    home.workbench()?.eject(name, &Location::parse(&file)?).await?;
    say!("{file} is what job {name} runs from now on; edit it as you like.");
    say!("If the job stands in penchant.yaml, add  Command: {{ScriptLocation: {file}}}  there, so that `penchant apply` keeps it.");
    Ok(())
}

/// With `reset` the bookmark is set back, to the beginning or to just after a run; else it is only looked at.
pub async fn bookmark(home: &Home, name: &str, reset: bool, after: Option<&RunId>, json: bool) -> Result<()> {
    let found = match reset {
        true => home.jobs.reset_job_bookmark(name, after).await?,
        false => home.jobs.get_job_bookmark(name, after).await?,
    };
    if json {
        return print_json(&found);
    }
    match &found.run_id {
        Some(run) => say!("The bookmark of job {name} is as run {run} left it (version {}).", found.version),
        None => say!("The bookmark of job {name} is at the beginning (version {}).", found.version),
    }
    let marks: Value = serde_json::from_str(&found.job_bookmark).unwrap_or_default();
    let rows: Vec<Vec<String>> =
        marks.as_object().into_iter().flatten().map(|(table, mark)| vec![table.clone(), mark.to_string()]).collect();
    if !rows.is_empty() {
        say!("{}", words::table(&["table", "read up to"], &rows));
    }
    Ok(())
}

pub async fn preview(home: &Home, name: &str, node: Option<&str>, rows: u64, json: bool) -> Result<()> {
    let job = home.jobs.get_job(name).await?.value;
    let found = home.workbench()?.preview(&job, node, rows).await?;
    if json {
        return print_json(&found);
    }
    say!("On the first {} rows of each table:", words::count(rows));
    for input in &found.inputs {
        say!("\nInto it from {}: {} rows", input.node.as_deref().unwrap_or("its tables"), words::count(input.rows));
        figures(input);
    }
    say!("\nOut of {}: {} rows", found.node.as_deref().unwrap_or(name), words::count(found.output.rows));
    figures(&found.output);
    say!("");
    sample(&found);
    Ok(())
}

fn figures(side: &Side) {
    let row = |column: &ColumnProfile| {
        let text = |value: &Option<String>| cut(value.as_deref().unwrap_or_default());
        vec![
            column.name.clone(),
            column.data_type.clone(),
            column.nulls.to_string(),
            column.distinct.to_string(),
            text(&column.min),
            text(&column.max),
        ]
    };
    let rows: Vec<Vec<String>> = side.columns.iter().map(row).collect();
    say!("{}", words::table(&["column", "type", "nulls", "distinct", "smallest", "largest"], &rows));
}

fn sample(found: &Preview) {
    let names: Vec<&str> = found.output.columns.iter().map(|column| column.name.as_str()).collect();
    let cell = |row: &Value, name: &str| match row.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => cut(text),
        Some(other) => cut(&other.to_string()),
    };
    let rows: Vec<Vec<String>> = found.rows.iter().map(|row| names.iter().map(|name| cell(row, name)).collect()).collect();
    say!("{}", words::table(&names, &rows));
}

fn cut(text: &str) -> String {
    if text.chars().count() <= SHOWN_CHARS {
        return text.to_owned();
    }
    text.chars().take(SHOWN_CHARS - 1).chain(['…']).collect()
}
