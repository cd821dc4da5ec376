//! Filters that answer requests, and what one lets through for a request.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use domain::{Arn, Error, ErrorKind, Result, near};
use events::LiveEvent;
use roaring::RoaringBitmap;

use super::evaluate::{Asker, Plan, events_of};
use super::group::GroupData;
use super::parser::parse;
use super::resource::Filter;
use super::syntax::{Effect, Entity, Expression, Given, Of, Part};
use super::values::Values;
use crate::model::LoadedModel;

/// A filter with the data of its group.
pub(crate) struct ReadyFilter {
    name: String,
    text: String,
    expression: Expression,
    /// One per part; nothing for a limit.
    plans: Vec<Option<Plan>>,
    data: Arc<GroupData>,
}

/// What a request says that filters ask for.
pub(crate) struct Request<'a> {
    pub user_id: Option<&'a str>,
    pub item_id: Option<&'a str>,
    pub live: &'a [LiveEvent],
    pub values: &'a BTreeMap<String, String>,
    /// Epoch seconds.
    pub now: i64,
}

impl ReadyFilter {
    pub(crate) fn new(filter: &Filter, data: Arc<GroupData>) -> Result<Self> {
        let expression = parse(&filter.filter_expression)?;
        data.schemas.check(&expression)?;
        let plan = |part: &Part| match &part.effect {
            Effect::Include(condition) | Effect::Exclude(condition) => Some(Plan::of(condition, &data)),
            Effect::Limit { .. } => None,
        };
        let plans = expression.parts.iter().map(plan).collect();
        let (name, text) = (filter.name.to_string(), filter.filter_expression.clone());
        Ok(Self { name, text, expression, plans, data })
    }

    /// Whether it was made of this filter: a name can be given again.
    pub(crate) fn is_of(&self, filter: &Filter) -> bool {
        self.text == filter.filter_expression && self.data.snapshot.dataset_group_arn == filter.dataset_group_arn
    }

    pub(crate) fn data(&self) -> &Arc<GroupData> {
        &self.data
    }

    /// What the filter lets through of a model's items.
    pub(crate) fn pass(&self, model: &Arc<LoadedModel>, request: &Request<'_>) -> Result<Pass> {
        if self.expression.entity != Entity::Item {
            let (name, entity) = (&self.name, self.expression.entity.as_str());
            return Err(Error::invalid_input(format!(
                "Filter {name:?} is about {entity}; recommendations of items need one about ItemID."
            )));
        }
        let item_id = request.item_id.filter(|id| !id.is_empty());
        if item_id.is_none() && self.expression.fields().any(|field| field.of == Of::CurrentItem) {
            let name = &self.name;
            return Err(Error::invalid_input(format!("itemId is required by filter {name:?}, which names CurrentItem; found none.")));
        }
        let numbers = self.data.universe.of_model(model);
        let user_id = request.user_id.unwrap_or_default();
        let asker = Asker {
            data: &self.data,
            user: self.data.users.rows.get(user_id).copied(),
            item: item_id.and_then(|id| self.data.universe.find(id)),
            events: if self.data.wanted.events() { events_of(&self.data, user_id, request.live) } else { Vec::new() },
            now: request.now as f64,
            values: Values::of(request.values, &self.expression)?,
        };
        self.evaluate(&asker, numbers)
    }

    /// As for a model whose items have these numbers.
    pub(super) fn evaluate(&self, asker: &Asker<'_>, numbers: Arc<Vec<u32>>) -> Result<Pass> {
        let mut included: Option<RoaringBitmap> = None;
        let mut excluded = RoaringBitmap::new();
        let mut limits = Vec::new();
        for (part, plan) in self.expression.parts.iter().zip(&self.plans) {
            if !asker.values.suffice(part)? {
                continue;
            }
            if let Some(guard) = &part.guard
                && !asker.is_true_of_user(guard)?
            {
                continue;
            }
            match (&part.effect, plan) {
                (Effect::Limit { most, per }, _) => {
                    let most = match &most.given {
                        Given::Parameter(name) => asker.values.count(name, per)?,
                        Given::Number(number) => *number as usize,
                        Given::Text(_) | Given::Truth(_) | Given::Now(_) => continue,
                    };
                    limits.push((most, per.key()));
                }
                (Effect::Include(_), Some(plan)) => included = Some(included.unwrap_or_default() | asker.set(plan)?),
                (Effect::Exclude(_), Some(plan)) => excluded |= asker.set(plan)?,
                (_, None) => {}
            }
        }
        Ok(Pass::new(self.data.clone(), numbers, included, &excluded, limits))
    }
}

/// What a filter lets through for one request.
#[derive(Clone)]
pub(crate) struct Pass {
    data: Arc<GroupData>,
    /// Number of each item of the model.
    numbers: Arc<Vec<u32>>,
    /// One bit per number.
    words: Vec<u64>,
    /// Of items that nobody has numbered.
    others: bool,
    /// At most so many with one value of a field.
    limits: Vec<(usize, String)>,
}

