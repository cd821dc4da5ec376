//! One training from data to files: search, judgement under both protocols, refit on everything.

use std::collections::BTreeMap;

use dataset::{IdMap, Snapshot, TrainingData};
use domain::{ErrorKind, Result};
use evaluate::{Finding, Known, NDCG_AT_10, Split, TestCase, compare, insights, temporal, users10};
use recipes::{Interactions, Model};
use runs::RunContext;

use crate::auto::{self, AUTO};
use crate::bundle::Bundle;
use crate::catalogue::{self, Goal, Hyperparameters, RecipeInfo, standing_for};
use crate::executor::TrainSettings;
use crate::judging::{self, judge, repeat_share, thin};
use crate::manifest::{FORMAT, Manifest};
use crate::names;
use crate::renewal::kept as kept_choice;
use crate::report::{Judgement, Report, RivalJudgement};
use crate::rival::{HoldOut, Ours, Rival, left_out};
use crate::search::{self, Choice};
use crate::selection::{EventRules, main_event_type, recipe_error, require, select};
use crate::setting::{Chosen, Setting};
use crate::solution::{MAX_FITS, SolutionConfig};
use crate::space;
use crate::stages::{Stages, count};
use crate::version::SolutionVersion;

/// Share of time before the cut of the temporal protocol.
const BEFORE: f64 = 0.9;
/// Fits of what was chosen: for the test part, for the coming period, for the final model.
const OTHER_FITS: usize = 3;
/// Fits of best-sellers, for the test part and for the coming period.
const BASELINES: usize = 2;
/// The best-sellers of so many days are the least that an automatic choice must reach.
const GUARD_DAYS: f64 = 7.0;
/// Bytes that the dense solve needs per pair of items.
const BYTES_PER_PAIR: f64 = 12.0;
/// Operations per cubed item of one fit: Cholesky, inverse and a product.
const FLOP_PER_CUBE: f64 = 3.0;

/// The recipe and best-sellers.
type Fits = (Box<dyn Model>, Box<dyn Model>);

/// The search that a recipe asks for.
enum Search<'a> {
    One(search::Plan<'a>),
    Automatic(auto::Plan),
    /// What an earlier version found.
    Kept(&'a Choice),
}

impl Search<'_> {
    /// How many models may be blended.
    fn members(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Automatic(_) => auto::MEMBERS,
            Self::Kept(choice) => choice.chosen.fits(),
        }
    }

    /// How many fits there will be, those that follow the search included.
    fn announced(&self) -> usize {
        let searched = match self {
            Self::One(plan) => plan.announced(),
            Self::Kept(_) => 0,
            // The guard fits the choice and itself.
            Self::Automatic(plan) => plan.announced() + self.members() + 1,
        };
        searched + BASELINES + OTHER_FITS * self.members()
    }
}

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
    parameters: Hyperparameters,
    config: SolutionConfig,
    fits: usize,
    /// The user asked for a number of fits, so costs do not limit it.
    asked: bool,
    settings: TrainSettings,
    rivals: Vec<Rival>,
    kept: Option<Choice>,
}

impl Assignment {
    /// `kept`: the version whose settings are kept.
    pub(crate) fn new(
        version: SolutionVersion,
        kept: Option<&Manifest>,
        rivals: Vec<Rival>,
        settings: TrainSettings,
        context: &RunContext,
    ) -> Result<Self> {
        let recipe = catalogue::recipe(&version.recipe_arn)?;
        let config = version.solution_config.clone().unwrap_or_default();
        let parameters = catalogue::hyperparameters(&recipe, &config.all_parameters())?;
        for name in &parameters.without_effect {
            context.log(runs::Level::Warn, format!("{name} steers the network that AWS trains; this model has none, so it has no effect."));
        }
        let asked = version.perform_hpo || config.hpo_config.is_some();
        let fits = SolutionConfig::fits(&config, version.perform_hpo)?;
        let kept = kept.map(|manifest| kept_choice(manifest, recipe.is_related())).transpose()?;
        Ok(Self { rules: EventRules::of(&version)?, recipe, parameters, config, fits, asked, version, settings, rivals, kept })
    }

    fn snapshot(&self) -> &Snapshot {
        &self.version.snapshot
    }

