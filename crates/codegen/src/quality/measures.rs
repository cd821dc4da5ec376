//! What has to be measured, each thing once: the aggregates of one pass over the input, and the passes that must be made besides.

use crate::sql::{identifier, lines};

/// Collects while the checks are translated; every name that it gives is a column of [`Measures::measured`].
pub(crate) struct Measures {
    /// Begins the names of all CTEs here and of columns that meet the user's.
    prefix: String,
    input: String,
    /// Aggregates of the one pass; the first is called m1.
    aggregates: Vec<String>,
    /// Key, name and SELECT of one row.
    passes: Vec<(String, String, String)>,
    /// The same for SQL of the user, which sees tables under its own names.
    custom: Vec<(String, String, String)>,
}

/// Names of what is known about groups of equal values.
pub(crate) struct Groups {
    pub distinct: String,
    /// Values that occur once.
    pub unique: String,
    /// Rows with a value.
    pub values: String,
    /// Sum over the groups of n ln n.
    pub n_ln_n: String,
}

impl Measures {
    /// `taken` are names of the script around and of the user's SQL, which nothing here may hide.
    pub fn new(input: &str, taken: &[&str]) -> Self {
        let mut prefix = "dq_".to_owned();
        while taken.iter().any(|name| name.to_lowercase().starts_with(&prefix)) {
            prefix.push('_');
        }
        Self { prefix, input: identifier(input), aggregates: Vec::new(), passes: Vec::new(), custom: Vec::new() }
    }

    pub fn cte(&self, name: &str) -> String {
        identifier(&format!("{}{name}", self.prefix))
    }

    /// An aggregate of the one pass.
    pub fn aggregate(&mut self, expression: String) -> String {
        let at = self.aggregates.iter().position(|known| *known == expression).unwrap_or_else(|| {
            self.aggregates.push(expression);
            self.aggregates.len() - 1
        });
        format!("m{}", at + 1)
    }

    /// How many rows meet all conditions; without conditions all rows.
    pub fn count(&mut self, conditions: &[String]) -> String {
        if conditions.is_empty() {
            return self.aggregate("COUNT(*)".into());
        }
        self.aggregate(format!("COUNT(CASE WHEN {} THEN 1 END)", conditions.join(" AND ")))
    }

    /// The groups of equal values of some columns. Rows in which none of them has a value are left out.
    pub fn groups(&mut self, columns: &[String], filter: Option<String>) -> Groups {
        let present = columns.iter().map(|column| format!("{column} IS NOT NULL")).collect::<Vec<_>>().join(" OR ");
        let present = if columns.len() > 1 { format!("({present})") } else { present };
        let conditions: Vec<String> = [present].into_iter().chain(filter).collect();
        let rows = self.cte("n");
        let inner =
            format!("SELECT COUNT(*) AS {rows} FROM {} WHERE {} GROUP BY {}", self.input, conditions.join(" AND "), columns.join(", "));
        let alias = self.cte("groups");
        let name = self.pass(&inner, |name| {
            format!(
                "SELECT COUNT(*) AS {name}_distinct, COUNT(CASE WHEN {rows} = 1 THEN 1 END) AS {name}_unique,\n    \
                 COALESCE(SUM({rows}), 0) AS {name}_values, SUM({rows} * LN(CAST({rows} AS DOUBLE))) AS {name}_n_ln_n\n  \
                 FROM ({inner}) AS {alias}"
            )
        });
        let column = |what: &str| format!("{name}_{what}");
        Groups { distinct: column("distinct"), unique: column("unique"), values: column("values"), n_ln_n: column("n_ln_n") }
    }

