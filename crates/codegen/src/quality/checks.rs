//! One check: what it measures, when it passes, and what is said when it does not.

use domain::{Error, Result, near};

use super::columns::{Column, Kind, find};
use super::measures::Measures;
use super::predicate::{Values, numbers, whole};
use super::rule::{Check, Condition, RuleType, invalid, refused};
use super::select::Input;
use crate::sql::{self, identifier};

/// SQL over the one row of measures.
pub(crate) struct Checked {
    /// DOUBLE; NULL where there is nothing to measure.
    pub value: String,
    /// BOOLEAN over `value`, which stands for `{v}`; may be NULL.
    pub passed: String,
    /// `Column.x.Completeness`; none where the rule measures nothing.
    pub metric: Option<String>,
    /// Begins the sentence: "The completeness of column x".
    pub subject: String,
    /// Ends it: "> 0.9".
    pub expected: String,
    /// Rows that pass, and rows that were looked at.
    pub counts: Option<(String, String)>,
    /// A condition and the sentence that is said instead where it holds.
    pub instead: Option<(String, String)>,
}

/// What stands for the check's value in [`Checked::passed`].
pub(crate) const VALUE: &str = "{v}";

/// Translates one check, adding what it needs to the measures.
pub(crate) fn translate(check: &Check, input: &Input<'_>, measures: &mut Measures) -> Result<Checked> {
    let checked = match check.rule_type {
        RuleType::ColumnExists => column_exists(check, input),
        RuleType::ColumnCount => {
            let value = format!("CAST({} AS DOUBLE)", input.columns.len());
            metric(check, value, "The number of columns".into(), "Dataset.*.ColumnCount".into())
        }
        RuleType::ColumnNamesMatchPattern => column_names(check, input)?,
        RuleType::RowCount => {
            let rows = measures.count(&conditions(check, None));
            metric(check, double(&rows), "The number of rows".into(), "Dataset.*.RowCount".into())
        }
        RuleType::Completeness | RuleType::IsComplete => completeness(check, input, measures)?,
        RuleType::ColumnValues | RuleType::ColumnLength | RuleType::ColumnDataType | RuleType::DataFreshness => {
            by_row(check, input, measures)?
        }
        RuleType::Uniqueness | RuleType::IsUnique | RuleType::IsPrimaryKey => uniqueness(check, input, measures)?,
        RuleType::UniqueValueRatio | RuleType::DistinctValuesCount | RuleType::Entropy => distinct(check, input, measures)?,
        RuleType::Mean | RuleType::Sum | RuleType::StandardDeviation => statistic(check, input, measures)?,
        RuleType::ColumnCorrelation => correlation(check, input, measures)?,
        RuleType::ReferentialIntegrity => referential_integrity(check, input, measures)?,
        RuleType::RowCountMatch => row_count_match(check, input, measures)?,
        RuleType::CustomSql => custom_sql(check, input, measures)?,
    };
    Ok(checked)
}

fn parameter(check: &Check, at: usize) -> &str {
    check.parameters.get(at).map_or("", String::as_str)
}

fn column<'a>(check: &Check, input: &Input<'a>, at: usize) -> Result<&'a Column> {
    find(input.columns, parameter(check, at), &check.place.to_string()).map_err(invalid)
}

fn columns(check: &Check, input: &Input<'_>) -> Result<Vec<String>> {
    (0..check.parameters.len()).map(|at| Ok(identifier(&column(check, input, at)?.name))).collect()
}

fn double(count: &str) -> String {
    format!("CAST({count} AS DOUBLE)")
}

/// The filter and the condition of a check, where it has them.
fn conditions(check: &Check, condition: Option<String>) -> Vec<String> {
    check.filter.clone().into_iter().chain(condition).collect()
}

/// A share; nothing where there is nothing to share.
fn share(part: &str, whole: &str) -> String {
    format!("CASE WHEN {whole} > 0 THEN CAST({part} AS DOUBLE) / {whole} END")
}

/// The condition's test of the value, or "all of it".
fn judged(condition: Option<&Condition>) -> (String, String) {
    match condition {
        Some(condition) => (numbers(VALUE, &condition.test), condition.text.clone()),
        None => (format!("{VALUE} = 1"), "1".into()),
    }
}

