//! Filters from their creation to the answers, over real datasets and live events.

use std::collections::BTreeMap;

use domain::{Arn, ErrorKind};
use events::{CreateEventTracker, LiveHistory, PutEvents};
use serde_json::json;

use super::fixture::{titles, walks};
use super::{Stall, ask, rank};
use crate::filter::CreateFilter;
use crate::{GetPersonalizedRanking, GetRecommendations, Promotion, Serving};

const USERS: &str = r#"{"type":"record","name":"Users","fields":[{"name":"USER_ID","type":"string"},
 {"name":"AGE","type":["null","int"]}],"version":"1.0"}"#;

/// A stall with a campaign that shows what users already have.
async fn stall() -> (Stall, Arn) {
    let stall = Stall::open(&walks(), Some(&titles())).await;
    stall.shop.fill("Users", USERS, "USER_ID,AGE\nu4,12\nu8,40\n").await;
    let version = stall.shop.trained("likes", "aws-user-personalization").await;
    let campaign = stall.campaign(Stall::request("home", &version)).await.campaign_arn;
    (stall, campaign)
}

async fn filter(stall: &Stall, name: &str, expression: &str) -> Arn {
    let new = CreateFilter { name: name.into(), dataset_group_arn: stall.shop.group.clone(), filter_expression: expression.into() };
    stall.serving.create_filter(new).await.unwrap_or_else(|error| panic!("{expression}: {error}")).filter_arn
}

fn with(campaign: &Arn, user: &str, filter: &Arn, values: &[(&str, &str)]) -> GetRecommendations {
    let filter_values: BTreeMap<String, String> = values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    GetRecommendations { filter_arn: Some(filter.clone()), filter_values, exclude_seen: Some(false), ..ask(campaign, user, 500) }
}

fn items(serving: &Serving, request: &GetRecommendations) -> Vec<String> {
    serving.get_recommendations(request).unwrap().item_list.into_iter().map(|item| item.item_id).collect()
}

fn bought(user: &str) -> Vec<String> {
    let prefix = format!("{user},");
    walks().lines().filter_map(|line| line.strip_prefix(&prefix)).map(|rest| rest.split(',').next().unwrap().to_owned()).collect()
}

fn event(tracking_id: &str, user: Option<&str>, session: &str, item: &str, event_type: &str, sent_at: i64) -> PutEvents {
    let event = json!({"eventType": event_type, "sentAt": sent_at, "itemId": item});
    serde_json::from_value(json!({"trackingId": tracking_id, "userId": user, "sessionId": session, "eventList": [event]})).unwrap()
}

async fn track(stall: &Stall) -> String {
    let new = CreateEventTracker { name: "clicks".into(), dataset_group_arn: stall.shop.group.clone() };
    stall.events.create_event_tracker(new).await.unwrap().tracking_id
}

