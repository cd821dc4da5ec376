use std::collections::BTreeSet;

use domain::ErrorKind;

use super::fixture::{item, titles, walks};
use super::{Stall, ask, rank};
use crate::{CampaignConfig, GetRecommendations, PenchantConfig};

#[tokio::test]
async fn a_known_user_gets_what_comes_next_in_their_taste() {
    let stall = Stall::open(&walks(), Some(&titles())).await;
    let version = stall.shop.trained("likes", "aws-user-personalization").await;
    let campaign = stall.campaign(Stall::request("home", &version)).await.campaign_arn;
    let answer = stall.ask(&campaign, "u4", 3);
    let mine = |id: &str| id.starts_with("socks");
    assert!(answer.item_list.iter().all(|item| mine(&item.item_id) && item.reason.is_empty()), "{answer:?}");
    let shares: Vec<f64> = answer.item_list.iter().map(|item| item.score.unwrap()).collect();
    assert!(shares.is_sorted_by(|a, b| a >= b) && shares[2] > 0.0, "{shares:?}");
    let all = stall.ask(&campaign, "u4", 500);
    let whole: f64 = stall
        .serving
        .get_recommendations(&GetRecommendations { exclude_seen: Some(false), ..ask(&campaign, "u4", 500) })
        .unwrap()
        .item_list
        .iter()
        .map(|item| item.score.unwrap())
        .sum();
    assert!((whole - 1.0).abs() < 1e-5, "{whole}");
    let seen: BTreeSet<String> =
        walks().lines().filter_map(|line| line.strip_prefix("u4,")).map(|rest| rest.split(',').next().unwrap().to_owned()).collect();
    assert_eq!(all.item_list.len(), 61 - seen.len());
    assert!(all.item_list.iter().all(|item| !seen.contains(&item.item_id)));
}

#[tokio::test]
async fn reasons_name_products_and_what_the_customer_did() {
    let stall = Stall::open(&walks(), Some(&titles())).await;
    let version = stall.shop.trained("likes", "aws-user-personalization").await;
    let campaign = stall.campaign(Stall::request("home", &version)).await.campaign_arn;
    let explained = stall.serving.explain(&ask(&campaign, "u4", 2)).unwrap();
    assert!(explained[0].name.starts_with("The socks"), "{explained:?}");
    assert!(explained[0].reason.starts_with("Because you bought The socks"), "{explained:?}");
    let stranger = stall.serving.explain(&ask(&campaign, "nobody", 1)).unwrap();
    assert_eq!(stranger[0].reason, "Popular with everybody");
    let last = stall.serving.explain(&ask(&campaign, "nobody", 61)).unwrap().pop().unwrap();
    assert_eq!((last.item_id.as_str(), last.reason.as_str()), ("new1", "Nothing is known about it yet"));
}

#[tokio::test]
async fn an_unknown_user_gets_best_sellers_and_ids_do_not_repeat() {
    let stall = Stall::open(&walks(), None).await;
    let personal = stall.shop.trained("likes", "aws-user-personalization").await;
    let popular = stall.shop.trained("best", "aws-popularity-count").await;
    let personal = stall.campaign(Stall::request("home", &personal)).await.campaign_arn;
    let popular = stall.campaign(Stall::request("best", &popular)).await.campaign_arn;
    assert_eq!(stall.items(&personal, "nobody", 10), stall.items(&popular, "nobody", 10));
    let answer = stall.ask(&personal, "nobody", 10);
    assert!(answer.item_list.iter().all(|item| item.reason == ["Popular item"]));
    let best = stall.ask(&popular, "nobody", 1).item_list.remove(0);
    assert_eq!((best.score, best.reason.as_slice()), (None, ["Popular item".to_owned()].as_slice()));
    let ids: BTreeSet<String> = (0..1000).map(|_| stall.ask(&popular, "u1", 1).recommendation_id).collect();
    assert_eq!(ids.len(), 1000);
    assert!(ids.iter().all(|id| id.len() == 40 && id.starts_with("RID-") && &id[18..19] == "4"), "{ids:?}");
    let no_user = GetRecommendations { campaign_arn: Some(popular), ..GetRecommendations::default() };
    assert_eq!(stall.serving.get_recommendations(&no_user).unwrap().item_list.len(), 25);
}

