//! Campaigns that follow their solution.

use domain::Arn;
use serde_json::json;
use train::Solution;

use super::fixture::{Shop, walks};
use super::{Stall, ask};
use crate::{CampaignConfig, CampaignView, CreateCampaign, UpdateCampaign};

fn follows() -> CampaignConfig {
    serde_json::from_value(json!({"syncWithLatestSolutionVersion": true})).unwrap()
}

fn latest(solution: &Solution) -> Arn {
    Arn::parse(format!("{}/$LATEST", solution.solution_arn)).unwrap()
}

fn wanting(version: Arn, config: Option<CampaignConfig>) -> CreateCampaign {
    CreateCampaign { name: "home".into(), solution_version_arn: version, min_provisioned_tps: None, campaign_config: config }
}

impl Stall {
    /// Lets campaigns follow, and waits until they do.
    async fn followed(&self, campaign: &Arn) -> (usize, CampaignView) {
        let begun = self.serving.follow_solutions().await.unwrap();
        let view = self.serving.get_campaign(campaign).await.unwrap();
        if let Some(update) = &view.update {
            self.settled(&update.id).await.succeeded().unwrap();
        }
        (begun, self.serving.get_campaign(campaign).await.unwrap())
    }
}

async fn more(shop: &Shop, name: &str, lines: &str) {
    let dataset = shop.datasets.find_dataset(&shop.group, dataset::DatasetType::Interactions).await.unwrap().unwrap();
    shop.import(&dataset, name, &(walks() + lines)).await;
}

#[tokio::test]
async fn a_campaign_follows_new_versions_that_are_not_worse_and_stays_where_it_was_led_by_hand() {
    let stall = Stall::open(&walks(), None).await;
    let solution = stall.shop.solution("likes", "aws-user-personalization").await;
    let error = stall.serving.create_campaign(wanting(latest(&solution), Some(follows()))).await.unwrap_err();
    assert!(error.message.ends_with("has no ACTIVE version yet: train one first."), "{error}");
    let first = stall.shop.train(&solution).await.solution_version_arn;
    for (version, config, why) in [
        (latest(&solution), None, "needs campaignConfig.syncWithLatestSolutionVersion true"),
        (first.clone(), Some(follows()), "solutionVersionArn is <solution ARN>/$LATEST"),
    ] {
        let error = stall.serving.create_campaign(wanting(version, config)).await.unwrap_err();
        assert!(error.message.contains(why), "{error}");
    }
    let campaign = stall.campaign(wanting(latest(&solution), Some(follows()))).await;
    let arn = campaign.campaign_arn;
    assert_eq!(campaign.solution_version_arn, first);
    assert_eq!(stall.followed(&arn).await.0, 0, "it serves the newest");

    let second = stall.shop.train(&solution).await.solution_version_arn;
    let (begun, view) = stall.followed(&arn).await;
    assert_eq!((begun, &view.campaign.solution_version_arn), (1, &second));
    assert_eq!(stall.ask(&arn, "u1", 5).item_list.len(), 5);

    // An update keeps the settings of a version; campaigns follow those that were searched.
    let new: String = (0..200).map(|user| format!("u{user},brand-new,1700900000,purchase,\n")).collect();
    more(&stall.shop, "more", &new).await;
    let update = train::CreateSolutionVersion {
        solution_arn: solution.solution_arn.clone(),
        name: None,
        training_mode: Some("UPDATE".into()),
        judge_beside: Vec::new(),
    };
    let update = stall.shop.training.create_solution_version(update).await.unwrap();
    stall.settled(&update.run).await.succeeded().unwrap();
    assert_eq!(stall.followed(&arn).await.0, 0);

    // Back by hand: there it stays until the next training.
    let back = stall.serving.rollback_campaign(&arn).await.unwrap().latest_campaign_update.unwrap();
    stall.settled(&back.run).await.succeeded().unwrap();
    let (begun, view) = stall.followed(&arn).await;
    assert_eq!((begun, &view.campaign.solution_version_arn), (0, &first));
    let third = stall.shop.train(&solution).await.solution_version_arn;
    let (begun, view) = stall.followed(&arn).await;
    assert_eq!((begun, &view.campaign.solution_version_arn), (1, &third));

    let alone = UpdateCampaign {
        campaign_arn: arn.clone(),
        solution_version_arn: Some(second.clone()),
        min_provisioned_tps: None,
        campaign_config: Some(CampaignConfig::default()),
    };
    let alone = stall.serving.update_campaign(alone).await.unwrap().latest_campaign_update.unwrap();
    stall.settled(&alone.run).await.succeeded().unwrap();
    stall.shop.train(&solution).await;
    let (begun, view) = stall.followed(&arn).await;
    assert_eq!((begun, &view.campaign.solution_version_arn), (0, &second), "it follows no more");
    assert!(stall.serving.get_recommendations(&ask(&arn, "u1", 5)).is_ok());
}

#[tokio::test]
async fn a_version_that_was_judged_worse_is_not_followed() {
    let stall = Stall::open(&walks(), None).await;
    let solution = stall.shop.solution("likes", "aws-user-personalization").await;
    let first = stall.shop.train(&solution).await.solution_version_arn;
    let arn = stall.campaign(wanting(latest(&solution), Some(follows()))).await.campaign_arn;
    let beside = train::CreateSolutionVersion {
        solution_arn: solution.solution_arn.clone(),
        name: None,
        training_mode: None,
        judge_beside: vec![first.clone()],
    };
    let version = stall.shop.training.create_solution_version(beside).await.unwrap();
    stall.settled(&version.run).await.succeeded().unwrap();
    // On data that anybody could have, the same solution is not worse than itself: the judgement is written as if it were.
    let mut tx = stall.shop.installation.store.begin().await.unwrap();
    let worsen = |model: &mut train::TrainedModel| {
        model.report.rivals[0].difference.mean = -0.1;
        model.report.rivals[0].difference.high = -0.05;
        Ok(())
    };
    tx.update::<train::TrainedModel>(version.solution_version_arn.as_str(), worsen).await.unwrap();
    tx.commit().await.unwrap();
    let (begun, view) = stall.followed(&arn).await;
    assert_eq!((begun, &view.campaign.solution_version_arn), (0, &first));
}