    /// Rows of the input, and those among them that occur in the reference.
    pub fn matches(&mut self, pairs: &[(String, String)], reference: &str, filter: Option<String>) -> (String, String) {
        let clause = filter.map_or(String::new(), |filter| format!(" WHERE {filter}"));
        let keys = |side: &str, column: fn(&(String, String)) -> &String| {
            let keys = pairs.iter().enumerate().map(|(at, pair)| format!("{} AS {side}{at}", column(pair)));
            keys.collect::<Vec<_>>().join(", ")
        };
        let on: Vec<String> = (0..pairs.len()).map(|at| format!("l.l{at} = r.r{at}")).collect();
        let tables = format!(
            "(SELECT {} FROM {}{clause}) AS l\n    LEFT JOIN (SELECT DISTINCT {}, 1 AS found FROM {}) AS r ON {}",
            keys("l", |pair| &pair.0),
            self.input,
            keys("r", |pair| &pair.1),
            identifier(reference),
            on.join(" AND ")
        );
        let name = self.pass(&tables, |name| format!("SELECT COUNT(*) AS {name}_rows, COUNT(r.found) AS {name}_matched\n  FROM {tables}"));
        (format!("{name}_rows"), format!("{name}_matched"))
    }

    /// How many rows a reference has.
    pub fn reference_rows(&mut self, reference: &str) -> String {
        let table = identifier(reference);
        let name = self.pass(&table, |name| format!("SELECT COUNT(*) AS {name}_rows FROM {table}"));
        format!("{name}_rows")
    }

    /// How many rows the user's SQL gives, and (where it gives one column) the greatest number in it.
    pub fn custom(&mut self, query: &str, number: bool) -> (String, String) {
        let key = format!("{number} {query}");
        let at = self.custom.iter().position(|(known, ..)| *known == key).unwrap_or(self.custom.len());
        let name = format!("c{}", at + 1);
        if at == self.custom.len() {
            let select = if number {
                let value = self.cte("value");
                format!(
                    "SELECT COUNT(*) AS {name}_rows, MAX(CAST({value} AS DOUBLE)) AS {name}_value\n  FROM {query} AS {} ({value})",
                    self.cte("query")
                )
            } else {
                format!("SELECT COUNT(*) AS {name}_rows FROM {query} AS {}", self.cte("query"))
            };
            self.custom.push((key, name.clone(), select));
        }
        (format!("{name}_rows"), format!("{name}_value"))
    }

    /// The name of a pass, made when it is new.
    fn pass(&mut self, key: &str, select: impl FnOnce(&str) -> String) -> String {
        if let Some((_, name, _)) = self.passes.iter().find(|(known, ..)| known == key) {
            return name.clone();
        }
        let name = format!("p{}", self.passes.len() + 1);
        let select = select(&name);
        self.passes.push((key.to_owned(), name.clone(), select));
        name
    }

    /// The CTEs that measure, in order, and the FROM clause that brings their rows, one each, together.
    ///
    /// SQL of the user finds the input as `primary` and the references by their aliases. Engines refuse a CTE whose name is visible
    /// already, so an alias that is its CTE's own name needs none; no other CTE may have an alias's name (`names.rs` sees to it).
    pub fn measured(&self, references: &[(String, String)]) -> (Vec<(String, String)>, String) {
        let mut ctes = Vec::new();
        let mut rows = Vec::new();
        if !self.aggregates.is_empty() {
            let items: Vec<String> = self.aggregates.iter().zip(1..).map(|(item, at)| format!("{item} AS m{at}")).collect();
            ctes.push((self.cte("measures"), format!("SELECT\n  {}\n  FROM {}", lines(&items), self.input)));
            rows.push(self.cte("measures"));
        }
        let named = |(_, name, select): &(String, String, String)| (self.cte(name), select.clone());
        ctes.extend(self.passes.iter().map(named));
        rows.extend(self.passes.iter().map(|(_, name, _)| self.cte(name)));
        if !self.custom.is_empty() {
            let tables = std::iter::once(("primary", self.input.clone()))
                .chain(references.iter().filter(|(alias, cte)| alias != cte).map(|(alias, cte)| (alias.as_str(), identifier(cte))));
            ctes.extend(tables.map(|(alias, table)| (identifier(alias), format!("SELECT * FROM {table}"))));
            ctes.extend(self.custom.iter().map(named));
            rows.extend(self.custom.iter().map(|(_, name, _)| self.cte(name)));
        }
        let from = if rows.is_empty() { String::new() } else { format!("\n  FROM {}", rows.join(" CROSS JOIN ")) };
        (ctes, from)
    }
}
