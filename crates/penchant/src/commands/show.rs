//! Commands that only look.

use std::time::Duration;

use domain::Result;
use runs::{Filter, Run, RunId};

use crate::cli::RunsArgs;
use crate::commands::print_json;
use crate::home::Home;
use crate::words;
use crate::words::say;

const LOG_PAGE: i64 = 500;
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub async fn runs(home: &Home, options: &RunsArgs) -> Result<()> {
    if let Some(id) = &options.run {
        return print_json(&home.runs.get(&RunId(id.clone())).await?);
    }
    let filter = Filter { kind: options.kind.clone(), ..Filter::default() };
    let runs = home.runs.list(&filter, options.number).await?;
    if options.json {
        return print_json(&runs);
    }
    let rows: Vec<Vec<String>> = runs.iter().map(row).collect();
    say!("{}", words::table(&["run", "state", "began", "took", "about", "message"], &rows));
    Ok(())
}

fn row(run: &Run) -> Vec<String> {
    let took = run.started.zip(run.ended).map_or_else(String::new, |(from, to)| words::duration(to.since_ms(from)));
    let message = run.message.clone().unwrap_or_else(|| words::progress(run));
    vec![run.id.to_string(), run.state.to_string(), words::time(run.created), took, run.subject.clone(), message]
}

pub async fn logs(home: &Home, run: &str, follow: bool) -> Result<()> {
    let id = RunId(run.to_owned());
    let mut after = 0;
    loop {
        let state = home.runs.get(&id).await?.state;
        let lines = home.runs.logs(&id, after, LOG_PAGE).await?;
        for line in &lines {
            say!("{} {:<5} {}", words::time(line.created), line.level, line.line);
            after = line.id;
        }
        if lines.len() as i64 == LOG_PAGE {
            continue;
        }
        if !follow || state.is_final() {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

pub fn credentials(home: &Home, shell: bool) -> Result<()> {
    let file = home.state.join("credentials");
    if shell {
        say!("export AWS_ENDPOINT_URL=http://127.0.0.1:7440");
        let quoted = file.display().to_string().replace('\'', r"'\''");
        say!("export AWS_SHARED_CREDENTIALS_FILE='{quoted}'");
        say!("export AWS_DEFAULT_REGION={}", home.partition.region);
        return Ok(());
    }
    say!("Access key {} is in {}.", home.credentials.access_key(), file.display());
    say!("With `penchant serve` running, AWS clients reach it so:\n");
    say!("  eval \"$({} --dir {} credentials --shell)\"", words::program(), home.folder.display());
    say!("  aws personalize list-recipes        # or boto3.client(\"personalize\")");
    Ok(())
}
