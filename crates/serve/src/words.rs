//! Reasons for people.

use recipes::{HistoryEvent, Reason};
use train::Deed;

use crate::model::LoadedModel;

/// Why the item is shown, as a short sentence without a full stop.
pub(crate) fn reason(loaded: &LoadedModel, history: &[HistoryEvent], item: u32) -> String {
    match loaded.model.explain(history, item) {
        Some(Reason::BecauseOf { item, .. }) => {
            let name = loaded.bundle.name(item);
            match loaded.manifest.report.main_event_type.as_deref().and_then(Deed::of) {
                Some(deed) => format!("Because you {} {name}", deed.past),
                None => format!("Because of {name}"),
            }
        }
        Some(Reason::Popular) => "Popular with everybody".into(),
        Some(Reason::Trending { days: 1 }) => "Popular in the last day".into(),
        Some(Reason::Trending { days }) => format!("Popular in the last {days} days"),
        None => "Nothing is known about it yet".into(),
    }
}
