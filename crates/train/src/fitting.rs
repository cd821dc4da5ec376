//! One training from data to files: search, judgement under both protocols, refit on everything.

use std::collections::BTreeMap;

use dataset::{IdMap, Snapshot, TrainingData};
use domain::{ErrorKind, Result};
use evaluate::{Finding, Known, Split, TestCase, insights, temporal, users10};
use recipes::Interactions;
use runs::RunContext;

use crate::bundle::Bundle;
use crate::catalogue::{self, RecipeInfo};
use crate::executor::TrainSettings;
use crate::judging::{judge, repeat_share, thin};
use crate::manifest::{FORMAT, Manifest};
use crate::names;
use crate::report::{Judgement, Report, RivalJudgement};
use crate::rival::{HoldOut, Ours, Rival, left_out};
use crate::search::{self, Choice, Plan};
use crate::selection::{EventRules, main_event_type, recipe_error, select};
use crate::setting::{Fitted, Setting};
use crate::solution::SolutionConfig;
use crate::stages::{Stages, count};
use crate::version::SolutionVersion;

/// Share of time before the cut of the temporal protocol.
const BEFORE: f64 = 0.9;
/// Fits besides those of the search: for the test part, for the coming period, for the final model.
const OTHER_FITS: usize = 3;
/// Bytes that the dense solve needs per pair of items.
const BYTES_PER_PAIR: f64 = 12.0;
/// Operations per cubed item of one fit: Cholesky, inverse and a product.
const FLOP_PER_CUBE: f64 = 3.0;

/// The files of a trained model.
pub(crate) struct Outcome {
    pub model: Vec<u8>,
    pub serving: Vec<u8>,
    pub manifest: Manifest,
}

/// What is to be trained. Built once, then used on a computing thread.
pub(crate) struct Assignment {
    pub version: SolutionVersion,
    pub recipe: RecipeInfo,
    pub rules: EventRules,
    given: BTreeMap<String, String>,
    fits: usize,
    /// The user asked for a number of fits, so costs do not limit it.
    asked: bool,
    settings: TrainSettings,
    rivals: Vec<Rival>,
}

impl Assignment {
    pub(crate) fn new(version: SolutionVersion, rivals: Vec<Rival>, settings: TrainSettings, context: &RunContext) -> Result<Self> {
        let recipe = catalogue::recipe(&version.recipe_arn)?;
        let config = version.solution_config.clone().unwrap_or_default();
        let parameters = catalogue::hyperparameters(&recipe, &config.all_parameters())?;
        for name in &parameters.without_effect {
            context.log(runs::Level::Warn, format!("{name} steers the network that AWS trains; this model has none, so it has no effect."));
        }
        let asked = version.perform_hpo || config.hpo_config.is_some();
        let fits = SolutionConfig::fits(&config, version.perform_hpo)?;
        Ok(Self { rules: EventRules::of(&version)?, recipe, given: parameters.given, fits, asked, version, settings, rivals })
    }

    fn snapshot(&self) -> &Snapshot {
        &self.version.snapshot
    }

