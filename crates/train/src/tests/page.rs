//! The page that a shopkeeper opens.

use std::collections::BTreeMap;

use evaluate::{Figure, Finding, Interval, Segment, Severity};

use super::report::report;
use crate::{Candidate, EventRules, Manifest, page};

fn interval(mean: f64) -> Interval {
    Interval { mean, low: mean - 0.02, high: mean + 0.02 }
}

fn figures() -> BTreeMap<String, Figure> {
    let figure = Figure { model: interval(0.31), baseline: interval(0.12), difference: interval(0.19), is_significant: true };
    [evaluate::NDCG_AT_10, evaluate::HIT_RATE_AT_10].map(|name| (name.to_owned(), figure)).into()
}

fn candidate(lambda: &str, ndcg_at_10: f64) -> Candidate {
    let parameters = [("lambda", lambda), ("p", "0.2")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
    Candidate { backing: "linear".into(), parameters, ndcg_at_10 }
}

const EVIL: &str = "<script>alert('1')</script>\"&";

fn manifest(id: &str) -> Manifest {
    let mut report = report("aws-user-personalization", 0.12, 0.14);
    report.next.figures = figures();
    report.next.segments = vec![Segment { name: "tail_items".into(), words: "all other items".into(), users: 300, figures: figures() }];
    report.insights = vec![Finding {
        name: "dominant_item".into(),
        severity: Severity::Warning,
        figure: 0.4,
        measured: "One item has 40.0 % of all events.".into(),
        consequence: "It lifts all figures.".into(),
        suggestion: "Filter it out.".into(),
        examples: vec![id.into()],
    }];
    let partition = domain::arn::Partition::default();
    Manifest {
        format: 1,
        program_version: "0.1.0".into(),
        solution_version_arn: partition.personalize("solution", "likes/1"),
        recipe: "aws-user-personalization".into(),
        backing: "linear".into(),
        parameters: candidate("120", 0.2).parameters,
        members: Vec::new(),
        search: vec![candidate("300", 0.2), candidate("120", 0.23), candidate(id, 0.21)],
        seed: 7,
        snapshot: dataset::Snapshot {
            dataset_group_arn: partition.personalize("dataset-group", "shop"),
            domain: None,
            events_through: 0,
            interactions: None,
            items: None,
            users: None,
        },
        events: EventRules::default(),
        report,
        temperature: 1.0,
        name_column: None,
        seconds: Vec::new(),
    }
}

#[test]
fn the_first_lines_are_the_verdict_and_everything_else_follows() {
    let page = crate::page(&manifest("bag"), "likes");
    let body = page.split("<body>").nth(1).unwrap();
    assert!(
        body.trim_start()
            .starts_with("<div class=\"verdict beats\">\n<h1>aws-user-personalization beats best-sellers, and not by chance: use it.</h1>"),
        "{body}"
    );
    assert!(body.contains("<p>Of 100 customers, 31 find something they go on to buy among the first ten; best-sellers: 12."));
    assert_eq!(body.matches("beats best-sellers, and not by chance: use it").count(), 1);
    for part in [
        "NDCG@10</text>",
        "The long tail",
        "One item has 40.0 % of all events.",
        "<code>bag</code>",
        "Trial 2 won because",
        "Trial 2, chosen",
    ] {
        assert!(body.contains(part), "{part}");
    }
    // The parameter that never changed explains nothing.
    assert!(body.contains("<th>lambda</th>") && !body.contains("<th>p</th>"));
    assert_eq!(page, crate::page(&manifest("bag"), "likes"), "same judgement, same page");
}

#[test]
fn the_page_needs_nothing_from_outside() {
    let page = page(&manifest("bag"), "likes");
    for outside in ["http", "src=", "href=", "@import", "url(", "<script", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("prefers-color-scheme: dark"));
}

#[test]
fn what_comes_from_data_stays_text() {
    let page = page(&manifest(EVIL), EVIL);
    assert!(!page.contains("<script") && !page.contains("alert('1')"));
    // In the title, the facts, the example and the parameter.
    assert_eq!(page.matches("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;").count(), 4);
}

#[test]
fn figures_that_are_no_numbers_and_old_reports_still_give_a_page() {
    let mut old = manifest("bag");
    old.report.next.figures.clear();
    old.report.next.segments.clear();
    old.report.insights.clear();
    old.search.clear();
    assert!(page(&old, "likes").contains("train again to see them"));
    let mut odd = manifest("bag");
    let nan = Interval { mean: f64::NAN, low: f64::NAN, high: f64::INFINITY };
    odd.report.next.figures.values_mut().for_each(|figure| figure.model = nan);
    assert!(!page(&odd, "likes").contains("x=\"NaN\""));
}
