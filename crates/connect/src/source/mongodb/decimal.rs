//! IEEE 754 decimal128 (binary integer decimal) as unscaled integers.

use mongodb::bson::Decimal128;

/// A larger scale is kept only where the digits need it.
const USUAL_SCALE: u8 = 18;
const MAX_COEFFICIENT: u128 = 10_u128.pow(34) - 1;
const EXPONENT_BIAS: i32 = 6176;

/// `unscaled` / 10^`scale`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plain {
    pub unscaled: i128,
    pub scale: u8,
}

impl Plain {
    /// Digits before the point.
    pub fn whole_digits(self) -> u8 {
        digits(self.unscaled.unsigned_abs()).saturating_sub(self.scale)
    }

    /// The unscaled value under another scale, where that is exact and has at most 38 digits.
    pub fn rescaled(self, scale: u8) -> Option<i128> {
        let power = 10_i128.checked_pow(self.scale.abs_diff(scale).into())?;
        let value = if scale >= self.scale {
            self.unscaled.checked_mul(power)?
        } else if self.unscaled % power == 0 {
            self.unscaled / power
        } else {
            return None;
        };
        (digits(value.unsigned_abs()) <= 38).then_some(value)
    }
}

/// Nothing for infinities, not-a-numbers, and values of more than 38 digits on either side of the point.
pub(crate) fn plain(value: Decimal128) -> Option<Plain> {
    let bits = u128::from_le_bytes(value.bytes());
    let (coefficient, exponent) = match bits >> 121 & 0b11_1111 {
        0b11_1100..=0b11_1111 => return None,
        // The second form has room for coefficients that are too large only: they count as zero.
        0b11_0000..=0b11_1011 => (0, 0),
        _ => (bits & ((1 << 113) - 1), (bits >> 113 & 0x3fff) as i32 - EXPONENT_BIAS),
    };
    let mut unscaled = i128::try_from(if coefficient > MAX_COEFFICIENT { 0 } else { coefficient }).ok()?;
    if unscaled == 0 {
        return Some(Plain { unscaled, scale: u8::try_from(-exponent).unwrap_or(0).min(USUAL_SCALE) });
    }
    let mut exponent = exponent;
    while exponent < -i32::from(USUAL_SCALE) && unscaled % 10 == 0 {
        unscaled /= 10;
        exponent += 1;
    }
    if bits >> 127 == 1 {
        unscaled = -unscaled;
    }
    let plain = match u8::try_from(-exponent) {
        Ok(scale) => Plain { unscaled, scale },
        Err(_) if exponent > 0 => Plain { unscaled: unscaled.checked_mul(10_i128.checked_pow(exponent.unsigned_abs())?)?, scale: 0 },
        Err(_) => return None,
    };
    (plain.scale <= 38 && digits(plain.unscaled.unsigned_abs()) <= 38).then_some(plain)
}

pub(crate) fn digits(value: u128) -> u8 {
    value.checked_ilog10().map_or(0, |log| log as u8 + 1)
}