impl Pass {
    fn new(
        data: Arc<GroupData>,
        numbers: Arc<Vec<u32>>,
        included: Option<RoaringBitmap>,
        excluded: &RoaringBitmap,
        limits: Vec<(usize, String)>,
    ) -> Self {
        let others = included.is_none();
        let mut words = vec![if others { u64::MAX } else { 0 }; data.universe.len().div_ceil(64)];
        for number in included.iter().flatten() {
            if let Some(word) = words.get_mut(number as usize / 64) {
                *word |= 1 << (number % 64);
            }
        }
        for number in excluded {
            if let Some(word) = words.get_mut(number as usize / 64) {
                *word &= !(1 << (number % 64));
            }
        }
        Self { data, numbers, words, others, limits }
    }

    fn lets_number(&self, number: u32) -> bool {
        self.word(number as usize / 64) & (1 << (number % 64)) != 0
    }

    fn word(&self, at: usize) -> u64 {
        self.words.get(at).copied().unwrap_or(if self.others { u64::MAX } else { 0 })
    }

    /// What passes this and the other, which is of the same group; limits are this one's.
    pub(crate) fn and(self, other: &Self) -> Self {
        let words = (0..self.words.len().max(other.words.len())).map(|at| self.word(at) & other.word(at)).collect();
        Self { words, others: self.others && other.others, ..self }
    }

    /// Whether an item of the model passes.
    pub(crate) fn lets(&self, item: u32) -> bool {
        self.numbers.get(item as usize).map_or(self.others, |number| self.lets_number(*number))
    }

    /// Whether an item that the model need not know passes.
    pub(crate) fn lets_id(&self, item_id: &str) -> bool {
        self.data.universe.find(item_id).map_or(self.others, |number| self.lets_number(number))
    }

    pub(crate) fn has_limits(&self) -> bool {
        !self.limits.is_empty()
    }

    /// To count items by their values while an answer is put together, best first.
    pub(crate) fn tally(&self) -> Tally<'_> {
        Tally { pass: self, counts: vec![HashMap::new(); self.limits.len()] }
    }
}

/// How many of each value an answer has already.
pub(crate) struct Tally<'a> {
    pass: &'a Pass,
    counts: Vec<HashMap<u64, usize>>,
}

impl Tally<'_> {
    /// Whether there is room for the item; then it is counted. An item without a value is not limited.
    pub(crate) fn admits(&mut self, item_id: &str) -> bool {
        let Some(number) = self.pass.data.universe.find(item_id) else { return true };
        let limits = &self.pass.limits;
        let marks: Vec<Vec<u64>> =
            limits.iter().map(|(_, key)| self.pass.data.items.get(key).map(|column| column.marks(number)).unwrap_or_default()).collect();
        for ((most, _), (counts, marks)) in limits.iter().zip(self.counts.iter().zip(&marks)) {
            if marks.iter().any(|mark| counts.get(mark).is_some_and(|count| count >= most)) {
                return false;
            }
        }
        for (counts, marks) in self.counts.iter_mut().zip(marks) {
            for mark in marks {
                *counts.entry(mark).or_default() += 1;
            }
        }
        true
    }
}

/// A filter as the request path knows it.
#[derive(Clone)]
pub(crate) enum FilterSlot {
    Ready(Arc<ReadyFilter>),
    /// Exists, but cannot be used: why.
    Broken(String),
}

/// The filters that serve, replaced as a whole.
#[derive(Default)]
pub(crate) struct Filters {
    slots: RwLock<Arc<HashMap<Arn, FilterSlot>>>,
}

impl Filters {
    pub(crate) fn all(&self) -> Arc<HashMap<Arn, FilterSlot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is in memory of a group.
    pub(crate) fn data_of(slots: &HashMap<Arn, FilterSlot>, group_arn: &Arn) -> Option<Arc<GroupData>> {
        slots.values().find_map(|slot| match slot {
            FilterSlot::Ready(filter) if filter.data.snapshot.dataset_group_arn == *group_arn => Some(filter.data.clone()),
            FilterSlot::Ready(_) | FilterSlot::Broken(_) => None,
        })
    }

    pub(crate) fn replace(&self, slots: HashMap<Arn, FilterSlot>) {
        *self.slots.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(slots);
    }

    /// The filter, for a campaign of `group_arn`. The error says what is wrong and which filters there are.
    pub(crate) fn ready(&self, arn: &Arn, group_arn: &Arn) -> Result<Arc<ReadyFilter>> {
        let slots = self.all();
        match slots.get(arn) {
            Some(FilterSlot::Ready(filter)) if filter.data.snapshot.dataset_group_arn == *group_arn => Ok(filter.clone()),
            Some(FilterSlot::Ready(filter)) => {
                let of = &filter.data.snapshot.dataset_group_arn;
                Err(Error::invalid_input(format!("Filter {arn} is of {of}; one of the campaign's group {group_arn} is expected.")))
            }
            Some(FilterSlot::Broken(reason)) => Err(Error::invalid_input(format!("Filter {arn} cannot be used: {reason}"))),
            None => {
                let mut names: Vec<&str> = slots.keys().filter(|arn| arn.kind() == "filter").map(Arn::id).collect();
                names.sort_unstable();
                Err(Error::new(ErrorKind::NotFound, format!("Filter {arn} does not exist; {}", near::hint(arn.id(), &names))))
            }
        }
    }
}
