//! Functions that bring texts together: their plain form, how far two are apart, their digest.

use arrow::array::{Float64Array, Int32Array, StringArray};
use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::rows::{of_text, of_texts};

/// What each letter of the common beginning takes off what is missing to 1, and how many count: Winkler's own numbers.
const PREFIX_WEIGHT: f64 = 0.1;
const PREFIX_LETTERS: usize = 4;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        of_text!("normalize_text", DataType::Utf8, StringArray, |text| Some(normalize(text))),
        of_text!("sha256_hex", DataType::Utf8, StringArray, |text| Some(hex::encode(Sha256::digest(text)))),
        // DataFusion's own is INT or BIGINT, as its arguments are stored.
        of_texts!("levenshtein", DataType::Int32, Int32Array, |(a, b)| i32::try_from(strsim::levenshtein(a, b)).ok()),
        of_texts!("jaro_winkler", DataType::Float64, Float64Array, |(a, b)| Some(jaro_winkler(a, b))),
    ]
}

/// Decomposed (NFKD), without marks, in lower case, and with one space for every run of what is neither letter nor digit, none at the
/// ends: `"  Crème-Brûlée №5 "` is `creme brulee no5`.
///
/// Lower case comes after decomposition, which makes capitals out of signs such as ℡.
pub(super) fn normalize(text: &str) -> String {
    let lower = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.nfkd().filter(|c| !is_combining_mark(*c)).collect::<String>().to_lowercase()
    };
    let mut plain = String::with_capacity(lower.len());
    let mut words = lower.split(|c: char| !is_letter_or_digit(c)).filter(|word| !word.is_empty());
    if let Some(first) = words.next() {
        plain.push_str(first);
    }
    for word in words {
        plain.push(' ');
        plain.push_str(word);
    }
    plain
}

/// Unicode's general categories L and N. Rust counts letters in black circles and squares too, which are symbols (So).
fn is_letter_or_digit(c: char) -> bool {
    c.is_alphanumeric() && !matches!(c, '\u{1F150}'..='\u{1F189}')
}

/// Jaro's similarity raised by a common beginning, always: the `strsim` crate raises only what is above 0.7 already.
pub(super) fn jaro_winkler(a: &str, b: &str) -> f64 {
    let jaro = strsim::jaro(a, b);
    let prefix = a.chars().zip(b.chars()).take(PREFIX_LETTERS).take_while(|(a, b)| a == b).count();
    jaro + prefix as f64 * PREFIX_WEIGHT * (1.0 - jaro)
}
