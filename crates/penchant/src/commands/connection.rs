//! `penchant connection`.

use connect::{Diagnosis, Step};
use domain::{Error, Result};
use serde::Serialize;

use crate::commands::print_json;
use crate::home::Home;
use crate::words;
use crate::words::say;

pub async fn list(home: &Home, json: bool) -> Result<()> {
    let connections = home.catalog.list_connections().await?;
    let shown: Vec<connect::Connection> = connections.iter().map(|stored| stored.value.without_secrets()).collect();
    if json {
        return print_json(&shown);
    }
    let place = |connection: &connect::Connection| {
        let properties = &connection.connection_properties;
        let names = ["JDBC_CONNECTION_URL", "CONNECTION_URL", "KAFKA_BOOTSTRAP_SERVERS", "PATH", "ENDPOINT", "HOST"];
        names.iter().find_map(|name| properties.get(*name)).cloned().unwrap_or_default()
    };
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|one| vec![one.name.clone(), one.connection_type.clone(), place(one), one.description.clone().unwrap_or_default()])
        .collect();
    say!("{}", words::table(&["connection", "type", "leads to", "description"], &rows));
    Ok(())
}

#[derive(Serialize)]
struct Tested {
    name: String,
    passed: bool,
    #[serde(flatten)]
    diagnosis: Diagnosis,
}

/// Tests the connections named, or all. The first that failed is the command's error.
pub async fn test(home: &Home, names: &[String], json: bool) -> Result<()> {
    let names = match names {
        [] => home.catalog.list_connections().await?.into_iter().map(|stored| stored.value.name).collect(),
        some => some.to_vec(),
    };
    if names.is_empty() {
        return Err(Error::invalid_input("There are no connections to test: add some to penchant.yaml, then `penchant apply`."));
    }
    let mut tested = Vec::new();
    let mut verdict = Ok(());
    for name in names {
        let diagnosis = home.catalog.test_connection(&name).await?;
        if !json {
            show(&name, &diagnosis);
        }
        verdict = verdict.and(diagnosis.verdict(&name));
        tested.push(Tested { passed: diagnosis.failure().is_none(), name, diagnosis });
    }
    if json {
        print_json(&tested)?;
    }
    verdict
}

fn show(name: &str, diagnosis: &Diagnosis) {
    say!("{name}");
    for step in &diagnosis.steps {
        say!("  {} {:<15} {}", if step.passed { "ok    " } else { "FAILED" }, step.step.name(), step.detail);
    }
    if let Some(advice) = diagnosis.failure().and_then(|failed| advice(failed.step)) {
        say!("  {advice}");
    }
}

/// What to look at first.
fn advice(step: Step) -> Option<&'static str> {
    Some(match step {
        Step::Configuration | Step::File => return None,
        Step::Dns => "Is the host name spelt right, and does this machine use the name server that knows it?",
        Step::Tcp => "Is the server running, is the port right, and does a firewall let this machine through?",
        Step::Tls => {
            "Does the server speak TLS, and is its authority's certificate named in CUSTOM_JDBC_CERT? TLS_MODE says how strictly it is checked."
        }
        Step::Authentication => "Are USERNAME and PASSWORD right, and may this user come from this machine?",
        Step::Database => "Does the database exist under this name?",
        Step::Permission => "May this user read? It needs SELECT on the tables, and USAGE on their schema.",
    })
}
