//! The choice of parameters, on users who are neither in the training nor in the test part.
//!
//! What the user gave stays. What is open is searched one change at a time, a change being kept when it helps; after each fit
//! of the linear model its recency and popularity discount are chosen by scoring again, which costs no fit.

use std::collections::BTreeMap;

use domain::Result;
use evaluate::TestCase;
use recipes::{Interactions, Linear, LinearModel, RecentPopularity};

use crate::judging::{ndcg, temperature};
use crate::manifest::Candidate;
use crate::setting::{Fitted, Setting};
use crate::stages::{Stages, count};

/// Half-lives of the input in steps, and popularity discounts, that are tried after every fit.
const TAUS: [f32; 5] = [2.0, 5.0, 10.0, 30.0, f32::INFINITY];
const KAPPAS: [f32; 2] = [0.15, 0.3];
/// Windows of recent popularity, in days.
const DAYS: [u32; 6] = [1, 3, 7, 30, 90, 365];

/// What may be searched, and how far.
pub(crate) struct Plan<'a> {
    pub start: Setting,
    /// Parameters that the user gave and that stay.
    pub given: &'a BTreeMap<String, String>,
    /// How many fits of the linear model are allowed.
    pub fits: usize,
}

/// The outcome.
pub(crate) struct Choice {
    pub setting: Setting,
    /// Whether leaving out what a user already has ranks better.
    pub exclude_seen: bool,
    pub temperature: f32,
    pub tried: Vec<Candidate>,
}

struct Trial {
    setting: Setting,
    ndcg: f64,
    fitted: Fitted,
}

/// One change to the linear recipe; gives false when it would change nothing.
struct Move {
    parameters: &'static [&'static str],
    apply: fn(&mut Linear) -> bool,
}

fn scale_lambda(linear: &mut Linear, factor: f32) -> bool {
    linear.lambda = (linear.lambda * factor).clamp(1.0, 1e5);
    true
}

/// In the order of what they gained on real data (models.md B): order or no order, regularisation, then the fine points.
const MOVES: [Move; 9] = [
    Move {
        parameters: &["alpha", "p", "xi"],
        apply: |l| {
            (l.alpha, l.p, l.xi) = (1.0, 0.3, 0.3);
            true
        },
    },
    Move { parameters: &["lambda"], apply: |l| scale_lambda(l, 0.4) },
    Move {
        parameters: &["alpha"],
        apply: |l| {
            let ordered = l.alpha < 1.0;
            l.alpha = if ordered { 0.1 } else { 0.7 };
            true
        },
    },
    Move { parameters: &["lambda"], apply: |l| scale_lambda(l, 2.0) },
    Move {
        parameters: &["tau_train"],
        apply: |l| {
            l.tau_train = 10.0;
            l.alpha < 1.0
        },
    },
    Move {
        parameters: &["xi", "p"],
        apply: |l| {
            (l.p, l.xi) = (0.2, 0.3);
            true
        },
    },
    Move { parameters: &["lambda"], apply: |l| scale_lambda(l, 0.5) },
    Move {
        parameters: &["tau_train"],
        apply: |l| {
            l.tau_train = 2.0;
            l.alpha < 1.0
        },
    },
    Move {
        parameters: &["alpha"],
        apply: |l| {
            l.alpha = 0.5;
            true
        },
    },
];

/// Fits on `train`, judges on `cases`.
pub(crate) fn choose(plan: &Plan<'_>, train: &Interactions, cases: &[TestCase], stages: &Stages<'_>) -> Result<Choice> {
    let start = Trial { fitted: plan.start.fit(train, stages)?, setting: plan.start.clone(), ndcg: 0.0 };
    let model = start.fitted.model();
    let exclude_seen = ndcg(model, cases, true)? >= ndcg(model, cases, false)?;
    let judge = Judge { plan, cases, exclude_seen, stages };
    let mut tried = Vec::new();
    let start = judge.tuned(start, &mut tried)?;
    let best = match &start.setting {
        Setting::Popularity => start,
        Setting::Recent(_) => judge.windows(start, train, &mut tried)?,
        Setting::Linear(_) => judge.moves(start, train, &mut tried)?,
    };
    let temperature = temperature(best.fitted.model(), cases, exclude_seen);
    Ok(Choice { setting: best.setting, exclude_seen, temperature, tried })
}

