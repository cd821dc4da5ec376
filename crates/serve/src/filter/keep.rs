//! Keeps the filters that serve equal to what the store says and to what the datasets hold.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::{Arn, Result};

use super::group::{GroupData, Wanted, load};
use super::parser::parse;
use super::ready::{FilterSlot, Filters, ReadyFilter};
use super::resource::Filter;
use crate::model::LoadedModel;
use crate::serving::Serving;

/// Datasets change while they are read; so often the reading begins anew.
const MOST_TRIES: usize = 3;

impl Serving {
    /// `models`: of the campaigns that serve, by dataset group; their items are numbered now and not during the first request.
    pub(crate) async fn refresh_filters(&self, models: &[(Arn, Arc<LoadedModel>)]) -> Result<()> {
        let mut groups: BTreeMap<Arn, Vec<Filter>> = BTreeMap::new();
        for filter in self.list_filters(None).await? {
            groups.entry(filter.dataset_group_arn.clone()).or_default().push(filter.value);
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

fn slot(filter: &Filter, data: &Arc<GroupData>, before: &HashMap<Arn, FilterSlot>) -> FilterSlot {
    match before.get(&filter.filter_arn) {
        Some(slot @ FilterSlot::Ready(ready)) if Arc::ptr_eq(ready.data(), data) && ready.is_of(filter) => slot.clone(),
        _ => match ReadyFilter::new(filter, data.clone()) {
            Ok(ready) => FilterSlot::Ready(Arc::new(ready)),
            Err(error) => FilterSlot::Broken(error.to_string()),
        },
    }
}
