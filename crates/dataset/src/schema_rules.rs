//! Which fields Personalize requires and reserves, by dataset type and domain.

use crate::resources::{DatasetType, Domain};
use crate::schema::{AvroSchema, Field, FieldType};

use FieldType::{Double, Float, Long, Text};

struct Rule {
    name: &'static str,
    types: &'static [FieldType],
    required: bool,
    may_be_null: bool,
    categorical: bool,
}

const fn id(name: &'static str) -> Rule {
    Rule { name, types: &[Text], required: true, may_be_null: false, categorical: false }
}

const fn required(name: &'static str, types: &'static [FieldType]) -> Rule {
    Rule { name, types, required: true, may_be_null: true, categorical: false }
}

const fn reserved(name: &'static str, types: &'static [FieldType]) -> Rule {
    Rule { name, types, required: false, may_be_null: true, categorical: false }
}

const fn category(name: &'static str, required: bool) -> Rule {
    Rule { name, types: &[Text], required, may_be_null: true, categorical: true }
}

const TIMESTAMP: Rule = Rule { name: "TIMESTAMP", types: &[Long], required: true, may_be_null: false, categorical: false };

const INTERACTIONS: &[Rule] = &[
    id("USER_ID"),
    id("ITEM_ID"),
    TIMESTAMP,
    reserved("EVENT_TYPE", &[Text]),
    reserved("EVENT_VALUE", &[Float, Double]),
    reserved("IMPRESSION", &[Text]),
    reserved("RECOMMENDATION_ID", &[Text]),
    reserved("EVENT_ATTRIBUTION_SOURCE", &[Text]),
];
const ITEMS: &[Rule] = &[id("ITEM_ID"), reserved("CREATION_TIMESTAMP", &[Long])];
const USERS: &[Rule] = &[id("USER_ID")];

const DOMAIN_INTERACTIONS: &[Rule] = &[required("EVENT_TYPE", &[Text])];
const ECOMMERCE_ITEMS: &[Rule] = &[
    required("PRICE", &[Float, Double]),
    category("CATEGORY_L1", true),
    category("CATEGORY_L2", false),
    category("CATEGORY_L3", false),
    reserved("PRODUCT_DESCRIPTION", &[Text]),
    reserved("AGE_GROUP", &[Text]),
    reserved("ADULT", &[Text]),
    reserved("GENDER", &[Text]),
];
const VIDEO_ITEMS: &[Rule] = &[
    category("GENRES", true),
    required("CREATION_TIMESTAMP", &[Long]),
    reserved("PRICE", &[Float, Double]),
    reserved("DURATION", &[Float, Double]),
    category("GENRE_L2", false),
    category("GENRE_L3", false),
    reserved("AVERAGE_RATING", &[Float, Double]),
    reserved("PRODUCT_DESCRIPTION", &[Text]),
    reserved("CONTENT_OWNER", &[Text]),
    reserved("CONTENT_CLASSIFICATION", &[Text]),
];

fn base(kind: DatasetType) -> &'static [Rule] {
    match kind {
        DatasetType::Interactions => INTERACTIONS,
        DatasetType::Items => ITEMS,
        DatasetType::Users => USERS,
    }
}

fn of_domain(kind: DatasetType, domain: Option<Domain>) -> &'static [Rule] {
    match (kind, domain) {
        (DatasetType::Interactions, Some(_)) => DOMAIN_INTERACTIONS,
        (DatasetType::Items, Some(Domain::Ecommerce)) => ECOMMERCE_ITEMS,
        (DatasetType::Items, Some(Domain::VideoOnDemand)) => VIDEO_ITEMS,
        _ => &[],
    }
}

/// How many columns of its own a schema may have beside the required and reserved ones.
fn most_metadata(kind: DatasetType) -> usize {
    match kind {
        DatasetType::Interactions => 5,
        DatasetType::Items => 100,
        DatasetType::Users => 25,
    }
}

/// Adds one sentence per violation.
pub(crate) fn check(schema: &AvroSchema, domain: Option<Domain>, violations: &mut Vec<String>) {
    let kind = schema.dataset_type;
    for rule in base(kind).iter().chain(of_domain(kind, domain)) {
        match schema.field(rule.name) {
            Some(field) => check_field(rule, field, violations),
            None if rule.required => violations.push(format!(
                "{}: expected this field of type {} in every {} schema{}, found none.",
                rule.name,
                type_names(rule.types),
                kind,
                domain
                    .filter(|_| !base(kind).iter().any(|r| r.required && r.name == rule.name))
                    .map_or_else(String::new, |d| format!(" of domain {}", d.as_str())),
            )),
            None => {}
        }
    }
    check_metadata(schema, violations);
}

fn check_field(rule: &Rule, field: &Field, violations: &mut Vec<String>) {
    if !rule.types.contains(&field.field_type) {
        violations.push(format!("{}: expected type {}, found {}.", field.name, type_names(rule.types), field.field_type.as_str()));
    }
    if field.nullable && !rule.may_be_null {
        violations.push(format!("{}: expected a type without null, since every row needs it, found a union with null.", field.name));
    }
    if rule.categorical && rule.required && !field.categorical {
        violations.push(format!("{}: expected \"categorical\": true, found none.", field.name));
    }
}

fn check_metadata(schema: &AvroSchema, violations: &mut Vec<String>) {
    let kind = schema.dataset_type;
    let own: Vec<&Field> = schema.fields.iter().filter(|field| !base(kind).iter().any(|rule| field.is_named(rule.name))).collect();
    let most = most_metadata(kind);
    if own.len() > most {
        violations.push(format!("Expected at most {most} fields beside the required and reserved ones, found {}.", own.len()));
    }
    // CREATION_TIMESTAMP alone tells items apart as well as any metadata field.
    if kind != DatasetType::Interactions && schema.fields.len() < 2 {
        violations.push(format!("Expected at least one field beside the id in a schema of {kind}, found none."));
    }
    let textual: Vec<&str> = schema.fields.iter().filter(|f| f.textual).map(|f| f.name.as_str()).collect();
    let most_textual = usize::from(kind == DatasetType::Items);
    if textual.len() > most_textual {
        violations.push(format!("Expected at most {most_textual} textual fields in a schema of {kind}, found {}.", textual.join(", ")));
    }
}

fn type_names(types: &[FieldType]) -> String {
    types.iter().map(|t| t.as_str()).collect::<Vec<_>>().join(" or ")
}
