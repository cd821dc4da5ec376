//! What is held out.
//!
//! - [`users10`] is what Personalize documents: 10 % of the users are held out whole, the oldest 90 % of their events are the
//!   input, the newest 10 % the truth. Users are disjoint, but the trends of the test period leak in through other users.
//! - [`temporal`] cuts everything at one moment: nothing from after it is known. The honest figure for "the coming period".

use recipes::{HistoryEvent, Interaction, Interactions, RecipeError};

/// One user to be judged on: what is known and what is to be found.
#[derive(Debug, Clone, PartialEq)]
pub struct TestCase {
    pub user: u32,
    /// Events up to the cut, in time order, at least one.
    pub history: Vec<HistoryEvent>,
    /// Items after the cut, in time order, at least one; may repeat.
    pub truth: Vec<u32>,
    /// The moment of the question, epoch seconds.
    pub now: i64,
}

/// A training part and the cases to judge on. The training part keeps the numbers of users and items.
#[derive(Debug, Clone)]
pub struct Split {
    pub train: Interactions,
    pub cases: Vec<TestCase>,
    /// Users with events after the cut only: nothing is known of them, so they are no cases. Always 0 for [`users10`].
    pub cold_users: usize,
}

/// Personalize's split. A tenth of the users with two events or more (at least one user) is held out, chosen by a hash of
/// seed and user; each one's newest tenth of events (rounded, at least one) is the truth.
///
/// Fails when no user, or only one, has two events.
pub fn users10(interactions: &Interactions, seed: u64) -> Result<Split, RecipeError> {
    let mut eligible: Vec<u32> = users(interactions).filter(|user| interactions.events_of(*user) >= 2).collect();
    if eligible.len() < 2 {
        let expected = "at least two users with two events each, to hold one out".to_owned();
        return Err(RecipeError::NotEnoughData { expected, found: eligible.len().to_string() });
    }
    eligible.sort_by_key(|user| (hash(seed, *user), *user));
    eligible.truncate(((eligible.len() as f64 * 0.1).round() as usize).max(1));
    eligible.sort_unstable();
    let cases = eligible.iter().map(|user| {
        let events: Vec<HistoryEvent> = interactions.history(*user).collect();
        let hidden = ((events.len() as f64 * 0.1).round() as usize).max(1);
        let known = events.len() - hidden;
        case(*user, events, known, None)
    });
    let cases = cases.collect();
    let train = part(interactions, |event| eligible.binary_search(&event.user).is_err())?;
    Ok(Split { train, cases, cold_users: 0 })
}

/// A cut at the `quantile` (between 0 and 1; 0.9 is usual) of all event times: events before it train, users with events on
/// both sides are the cases, with everything that they do later as truth.
///
/// Fails on a quantile out of range and when no user has events on both sides.
pub fn temporal(interactions: &Interactions, quantile: f64) -> Result<Split, RecipeError> {
    if !(quantile > 0.0 && quantile < 1.0) {
        let expected = "between 0 and 1".to_owned();
        return Err(RecipeError::InvalidParameter { name: "quantile".into(), expected, found: quantile.to_string() });
    }
    let cut = time_quantile(interactions.timestamps(), quantile);
    let train = part(interactions, |event| event.timestamp < cut)?;
    let with_future = |user: &u32| interactions.events_of(*user) > train.events_of(*user);
    let (known, cold): (Vec<u32>, Vec<u32>) = users(interactions).filter(with_future).partition(|user| train.events_of(*user) > 0);
    if known.is_empty() {
        let expected = "users with events on both sides of the cut in time".to_owned();
        return Err(RecipeError::NotEnoughData { expected, found: "none".into() });
    }
    let cases = known.iter().map(|user| case(*user, interactions.history(*user).collect(), train.events_of(*user), Some(cut)));
    let cases = cases.collect();
    Ok(Split { train, cases, cold_users: cold.len() })
}

fn users(interactions: &Interactions) -> impl Iterator<Item = u32> {
    0..interactions.n_users() as u32
}

fn part(interactions: &Interactions, keep: impl Fn(&Interaction) -> bool) -> Result<Interactions, RecipeError> {
    Interactions::new(interactions.n_users(), interactions.n_items(), interactions.iter().filter(keep))
}

/// The first `known` events are the history, the others the truth; the question is asked at `now` or at the first hidden event.
fn case(user: u32, events: Vec<HistoryEvent>, known: usize, now: Option<i64>) -> TestCase {
    let (history, hidden) = events.split_at(known);
    let first_hidden = hidden.first().map_or(0, |event| event.timestamp);
    TestCase { user, history: history.to_vec(), truth: hidden.iter().map(|event| event.item).collect(), now: now.unwrap_or(first_hidden) }
}

/// The smallest whole second not below the quantile, which is interpolated between neighbours.
fn time_quantile(times: &[i64], quantile: f64) -> i64 {
    let mut times = times.to_vec();
    if times.is_empty() {
        return 0;
    }
    let position = quantile * (times.len() - 1) as f64;
    let (_, below, above) = times.select_nth_unstable(position as usize);
    let below = *below;
    let above = above.iter().min().copied().unwrap_or(below);
    below + ((above - below) as f64 * position.fract()).ceil() as i64
}

/// SplitMix64 (Steele et al. 2014) of seed and user: the same user falls the same way on every machine.
fn hash(seed: u64, user: u32) -> u64 {
    let mut z = seed.wrapping_add((u64::from(user) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
