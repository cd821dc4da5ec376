//! Recommendations for one user, with reasons.

use domain::{Error, Result};
use serve::GetRecommendations;

use crate::cli::Recommend;
use crate::commands::print_json;
use crate::commands::work::only;
use crate::home::Home;
use crate::words;
use crate::words::say;

pub async fn recommend(home: &Home, options: &Recommend) -> Result<()> {
    let campaigns = home.serving.list_campaigns(None).await?;
    let names = campaigns.iter().map(|view| view.campaign.name.to_string());
    let name = only("campaign", "--campaign", options.campaign.as_deref(), names)?;
    let view = campaigns.iter().find(|view| view.campaign.name.as_str() == name);
    let view = view.ok_or_else(|| Error::not_found(format!("campaign {name:?}")))?;
    home.serving.refresh().await?;
    let request = GetRecommendations::for_user(view.campaign.campaign_arn.clone(), &options.user, options.number);
    let items = home.serving.explain(&request)?;
    if options.json {
        return print_json(&items);
    }
    say!("{}", list(&items));
    Ok(())
}

/// A numbered list: name, id, reason.
pub fn list(items: &[serve::Explained]) -> String {
    let rows: Vec<Vec<String>> = items
        .iter()
        .enumerate()
        .map(|(i, item)| vec![(i + 1).to_string(), item.name.clone(), item.item_id.clone(), item.reason.clone()])
        .collect();
    words::table(&["", "product", "id", "because"], &rows)
}
