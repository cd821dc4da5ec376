//! Recommendations for one user, with reasons.

use domain::{Arn, Result};
use serve::{GetRecommendations, RecommenderView};

use crate::cli::Recommend;
use crate::commands::print_json;
use crate::commands::work::only;
use crate::home::Home;
use crate::words;
use crate::words::say;

pub async fn recommend(home: &Home, options: &Recommend) -> Result<()> {
    home.serving.refresh().await?;
    let mut request = GetRecommendations::for_user(asked(home, options).await?, &options.user, options.number);
    request.item_id.clone_from(&options.item);
    let items = home.serving.explain(&request)?;
    if options.json {
        return print_json(&items);
    }
    say!("{}", list(&items));
    Ok(())
}

/// The campaign or recommender that is named, else the only one there is; recommenders are looked at where there is no campaign.
async fn asked(home: &Home, options: &Recommend) -> Result<Arn> {
    let campaigns = home.serving.list_campaigns(None).await?;
    let recommenders = home.serving.list_recommenders(None).await?;
    let names = |views: &[RecommenderView]| views.iter().map(|view| view.recommender.name.to_string()).collect::<Vec<_>>();
    if options.recommender.is_some() || (options.campaign.is_none() && campaigns.is_empty() && !recommenders.is_empty()) {
        let name = only("recommender", "--recommender", options.recommender.as_deref(), names(&recommenders).into_iter())?;
        return Ok(home.partition.personalize("recommender", name));
    }
    let names = campaigns.iter().map(|view| view.campaign.name.to_string());
    Ok(home.partition.personalize("campaign", only("campaign", "--campaign", options.campaign.as_deref(), names)?))
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
