use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ::events::{CreateEventTracker, Events, PutEvents};
use ::runs::Registry;
use dataset::Domain;
use domain::arn::Partition;
use domain::{Arn, ErrorKind};
use serde_json::{Value, json};

use super::fixture::{Shop, products, shopping, videos, walks};
use super::{Stall, ask};
use crate::{CreateRecommender, GetRecommendations, Recommender, RecommenderConfig, RecommenderExecutor, Serving, UpdateRecommender};

impl Stall {
    /// A shop of a domain, in which nobody works yet.
    async fn closed(domain: Domain, interactions: &str, items: Option<&str>) -> Self {
        let shop = Shop::of_domain(domain, interactions, items).await;
        let folder = shop.installation.folder.path().join("events");
        let events = Events::open(&folder, shop.datasets.clone(), ::events::Settings::default()).await.unwrap();
        let serving = Serving::new(shop.training.clone(), events.live().clone(), Partition::default(), 7);
        Self { shop, events, serving }
    }

    async fn of_domain(domain: Domain, interactions: &str, items: Option<&str>) -> Self {
        let stall = Self::closed(domain, interactions, items).await;
        stall.work();
        stall
    }

    fn work(&self) -> tokio::task::JoinHandle<()> {
        let registry = Registry::default().with(RecommenderExecutor::new(self.serving.clone())).with(self.shop.executor());
        self.shop.installation.work(registry)
    }

    fn wanting(&self, name: &str, recipe: &str) -> CreateRecommender {
        CreateRecommender {
            name: name.into(),
            dataset_group_arn: self.shop.group.clone(),
            recipe_arn: Arn::recipe(recipe),
            recommender_config: None,
        }
    }

    /// A recommender that must become ACTIVE.
    async fn recommender(&self, recipe: &str) -> Recommender {
        let name = recipe.trim_start_matches("aws-");
        let recommender = self.serving.create_recommender(self.wanting(name, recipe)).await.unwrap();
        self.settled(&recommender.run).await.succeeded().unwrap();
        assert_eq!(self.serving.describe_recommender(&recommender.recommender_arn).await.unwrap().status(), "ACTIVE");
        recommender
    }

    fn recommended(&self, request: &GetRecommendations) -> Vec<String> {
        let answer = self.serving.get_recommendations(request).unwrap();
        assert!(answer.item_list.iter().all(|item| item.score.is_none()), "recommenders show no scores");
        answer.item_list.into_iter().map(|item| item.item_id).collect()
    }
}

fn asked(recommender: &Arn, user: Option<&str>, item: Option<&str>, count: i64) -> GetRecommendations {
    let request = json!({"recommenderArn": recommender, "userId": user, "itemId": item, "numResults": count});
    serde_json::from_value(request).unwrap()
}

/// What a user did, of one type in any case, by the CSV.
fn did(csv: &str, user: &str, event_type: &str) -> BTreeSet<String> {
    let cells = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let theirs = cells.filter(|cells| cells[0] == user && cells[3].eq_ignore_ascii_case(event_type));
    theirs.map(|cells| cells[1].to_owned()).collect()
}

/// The items of a type in the order of how many users have them; those that tie in any order.
fn counts(csv: &str, event_type: &str) -> std::collections::BTreeMap<String, usize> {
    let mut users: std::collections::BTreeMap<String, BTreeSet<String>> = std::collections::BTreeMap::new();
    for line in csv.lines() {
        let cells: Vec<&str> = line.split(',').collect();
        if cells[3].eq_ignore_ascii_case(event_type) {
            users.entry(cells[1].to_owned()).or_default().insert(cells[0].to_owned());
        }
    }
    users.into_iter().map(|(item, users)| (item, users.len())).collect()
}

