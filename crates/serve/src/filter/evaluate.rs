//! From an expression to the set of items that pass it: sets of numbers, joined and cut.
//!
//! Tests of items are about items; tests of interactions are about single events of the current user, and conditions of such tests
//! alone that are joined by AND and OR about one and the same event. NOT turns over the set of items.

use std::sync::Arc;

use domain::Result;
use events::LiveEvent;
use roaring::RoaringBitmap;

use super::columns::Column;
use super::group::GroupData;
use super::histories::Event;
use super::syntax::{Asked, Condition, Field, Given, List, Of, Sign, Test, Value};
use super::values::{Scalar, Values};

/// A condition with what is the same for every request worked out already.
pub(crate) enum Plan {
    Fixed(RoaringBitmap),
    And(Vec<Plan>),
    Or(Vec<Plan>),
    Not(Box<Plan>),
    /// Of items.
    Test(Test),
    /// Of events.
    Events(Condition),
}

impl Plan {
    pub(crate) fn of(condition: &Condition, data: &GroupData) -> Self {
        match condition {
            events if events.is_of_events() => Self::Events(events.clone()),
            Condition::And(all) => {
                let (events, others): (Vec<_>, Vec<_>) = all.iter().cloned().partition(Condition::is_of_events);
                let mut plans: Vec<Self> = others.iter().map(|one| Self::of(one, data)).collect();
                if !events.is_empty() {
                    plans.push(Self::Events(Condition::And(events)));
                }
                Self::joined(plans, Self::And, |a, b| a & b)
            }
            Condition::Or(all) => Self::joined(all.iter().map(|one| Self::of(one, data)).collect(), Self::Or, |a, b| a | b),
            Condition::Not(one) => Self::Not(Box::new(Self::of(one, data))),
            Condition::Test(test) => Self::of_test(test, data),
        }
    }

    /// What is fixed is joined now.
    fn joined(plans: Vec<Self>, join: fn(Vec<Self>) -> Self, sets: fn(&RoaringBitmap, &RoaringBitmap) -> RoaringBitmap) -> Self {
        let mut fixed: Option<RoaringBitmap> = None;
        let mut others = Vec::new();
        for plan in plans {
            match plan {
                Self::Fixed(set) => fixed = Some(fixed.map_or_else(|| set.clone(), |before| sets(&before, &set))),
                other => others.push(other),
            }
        }
        match fixed {
            Some(set) if others.is_empty() => Self::Fixed(set),
            Some(set) => {
                others.insert(0, Self::Fixed(set));
                join(others)
            }
            None => join(others),
        }
    }

    fn of_test(test: &Test, data: &GroupData) -> Self {
        let constant = |value: &Value| !matches!(value.given, Given::Parameter(_) | Given::Now(_));
        if test.field.of != Of::Items || test.other_field().is_some() || !test.values().iter().all(constant) {
            return Self::Test(test.clone());
        }
        // The opposite also holds for items that are not known yet, so only the positive is fixed.
        let (positive, negated) = positive(test);
        match data.items.get(&test.field.key()).map(|column| constant_set(&positive, column)) {
            Some(set) if negated => Self::Not(Box::new(Self::Fixed(set))),
            Some(set) => Self::Fixed(set),
            None => Self::Test(test.clone()),
        }
    }
}

/// NOT IN and != as their opposites, and whether that was done.
fn positive(test: &Test) -> (Test, bool) {
    let mut test = test.clone();
    let negated = match &mut test.asked {
        Asked::In { negated, .. } => std::mem::take(negated),
        Asked::Compared { sign, .. } if *sign == Sign::Unequal => {
            *sign = Sign::Equal;
            true
        }
        Asked::Compared { .. } => false,
    };
    (test, negated)
}

fn constant_set(test: &Test, column: &Column) -> RoaringBitmap {
    let scalar = |value: &Value| match &value.given {
        Given::Text(text) => Some(Scalar::Text(text.clone())),
        Given::Number(number) => Some(Scalar::Number(*number)),
        Given::Truth(truth) => Some(Scalar::Number(f64::from(u8::from(*truth)))),
        Given::Parameter(_) | Given::Now(_) => None,
    };
    let scalars: Vec<Scalar> = test.values().iter().filter_map(scalar).collect();
    set_of(column, &test.asked, &scalars)
}

/// The numbers that a positive test asks for.
fn set_of(column: &Column, asked: &Asked, scalars: &[Scalar]) -> RoaringBitmap {
    match (asked, scalars) {
        (Asked::In { list: List::Any, .. }, _) => column.any(),
        (Asked::In { .. } | Asked::Compared { sign: Sign::Equal, .. }, _) => column.among(scalars),
        (Asked::Compared { sign, .. }, [Scalar::Number(number)]) => column.compared(*sign, *number),
        (Asked::Compared { .. }, _) => RoaringBitmap::new(),
    }
}

/// Who asks, about what, and when.
pub(crate) struct Asker<'a> {
    pub data: &'a GroupData,
    /// Row of the current user; nothing is known of others.
    pub user: Option<u32>,
    /// Number of the current item, where the request names one that is known.
    pub item: Option<u32>,
    pub events: Vec<Event>,
    /// Epoch seconds.
    pub now: f64,
    pub values: Values<'a>,
}

