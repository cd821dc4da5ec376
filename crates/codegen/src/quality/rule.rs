//! What a ruleset says, and which rules there are.

use std::fmt;

use domain::{Error, Result, near};

/// The rules that judge a table, and what else is to be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    pub rules: Vec<Rule>,
    pub analyzers: Vec<Analyzer>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// As written.
    pub text: String,
    pub(crate) expression: Expression,
}

/// A metric without a judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analyzer {
    /// As written.
    pub text: String,
    pub(crate) check: Check,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expression {
    Check(Box<Check>),
    All(Vec<Expression>),
    Any(Vec<Expression>),
}

/// One rule that is not made of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Check {
    pub rule_type: RuleType,
    pub parameters: Vec<String>,
    pub condition: Option<Condition>,
    /// Which share of rows has to pass.
    pub threshold: Option<Condition>,
    /// SQL in parentheses: only rows for which it is true are looked at.
    pub filter: Option<String>,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    pub test: Test,
    /// As written.
    pub text: String,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    Compare(Comparison, Operand),
    /// Both ends excluded.
    Between {
        low: Operand,
        high: Operand,
        negated: bool,
    },
    In {
        values: Vec<Operand>,
        negated: bool,
    },
    Matches {
        regex: String,
        negated: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub fn sql(self) -> &'static str {
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operand {
    /// As written, with its sign.
    Number(String),
    Text(String),
    Null,
    Empty,
    Whitespace,
    /// Now, and so many seconds.
    Now(i64),
    /// Seconds of `24 hours`.
    Duration(i64),
}

/// Line and column, both from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub line: usize,
    pub column: usize,
}

impl Place {
    /// The place behind a text that begins here.
    pub fn after(self, text: &str) -> Self {
        text.chars().fold(self, |place, c| match c {
            '\n' => Self { line: place.line + 1, column: 1 },
            _ => Self { column: place.column + 1, ..place },
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The ruleset, line {}, column {}", self.line, self.column)
    }
}

/// The error of every mistake in a ruleset.
pub(crate) fn refused(place: Place, expected: &str, found: &str) -> Error {
    invalid(Error::invalid_input(format!("{place}: expected {expected}, found {found}.")))
}

/// Any error about a ruleset, with its code.
pub(crate) fn invalid(error: Error) -> Error {
    error.code("RULESET_INVALID")
}

/// What stands behind the parameters of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    /// A comparison of the metric with numbers.
    Numbers,
    /// The same, or nothing: then rows are counted.
    MaybeNumbers,
    /// A condition that every row's value has to meet.
    Values,
    /// A comparison of every row's age with `24 hours`.
    Ages,
    /// `= "Integer"`.
    TypeName,
}

macro_rules! rule_types {
    ($($name:ident $least:literal $most:literal $takes:ident $where_clause:literal),* $(,)?) => {
        /// The rules that can be carried out.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum RuleType { $($name),* }

        impl RuleType {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// As DQDL writes it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            /// The least and the greatest number of parameters.
            pub(crate) fn parameters(self) -> (usize, usize) {
                match self { $(Self::$name => ($least, $most)),* }
            }

            pub(crate) fn takes(self) -> Takes {
                match self { $(Self::$name => Takes::$takes),* }
            }

            pub(crate) fn takes_where(self) -> bool {
                match self { $(Self::$name => $where_clause),* }
            }
        }
    };
}

// Name, parameters from and to, what follows them, whether a where-clause may follow.
rule_types! {
    ColumnCorrelation 2 2 Numbers true,
    ColumnCount 0 0 Numbers false,
    ColumnDataType 1 1 TypeName true,
    ColumnExists 1 1 Nothing false,
    ColumnLength 1 1 Values true,
    ColumnNamesMatchPattern 1 1 Nothing false,
    ColumnValues 1 1 Values true,
    Completeness 1 1 Numbers true,
    CustomSql 1 1 MaybeNumbers false,
    DataFreshness 1 1 Ages true,
    DistinctValuesCount 1 1 Numbers true,
    Entropy 1 1 Numbers true,
    IsComplete 1 1 Nothing true,
    IsPrimaryKey 1 16 Nothing true,
    IsUnique 1 16 Nothing true,
    Mean 1 1 Numbers true,
    ReferentialIntegrity 2 2 Numbers true,
    RowCount 0 0 Numbers true,
    RowCountMatch 1 1 Numbers true,
    StandardDeviation 1 1 Numbers true,
    Sum 1 1 Numbers true,
    UniqueValueRatio 1 1 Numbers true,
    Uniqueness 1 16 Numbers true,
}

impl RuleType {
    /// Whether rows pass or fail one by one, so that `with threshold` has a meaning.
    pub(crate) fn by_row(self) -> bool {
        matches!(self.takes(), Takes::Values | Takes::Ages | Takes::TypeName | Takes::MaybeNumbers)
    }

    /// The rule of that name, or why there is none.
    pub(crate) fn named(name: &str, place: Place) -> Result<Self> {
        if let Some(found) = Self::ALL.iter().find(|rule| rule.name() == name) {
            return Ok(*found);
        }
        if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
            return Err(refused(place, "a rule that can be carried out", &format!("`{name}`: {why}")));
        }
        let names: Vec<&str> = Self::ALL.iter().map(|rule| rule.name()).collect();
        let found = format!("{place}: expected the type of a rule, found `{name}`; {}", near::hint(name, &names));
        Err(invalid(Error::invalid_input(found)))
    }
}

/// Rules of Glue that are known and not carried out, and why.
const REFUSED: [(&str, &str); 9] = [
    ("AggregateMatch", "write it as CustomSql over both tables"),
    ("AllStatistics", "name the metrics one by one"),
    ("DatasetMatch", "compare by ReferentialIntegrity in both directions, or by CustomSql"),
    ("DetectAnomalies", "it needs the history of earlier evaluations, which is not kept"),
    ("FileFreshness", "rules see rows, not files"),
    ("FileMatch", "rules see rows, not files"),
    ("FileSize", "rules see rows, not files"),
    ("FileUniqueness", "rules see rows, not files"),
    ("SchemaMatch", "use ColumnExists and ColumnDataType"),
];