#[tokio::test]
async fn a_recommender_trains_by_itself_and_leaves_out_all_that_was_ever_bought() {
    let csv = shopping();
    let stall = Stall::of_domain(Domain::Ecommerce, &csv, Some(&products())).await;
    let arn = stall.recommender("aws-ecomm-recommended-for-you").await.recommender_arn;
    assert_eq!(arn.as_str(), "arn:aws:personalize:us-east-1:123456789012:recommender/ecomm-recommended-for-you");
    for user in ["u1", "u2", "u4", "u7"] {
        let (bought, seen) = (did(&csv, user, "purchase"), did(&csv, user, "view"));
        let items: BTreeSet<String> = stall.recommended(&asked(&arn, Some(user), None, 500)).into_iter().collect();
        assert!(bought.len() > 2 && bought.is_disjoint(&items), "{user}: {bought:?} in {items:?}");
        // What was only looked at may well be bought.
        assert_eq!(items.len(), 60 - bought.len());
        assert!(seen.difference(&bought).all(|item| items.contains(item)));
    }
    let tracker = CreateEventTracker { name: "clicks".into(), dataset_group_arn: stall.shop.group.clone() };
    let tracking_id = stall.events.create_event_tracker(tracker).await.unwrap().tracking_id;
    let first = stall.recommended(&asked(&arn, Some("u4"), None, 1)).remove(0);
    for (event_type, left_out) in [("View", false), ("PURCHASE", true)] {
        let event = json!({"eventType": event_type, "sentAt": 1_800_000_000, "itemId": first});
        let call = json!({"trackingId": tracking_id, "userId": "u4", "sessionId": "s1", "eventList": [event]});
        stall.events.put_events(serde_json::from_value::<PutEvents>(call).unwrap()).await.unwrap();
        assert_eq!(!stall.recommended(&asked(&arn, Some("u4"), None, 500)).contains(&first), left_out, "after a {event_type}");
    }
    // A filter of the request narrows further, and what was bought is not promoted either.
    let filter = json!({"name": "dear", "datasetGroupArn": stall.shop.group, "filterExpression": "INCLUDE ItemID WHERE Items.PRICE > 7"});
    let filter = stall.serving.create_filter(serde_json::from_value(filter).unwrap()).await.unwrap().filter_arn;
    let mut request = asked(&arn, Some("u2"), None, 500);
    request.filter_arn = Some(filter.clone());
    let dear = stall.recommended(&request);
    let bought = did(&csv, "u2", "purchase");
    let is_dear = |item: &str| item.trim_start_matches(char::is_alphabetic).parse::<u32>().unwrap() >= 7;
    assert!(dear.iter().all(|item| is_dear(item) && !bought.contains(item)), "{dear:?}");
    assert_eq!(dear.len(), 32 - bought.iter().filter(|item| is_dear(item)).count());
    request.filter_arn = None;
    request.promotions = vec![serde_json::from_value(json!({"name": "week", "percentPromotedItems": 100, "filterArn": filter})).unwrap()];
    assert!(stall.recommended(&request).iter().all(|item| !bought.contains(item)));
}

#[tokio::test]
async fn each_use_case_counts_its_own_events_and_says_what_it_must_be_asked_with() {
    let csv = shopping();
    let stall = Stall::of_domain(Domain::Ecommerce, &csv, None).await;
    for (recipe, event_type) in [("aws-ecomm-popular-items-by-views", "view"), ("aws-ecomm-popular-items-by-purchases", "purchase")] {
        let arn = stall.recommender(recipe).await.recommender_arn;
        let items = stall.recommended(&asked(&arn, Some("u1"), None, 500));
        let counts = counts(&csv, event_type);
        let counted: Vec<usize> = items.iter().map(|item| counts[item]).collect();
        assert!(counted.is_sorted_by(|a, b| a >= b), "{recipe}: {counted:?}");
        assert_eq!(items.len(), counts.len());
        let error = stall.serving.get_recommendations(&asked(&arn, None, None, 5)).unwrap_err();
        assert_eq!((error.kind, error.message), (ErrorKind::InvalidInput, format!("userId is required by recipe {recipe}; found none.")));
    }
    let mut both = ask(&Partition::default().personalize("campaign", "x"), "u1", 5);
    both.recommender_arn = Some(Partition::default().personalize("recommender", "y"));
    assert_eq!(stall.serving.get_recommendations(&both).unwrap_err().kind, ErrorKind::InvalidInput);
    both.campaign_arn = None;
    let error = stall.serving.get_recommendations(&both).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    let there = "does not exist; there are ecomm-popular-items-by-purchases, ecomm-popular-items-by-views.";
    assert!(error.message.ends_with(there), "{error}");
}

/// Everything was watched, by the same tastes.
fn watching() -> String {
    walks().replace(",EVENT_VALUE", "").replace("purchase,", "WATCH")
}

