//! `penchant rule`.

use domain::{Error, Result};

use crate::commands::print_json;
use crate::home::Home;
use crate::words;
use crate::words::say;

pub async fn list(home: &Home, json: bool) -> Result<()> {
    let rules = home.notify.list_rules().await?;
    if json {
        let plain: Vec<&notify::Rule> = rules.iter().map(|stored| &stored.value).collect();
        return print_json(&plain);
    }
    let mut rows = Vec::new();
    for rule in &rules {
        let targets: Vec<&str> = rule.targets.iter().map(|target| target.arn.as_str()).collect();
        rows.push(vec![rule.name.clone(), format!("{:?}", rule.state).to_lowercase(), targets.join(" "), rule.event_pattern.clone()]);
    }
    say!("{}", words::table(&["rule", "state", "targets", "pattern"], &rows));
    Ok(())
}

/// The first target that failed is the command's error.
pub async fn test(home: &Home, name: &str) -> Result<()> {
    let outcomes = home.notify.test_target(name).await?;
    if outcomes.is_empty() {
        return Err(Error::invalid_state(format!("Rule {name:?} has no targets to send to.")));
    }
    let mut verdict = Ok(());
    for (target, outcome) in outcomes {
        match &outcome {
            Ok(()) => say!("ok      {target}"),
            Err(error) => say!("FAILED  {target}: {error}"),
        }
        verdict = verdict.and(outcome);
    }
    verdict
}

pub async fn dead_letters(home: &Home, json: bool) -> Result<()> {
    let letters = home.notify.dead_letters().await?;
    if json {
        let plain: Vec<&notify::DeadLetter> = letters.iter().map(|stored| &stored.value).collect();
        return print_json(&plain);
    }
    let row = |letter: &store::Stored<notify::DeadLetter>| {
        let (id, rule, target) = (letter.id.clone(), letter.rule.clone(), letter.target.clone());
        vec![id, rule, target, letter.attempts.to_string(), words::time(letter.at), letter.last_error.clone()]
    };
    let rows: Vec<Vec<String>> = letters.iter().map(row).collect();
    say!("{}", words::table(&["dead letter", "rule", "target", "attempts", "since", "last error"], &rows));
    for letters in home.notify.dropped_letters().await? {
        say!("{} older ones of {}/{} were dropped (limits.dead_letters_per_target).", letters.dropped, letters.rule, letters.target);
    }
    Ok(())
}
