//! Days of the Gregorian calendar out of epoch seconds (UTC), for findings in words.

/// Seconds.
pub(crate) const DAY: i64 = 86_400;

/// `1998-04-22`. Counts in eras of 400 years whose years begin in March, so that the leap day comes last.
pub(crate) fn day(epoch_seconds: i64) -> String {
    let since = epoch_seconds.div_euclid(DAY) + 719_468;
    let (era, of_era) = (since.div_euclid(146_097), since.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * from_march + 2) / 5 + 1, (from_march + 2) % 12 + 1);
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `215 days`; below two days in hours, below two hours in minutes or seconds.
pub(crate) fn days(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} seconds"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / DAY),
    }
}
