//! How each entity looks.
//!
//! The expressions are read by Rust's and by Java's regular expressions alike: ASCII classes spelt out, no looking around, no `\b`. A
//! neighbour that is a letter or digit is excluded by a class, which costs nothing as only finding matters, not where.

use domain::{Error, Result};

use super::detection::unknown;
use crate::sql::{pattern, text};

/// An entity and what finds it.
pub(super) struct Entity {
    pub name: &'static str,
    /// What stands between the neighbours.
    shape: &'static str,
    /// Found besides when the sensitivity is HIGH.
    loose: Option<&'static str>,
    check: Check,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Check {
    Shape,
    /// A cell that is nothing but a card number has to pass the Luhn test too.
    Luhn,
}

const fn entity(name: &'static str, shape: &'static str, loose: Option<&'static str>) -> Entity {
    Entity { name, shape, loose, check: Check::Shape }
}

const OCTET: &str = "(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])";

/// Prefixes and lengths of Visa, Mastercard (5 and 2 series), American Express, Diners, Discover and JCB, in groups or not.
const CARD: &str = "(4[0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}|4[0-9]{12}|(5[1-5][0-9]{2}|2[2-7][0-9]{2}|6011|65[0-9]{2}|35[2-8][0-9])[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}|3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5}|3(0[0-5]|[68][0-9])[0-9][ -]?[0-9]{6}[ -]?[0-9]{4})";

const TABLE: [Entity; 14] = [
    entity("EMAIL", "[A-Za-z0-9][A-Za-z0-9._%+-]*@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?[.])+[A-Za-z]{2,24}", None),
    entity(
        "PHONE_NUMBER",
        "([+][1-9]([ .()-]{0,2}[0-9]){6,14}|(1[ .-])?([(][2-9][0-9]{2}[)] ?|[2-9][0-9]{2}[.-])[2-9][0-9]{2}[ .-][0-9]{4})",
        Some("1?[2-9][0-9]{2}[2-9][0-9]{6}"),
    ),
    Entity { name: "CREDIT_CARD", shape: CARD, loose: None, check: Check::Luhn },
    // {octet} is put in below: the four numbers are alike.
    entity(
        "IP_ADDRESS",
        "({octet}[.]{octet}[.]{octet}[.]{octet}|([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){1,6}(:[0-9A-Fa-f]{1,4}){1,6})",
        None,
    ),
    entity("MAC_ADDRESS", "([0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(-[0-9A-Fa-f]{2}){5})", None),
    entity(
        "USA_SSN",
        "(00[1-9]|0[1-9][0-9]|[1-578][0-9]{2}|6[0-57-9][0-9]|66[0-57-9])[ -](0[1-9]|[1-9][0-9])[ -](000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})",
        Some(
            "(00[1-9]|0[1-9][0-9]|[1-578][0-9]{2}|6[0-57-9][0-9]|66[0-57-9])(0[1-9]|[1-9][0-9])(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})",
        ),
    ),
    entity("USA_ITIN", "9[0-9]{2}[ -](5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-2]|9[4-9])[ -][0-9]{4}", None),
    entity("IBAN", "[A-Z]{2}[0-9]{2}( ?[A-Z0-9]{4}){2}( ?[A-Z0-9]{3}|( ?[A-Z0-9]{4}){1,5}( ?[A-Z0-9]{1,3})?)", None),
    entity("URL", "[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9][A-Za-z0-9.-]*[.][A-Za-z]{2,24}", None),
    entity(
        "DATE",
        "((19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])|(0?[1-9]|[12][0-9]|3[01])[.](0?[1-9]|1[0-2])[.](19|20)[0-9]{2}|(0?[1-9]|1[0-2])/(0?[1-9]|[12][0-9]|3[01])/(19|20)[0-9]{2})",
        None,
    ),
    entity("USA_NATIONAL_DRUG_CODE", "([0-9]{4}-[0-9]{4}-[0-9]{2}|[0-9]{5}-[0-9]{3}-[0-9]{2}|[0-9]{5}-[0-9]{4}-[0-9]{1,2})", None),
    entity(
        "USA_MEDICARE_BENEFICIARY_IDENTIFIER",
        "[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9]-?[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9]-?[AC-HJKMNP-RT-Y]{2}[0-9]{2}",
        None,
    ),
    entity("USA_HEALTH_INSURANCE_CLAIM_NUMBER", "[0-9]{3}-?[0-9]{2}-?[0-9]{4}-?[A-Z][0-9A-Z]?", None),
    entity("USA_DEA_NUMBER", "[ABFGMPR][A-Z9][0-9]{7}", None),
];

/// The entities that can be detected.
pub const ENTITIES: [&str; 14] = {
    let mut names = [""; 14];
    let mut at = 0;
    while at < 14 {
        names[at] = TABLE[at].name;
        at += 1;
    }
    names
};

/// Entities of Glue that cannot be told by their looks alone, and why.
const REFUSED: [(&str, &str); 7] = [
    ("PERSON_NAME", "a name has no shape; that needs a model of language, which there is none of here"),
    ("BANK_ACCOUNT", "an account number of digits looks like any number; IBAN is known"),
    ("USA_PASSPORT_NUMBER", "nine digits look like any number"),
    ("USA_DRIVING_LICENSE", "every state writes it otherwise, some as plain digits"),
    ("USA_CPT_CODE", "five digits look like any number"),
    ("USA_HCPCS_CODE", "a letter and four digits look like any article number"),
    ("USA_NATIONAL_PROVIDER_IDENTIFIER", "ten digits look like any number"),
];

/// One entity as it is to be looked for.
pub(super) struct Detector {
    pub name: &'static str,
    /// Constants of SQL.
    patterns: Vec<String>,
    check: Check,
}

/// The detectors of the entities asked for, each once, in that order.
pub(super) fn detectors(names: &[&str], own: Option<&str>, high: bool) -> Result<Vec<Detector>> {
    let mut found: Vec<Detector> = Vec::new();
    for name in names {
        // Glue's description of the member spells it so.
        let name = if *name == "USA_SNN" { "USA_SSN" } else { name };
        if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
            return Err(Error::invalid_input(format!("PIIDetection, EntityTypesToDetect: {name} cannot be detected: {why}.")));
        }
        let entity = TABLE.iter().find(|entity| entity.name == name).ok_or_else(|| unknown(name, &ENTITIES))?;
        if !found.iter().any(|detector| detector.name == name) {
            let loose = entity.loose.filter(|_| high);
            let patterns = [entity.shape].into_iter().chain(loose).map(|shape| text(&alone(&shape.replace("{octet}", OCTET)))).collect();
            found.push(Detector { name: entity.name, patterns, check: entity.check });
        }
    }
    if let Some(own) = own.filter(|own| !own.is_empty()) {
        let pattern = pattern(own, "PIIDetection, MatchPattern")?;
        found.push(Detector { name: "MATCH_PATTERN", patterns: vec![pattern], check: Check::Shape });
    }
    if found.is_empty() {
        return Err(Error::invalid_input("PIIDetection, EntityTypesToDetect: expected at least one entity, found none."));
    }
    Ok(found)
}