#[tokio::test]
async fn related_items_are_asked_with_an_item_and_never_it_nor_what_the_user_had() {
    let (bought, watched) = (shopping(), watching());
    let shop = Stall::of_domain(Domain::Ecommerce, &bought, None).await;
    let films = Stall::of_domain(Domain::VideoOnDemand, &watched, Some(&videos())).await;
    for (stall, csv, recipe, left_out) in [
        (&shop, &bought, "aws-ecomm-frequently-bought-together", None),
        (&shop, &bought, "aws-ecomm-customers-who-viewed-x-also-viewed", Some("purchase")),
        (&films, &watched, "aws-vod-because-you-watched-x", Some("watch")),
        (&films, &watched, "aws-vod-more-like-x", Some("watch")),
    ] {
        let arn = stall.recommender(recipe).await.recommender_arn;
        let user = left_out.map(|_| "u2");
        let near = stall.recommended(&asked(&arn, user, Some("tea5"), 4));
        assert!(near.iter().all(|item| item.starts_with("tea")), "{recipe}: {near:?}");
        let all: BTreeSet<String> = stall.recommended(&asked(&arn, user, Some("tea5"), 500)).into_iter().collect();
        let had = left_out.map(|event_type| did(csv, "u2", event_type)).unwrap_or_default();
        assert!(!all.contains("tea5") && had.is_disjoint(&all), "{recipe}: {all:?}");
        let shown = 60 - had.len() - usize::from(!had.contains("tea5"));
        assert_eq!(all.len(), shown, "{recipe}");
        // The user's own taste, lamps, does not matter; an unknown item brings what is popular.
        let popular = stall.serving.get_recommendations(&asked(&arn, user, Some("no-such-item"), 3)).unwrap().item_list;
        assert!(popular.iter().all(|item| item.reason == ["Popular item"]), "{recipe}: {popular:?}");
        let lacking = stall.serving.get_recommendations(&asked(&arn, Some("u2"), None, 5)).unwrap_err();
        assert_eq!(lacking.message, format!("itemId is required by recipe {recipe}; found none."));
        if left_out.is_some() {
            let lacking = stall.serving.get_recommendations(&asked(&arn, None, Some("tea5"), 5)).unwrap_err();
            assert_eq!(lacking.message, format!("userId is required by recipe {recipe}; found none."));
        }
    }
}

#[tokio::test]
async fn videos_are_picked_popular_or_on_the_rise() {
    let csv = watching();
    let stall = Stall::of_domain(Domain::VideoOnDemand, &csv, Some(&videos())).await;
    let picks = stall.recommender("aws-vod-top-picks").await.recommender_arn;
    let popular = stall.recommender("aws-vod-most-popular").await.recommender_arn;
    let rising = stall.recommender("aws-vod-trending-now").await.recommender_arn;
    let watched = did(&csv, "u3", "watch");
    let picked: BTreeSet<String> = stall.recommended(&asked(&picks, Some("u3"), None, 500)).into_iter().collect();
    assert!(picked.is_disjoint(&watched) && picked.len() == 60 - watched.len(), "{picked:?}");
    assert!(stall.recommended(&asked(&picks, Some("u3"), None, 3)).iter().all(|item| item.starts_with("book")));
    // What counts for everybody leaves nothing out.
    assert_eq!(stall.recommended(&asked(&popular, Some("u3"), None, 500)).len(), 60);
    assert_eq!(stall.recommended(&asked(&rising, None, None, 500)).len(), 60);
    assert!(stall.serving.get_recommendations(&asked(&picks, None, None, 5)).unwrap_err().message.starts_with("userId is required"));
}

#[tokio::test]
async fn a_recommender_is_of_its_groups_domain_and_has_enough_events() {
    let stall = Stall::of_domain(Domain::Ecommerce, &shopping(), None).await;
    let refused = async |recipe: &str| stall.serving.create_recommender(stall.wanting("x", recipe)).await.unwrap_err();
    let error = refused("aws-vod-top-picks").await;
    assert_eq!(error.kind, ErrorKind::InvalidInput);
    assert!(error.message.contains("is of domain ECOMMERCE") && error.message.ends_with("aws-vod-top-picks, which is of VIDEO_ON_DEMAND."));
    assert!(refused("aws-user-personalization").await.message.ends_with("aws-user-personalization, which is for solutions."));
    assert_eq!(refused("aws-nothing").await.kind, ErrorKind::NotFound);
    let solution = stall.shop.training.create_solution(stall.shop.request("s", "aws-ecomm-recommended-for-you")).await.unwrap_err();
    assert!(solution.message.contains("is for recommenders: use CreateRecommender"), "{solution}");
    // A group with a domain has custom solutions too.
    stall.shop.trained("custom", "aws-user-personalization").await;

    let films = Stall::of_domain(Domain::VideoOnDemand, &walks().replace(",EVENT_VALUE", "").replace("purchase,", "click"), None).await;
    let error = films.serving.create_recommender(films.wanting("picks", "aws-vod-top-picks")).await.unwrap_err();
    assert!(error.message.contains("needs an Items dataset"), "{error}");
    films.shop.fill("Items", super::fixture::VIDEOS, &videos()).await;
    for recipe in ["aws-vod-top-picks", "aws-vod-most-popular"] {
        let recommender = films.serving.create_recommender(films.wanting(&recipe[4..], recipe)).await.unwrap();
        films.settled(&recommender.run).await;
        let view = films.serving.get_recommender(&recommender.recommender_arn).await.unwrap();
        assert_eq!(view.status(), "CREATE FAILED");
        let why = view.failure_reason().unwrap();
        assert!(why.starts_with("Training needs at least 1000 interactions of event type \"Watch\"; found 0 among 2640 events"), "{why}");
        films.serving.delete_recommender(&recommender.recommender_arn).await.unwrap();
    }

    let custom = Stall::open(&walks(), None).await;
    let error = custom.serving.create_recommender(custom.wanting("x", "aws-vod-most-popular")).await.unwrap_err();
    assert!(error.message.contains("\"shop\" has none: create a solution and a campaign"), "{error}");
}

