use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use testkit::ManualClock;

use super::house::{House, Listener, until};
use crate::{Settings, verify_signature};

/// The example of the Standard Webhooks specification.
#[test]
fn signs_as_the_specification_does() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", br#"{"test": 2432232314}"#);
    let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert!(verify_signature(secret, id, 1_614_265_330, body, signature));
    assert!(verify_signature(secret, id, 1_614_265_330, body, &format!("v1,AAAA v2,x {signature}")));
    assert!(!verify_signature(secret, id, 1_614_265_331, body, signature));
    assert!(!verify_signature("other", id, 1_614_265_330, body, signature));
    assert!(!verify_signature("whsec_***", id, 1_614_265_330, body, signature));
}

#[tokio::test]
async fn a_cloud_event_arrives_signed() {
    let (house, listener) = (House::new().await, Listener::start().await);
    let file = house.installation.folder.path().join("secret");
    std::fs::write(&file, "whsec_c2VjcmV0\n").unwrap();
    let secret = format!("${{file:{}}}", file.display());
    house.rule("r", json!([{"Id": "hook", "Arn": listener.url("ok?token=x"), "SigningSecret": secret}])).await;
    let ids = house.put(1).await;
    let _work = house.work();
    until("delivered", async || house.is_idle().await).await;
    let [receipt] = &listener.at("ok")[..] else { panic!() };
    assert_eq!(receipt.header("content-type"), "application/cloudevents+json; charset=UTF-8");
    let seconds = receipt.header("webhook-timestamp").parse().unwrap();
    assert!(verify_signature("whsec_c2VjcmV0", &ids[0], seconds, &receipt.body, receipt.header("webhook-signature")));
    let mut event = receipt.json();
    let time = event.as_object_mut().unwrap().remove("time").unwrap();
    assert!(time.as_str().unwrap().ends_with('Z'));
    let expected = json!({
        "specversion": "1.0", "id": ids[0], "source": "shop", "type": "Order", "datacontenttype": "application/json",
        "account": "123456789012", "region": "us-east-1", "data": {"n": 0}
    });
    assert_eq!(event, expected);
}

#[tokio::test]
async fn failures_are_tried_again_then_listed_and_redelivered() {
    let (house, listener) = (House::new().await, Listener::start().await);
    let twice = json!({"MaximumRetryAttempts": 2});
    house
        .rule(
            "r",
            json!([
                {"Id": "flaky", "Arn": listener.url("flaky")},
                {"Id": "broken", "Arn": listener.url("broken?token=secret"), "RetryPolicy": twice},
                {"Id": "gone", "Arn": listener.url("gone")},
                {"Id": "moved", "Arn": listener.url("moved"), "RetryPolicy": twice},
                {"Id": "closed", "Arn": "http://127.0.0.1:1/", "RetryPolicy": twice},
                {"Id": "unsigned", "Arn": listener.url("ok"), "SigningSecret": "${env:PENCHANT_NOT_SET}", "RetryPolicy": twice},
                {"Id": "late", "Arn": listener.url("slow"), "TimeoutSeconds": 1, "RetryPolicy": {"MaximumRetryAttempts": 0}},
            ]),
        )
        .await;
    let ids = house.put(1).await;
    let _work = house.work();
    until("given up", async || house.is_idle().await).await;
    assert_eq!((listener.at("flaky").len(), listener.at("broken").len(), listener.at("gone").len()), (3, 3, 1));
    assert_eq!((listener.at("moved").len(), listener.at("elsewhere").len(), listener.at("ok").len()), (3, 0, 0));
    let letters = house.notify.dead_letters().await.unwrap();
    let found: Vec<(&str, u32)> = letters.iter().map(|letter| (letter.target.as_str(), letter.attempts)).collect();
    assert_eq!(found, [("broken", 3), ("closed", 3), ("gone", 1), ("late", 1), ("moved", 3), ("unsigned", 3)]);
    let why = |target: &str| letters.iter().find(|letter| letter.target == target).unwrap().last_error.clone();
    assert!(why("broken").contains("/broken was answered with 502") && why("broken").len() < 500, "{}", why("broken"));
    assert!(!why("broken").contains("secret"), "{}", why("broken"));
    assert!(why("closed").contains("refused"), "{}", why("closed"));
    assert!(why("unsigned").contains("PENCHANT_NOT_SET"), "{}", why("unsigned"));
    assert!(why("late").contains("within 1 s"), "{}", why("late"));

    // The address is put right, and the letter is sent again under its old id.
    house.rule("r", json!([{"Id": "broken", "Arn": listener.url("ok")}])).await;
    let id = format!("r/broken/{}", ids[0]);
    house.notify.redeliver(&id).await.unwrap();
    until("redelivered", async || !listener.at("ok").is_empty() && house.is_idle().await).await;
    assert_eq!(listener.at("ok")[0].id(), ids[0]);
    house.notify.drop_dead_letter(&format!("r/gone/{}", ids[0])).await.unwrap();
    house.notify.redeliver(&format!("r/moved/{}", ids[0])).await.unwrap();
    until("dead again", async || house.notify.dead_letters().await.unwrap().len() == 4 && house.is_idle().await).await;
    let letters = house.notify.dead_letters().await.unwrap();
    let moved = letters.iter().find(|letter| letter.target == "moved").unwrap();
    assert!(moved.last_error.contains("no target \"moved\""), "{}", moved.last_error);
    assert!(house.notify.redeliver(&id).await.is_err());
}

