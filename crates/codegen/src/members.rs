//! The members of the transforms, as Glue names them; what only we have is said at the member.

use serde::Deserialize;
use serde_json::Value;

/// A column, or a member of a struct within it: the names from the outside in.
pub(crate) type Path = Vec<String>;

/// What a transform does.
#[derive(Debug, Clone)]
pub(crate) enum Transform {
    ApplyMapping(ApplyMapping),
    SelectFields(Paths),
    DropFields(Paths),
    RenameField(RenameField),
    Spigot(Spigot),
    Join(Join),
    SplitFields(Paths),
    SelectFromCollection(SelectFromCollection),
    FillMissingValues(FillMissingValues),
    Filter(Filter),
    SparkSql(SparkSql),
    DropNullFields(DropNullFields),
    Merge(Merge),
    Union(Union),
    /// Read by the module that compiles it: its members as they stand.
    PiiDetection(Value),
    Aggregate(Aggregate),
    DropDuplicates(DropDuplicates),
    Route(Route),
    EvaluateDataQuality(EvaluateDataQuality),
    EvaluateDataQualityMultiFrame(EvaluateDataQualityMultiFrame),
    Flatten(Flatten),
    Relationalize(Relationalize),
    Pivot(Pivot),
    Unpivot(Unpivot),
    CustomFunction(CustomFunction),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct ApplyMapping {
    pub mapping: Vec<Mapping>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Mapping {
    pub to_key: Option<String>,
    #[serde(default)]
    pub from_path: Path,
    /// What the column was when the job was written. Not asked: the column's own type is known.
    #[serde(rename = "FromType")]
    pub _from_type: Option<String>,
    pub to_type: Option<String>,
    #[serde(default)]
    pub dropped: bool,
    #[serde(default)]
    pub children: Vec<Mapping>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Paths {
    pub paths: Vec<Path>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct RenameField {
    pub source_path: Path,
    pub target_path: Path,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Spigot {
    pub path: String,
    pub topk: Option<u32>,
    pub prob: Option<f64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Join {
    pub join_type: JoinType,
    pub columns: Vec<JoinColumn>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JoinType {
    Equijoin,
    Left,
    Right,
    Outer,
    LeftSemi,
    LeftAnti,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct JoinColumn {
    pub from: String,
    pub keys: Vec<Path>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct SelectFromCollection {
    pub index: Option<usize>,
    /// Ours: the output's name, in place of its index.
    pub key: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct FillMissingValues {
    pub imputed_path: String,
    pub filled_path: Option<String>,
    /// Ours: how a missing value is found.
    pub rule: Option<FillRule>,
    /// Ours, for the rule `constant`.
    pub value: Option<Value>,
    /// Ours, for the rule `previous`: the columns that say what comes before.
    #[serde(default)]
    pub order_by: Vec<Path>,
    /// Ours: the statistic of the row's own group.
    #[serde(default)]
    pub group_by: Vec<Path>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FillRule {
    Constant,
    Mean,
    Median,
    Mode,
    Previous,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Filter {
    pub logical_operator: LogicalOperator,
    pub filters: Vec<FilterExpression>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum LogicalOperator {
    And,
    Or,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct FilterExpression {
    pub operation: Operation,
    #[serde(default)]
    pub negated: bool,
    pub values: Vec<FilterValue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Operation {
    Eq,
    Lt,
    Gt,
    Lte,
    Gte,
    Regex,
    IsNull,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct FilterValue {
    #[serde(rename = "Type")]
    pub kind: FilterValueKind,
    pub value: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum FilterValueKind {
    ColumnExtracted,
    Constant,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct SparkSql {
    pub sql_query: String,
    pub sql_aliases: Vec<SqlAlias>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct SqlAlias {
    pub from: String,
    pub alias: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct DropNullFields {
    #[serde(default)]
    pub null_check_box_list: NullCheckBoxList,
    #[serde(default)]
    pub null_text_list: Vec<NullValueField>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct NullCheckBoxList {
    #[serde(default)]
    pub is_empty: bool,
    #[serde(default)]
    pub is_null_string: bool,
    #[serde(default)]
    pub is_neg_one: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct NullValueField {
    pub value: String,
    pub datatype: Datatype,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Datatype {
    pub id: String,
    #[serde(rename = "Label")]
    pub _label: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Merge {
    pub source: String,
    pub primary_keys: Vec<Path>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Union {
    pub union_type: UnionType,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum UnionType {
    All,
    Distinct,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Aggregate {
    #[serde(default)]
    pub groups: Vec<Path>,
    pub aggs: Vec<Aggregation>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Aggregation {
    pub column: Path,
    pub agg_func: AggFunc,
    /// Ours: the result's name, in place of Glue's `avg(column)`.
    pub alias: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum AggFunc {
    #[serde(rename = "avg")]
    Avg,
    #[serde(rename = "countDistinct")]
    CountDistinct,
    #[serde(rename = "count")]
    Count,
    #[serde(rename = "first")]
    First,
    #[serde(rename = "last")]
    Last,
    #[serde(rename = "kurtosis")]
    Kurtosis,
    #[serde(rename = "max")]
    Max,
    #[serde(rename = "min")]
    Min,
    #[serde(rename = "skewness")]
    Skewness,
    #[serde(rename = "stddev_samp")]
    StddevSamp,
    #[serde(rename = "stddev_pop")]
    StddevPop,
    #[serde(rename = "sum")]
    Sum,
    #[serde(rename = "sumDistinct")]
    SumDistinct,
    #[serde(rename = "var_samp")]
    VarSamp,
    #[serde(rename = "var_pop")]
    VarPop,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct DropDuplicates {
    #[serde(default)]
    pub columns: Vec<Path>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Route {
    pub group_filters_list: Vec<GroupFilters>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct GroupFilters {
    pub group_name: String,
    pub filters: Vec<FilterExpression>,
    pub logical_operator: LogicalOperator,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct EvaluateDataQuality {
    pub ruleset: String,
    #[serde(default)]
    pub output: DataQualityOutput,
    #[serde(default)]
    pub publishing_options: Value,
    #[serde(default)]
    pub stop_job_on_failure_options: StopOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) enum DataQualityOutput {
    #[default]
    PrimaryInput,
    EvaluationResults,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct StopOptions {
    pub stop_job_on_failure_timing: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct EvaluateDataQualityMultiFrame {
    pub ruleset: String,
    /// Alias to node id, for all inputs but the first.
    #[serde(default)]
    pub additional_data_sources: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    pub publishing_options: Value,
    /// How Glue is to run it; the result is the same.
    #[serde(default, rename = "AdditionalOptions")]
    pub _additional_options: Value,
    #[serde(default)]
    pub stop_job_on_failure_options: StopOptions,
}

/// Ours: members of structs become columns.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Flatten {
    #[serde(default = "underscore")]
    pub separator: String,
    /// Only these columns; all where there are none.
    #[serde(default)]
    pub paths: Vec<Path>,
}

fn underscore() -> String {
    "_".to_owned()
}

/// Ours: a table for the rows and one for each list in them, as Glue's `Relationalize.apply`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Relationalize {
    #[serde(default = "root")]
    pub root_table_name: String,
    /// The columns that number the rows; all columns where there are none.
    #[serde(default)]
    pub keys: Vec<Path>,
}

fn root() -> String {
    "root".to_owned()
}

/// Ours: values of a column become columns.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Pivot {
    #[serde(default)]
    pub groups: Vec<Path>,
    pub pivot_column: Path,
    pub values: Vec<String>,
    pub aggs: Vec<Aggregation>,
}

/// Ours: columns become rows.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Unpivot {
    pub columns: Vec<Path>,
    #[serde(default = "name")]
    pub name_column: String,
    #[serde(default = "value")]
    pub value_column: String,
    #[serde(default)]
    pub keep_nulls: bool,
}

fn name() -> String {
    "name".to_owned()
}

fn value() -> String {
    "value".to_owned()
}

/// Ours: new columns from SQL expressions.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct CustomFunction {
    pub columns: Vec<Computed>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Computed {
    pub name: String,
    pub expression: String,
}