#[tokio::test]
async fn an_update_trains_again_while_the_old_model_answers_and_a_deletion_leaves_nothing() {
    let stall = Stall::of_domain(Domain::Ecommerce, &shopping(), None).await;
    let made = stall.recommender("aws-ecomm-popular-items-by-views").await;
    let arn = made.recommender_arn;
    let request = |config: Value| -> UpdateRecommender {
        serde_json::from_value(json!({"recommenderArn": arn, "recommenderConfig": config})).unwrap()
    };
    for config in [
        json!({"minRecommendationRequestsPerSecond": 0}),
        json!({"itemExplorationConfig": {"explorationWeight": "7"}}),
        json!({"trainingDataConfig": {"excludedDatasetColumns": {"NOTHING": ["X"]}}}),
    ] {
        let error = stall.serving.update_recommender(request(config.clone())).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidInput, "{config}: {error}");
    }
    let updated = stall.serving.update_recommender(request(json!({"minRecommendationRequestsPerSecond": 3}))).await.unwrap();
    let update = updated.latest_recommender_update.unwrap();
    assert_eq!(stall.recommended(&asked(&arn, Some("u1"), None, 5)).len(), 5);
    let in_between = stall.serving.delete_recommender(&arn).await;
    assert_eq!(in_between.unwrap_err().kind, ErrorKind::InUse);
    stall.settled(&update.run).await.succeeded().unwrap();
    let view = stall.serving.describe_recommender(&arn).await.unwrap();
    assert_eq!((view.status(), view.update_status()), ("ACTIVE", Some("ACTIVE")));
    assert_eq!(
        view.recommender.recommender_config,
        RecommenderConfig { min_recommendation_requests_per_second: Some(3), ..Default::default() }
    );
    assert_ne!(view.recommender.solution_version_arn, made.solution_version_arn);
    let training = &stall.shop.training;
    assert!(training.get_solution_version(&made.solution_version_arn).await.is_err(), "the version before is gone");
    assert!(training.list_solution_versions(None).await.unwrap().is_empty(), "a recommender's versions are its own");

    let error = stall.shop.datasets.delete_dataset_group(&stall.shop.group).await.unwrap_err();
    assert!(error.message.contains("recommender \"ecomm-popular-items-by-views\""), "{error}");
    let folder = training.model(&view.recommender.solution_version_arn).await.unwrap().value.artifacts;
    let file = stall.shop.installation.artifacts.path(&format!("{folder}/{}", train::MODEL_FILE));
    assert!(file.exists());
    stall.serving.delete_recommender(&arn).await.unwrap();
    assert!(!file.exists());
    assert_eq!(stall.serving.get_recommendations(&asked(&arn, Some("u1"), None, 5)).unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(stall.serving.get_recommender(&arn).await.unwrap_err().kind, ErrorKind::NotFound);
    let error = stall.shop.datasets.delete_dataset_group(&stall.shop.group).await.unwrap_err();
    assert!(!error.message.contains("recommender"), "{error}");
}

