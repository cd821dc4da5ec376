//! Triggers of a workflow that wait for each other.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Error, Result};

use crate::model::{Condition, Trigger};

/// `("job", "items")`.
type Target<'a> = (&'a str, &'a str);

/// Fails with the way round when something waits, over however many triggers, for itself.
pub(crate) fn refuse(triggers: &[Trigger]) -> Result<()> {
    let mut awaited: BTreeMap<Target<'_>, BTreeMap<Target<'_>, &str>> = BTreeMap::new();
    for trigger in triggers {
        for started in trigger.actions.iter().filter_map(|action| action.target().ok()) {
            let conditions = trigger.predicate.iter().flat_map(|predicate| &predicate.conditions).filter_map(Condition::target);
            awaited.entry(started).or_default().extend(conditions.map(|target| (target, trigger.name.as_str())));
        }
    }
    // What waits for nothing that is left is no part of a circle.
    loop {
        let left: BTreeSet<Target<'_>> = awaited.keys().copied().collect();
        awaited.values_mut().for_each(|on| on.retain(|target, _| left.contains(target)));
        awaited.retain(|_, on| !on.is_empty());
        if awaited.len() == left.len() {
            break;
        }
    }
    let Some(first) = awaited.keys().next() else { return Ok(()) };
    Err(Error::invalid_input(format!("The workflow waits for itself: {}.", way_round(*first, &awaited))))
}

/// Everything that is left waits for something that is left, so going back comes round.
fn way_round<'a>(first: Target<'a>, awaited: &BTreeMap<Target<'a>, BTreeMap<Target<'a>, &'a str>>) -> String {
    let mut back = vec![(first, "")];
    let mut at = first;
    while let Some((before, trigger)) = awaited.get(&at).and_then(|on| on.iter().next()) {
        back.push((*before, *trigger));
        at = *before;
        if let Some(start) = back.iter().position(|(target, _)| *target == at).filter(|start| start + 1 < back.len()) {
            back.drain(..start);
            break;
        }
    }
    // Backwards, so that it reads in the order of time: what ends first stands first.
    let mut way = String::new();
    for (index, ((what, name), trigger)) in back.iter().enumerate().rev() {
        way.push_str(&format!("{what} {name:?}"));
        if index > 0 {
            way.push_str(&format!(" -> trigger {trigger:?} -> "));
        }
    }
    way
}