/// How many fits [`choose`] announces.
pub(crate) fn fits(plan: &Plan<'_>) -> usize {
    match plan.start {
        Setting::Popularity => 1,
        Setting::Recent(_) => 1 + DAYS.len(),
        Setting::Linear(_) => plan.fits,
    }
}

struct Judge<'a> {
    plan: &'a Plan<'a>,
    cases: &'a [TestCase],
    exclude_seen: bool,
    stages: &'a Stages<'a>,
}

impl Judge<'_> {
    fn is_open(&self, parameter: &str) -> bool {
        !self.plan.given.contains_key(parameter)
    }

    fn windows(&self, start: Trial, train: &Interactions, tried: &mut Vec<Candidate>) -> Result<Trial> {
        if !self.is_open("days") {
            self.stages.skip(DAYS.len());
            return Ok(start);
        }
        let mut best = start;
        for days in DAYS {
            let setting = Setting::Recent(RecentPopularity { days });
            let fitted = setting.fit(train, self.stages)?;
            let trial = self.tuned(Trial { setting, fitted, ndcg: 0.0 }, tried)?;
            if trial.ndcg > best.ndcg {
                best = trial;
            }
        }
        Ok(best)
    }

    fn moves(&self, start: Trial, train: &Interactions, tried: &mut Vec<Candidate>) -> Result<Trial> {
        let mut best = start;
        let mut left = self.plan.fits.saturating_sub(1);
        for change in MOVES.iter().filter(|change| change.parameters.iter().all(|name| self.is_open(name))) {
            if left == 0 {
                break;
            }
            let Setting::Linear(current) = &best.setting else { break };
            let mut next = current.clone();
            if !(change.apply)(&mut next) || next == *current {
                continue;
            }
            self.stages.check()?;
            let setting = Setting::Linear(next);
            let fitted = setting.fit(train, self.stages)?;
            let trial = self.tuned(Trial { setting, fitted, ndcg: 0.0 }, tried)?;
            if trial.ndcg > best.ndcg {
                best = trial;
            }
            left -= 1;
        }
        self.stages.skip(left);
        Ok(best)
    }

    /// Judges a fit; of a linear model, chooses what can be chosen without another fit.
    fn tuned(&self, trial: Trial, tried: &mut Vec<Candidate>) -> Result<Trial> {
        let trial = match (trial.fitted, trial.setting) {
            (Fitted::Linear(model), Setting::Linear(recipe)) => self.tune_linear(&model, recipe)?,
            (fitted, setting) => Trial { ndcg: ndcg(fitted.model(), self.cases, self.exclude_seen)?, fitted, setting },
        };
        let words = trial.setting.words();
        self.stages.info(format!(
            "Candidate {}: {words}: NDCG@10 {:.4} on {} validation users.",
            tried.len() + 1,
            trial.ndcg,
            count(self.cases.len())
        ));
        tried.push(Candidate { parameters: trial.setting.parameters(), ndcg_at_10: trial.ndcg });
        Ok(trial)
    }

    fn tune_linear(&self, model: &LinearModel, recipe: Linear) -> Result<Trial> {
        let mut best = (recipe.tau_inf, recipe.kappa, ndcg(model, self.cases, self.exclude_seen)?);
        let consider = |tau: f32, kappa: f32, best: &mut (f32, f32, f64)| -> Result<()> {
            self.stages.check()?;
            let found = ndcg(&model.with_inference(tau, kappa), self.cases, self.exclude_seen)?;
            if found > best.2 {
                *best = (tau, kappa, found);
            }
            Ok(())
        };
        if self.is_open("tau_inf") {
            for tau in TAUS.into_iter().filter(|tau| *tau != recipe.tau_inf) {
                consider(tau, recipe.kappa, &mut best)?;
            }
        }
        if self.is_open("kappa") {
            for kappa in KAPPAS.into_iter().filter(|kappa| *kappa != recipe.kappa) {
                consider(best.0, kappa, &mut best)?;
            }
        }
        let (tau_inf, kappa, ndcg) = best;
        let fitted = Fitted::Linear(model.with_inference(tau_inf, kappa));
        Ok(Trial { setting: Setting::Linear(Linear { tau_inf, kappa, ..recipe }), ndcg, fitted })
    }
}
