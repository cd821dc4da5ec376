//! Is everything there?

use std::path::Path;

use connect::Connection;
use domain::{Error, Result};
use serde::Serialize;
use tokio::net::TcpListener;

use crate::commands::{open, print_json};
use crate::home::Home;
use crate::project::{FILE, Project};
use crate::words;
use crate::words::say;

#[derive(Serialize)]
struct Check {
    what: String,
    ok: bool,
    found: String,
}

/// Fails when one of the checks does.
pub async fn doctor(folder: &Path, json: bool) -> Result<()> {
    let checks = checks(folder).await;
    if json {
        print_json(&checks)?;
    } else {
        let rows: Vec<Vec<String>> =
            checks.iter().map(|check| vec![if check.ok { "ok" } else { "NO" }.into(), check.what.clone(), check.found.clone()]).collect();
        say!("{}", words::table(&["", "check", "found"], &rows));
    }
    match checks.iter().filter(|check| !check.ok).count() {
        0 => Ok(()),
        bad => Err(Error::invalid_state(format!("{bad} of {} checks did not pass.", checks.len()))),
    }
}

async fn checks(folder: &Path) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut add = |what: &str, outcome: Result<String>| {
        let (ok, found) = match outcome {
            Ok(found) => (true, found),
            Err(error) => (false, error.to_string()),
        };
        checks.push(Check { what: what.into(), ok, found });
    };
    add(FILE, Project::read_existing(folder).map(|project| format!("{} jobs, {} crawlers", project.jobs.len(), project.crawlers.len())));
    add("port 7440", free_port().await);
    let home = open(folder).await;
    match &home {
        Ok(home) => {
            add("state", Ok(home.state.display().to_string()));
            add("worker", worker(home).await);
            add("catalog", tables(home).await);
        }
        Err(error) => add("state", Err(Error::invalid_state(error.to_string()))),
    }
    if let Ok(home) = &home {
        let connections = match home.catalog.list_connections().await {
            Ok(connections) => connections,
            Err(error) => {
                add("connections", Err(error));
                Vec::new()
            }
        };
        for connection in connections {
            add(&format!("connection {}", connection.name), reached(home, &connection).await);
        }
    }
    checks
}

/// What the last step on the way to the source found.
async fn reached(home: &Home, connection: &Connection) -> Result<String> {
    let mut diagnosis = home.catalog.diagnose_connection(connection).await?;
    diagnosis.verdict(&connection.name)?;
    Ok(diagnosis.steps.pop().map(|step| step.detail).unwrap_or_default())
}

/// A port that is taken is no fault when our server took it.
async fn free_port() -> Result<String> {
    Ok(match TcpListener::bind("127.0.0.1:7440").await {
        Ok(_) => "free".into(),
        Err(error) => format!("not free ({error}): a server is running, or choose another with --listen"),
    })
}

async fn worker(home: &Home) -> Result<String> {
    Ok(if home.is_worked_on().await? { "a penchant is at work on this installation" } else { "none at work" }.into())
}

async fn tables(home: &Home) -> Result<String> {
    let mut count = 0;
    for database in home.catalog.list_databases().await? {
        count += home.catalog.list_tables(&database.name).await?.len();
    }
    Ok(format!("{count} tables"))
}

#[cfg(test)]
mod tests;
