use std::collections::BTreeMap;

use crate::{Difference, Judgement, Report, Verdict};

pub fn report(recipe: &str, low: f64, high: f64) -> Report {
    let metrics = |ndcg: f64, hits: f64| {
        BTreeMap::from([(evaluate::NDCG_AT_10.to_owned(), ndcg), ("hit_rate_at_10".to_owned(), hits), ("coverage".to_owned(), 0.5)])
    };
    let difference = Difference { mean: (low + high) / 2.0, low, high, p_value: 0.01 };
    let next = Judgement {
        users: 604,
        metrics: metrics(0.211, 0.31),
        baseline: metrics(0.083, 0.12),
        difference,
        figures: BTreeMap::new(),
        segments: Vec::new(),
    };
    Report {
        recipe: recipe.into(),
        users: 6040,
        items: 3706,
        interactions: 1_000_209,
        main_event_type: Some("Purchase".into()),
        next,
        coming: None,
        exclude_seen: true,
        decision: Vec::new(),
        best_recipe_arn: None,
        repeat_share: 0.003,
        rivals: Vec::new(),
        insights: Vec::new(),
    }
}

fn report_without_type() -> Report {
    Report { main_event_type: None, ..report("aws-user-personalization", 0.12, 0.14) }
}

#[test]
fn a_shopkeeper_reads_how_many_customers_find_something() {
    let report = report("aws-user-personalization", 0.12, 0.14);
    let words = report.words();
    assert_eq!(
        words[0],
        "Of 100 customers, 31 find something they go on to buy among the first ten; best-sellers: 12. \
         (NDCG@10 0.211 against 0.083, 95 % interval of the difference 0.120 to 0.140, 604 customers)"
    );
    assert_eq!(words[1], "aws-user-personalization beats best-sellers, and not by chance: use it.");
    assert!(report_without_type().words()[0].contains("they go on to take"));
    assert!(words[2].starts_with("0.3 % of what customers go on to buy they had before"), "{}", words[2]);
}

#[test]
fn a_recipe_that_does_not_beat_best_sellers_is_not_recommended() {
    let undecided = report("aws-user-personalization", -0.01, 0.02);
    assert_eq!(undecided.verdict(), Verdict::Undecided);
    assert!(undecided.words()[1].contains("serve aws-popularity-count"));
    let loses = report("aws-user-personalization", -0.03, -0.01);
    assert_eq!(loses.verdict(), Verdict::Loses);
    assert!(loses.words()[1].contains("is worse than best-sellers here: serve aws-popularity-count instead"));
    assert_eq!(report("aws-popularity-count", 0.0, 0.0).verdict(), Verdict::Baseline);
}

/// Three customers who all gain bound the interval away from 0, but chance alone does that one time in four.
#[test]
fn a_few_customers_prove_nothing() {
    let mut few = report("aws-user-personalization", 0.12, 0.14);
    few.next.difference.p_value = 0.25;
    assert_eq!(few.verdict(), Verdict::Undecided);
}

#[test]
fn a_recipe_that_only_knows_what_comes_next_says_so() {
    let mut report = report("aws-user-personalization", 0.12, 0.14);
    report.coming =
        Some(Judgement { difference: Difference { mean: -0.07, low: -0.08, high: -0.06, p_value: 0.01 }, ..report.next.clone() });
    let words = report.words();
    assert!(words[1].starts_with("Over the whole coming period: Of 100 customers"), "{words:?}");
    assert!(words[2].contains("at what customers buy next") && words[2].contains("use aws-popularity-count for lists"), "{words:?}");
}

#[test]
fn only_personalizes_names_are_shown_as_solution_metrics() {
    let metrics = report("aws-user-personalization", 0.1, 0.2).personalize_metrics();
    assert_eq!(metrics.keys().map(String::as_str).collect::<Vec<_>>(), ["coverage", evaluate::NDCG_AT_10]);
}
