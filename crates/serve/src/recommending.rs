//! Requests: what is asked of a campaign, put together from its model, the user's history and a filter. Reads no database.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use domain::{Arn, Error, Result};
use events::LiveEvent;
use train::RecipeInfo;

use crate::answer::{self, Bounds, Ranked};
use crate::filter::{Pass, ReadyFilter, Request};
use crate::model::History;
use crate::request::{Explained, GetPersonalizedRanking, GetRecommendations, Promotion, Ranking, Recommendations, check_others};
use crate::serving::Serving;
use crate::table::Deployed;
use crate::words;

/// Who asks, and what is known of them.
struct Asking<'a> {
    deployed: Arc<Deployed>,
    user_id: Option<&'a str>,
    item_id: Option<&'a str>,
    live: Vec<LiveEvent>,
    history: History,
    now: i64,
    /// What passes whatever a request asks for: a recommender leaves some out by itself.
    always: Option<Pass>,
}

impl Asking<'_> {
    /// What may be shown where a filter is asked for, or none.
    fn pass(&self, filter: Option<&ReadyFilter>, values: &BTreeMap<String, String>) -> Result<Option<Pass>> {
        let Some(filter) = filter else {
            return match values.keys().next() {
                Some(name) => Err(Error::invalid_input(format!("filterValues needs a filterArn; found a value for {name} and no filter."))),
                None => Ok(self.always.clone()),
            };
        };
        let pass = self.passed(filter, values)?;
        Ok(Some(match &self.always {
            Some(always) => pass.and(always),
            None => pass,
        }))
    }

    /// What the filter lets through.
    fn passed(&self, filter: &ReadyFilter, values: &BTreeMap<String, String>) -> Result<Pass> {
        let (user_id, item_id, now) = (self.user_id, self.item_id, self.now);
        filter.pass(&self.deployed.model, &Request { user_id, item_id, live: &self.live, values, now })
    }
}

impl Serving {
    /// The best items for a user, as GetRecommendations gives them.
    pub fn get_recommendations(&self, request: &GetRecommendations) -> Result<Recommendations> {
        let (deployed, filter) = self.asked(request)?;
        self.recommend_on(deployed, filter.as_deref(), request)
    }

    /// The same of what is not a campaign, and with a filter that was looked up already: the request's `filter_arn` is not read.
    pub(crate) fn recommend_on(
        &self,
        deployed: Arc<Deployed>,
        filter: Option<&ReadyFilter>,
        request: &GetRecommendations,
    ) -> Result<Recommendations> {
        let (asking, ranked) = self.rank(deployed, filter, request)?;
        Ok(Recommendations { item_list: answer::recommended(&asking.deployed.model, ranked), recommendation_id: self.ids().next() })
    }

    /// The same recommendations with names and a reason each, for people.
    pub fn explain(&self, request: &GetRecommendations) -> Result<Vec<Explained>> {
        let (deployed, filter) = self.asked(request)?;
        let (asking, ranked) = self.rank(deployed, filter.as_deref(), request)?;
        let model = &asking.deployed.model;
        let explained = ranked.into_iter().map(|ranked| Explained {
            item_id: model.bundle.items.get(ranked.item).to_owned(),
            name: model.bundle.name(ranked.item).to_owned(),
            score: ranked.share,
            reason: words::reason(model, &asking.history, ranked.item),
        });
        Ok(explained.collect())
    }

    /// Works on campaigns of every recipe.
    pub fn get_personalized_ranking(&self, request: &GetPersonalizedRanking) -> Result<Ranking> {
        check_others(&request.others)?;
        let deployed = self.deployed(request.campaign_arn.as_ref())?;
        let filter = self.filter(&deployed, request.filter_arn.as_ref())?;
        self.rank_on(deployed, filter.as_deref(), request)
    }

    /// As [`Serving::recommend_on`].
    pub(crate) fn rank_on(
        &self,
        deployed: Arc<Deployed>,
        filter: Option<&ReadyFilter>,
        request: &GetPersonalizedRanking,
    ) -> Result<Ranking> {
        answer::check_list(&request.input_list)?;
        if deployed.model.recipe.is_related() {
            let recipe = deployed.model.recipe.name;
            return Err(Error::invalid_input(format!("Recipe {recipe} recommends items beside an item; it puts no lists in order.")));
        }
        let asking = self.asking(deployed, request.user_id.as_deref(), None)?;
        let pass = asking.pass(filter, &request.filter_values)?;
        let model = &asking.deployed.model;
        Ok(Ranking {
            personalized_ranking: answer::ordered(model, &asking.history, asking.now, &request.input_list, pass.as_ref()),
            recommendation_id: self.ids().next(),
        })
    }

    /// The campaign or recommender and the filter that a request names.
    fn asked(&self, request: &GetRecommendations) -> Result<(Arc<Deployed>, Option<Arc<ReadyFilter>>)> {
        check_others(&request.others)?;
        let arn = match (&request.campaign_arn, &request.recommender_arn) {
            (Some(_), Some(_)) => return Err(Error::invalid_input("A request names campaignArn or recommenderArn; found both.")),
            (campaign, recommender) => campaign.as_ref().or(recommender.as_ref()),
        };
        let deployed = self.deployed(arn)?;
        let filter = self.filter(&deployed, request.filter_arn.as_ref())?;
        Ok((deployed, filter))
    }

