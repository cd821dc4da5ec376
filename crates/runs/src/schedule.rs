//! When something is due: AWS `cron(...)` and `rate(...)`, and plain five-field cron. Times are UTC.

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use domain::{Error, Result, Timestamp};

/// When something is due again.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// Every so many milliseconds since it was last looked at.
    Rate(i64),
    Cron(Box<Cron>),
}

impl Schedule {
    /// `cron(0 3 * * ? *)`, `rate(1 day)` or `0 3 * * *`.
    pub fn parse(text: &str) -> Result<Self> {
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
        Ok(Self::Cron(Box::new(cron)))
    }

    /// The first occurrence after `time`; nothing when there will be none.
    pub fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Rate(ms) => Some(time.plus_ms(*ms)),
            Self::Cron(cron) => {
                let from: DateTime<Utc> = DateTime::from_timestamp_millis(time.millis())?;
                let next = cron.find_next_occurrence(&from, false).ok()?;
                Some(Timestamp(next.timestamp_millis()))
            }
        }
    }
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
