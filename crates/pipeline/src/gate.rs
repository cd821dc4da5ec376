//! The quality gate: whether a new version may take the place of the one that serves.

use domain::Arn;
use serde::{Deserialize, Serialize};
use train::{Report, RivalWay, Verdict};

use crate::wanted::QualityGate;

/// What was decided about a campaign, and why in plain words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Its name; of a recommender `recommender NAME`.
    pub campaign: String,
    /// The new version.
    pub solution_version_arn: Arn,
    /// The version that served when it was decided.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub live_version_arn: Option<Arn>,
    pub outcome: Gate,
    pub metric: String,
    pub new: f64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub live: Option<f64>,
    pub popularity: f64,
    /// Customers that were judged.
    pub users: usize,
    pub words: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Nothing served before, so there is nothing to protect.
    First,
    Passed,
    /// The old version goes on serving.
    Kept,
}

/// The version that is to take over, with its judgement and the versions that its training was to judge beside it.
pub(crate) struct Candidate<'a> {
    pub version: &'a Arn,
    pub report: &'a Report,
    pub beside: &'a [Arn],
}

/// Judges by the figures that the training measured for both on the same hold-out. Where somebody changed the live version during
/// the training there are none, and that somebody's will is kept. A live version whose files could not be read holds nothing back.
pub(crate) fn decide(gate: &QualityGate, campaign: &str, candidate: &Candidate<'_>, live: Option<&Arn>) -> Decision {
    let Candidate { version, report, beside } = *candidate;
    let of = |metrics: &std::collections::BTreeMap<String, f64>| metrics.get(&gate.metric).copied().unwrap_or(0.0);
    let rival = live.and_then(|live| report.rivals.iter().find(|rival| &rival.rival_arn == live));
    let (new, popularity, users) = match rival {
        Some(rival) => (of(&rival.metrics), of(&rival.baseline), rival.users),
        None => (of(&report.next.metrics), of(&report.next.baseline), report.next.users),
    };
    let served = rival.map(|rival| of(&rival.rival));
    let worse_than_live = served.is_some_and(|served| new < served * (1.0 - gate.max_drop) - f64::EPSILON);
    let best_sellers = report.verdict() == Verdict::Baseline;
    let worse_than_popularity = !best_sellers && new < popularity * (1.0 + gate.min_lift_over_popularity) - f64::EPSILON;
    let changed = live.is_some_and(|live| live != version && !beside.contains(live));
    let outcome = match (live, changed || worse_than_live || worse_than_popularity) {
        (None, _) => Gate::First,
        (Some(_), false) => Gate::Passed,
        (Some(_), true) => Gate::Kept,
    };
    let mut words = format!("{} is {new:.4} for the new version {}", gate.metric, version.id());
    if let (Some(served), Some(live)) = (served, live) {
        words.push_str(&format!(", {served:.4} for {}, which serves", live.id()));
    }
    words.push_str(&format!(", {popularity:.4} for best-sellers, on {users} held-out customers"));
    words.push_str(match rival.map(|rival| rival.way) {
        Some(RivalWay::AsItServes) => " and what they did since the live version was trained. ",
        Some(RivalWay::FittedAgain) => ", the live version's settings fitted on the same part of the data. ",
        None if live.is_some() && !changed => "; the live version could not be judged, because its files could not be read. ",
        None => ". ",
    });
    if let Some(live) = live.filter(|_| changed) {
        words.push_str(&format!(
            "The live version changed to {} while the new one was trained and was not judged beside it: it goes on serving.",
            live.id()
        ));
    } else {
        words.push_str(&verdict(gate, outcome, worse_than_live, worse_than_popularity));
    }
    Decision {
        campaign: campaign.into(),
        solution_version_arn: version.clone(),
        live_version_arn: live.cloned(),
        outcome,
        metric: gate.metric.clone(),
        new,
        live: served,
        popularity,
        users,
        words,
    }
}

fn verdict(gate: &QualityGate, outcome: Gate, worse_than_live: bool, worse_than_popularity: bool) -> String {
    let live = format!("worse than the live version by more than {:.1} %", 100.0 * gate.max_drop);
    let popularity = match gate.min_lift_over_popularity {
        0.0 => "worse than best-sellers".to_owned(),
        lift => format!("not {:.1} % better than best-sellers", 100.0 * lift),
    };
    let faults: Vec<String> =
        [(worse_than_live, live), (worse_than_popularity, popularity)].into_iter().filter(|(is, _)| *is).map(|(_, fault)| fault).collect();
    match outcome {
        Gate::Kept => format!("The new version is {}: the old one goes on serving.", faults.join(" and ")),
        Gate::Passed => "The new version is good enough: it takes over.".into(),
        Gate::First if faults.is_empty() => "It is the first version of this campaign.".into(),
        Gate::First => format!("It is {}, and serves because nothing served before.", faults.join(" and ")),
    }
}
