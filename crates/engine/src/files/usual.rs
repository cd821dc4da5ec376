//! Numbers, days and times in the form that nearly all files have, from bytes. None is no judgement: another reader knows more forms.
//!
//! What is read here is what Arrow's conversion of the same text gives.

use chrono::NaiveDate;

/// `-12`, of up to 18 digits, which cannot be too much for 64 bits.
pub(super) fn integer(cell: &[u8]) -> Option<i64> {
    let (is_negative, digits) = sign(cell);
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let value = number(digits)?;
    Some(if is_negative { -value } else { value })
}

/// `-12.5`, of up to 15 digits: both parts of the fraction are exact then, so that one division rounds as it should.
pub(super) fn decimal(cell: &[u8]) -> Option<f64> {
    const TENS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (is_negative, digits) = sign(cell);
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let value = match digits.iter().position(|byte| *byte == b'.') {
        None if digits.len() < 16 => number(digits)? as f64,
        Some(point) if point > 0 && point + 1 < digits.len() => {
            let fraction = digits.get(point + 1..)?;
            let ten = *TENS.get(fraction.len())?;
            let whole = number(digits.get(..point)?)?;
            (whole * ten as i64 + number(fraction)?) as f64 / ten
        }
        _ => return None,
    };
    Some(if is_negative { -value } else { value })
}

/// `2024-01-31` as days since 1970.
pub(super) fn day(cell: &[u8]) -> Option<i32> {
    let [year @ .., b'-', m1, m2, b'-', d1, d2] = cell else { return None };
    if year.len() != 4 {
        return None;
    }
    let month = u32::try_from(number(&[*m1, *m2])?).ok()?;
    let day = u32::try_from(number(&[*d1, *d2])?).ok()?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(number(year)?).ok()?, month, day)?;
    Some(date.to_epoch_days())
}

/// `2024-01-31 10:00:00`, or with a T, as microseconds since 1970.
pub(super) fn microseconds(cell: &[u8]) -> Option<i64> {
    let [date @ .., b' ' | b'T', h1, h2, b':', m1, m2, b':', s1, s2] = cell else { return None };
    let (hour, minute, second) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?, number(&[*s1, *s2])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some((i64::from(day(date)?) * 86_400 + hour * 3600 + minute * 60 + second) * 1_000_000)
}

fn sign(cell: &[u8]) -> (bool, &[u8]) {
    match cell {
        [b'-', digits @ ..] => (true, digits),
        _ => (false, cell),
    }
}

/// Digits alone, at most 18.
fn number(digits: &[u8]) -> Option<i64> {
    let mut value = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(value)
}

#[cfg(test)]
mod tests;
