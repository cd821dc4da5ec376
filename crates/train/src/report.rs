//! What a training found out, in numbers and in words a shopkeeper understands.

use std::collections::BTreeMap;

use domain::Arn;
use evaluate::{Comparison, Figure, Finding, Interval, Segment, Severity};
use serde::{Deserialize, Serialize};

use crate::catalogue::POPULARITY;
use crate::deed::Deed;

/// The metric names that Personalize has; others are ours and kept apart.
pub const PERSONALIZE_METRICS: [&str; 8] = [
    "coverage",
    "mean_reciprocal_rank_at_25",
    "normalized_discounted_cumulative_gain_at_5",
    "normalized_discounted_cumulative_gain_at_10",
    "normalized_discounted_cumulative_gain_at_25",
    "precision_at_5",
    "precision_at_10",
    "precision_at_25",
];

/// The judgement of one solution version. Figures on customers who took no part in the training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// AWS's name of the recipe, `aws-user-personalization`.
    pub recipe: String,
    pub users: usize,
    pub items: usize,
    pub interactions: usize,
    /// The event type of nearly all events that trained; none when several are mixed or events have no type.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub main_event_type: Option<String>,
    /// Personalize's protocol: a tenth of the users is held out, the newest tenth of what they did is to be found.
    pub next: Judgement,
    /// Everything after a moment is held out. Absent when nobody has events on both sides of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub coming: Option<Judgement>,
    /// Whether items that a user already has are left out of recommendations, as these figures were measured.
    pub exclude_seen: bool,
    /// How an automatic choice was made, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub decision: Vec<String>,
    /// The recipe that stands for an automatic choice.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub best_recipe_arn: Option<Arn>,
    /// Share of held-out events on items that the user already had.
    pub repeat_share: f64,
    /// The versions that serve now, judged beside this one.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rivals: Vec<RivalJudgement>,
    /// What the data is like, the gravest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub insights: Vec<Finding>,
}

/// A new version beside one that serves, on the same customers and the same held-out events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RivalJudgement {
    pub rival_arn: Arn,
    pub way: RivalWay,
    /// Users that were judged.
    pub users: usize,
    /// Means of the new version by name.
    pub metrics: BTreeMap<String, f64>,
    pub rival: BTreeMap<String, f64>,
    /// Best-sellers, on the same cases.
    pub baseline: BTreeMap<String, f64>,
    /// NDCG@10 of the new version minus that of the rival, user by user.
    pub difference: Difference,
}

/// How the rival was made to answer about events that it must not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RivalWay {
    /// Its model as it serves, asked only for what customers did after it was trained.
    AsItServes,
    /// Too few did anything since: its parameters, fitted on the training part of the new data.
    FittedAgain,
}

/// The recipe against best-sellers under one way of holding out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Judgement {
    /// Users that were judged.
    pub users: usize,
    /// Means by name: Personalize's and ours ([`PERSONALIZE_METRICS`] tells them apart).
    pub metrics: BTreeMap<String, f64>,
    pub baseline: BTreeMap<String, f64>,
    /// NDCG@10 of the recipe minus that of best-sellers, user by user.
    pub difference: Difference,
    /// Every metric that users have, with intervals.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub figures: BTreeMap<String, Figure>,
    /// New and returning users, head and tail items.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub segments: Vec<Segment>,
}

/// A mean difference with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
    /// Chance of a difference at least this large between equally good recipes.
    pub p_value: f64,
}

impl From<Comparison> for Difference {
    fn from(comparison: Comparison) -> Self {
        let Interval { mean, low, high } = comparison.difference;
        Self { mean, low, high, p_value: comparison.p_value }
    }
}

impl Difference {
    /// More than chance explains; see [`Comparison::is_significant`].
    pub fn is_significant(&self) -> bool {
        let Self { mean, low, high, p_value } = *self;
        Comparison { difference: Interval { mean, low, high }, p_value }.is_significant()
    }
}

/// What to do with the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The recipe is the baseline.
    Baseline,
    /// Better than best-sellers, beyond chance.
    Beats,
    /// Chance could explain the difference.
    Undecided,
    /// Worse than best-sellers, beyond chance.
    Loses,
}

const NDCG: &str = evaluate::NDCG_AT_10;
const HITS: &str = "hit_rate_at_10";

