//! Whether a dataset group has what an expression names, and whether each operator fits its field.

use dataset::{AvroSchema, DatasetType, FieldType, Snapshot};
use domain::{Result, near};

use super::lexer::fault;
use super::syntax::{Asked, Condition, Effect, Entity, Expression, Field, Given, Of, Operand, Part, Sign, Test, Value};

/// The schemas of a group's datasets, where it has them.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    interactions: Option<AvroSchema>,
    items: Option<AvroSchema>,
    users: Option<AvroSchema>,
}

/// What a field holds, as far as filters tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Truth,
}

impl Kind {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "numbers",
            Self::Truth => "true or false",
        }
    }
}

/// Where a test stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Where(Entity),
    If,
}

/// Refuses what cannot be evaluated in a dataset group that will have these schemas.
pub fn check(expression: &Expression, schemas: &[AvroSchema]) -> Result<()> {
    Schemas::among(schemas).check(expression)
}

impl Schemas {
    pub(crate) fn of(snapshot: &Snapshot) -> Result<Self> {
        let schema = |dataset: &Option<dataset::SnapshotDataset>| dataset.as_ref().map(|d| AvroSchema::stored(&d.schema)).transpose();
        Ok(Self { interactions: schema(&snapshot.interactions)?, items: schema(&snapshot.items)?, users: schema(&snapshot.users)? })
    }

    fn among(schemas: &[AvroSchema]) -> Self {
        let schema = |kind: DatasetType| schemas.iter().find(|schema| schema.dataset_type == kind).cloned();
        Self { interactions: schema(DatasetType::Interactions), items: schema(DatasetType::Items), users: schema(DatasetType::Users) }
    }

    /// What the field holds; the error says which fields there are.
    pub(crate) fn kind(&self, field: &Field) -> Result<Kind> {
        let (schema, dataset) = match field.of {
            Of::Interactions => (&self.interactions, "Interactions"),
            Of::Items | Of::CurrentItem => (&self.items, "Items"),
            Of::Users | Of::CurrentUser => (&self.users, "Users"),
            Of::Actions | Of::ActionInteractions => {
                return Err(fault(
                    field.column,
                    format!("expected a field of items, users or interactions, found {field}: actions are not offered."),
                ));
            }
        };
        let Some(schema) = schema else {
            return Err(fault(
                field.column,
                format!("expected a dataset that the dataset group has, found {field}: it has no {dataset} dataset."),
            ));
        };
        let Some(found) = schema.field(&field.name).filter(|found| is_offered(field.of, &found.name)) else {
            let names: Vec<&str> = schema.fields.iter().map(|f| f.name.as_str()).filter(|name| is_offered(field.of, name)).collect();
            return Err(fault(
                field.column,
                format!("expected a field of {dataset}, found {}; {}", field.name, near::hint(&field.name, &names)),
            ));
        };
        if found.textual {
            return Err(fault(field.column, format!("expected a field that is not free text, found {field}, which is textual.")));
        }
        Ok(match found.field_type {
            FieldType::Text => Kind::Text,
            FieldType::Int | FieldType::Long | FieldType::Float | FieldType::Double => Kind::Number,
            FieldType::Boolean => Kind::Truth,
        })
    }

    /// Refuses what cannot be evaluated.
    pub(crate) fn check(&self, expression: &Expression) -> Result<()> {
        expression.parts.iter().try_for_each(|part| self.check_part(part, expression.entity))
    }

    fn check_part(&self, part: &Part, entity: Entity) -> Result<()> {
        match &part.effect {
            Effect::Include(condition) | Effect::Exclude(condition) => self.check_condition(condition, Place::Where(entity))?,
            Effect::Limit { per, .. } => {
                self.kind(per)?;
            }
        }
        part.guard.iter().try_for_each(|guard| self.check_condition(guard, Place::If))
    }

    fn check_condition(&self, condition: &Condition, place: Place) -> Result<()> {
        let mut first = Ok(());
        condition.tests(&mut |test| {
            if first.is_ok() {
                first = self.check_test(test, place);
            }
        });
        first
    }

    fn check_test(&self, test: &Test, place: Place) -> Result<()> {
        let field = &test.field;
        let fits = match place {
            Place::If => field.of == Of::CurrentUser,
            Place::Where(Entity::Item) => matches!(field.of, Of::Items | Of::Interactions),
            Place::Where(Entity::User) => matches!(field.of, Of::Users),
            // The kind of such a field is refused below, with the reason.
            Place::Where(Entity::Action) => matches!(field.of, Of::Actions | Of::ActionInteractions),
        };
        if !fits {
            let expected = match place {
                Place::If => "a field of CurrentUser after IF",
                Place::Where(Entity::Item) => "a field of Items or Interactions here",
                Place::Where(Entity::User) => "a field of Users here",
                Place::Where(Entity::Action) => "a field of Actions or ActionInteractions here",
            };
            return Err(fault(field.column, format!("expected {expected}, found {field}.")));
        }
        let kind = self.kind(field)?;
        if let Some(other) = test.other_field() {
            let other_kind = self.kind(other)?;
            if other_kind != kind {
                let (kind, found) = (kind.words(), other_kind.words());
                return Err(fault(
                    other.column,
                    format!("expected a field that holds {kind} as {field} does, found {other}, which holds {found}."),
                ));
            }
        }
        check_operator(test, kind)?;
        test.values().iter().try_for_each(|value| check_value(field, value, kind))
    }
}

/// Filters know two things of interactions.
fn is_offered(of: Of, name: &str) -> bool {
    let plain = super::syntax::key(name);
    of != Of::Interactions || plain == "eventtype" || plain == "timestamp"
}

fn check_operator(test: &Test, kind: Kind) -> Result<()> {
    let Asked::Compared { sign, with } = &test.asked else { return Ok(()) };
    if kind != Kind::Number && !matches!(sign, Sign::Equal | Sign::Unequal) {
        let column = match with {
            Operand::Value(value) => value.column,
            Operand::Field(field) => field.column,
        };
        let (field, sign, holds) = (&test.field, sign.as_str(), kind.words());
        return Err(fault(column, format!("expected IN, NOT IN, = or != for {field}, which holds {holds}, found {sign}.")));
    }
    Ok(())
}

fn check_value(field: &Field, value: &Value, kind: Kind) -> Result<()> {
    let fits = match &value.given {
        Given::Parameter(_) => true,
        Given::Text(_) => kind == Kind::Text,
        Given::Number(_) | Given::Now(_) => kind == Kind::Number,
        Given::Truth(_) => kind == Kind::Truth,
    };
    if fits {
        return Ok(());
    }
    let found = match &value.given {
        Given::Text(text) => format!("the text {text:?}"),
        Given::Number(number) => format!("the number {number}"),
        Given::Truth(truth) => format!("{truth}"),
        Given::Now(_) => "a time".to_owned(),
        Given::Parameter(name) => format!("${name}"),
    };
    Err(fault(value.column, format!("expected {} for {field}, found {found}.", kind.words())))
}