    /// Where the search begins: what was given, with a size that fits the memory.
    fn plan(&self, interactions: &Interactions, memory_bytes: usize, context: &RunContext) -> Result<Plan<'_>> {
        let mut start = Setting::new(self.recipe.backing, &self.given)?;
        let mut fits = self.fits;
        if let Setting::Linear(linear) = &mut start {
            let supported = supported_items(interactions, linear.min_support);
            let room = (memory_bytes as f64 / BYTES_PER_PAIR).sqrt();
            let affordable = (self.settings.fit_flop / FLOP_PER_CUBE).cbrt();
            if !self.given.contains_key("max_items") {
                linear.max_items = linear.max_items.min(room.min(affordable) as usize).max(2);
            }
            let solved = supported.min(linear.max_items);
            if solved < supported {
                let what = format!("The {} items with most users of {} get weights of their own", count(solved), count(supported));
                context.log(
                    runs::Level::Warn,
                    format!(
                        "{what}; the limits of memory and time allow no more (max_items raises the latter), the others rank by popularity."
                    ),
                );
            }
            let affordable = self.settings.fit_flop / (FLOP_PER_CUBE * (solved as f64).powi(3)).max(1.0);
            fits = if self.asked { fits } else { fits.min(affordable as usize).max(1) };
        }
        Ok(Plan { start, given: &self.given, fits })
    }

    /// Computes everything; called off the async threads.
    pub(crate) fn carry_out(&self, data: &TrainingData, context: &RunContext) -> Result<Outcome> {
        let interactions = select(data, &self.rules)?;
        let plan = self.plan(&interactions, context.limits().job_memory_bytes, context)?;
        let stages = Stages::new(context, self.settings.seed, search::fits(&plan) + OTHER_FITS + self.rivals.len());
        self.tell_data(data, &interactions, &stages);
        let insights = self.insights(data, &interactions);
        let split = users10(&interactions, self.settings.seed).map_err(recipe_error)?;
        stages.ended("split");
        let choice = self.search(&plan, &split, &stages)?;
        stages.ended("search");
        let (next, rivals) = self.next(&choice, &split, data, &interactions, &stages)?;
        stages.ended("judge held-out users");
        let coming = self.coming(&choice, &interactions, &stages)?;
        stages.ended("judge coming period");
        let fitted = choice.setting.fit(&interactions, &stages)?;
        let fitted = as_chosen(fitted, &choice.setting);
        stages.ended("refit");
        let report = Report {
            recipe: self.recipe.name.into(),
            users: data.users.len(),
            items: data.items.len(),
            interactions: interactions.len(),
            main_event_type: main_event_type(&data.events, &self.rules),
            next,
            coming,
            exclude_seen: choice.exclude_seen,
            repeat_share: repeat_share(&split.cases),
            rivals,
            insights,
        };
        report.insight_words().into_iter().for_each(|line| stages.warn(line));
        report.words().into_iter().chain(report.segment_words()).for_each(|line| stages.info(line));
        self.files(data, &interactions, &fitted, choice, report, &stages)
    }

    fn tell_data(&self, data: &TrainingData, interactions: &Interactions, stages: &Stages<'_>) {
        stages.info(format!(
            "Training {} on {} of {} events, {} users and {} items.",
            self.recipe.name,
            count(interactions.len()),
            count(data.events.len()),
            count(data.users.len()),
            count(data.items.len())
        ));
    }

    /// What the data is like; known before anything is fitted.
    fn insights(&self, data: &TrainingData, interactions: &Interactions) -> Vec<Finding> {
        let id = |ids: &IdMap, index: u32| ids.id(index).unwrap_or_default().to_owned();
        let (user_id, item_id) = (|user| id(&data.users, user), |item| id(&data.items, item));
        let rows = self.snapshot().interactions.as_ref().map_or(0, |dataset| dataset.rows() as usize);
        insights(interactions, &Known { rows, distinct: data.events.len(), user_id: &user_id, item_id: &item_id })
    }

    fn search(&self, plan: &Plan<'_>, split: &Split, stages: &Stages<'_>) -> Result<Choice> {
        let inner = users10(&split.train, self.settings.seed.wrapping_add(1)).map_err(recipe_error)?;
        let cases = thin(inner.cases, self.settings.judged_users);
        search::choose(plan, &inner.train, &cases, stages)
    }

    /// Personalize's protocol; and the versions that serve, beside the same fit.
    fn next(
        &self,
        choice: &Choice,
        split: &Split,
        data: &TrainingData,
        interactions: &Interactions,
        stages: &Stages<'_>,
    ) -> Result<(Judgement, Vec<RivalJudgement>)> {
        let with_events = (0..split.train.n_users() as u32).filter(|user| split.train.events_of(*user) > 0).count();
        stages.info(format!(
            "Held out {} of {} users: the oldest 90 % of what they did is known, the newest 10 % is to be found.",
            count(split.cases.len()),
            count(with_events + split.cases.len())
        ));
        let cases = thin(split.cases.clone(), self.settings.judged_users);
        let fits = self.fits_for(choice, &split.train, stages)?;
        let judgement = self.judged(choice, &fits, &split.train, &cases)?;
        let ours = Ours { fitted: fits.0.model(), baseline: fits.1.model(), exclude_seen: choice.exclude_seen, seed: self.settings.seed };
        let on = HoldOut { train: &split.train, cases: &cases, all: interactions, items: &data.items };
        Ok((judgement, self.beside(&ours, &on, stages)?))
    }

    /// The versions that serve. One that cannot be judged is told of and left out: it does not forbid a training.
    fn beside(&self, ours: &Ours<'_>, on: &HoldOut<'_>, stages: &Stages<'_>) -> Result<Vec<RivalJudgement>> {
        let mut judged = Vec::new();
        for rival in &self.rivals {
            match rival.judge(ours, on, stages) {
                Ok(judgement) => judged.push(judgement),
                Err(error) if error.kind == ErrorKind::Stopped => return Err(error),
                Err(error) => stages.warn(left_out(rival.arn(), &error)),
            }
        }
        Ok(judged)
    }

    /// The coming period; nothing when nobody has events on both sides of the cut.
    fn coming(&self, choice: &Choice, interactions: &Interactions, stages: &Stages<'_>) -> Result<Option<Judgement>> {
        let split = match temporal(interactions, BEFORE) {
            Ok(split) => split,
            Err(error @ recipes::RecipeError::NotEnoughData { .. }) => {
                stages.info(format!("The coming period cannot be judged: {error}"));
                stages.skip(1);
                return Ok(None);
            }
            Err(error) => return Err(recipe_error(error)),
        };
        let cases = thin(split.cases, self.settings.judged_users);
        let fits = self.fits_for(choice, &split.train, stages)?;
        self.judged(choice, &fits, &split.train, &cases).map(Some)
    }

    /// The recipe and best-sellers.
    fn fits_for(&self, choice: &Choice, train: &Interactions, stages: &Stages<'_>) -> Result<(Fitted, Fitted)> {
        let fitted = choice.setting.fit(train, stages)?;
        Ok((as_chosen(fitted, &choice.setting), Setting::Popularity.fit(train, stages)?))
    }

    fn judged(&self, choice: &Choice, fits: &(Fitted, Fitted), train: &Interactions, cases: &[TestCase]) -> Result<Judgement> {
        judge((fits.0.model(), fits.1.model()), train, cases, choice.exclude_seen, self.settings.seed)
    }

    fn files(
        &self,
        data: &TrainingData,
        interactions: &Interactions,
        fitted: &Fitted,
        choice: Choice,
        report: Report,
        stages: &Stages<'_>,
    ) -> Result<Outcome> {
        let name_column = names::column(self.snapshot())?;
        let names = names::names(data, name_column.as_deref())?;
        let serving = Bundle::of(&data.users, &data.items, &names, interactions)?.save()?;
        let model = fitted.model().save().map_err(recipe_error)?;
        stages.ended("write");
        let times = stages.times();
        let spent: Vec<String> = times.iter().map(|time| format!("{} {:.1} s", time.stage, time.seconds)).collect();
        stages.info(format!("Time spent: {}.", spent.join(", ")));
        let manifest = Manifest {
            format: FORMAT,
            program_version: env!("CARGO_PKG_VERSION").into(),
            solution_version_arn: self.version.solution_version_arn.clone(),
            recipe: self.recipe.name.into(),
            backing: self.recipe.backing.into(),
            parameters: choice.setting.parameters(),
            search: choice.tried,
            seed: self.settings.seed,
            snapshot: self.snapshot().clone(),
            events: self.rules.clone(),
            report,
            temperature: choice.temperature,
            name_column,
            seconds: times,
        };
        Ok(Outcome { model, serving, manifest })
    }
}

/// The fit with the recency and popularity discount that were chosen (a fit takes them from its recipe already).
pub(crate) fn as_chosen(fitted: Fitted, setting: &Setting) -> Fitted {
    match (fitted, setting) {
        (Fitted::Linear(model), Setting::Linear(linear)) => Fitted::Linear(model.with_inference(linear.tau_inf, linear.kappa)),
        (fitted, _) => fitted,
    }
}

/// How many items at least `least` users have.
fn supported_items(interactions: &Interactions, least: usize) -> usize {
    let mut users = vec![0_usize; interactions.n_items()];
    let mut last = vec![u32::MAX; interactions.n_items()];
    for event in interactions.iter() {
        let item = event.item as usize;
        if last[item] != event.user {
            last[item] = event.user;
            users[item] += 1;
        }
    }
    users.into_iter().filter(|users| *users >= least).count()
}
