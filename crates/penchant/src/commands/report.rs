//! What the trained recipes are worth.

use domain::Result;
use serde::Serialize;
use train::{Report, VersionView};

use crate::commands::print_json;
use crate::home::Home;
use crate::words;
use crate::words::say;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    solution_version_arn: String,
    campaigns: Vec<String>,
    report: Report,
}

pub async fn report(home: &Home, json: bool) -> Result<()> {
    let entries = entries(home).await?;
    if json {
        return print_json(&entries);
    }
    if entries.is_empty() {
        say!("Nothing has been trained yet. Try: penchant run");
        return Ok(());
    }
    say!("{}", figures(&entries));
    for entry in &entries {
        say!("\n{} ({}{})", name(entry), entry.report.recipe, served(entry));
        for line in entry.report.words() {
            say!("  {line}");
        }
    }
    Ok(())
}

/// The newest trained version of every solution, best first.
async fn entries(home: &Home) -> Result<Vec<Entry>> {
    let campaigns = home.serving.list_campaigns(None).await?;
    let mut entries = Vec::new();
    for solution in home.training.list_solutions(None).await? {
        let versions = home.training.list_solution_versions(Some(&solution.solution_arn)).await?;
        let Some(newest) = versions.iter().rev().find(|version| version.is_active()) else { continue };
        entries.push(entry(home, newest, &campaigns).await?);
    }
    entries.sort_by(|a, b| metric(b, NDCG).total_cmp(&metric(a, NDCG)));
    Ok(entries)
}

async fn entry(home: &Home, version: &VersionView, campaigns: &[serve::CampaignView]) -> Result<Entry> {
    let arn = &version.version.solution_version_arn;
    let serving = campaigns.iter().filter(|view| view.campaign.solution_version_arn == *arn);
    Ok(Entry {
        solution_version_arn: arn.to_string(),
        campaigns: serving.map(|view| view.campaign.name.to_string()).collect(),
        report: home.training.report(arn).await?,
    })
}

const NDCG: &str = "normalized_discounted_cumulative_gain_at_10";

fn metric(entry: &Entry, name: &str) -> f64 {
    entry.report.next.metrics.get(name).copied().unwrap_or(0.0)
}

fn figures(entries: &[Entry]) -> String {
    let shown = [NDCG, "mean_reciprocal_rank_at_25", "precision_at_10", "recall_at_10", "coverage"];
    let header = ["solution", "NDCG@10", "MRR@25", "precision@10", "recall@10", "coverage", "against best-sellers (95 %)"];
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let difference = &entry.report.next.difference;
            let mut row = vec![name(entry)];
            row.extend(shown.iter().map(|name| format!("{:.4}", metric(entry, name))));
            row.push(format!("{:+.4} ({:+.4} to {:+.4})", difference.mean, difference.low, difference.high));
            row
        })
        .collect();
    words::table(&header, &rows)
}

fn name(entry: &Entry) -> String {
    entry.solution_version_arn.split('/').nth(1).unwrap_or_default().to_owned()
}

fn served(entry: &Entry) -> String {
    if entry.campaigns.is_empty() { String::new() } else { format!(", served by campaign {}", entry.campaigns.join(", ")) }
}
