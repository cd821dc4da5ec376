//! How fast a request is; by hand on an idle machine.

use super::Stall;
use super::fixture::{ratings, real_file};

#[tokio::test]
#[ignore = "measures: run it by hand"]
async fn movielens_1m_answers_in_well_under_a_millisecond() {
    let Some(text) = real_file("ml-1m/ml-1m.zip", "ratings.dat") else { return };
    let stall = Stall::open(&ratings(&text, "::"), None).await;
    let version = stall.shop.trained("likes", "aws-user-personalization").await;
    let campaign = stall.serving.create_campaign(Stall::request("home", &version)).await.unwrap();
    let run = stall.settled(&campaign.run).await;
    for line in stall.shop.installation.runs.logs(&run.id, 0, 10).await.unwrap() {
        println!("{}", line.line);
    }
    let clock = stall.shop.installation.store.clock();
    let began = clock.now();
    for user in 1..=6040 {
        assert_eq!(stall.ask(&campaign.campaign_arn, &user.to_string(), 25).item_list.len(), 25);
    }
    let micros = clock.now().since_ms(began) as f64 * 1000.0 / 6040.0;
    println!("{micros:.0} us a request on average, one after the other");
    assert!(micros < 1000.0);
}
