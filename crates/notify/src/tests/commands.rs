use std::time::Duration;

use serde_json::{Value, json};

use super::house::{House, until};

fn shell(id: &str, script: &str) -> Value {
    json!({"Id": id, "Arn": "command:/bin/sh", "Arguments": ["-c", script], "TimeoutSeconds": 1, "RetryPolicy": {"MaximumRetryAttempts": 0}})
}

#[tokio::test]
async fn programs_get_the_event_and_are_ended_in_time() {
    let house = House::new().await;
    let folder = house.installation.folder.path().to_owned();
    let mut good = shell("good", "cat > got.json; echo $PENCHANT_EVENT_ID $PENCHANT_EVENT_TYPE $PENCHANT_RULE $PENCHANT_ATTEMPT > env");
    good["WorkingFolder"] = json!(folder);
    let marker = folder.join("grandchild");
    // Starts a program of its own, which would write the file in two seconds.
    let hanging = format!("(sleep 2; touch '{}') & echo begun; sleep 60", marker.display());
    house
        .rule(
            "r",
            json!([
                good,
                shell("failing", "echo one >&2; echo two >&2; yes x | head -c 100000 >&2; echo last words >&2; exit 3"),
                shell("hanging", &hanging),
                shell("unread", "exit 0"),
                {"Id": "missing", "Arn": "command:/no/such/program", "RetryPolicy": {"MaximumRetryAttempts": 0}},
            ]),
        )
        .await;
    let ids = house.put(1).await;
    let _work = house.work();
    until("all have ended", async || house.is_idle().await).await;
    let got: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("got.json")).unwrap()).unwrap();
    assert_eq!(
        (&got["id"], &got["detail-type"], &got["detail"], &got["version"]),
        (&json!(ids[0]), &json!("Order"), &json!({"n": 0}), &json!("0"))
    );
    assert_eq!(std::fs::read_to_string(folder.join("env")).unwrap(), format!("{} Order r 1\n", ids[0]));
    let letters = house.notify.dead_letters().await.unwrap();
    let why: Vec<(&str, &str)> = letters.iter().map(|letter| (letter.target.as_str(), letter.last_error.as_str())).collect();
    assert_eq!(why.iter().map(|(target, _)| *target).collect::<Vec<_>>(), ["failing", "hanging", "missing"]);
    assert!(why[0].1.contains("exit status: 3") && why[0].1.contains("last words") && why[0].1.len() < 10_000, "{}", why[0].1);
    assert!(why[1].1.contains("within 1 s"), "{}", why[1].1);
    assert!(why[2].1.contains("cannot be started"), "{}", why[2].1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!marker.exists(), "what the program started should have been killed with it");
}
