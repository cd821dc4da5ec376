//! The judgement of a solution version as one HTML page that needs nothing else.
//!
//! Takes the manifest and the solution's name; gives text. Everything that comes from data goes through [`escape`].
//! Must not know: files, commands, the store.

mod chart;
mod labels;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use evaluate::{Figure, HIT_RATE_AT_10, Interval};

use crate::catalogue::POPULARITY;
use crate::manifest::{Candidate, Manifest};
use crate::report::{Judgement, Report, RivalWay, Verdict, severity_word};
use crate::stages::count;
use chart::{Row, bars, ranges};
use labels::{METRICS, label};

/// The page. `solution`: what the customer calls it.
pub fn page(manifest: &Manifest, solution: &str) -> String {
    let report = &manifest.report;
    let mut page = String::with_capacity(64 * 1024);
    let title = escape(solution);
    page.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    add(
        &mut page,
        format_args!(
            "<title>{title}: is it better than best-sellers?</title>\n<style>\n{}</style>\n</head>\n<body>\n",
            include_str!("style.css")
        ),
    );
    verdict(&mut page, report, &title);
    judged(&mut page, "Next action", NEXT, &report.next, report.recipe == POPULARITY);
    segments(&mut page, &report.next);
    if let Some(coming) = &report.coming {
        judged(&mut page, "The coming period", COMING, coming, report.recipe == POPULARITY);
    }
    rivals(&mut page, report);
    insights(&mut page, report);
    tried(&mut page, manifest);
    made(&mut page, manifest);
    page.push_str("</body>\n</html>\n");
    page
}

const NEXT: &str = "A tenth of the customers took no part in the training. The oldest 90 % of what each did is known, the newest 10 % is to be \
                    found. Every item of the catalogue is ranked, none is left out to make it easier.";
const COMING: &str = "Everything after a moment is hidden, and nothing from after it is known, neither of these customers nor of others.";

/// Text that cannot become markup, in elements and in quoted attributes.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

fn add(page: &mut String, part: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = page.write_fmt(part);
}

fn verdict(page: &mut String, report: &Report, title: &str) {
    let class = match report.verdict() {
        Verdict::Baseline => "baseline",
        Verdict::Beats => "beats",
        Verdict::Undecided => "undecided",
        Verdict::Loses => "loses",
    };
    add(page, format_args!("<div class=\"verdict {class}\">\n<h1>{}</h1>\n", escape(&report.advice())));
    for line in report.words().iter().filter(|line| **line != report.advice()) {
        add(page, format_args!("<p>{}</p>\n", escape(line)));
    }
    add(
        page,
        format_args!(
            "</div>\n<p class=\"soft\">Solution {title}, recipe {}, trained on {} interactions of {} customers with {} items.</p>\n",
            escape(&report.recipe),
            count(report.interactions),
            count(report.users),
            count(report.items)
        ),
    );
}

/// One way of holding out: chart and table.
fn judged(page: &mut String, title: &str, how: &str, judgement: &Judgement, is_baseline: bool) {
    let users = count(judgement.users);
    add(page, format_args!("<h2>{title}: {users} customers judged</h2>\n<p class=\"soft\">{how}</p>\n"));
    let named = METRICS.iter().filter_map(|metric| Some((metric, judgement.figures.get(metric.name)?)));
    let shares = named.clone().filter(|(metric, _)| metric.is_quality);
    let rows: Vec<Row> = shares.map(|(metric, figure)| Row { label: metric.label.into(), note: String::new(), figure: *figure }).collect();
    if rows.is_empty() {
        page.push_str("<p>This version was trained before intervals were kept: train again to see them.</p>\n");
        return;
    }
    legend(page, is_baseline);
    add(
        page,
        format_args!(
            "<figure>{}<figcaption>Dot: mean over customers. Line: where it lies with 95 % confidence.</figcaption></figure>\n",
            ranges(&rows)
        ),
    );
    page.push_str("<details><summary>All figures</summary><div class=\"scroll\"><table>\n");
    page.push_str("<tr><th>Metric</th><th>This recipe</th><th>Best-sellers</th><th>Difference</th><th>What it means</th></tr>\n");
    for (metric, figure) in named {
        add(
            page,
            format_args!(
                "<tr><td title=\"{}\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td>{}</td></tr>\n",
                metric.name,
                metric.label,
                interval(figure.model, false),
                interval(figure.baseline, false),
                interval(figure.difference, true),
                figure.words("best-sellers")
            ),
        );
    }
    let coverage = |of: &BTreeMap<String, f64>| of.get(evaluate::COVERAGE).copied().unwrap_or(0.0);
    let (ours, theirs) = (coverage(&judgement.metrics), coverage(&judgement.baseline));
    add(
        page,
        format_args!(
            "<tr><td title=\"coverage\">Coverage</td><td class=\"number\">{ours:.3}</td><td class=\"number\">{theirs:.3}</td>\
             <td class=\"number\">{:+.3}</td><td>share of the catalogue that anybody is shown</td></tr>\n</table></div></details>\n",
            ours - theirs
        ),
    );
}

