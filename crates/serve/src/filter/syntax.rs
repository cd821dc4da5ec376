//! What a filter expression says, as a tree.

use std::fmt;

/// A filter expression that was read. Fields are not looked up yet: that needs the schemas of a dataset group.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    pub(crate) entity: Entity,
    pub(crate) parts: Vec<Part>,
}

/// What a filter lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entity {
    Item,
    User,
    Action,
}

/// One of the expressions joined by `|`, and the IF at its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub effect: Effect,
    /// The part has no effect where this is not true of the user.
    pub guard: Option<Condition>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    Include(Condition),
    Exclude(Condition),
    /// Ours: at most so many items with the same value of the field.
    Limit {
        most: Value,
        per: Field,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    /// Never empty; conditions on interactions in one speak of the same event.
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Test(Test),
}

/// A field and what is asked of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Test {
    pub field: Field,
    pub asked: Asked,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Asked {
    In { negated: bool, list: List },
    Compared { sign: Sign, with: Operand },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum List {
    /// `*`: any value.
    Any,
    Values(Vec<Value>),
    /// The values of a field of the current item or user.
    Field(Field),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Value(Value),
    Field(Field),
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Value {
    pub given: Given,
    pub column: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Given {
    Text(String),
    Number(f64),
    Truth(bool),
    /// `$name`: comes with the request.
    Parameter(String),
    /// Ours: the time of the request, so many seconds later (earlier where negative).
    Now(f64),
}

/// `Dataset.FIELD` and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub of: Of,
    /// As it is written; [`Field::key`] is what it is found by.
    pub name: String,
    pub column: usize,
}

/// What a field is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Interactions,
    Items,
    Users,
    Actions,
    ActionInteractions,
    CurrentUser,
    CurrentItem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Entity {
    pub(crate) const ALL: [Self; 3] = [Self::Item, Self::User, Self::Action];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Item => "ItemID",
            Self::User => "UserID",
            Self::Action => "ActionID",
        }
    }
}

impl Of {
    pub(crate) const ALL: [Self; 7] =
        [Self::Interactions, Self::Items, Self::Users, Self::Actions, Self::ActionInteractions, Self::CurrentUser, Self::CurrentItem];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Interactions => "Interactions",
            Self::Items => "Items",
            Self::Users => "Users",
            Self::Actions => "Actions",
            Self::ActionInteractions => "ActionInteractions",
            Self::CurrentUser => "CurrentUser",
            Self::CurrentItem => "CurrentItem",
        }
    }
}

impl Sign {
    pub(crate) fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Unequal => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Field {
    /// Without case and underscores, as names of fields are compared everywhere.
    pub(crate) fn key(&self) -> String {
        key(&self.name)
    }
}

/// What names of fields are compared by.
pub(crate) fn key(name: &str) -> String {
    name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect()
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.of.as_str(), self.name)
    }
}

impl Condition {
    /// Calls `see` with every test.
    pub(crate) fn tests<'a>(&'a self, see: &mut impl FnMut(&'a Test)) {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().for_each(|one| one.tests(see)),
            Self::Not(one) => one.tests(see),
            Self::Test(test) => see(test),
        }
    }

    /// Whether it speaks of single events: tests of interactions, joined by AND and OR alone.
    pub(crate) fn is_of_events(&self) -> bool {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().all(Self::is_of_events),
            Self::Not(_) => false,
            Self::Test(test) => test.field.of == Of::Interactions,
        }
    }
}

impl Test {
    /// The values that stand in it.
    pub(crate) fn values(&self) -> &[Value] {
        match &self.asked {
            Asked::In { list: List::Values(values), .. } => values,
            Asked::Compared { with: Operand::Value(value), .. } => std::slice::from_ref(value),
            Asked::In { .. } | Asked::Compared { .. } => &[],
        }
    }

    /// The field of the current item or user that it is compared with.
    pub(crate) fn other_field(&self) -> Option<&Field> {
        match &self.asked {
            Asked::In { list: List::Field(field), .. } | Asked::Compared { with: Operand::Field(field), .. } => Some(field),
            Asked::In { .. } | Asked::Compared { .. } => None,
        }
    }
}

impl Part {
    /// Its own condition and that of its IF.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let own = match &self.effect {
            Effect::Include(condition) | Effect::Exclude(condition) => Some(condition),
            Effect::Limit { .. } => None,
        };
        own.into_iter().chain(&self.guard)
    }

    /// Names of the parameters, in the order in which they stand.
    pub(crate) fn parameters(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        let mut add = |name| {
            if !names.contains(&name) {
                names.push(name);
            }
        };
        if let Effect::Limit { most: Value { given: Given::Parameter(name), .. }, .. } = &self.effect {
            add(name.as_str());
        }
        for condition in self.conditions() {
            condition.tests(&mut |test| {
                for value in test.values() {
                    if let Given::Parameter(name) = &value.given {
                        add(name.as_str());
                    }
                }
            });
        }
        names
    }

    /// Every field that it names.
    pub(crate) fn fields(&self) -> Vec<&Field> {
        let mut fields = Vec::new();
        if let Effect::Limit { per, .. } = &self.effect {
            fields.push(per);
        }
        for condition in self.conditions() {
            condition.tests(&mut |test| {
                fields.push(&test.field);
                fields.extend(test.other_field());
            });
        }
        fields
    }
}

impl Expression {
    /// Names of the parameters, without `$`, in the order in which they stand.
    pub fn parameters(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for name in self.parts.iter().flat_map(Part::parameters) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.parts.iter().flat_map(Part::fields)
    }
}