/// A check of one number by its condition.
fn metric(check: &Check, value: String, subject: String, metric: String) -> Checked {
    let (passed, expected) = judged(check.condition.as_ref());
    Checked { value, passed, metric: Some(metric), subject, expected, counts: None, instead: None }
}

fn column_exists(check: &Check, input: &Input<'_>) -> Checked {
    let wanted = parameter(check, 0);
    let exists = input.columns.iter().any(|column| column.name == wanted);
    let names: Vec<&str> = input.columns.iter().map(|column| column.name.as_str()).collect();
    let sentence = format!("Column \"{wanted}\" does not exist; {}", near::hint(wanted, &names));
    Checked {
        value: "CAST(NULL AS DOUBLE)".into(),
        passed: if exists { "TRUE" } else { "FALSE" }.into(),
        metric: None,
        subject: String::new(),
        expected: String::new(),
        counts: None,
        instead: Some(("TRUE".into(), sql::text(&sentence))),
    }
}

fn column_names(check: &Check, input: &Input<'_>) -> Result<Checked> {
    let regex = parameter(check, 0);
    sql::pattern(regex, &check.place.to_string()).map_err(invalid)?;
    let one = |column: &Column| format!("CASE WHEN regexp_like({}, {}) THEN 1 ELSE 0 END", sql::text(&column.name), whole(regex));
    let good: Vec<String> = input.columns.iter().map(one).collect();
    let (good, all) = (if good.is_empty() { "0".into() } else { good.join(" + ") }, input.columns.len().to_string());
    let subject = format!("The share of columns whose name matches \"{regex}\"");
    let checked = metric(check, share(&format!("({good})"), &all), subject, "Dataset.*.ColumnNamesPatternMatchRatio".into());
    Ok(checked)
}

fn completeness(check: &Check, input: &Input<'_>, measures: &mut Measures) -> Result<Checked> {
    let name = &column(check, input, 0)?.name;
    let all = measures.count(&conditions(check, None));
    let present = measures.count(&conditions(check, Some(format!("{} IS NOT NULL", identifier(name)))));
    let subject = format!("The completeness of column \"{name}\"");
    let checked = metric(check, share(&present, &all), subject, format!("Column.{name}.Completeness"));
    Ok(Checked { counts: Some((present, all)), ..checked })
}

/// Rules that every row passes or fails; without a threshold all have to pass.
fn by_row(check: &Check, input: &Input<'_>, measures: &mut Measures) -> Result<Checked> {
    let (column, rule) = (column(check, input, 0)?, check.rule_type.name());
    let Some(condition) = &check.condition else { return Err(refused(check.place, "a condition", "none")) };
    let values = Values { column, condition, now: input.now };
    let row = match check.rule_type {
        RuleType::ColumnLength => values.length()?,
        RuleType::DataFreshness => values.age()?,
        RuleType::ColumnDataType => values.data_type()?,
        _ => values.condition()?,
    };
    let all = measures.count(&conditions(check, None));
    let good = measures.count(&conditions(check, Some(row)));
    let (passed, expected) = judged(check.threshold.as_ref());
    Ok(Checked {
        value: share(&good, &all),
        passed,
        metric: Some(format!("Column.{}.{rule}.Compliance", column.name)),
        subject: format!("The share of rows that pass {rule} \"{}\" {}", column.name, condition.text),
        expected,
        counts: Some((good, all)),
        instead: None,
    })
}

/// `Column.x` or `Multicolumn.[x,y]`.
fn of_columns(check: &Check) -> String {
    match check.parameters.as_slice() {
        [only] => format!("Column.{only}"),
        many => format!("Multicolumn.[{}]", many.join(",")),
    }
}

fn named_columns(check: &Check) -> String {
    let names: Vec<String> = check.parameters.iter().map(|name| format!("\"{name}\"")).collect();
    format!("column{} {}", if names.len() > 1 { "s" } else { "" }, names.join(", "))
}

