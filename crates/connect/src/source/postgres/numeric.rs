//! numeric's binary form: groups of four decimal digits.

/// The sign's place may hold these instead.
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITE: u16 = 0xd000;
const NEGATIVE_INFINITE: u16 = 0xf000;

/// The number times 10^`scale`. Fails, saying what was found, where that is no whole number of at most `precision` digits.
pub(crate) fn unscaled(bytes: &[u8], precision: u8, scale: u8) -> Result<i128, String> {
    let broken = || "a numeric of a form that is not known".to_owned();
    let (head, groups) = bytes.split_first_chunk::<8>().ok_or_else(broken)?;
    let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let sign = word(4);
    match sign {
        0 | NEGATIVE => {}
        NAN => return Err("NaN".into()),
        INFINITE => return Err("Infinity".into()),
        NEGATIVE_INFINITE => return Err("-Infinity".into()),
        _ => return Err(broken()),
    }
    let too_long = || format!("a number that does not fit decimal({precision},{scale})");
    // The power of ten, after scaling, that the first group counts.
    let mut power = 4 * i32::from(word(2).cast_signed()) + i32::from(scale);
    let mut value: i128 = 0;
    for group in groups.as_chunks::<2>().0 {
        let digits = i128::from(u16::from_be_bytes(*group));
        value = match power {
            0.. => value.checked_mul(10_000).and_then(|value| value.checked_add(digits)),
            -3..=-1 => {
                let cut = 10_i128.pow(power.unsigned_abs());
                if digits % cut != 0 {
                    return Err(too_long());
                }
                value.checked_mul(10_000 / cut).and_then(|value| value.checked_add(digits / cut))
            }
            _ if digits == 0 => Some(value),
            _ => None,
        }
        .ok_or_else(too_long)?;
        power -= 4;
    }
    // Groups of zeros at the end are not sent; `power` is now that of the group after the last.
    let missing = u32::try_from(power + 4).unwrap_or(0);
    if missing > 0 && value != 0 {
        value = 10_i128.checked_pow(missing).and_then(|factor| value.checked_mul(factor)).ok_or_else(too_long)?;
    }
    if value >= 10_i128.pow(u32::from(precision)) {
        return Err(too_long());
    }
    Ok(if sign == NEGATIVE { -value } else { value })
}
