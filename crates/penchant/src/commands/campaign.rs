//! Campaigns: what serves, and the way back.

use std::path::Path;

use domain::Result;
use serde::Serialize;

use crate::commands::print_json;
use crate::commands::work::{Working, existing, only};
use crate::home::Home;
use crate::words;
use crate::words::say;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    status: &'static str,
    solution_version_arn: String,
    /// The last one at the end.
    served_before: Vec<String>,
}

pub async fn list(home: &Home, json: bool) -> Result<()> {
    let rows = home.serving.list_campaigns(None).await?.into_iter().map(|view| Row {
        status: view.status(),
        name: view.campaign.name.to_string(),
        solution_version_arn: view.campaign.solution_version_arn.to_string(),
        served_before: view.campaign.served_before.iter().map(ToString::to_string).collect(),
    });
    let rows: Vec<Row> = rows.collect();
    if json {
        return print_json(&rows);
    }
    let id = |arn: &str| arn.split_once("solution/").map_or_else(|| arn.to_owned(), |(_, id)| id.to_owned());
    let cells = |row: &Row| {
        let before: Vec<String> = row.served_before.iter().rev().map(|arn| id(arn)).collect();
        vec![row.name.clone(), row.status.to_owned(), id(&row.solution_version_arn), before.join(", ")]
    };
    let cells: Vec<Vec<String>> = rows.iter().map(cells).collect();
    say!("{}", words::table(&["campaign", "status", "serves", "served before"], &cells));
    Ok(())
}

pub async fn rollback(folder: &Path, name: &str) -> Result<()> {
    let mut working = Working::open(existing(folder)?).await?;
    let outcome = roll_back(&mut working, name).await;
    let serves = working.end_with(outcome).await?;
    say!("Campaign {name} serves {serves}.");
    Ok(())
}

async fn roll_back(working: &mut Working, name: &str) -> Result<String> {
    let serving = working.home.serving.clone();
    let campaigns = serving.list_campaigns(None).await?;
    only("campaign", "its name", Some(name), campaigns.iter().map(|view| view.campaign.name.to_string()))?;
    let arn = working.home.partition.personalize("campaign", name);
    let campaign = serving.rollback_campaign(&arn).await?;
    if let Some(update) = &campaign.latest_campaign_update {
        working.wait_one(update.run.clone()).await?;
    }
    Ok(serving.get_campaign(&arn).await?.campaign.solution_version_arn.to_string())
}
