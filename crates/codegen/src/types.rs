//! Types of columns: read from Hive's words, written as SQL's; and columns found by their paths.

use domain::{Error, Result};

use crate::sql;

/// How deep types may stand within types: what is deeper is [`Type::Other`], for users write them and reading uses the stack.
const DEEPEST: usize = 64;

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    Boolean,
    /// TINYINT, SMALLINT, INT, BIGINT by their bytes.
    Integer(u8),
    Float,
    Double,
    Decimal(u8, i8),
    Text,
    Date,
    Timestamp,
    /// A column that can hold nothing but NULL.
    Null,
    Struct(Vec<Field>),
    List(Box<Type>),
    /// What is only passed on: binary, map, and words nobody knows.
    Other(String),
}

/// A column, or a member of a struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub name: String,
    pub kind: Type,
}

impl Type {
    /// Reads Hive's and Glue's names of types; `long` is `bigint`. What is not known is [`Type::Other`].
    pub fn parse(text: &str) -> Self {
        Self::parse_at(text, 0)
    }

    /// The type within `depth` others.
    fn parse_at(text: &str, depth: usize) -> Self {
        let text = text.trim();
        let (head, inside) = match text.find(['<', '(']) {
            Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..text.len() - 1).unwrap_or_default()),
            None => (text, ""),
        };
        let nested = depth < DEEPEST && text.ends_with('>');
        match head.trim().to_ascii_lowercase().as_str() {
            "boolean" | "bool" => Self::Boolean,
            "tinyint" | "byte" => Self::Integer(1),
            "smallint" | "short" => Self::Integer(2),
            "int" | "integer" => Self::Integer(4),
            "bigint" | "long" => Self::Integer(8),
            "float" | "real" => Self::Float,
            "double" => Self::Double,
            "decimal" | "numeric" => decimal(inside),
            "string" | "varchar" | "char" | "text" => Self::Text,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            "void" | "null" => Self::Null,
            "struct" if nested => Self::Struct(members(inside, depth + 1)),
            "array" if nested => Self::List(Box::new(Self::parse_at(inside, depth + 1))),
            _ => Self::Other(text.to_owned()),
        }
    }

    /// The type's name in a CAST; `None` for what cannot be cast to.
    pub fn sql(&self) -> Option<String> {
        Some(match self {
            Self::Boolean => "BOOLEAN".to_owned(),
            Self::Integer(1) => "TINYINT".to_owned(),
            Self::Integer(2) => "SMALLINT".to_owned(),
            Self::Integer(4) => "INT".to_owned(),
            Self::Integer(_) => "BIGINT".to_owned(),
            Self::Float => "FLOAT".to_owned(),
            Self::Double => "DOUBLE".to_owned(),
            Self::Decimal(precision, scale) => format!("DECIMAL({precision}, {scale})"),
            Self::Text => "VARCHAR".to_owned(),
            Self::Date => "DATE".to_owned(),
            Self::Timestamp => "TIMESTAMP".to_owned(),
            Self::Null | Self::Struct(_) | Self::List(_) | Self::Other(_) => return None,
        })
    }

    /// As a person reads it.
    pub fn words(&self) -> String {
        match self {
            Self::Struct(_) => "a struct".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Null => "nothing but NULL".to_owned(),
            Self::Other(text) => text.clone(),
            _ => self.sql().unwrap_or_default(),
        }
    }

    pub fn is_number(&self) -> bool {
        matches!(self, Self::Integer(_) | Self::Float | Self::Double | Self::Decimal(..))
    }

    /// Whether every engine sorts such values, and alike.
    pub fn is_scalar(&self) -> bool {
        self.sql().is_some()
    }

    /// The type that holds the values of both without loss of kind.
    pub fn common(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (a, b) if a == b => Some(a.clone()),
            (Self::Null, known) | (known, Self::Null) => Some(known.clone()),
            (Self::Integer(a), Self::Integer(b)) => Some(Self::Integer(*a.max(b))),
            (Self::Decimal(p, s), Self::Decimal(q, t)) => {
                let scale = *s.max(t);
                let whole = (i16::from(*p) - i16::from(*s)).max(i16::from(*q) - i16::from(*t));
                Some(Self::Decimal(u8::try_from((whole + i16::from(scale)).min(38)).ok()?, scale))
            }
            (Self::Decimal(p, s), Self::Integer(bytes)) | (Self::Integer(bytes), Self::Decimal(p, s)) => {
                let digits = match bytes {
                    1 => 3,
                    2 => 5,
                    4 => 10,
                    _ => 19,
                };
                Self::Decimal(digits, 0).common(&Self::Decimal(*p, *s))
            }
            (a, b) if a.is_number() && b.is_number() => Some(Self::Double),
            (Self::Date, Self::Timestamp) | (Self::Timestamp, Self::Date) => Some(Self::Timestamp),
            _ => None,
        }
    }
}