fn uniqueness(check: &Check, input: &Input<'_>, measures: &mut Measures) -> Result<Checked> {
    let names = columns(check, input)?;
    if let Some(nested) =
        check.parameters.iter().filter_map(|name| input.columns.iter().find(|c| c.name == *name)).find(|c| c.kind == Kind::Other)
    {
        let found = format!("column \"{}\", which holds {}", nested.name, nested.kind.words());
        return Err(refused(check.place, "a column of single values", &found));
    }
    let groups = measures.groups(&names, check.filter.clone());
    let subject = format!("The uniqueness of {}", named_columns(check));
    let checked = metric(check, share(&groups.unique, &groups.values), subject, format!("{}.Uniqueness", of_columns(check)));
    let checked = Checked { counts: Some((groups.unique, groups.values)), ..checked };
    if check.rule_type != RuleType::IsPrimaryKey {
        return Ok(checked);
    }
    let all = measures.count(&conditions(check, None));
    let present: Vec<String> = names.iter().map(|name| format!("{name} IS NOT NULL")).collect();
    let present = measures.count(&conditions(check, Some(present.join(" AND "))));
    let lacking = sql::text(&format!(" rows have no value in {}, which a primary key needs.", named_columns(check)));
    let sentence = format!("CAST({all} - {present} AS VARCHAR) || ' of ' || CAST({all} AS VARCHAR) || {lacking}");
    Ok(Checked {
        passed: format!("({} AND {present} = {all})", checked.passed),
        instead: Some((format!("{present} < {all}"), sentence)),
        ..checked
    })
}

fn distinct(check: &Check, input: &Input<'_>, measures: &mut Measures) -> Result<Checked> {
    let names = columns(check, input)?;
    if column(check, input, 0)?.kind == Kind::Other {
        return Err(refused(check.place, "a column of single values", &format!("column \"{}\"", parameter(check, 0))));
    }
    let groups = measures.groups(&names, check.filter.clone());
    let (value, words) = match check.rule_type {
        RuleType::UniqueValueRatio => (share(&groups.unique, &groups.distinct), "The share of values that occur once in"),
        RuleType::DistinctValuesCount => (double(&groups.distinct), "The number of distinct values of"),
        _ => {
            // One value alone is exactly 0, which rounding would miss.
            let (values, n_ln_n, distinct) = (&groups.values, &groups.n_ln_n, &groups.distinct);
            let entropy = format!("LN(CAST({values} AS DOUBLE)) - {n_ln_n} / CAST({values} AS DOUBLE)");
            (format!("CASE WHEN {distinct} = 1 THEN 0.0 WHEN {distinct} > 1 THEN {entropy} END"), "The entropy of")
        }
    };
    Ok(metric(check, value, format!("{words} {}", named_columns(check)), format!("{}.{}", of_columns(check), check.rule_type.name())))
}

/// The column as a number where the filter lets the row through.
fn number(check: &Check, input: &Input<'_>, at: usize) -> Result<String> {
    let column = column(check, input, at)?;
    if column.kind != Kind::Number {
        let found = format!("\"{}\", which holds {}", column.name, column.kind.words());
        return Err(refused(check.place, &format!("a column of numbers after `{}`", check.rule_type.name()), &found));
    }
    let value = double(&identifier(&column.name));
    Ok(match &check.filter {
        Some(filter) => format!("CASE WHEN {filter} THEN {value} END"),
        None => value,
    })
}

/// NaN is nothing: engines do not agree on how it compares.
fn no_nan(value: &str) -> String {
    format!("NULLIF({value}, CAST('NaN' AS DOUBLE))")
}

fn statistic(check: &Check, input: &Input<'_>, measures: &mut Measures) -> Result<Checked> {
    let (function, words) = match check.rule_type {
        RuleType::Mean => ("AVG", "The mean of"),
        RuleType::Sum => ("SUM", "The sum of"),
        _ => ("STDDEV_POP", "The standard deviation of"),
    };
    let measure = measures.aggregate(format!("{function}({})", number(check, input, 0)?));
    let subject = format!("{words} {}", named_columns(check));
    Ok(metric(check, no_nan(&measure), subject, format!("{}.{}", of_columns(check), check.rule_type.name())))
}

fn correlation(check: &Check, input: &Input<'_>, measures: &mut Measures) -> Result<Checked> {
    let measure = measures.aggregate(format!("CORR({}, {})", number(check, input, 0)?, number(check, input, 1)?));
    let subject = format!("The correlation of {}", named_columns(check));
    Ok(metric(check, no_nan(&measure), subject, format!("{}.ColumnCorrelation", of_columns(check))))
}