fn legend(page: &mut String, is_baseline: bool) {
    let ours = if is_baseline { "this recipe (best-sellers itself)" } else { "this recipe" };
    add(page, format_args!("<p><span class=\"key ours\"></span>{ours}<span class=\"key theirs\"></span>best-sellers</p>\n"));
}

fn interval(interval: Interval, signed: bool) -> String {
    let Interval { mean, low, high } = interval;
    if signed {
        format!("{mean:+.3} <small>({low:+.3} to {high:+.3})</small>")
    } else {
        format!("{mean:.3} <small>({low:.3} to {high:.3})</small>")
    }
}

fn segments(page: &mut String, judgement: &Judgement) {
    let row = |segment: &evaluate::Segment| {
        let figure: Figure = *segment.figures.get(HIT_RATE_AT_10)?;
        Some(Row {
            label: segment_label(&segment.name).into(),
            note: format!("{}; {} judged", segment.words, count(segment.users)),
            figure,
        })
    };
    let rows: Vec<Row> = judgement.segments.iter().filter_map(row).collect();
    if rows.is_empty() {
        return;
    }
    page.push_str(
        "<h2>For whom, and for what</h2>\n<p class=\"soft\">How many of the customers find something among the first ten (1 = all).</p>\n",
    );
    add(page, format_args!("<figure>{}</figure>\n<ul>\n", ranges(&rows)));
    for row in &rows {
        add(page, format_args!("<li>{}: {}.</li>\n", escape(&row.label), row.figure.words("best-sellers")));
    }
    page.push_str("</ul>\n");
}

fn segment_label(name: &str) -> &str {
    match name {
        "new_users" => "Short histories",
        "returning_users" => "Long histories",
        "head_items" => "Best-selling items",
        "tail_items" => "The long tail",
        other => other,
    }
}

fn rivals(page: &mut String, report: &Report) {
    for rival in &report.rivals {
        let way = match rival.way {
            RivalWay::AsItServes => "its model as it serves, on what customers did since it was trained",
            RivalWay::FittedAgain => "its parameters, fitted again on the same data",
        };
        let difference = rival.difference;
        let words = match (difference.is_significant(), difference.mean > 0.0) {
            (true, true) => "The new version is better, and not by chance.",
            (true, false) => "The new version is worse, and not by chance.",
            (false, _) => "No difference beyond what chance explains.",
        };
        add(
            page,
            format_args!(
                "<h2>Beside the version that serves</h2>\n<p>{words} NDCG@10 differs by {:+.4} ({:+.4} to {:+.4}) on {} customers.</p>\n\
                 <p class=\"soft\">{}: {way}.</p>\n",
                difference.mean,
                difference.low,
                difference.high,
                count(rival.users),
                escape(rival.rival_arn.as_str())
            ),
        );
    }
}

fn insights(page: &mut String, report: &Report) {
    if report.insights.is_empty() {
        return;
    }
    page.push_str("<h2>The data</h2>\n");
    for finding in &report.insights {
        let word = severity_word(finding.severity);
        add(page, format_args!("<div class=\"finding\"><span class=\"tag {word}\">{word}</span>{}", escape(&finding.measured)));
        if !finding.examples.is_empty() {
            let examples: Vec<String> = finding.examples.iter().map(|id| format!("<code>{}</code>", escape(id))).collect();
            add(page, format_args!(" <span class=\"soft\">Such as {}.</span>", examples.join(", ")));
        }
        add(page, format_args!("<p class=\"soft\">{} {}</p></div>\n", escape(&finding.consequence), escape(&finding.suggestion)));
    }
}

