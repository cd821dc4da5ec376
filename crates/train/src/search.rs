//! The choice of parameters of one recipe, on users who are neither in the training nor in the test part.
//!
//! What the user gave stays. What is open is searched one change at a time, a change being kept when it helps; where ranges were
//! asked for, settings drawn from them are tried instead. After each fit, recency and popularity discount are chosen by scoring
//! again where the model allows it, which costs no fit.

use std::collections::BTreeMap;

use domain::Result;
use evaluate::TestCase;
use recipes::{Interactions, Model};

use crate::judging::{ndcg, temperature};
use crate::manifest::Candidate;
use crate::setting::{Chosen, How, Setting};
use crate::space::{self, KAPPAS, TAUS};
use crate::stages::{Stages, count};

/// What may be searched, and how far.
pub(crate) struct Plan<'a> {
    pub start: Setting,
    /// Parameters that the user gave and that stay.
    pub given: &'a BTreeMap<String, String>,
    /// How many fits are allowed.
    pub fits: usize,
    /// Whether the recipe is asked with an item.
    pub related: bool,
    /// Settings to be tried instead of changes to the first; see [`crate::ranges`].
    pub drawn: Vec<Setting>,
}

/// The outcome.
#[derive(Clone)]
pub(crate) struct Choice {
    pub chosen: Chosen,
    pub how: How,
    pub temperature: f32,
    pub tried: Vec<Candidate>,
    /// How it came to this, for people; the search of a single recipe needs no words besides its log.
    pub decision: Vec<String>,
}

/// A setting with its fit on the training part, and how good that is.
pub(crate) struct Trial {
    pub setting: Setting,
    pub ndcg: f64,
    pub model: Box<dyn Model>,
}

impl Plan<'_> {
    /// How many fits [`choose`] announces.
    pub(crate) fn announced(&self) -> usize {
        let changes = if self.drawn.is_empty() { space::moves(&self.start.backing).len() } else { self.drawn.len() };
        self.fits.min(1 + changes)
    }
}

/// Fits on `train`, judges on `cases`.
pub(crate) fn choose(plan: &Plan<'_>, train: &Interactions, cases: &[TestCase], stages: &Stages<'_>) -> Result<Choice> {
    let model = plan.start.fit(train, stages)?;
    let how = how_to_ask(model.as_ref(), cases, plan.related)?;
    let judge = Judge { given: plan.given, train, cases, how, stages };
    let mut tried = Vec::new();
    let start = judge.tuned(plan.start.clone(), model, &mut tried)?;
    let left = plan.announced().saturating_sub(1);
    let best =
        if plan.drawn.is_empty() { judge.climb(start, left, &mut tried)? } else { judge.drawn(start, &plan.drawn, left, &mut tried)? };
    let temperature = temperature(best.model.as_ref(), cases, how);
    Ok(Choice { chosen: Chosen::One(best.setting), how, temperature, tried, decision: Vec::new() })
}

/// Whether leaving out what a user already has ranks better. The item that a recipe is asked with is always left out.
pub(crate) fn how_to_ask(model: &dyn Model, cases: &[TestCase], related: bool) -> Result<How> {
    let how = |exclude_seen| How { exclude_seen, related };
    let excludes = related || ndcg(model, cases, how(true))? >= ndcg(model, cases, how(false))?;
    Ok(how(excludes))
}

/// What all trials of a search share.
pub(crate) struct Judge<'a> {
    pub given: &'a BTreeMap<String, String>,
    pub train: &'a Interactions,
    pub cases: &'a [TestCase],
    pub how: How,
    pub stages: &'a Stages<'a>,
}

impl Judge<'_> {
    /// Fits and tunes a setting.
    pub(crate) fn tried(&self, setting: Setting, tried: &mut Vec<Candidate>) -> Result<Trial> {
        self.stages.check()?;
        let model = setting.fit(self.train, self.stages)?;
        self.tuned(setting, model, tried)
    }

    /// Changes the best setting, one change after the other, as long as fits are left.
    pub(crate) fn climb(&self, start: Trial, fits: usize, tried: &mut Vec<Candidate>) -> Result<Trial> {
        let (mut best, mut left) = (start, fits);
        let is_open = |name: &&str| !self.given.contains_key(*name);
        for change in space::moves(&best.setting.backing).iter().filter(|change| change.parameters.iter().all(is_open)) {
            if left == 0 || self.stages.is_late() {
                break;
            }
            let Some(next) = change.apply(&best.setting) else { continue };
            let trial = self.tried(next, tried)?;
            left -= 1;
            if trial.ndcg > best.ndcg {
                best = trial;
            }
        }
        self.stages.skip(left);
        Ok(best)
    }

    fn drawn(&self, start: Trial, settings: &[Setting], fits: usize, tried: &mut Vec<Candidate>) -> Result<Trial> {
        let mut best = start;
        for setting in settings.iter().take(fits) {
            let trial = self.tried(setting.clone(), tried)?;
            if trial.ndcg > best.ndcg {
                best = trial;
            }
        }
        self.stages.skip(fits.saturating_sub(settings.len()));
        Ok(best)
    }

    /// Judges a fit, and chooses what can be chosen without another.
    pub(crate) fn tuned(&self, setting: Setting, model: Box<dyn Model>, tried: &mut Vec<Candidate>) -> Result<Trial> {
        let ndcg = ndcg(model.as_ref(), self.cases, self.how)?;
        let mut best = Trial { setting, ndcg, model };
        for (name, values) in [("tau_inf", TAUS.as_slice()), ("kappa", KAPPAS.as_slice())] {
            if !self.given.contains_key(name) {
                best = self.retuned(best, name, values)?;
            }
        }
        self.stages.info(format!(
            "Candidate {}: {}: NDCG@10 {:.4} on {} validation users.",
            tried.len() + 1,
            best.setting.words(),
            best.ndcg,
            count(self.cases.len())
        ));
        tried.push(Candidate::of(&best.setting, best.ndcg));
        Ok(best)
    }

    fn retuned(&self, trial: Trial, name: &str, values: &[f64]) -> Result<Trial> {
        let fitted = trial.setting.clone();
        let mut best = trial;
        for value in values {
            let setting = best.setting.with(name, *value);
            if setting == best.setting || setting == fitted {
                continue;
            }
            let (tau_inf, kappa) = (setting.value("tau_inf") as f32, setting.value("kappa") as f32);
            let Some(model) = best.model.retuned(tau_inf, if kappa.is_nan() { 0.0 } else { kappa }) else { break };
            self.stages.check()?;
            let ndcg = ndcg(model.as_ref(), self.cases, self.how)?;
            if ndcg > best.ndcg {
                best = Trial { setting, ndcg, model };
            }
        }
        Ok(best)
    }
}