impl Judgement {
    /// `deed`: what customers do, as in "buy".
    fn words(&self, is_baseline: bool, deed: &str) -> String {
        let per_hundred = |metrics: &BTreeMap<String, f64>| (100.0 * metrics.get(HITS).copied().unwrap_or(0.0)).round();
        let ndcg = |metrics: &BTreeMap<String, f64>| metrics.get(NDCG).copied().unwrap_or(0.0);
        let found = per_hundred(&self.metrics);
        if is_baseline {
            return format!(
                "Of 100 customers, {found} find something they go on to {deed} among the ten best-sellers. (NDCG@10 {:.3}, {} customers)",
                ndcg(&self.metrics),
                self.users
            );
        }
        format!(
            "Of 100 customers, {found} find something they go on to {deed} among the first ten; best-sellers: {}. \
             (NDCG@10 {:.3} against {:.3}, 95 % interval of the difference {:.3} to {:.3}, {} customers)",
            per_hundred(&self.baseline),
            ndcg(&self.metrics),
            ndcg(&self.baseline),
            self.difference.low,
            self.difference.high,
            self.users
        )
    }
}

impl Report {
    pub fn verdict(&self) -> Verdict {
        let difference = self.next.difference;
        if self.recipe == POPULARITY {
            Verdict::Baseline
        } else if !difference.is_significant() {
            Verdict::Undecided
        } else if difference.low > 0.0 {
            Verdict::Beats
        } else {
            Verdict::Loses
        }
    }

    /// A few sentences, one a line: what was measured, what it means, what to do.
    pub fn words(&self) -> Vec<String> {
        let is_baseline = self.verdict() == Verdict::Baseline;
        let deed = self.deed();
        let mut lines = vec![self.next.words(is_baseline, deed)];
        if let Some(coming) = &self.coming {
            lines.push(format!("Over the whole coming period: {}", coming.words(is_baseline, deed)));
        }
        lines.push(self.advice());
        lines.push(self.repeats());
        lines
    }

    /// One line for each part of the customers and of the items: how many find something, and whether that is more than chance.
    pub fn segment_words(&self) -> Vec<String> {
        let line = |segment: &Segment| {
            let figure = segment.figures.get(HITS)?;
            let per_hundred = |interval: Interval| (100.0 * interval.mean).round();
            Some(format!(
                "{}: of 100, {} find something among the first ten; best-sellers: {} ({}; {} customers)",
                capital(&segment.words),
                per_hundred(figure.model),
                per_hundred(figure.baseline),
                figure.words("best-sellers"),
                segment.users
            ))
        };
        self.next.segments.iter().filter_map(line).collect()
    }

    /// What in the data needs attention, one line each.
    pub fn insight_words(&self) -> Vec<String> {
        let grave = self.insights.iter().filter(|finding| finding.severity > Severity::Fine);
        let line = |finding: &Finding| {
            let Finding { measured, consequence, suggestion, examples, .. } = finding;
            let examples = if examples.is_empty() { String::new() } else { format!(" (such as {})", examples.join(", ")) };
            format!("{}: {measured}{examples} {consequence} {suggestion}", capital(severity_word(finding.severity)))
        };
        grave.map(line).collect()
    }

    /// What to do, in a sentence or two.
    pub(crate) fn advice(&self) -> String {
        let recipe = &self.recipe;
        match self.verdict() {
            Verdict::Baseline => "This is the best-sellers list itself, the measure for every other recipe.".into(),
            Verdict::Beats
                if self.coming.as_ref().is_some_and(|coming| coming.difference.is_significant() && coming.difference.high < 0.0) =>
            {
                format!(
                    "{recipe} beats best-sellers, and not by chance, at what customers {} next: use it for that. \
                 Over the whole coming period best-sellers do better: use {POPULARITY} for lists that stay up for long.",
                    self.deed()
                )
            }
            Verdict::Beats => format!("{recipe} beats best-sellers, and not by chance: use it."),
            Verdict::Undecided => format!(
                "{recipe} does not beat best-sellers beyond what chance explains: serve {POPULARITY}, it is simpler, until there is more data."
            ),
            Verdict::Loses => format!("{recipe} is worse than best-sellers here: serve {POPULARITY} instead."),
        }
    }

    fn repeats(&self) -> String {
        let (share, deed) = (100.0 * self.repeat_share, self.deed());
        let may = if self.exclude_seen { "is not" } else { "may be" };
        format!("{share:.1} % of what customers go on to {deed} they had before, so what a customer has {may} recommended again.")
    }

    fn deed(&self) -> &'static str {
        self.main_event_type.as_deref().and_then(Deed::of).map_or("take", |deed| deed.base)
    }

    /// What GetSolutionMetrics shows: Personalize's names only.
    pub fn personalize_metrics(&self) -> BTreeMap<String, f64> {
        let named = |name: &&str| self.next.metrics.get(*name).map(|value| ((*name).to_owned(), *value));
        PERSONALIZE_METRICS.iter().filter_map(named).collect()
    }
}

pub(crate) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Fine => "fine",
        Severity::Notice => "notice",
        Severity::Warning => "warning",
        Severity::Problem => "problem",
    }
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
