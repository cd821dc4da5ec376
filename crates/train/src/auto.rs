//! The recipe that chooses recipes: everything cheap is tried once, losers are dropped, what is left is tuned and blended.
//!
//! 1. Every candidate is fitted with its defaults and judged on a sample of the validation users.
//! 2. Whatever is worse than the best by more than chance is dropped; of the rest the best three go on (one rung of successive
//!    halving, Jamieson & Talwalkar 2016) and are tuned like a recipe of their own.
//! 3. Those and the best counter are blended, the weights being chosen on one half of the users by coordinate search and judged
//!    on the other: a blend is kept only when it is better there by more than chance.
//!
//! The time budget is looked at between fits: what is under way is finished, what was not begun is left out and told.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Error, Result};
use evaluate::{Comparison, Evaluation, NDCG_AT_10, TestCase, compare};
use recipes::blend::{BUCKETS, Member, bucket};
use recipes::{Blend, Interactions, Model};

use crate::judging::{evaluate, ndcg, temperature, thin};
use crate::manifest::Candidate;
use crate::search::{Choice, Judge, Trial, how_to_ask};
use crate::selection::recipe_error;
use crate::setting::{BlendedSetting, Chosen, How, Setting};
use crate::stages::{Stages, count};

/// The name of the recipe where recipes have the names of [`recipes::NAMES`].
pub(crate) const AUTO: &str = "auto";
/// Users on whom the first look is made, and on whom a blend is weighted and judged.
const FIRST_LOOK: usize = 1_000;
const SURVIVORS: usize = 3;
/// Members of a blend: what survived, and a counter.
pub(crate) const MEMBERS: usize = SURVIVORS + 1;
/// Weights of a member that are tried beside 1 for the best.
const WEIGHTS: [f32; 6] = [0.0, 0.1, 0.25, 0.5, 1.0, 2.0];
const ROUNDS: usize = 2;
/// A bucket with fewer users takes the weights that are best for all.
const LEAST_USERS: usize = 20;

/// What is tried, the cheapest first; the first must be personal, since it decides whether what a user has is left out.
const CANDIDATES: [(&str, &[(&str, f64)]); 11] = [
    ("rules", &[]),
    ("similar", &[]),
    ("popularity", &[]),
    ("recent_popularity", &[("days", 7.0)]),
    ("recent_popularity", &[("days", 30.0)]),
    ("decayed_popularity", &[("half_life_days", 7.0)]),
    ("decayed_popularity", &[("half_life_days", 30.0)]),
    ("trending", &[]),
    ("linear", &[]),
    ("linear", &[("alpha", 1.0), ("xi", 0.3)]),
    ("als", &[]),
];

pub(crate) struct Plan {
    pub settings: Vec<Setting>,
    /// Fits of each survivor.
    pub fits: usize,
    pub seed: u64,
}

impl Plan {
    /// `only`: the recipes that may be chosen, all when empty. `sized` fits a setting to the memory.
    pub(crate) fn new(only: &[&str], fits: usize, seed: u64, sized: impl Fn(Setting) -> Setting) -> Result<Self> {
        let mut settings = Vec::new();
        for (backing, values) in CANDIDATES {
            if only.is_empty() || only.contains(&backing) {
                let plain = Setting::plain(backing)?;
                settings.push(sized(values.iter().fold(plain, |setting, (name, value)| setting.with(name, *value))));
            }
        }
        Ok(Self { settings, fits, seed })
    }

    pub(crate) fn announced(&self) -> usize {
        self.settings.len() + SURVIVORS * self.fits
    }
}

/// A trial and what it did on the users of the first look.
struct Looked {
    trial: Trial,
    evaluation: Evaluation,
}

/// What the same search is done with again and again.
struct Auto<'a> {
    plan: &'a Plan,
    judge: Judge<'a>,
    told: Vec<String>,
    tried: Vec<Candidate>,
}

