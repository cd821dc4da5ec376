//! What the trained recipes are worth.

use std::path::Path;

use domain::{Arn, Error, Result};
use serde::Serialize;
use train::{Figure, Interval, Report, VersionView};

use crate::cli::ReportArgs;
use crate::commands::print_json;
use crate::home::Home;
use crate::words;
use crate::words::say;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "solutionVersionArn")]
    arn: Arn,
    campaigns: Vec<String>,
    report: Report,
}

/// Everything, as after a run.
pub async fn report_all(home: &Home) -> Result<()> {
    report(home, &ReportArgs { solution: None, html: None, json: false }).await
}

pub async fn report(home: &Home, args: &ReportArgs) -> Result<()> {
    let entries = entries(home, args.solution.as_deref()).await?;
    if let (Some(file), Some(entry)) = (&args.html, entries.first()) {
        write_page(home, entry, file).await?;
    }
    if args.json {
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
        for line in entry.report.segment_words() {
            say!("  {line}");
        }
        let insights = entry.report.insight_words();
        if !insights.is_empty() {
            say!("  In the data:");
        }
        for line in insights {
            say!("    {line}");
        }
        if args.solution.is_some() {
            say!("\n{}", intervals(&entry.report));
        }
    }
    if let Some(file) = &args.html {
        say!("\nThe page is in {}.", file.display());
    }
    Ok(())
}

async fn write_page(home: &Home, entry: &Entry, file: &Path) -> Result<()> {
    let manifest = home.training.manifest(&entry.arn).await?;
    let page = train::page(&manifest, &name(entry));
    std::fs::write(file, page).map_err(|e| Error::invalid_input(format!("The page cannot be written to {}: {e}.", file.display())))
}

/// Every metric of one version, with 95 % intervals.
fn intervals(report: &Report) -> String {
    let range = |interval: Interval| format!("{:.4} ({:.4} to {:.4})", interval.mean, interval.low, interval.high);
    let row = |(name, figure): (&String, &Figure)| {
        vec![name.clone(), range(figure.model), range(figure.baseline), range(figure.difference), figure.words("best-sellers")]
    };
    let rows: Vec<Vec<String>> = report.next.figures.iter().map(row).collect();
    words::table(&["metric", "this recipe (95 %)", "best-sellers", "difference", "which is"], &rows)
}

/// The newest trained version of every solution and the one by which every recommender answers, or those of one name, best first.
async fn entries(home: &Home, wanted: Option<&str>) -> Result<Vec<Entry>> {
    let campaigns = home.serving.list_campaigns(None).await?;
    let mut entries = Vec::new();
    let solutions = home.training.list_solutions(None).await?;
    let recommenders = home.serving.list_recommenders(None).await?;
    let names = solutions.iter().map(|solution| &solution.name).chain(recommenders.iter().map(|view| &view.recommender.name));
    let known: Vec<&str> = names.map(|name| name.as_str()).collect();
    if let Some(wanted) = wanted
        && !known.contains(&wanted)
    {
        let known = if known.is_empty() { "there is none yet".into() } else { format!("there is {}", known.join(", ")) };
        return Err(Error::invalid_input(format!("Expected the name of a solution or recommender, found {wanted:?}: {known}.")));
    }
    for solution in solutions.iter().filter(|solution| wanted.is_none_or(|wanted| solution.name.as_str() == wanted)) {
        let versions = home.training.list_solution_versions(Some(&solution.solution_arn)).await?;
        let Some(newest) = versions.iter().rev().find(|version| version.is_active()) else { continue };
        entries.push(entry(home, newest, &campaigns).await?);
    }
    let answers = recommenders.iter().filter(|view| matches!(view.status(), "ACTIVE" | "INACTIVE"));
    for view in answers.filter(|view| wanted.is_none_or(|wanted| view.recommender.name.as_str() == wanted)) {
        let arn = view.recommender.solution_version_arn.clone();
        entries.push(Entry { report: home.training.report(&arn).await?, campaigns: Vec::new(), arn });
    }
    if let (Some(wanted), true) = (wanted, entries.is_empty()) {
        return Err(Error::invalid_state(format!("{wanted:?} has no version that is trained: see penchant runs.")));
    }
    entries.sort_by(|a, b| metric(b, NDCG).total_cmp(&metric(a, NDCG)));
    Ok(entries)
}

async fn entry(home: &Home, version: &VersionView, campaigns: &[serve::CampaignView]) -> Result<Entry> {
    let arn = &version.version.solution_version_arn;
    let serving = campaigns.iter().filter(|view| view.campaign.solution_version_arn == *arn);
    Ok(Entry {
        arn: arn.clone(),
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
    entry.arn.as_str().split('/').nth(1).unwrap_or_default().to_owned()
}

fn served(entry: &Entry) -> String {
    if entry.arn.kind() == "recommender" {
        return ", by which the recommender answers".into();
    }
    if entry.campaigns.is_empty() { String::new() } else { format!(", served by campaign {}", entry.campaigns.join(", ")) }
}
