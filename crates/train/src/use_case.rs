//! Domain use cases: what a recommender of a domain dataset group trains on, is asked with and leaves out by itself.

use dataset::{Domain, Snapshot};
use domain::{Error, Result};

/// The rules of one use case. Event types are compared without case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UseCase {
    pub domain: Domain,
    /// The only events that train; absent: all do.
    pub trains_on: Option<&'static str>,
    /// Of this event type there must be as many as a training needs at least.
    pub needs: Option<&'static str>,
    /// Items with which the user has an event of this type are not recommended.
    pub leaves_out: Option<&'static str>,
    pub needs_user: bool,
    /// Whether the group must have an Items dataset.
    pub needs_items: bool,
}

impl UseCase {
    /// One that trains on a single event type and is asked with the user.
    const fn on(domain: Domain, event_type: &'static str) -> Self {
        Self { domain, trains_on: Some(event_type), needs: Some(event_type), leaves_out: None, needs_user: true, needs_items: false }
    }

    const fn leaving_out(mut self, event_type: &'static str) -> Self {
        self.leaves_out = Some(event_type);
        self
    }

    const fn without_user(mut self) -> Self {
        self.needs_user = false;
        self
    }

    const fn with_items_dataset(mut self) -> Self {
        self.needs_items = true;
        self
    }

    /// Every event trains, whatever its type.
    const fn on_all(mut self) -> Self {
        self.trains_on = None;
        self
    }

    /// What can be told of the data before a training.
    pub(crate) fn check(&self, recipe: &str, snapshot: &Snapshot) -> Result<()> {
        if self.needs_items && snapshot.items.as_ref().is_none_or(|items| items.rows() == 0) {
            let group = &snapshot.dataset_group_arn;
            return Err(Error::invalid_input(format!("Recipe {recipe} needs an Items dataset with items; {group} has none.")));
        }
        Ok(())
    }
}

const VIEW: &str = "View";
const PURCHASE: &str = "Purchase";
const WATCH: &str = "Watch";

const VIEWS: UseCase = UseCase::on(Domain::Ecommerce, VIEW);
const PURCHASES: UseCase = UseCase::on(Domain::Ecommerce, PURCHASE);
const WATCHES: UseCase = UseCase::on(Domain::VideoOnDemand, WATCH);

pub(crate) const MOST_VIEWED: UseCase = VIEWS;
pub(crate) const BEST_SELLERS: UseCase = PURCHASES;
pub(crate) const BOUGHT_TOGETHER: UseCase = PURCHASES.without_user();
pub(crate) const ALSO_VIEWED: UseCase = VIEWS.leaving_out(PURCHASE);
pub(crate) const SHOPPER: UseCase = UseCase { needs: None, ..PURCHASES.on_all().leaving_out(PURCHASE) };
pub(crate) const BECAUSE_YOU_WATCHED: UseCase = WATCHES.leaving_out(WATCH);
pub(crate) const MORE_LIKE: UseCase = WATCHES.leaving_out(WATCH).with_items_dataset();
pub(crate) const MOST_WATCHED: UseCase = WATCHES;
pub(crate) const TRENDING: UseCase = WATCHES.without_user();
pub(crate) const TOP_PICKS: UseCase = WATCHES.on_all().leaving_out(WATCH).with_items_dataset();