/// The CTE of an alias.
fn reference<'a>(check: &Check, input: &Input<'a>, alias: &str) -> Result<&'a str> {
    input.references.get(alias).map(String::as_str).ok_or_else(|| {
        let names: Vec<&str> = input.references.keys().map(String::as_str).collect();
        let found = format!("{}: expected the alias of another input, found \"{alias}\"; {}", check.place, near::hint(alias, &names));
        invalid(Error::invalid_input(found))
    })
}

/// `"a,b"` with `"reference.{x,y}"`, or `"a"` with `"reference.x"`.
fn referential_integrity(check: &Check, input: &Input<'_>, measures: &mut Measures) -> Result<Checked> {
    let (ours, theirs) = (parameter(check, 0), parameter(check, 1));
    let wrong = || refused(check.place, "the other input as \"alias.column\" or \"alias.{column,column}\"", &format!("\"{theirs}\""));
    let (alias, theirs) = theirs.split_once('.').ok_or_else(wrong)?;
    let theirs = theirs.strip_prefix('{').map_or(Some(theirs), |inner| inner.strip_suffix('}')).ok_or_else(wrong)?;
    let (ours, theirs): (Vec<&str>, Vec<&str>) = (ours.split(',').map(str::trim).collect(), theirs.split(',').map(str::trim).collect());
    if ours.len() != theirs.len() || theirs.contains(&"") {
        return Err(refused(check.place, &format!("{} columns of \"{alias}\"", ours.len()), &theirs.len().to_string()));
    }
    let mut pairs = Vec::new();
    for (our, their) in ours.iter().zip(&theirs) {
        pairs.push((identifier(&find(input.columns, our, &check.place.to_string()).map_err(invalid)?.name), identifier(their)));
    }
    let table = reference(check, input, alias)?;
    let (all, matched) = measures.matches(&pairs, table, check.filter.clone());
    let subject = format!("The share of rows whose {} occurs in \"{alias}\"", ours.join(", "));
    let checked = metric(check, share(&matched, &all), subject, format!("Column.{alias}.ReferentialIntegrity"));
    Ok(Checked { counts: Some((matched, all)), ..checked })
}

fn row_count_match(check: &Check, input: &Input<'_>, measures: &mut Measures) -> Result<Checked> {
    let alias = parameter(check, 0);
    let theirs = measures.reference_rows(reference(check, input, alias)?);
    let ours = measures.count(&conditions(check, None));
    let subject = format!("The number of rows divided by that of \"{alias}\"");
    Ok(metric(check, share(&ours, &theirs), subject, format!("Dataset.{alias}.RowCountMatch")))
}

/// With a condition the SQL gives one number. Without one the rows that it gives are those that pass.
fn custom_sql(check: &Check, input: &Input<'_>, measures: &mut Measures) -> Result<Checked> {
    let query = parameter(check, 0).trim();
    let checked = sql::parenthesised(&sql::checked(query, &format!("{}: CustomSql", check.place)).map_err(invalid)?);
    let first = query.split_whitespace().next().unwrap_or_default().to_lowercase();
    if !matches!(first.as_str(), "select" | "with") {
        return Err(refused(check.place, "SQL that begins with SELECT or WITH", &format!("`{first}`")));
    }
    for alias in input.references.keys() {
        if alias == "primary" {
            return Err(refused(check.place, "an alias other than `primary`, which is the input", "`primary`"));
        }
    }
    let subject = format!("The result of the SQL \"{query}\"");
    if check.condition.is_some() {
        let (rows, value) = measures.custom(&checked, true);
        let checked = metric(check, format!("CASE WHEN {rows} = 1 THEN {value} END"), subject, "Dataset.*.CustomSQL".into());
        let sentence = format!("'The SQL gave ' || CAST({rows} AS VARCHAR) || ' rows, expected one number.'");
        return Ok(Checked { instead: Some((format!("{rows} <> 1"), sentence)), ..checked });
    }
    let (rows, _) = measures.custom(&checked, false);
    let all = measures.count(&[]);
    let (passed, expected) = judged(check.threshold.as_ref());
    Ok(Checked {
        value: share(&rows, &all),
        passed,
        metric: Some("Dataset.*.CustomSQL.Compliance".into()),
        subject: format!("The share of rows that the SQL \"{query}\" gives"),
        expected,
        counts: Some((rows, all)),
        instead: None,
    })
}
