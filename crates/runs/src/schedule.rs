//! When something is due: AWS `cron(...)` and `rate(...)`, and plain five-field cron, by the clock of a time zone.

use chrono::DateTime;
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use domain::{Error, Result, Timestamp};

/// When something is due again.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// Every so many milliseconds.
    Rate(i64),
    /// By the clock on the wall in the zone. What falls into the hour that a change of the clock skips is due at the first moment after
    /// it; a time of day that comes twice is due the first time only.
    Cron(Box<Cron>, Tz),
}

impl Schedule {
    /// `cron(0 3 * * ? *)`, `rate(1 day)` or `0 3 * * *`, in UTC.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_in(text, None)
    }

    /// The same by the clock of a time zone, named as IANA does: `Europe/Berlin`.
    pub fn parse_in(text: &str, zone: Option<&str>) -> Result<Self> {
        let zone = zone.map_or(Ok(Tz::UTC), |name| name.parse().map_err(|_| unknown_zone(name)))?;
        let inner = |name: &str| text.trim().strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(rate) = inner("rate") {
            return parse_rate(rate).map(Self::Rate).ok_or_else(|| unreadable(text, "rate(n minutes|hours|days)"));
        }
        let (pattern, aws) = match inner("cron") {
            Some(fields) => (aws_fields(fields).ok_or_else(|| unreadable(text, AWS_FIELDS))?, true),
            None => (text.to_owned(), false),
        };
        // AWS counts weekdays from Sunday = 1 and allows `0/10`; plain cron does neither.
        let seconds = if aws { Seconds::Required } else { Seconds::Disallowed };
        let parser = CronParser::builder().seconds(seconds).alternative_weekdays(aws).sloppy_ranges(aws).build();
        let cron = parser.parse(&pattern).map_err(|e| unreadable(text, "a cron expression").source(e))?;
        Ok(Self::Cron(Box::new(cron), zone))
    }

    /// Fails when nothing is due after `now`, ever.
    pub fn check_fires(&self, text: &str, now: Timestamp) -> Result<()> {
        match self.next_after(now) {
            Some(_) => Ok(()),
            None => Err(Error::invalid_input(format!("The schedule {text:?} is never due: no date that is still to come fits it."))),
        }
    }

    /// The first occurrence after `time`; nothing when there will be none.
    pub fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Rate(ms) => Some(time.plus_ms(*ms)),
            Self::Cron(cron, zone) => {
                let from = DateTime::from_timestamp_millis(time.millis())?.with_timezone(zone);
                let next = cron.find_next_occurrence(&from, false).ok()?;
                Some(Timestamp(next.timestamp_millis()))
            }
        }
    }

    /// From where to look on after a look at `now` that saw everything since `from`. A rate keeps its beat however late the look was.
    pub fn looked(&self, from: Timestamp, now: Timestamp) -> Timestamp {
        match self {
            Self::Rate(ms) if *ms > 0 => from.plus_ms(now.since_ms(from).max(0) / ms * ms),
            Self::Rate(_) | Self::Cron(..) => now,
        }
    }
}

fn unknown_zone(name: &str) -> Error {
    Error::invalid_input(format!("A time zone has IANA's name, as in \"Europe/Berlin\"; found {name:?}."))
}

const AWS_FIELDS: &str = "cron(minute hour day month weekday year) with ? for exactly one of day and weekday";

/// AWS's six fields as croner's seven.
fn aws_fields(text: &str) -> Option<String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [_, _, day, _, weekday, _] = fields.as_slice() else { return None };
    let questions = fields.iter().filter(|field| field.contains('?')).count();
    ((*day == "?") != (*weekday == "?") && questions == 1).then(|| format!("0 {}", text.replace('?', "*")))
}

fn parse_rate(text: &str) -> Option<i64> {
    let (count, unit) = text.trim().split_once(' ')?;
    let count: i64 = count.parse().ok().filter(|count| *count > 0)?;
    let unit_ms = match unit.trim().trim_end_matches('s') {
        "minute" => 60_000,
        "hour" => 3_600_000,
        "day" => 86_400_000,
        _ => return None,
    };
    count.checked_mul(unit_ms)
}

fn unreadable(text: &str, expected: &str) -> Error {
    Error::invalid_input(format!("A schedule is {expected}; found {text:?}."))
}