    /// The filter, where one is named.
    pub(crate) fn filter(&self, deployed: &Deployed, arn: Option<&Arn>) -> Result<Option<Arc<ReadyFilter>>> {
        arn.map(|arn| self.filters().ready(arn, &deployed.dataset_group_arn)).transpose()
    }

    fn rank<'a>(
        &self,
        deployed: Arc<Deployed>,
        filter: Option<&ReadyFilter>,
        request: &'a GetRecommendations,
    ) -> Result<(Asking<'a>, Vec<Ranked>)> {
        let count = answer::check_count(request.num_results)?;
        let asking = self.asking(deployed, request.user_id.as_deref(), request.item_id.as_deref())?;
        // The item that is asked about is no answer.
        let related = asking.deployed.model.recipe.is_related();
        let exclude_seen = related || request.exclude_seen.unwrap_or(asking.deployed.exclude_seen);
        let pass = asking.pass(filter, &request.filter_values)?;
        let bounds = Bounds { count, exclude_seen, pass: pass.as_ref() };
        let model = &asking.deployed.model;
        let ranked = match request.promotions.as_slice() {
            [] => answer::best(model, &asking.history, asking.now, bounds),
            [promotion] => self.promote(&asking, promotion, bounds)?,
            more => return Err(Error::invalid_input(format!("promotions has at most one entry; found {}.", more.len()))),
        };
        Ok((asking, ranked))
    }

    /// The best promoted items and the best others, mixed; fewer candidates make fewer promoted.
    fn promote(&self, asking: &Asking<'_>, promotion: &Promotion, bounds: Bounds<'_>) -> Result<Vec<Ranked>> {
        let percent = promotion.percent_promoted_items.unwrap_or(100);
        let percent = usize::try_from(percent)
            .ok()
            .filter(|percent| (1..=100).contains(percent))
            .ok_or_else(|| Error::invalid_input(format!("percentPromotedItems is 1 to 100; found {percent}.")))?;
        let filter = promotion.filter_arn.as_ref().ok_or_else(|| Error::invalid_input("A promotion needs a filterArn; found none."))?;
        let filter = self.filter(&asking.deployed, Some(filter))?;
        let pass = asking.pass(filter.as_deref(), &promotion.filter_values)?;
        let (model, history) = (&asking.deployed.model, &asking.history);
        let places = Bounds { count: bounds.count * percent / 100, pass: pass.as_ref(), ..bounds };
        let mut promoted = answer::best(model, history, asking.now, places);
        for ranked in &mut promoted {
            ranked.promotion = Some(promotion.name.clone().unwrap_or_default());
        }
        let taken: HashSet<u32> = promoted.iter().map(|ranked| ranked.item).collect();
        let mut others = answer::best(model, history, asking.now, bounds);
        others.retain(|ranked| !taken.contains(&ranked.item));
        others.truncate(bounds.count - promoted.len());
        Ok(mixed(promoted, others, self.ids().draws()))
    }

    fn asking<'a>(&self, deployed: Arc<Deployed>, user_id: Option<&'a str>, item_id: Option<&'a str>) -> Result<Asking<'a>> {
        let user_id = user_id.filter(|user| !user.is_empty());
        let live = user_id.map(|user| self.live().get(&deployed.dataset_group_arn, user)).unwrap_or_default();
        check_inputs(&deployed.model.recipe, user_id, item_id)?;
        let history = match item_id.filter(|_| deployed.model.recipe.is_related()) {
            Some(item) => deployed.model.only(item, self.now()),
            None => user_id.map(|user| deployed.model.history(user, &live)).unwrap_or_default(),
        };
        let always = self.filter(&deployed, deployed.always.as_ref())?;
        let mut asking = Asking { deployed, user_id, item_id, live, history, now: self.now(), always: None };
        asking.always = always.map(|filter| asking.passed(&filter, &BTreeMap::new())).transpose()?;
        Ok(asking)
    }
}

/// What a recipe must be asked with.
fn check_inputs(recipe: &RecipeInfo, user_id: Option<&str>, item_id: Option<&str>) -> Result<()> {
    let needs_user = recipe.use_case.map_or(recipe.is_personal(), |use_case| use_case.needs_user);
    let lacks_item = recipe.is_related() && item_id.is_none_or(str::is_empty);
    let lacking = [(needs_user && user_id.is_none(), "userId"), (lacks_item, "itemId")];
    match lacking.into_iter().find(|(lacks, _)| *lacks) {
        Some((_, name)) => Err(Error::invalid_input(format!("{name} is required by recipe {}; found none.", recipe.name))),
        None => Ok(()),
    }
}

/// Both in their order, the promoted at places that are drawn.
fn mixed(promoted: Vec<Ranked>, others: Vec<Ranked>, mut draw: impl FnMut() -> u64) -> Vec<Ranked> {
    let mut all = Vec::with_capacity(promoted.len() + others.len());
    let (mut promoted, mut others) = (promoted.into_iter(), others.into_iter());
    while promoted.len() + others.len() > 0 {
        let (some, all_left) = (promoted.len() as u64, (promoted.len() + others.len()) as u64);
        let takes_promoted = draw() % all_left < some;
        all.extend(if takes_promoted { promoted.next() } else { others.next() });
    }
    all
}
