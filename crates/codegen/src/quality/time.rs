//! Moments as SQL constants, and dates compared with moments.

use super::rule::Comparison;

const DAY: i64 = 86_400;

/// `CAST('2025-03-09 18:30:00' AS TIMESTAMP)`.
pub(crate) fn timestamp(epoch_seconds: i64) -> String {
    let second = epoch_seconds.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("CAST('{} {hour:02}:{minute:02}:{second:02}' AS TIMESTAMP)", day_text(epoch_seconds.div_euclid(DAY)))
}

fn date(days: i64) -> String {
    format!("CAST('{}' AS DATE)", day_text(days))
}

/// `2025-03-09` of days since 1970. Years are counted from March, so that the leap day is a year's last (Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms").
fn day_text(days: i64) -> String {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `column comparison moment` where the column holds dates: a date is its midnight in UTC. No cast of the column, which would fail for
/// dates beyond the range of timestamps.
pub(crate) fn compare_date(column: &str, comparison: Comparison, epoch_seconds: i64) -> String {
    let (day, midnight) = (date(epoch_seconds.div_euclid(DAY)), epoch_seconds.rem_euclid(DAY) == 0);
    let operator = match (comparison, midnight) {
        (comparison, true) => comparison.sql(),
        (Comparison::Greater | Comparison::GreaterOrEqual, false) => ">",
        (Comparison::Less | Comparison::LessOrEqual, false) => "<=",
        (Comparison::Equal, false) => return "FALSE".into(),
        (Comparison::NotEqual, false) => return "TRUE".into(),
    };
    format!("{column} {operator} {day}")
}

/// Whether the text is `2025-03-09`, or such a day with a time of day.
pub(crate) fn is_moment(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    matches!(shape.as_str(), "0000-00-00" | "0000-00-00 00:00:00" | "0000-00-00T00:00:00") && {
        let part = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<u32>().ok());
        let (year, month, day) = (part(0, 4).unwrap_or(0), part(5, 7).unwrap_or(0), part(8, 10).unwrap_or(0));
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            2 => 28 + u32::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        let clock = part(11, 13).is_none_or(|hour| hour < 24) && part(14, 16).is_none_or(|minute| minute < 60);
        (1..=last).contains(&day) && clock && part(17, 19).is_none_or(|second| second < 60)
    }
}
