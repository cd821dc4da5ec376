//! Who did what when, in dense indices: the only input of every recipe.

use rayon::slice::ParallelSliceMut;

use crate::RecipeError;

/// One event on its way into [`Interactions`]: dense indices, epoch seconds, a weight of at least 0 (1 = an ordinary event).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interaction {
    pub user: u32,
    pub item: u32,
    pub timestamp: i64,
    pub weight: f32,
}

/// One event of a history whose user is known from the context.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HistoryEvent {
    pub item: u32,
    pub timestamp: i64,
    pub weight: f32,
}

/// Events by user, each user's in time order (compressed sparse rows). Users and items without events are allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct Interactions {
    n_items: usize,
    indptr: Vec<usize>,
    items: Vec<u32>,
    timestamps: Vec<i64>,
    weights: Vec<f32>,
}

impl Interactions {
    /// Sorts the events by user and time; events of one user with equal times keep the order in which they were given.
    ///
    /// Fails when an index is not below its count or a weight is negative or not finite.
    pub fn new(n_users: usize, n_items: usize, events: impl IntoIterator<Item = Interaction>) -> Result<Self, RecipeError> {
        let mut events: Vec<Interaction> = events.into_iter().collect();
        for event in &events {
            if event.user as usize >= n_users {
                return Err(RecipeError::invalid("user index", format!("below {n_users}"), event.user));
            }
            if event.item as usize >= n_items {
                return Err(RecipeError::invalid("item index", format!("below {n_items}"), event.item));
            }
            if !(event.weight.is_finite() && event.weight >= 0.0) {
                return Err(RecipeError::invalid("event weight", "a finite number of at least 0", event.weight));
            }
        }
        events.par_sort_by_key(|event| (event.user, event.timestamp));
        let mut indptr = vec![0; n_users + 1];
        for event in &events {
            indptr[event.user as usize + 1] += 1;
        }
        for user in 0..n_users {
            indptr[user + 1] += indptr[user];
        }
        Ok(Self {
            n_items,
            indptr,
            items: events.iter().map(|event| event.item).collect(),
            timestamps: events.iter().map(|event| event.timestamp).collect(),
            weights: events.iter().map(|event| event.weight).collect(),
        })
    }

    pub fn n_users(&self) -> usize {
        self.indptr.len() - 1
    }

    pub fn n_items(&self) -> usize {
        self.n_items
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Time of the newest event, epoch seconds.
    pub fn newest(&self) -> Option<i64> {
        self.timestamps.iter().max().copied()
    }

    /// Times of all events, in the order of users.
    pub fn timestamps(&self) -> &[i64] {
        &self.timestamps
    }

    /// Number of events of one user; 0 for an index out of range.
    pub fn events_of(&self, user: u32) -> usize {
        self.range(user).len()
    }

    /// The items of one user in time order; empty for an index out of range.
    pub fn items_of(&self, user: u32) -> &[u32] {
        &self.items[self.range(user)]
    }

    /// The events of one user in time order; empty for an index out of range.
    pub fn history(&self, user: u32) -> impl ExactSizeIterator<Item = HistoryEvent> + DoubleEndedIterator + '_ {
        self.range(user).map(|at| HistoryEvent { item: self.items[at], timestamp: self.timestamps[at], weight: self.weights[at] })
    }

    /// All events, by user and time.
    pub fn iter(&self) -> impl Iterator<Item = Interaction> + '_ {
        (0..self.n_users() as u32).flat_map(move |user| {
            self.history(user).map(move |e| Interaction { user, item: e.item, timestamp: e.timestamp, weight: e.weight })
        })
    }

    /// Number of different users of each item, counting only events for which `counts` is true.
    pub(crate) fn users_per_item(&self, counts: impl Fn(HistoryEvent) -> bool) -> Vec<u32> {
        let mut users = vec![0u32; self.n_items];
        let mut last_user = vec![u32::MAX; self.n_items];
        for user in 0..self.n_users() as u32 {
            for event in self.history(user).filter(|event| counts(*event)) {
                let item = event.item as usize;
                if last_user[item] != user {
                    last_user[item] = user;
                    users[item] += 1;
                }
            }
        }
        users
    }

    fn range(&self, user: u32) -> std::ops::Range<usize> {
        match self.indptr.get(user as usize..user as usize + 2) {
            Some(bounds) => bounds[0]..bounds[1],
            None => 0..0,
        }
    }
}