#[tokio::test]
async fn a_given_list_is_put_in_order_with_unknown_items_last() {
    let stall = Stall::open(&walks(), None).await;
    let version = stall.shop.trained("rank", "aws-personalized-ranking").await;
    let campaign = stall.campaign(Stall::request("search", &version)).await.campaign_arn;
    let next = stall.items(&campaign, "u4", 1).remove(0);
    let list = ["unknown-b", "lamp3", &next, "unknown-a", "book2"];
    let ranking = stall.serving.get_personalized_ranking(&rank(&campaign, "u4", &list)).unwrap().personalized_ranking;
    let order: Vec<&str> = ranking.iter().map(|item| item.item_id.as_str()).collect();
    assert_eq!(order[0], next);
    assert_eq!(order[3..], ["unknown-b", "unknown-a"]);
    let shares: Vec<Option<f64>> = ranking.iter().map(|item| item.score).collect();
    assert_eq!(shares[3..], [None, None]);
    assert!((shares.iter().flatten().sum::<f64>() - 1.0).abs() < 1e-5);
    let nothing_known = stall.serving.get_personalized_ranking(&rank(&campaign, "u4", &["x", "y"])).unwrap();
    assert!(nothing_known.personalized_ranking.iter().all(|item| item.score.is_none()));
}

#[tokio::test]
async fn what_a_customer_has_can_be_left_out_or_let_in() {
    let stall = Stall::open(&walks(), None).await;
    let version = stall.shop.trained("likes", "aws-user-personalization").await;
    let config =
        |exclude_seen| CampaignConfig { penchant: Some(PenchantConfig { exclude_seen: Some(exclude_seen) }), ..CampaignConfig::default() };
    let mut without = Stall::request("without", &version);
    without.campaign_config = Some(config(true));
    let without = stall.campaign(without).await.campaign_arn;
    let mut with = Stall::request("with", &version);
    // As AWS's clients can say it.
    with.campaign_config =
        Some(serde_json::from_value(serde_json::json!({"itemExplorationConfig": {"penchant.excludeSeen": "false"}})).unwrap());
    let with = stall.campaign(with).await.campaign_arn;
    let had: BTreeSet<String> = (0..15).map(|place| item(0, place)).collect();
    let shown = stall.items(&with, "u4", 61);
    assert_eq!(shown.len(), 60);
    assert!(had.iter().all(|item| shown.contains(item)));
    assert!(stall.items(&without, "u4", 61).len() < 52);
}

#[tokio::test]
async fn wrong_questions_get_one_clear_sentence() {
    let stall = Stall::open(&walks(), None).await;
    let version = stall.shop.trained("likes", "aws-user-personalization").await;
    let campaign = stall.campaign(Stall::request("home", &version)).await.campaign_arn;
    let says = |request: &GetRecommendations| stall.serving.get_recommendations(request).unwrap_err();
    let unknown = domain::arn::Partition::default().personalize("campaign", "hom");
    let error = says(&ask(&unknown, "u1", 5));
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(error.message, format!("Campaign {unknown} does not exist; there is home."));
    let error = says(&GetRecommendations { user_id: None, ..ask(&campaign, "", 5) });
    assert_eq!(error.message, "userId is required by recipe aws-user-personalization; found none.");
    assert_eq!(says(&ask(&campaign, "u1", 0)).message, "numResults is 1 to 500; found 0.");
    assert_eq!(says(&ask(&campaign, "u1", 501)).message, "numResults is 1 to 500; found 501.");
    let described = serde_json::json!({"campaignArn": campaign, "userId": "u1", "metadataColumns": {"ITEMS": ["TITLE"]}});
    assert_eq!(says(&serde_json::from_value(described).unwrap()).message, "metadataColumns is not offered: leave it out.");
    let filtered = serde_json::json!({"campaignArn": campaign, "userId": "u1", "filterArn": "arn:aws:personalize:::filter/x"});
    let error = says(&serde_json::from_value(filtered).unwrap());
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::NotFound, "Filter arn:aws:personalize:::filter/x does not exist; there are none.")
    );
    let unfiltered = serde_json::json!({"campaignArn": campaign, "userId": "u1", "promotions": [], "context": {"DEVICE": "phone"}});
    stall.serving.get_recommendations(&serde_json::from_value(unfiltered).unwrap()).unwrap();
    let error = stall.serving.get_personalized_ranking(&rank(&campaign, "u1", &[])).unwrap_err();
    assert_eq!(error.message, "inputList has 1 to 500 item ids; found 0.");
}