#[tokio::test]
async fn what_was_bought_a_second_ago_is_dropped_and_so_is_all_of_the_past() {
    let (stall, campaign) = stall().await;
    let purchases = filter(&stall, "bought", r#"EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("Purchase")"#).await;
    let request = with(&campaign, "u4", &purchases, &[]);
    let had = bought("u4");
    let before = items(&stall.serving, &request);
    assert!(before.contains(&"lamp9".to_owned()) && !before.iter().any(|item| had.contains(item)), "{before:?}");
    assert_eq!(before.len(), 61 - had.iter().collect::<std::collections::BTreeSet<_>>().len());
    let tracking_id = track(&stall).await;
    let now = stall.shop.installation.store.clock().now().seconds();
    stall.events.put_events(event(&tracking_id, Some("u4"), "s", "lamp9", "view", now)).await.unwrap();
    assert!(items(&stall.serving, &request).contains(&"lamp9".to_owned()));
    stall.events.put_events(event(&tracking_id, Some("u4"), "s", "lamp9", "PURCHASE", now)).await.unwrap();
    let after = items(&stall.serving, &request);
    assert!(!after.contains(&"lamp9".to_owned()) && after.len() == before.len() - 1, "{after:?}");
    // Others may still see it, and so may this user when the purchase is long ago.
    assert!(
        items(&stall.serving, &with(&campaign, "u8", &purchases, &[])).contains(&"lamp9".to_owned())
            || bought("u8").contains(&"lamp9".into())
    );
    let recent = r#"EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase") AND Interactions.TIMESTAMP > now() - 7 days"#;
    let recent = filter(&stall, "recent", recent).await;
    let shown = items(&stall.serving, &with(&campaign, "u4", &recent, &[]));
    assert!(shown.len() == 60 && !shown.contains(&"lamp9".to_owned()) && shown.contains(&had[0]), "{shown:?}");
}

#[tokio::test]
async fn events_count_once_they_are_in_the_dataset_whoever_remembers_them_and_sessions_find_their_user() {
    let (stall, campaign) = stall().await;
    let seen = filter(&stall, "seen", r#"EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view")"#).await;
    let tracking_id = track(&stall).await;
    // Knows nothing that is not in the datasets.
    let other = Serving::new(stall.shop.training.clone(), LiveHistory::new(10, 10), domain::arn::Partition::default(), 8);
    other.refresh().await.unwrap();
    let request = with(&campaign, "u4", &seen, &[]);
    assert_eq!(items(&other, &request).len(), 61);
    for (turn, item) in ["lamp1", "lamp2", "lamp3"].into_iter().enumerate() {
        // The last is of a visitor who says only afterwards who they are.
        let user = (turn < 2).then_some("u4");
        stall.events.put_events(event(&tracking_id, user, "s9", item, "view", 1_800_000_000)).await.unwrap();
        stall.events.flush().await.unwrap();
        other.refresh().await.unwrap();
        let shown = items(&other, &request);
        assert_eq!((shown.len(), shown.contains(&item.to_owned())), (60 - turn.min(1), user.is_none()), "{item}");
    }
    assert_eq!(items(&other, &with(&campaign, "s9", &seen, &[])).len(), 60);
    stall.events.put_events(event(&tracking_id, Some("u4"), "s9", "tea1", "cart", 1_800_000_000)).await.unwrap();
    stall.events.flush().await.unwrap();
    other.refresh().await.unwrap();
    let shown = items(&other, &request);
    assert!(shown.len() == 58 && !shown.contains(&"lamp3".to_owned()), "{shown:?}");
    assert_eq!(items(&other, &with(&campaign, "s9", &seen, &[])).len(), 61);
}

#[tokio::test]
async fn items_are_as_the_last_import_says_and_values_come_with_the_request() {
    let (stall, campaign) = stall().await;
    let genre = filter(&stall, "genre", "INCLUDE ItemID WHERE Items.GENRE IN ($g)").await;
    let teas = items(&stall.serving, &with(&campaign, "u4", &genre, &[("g", "\"1\"")]));
    assert!(teas.len() == 15 && teas.iter().all(|item| item.starts_with("tea")), "{teas:?}");
    let both = items(&stall.serving, &with(&campaign, "u4", &genre, &[("g", "\"1\",\"0\",\"none\"")]));
    assert_eq!(both.len(), 31);
    let dataset = stall.shop.datasets.find_dataset(&stall.shop.group, dataset::DatasetType::Items).await.unwrap().unwrap();
    stall.shop.import(&dataset, "again", &titles().replace("lamp7,2", "lamp7,5|1")).await;
    stall.serving.refresh().await.unwrap();
    assert_eq!(items(&stall.serving, &with(&campaign, "u4", &genre, &[("g", "\"5\"")])), ["lamp7"]);
    assert_eq!(items(&stall.serving, &with(&campaign, "u4", &genre, &[("g", "\"1\"")])).len(), 16);
    let says = |values: &[(&str, &str)]| stall.serving.get_recommendations(&with(&campaign, "u4", &genre, values)).unwrap_err();
    assert_eq!(says(&[]).message, "The filter needs a value for $g in filterValues; found none.");
    assert_eq!(says(&[("h", "\"1\"")]).message, "The filter has no parameter $h; there are g.");
    assert!(says(&[("g", "1")]).message.contains("with the double quotes"));
    let mut homeless = with(&campaign, "u4", &genre, &[("g", "\"1\"")]);
    homeless.filter_arn = None;
    let error = stall.serving.get_recommendations(&homeless).unwrap_err();
    assert_eq!(error.message, "filterValues needs a filterArn; found a value for g and no filter.");
}

#[tokio::test]
async fn users_the_current_item_and_limits_have_their_say() {
    let (stall, campaign) = stall().await;
    let young = filter(&stall, "young", r#"EXCLUDE ItemID WHERE Items.GENRE IN ("2", "3") IF CurrentUser.AGE < 18"#).await;
    assert_eq!(items(&stall.serving, &with(&campaign, "u4", &young, &[])).len(), 31);
    assert_eq!(items(&stall.serving, &with(&campaign, "u8", &young, &[])).len(), 61);
    assert_eq!(items(&stall.serving, &with(&campaign, "nobody", &young, &[])).len(), 61);
    let alike = filter(&stall, "alike", "INCLUDE ItemID WHERE Items.GENRE IN CurrentItem.GENRE").await;
    let mut request = with(&campaign, "u4", &alike, &[]);
    let error = stall.serving.get_recommendations(&request).unwrap_err();
    assert_eq!(error.message, "itemId is required by filter \"alike\", which names CurrentItem; found none.");
    request.item_id = Some("book3".into());
    assert!(items(&stall.serving, &request).iter().all(|item| item.starts_with("book")));
    let mix = filter(&stall, "mix", "LIMIT $n PER Items.GENRE").await;
    let mut request = with(&campaign, "u4", &mix, &[("n", "2")]);
    let everything = items(&stall.serving, &request);
    assert_eq!(everything.len(), 8);
    request.num_results = Some(5);
    assert_eq!(items(&stall.serving, &request), everything[..5]);
    // The first two of each are the best of each.
    let free = items(&stall.serving, &GetRecommendations { filter_arn: None, filter_values: BTreeMap::new(), ..request });
    assert_eq!(free[..2], everything[..2]);
}

#[tokio::test]
async fn rankings_drop_what_does_not_pass() {
    let (stall, campaign) = stall().await;
    let teas = filter(&stall, "teas", r#"INCLUDE ItemID WHERE Items.GENRE = "1""#).await;
    let lamps = filter(&stall, "no-lamps", r#"EXCLUDE ItemID WHERE Items.GENRE = "2""#).await;
    let ranked = |filter: &Arn| {
        let mut request = rank(&campaign, "u4", &["lamp1", "unknown", "tea3", "book2"]);
        request.filter_arn = Some(filter.clone());
        let ranking = stall.serving.get_personalized_ranking(&request).unwrap().personalized_ranking;
        ranking.into_iter().map(|item| item.item_id).collect::<Vec<_>>()
    };
    assert_eq!(ranked(&teas), ["tea3"]);
    let kept = ranked(&lamps);
    assert!(kept.len() == 3 && kept[2] == "unknown", "{kept:?}");
}

#[tokio::test]
async fn what_was_bought_a_second_ago_is_dropped_from_a_ranking_also_where_nobody_knew_the_item() {
    let (stall, campaign) = stall().await;
    let bought = filter(&stall, "bought", r#"EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase")"#).await;
    let only = filter(&stall, "only", r#"INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase")"#).await;
    // More than fit the last word of the bits that say what passes.
    let novelties: Vec<String> = (0..70).map(|n| format!("novelty{n}")).collect();
    let ranked = |filter: &Arn| {
        let list: Vec<&str> = novelties.iter().map(String::as_str).collect();
        let request = GetPersonalizedRanking { filter_arn: Some(filter.clone()), ..rank(&campaign, "u1", &list) };
        let ranking = stall.serving.get_personalized_ranking(&request).unwrap().personalized_ranking;
        ranking.into_iter().map(|item| item.item_id).collect::<Vec<_>>()
    };
    assert_eq!((ranked(&bought).len(), ranked(&only).len()), (70, 0));
    let tracking_id = track(&stall).await;
    for item in &novelties[1..] {
        stall.events.put_events(event(&tracking_id, Some("u1"), "s", item, "purchase", 1_800_000_000)).await.unwrap();
    }
    assert_eq!(ranked(&bought), novelties[..1]);
    assert_eq!(ranked(&only), novelties[1..]);
}

#[tokio::test]
async fn promotions_get_their_places_and_only_those() {
    let (stall, campaign) = stall().await;
    let books = filter(&stall, "books", "INCLUDE ItemID WHERE Items.GENRE IN ($g)").await;
    let teas = filter(&stall, "teas", r#"INCLUDE ItemID WHERE Items.GENRE = "1""#).await;
    let promotion = Promotion {
        name: Some("reading".into()),
        percent_promoted_items: Some(40),
        filter_arn: Some(books),
        filter_values: [("g".to_owned(), "\"3\"".to_owned())].into(),
    };
    let request = GetRecommendations { promotions: vec![promotion.clone()], num_results: Some(10), ..with(&campaign, "u4", &teas, &[]) };
    let answer = stall.serving.get_recommendations(&request).unwrap().item_list;
    let promoted: Vec<&str> =
        answer.iter().filter(|item| item.promotion_name.as_deref() == Some("reading")).map(|item| item.item_id.as_str()).collect();
    assert!(promoted.len() == 4 && promoted.iter().all(|item| item.starts_with("book")), "{answer:?}");
    assert_eq!(answer.iter().filter(|item| item.item_id.starts_with("tea") && item.promotion_name.is_none()).count(), 6);
    let places =
        || stall.serving.get_recommendations(&request).unwrap().item_list.iter().map(|i| i.promotion_name.is_some()).collect::<Vec<_>>();
    let first = places();
    assert!((0..20).any(|_| places() != first), "promoted items always stand at {first:?}");
    let wrong = Promotion { percent_promoted_items: Some(0), ..promotion.clone() };
    let error = stall.serving.get_recommendations(&GetRecommendations { promotions: vec![wrong], ..request.clone() }).unwrap_err();
    assert_eq!(error.message, "percentPromotedItems is 1 to 100; found 0.");
    let error =
        stall.serving.get_recommendations(&GetRecommendations { promotions: vec![promotion.clone(), promotion], ..request }).unwrap_err();
    assert_eq!(error.message, "promotions has at most one entry; found 2.");
}

#[tokio::test]
async fn filters_are_created_described_listed_held_and_deleted() {
    let (stall, campaign) = stall().await;
    let new = |name: &str, expression: &str| CreateFilter {
        name: name.into(),
        dataset_group_arn: stall.shop.group.clone(),
        filter_expression: expression.into(),
    };
    let error = stall.serving.create_filter(new("f", "INCLUDE ItemID WHERE Items.GENER IN (*)")).await.unwrap_err();
    assert_eq!(error.code, Some("FILTER_INVALID"));
    let arn = filter(&stall, "f", "INCLUDE ItemID WHERE Items.GENRE IN (*)").await;
    assert_eq!(arn.as_str(), "arn:aws:personalize:us-east-1:123456789012:filter/f");
    let again = stall.serving.create_filter(new("f", "INCLUDE ItemID WHERE Items.GENRE IN (*)")).await.unwrap_err();
    assert_eq!(again.kind, ErrorKind::AlreadyExists);
    assert_eq!(stall.serving.get_filter(&arn).await.unwrap().filter_expression, "INCLUDE ItemID WHERE Items.GENRE IN (*)");
    assert_eq!(stall.serving.list_filters(Some(&stall.shop.group)).await.unwrap().len(), 1);
    let users = filter(&stall, "users", "INCLUDE UserID WHERE Users.AGE > 3").await;
    let error = stall.serving.get_recommendations(&with(&campaign, "u4", &users, &[])).unwrap_err();
    assert_eq!(error.message, "Filter \"users\" is about UserID; recommendations of items need one about ItemID.");
    stall.serving.delete_filter(&arn).await.unwrap();
    let error = stall.serving.get_recommendations(&with(&campaign, "u4", &arn, &[])).unwrap_err();
    assert_eq!((error.kind, error.message), (ErrorKind::NotFound, format!("Filter {arn} does not exist; there are users.")));
    // The same name with another meaning.
    let arn = filter(&stall, "f", "EXCLUDE ItemID WHERE Items.GENRE IN (*)").await;
    assert_eq!(items(&stall.serving, &with(&campaign, "u4", &arn, &[])), Vec::<String>::new());
}