/// What the search tried, with the parameters in which the trials differ.
fn tried(page: &mut String, manifest: &Manifest) {
    let trials = &manifest.search;
    let Some(best) = winner(trials) else { return };
    page.push_str("<h2>What was tried, and why the winner won</h2>\n");
    match manifest.report.decision.as_slice() {
        [] => add(page, format_args!("<p>{}</p>\n", why(trials, best))),
        lines => lines.iter().for_each(|line| add(page, format_args!("<p>{}</p>\n", escape(line)))),
    }
    let scores: Vec<f64> = trials.iter().map(|trial| trial.ndcg_at_10).collect();
    add(
        page,
        format_args!(
            "<figure>{}<figcaption>NDCG@10 on validation customers, in the order of the trials.</figcaption></figure>\n",
            bars(&scores, best)
        ),
    );
    let names: BTreeSet<&String> = trials.iter().flat_map(|trial| trial.parameters.keys()).collect();
    let value = |trial: &Candidate, name: &String| trial.parameters.get(name).cloned().unwrap_or_default();
    let differ = |name: &&String| trials.iter().map(|trial| value(trial, name)).collect::<BTreeSet<_>>().len() > 1;
    let names: Vec<&String> = names.into_iter().filter(differ).collect();
    page.push_str("<details><summary>All trials</summary><div class=\"scroll\"><table>\n<tr><th>Trial</th><th>Recipe</th><th>NDCG@10</th>");
    names.iter().for_each(|name| add(page, format_args!("<th>{}</th>", escape(name))));
    page.push_str("</tr>\n");
    for (at, trial) in trials.iter().enumerate() {
        let class = if at == best { " class=\"best\"" } else { "" };
        let (number, recipe) = (at + 1, escape(&trial.backing));
        add(page, format_args!("<tr{class}><td>{number}</td><td>{recipe}</td><td class=\"number\">{:.4}</td>", trial.ndcg_at_10));
        names.iter().for_each(|name| add(page, format_args!("<td class=\"number\">{}</td>", escape(&value(trial, name)))));
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div></details>\n");
}

/// The first with the greatest score, as the search keeps it.
fn winner(trials: &[Candidate]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (at, trial) in trials.iter().enumerate() {
        if best.is_none_or(|(_, score)| trial.ndcg_at_10 > score) {
            best = Some((at, trial.ndcg_at_10));
        }
    }
    best.map(|(at, _)| at)
}

fn why(trials: &[Candidate], best: usize) -> String {
    let score = trials.get(best).map_or(0.0, |trial| trial.ndcg_at_10);
    if trials.len() < 2 {
        return format!("There was nothing to choose: one setting was fitted, with NDCG@10 {score:.4} on validation customers.");
    }
    let second = trials.iter().enumerate().filter(|(at, _)| *at != best).map(|(_, trial)| trial.ndcg_at_10).fold(f64::MIN, f64::max);
    let first = trials.first().map_or(0.0, |trial| trial.ndcg_at_10);
    let other = if best == 0 { format!("the next {second:.4}") } else { format!("the next {second:.4}, the first {first:.4}") };
    format!(
        "{} settings were fitted. Trial {} won because it ranked best for validation customers, who are neither in the training nor in the \
         figures above: NDCG@10 {score:.4}, {other}. The best of several is a little lucky; the figures above \
         are from other customers and are not.",
        trials.len(),
        best + 1
    )
}

fn made(page: &mut String, manifest: &Manifest) {
    let seconds: f64 = manifest.seconds.iter().map(|stage| stage.seconds).sum();
    let of = |parameters: &BTreeMap<String, String>| {
        let parameters: Vec<String> = parameters.iter().map(|(name, value)| format!("{} {}", escape(name), escape(value))).collect();
        parameters.join(", ")
    };
    let mut parameters = vec![of(&manifest.parameters)];
    parameters
        .extend(manifest.members.iter().map(|member| format!("{}: {}", escape(&member.setting.backing), of(&member.setting.parameters))));
    parameters.retain(|text| !text.is_empty());
    add(
        page,
        format_args!(
            "<h2>How to get the same again</h2>\n<p class=\"soft\">Penchant {}, {} ({}), seed {}, {seconds:.1} s. {}</p>\n",
            escape(&manifest.program_version),
            escape(&manifest.backing),
            parameters.join("; "),
            manifest.seed,
            escape(manifest.solution_version_arn.as_str())
        ),
    );
    page.push_str("<details><summary>What the metrics mean</summary><dl>\n");
    for metric in &METRICS {
        add(page, format_args!("<dt>{} <small>{}</small></dt><dd>{}</dd>\n", label(metric.name), metric.name, metric.meaning));
    }
    page.push_str("</dl></details>\n");
}