#[tokio::test]
async fn a_stopped_recommender_answers_nobody_and_holds_no_memory_until_it_is_started() {
    let stall = Stall::of_domain(Domain::Ecommerce, &shopping(), None).await;
    let arn = stall.recommender("aws-ecomm-popular-items-by-views").await.recommender_arn;
    let before = stall.recommended(&asked(&arn, Some("u1"), None, 5));
    let model = Arc::downgrade(&stall.serving.deployed(Some(&arn)).unwrap().model);
    stall.serving.stop_recommender(&arn).await.unwrap();
    assert!(model.upgrade().is_none(), "nobody holds the model");
    assert_eq!(stall.serving.describe_recommender(&arn).await.unwrap().status(), "INACTIVE");
    let error = stall.serving.get_recommendations(&asked(&arn, Some("u1"), None, 5)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(error.message, format!("Recommender {arn} is INACTIVE and cannot answer."));
    let again = stall.serving.stop_recommender(&arn).await.unwrap_err();
    assert!(again.message.ends_with("is INACTIVE: only one that is ACTIVE can be stopped."), "{again}");
    // An update trains it, and stopped it stays.
    let request = UpdateRecommender { recommender_arn: arn.clone(), recommender_config: RecommenderConfig::default(), version: None };
    let update = stall.serving.update_recommender(request).await.unwrap().latest_recommender_update.unwrap();
    stall.settled(&update.run).await.succeeded().unwrap();
    assert_eq!(stall.serving.describe_recommender(&arn).await.unwrap().status(), "INACTIVE");
    stall.serving.start_recommender(&arn).await.unwrap();
    assert_eq!(stall.serving.describe_recommender(&arn).await.unwrap().status(), "ACTIVE");
    assert_eq!(stall.recommended(&asked(&arn, Some("u1"), None, 5)), before);
    assert!(stall.serving.start_recommender(&arn).await.is_err());
    // After a restart of the process as well.
    let second = Serving::new(stall.shop.training.clone(), stall.events.live().clone(), Partition::default(), 8);
    second.refresh().await.unwrap();
    assert_eq!(second.get_recommendations(&asked(&arn, Some("u1"), None, 5)).unwrap().item_list.len(), 5);
}

#[tokio::test]
async fn what_is_old_is_trained_again_once_its_data_changed() {
    let stall = Stall::of_domain(Domain::Ecommerce, &shopping(), None).await;
    let made = stall.recommender("aws-ecomm-popular-items-by-views").await;
    let arn = made.recommender_arn;
    assert_eq!(stall.serving.retrain_recommenders(0).await.unwrap(), 0, "the data are those of the training");
    let dataset = stall.shop.datasets.list_datasets(None).await.unwrap().remove(0).value;
    let more: String = (0..200).map(|user| format!("u{user},lamp7,1800000000,view\n")).collect();
    stall.shop.import(&dataset, "more", &(shopping() + &more)).await;
    assert_eq!(stall.serving.retrain_recommenders(3_600_000).await.unwrap(), 0, "its version is young");
    assert_eq!(stall.serving.retrain_recommenders(0).await.unwrap(), 1);
    let update = stall.serving.get_recommender(&arn).await.unwrap().recommender.value.latest_recommender_update.unwrap();
    assert_eq!(stall.serving.retrain_recommenders(0).await.unwrap(), 0, "one is under way or done");
    stall.settled(&update.run).await.succeeded().unwrap();
    assert_eq!(stall.recommended(&asked(&arn, Some("u1"), None, 1)), ["lamp7"]);
    assert_ne!(stall.serving.get_recommender(&arn).await.unwrap().recommender.solution_version_arn, made.solution_version_arn);
    stall.shop.import(&dataset, "less", &shopping()).await;
    stall.serving.stop_recommender(&arn).await.unwrap();
    assert_eq!(stall.serving.retrain_recommenders(0).await.unwrap(), 0, "a stopped one rests");
}

#[tokio::test]
async fn a_killed_creation_goes_on_with_the_training_that_it_began() {
    let stall = Stall::closed(Domain::Ecommerce, &shopping(), None).await;
    let made = stall.serving.create_recommender(stall.wanting("best", "aws-ecomm-popular-items-by-purchases")).await.unwrap();
    let arn = made.recommender_arn;
    assert_eq!(stall.serving.describe_recommender(&arn).await.unwrap().status(), "CREATE PENDING");
    // Nobody trains, so it waits when it is killed.
    let alone = Registry::default().with(RecommenderExecutor::new(stall.serving.clone()));
    let worker = stall.shop.installation.work(alone);
    for _ in 0..2_000 {
        if stall.serving.get_recommender(&arn).await.unwrap().status() == "CREATE IN_PROGRESS" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(stall.serving.get_recommender(&arn).await.unwrap().status(), "CREATE IN_PROGRESS");
    assert!(stall.serving.get_recommendations(&asked(&arn, Some("u1"), None, 5)).unwrap_err().message.contains("CREATE"));
    worker.abort();
    let _ = worker.await;
    stall.work();
    stall.settled(&made.run).await.succeeded().unwrap();
    let view = stall.serving.describe_recommender(&arn).await.unwrap();
    assert_eq!((view.status(), &view.recommender.solution_version_arn), ("ACTIVE", &made.solution_version_arn));
    assert_eq!(stall.recommended(&asked(&arn, Some("u1"), None, 5)).len(), 5);
}
