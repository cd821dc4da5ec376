//! Against the figures of the reference implementation (reference/models.md, part B) on real data.

use super::fixture::{Shop, ratings, real_file};
use crate::{Report, Verdict};

async fn report(csv: &str, recipe: &str) -> Report {
    let shop = Shop::with(csv, None).await;
    let version = shop.trained("quality", recipe).await;
    for line in shop.installation.runs.logs(&version.run, 0, 100).await.unwrap() {
        println!("{}", line.line);
    }
    shop.training.report(&version.solution_version_arn).await.unwrap()
}

fn ndcg(metrics: &std::collections::BTreeMap<String, f64>) -> f64 {
    metrics[evaluate::NDCG_AT_10]
}

#[tokio::test]
async fn movielens_100k_reaches_the_reference_and_beats_best_sellers() {
    let Some(text) = real_file("ml-100k/ml-100k.zip", "u.data") else { return };
    let report = report(&ratings(&text, "\t"), "aws-user-personalization").await;
    assert_eq!((report.users, report.items, report.interactions), (943, 1682, 100_000));
    assert_eq!(report.verdict(), Verdict::Beats);
    // The reference has .2207 and .0692 on another tenth of the users; half-width of the 95 % interval .045.
    assert!((ndcg(&report.next.metrics) - 0.2207).abs() < 0.045, "{:?}", report.next);
    assert!((ndcg(&report.next.baseline) - 0.0692).abs() < 0.03, "{:?}", report.next);
    assert!(report.exclude_seen && report.repeat_share == 0.0);
    assert!(report.coming.is_some());
}

#[tokio::test]
#[ignore = "takes a minute: run it by hand"]
async fn movielens_1m_reaches_the_reference() {
    let Some(text) = real_file("ml-1m/ml-1m.zip", "ratings.dat") else { return };
    let report = report(&ratings(&text, "::"), "aws-user-personalization").await;
    assert!((ndcg(&report.next.metrics) - 0.2208).abs() < 0.018, "{:?}", report.next);
    assert!((ndcg(&report.next.baseline) - 0.0624).abs() < 0.015, "{:?}", report.next);
}
