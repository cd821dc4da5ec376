//! The demo: a shop with three stores, and the whole way from them to recommendations.

use std::path::Path;

use dataset::{ImportReport, TrainingData};
use domain::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};
use pipeline::Outcome;
use runs::Run;
use serve::GetRecommendations;

use crate::cli::Quickstart;
use crate::commands::work::{Working, walk};
use crate::commands::{recommend, report};
use crate::home::Home;
use crate::project::{FILE, Project};
use crate::words;
use crate::words::say;

/// The project files of the shop, as they stand in `examples/shop`.
const FILES: [(&str, &str); 5] = [
    (FILE, include_str!("../../../../examples/shop/penchant.yaml")),
    ("training.json", include_str!("../../../../examples/shop/training.json")),
    ("jobs/interactions.sql", include_str!("../../../../examples/shop/jobs/interactions.sql")),
    ("jobs/items.sql", include_str!("../../../../examples/shop/jobs/items.sql")),
    ("jobs/users.sql", include_str!("../../../../examples/shop/jobs/users.sql")),
];

/// How many orders the customer has whose recommendations are shown.
const SHOWN_HISTORY: usize = 12;

pub async fn quickstart(folder: &Path, options: &Quickstart) -> Result<()> {
    make_shop(folder, options)?;
    let project = Project::read_existing(folder)?;
    let mut working = Working::open(folder).await?;
    let began = working.home.runs.store().clock().now();
    let outcome = walk(&mut working, project, None, false).await;
    let home = working.home.clone();
    working.end_with(outcome).await?;
    found(&home).await?;
    say!("\n== What the recipes are worth\n");
    report::report_all(&home).await?;
    one_customer(&home).await?;
    let took = home.runs.store().clock().now().since_ms(began);
    say!("\nFrom the three stores to recommendations: {}.", words::duration(took));
    next_steps(folder);
    Ok(())
}

/// Generates the sources and writes the project files, each only where it is missing: what you edited stays.
fn make_shop(folder: &Path, options: &Quickstart) -> Result<()> {
    let cannot = |e: std::io::Error| Error::unavailable(format!("The shop cannot be written to {}.", folder.display())).source(e);
    if folder.join("sources").exists() {
        eprintln!("Using the shop in {}.", folder.display());
    } else {
        std::fs::create_dir_all(folder).map_err(cannot)?;
        eprintln!("Making a shop in {} (seed {}).", folder.display(), options.seed);
        let defaults = shop::Options::default();
        let share = options.customers as f64 / defaults.customers as f64;
        let size = shop::Options {
            seed: options.seed,
            customers: options.customers,
            products: ((defaults.products as f64 * share) as usize).max(300),
            lines: (defaults.lines as f64 * share) as u64,
            ..defaults
        };
        let bar = progress_bar();
        let shown = |part: &str, done: u64, total: u64| {
            bar.set_message(part.to_owned());
            bar.set_length(total);
            bar.set_position(done);
        };
        shop::generate(folder, &size, &shown).map_err(|e| Error::invalid_input(e.to_string()))?;
        bar.finish_and_clear();
    }
    for (name, text) in FILES {
        let path = folder.join(name);
        if !path.exists() {
            std::fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(cannot)?;
            std::fs::write(&path, text).map_err(cannot)?;
        }
    }
    Ok(())
}

/// Drawn on a terminal only.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg:<44} [{bar:24}] {human_pos}/{human_len}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// What the crawlers and the imports found.
async fn found(home: &Home) -> Result<()> {
    say!("\n== What was found in the sources\n");
    let mut rows = Vec::new();
    for database in home.catalog.list_databases().await? {
        for table in home.catalog.list_tables(&database.name).await? {
            let columns: Vec<&str> = table.storage_descriptor.columns.iter().map(|column| column.name.as_str()).collect();
            let kind = table.parameters.get("classification").cloned().unwrap_or_default();
            rows.push(vec![format!("{}.{}", database.name, table.name), kind, columns.join(", ")]);
        }
    }
    say!("{}", words::table(&["table", "kind", "columns"], &rows));
    say!();
    for (kind, report) in last_run(home).await?.result::<Outcome>()?.imports {
        say!("{}", kept(&kind, &report));
    }
    Ok(())
}

fn kept(kind: &str, report: &ImportReport) -> String {
    let rejected = match report.rows_rejected {
        0 => "none rejected".into(),
        rejected => format!("{} rejected", words::count(rejected)),
    };
    format!("{:>9} {}: training data, {rejected}.", words::count(report.rows_kept), kind.to_lowercase())
}

/// The newest run of the pipeline, which succeeded.
async fn last_run(home: &Home) -> Result<Run> {
    let pipelines = home.pipelines.list().await?;
    let name = pipelines.first().map(|pipeline| pipeline.name.clone()).ok_or_else(|| Error::not_found("A pipeline"))?;
    let run = home.pipelines.latest(&name).await?.ok_or_else(|| Error::not_found(format!("A run of pipeline {name:?}")))?;
    run.succeeded()
}

/// Ten recommendations for somebody with some history.
async fn one_customer(home: &Home) -> Result<()> {
    let run = last_run(home).await?;
    let outcome: Outcome = run.result()?;
    let mut tx = home.runs.store().begin().await?;
    let group = outcome.dataset_group_arn.as_ref().ok_or_else(|| Error::not_found("A dataset group"))?;
    let snapshot = home.datasets.snapshot_in(&mut tx, group, &run.id).await?;
    // Only to look: nothing is held.
    drop(tx);
    let data = snapshot.load(home.datasets.artifacts()).await?;
    let (campaign, _) = outcome.campaigns.first().ok_or_else(|| Error::not_found("A campaign"))?;
    let user = somebody(&data).ok_or_else(|| Error::invalid_data("The shop has no customer with a history."))?;
    home.serving.refresh().await?;
    let request = GetRecommendations::for_user(campaign.clone(), &user, 10);
    say!("\n== Ten recommendations for customer {user}\n");
    say!("{}", recommend::list(&home.serving.explain(&request)?));
    Ok(())
}

/// The first customer with at least [`SHOWN_HISTORY`] purchases, else the one with the most.
fn somebody(data: &TrainingData) -> Option<String> {
    let mut counts = vec![0_usize; data.users.len()];
    for user in &data.events.user {
        counts[*user as usize] += 1;
    }
    let first = counts.iter().position(|count| *count >= SHOWN_HISTORY);
    let most = || (0..counts.len()).max_by_key(|user| counts[*user]);
    let chosen = first.or_else(most)?;
    data.users.id(chosen as u32).map(str::to_owned)
}

fn next_steps(folder: &Path) {
    let penchant = format!("{} --dir {}", words::program(), folder.display());
    say!("\nTry next:");
    say!("  {penchant} serve\n      the API on http://127.0.0.1:7440, for boto3 and the AWS CLI");
    say!("  {penchant} recommend --user NEW-VISITOR\n      somebody whom nobody knows yet");
    say!("  {penchant} run\n      walk the way again, after editing jobs/*.sql or training.json in {}", folder.display());
}
