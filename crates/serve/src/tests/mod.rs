#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod answers;
mod batch;
mod campaigns;
mod deletion;
mod filters;
#[path = "../../../train/src/tests/fixture.rs"]
pub mod fixture;
mod following;
mod live;
mod recommenders;
mod speed;

use domain::Arn;
use domain::arn::Partition;
use events::Events;
use fixture::Shop;
use runs::Run;
use train::SolutionVersion;

use crate::{Campaign, CreateCampaign, DeployExecutor, GetPersonalizedRanking, GetRecommendations, Recommendations, Serving};

/// A shop that serves.
pub struct Stall {
    pub shop: Shop,
    pub events: Events,
    pub serving: Serving,
}

impl Stall {
    pub async fn open(interactions: &str, items: Option<&str>) -> Self {
        let shop = Shop::with(interactions, items).await;
        let folder = shop.installation.folder.path().join("events");
        let events = Events::open(&folder, shop.datasets.clone(), events::Settings::default()).await.unwrap();
        let serving = Serving::new(shop.training.clone(), events.live().clone(), Partition::default(), 7);
        shop.also_work(DeployExecutor::new(serving.clone()));
        Self { shop, events, serving }
    }

    pub fn request(name: &str, version: &SolutionVersion) -> CreateCampaign {
        let solution_version_arn = version.solution_version_arn.clone();
        CreateCampaign { name: name.into(), solution_version_arn, min_provisioned_tps: None, campaign_config: None }
    }

    /// Waits until a deployment has ended, and what follows it.
    pub async fn settled(&self, run: &runs::RunId) -> Run {
        let run = self.shop.installation.runs.wait(run).await.unwrap();
        self.serving.refresh().await.unwrap();
        run
    }

    /// A campaign that must become ACTIVE.
    pub async fn campaign(&self, request: CreateCampaign) -> Campaign {
        let campaign = self.serving.create_campaign(request).await.unwrap();
        self.settled(&campaign.run).await.succeeded().unwrap();
        campaign
    }

    pub fn ask(&self, campaign: &Arn, user: &str, count: i64) -> Recommendations {
        self.serving.get_recommendations(&ask(campaign, user, count)).unwrap()
    }

    pub fn items(&self, campaign: &Arn, user: &str, count: i64) -> Vec<String> {
        self.ask(campaign, user, count).item_list.into_iter().map(|item| item.item_id).collect()
    }
}

pub fn ask(campaign: &Arn, user: &str, count: i64) -> GetRecommendations {
    GetRecommendations {
        campaign_arn: Some(campaign.clone()),
        user_id: Some(user.into()),
        num_results: Some(count),
        ..GetRecommendations::default()
    }
}

pub fn rank(campaign: &Arn, user: &str, items: &[&str]) -> GetPersonalizedRanking {
    let input_list = items.iter().map(|item| (*item).to_owned()).collect();
    GetPersonalizedRanking {
        campaign_arn: Some(campaign.clone()),
        user_id: Some(user.into()),
        input_list,
        ..GetPersonalizedRanking::default()
    }
}
