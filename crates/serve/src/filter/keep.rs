//! Keeps the filters that serve equal to what the store says and to what the datasets hold.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::{Arn, Result};

use super::group::{GroupData, Wanted, load};
use super::parser::parse;
use super::ready::{FilterSlot, Filters, ReadyFilter};
use super::resource::Filter;
use crate::model::LoadedModel;
use crate::recommender::RecommenderView;
use crate::serving::Serving;

/// Datasets change while they are read; so often the reading begins anew.
const MOST_TRIES: usize = 3;

impl Serving {
    /// `models`: of what serves, by dataset group; their items are numbered now and not during the first request. What recommenders
    /// leave out by themselves is a filter under the recommender's ARN.
    pub(crate) async fn refresh_filters(&self, models: &[(Arn, Arc<LoadedModel>)], recommenders: &[RecommenderView]) -> Result<()> {
        let mut groups: BTreeMap<Arn, Vec<Filter>> = BTreeMap::new();
        let filters = self.list_filters(None).await?.into_iter().map(|filter| filter.value);
        for filter in filters.chain(recommenders.iter().filter_map(left_out)) {
            groups.entry(filter.dataset_group_arn.clone()).or_default().push(filter);
        }
        let before = self.filters().all();
        let mut now = HashMap::new();
        for (group, filters) in groups {
            let known = Filters::data_of(&before, &group);
            match self.group_data(&group, &filters, known).await {
                Ok(data) => {
                    for (_, model) in models.iter().filter(|(of, _)| *of == group) {
                        data.universe.of_model(model);
                    }
                    now.extend(filters.iter().map(|filter| (filter.filter_arn.clone(), slot(filter, &data, &before))));
                }
                Err(error) => {
                    tracing::error!(%group, "what its filters need cannot be loaded: {error}");
                    let kept = |filter: &Filter| match before.get(&filter.filter_arn) {
                        Some(slot @ FilterSlot::Ready(_)) => slot.clone(),
                        _ => FilterSlot::Broken(error.to_string()),
                    };
                    now.extend(filters.iter().map(|filter| (filter.filter_arn.clone(), kept(filter))));
                }
            }
        }
        self.filters().replace(now);
        Ok(())
    }

    /// The data as it is now; what is known stays where nothing has changed.
    async fn group_data(&self, group: &Arn, filters: &[Filter], known: Option<Arc<GroupData>>) -> Result<Arc<GroupData>> {
        let mut wanted = Wanted::default();
        for expression in filters.iter().filter_map(|filter| parse(&filter.filter_expression).ok()) {
            wanted.add(&expression);
        }
        let datasets = self.training().datasets();
        let mut tries = 0;
        loop {
            let snapshot = datasets.snapshot_now(group).await?;
            if let Some(known) = known.as_ref().filter(|known| known.is_current(&snapshot, &wanted)) {
                return Ok(known.clone());
            }
            tries += 1;
            match load(known.clone(), snapshot, wanted.clone(), datasets.artifacts().clone()).await {
                Err(error) if tries < MOST_TRIES => tracing::debug!(%group, "read again: {error}"),
                ended => return ended,
            }
        }
    }
}

/// What a recommender that answers leaves out, as a filter.
fn left_out(view: &RecommenderView) -> Option<Filter> {
    let recommender = &view.recommender;
    let event_type = train::recipe(&recommender.recipe_arn).ok()?.use_case?.leaves_out?;
    (view.status() == "ACTIVE").then(|| Filter {
        name: recommender.name.clone(),
        filter_arn: recommender.recommender_arn.clone(),
        dataset_group_arn: recommender.dataset_group_arn.clone(),
        filter_expression: format!("EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (\"{event_type}\")"),
    })
}

fn slot(filter: &Filter, data: &Arc<GroupData>, before: &HashMap<Arn, FilterSlot>) -> FilterSlot {
    match before.get(&filter.filter_arn) {
        Some(slot @ FilterSlot::Ready(ready)) if Arc::ptr_eq(ready.data(), data) && ready.is_of(filter) => slot.clone(),
        _ => match ReadyFilter::new(filter, data.clone()) {
            Ok(ready) => FilterSlot::Ready(Arc::new(ready)),
            Err(error) => FilterSlot::Broken(error.to_string()),
        },
    }
}
