use events::{CreateEventTracker, PutEvents};
use serde_json::json;

use super::fixture::{titles, walks};
use super::{Stall, ask};

async fn track(stall: &Stall) -> String {
    let new = CreateEventTracker { name: "clicks".into(), dataset_group_arn: stall.shop.group.clone() };
    stall.events.create_event_tracker(new).await.unwrap().tracking_id
}

fn call(tracking_id: &str, user: Option<&str>, session: &str, item: &str, event_type: &str) -> PutEvents {
    let event = json!({"eventType": event_type, "sentAt": 1_800_000_000, "itemId": item});
    serde_json::from_value(json!({"trackingId": tracking_id, "userId": user, "sessionId": session, "eventList": [event]})).unwrap()
}

#[tokio::test]
async fn what_a_user_does_changes_the_next_answer_at_once() {
    let stall = Stall::open(&walks(), Some(&titles())).await;
    let version = stall.shop.trained("likes", "aws-user-personalization").await;
    let campaign = stall.campaign(Stall::request("home", &version)).await.campaign_arn;
    let tracking_id = track(&stall).await;
    let before = stall.items(&campaign, "u4", 5);
    assert!(!before.contains(&"tea4".to_owned()), "{before:?}");
    stall.events.put_events(call(&tracking_id, Some("u4"), "s1", "tea3", "purchase")).await.unwrap();
    let after = stall.items(&campaign, "u4", 5);
    assert!(after.contains(&"tea4".to_owned()) && !after.contains(&"tea3".to_owned()), "{after:?}");
    let explained = stall.serving.explain(&ask(&campaign, "u4", 5)).unwrap();
    let follower = explained.iter().find(|line| line.item_id == "tea4").unwrap();
    assert_eq!(follower.reason, "Because you bought The tea3, no. 3");
    assert_eq!(stall.items(&campaign, "u8", 5).len(), 5);
}

#[tokio::test]
async fn a_new_visitor_is_known_after_the_first_event_and_unknown_items_change_nothing() {
    let stall = Stall::open(&walks(), None).await;
    let version = stall.shop.trained("likes", "aws-user-personalization").await;
    let campaign = stall.campaign(Stall::request("home", &version)).await.campaign_arn;
    let tracking_id = track(&stall).await;
    let popular = stall.items(&campaign, "visitor", 5);
    stall.events.put_events(call(&tracking_id, None, "visitor", "not-sold-here", "purchase")).await.unwrap();
    assert_eq!(stall.items(&campaign, "visitor", 5), popular);
    stall.events.put_events(call(&tracking_id, None, "visitor", "lamp7", "purchase")).await.unwrap();
    assert!(stall.items(&campaign, "visitor", 3).iter().all(|item| item.starts_with("lamp")));
}

#[tokio::test]
async fn events_of_a_type_that_does_not_train_do_not_count() {
    let stall = Stall::open(&walks(), None).await;
    let mut request = stall.shop.request("bought", "aws-user-personalization");
    request.event_type = Some("purchase".into());
    let solution = stall.shop.training.create_solution(request).await.unwrap();
    let version = stall.shop.train(&solution).await;
    let campaign = stall.campaign(Stall::request("home", &version)).await.campaign_arn;
    let tracking_id = track(&stall).await;
    let before = stall.items(&campaign, "u4", 5);
    stall.events.put_events(call(&tracking_id, Some("u4"), "s1", "tea3", "view")).await.unwrap();
    assert_eq!(stall.items(&campaign, "u4", 5), before);
    stall.events.put_events(call(&tracking_id, Some("u4"), "s1", "tea3", "PURCHASE")).await.unwrap();
    assert_ne!(stall.items(&campaign, "u4", 5), before);
}

#[tokio::test]
async fn events_that_are_in_the_training_data_count_once() {
    let stall = Stall::open(&walks(), None).await;
    let solution = stall.shop.solution("likes", "aws-user-personalization").await;
    let first = stall.shop.train(&solution).await;
    let old = stall.campaign(Stall::request("old", &first)).await.campaign_arn;
    let tracking_id = track(&stall).await;
    stall.events.put_events(call(&tracking_id, Some("u4"), "s1", "tea3", "purchase")).await.unwrap();
    assert_eq!(stall.events.flush().await.unwrap().rows, 1);
    let second = stall.shop.train(&solution).await;
    let new = stall.campaign(Stall::request("new", &second)).await.campaign_arn;
    let length = async |version: &train::SolutionVersion| {
        let (group, model) = stall.serving.load(&version.solution_version_arn).await.unwrap();
        model.history("u4", &stall.events.live().get(&group, "u4")).len()
    };
    assert_eq!((length(&first).await, length(&second).await), (12, 12));
    for campaign in [old, new] {
        assert!(stall.items(&campaign, "u4", 5).contains(&"tea4".to_owned()), "{campaign}");
    }
}