pub(crate) fn choose(plan: &Plan, train: &Interactions, cases: &[TestCase], stages: &Stages<'_>) -> Result<Choice> {
    let first = plan.settings.first().ok_or_else(|| Error::invalid_input("No recipe is left to choose from."))?;
    let look = thin(cases.to_vec(), FIRST_LOOK);
    let model = first.fit(train, stages)?;
    let how = how_to_ask(model.as_ref(), &look, false)?;
    let none_given = BTreeMap::new();
    let judge = Judge { given: &none_given, train, cases: &look, how, stages };
    let mut auto = Auto { plan, judge, told: Vec::new(), tried: Vec::new() };
    let looked = auto.first_look(model)?;
    let (survivors, counter) = auto.survivors(looked)?;
    auto.judge.cases = cases;
    let mut tuned = auto.tune(survivors)?;
    tuned.sort_by(|a, b| b.ndcg.total_cmp(&a.ndcg));
    let (chosen, model) = auto.blend(tuned, counter, &look)?;
    auto.told.push(format!("Chosen: {}.", chosen.words()));
    let temperature = temperature(model.as_ref(), cases, how);
    auto.told.iter().for_each(|line| stages.info(line.clone()));
    Ok(Choice { chosen, how, temperature, tried: auto.tried, decision: auto.told })
}

fn is_counter(backing: &str) -> bool {
    matches!(backing, "popularity" | "recent_popularity" | "decayed_popularity" | "trending")
}

impl Auto<'_> {
    /// Every candidate with its defaults. `first` is the fit of the first.
    fn first_look(&mut self, first: Box<dyn Model>) -> Result<Vec<Looked>> {
        let mut looked = Vec::new();
        let mut first = Some(first);
        for (at, setting) in self.plan.settings.iter().enumerate() {
            // Something must be left to choose.
            if at > 0 && self.judge.stages.is_late() {
                let left: Vec<&str> = self.plan.settings[at..].iter().map(|setting| setting.backing.as_str()).collect();
                self.told.push(format!("The time budget was used up before {} could be tried.", left.join(", ")));
                self.judge.stages.skip(left.len());
                break;
            }
            let trial = match first.take() {
                Some(model) => self.judge.tuned(setting.clone(), model, &mut self.tried)?,
                None => self.judge.tried(setting.clone(), &mut self.tried)?,
            };
            let evaluation = evaluate(trial.model.as_ref(), self.judge.cases, self.judge.how)?;
            looked.push(Looked { trial, evaluation });
        }
        looked.sort_by(|a, b| b.trial.ndcg.total_cmp(&a.trial.ndcg));
        let list: Vec<String> = looked.iter().map(|one| format!("{} {:.4}", one.trial.setting.words(), one.trial.ndcg)).collect();
        let users = count(self.judge.cases.len());
        self.told.push(format!("A first look at {} candidates, NDCG@10 on {users} validation users: {}.", list.len(), list.join("; ")));
        Ok(looked)
    }

    /// The best, and of those that are worse by no more than chance the next two; beside them the best counter, if it is dropped.
    fn survivors(&mut self, looked: Vec<Looked>) -> Result<(Vec<Trial>, Option<Trial>)> {
        let (mut kept, mut dropped): (Vec<Looked>, Vec<Looked>) = (Vec::new(), Vec::new());
        for one in looked {
            let stays = match kept.first() {
                None => true,
                // Two settings of one recipe would be tuned to the same end.
                Some(_) if kept.len() == SURVIVORS || kept.iter().any(|k| k.trial.setting.backing == one.trial.setting.backing) => false,
                Some(best) => !self.compared(&best.evaluation, &one.evaluation)?.is_significant(),
            };
            if stays { kept.push(one) } else { dropped.push(one) }
        }
        let names: Vec<&str> = kept.iter().map(|one| one.trial.setting.backing.as_str()).collect();
        self.told.push(format!("Tuned further, because nothing is better by more than chance: {}.", names.join(", ")));
        let is_kept = kept.iter().any(|one| is_counter(&one.trial.setting.backing));
        let counter = dropped.into_iter().find(|one| !is_kept && is_counter(&one.trial.setting.backing));
        Ok((kept.into_iter().map(|one| one.trial).collect(), counter.map(|one| one.trial)))
    }

    fn compared(&self, a: &Evaluation, b: &Evaluation) -> Result<Comparison> {
        compare(a, b, NDCG_AT_10, self.plan.seed).map_err(recipe_error)
    }

    fn tune(&mut self, survivors: Vec<Trial>) -> Result<Vec<Trial>> {
        let stages = self.judge.stages;
        stages.skip((SURVIVORS - survivors.len()) * self.plan.fits);
        let mut tuned = Vec::new();
        for trial in survivors {
            let Trial { setting, model, .. } = trial;
            let start = Trial { ndcg: ndcg(model.as_ref(), self.judge.cases, self.judge.how)?, setting, model };
            tuned.push(self.judge.climb(start, self.plan.fits, &mut self.tried)?);
        }
        if stages.is_late() {
            self.told.push("The time budget ended the tuning.".into());
        }
        Ok(tuned)
    }

    /// The blend where it is better, else the best.
    fn blend(&mut self, tuned: Vec<Trial>, counter: Option<Trial>, cases: &[TestCase]) -> Result<(Chosen, Arc<dyn Model>)> {
        let members: Vec<(Setting, Arc<dyn Model>)> =
            tuned.into_iter().chain(counter).map(|trial| (trial.setting, Arc::from(trial.model))).collect();
        let (setting, best) = members.first().cloned().ok_or_else(|| Error::internal("A search has no best setting."))?;
        if members.len() == 1 || self.judge.stages.is_late() {
            return Ok((Chosen::One(setting), best));
        }
        let weigher = Weigher { models: members.iter().map(|(_, model)| model.clone()).collect(), how: self.judge.how };
        let half = |odd: usize| cases.iter().skip(odd).step_by(2).cloned().collect::<Vec<TestCase>>();
        let (choosing, judging) = (half(0), half(1));
        let weights = weigher.weights(&choosing, self.judge.stages)?;
        let blend = weigher.blend(&weights)?;
        let (ours, single) = (evaluate(&blend, &judging, self.judge.how)?, evaluate(best.as_ref(), &judging, self.judge.how)?);
        let compared = self.compared(&ours, &single)?;
        let better = compared.is_significant() && compared.difference.mean > 0.0;
        self.told.push(format!(
            "A blend of {} against the best of them on {} users who did not choose its weights: NDCG@10 {:+.4} ({:+.4} to {:+.4}, p {:.3}): {}.",
            members.iter().map(|(setting, _)| setting.backing.as_str()).collect::<Vec<_>>().join(", "),
            count(ours.n_users()),
            compared.difference.mean,
            compared.difference.low,
            compared.difference.high,
            compared.p_value,
            if better { "kept" } else { "no more than chance, left out" }
        ));
        if !better {
            return Ok((Chosen::One(setting), best));
        }
        let settings = members.into_iter().zip(weights).map(|((setting, _), weights)| BlendedSetting { setting, weights });
        let settings = settings.filter(|member| member.weights.iter().any(|weight| *weight > 0.0));
        Ok((Chosen::Blend(settings.collect()), Arc::new(blend)))
    }
}

