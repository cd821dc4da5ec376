//! The window of the shop: its days, and when in it people shop.

use chrono::{DateTime, Datelike, Duration, Months, NaiveDate, NaiveDateTime};

use crate::draw::Draw;

/// Seconds in a day.
pub const DAY: i64 = 86_400;

/// The window, from the first day to the last, and the demand of its days.
pub struct Calendar {
    pub first: NaiveDate,
    /// Number of days, the last one included.
    pub days: i64,
    /// Demand of all days before, by day; one entry more than days.
    demand: Vec<f64>,
}

impl Calendar {
    /// The `months` months that end with `last`. `None` where that is no date.
    pub fn new(last: NaiveDate, months: u32) -> Option<Self> {
        let first = last.succ_opt()?.checked_sub_months(Months::new(months))?;
        let days = (last - first).num_days() + 1;
        let mut demand = Vec::with_capacity(days as usize + 1);
        let mut sum = 0.0;
        demand.push(sum);
        for day in 0..days {
            let date = first + Duration::days(day);
            let weekend = if date.weekday().num_days_from_monday() >= 5 { 1.4 } else { 1.0 };
            let presents = if (322..=357).contains(&date.ordinal()) { 1.5 } else { 1.0 };
            sum += weekend * presents;
            demand.push(sum);
        }
        Some(Self { first, days, demand })
    }

    /// The date of a day of the window, or of one before it.
    pub fn date(&self, day: i64) -> NaiveDate {
        self.first + Duration::days(day)
    }

    /// 1 for the first of January.
    pub fn day_of_year(&self, day: i64) -> u32 {
        self.date(day).ordinal()
    }

    /// The day of the window in which a moment lies.
    pub fn day(&self, at: i64) -> i64 {
        (at - self.start()).div_euclid(DAY)
    }

    /// Seconds since 1970 at which the window starts.
    pub fn start(&self) -> i64 {
        self.first.and_time(chrono::NaiveTime::MIN).and_utc().timestamp()
    }

    /// Share of the whole demand that falls into the days from `.0` up to but not including `.1`.
    pub fn share(&self, (from, until): (i64, i64)) -> f64 {
        (self.demand[until as usize] - self.demand[from as usize]) / self.demand[self.days as usize]
    }

    /// A moment at which somebody shops in those days: more on weekends and before Christmas, hardly at night.
    pub fn moment(&self, (from, until): (i64, i64), draw: &mut Draw) -> i64 {
        let (low, high) = (self.demand[from as usize], self.demand[until as usize]);
        let wanted = low + draw.unit() * (high - low);
        let day = self.demand.partition_point(|sum| *sum <= wanted) as i64 - 1;
        let hour = 7.0 + 15.0 * (draw.unit() + draw.unit()) / 2.0;
        self.start() + day.clamp(from, until - 1) * DAY + (hour * 3600.0) as i64
    }
}

/// The date and time of a moment, in UTC.
pub fn date_time(at: i64) -> NaiveDateTime {
    DateTime::from_timestamp(at, 0).unwrap_or_default().naive_utc()
}