fn decimal(inside: &str) -> Type {
    let mut parts = inside.split(',').map(str::trim);
    // Glue's `decimal` alone has ten digits, two of them behind the point.
    let precision = parts.next().and_then(|digits| digits.parse().ok()).unwrap_or(10);
    let scale = parts.next().and_then(|digits| digits.parse().ok()).unwrap_or(if inside.trim().is_empty() { 2 } else { 0 });
    Type::Decimal(precision, scale)
}

/// `a:int,b:struct<c:string>`; a name may be in backquotes.
fn members(text: &str, depth: usize) -> Vec<Field> {
    let mut fields = Vec::new();
    for part in split(text) {
        let Some((name, kind)) = part.split_once(':') else { continue };
        let name = name.trim();
        let name = name.strip_prefix('`').and_then(|name| name.strip_suffix('`')).unwrap_or(name);
        fields.push(Field { name: name.to_owned(), kind: Type::parse_at(kind, depth) });
    }
    fields
}

fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_i32, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

/// What a transform reads: a CTE and its columns.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// The node that the rows come from.
    pub node: String,
    /// The CTE's name as it stands in SQL.
    pub cte: String,
    pub fields: Vec<Field>,
}

/// A column found by its path.
#[derive(Debug, Clone)]
pub(crate) struct Found<'a> {
    pub sql: String,
    /// The path in the input's own spelling.
    pub path: Vec<String>,
    pub kind: &'a Type,
}

impl Found<'_> {
    /// The path's last name.
    pub fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }
}

impl Input {
    /// The column at `path`, in the spelling given or, if there is one only, in another case: Glue's engine does not tell cases apart.
    pub fn find(&self, path: &[String]) -> Result<Found<'_>> {
        self.find_in(path, "")
    }

    /// The same with the SQL beginning with `qualifier` (such as `l.`).
    pub fn find_in(&self, path: &[String], qualifier: &str) -> Result<Found<'_>> {
        let mut fields = self.fields.as_slice();
        let mut found: Option<Found<'_>> = None;
        for name in path {
            let Some(field) = by_name(fields, name) else { return Err(self.missing(path, fields)) };
            let sql = match &found {
                None => format!("{qualifier}{}", sql::identifier(&field.name)),
                Some(parent) => format!("{}[{}]", parent.sql, sql::text(&field.name)),
            };
            let mut spelled = found.map(|parent| parent.path).unwrap_or_default();
            spelled.push(field.name.clone());
            found = Some(Found { sql, path: spelled, kind: &field.kind });
            fields = match &field.kind {
                Type::Struct(members) => members,
                _ => &[],
            };
        }
        found.ok_or_else(|| Error::invalid_input("Expected the name of a column, found an empty path."))
    }

    fn missing(&self, path: &[String], fields: &[Field]) -> Error {
        let mut known: Vec<String> = fields.iter().take(20).map(|field| format!("{:?}", field.name)).collect();
        if fields.len() > known.len() {
            known.push("...".to_owned());
        }
        let known = if known.is_empty() { "nothing below it".to_owned() } else { known.join(", ") };
        Error::invalid_data(format!("expected the column {:?} in its input {}, found {known}", path.join("."), self.cte))
            .code("JOB_COLUMN_MISSING")
    }

    /// The columns' names as SQL, in order.
    pub fn columns(&self) -> Vec<String> {
        self.fields.iter().map(|field| sql::identifier(&field.name)).collect()
    }

    /// An ORDER BY that puts the rows into one order whatever the engine: all columns that can be sorted, those of `first` before.
    pub fn order(&self, first: &[String]) -> String {
        let mut columns = first.to_vec();
        for field in self.fields.iter().filter(|field| field.kind.is_scalar()) {
            let column = sql::identifier(&field.name);
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        // Lists and structs last: they decide only between rows that are equal in everything else.
        for field in self.fields.iter().filter(|field| matches!(field.kind, Type::List(_) | Type::Struct(_))) {
            columns.push(sql::identifier(&field.name));
        }
        if columns.is_empty() {
            return "1".to_owned();
        }
        columns.iter().map(|column| format!("{column} NULLS FIRST")).collect::<Vec<_>>().join(", ")
    }

    /// The same for numbering rows. An order that begins with a struct needs a frame of rows: DataFusion finds no range in it.
    pub fn numbering(&self, first: &[String]) -> String {
        let order = self.order(first);
        let simple = |column: &String| self.fields.iter().any(|field| field.kind.is_scalar() && sql::identifier(&field.name) == *column);
        let begins_simply = match first.first() {
            Some(column) => simple(column),
            None => self.fields.iter().any(|field| field.kind.is_scalar()),
        };
        if begins_simply { order } else { format!("{order} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW") }
    }
}

/// A field by its name, exactly or, when that says which, ignoring case.
pub(crate) fn by_name<'a>(fields: &'a [Field], name: &str) -> Option<&'a Field> {
    if let Some(exact) = fields.iter().find(|field| field.name == name) {
        return Some(exact);
    }
    let lower = name.to_lowercase();
    let mut alike = fields.iter().filter(|field| field.name.to_lowercase() == lower);
    match (alike.next(), alike.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}
