//! Conditions that a source turns into its own language.

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00, in UTC where the source knows zones.
    Timestamp(i64),
    /// `unscaled` / 10^`scale`
    Decimal {
        unscaled: i128,
        scale: i8,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// The operator, the same in every dialect.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// A condition on a row, in SQL's three-valued logic. Closed on purpose.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    Compare {
        column: String,
        comparison: Comparison,
        value: Literal,
    },
    IsNull(String),
    IsNotNull(String),
    /// The column equals one of the values.
    In {
        column: String,
        values: Vec<Literal>,
    },
    /// All of them; an empty list is true.
    And(Vec<Predicate>),
    /// One of them; an empty list is false.
    Or(Vec<Predicate>),
}

impl Predicate {
    pub fn compare(column: impl Into<String>, comparison: Comparison, value: Literal) -> Self {
        Self::Compare { column: column.into(), comparison, value }
    }
}
