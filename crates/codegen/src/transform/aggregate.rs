//! Aggregate: Glue's fifteen functions, each with one meaning on every engine.

use domain::{Error, Result};

use super::{distinct, unfit, unused};
use crate::members::{AggFunc, Aggregate, Aggregation};
use crate::sql;
use crate::types::{Found, Input};

pub(super) fn aggregate(spec: &Aggregate, input: &Input) -> Result<String> {
    if spec.aggs.is_empty() {
        return Err(Error::invalid_input("expected at least one function in Aggs, found none"));
    }
    let groups = spec.groups.iter().map(|path| input.find(path)).collect::<Result<Vec<_>>>()?;
    let mut names: Vec<String> = groups.iter().map(|group| group.name().to_owned()).collect();
    let mut items: Vec<String> = groups.iter().map(|group| sql::named(&group.sql, group.name())).collect();
    let keys: Vec<String> = groups.iter().map(|group| group.sql.clone()).collect();
    let mut rows = Rows::new(input, &keys);
    for agg in &spec.aggs {
        let found = input.find(&agg.column)?;
        let name = agg.alias.clone().unwrap_or_else(|| spark_name(agg.agg_func, found.name()));
        items.push(sql::named(&rows.function(agg, &found)?, &name));
        names.push(name);
    }
    distinct(names.iter().map(String::as_str))?;
    let mut clauses = vec![format!("FROM {}", rows.from())];
    if !keys.is_empty() {
        clauses.push(format!("GROUP BY {}", keys.join(", ")));
    }
    Ok(sql::select(&items, &clauses))
}

/// Functions that need no more than the rows, with the argument in place: `SUM(x)`. Checked: numbers where numbers are needed.
pub(super) fn plain(agg: &Aggregation, found: &Found<'_>, argument: &str) -> Result<Option<String>> {
    let numeric =
        !matches!(agg.agg_func, AggFunc::Count | AggFunc::CountDistinct | AggFunc::First | AggFunc::Last | AggFunc::Max | AggFunc::Min);
    if numeric && !found.kind.is_number() {
        return Err(unfit(&found.path.join("."), "a number", &found.kind.words()));
    }
    if !numeric && agg.agg_func != AggFunc::Count && !found.kind.is_scalar() {
        return Err(unfit(&found.path.join("."), "a plain value", &found.kind.words()));
    }
    Ok(Some(match agg.agg_func {
        AggFunc::Avg => format!("AVG({argument})"),
        AggFunc::Count => format!("COUNT({argument})"),
        AggFunc::CountDistinct => format!("COUNT(DISTINCT {argument})"),
        AggFunc::Max => format!("MAX({argument})"),
        AggFunc::Min => format!("MIN({argument})"),
        AggFunc::StddevSamp => format!("STDDEV_SAMP({argument})"),
        AggFunc::StddevPop => format!("STDDEV_POP({argument})"),
        AggFunc::Sum => format!("SUM({argument})"),
        AggFunc::SumDistinct => format!("SUM(DISTINCT {argument})"),
        AggFunc::VarSamp => format!("VAR_SAMP({argument})"),
        AggFunc::VarPop => format!("VAR_POP({argument})"),
        AggFunc::First | AggFunc::Last | AggFunc::Kurtosis | AggFunc::Skewness => return Ok(None),
    }))
}

/// As Spark names such a column, so that nodes after this one find it.
pub(super) fn spark_name(function: AggFunc, column: &str) -> String {
    match function {
        AggFunc::Avg => format!("avg({column})"),
        AggFunc::Count => format!("count({column})"),
        AggFunc::CountDistinct => format!("count(DISTINCT {column})"),
        AggFunc::First => format!("first({column})"),
        AggFunc::Last => format!("last({column})"),
        AggFunc::Kurtosis => format!("kurtosis({column})"),
        AggFunc::Max => format!("max({column})"),
        AggFunc::Min => format!("min({column})"),
        AggFunc::Skewness => format!("skewness({column})"),
        AggFunc::StddevSamp => format!("stddev_samp({column})"),
        AggFunc::StddevPop => format!("stddev_pop({column})"),
        AggFunc::Sum => format!("sum({column})"),
        AggFunc::SumDistinct => format!("sum(DISTINCT {column})"),
        AggFunc::VarSamp => format!("var_samp({column})"),
        AggFunc::VarPop => format!("var_pop({column})"),
    }
}

/// The rows that are aggregated, with what some functions need beside them.
struct Rows<'a> {
    input: &'a Input,
    keys: &'a [String],
    /// Expressions and their names, which no column of the input has.
    more: Vec<(String, String)>,
}

impl<'a> Rows<'a> {
    fn new(input: &'a Input, keys: &'a [String]) -> Self {
        Self { input, keys, more: Vec::new() }
    }

    fn partition(&self) -> String {
        if self.keys.is_empty() { String::new() } else { format!("PARTITION BY {}", self.keys.join(", ")) }
    }

    fn add(&mut self, expression: &str, name: &str) -> String {
        if let Some((_, known)) = self.more.iter().find(|(known, _)| known == expression) {
            return known.clone();
        }
        let mut wish = name.to_owned();
        let mut name = sql::identifier(&unused(self.input, &wish));
        while self.more.iter().any(|(_, known)| *known == name) {
            wish.push('_');
            name = sql::identifier(&unused(self.input, &wish));
        }
        self.more.push((expression.to_owned(), name.clone()));
        name
    }

    fn function(&mut self, agg: &Aggregation, found: &Found<'_>) -> Result<String> {
        if let Some(function) = plain(agg, found, &found.sql)? {
            return Ok(function);
        }
        let partition = self.partition();
        if matches!(agg.agg_func, AggFunc::First | AggFunc::Last) {
            // Rows have no order of their own; first and last are those in the order of all columns, on every engine.
            let order = format!("{partition} ORDER BY {}", self.input.numbering(&[]));
            let number = self.add(&format!("ROW_NUMBER() OVER ({})", order.trim()), "row_number");
            let wanted = if agg.agg_func == AggFunc::First {
                "1".to_owned()
            } else {
                self.add(&format!("COUNT(*) OVER ({partition})"), "row_count")
            };
            return Ok(format!("MAX(CASE WHEN {number} = {wanted} THEN {} END)", found.sql));
        }
        let x = format!("CAST({} AS DOUBLE)", found.sql);
        let name = format!("deviation_of_{}", crate::names::fit(&found.path.join("_")));
        let d = self.add(&format!("{x} - AVG({x}) OVER ({partition})"), &name);
        // Spark's definitions, with sqrt(n) and the roots of the second moment written as the standard deviation.
        Ok(match agg.agg_func {
            AggFunc::Skewness => format!("SUM({d} * {d} * {d}) / NULLIF(SUM({d} * {d}) * STDDEV_POP({d}), 0)"),
            _ => format!("COUNT({d}) * SUM({d} * {d} * {d} * {d}) / NULLIF(SUM({d} * {d}) * SUM({d} * {d}), 0) - 3"),
        })
    }

    fn from(&self) -> String {
        if self.more.is_empty() {
            return self.input.cte.clone();
        }
        let items: Vec<String> =
            std::iter::once("*".to_owned()).chain(self.more.iter().map(|(expression, name)| format!("{expression} AS {name}"))).collect();
        sql::derived(&sql::select(&items, &[format!("FROM {}", self.input.cte)]), "numbered")
    }
}