/// The shape, not as a part of a longer word or number.
fn alone(shape: &str) -> String {
    format!("(^|[^0-9A-Za-z])({shape})($|[^0-9A-Za-z])")
}

impl Detector {
    /// Whether the text in a column (its quoted name) holds the entity. Unknown (NULL) where there is no text.
    pub fn found(&self, name: &str) -> String {
        let shapes: Vec<String> = self.patterns.iter().map(|pattern| format!("regexp_like({name}, {pattern})")).collect();
        let shapes = if shapes.len() > 1 { format!("({})", shapes.join(" OR ")) } else { shapes.concat() };
        match self.check {
            Check::Shape => shapes,
            Check::Luhn => format!("({shapes} AND NOT ({} AND NOT {}))", only_card(name), luhn(name)),
        }
    }
}

fn only_card(name: &str) -> String {
    format!("regexp_like({name}, {})", text(&format!("\\A ?{CARD} ?\\z")))
}

/// The sum of the digits, every second from the right doubled (and 9 taken off above 9), is a multiple of ten.
///
/// The digits are padded to nineteen from the left, so that a digit's place says whether it is doubled; zeros add nothing.
fn luhn(name: &str) -> String {
    let digits = format!("lpad(replace(replace({name}, ' ', ''), '-', ''), 19, '0')");
    let doubled = format!("translate({digits}, '0123456789', '0246813579')");
    let digit = |at: usize| format!("TRY_CAST(substr({}, {at}, 1) AS INT)", if at.is_multiple_of(2) { &doubled } else { &digits });
    format!("(({}) % 10 = 0)", (1..=19).map(digit).collect::<Vec<_>>().join(" + "))
}