/// A target that is down for good fills no disk, and takes no letters from the others.
#[tokio::test]
async fn of_the_dead_letters_of_a_target_the_youngest_are_kept() {
    let clock = ManualClock::at(1_700_000_000_000);
    let settings = Settings { retry_base_ms: 1, dead_letters_per_target: 20, ..Settings::default() };
    let (house, listener) = (House::with(clock.clone(), settings).await, Listener::start().await);
    let once = json!({"MaximumRetryAttempts": 0});
    house.rule("few", json!([{"Id": "gone", "Arn": listener.url("gone")}])).await;
    house.put(3).await;
    let work = house.work();
    until("given up", async || house.is_idle().await).await;
    house.notify.delete_rule("few").await.unwrap();
    house
        .rule("r", json!([{"Id": "a", "Arn": listener.url("gone")}, {"Id": "b", "Arn": listener.url("broken"), "RetryPolicy": once}]))
        .await;
    let mut ids = Vec::new();
    for _ in 0..25 {
        clock.advance(1000);
        ids.extend(house.put(2).await);
        until("given up", async || house.is_idle().await).await;
    }
    work.abort();
    assert_eq!(listener.at("broken").len(), 50);
    let letters = house.notify.dead_letters().await.unwrap();
    for target in ["a", "b"] {
        let kept: HashSet<&String> = letters.iter().filter(|letter| letter.target == target).map(|letter| &letter.event.id).collect();
        // A tenth more than has to go goes at once.
        assert!((18..=20).contains(&kept.len()), "{}", kept.len());
        let youngest: HashSet<&String> = ids[50 - 18..].iter().collect();
        assert!(youngest.is_subset(&kept), "the oldest go first");
        let dropped = house.notify.dropped_letters().await.unwrap();
        let of_target = dropped.iter().find(|letters| letters.target == target).unwrap();
        assert_eq!((of_target.rule.as_str(), of_target.dropped), ("r", 50 - kept.len() as u64));
    }
    assert_eq!(letters.iter().filter(|letter| letter.rule == "few").count(), 3);
    assert_eq!(house.notify.dropped_letters().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_target_says_when_to_come_back_and_old_events_are_given_up() {
    let clock = ManualClock::at(1_700_000_000_000);
    let house = House::with(clock.clone(), Settings::default()).await;
    let listener = Listener::start().await;
    let minute = json!({"MaximumEventAgeInSeconds": 60});
    house
        .rule(
            "r",
            json!([{"Id": "busy", "Arn": listener.url("busy")}, {"Id": "old", "Arn": listener.url("broken"), "RetryPolicy": minute}]),
        )
        .await;
    house.put(1).await;
    let _work = house.work();
    until("two attempts", async || listener.at("busy").len() == 1 && listener.at("broken").len() == 1).await;
    clock.advance(2000);
    until("the other one again", async || listener.at("broken").len() == 2).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(listener.at("busy").len(), 1);
    clock.advance(57_000);
    until("given up", async || house.notify.dead_letters().await.unwrap().len() == 1).await;
    clock.advance(61_001);
    until("delivered", async || listener.at("busy").len() == 2 && house.is_idle().await).await;
    assert_eq!(listener.at("broken").len(), 3);
}

/// A hanging and a dead target, each with a thousand events, do not hold up the third.
#[tokio::test]
async fn one_target_does_not_hold_up_the_others() {
    let (house, listener) = (House::new().await, Listener::start().await);
    house
        .rule(
            "r",
            json!([{"Id": "dead", "Arn": "http://127.0.0.1:1/"}, {"Id": "good", "Arn": listener.url("ok")}, {"Id": "slow", "Arn": listener.url("slow")}]),
        )
        .await;
    let ids: HashSet<String> = house.put(300).await.into_iter().collect();
    let work = house.work();
    until("the good one has all", async || listener.counts("ok").len() == 300).await;
    assert_eq!(listener.counts("ok").into_keys().collect::<HashSet<_>>(), ids);
    assert!(listener.at("slow").len() <= 4, "{}", listener.at("slow").len());
    assert!(house.waiting().await >= 600);
    work.abort();
}

#[tokio::test]
async fn a_test_goes_to_every_target_at_once() {
    let (house, listener) = (House::new().await, Listener::start().await);
    house.rule("r", json!([{"Id": "good", "Arn": listener.url("ok")}, {"Id": "broken", "Arn": listener.url("broken")}])).await;
    let tested = house.notify.test_target("r").await.unwrap();
    assert!(tested[0].0 == "good" && tested[0].1.is_ok());
    assert!(tested[1].1.as_ref().unwrap_err().message.contains("502"));
    assert_eq!(listener.at("ok")[0].json()["type"], "Target Test");
    assert!(house.is_idle().await);
}