/// The search for the weights of a blend.
struct Weigher {
    /// The best first.
    models: Vec<Arc<dyn Model>>,
    how: How,
}

impl Weigher {
    fn blend(&self, weights: &[[f32; BUCKETS]]) -> Result<Blend> {
        let members = self.models.iter().zip(weights).map(|(model, weights)| Member { model: model.clone(), weights: *weights });
        Blend::new(members.collect()).map_err(recipe_error)
    }

    /// By member and bucket. Buckets are chosen apart from each other, since no case is in two.
    fn weights(&self, cases: &[TestCase], stages: &Stages<'_>) -> Result<Vec<[f32; BUCKETS]>> {
        let for_all = self.best_for(cases, stages)?;
        let mut weights: Vec<[f32; BUCKETS]> = for_all.iter().map(|weight| [*weight; BUCKETS]).collect();
        for at in 0..BUCKETS {
            let of_bucket: Vec<TestCase> = cases.iter().filter(|case| bucket(case.history.len()) == at).cloned().collect();
            if of_bucket.len() >= LEAST_USERS && of_bucket.len() < cases.len() {
                let best = self.best_for(&of_bucket, stages)?;
                weights.iter_mut().zip(best).for_each(|(weights, best)| weights[at] = best);
            }
        }
        Ok(weights)
    }

    /// One weight per member: coordinate search from the best member alone.
    fn best_for(&self, cases: &[TestCase], stages: &Stages<'_>) -> Result<Vec<f32>> {
        let figure = |weights: &[f32]| -> Result<f64> {
            stages.check()?;
            let all: Vec<[f32; BUCKETS]> = weights.iter().map(|weight| [*weight; BUCKETS]).collect();
            ndcg(&self.blend(&all)?, cases, self.how)
        };
        let mut weights = vec![0.0; self.models.len()];
        weights[0] = 1.0;
        let mut best = figure(&weights)?;
        for _ in 0..ROUNDS {
            // Only ratios count, so the first keeps its weight.
            for member in 1..weights.len() {
                for weight in WEIGHTS {
                    let mut next = weights.clone();
                    next[member] = weight;
                    let found = if next == weights { best } else { figure(&next)? };
                    if found > best {
                        (weights, best) = (next, found);
                    }
                }
            }
        }
        Ok(weights)
    }
}