    /// What will be searched.
    fn plan(&self, interactions: &Interactions, context: &RunContext) -> Result<Search<'_>> {
        if let Some(choice) = &self.kept {
            return Ok(Search::Kept(choice));
        }
        let sized = |setting| self.sized(setting, interactions, context);
        if self.recipe.backing == AUTO {
            let only = self.config.candidates()?;
            return Ok(Search::Automatic(auto::Plan::new(&only, self.fits, self.settings.seed, sized)?));
        }
        let given = &self.parameters.given;
        let start = sized(Setting::new(self.recipe.backing, given)?);
        let fits = self.affordable(&start, interactions);
        let ranges = self.config.ranges().filter(|ranges| !ranges.is_empty());
        let all = self.config.all_parameters();
        let drawn = ranges.map(|ranges| ranges.draw(&self.recipe, &all, fits.saturating_sub(1))).transpose()?.unwrap_or_default();
        let drawn = drawn.into_iter().map(sized).collect();
        Ok(Search::One(search::Plan { start, given, fits, related: self.recipe.is_related(), drawn }))
    }

    /// The dense solve of the linear recipe, cut to what memory and time allow; the log tells.
    fn sized(&self, setting: Setting, interactions: &Interactions, context: &RunContext) -> Setting {
        if setting.backing != "linear" {
            return setting;
        }
        let supported = supported_items(interactions, setting.value("min_support") as usize);
        let room = (context.limits().job_memory_bytes as f64 / BYTES_PER_PAIR).sqrt();
        let affordable = (self.settings.fit_flop / FLOP_PER_CUBE).cbrt();
        let most = setting.value("max_items");
        let setting = match self.parameters.given.contains_key("max_items") {
            true => setting,
            false => setting.with("max_items", most.min(room.min(affordable).floor())),
        };
        let solved = supported.min(setting.value("max_items") as usize);
        if solved < supported {
            let what = format!("The {} items with most users of {} get weights of their own", count(solved), count(supported));
            let why = "the limits of memory and time allow no more (max_items raises the latter), the others rank by popularity";
            context.log(runs::Level::Warn, format!("{what}; {why}."));
        }
        setting
    }

    /// How many fits a search may take: as many as were asked for, else what the limits allow; cheap ones are not counted.
    fn affordable(&self, start: &Setting, interactions: &Interactions) -> usize {
        match start.backing.as_str() {
            _ if self.asked => self.fits,
            "linear" => {
                let solved = supported_items(interactions, start.value("min_support") as usize).min(start.value("max_items") as usize);
                let affordable = self.settings.fit_flop / (FLOP_PER_CUBE * (solved as f64).powi(3)).max(1.0);
                self.fits.min(affordable as usize).max(1)
            }
            backing if space::is_costly(backing) => self.fits,
            _ => MAX_FITS,
        }
    }

    /// Computes everything; called off the async threads.
    pub(crate) fn carry_out(&self, data: &TrainingData, context: &RunContext) -> Result<Outcome> {
        let interactions = select(data, &self.rules)?;
        self.recipe.use_case.and_then(|use_case| use_case.needs).map_or(Ok(()), |needs| require(&data.events, needs))?;
        let plan = self.plan(&interactions, context)?;
        let budget = self.parameters.budget_s.or((self.recipe.backing == AUTO).then_some(self.settings.search_seconds));
        let stages = Stages::new(context, self.settings.seed, plan.announced() + self.rivals.len(), budget);
        self.tell_data(data, &interactions, &stages);
        let insights = self.insights(data, &interactions);
        let split = users10(&interactions, self.settings.seed).map_err(recipe_error)?;
        stages.ended("split");
        let choice = self.search(&plan, &split.train, &stages)?;
        let choice = self.guarded(choice, &split, &interactions, &stages)?;
        stages.skip(plan.members() * OTHER_FITS - choice.chosen.fits() * OTHER_FITS);
        stages.ended("search");
        let (next, rivals) = self.next(&choice, &split, data, &interactions, &stages)?;
        stages.ended("judge held-out users");
        let coming = self.coming(&choice, &interactions, &stages)?;
        stages.ended("judge coming period");
        let fitted = choice.chosen.fit(&interactions, &stages)?;
        stages.ended("refit");
        let report = Report {
            recipe: self.recipe.name.into(),
            users: data.users.len(),
            items: data.items.len(),
            interactions: interactions.len(),
            main_event_type: main_event_type(&data.events, &self.rules),
            next,
            coming,
            exclude_seen: choice.how.exclude_seen,
            decision: choice.decision.clone(),
            best_recipe_arn: (self.recipe.backing == AUTO)
                .then(|| choice.chosen.heaviest().map(|s| standing_for(&s.backing)))
                .transpose()?,
            repeat_share: repeat_share(&split.cases),
            rivals,
            insights,
        };
        report.insight_words().into_iter().for_each(|line| stages.warn(line));
        report.words().into_iter().chain(report.segment_words()).for_each(|line| stages.info(line));
        self.files(data, &interactions, fitted.as_ref(), choice, report, &stages)
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

    /// On users, or on a time, that are in none of the parts on which the outcome is judged.
    fn search(&self, plan: &Search<'_>, train: &Interactions, stages: &Stages<'_>) -> Result<Choice> {
        let inner = || match self.parameters.goal {
            Goal::NextAction => users10(train, self.settings.seed.wrapping_add(1)),
            Goal::ComingPeriod => temporal(train, BEFORE),
        };
        let parted = || inner().map(|inner| (inner.train, thin(inner.cases, self.settings.judged_users))).map_err(recipe_error);
        match plan {
            Search::One(plan) => parted().and_then(|(train, cases)| search::choose(plan, &train, &cases, stages)),
            Search::Automatic(plan) => parted().and_then(|(train, cases)| auto::choose(plan, &train, &cases, stages)),
            Search::Kept(choice) => {
                choice.decision.iter().for_each(|line| stages.info(line.clone()));
                Ok((*choice).clone())
            }
        }
    }

    /// An automatic choice that ranks below the best-sellers of the last week, by more than chance, gives way to them.
    fn guarded(&self, choice: Choice, split: &Split, interactions: &Interactions, stages: &Stages<'_>) -> Result<Choice> {
        if self.recipe.backing != AUTO || self.kept.is_some() {
            return Ok(choice);
        }
        if !self.config.candidates()?.is_empty() {
            stages.skip(auto::MEMBERS + 1);
            return Ok(choice);
        }
        stages.skip(auto::MEMBERS - choice.chosen.fits());
        let later = match self.parameters.goal {
            Goal::NextAction => None,
            Goal::ComingPeriod => Some(temporal(interactions, BEFORE).map_err(recipe_error)?),
        };
        let split = later.as_ref().unwrap_or(split);
        let cases = thin(split.cases.clone(), self.settings.judged_users);
        let week = Setting::plain("recent_popularity")?.with("days", GUARD_DAYS);
        let figures = |chosen: &Chosen| judging::evaluate(chosen.fit(&split.train, stages)?.as_ref(), &cases, choice.how);
        let (ours, guard) = (figures(&choice.chosen)?, figures(&Chosen::One(week.clone()))?);
        let compared = compare(&ours, &guard, NDCG_AT_10, self.settings.seed).map_err(recipe_error)?;
        if !(compared.is_significant() && compared.difference.mean < 0.0) {
            return Ok(choice);
        }
        let line = format!(
            "On held-out customers the choice ranks below the best-sellers of the last {GUARD_DAYS} days (NDCG@10 {:+.4}, p {:.3}), so these are made.",
            compared.difference.mean, compared.p_value
        );
        stages.warn(line.clone());
        let decision = choice.decision.into_iter().chain([line]).collect();
        Ok(Choice { chosen: Chosen::One(week), decision, ..choice })
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
        let ours = Ours { fitted: fits.0.as_ref(), baseline: fits.1.as_ref(), how: choice.how, seed: self.settings.seed };
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
                stages.skip(choice.chosen.fits() + 1);
                return Ok(None);
            }
            Err(error) => return Err(recipe_error(error)),
        };
        let cases = thin(split.cases, self.settings.judged_users);
        let fits = self.fits_for(choice, &split.train, stages)?;
        self.judged(choice, &fits, &split.train, &cases).map(Some)
    }

    /// The recipe and best-sellers.
    fn fits_for(&self, choice: &Choice, train: &Interactions, stages: &Stages<'_>) -> Result<Fits> {
        Ok((choice.chosen.fit(train, stages)?, Setting::plain("popularity")?.fit(train, stages)?))
    }

    fn judged(&self, choice: &Choice, fits: &Fits, train: &Interactions, cases: &[TestCase]) -> Result<Judgement> {
        judge((fits.0.as_ref(), fits.1.as_ref()), train, cases, choice.how, self.settings.seed)
    }

    fn files(
        &self,
        data: &TrainingData,
        interactions: &Interactions,
        fitted: &dyn Model,
        choice: Choice,
        report: Report,
        stages: &Stages<'_>,
    ) -> Result<Outcome> {
        let name_column = names::column(self.snapshot())?;
        let names = names::names(data, name_column.as_deref())?;
        let serving = Bundle::of(&data.users, &data.items, &names, interactions)?.save()?;
        let model = fitted.save().map_err(recipe_error)?;
        stages.ended("write");
        let times = stages.times();
        let spent: Vec<String> = times.iter().map(|time| format!("{} {:.1} s", time.stage, time.seconds)).collect();
        stages.info(format!("Time spent: {}.", spent.join(", ")));
        let (backing, parameters, members) = match choice.chosen {
            Chosen::One(setting) => (setting.backing, setting.parameters, Vec::new()),
            Chosen::Blend(members) => ("blend".to_owned(), BTreeMap::new(), members),
        };
        let manifest = Manifest {
            format: FORMAT,
            program_version: env!("CARGO_PKG_VERSION").into(),
            solution_version_arn: self.version.solution_version_arn.clone(),
            recipe: self.recipe.name.into(),
            backing,
            parameters,
            members,
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
