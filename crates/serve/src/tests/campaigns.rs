use domain::ErrorKind;
use serde_json::json;
use train::SolutionVersion;

use super::fixture::walks;
use super::{Stall, ask};
use crate::{CampaignConfig, Serving, UpdateCampaign};

#[tokio::test]
async fn a_campaign_is_created_served_updated_as_a_whole_and_deleted() {
    let stall = Stall::open(&walks(), None).await;
    let best = stall.shop.trained("best", "aws-popularity-count").await;
    let likes = stall.shop.trained("likes", "aws-user-personalization").await;
    let campaign = stall.campaign(Stall::request("home", &best)).await;
    let arn = campaign.campaign_arn.clone();
    assert_eq!(arn.as_str(), "arn:aws:personalize:us-east-1:123456789012:campaign/home");
    let view = stall.serving.get_campaign(&arn).await.unwrap();
    assert_eq!((view.status(), view.update_status()), ("ACTIVE", None));
    let again = stall.serving.create_campaign(Stall::request("home", &best)).await.unwrap_err();
    assert_eq!(again.kind, ErrorKind::AlreadyExists);
    let before = stall.ask(&arn, "u1", 1).item_list.remove(0);
    assert_eq!(before.score, None);

    let request = UpdateCampaign {
        campaign_arn: arn.clone(),
        solution_version_arn: Some(likes.solution_version_arn.clone()),
        min_provisioned_tps: None,
        campaign_config: None,
    };
    let updated = stall.serving.update_campaign(request.clone()).await.unwrap();
    let in_between = stall.serving.update_campaign(request).await;
    stall.settled(&updated.latest_campaign_update.unwrap().run).await.succeeded().unwrap();
    if let Err(error) = in_between {
        assert_eq!(error.kind, ErrorKind::InUse);
    }
    let view = stall.serving.get_campaign(&arn).await.unwrap();
    assert_eq!(view.campaign.solution_version_arn, likes.solution_version_arn);
    assert_eq!((view.status(), view.update_status()), ("ACTIVE", Some("ACTIVE")));
    assert!(stall.ask(&arn, "u1", 1).item_list[0].score.is_some());
    assert_eq!(stall.serving.list_campaigns(Some(&likes.solution_arn)).await.unwrap().len(), 1);

    let held = stall.shop.training.delete_solution(&likes.solution_arn).await.unwrap_err();
    assert_eq!(held.kind, ErrorKind::InUse);
    stall.shop.training.delete_solution(&best.solution_arn).await.unwrap();
    stall.serving.delete_campaign(&arn).await.unwrap();
    assert_eq!(stall.serving.get_recommendations(&ask(&arn, "u1", 1)).unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(stall.serving.delete_campaign(&arn).await.unwrap_err().kind, ErrorKind::NotFound);
    stall.shop.training.delete_solution(&likes.solution_arn).await.unwrap();
}

#[tokio::test]
async fn after_a_restart_the_same_campaigns_answer_the_same() {
    let stall = Stall::open(&walks(), None).await;
    let likes = stall.shop.trained("likes", "aws-user-personalization").await;
    let arn = stall.campaign(Stall::request("home", &likes)).await.campaign_arn;
    let second = Serving::new(stall.shop.training.clone(), stall.events.live().clone(), domain::arn::Partition::default(), 8);
    assert_eq!(second.get_recommendations(&ask(&arn, "u1", 5)).unwrap_err().kind, ErrorKind::NotFound);
    second.refresh().await.unwrap();
    let (ours, theirs) = (stall.ask(&arn, "u1", 5), second.get_recommendations(&ask(&arn, "u1", 5)).unwrap());
    assert_eq!(ours.item_list, theirs.item_list);
    assert_ne!(ours.recommendation_id, theirs.recommendation_id);
    // What another process deletes is gone here after the next refresh.
    stall.serving.delete_campaign(&arn).await.unwrap();
    assert!(second.get_recommendations(&ask(&arn, "u1", 5)).is_ok());
    second.refresh().await.unwrap();
    assert_eq!(second.get_recommendations(&ask(&arn, "u1", 5)).unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_campaign_needs_a_version_that_is_active_and_a_model_that_loads() {
    let stall = Stall::open(&walks(), None).await;
    let mut request = stall.shop.request("none", "aws-user-personalization");
    request.event_type = Some("return".into());
    let solution = stall.shop.training.create_solution(request).await.unwrap();
    let failed = stall.shop.train(&solution).await;
    let error = stall.serving.create_campaign(Stall::request("home", &failed)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidInput);
    assert!(error.message.contains("is CREATE FAILED, not ACTIVE: Training needs at least 1000"), "{error}");

    let best = stall.shop.trained("best", "aws-popularity-count").await;
    let prefix = stall.shop.training.model(&best.solution_version_arn).await.unwrap().value.artifacts;
    std::fs::write(stall.shop.installation.artifacts.path(&format!("{prefix}/{}", train::SERVING_FILE)), b"damaged").unwrap();
    let campaign = stall.serving.create_campaign(Stall::request("home", &best)).await.unwrap();
    stall.settled(&campaign.run).await;
    let view = stall.serving.get_campaign(&campaign.campaign_arn).await.unwrap();
    assert_eq!(view.status(), "CREATE FAILED");
    assert!(view.failure_reason().unwrap().contains("serving.safetensors"), "{:?}", view.failure_reason());
    let error = stall.serving.get_recommendations(&ask(&campaign.campaign_arn, "u1", 1)).unwrap_err();
    assert!(error.message.contains("is CREATE FAILED and cannot answer"), "{error}");
    stall.serving.delete_campaign(&campaign.campaign_arn).await.unwrap();
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let check = |config| serde_json::from_value::<CampaignConfig>(config).unwrap().check();
    check(json!({"itemExplorationConfig": {"explorationWeight": "0.3", "explorationItemAgeCutOff": "30"}})).unwrap();
    let error = check(json!({"itemExplorationConfig": {"explorationWeight": "3"}})).unwrap_err();
    assert_eq!(error.message, "explorationWeight is a number from 0 to 1, as text; found \"3\".");
    let error = check(json!({"itemExplorationConfig": {"penchant.excludeSeen": "yes"}})).unwrap_err();
    assert_eq!(error.message, "penchant.excludeSeen is true or false, as text; found \"yes\".");
    assert!(check(json!({"itemExplorationConfig": {"other": "1"}})).is_err());
    assert!(check(json!({"enableMetadataWithRecommendations": true})).is_err());
}

#[tokio::test]
async fn a_campaign_whose_creation_failed_serves_after_an_update() {
    let stall = Stall::open(&walks(), None).await;
    let best = stall.shop.trained("best", "aws-popularity-count").await;
    let likes = stall.shop.trained("likes", "aws-user-personalization").await;
    let artifacts = stall.shop.training.model(&best.solution_version_arn).await.unwrap().value.artifacts;
    stall.shop.training.artifacts().delete(&artifacts).await.unwrap();
    let created = stall.serving.create_campaign(Stall::request("home", &best)).await.unwrap();
    stall.settled(&created.run).await;
    let arn = created.campaign_arn;
    assert_eq!(stall.serving.get_campaign(&arn).await.unwrap().status(), "CREATE FAILED");
    let request = UpdateCampaign {
        campaign_arn: arn.clone(),
        solution_version_arn: Some(likes.solution_version_arn.clone()),
        min_provisioned_tps: None,
        campaign_config: None,
    };
    let updated = stall.serving.update_campaign(request).await.unwrap();
    stall.settled(&updated.latest_campaign_update.unwrap().run).await.succeeded().unwrap();
    assert_eq!(stall.serving.get_campaign(&arn).await.unwrap().status(), "ACTIVE");
    assert_eq!(stall.ask(&arn, "u1", 3).item_list.len(), 3);
}

#[tokio::test]
async fn a_campaign_goes_back_to_what_it_served_before_as_far_as_it_goes() {
    let stall = Stall::open(&walks(), None).await;
    let mut versions = Vec::new();
    for recipe in ["aws-popularity-count", "penchant-popular-recent", "aws-user-personalization"] {
        versions.push(stall.shop.trained(&recipe.replace("aws-", "of-"), recipe).await.solution_version_arn);
    }
    let mut request = Stall::request("home", &stall.shop.trained("first", "aws-popularity-count").await);
    request.solution_version_arn = versions[0].clone();
    let arn = stall.campaign(request).await.campaign_arn;
    let error = stall.serving.rollback_campaign(&arn).await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::InvalidState, Some("CAMPAIGN_NEVER_CHANGED")));
    for version in &versions[1..] {
        let solution_version_arn = Some(version.clone());
        let request =
            UpdateCampaign { campaign_arn: arn.clone(), solution_version_arn, min_provisioned_tps: Some(2), campaign_config: None };
        let updated = stall.serving.update_campaign(request).await.unwrap();
        stall.settled(&updated.latest_campaign_update.unwrap().run).await.succeeded().unwrap();
    }
    for before in [&versions[1], &versions[0]] {
        let updated = stall.serving.rollback_campaign(&arn).await.unwrap();
        stall.settled(&updated.latest_campaign_update.unwrap().run).await.succeeded().unwrap();
        let campaign = stall.serving.get_campaign(&arn).await.unwrap().campaign.value;
        assert_eq!((&campaign.solution_version_arn, campaign.min_provisioned_tps), (before, 2));
    }
    assert_eq!(stall.serving.rollback_campaign(&arn).await.unwrap_err().code, Some("CAMPAIGN_NEVER_CHANGED"));
    assert_eq!(stall.ask(&arn, "u1", 1).item_list[0].score, None);
}

#[tokio::test]
async fn going_back_passes_over_versions_that_were_deleted() {
    let stall = Stall::open(&walks(), None).await;
    let mut versions = Vec::new();
    for name in ["first", "second", "third"] {
        versions.push(stall.shop.trained(name, "aws-popularity-count").await);
    }
    let arn = stall.campaign(Stall::request("home", &versions[0])).await.campaign_arn;
    let update = async |version: &SolutionVersion| {
        let solution_version_arn = Some(version.solution_version_arn.clone());
        let request = UpdateCampaign { campaign_arn: arn.clone(), solution_version_arn, min_provisioned_tps: None, campaign_config: None };
        let updated = stall.serving.update_campaign(request).await.unwrap();
        stall.settled(&updated.latest_campaign_update.unwrap().run).await.succeeded().unwrap();
    };
    update(&versions[1]).await;
    update(&versions[2]).await;
    stall.shop.training.delete_solution(&versions[1].solution_arn).await.unwrap();
    let updated = stall.serving.rollback_campaign(&arn).await.unwrap();
    stall.settled(&updated.latest_campaign_update.unwrap().run).await.succeeded().unwrap();
    let campaign = stall.serving.get_campaign(&arn).await.unwrap().campaign.value;
    assert_eq!((&campaign.solution_version_arn, campaign.served_before.len()), (&versions[0].solution_version_arn, 0));
    update(&versions[2]).await;
    stall.shop.training.delete_solution(&versions[0].solution_arn).await.unwrap();
    assert_eq!(stall.serving.rollback_campaign(&arn).await.unwrap_err().code, Some("CAMPAIGN_NEVER_CHANGED"));
}