impl Asker<'_> {
    /// The numbers for which the plan holds.
    pub(crate) fn set(&self, plan: &Plan) -> Result<RoaringBitmap> {
        Ok(match plan {
            Plan::Fixed(set) => set.clone(),
            Plan::And(all) => {
                let mut kept: Option<RoaringBitmap> = None;
                for plan in all {
                    let set = self.set(plan)?;
                    kept = Some(kept.map_or_else(|| set.clone(), |before| before & &set));
                }
                kept.unwrap_or_default()
            }
            Plan::Or(all) => {
                let mut any = RoaringBitmap::new();
                for plan in all {
                    any |= self.set(plan)?;
                }
                any
            }
            Plan::Not(one) => self.all() - self.set(one)?,
            Plan::Test(test) => self.tested(test)?,
            Plan::Events(condition) => {
                let true_of = self.events_where(condition)?;
                self.events.iter().zip(true_of).filter(|(_, holds)| *holds).map(|(event, _)| event.item).collect()
            }
        })
    }

    fn all(&self) -> RoaringBitmap {
        let mut all = RoaringBitmap::new();
        all.insert_range(0..self.data.universe.len() as u32);
        all
    }

    fn tested(&self, test: &Test) -> Result<RoaringBitmap> {
        let (positive, negated) = positive(test);
        let scalars = self.scalars(&positive)?;
        let set =
            self.data.items.get(&test.field.key()).map_or_else(RoaringBitmap::new, |column| set_of(column, &positive.asked, &scalars));
        Ok(if negated { self.all() - set } else { set })
    }

    /// The values that a test compares with, for this request.
    fn scalars(&self, test: &Test) -> Result<Vec<Scalar>> {
        if let Some(field) = test.other_field() {
            return Ok(self.current(field));
        }
        let kind = self.data.schemas.kind(&test.field)?;
        let one = matches!(test.asked, Asked::Compared { .. });
        let mut scalars = Vec::new();
        for value in test.values() {
            match &value.given {
                Given::Text(text) => scalars.push(Scalar::Text(text.clone())),
                Given::Number(number) => scalars.push(Scalar::Number(*number)),
                Given::Truth(truth) => scalars.push(Scalar::Number(f64::from(u8::from(*truth)))),
                Given::Now(seconds) => scalars.push(Scalar::Number(self.now + seconds)),
                Given::Parameter(name) if one => scalars.push(self.values.one(name, &test.field, kind)?),
                Given::Parameter(name) => scalars.extend(self.values.list(name, &test.field, kind)?),
            }
        }
        Ok(scalars)
    }

    /// What the current item or user has in a field.
    fn current(&self, field: &Field) -> Vec<Scalar> {
        let (columns, number) = match field.of {
            Of::CurrentUser => (&self.data.users.columns, self.user),
            _ => (&*self.data.items, self.item),
        };
        number.zip(columns.get(&field.key())).map(|(number, column)| column.of(number)).unwrap_or_default()
    }

    /// For each event, whether the condition holds of it.
    fn events_where(&self, condition: &Condition) -> Result<Vec<bool>> {
        match condition {
            Condition::And(all) => {
                let mut kept = vec![true; self.events.len()];
                for one in all {
                    kept.iter_mut().zip(self.events_where(one)?).for_each(|(kept, holds)| *kept &= holds);
                }
                Ok(kept)
            }
            Condition::Or(all) => {
                let mut any = vec![false; self.events.len()];
                for one in all {
                    any.iter_mut().zip(self.events_where(one)?).for_each(|(any, holds)| *any |= holds);
                }
                Ok(any)
            }
            Condition::Not(one) => Ok(self.events_where(one)?.into_iter().map(|holds| !holds).collect()),
            Condition::Test(test) => {
                let mut scalars = self.scalars(test)?;
                for scalar in &mut scalars {
                    if let Scalar::Text(text) = scalar {
                        *text = text.to_lowercase();
                    }
                }
                let of_type = test.field.key() == "eventtype";
                // An event without a type has the empty one, so that `*` is every event.
                let value = |event: &Event| match of_type {
                    true => Scalar::Text(event.event_type.to_string()),
                    false => Scalar::Number(event.timestamp as f64),
                };
                Ok(self.events.iter().map(|event| holds(&[value(event)], &test.asked, &scalars)).collect())
            }
        }
    }

    /// Whether a condition on the current user holds.
    pub(crate) fn is_true_of_user(&self, condition: &Condition) -> Result<bool> {
        match condition {
            Condition::And(all) => all.iter().try_fold(true, |kept, one| Ok(kept & self.is_true_of_user(one)?)),
            Condition::Or(all) => all.iter().try_fold(false, |any, one| Ok(any | self.is_true_of_user(one)?)),
            Condition::Not(one) => Ok(!self.is_true_of_user(one)?),
            Condition::Test(test) => Ok(holds(&self.current(&test.field), &test.asked, &self.scalars(test)?)),
        }
    }
}

/// Whether what is asked holds of a row that has these values. No value: only NOT IN and != hold.
pub(crate) fn holds(have: &[Scalar], asked: &Asked, with: &[Scalar]) -> bool {
    match asked {
        Asked::In { negated, list } => {
            let among = if *list == List::Any { !have.is_empty() } else { have.iter().any(|value| with.contains(value)) };
            among != *negated
        }
        Asked::Compared { sign: Sign::Equal, .. } => have.iter().any(|value| with.contains(value)),
        Asked::Compared { sign: Sign::Unequal, .. } => !have.iter().any(|value| with.contains(value)),
        Asked::Compared { sign, .. } => match (have, with) {
            ([Scalar::Number(left)], [Scalar::Number(right)]) => sign.holds(*left, *right),
            _ => false,
        },
    }
}

/// What the user did, with what is not in the dataset yet. Items that nobody knew get their numbers now: a ranking may name them.
pub(crate) fn events_of(data: &GroupData, user_id: &str, live: &[LiveEvent]) -> Vec<Event> {
    let mut events = data.histories.of(user_id);
    events.extend(live.iter().map(|event| Event {
        item: data.universe.number(&event.item_id),
        event_type: Arc::from(event.event_type.to_lowercase()),
        timestamp: event.timestamp,
    }));
    events
}
