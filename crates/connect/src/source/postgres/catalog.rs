//! Tables and columns out of pg_catalog: one query, whatever the number of tables.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Field, Float64Type, Int64Type, Schema, SchemaRef};
use domain::{Error, Result};
use sqlx::postgres::PgConnection;

use super::connect::Connector;
use super::copy::{self, Reading};
use super::sql::literal;
use super::types::Kind;
use crate::diagnosis::{PERMISSION_DENIED, TABLE_GONE};
use crate::source::{COMMENT, DEFAULT_BATCH_ROWS, Description, NATIVE_TYPE, TablePath};

/// Above this many tables, all of their schemas are described at once instead of naming each. Naming 1,000 of 17,000 takes a tenth of
/// the time of describing all, naming 17,000 one and a half times as long.
const NAMED_TABLES: usize = 5000;

/// A table as the catalogue has it, with what is needed to read it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    pub path: TablePath,
    pub is_view: bool,
    pub comment: Option<String>,
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
    pub primary_key: Vec<String>,
    pub columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub name: String,
    /// `character varying(20)`
    pub native: String,
    pub comment: Option<String>,
    pub kind: Kind,
    /// `=` compares the bytes: its collation is deterministic.
    pub bytewise: bool,
}

impl Shape {
    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(Column::field).collect::<Vec<_>>()))
    }

    pub(crate) fn description(&self) -> Description {
        Description {
            schema: self.schema(),
            is_view: self.is_view,
            comment: self.comment.clone(),
            rows: self.rows,
            bytes: self.bytes,
            primary_key: self.primary_key.clone(),
        }
    }

    /// Fails naming the columns that there are.
    pub(crate) fn column(&self, name: &str) -> Result<&Column> {
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
            Error::not_found(format!("Column {name:?} of table {} (it has: {})", self.path, names.join(", ")))
        })
    }
}

impl Column {
    pub(crate) fn field(&self) -> Field {
        let mut metadata = HashMap::from([(NATIVE_TYPE.to_owned(), self.native.clone())]);
        if let Some(comment) = &self.comment {
            metadata.insert(COMMENT.into(), comment.clone());
        }
        Field::new(&self.name, self.kind.data_type(), true).with_metadata(metadata)
    }
}

/// Tables that a user made: no catalogue, no temporary table, no part of a partitioned table (the whole stands for it).
const USERS_TABLES: &str = "c.relkind IN ('r', 'v', 'm', 'p', 'f') AND NOT c.relispartition AND n.nspname <> 'information_schema'
  AND n.nspname !~ '^pg_' AND has_schema_privilege(n.oid, 'USAGE')";

/// Every table in a schema that the user may enter, by name.
pub(crate) async fn tables(connector: &Connector, connection: &mut Option<PgConnection>) -> Result<Vec<TablePath>> {
    let select = format!("SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {USERS_TABLES}");
    let batches = ask(connector, connection, select, "listing tables", &[("schema", Kind::Label), ("table", Kind::Label)]).await?;
    let mut tables: Vec<TablePath> = Vec::new();
    for batch in &batches {
        tables.extend((0..batch.num_rows()).map(|row| path(connector, &text(batch, 0, row), &text(batch, 1, row))));
    }
    tables.sort_unstable();
    Ok(tables)
}

/// One answer for each table, in their order.
pub(crate) async fn describe(
    connector: &Connector,
    connection: &mut Option<PgConnection>,
    tables: &[TablePath],
) -> Result<Vec<Result<Shape>>> {
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let select = format!("{COLUMNS} WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND {} ORDER BY c.oid, a.attnum", chosen(tables));
    let batches = ask(connector, connection, select, "describing tables", ANSWER).await?;
    let mut found: HashMap<TablePath, Found> = HashMap::new();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let path = path(connector, &text(batch, 0, row), &text(batch, 1, row));
            found.entry(path.clone()).or_insert_with(|| Found::new(path, batch, row)).add(batch, row);
        }
    }
    Ok(tables.iter().map(|table| found.get(table).ok_or_else(|| gone(table)).and_then(Found::shape)).collect())
}

/// What is known of one table.
pub(crate) async fn shape(connector: &Connector, connection: &mut Option<PgConnection>, table: &TablePath) -> Result<Shape> {
    let described = describe(connector, connection, std::slice::from_ref(table)).await?.pop();
    described.unwrap_or_else(|| Err(gone(table)))
}

pub(crate) fn gone(table: &TablePath) -> Error {
    Error::not_found(format!("Table {table}")).code(TABLE_GONE)
}

fn path(connector: &Connector, schema: &str, table: &str) -> TablePath {
    TablePath { database: Some(connector.database().into()), schema: Some(schema.into()), table: table.into() }
}

/// These tables and perhaps some more of the same names or schemas: lists of names are looked up faster than lists of pairs.
fn chosen(tables: &[TablePath]) -> String {
    let listed = |names: Vec<&str>| names.into_iter().collect::<BTreeSet<_>>().into_iter().map(literal).collect::<Vec<_>>().join(", ");
    let schemas = listed(tables.iter().map(|table| table.schema.as_deref().unwrap_or("public")).collect());
    if tables.len() > NAMED_TABLES {
        return format!("n.nspname IN ({schemas})");
    }
    format!("n.nspname IN ({schemas}) AND c.relname IN ({})", listed(tables.iter().map(|table| table.table.as_str()).collect()))
}

/// The columns of [`COLUMNS`].
const ANSWER: &[(&str, Kind)] = &[
    ("schema", Kind::Label),
    ("table", Kind::Label),
    ("relkind", Kind::Text),
    ("comment", Kind::Text),
    ("rows", Kind::Float64),
    ("bytes", Kind::Int64),
    ("readable", Kind::Boolean),
    ("column", Kind::Label),
    ("native", Kind::Text),
    ("remark", Kind::Text),
    ("oid", Kind::Oid),
    ("typmod", Kind::Int64),
    ("enum", Kind::Boolean),
    ("item", Kind::Oid),
    ("item_enum", Kind::Boolean),
    ("dimensions", Kind::Int64),
    ("bytewise", Kind::Boolean),
    ("key", Kind::Int64),
];

/// A row for each column that may be read, or one without a column. Domains are followed to what they are of.
const COLUMNS: &str = "
WITH RECURSIVE base AS (
  SELECT oid, typbasetype AS type, typtypmod AS typmod FROM pg_type WHERE typtype = 'd'
  UNION ALL
  SELECT b.oid, t.typbasetype, CASE WHEN b.typmod = -1 THEN t.typtypmod ELSE b.typmod END FROM base b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd'
), domain AS (
  SELECT b.oid, b.type, b.typmod FROM base b JOIN pg_type t ON t.oid = b.type WHERE t.typtype <> 'd'
)
SELECT n.nspname, c.relname, c.relkind::text, td.description, c.reltuples::float8,
  c.relpages::int8 * current_setting('block_size')::int8,
  has_schema_privilege(n.oid, 'USAGE') AND (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT')),
  a.attname, format_type(a.atttypid, a.atttypmod), cd.description,
  t.oid, (CASE WHEN a.atttypmod <> -1 THEN a.atttypmod ELSE coalesce(di.typmod, dt.typmod, -1) END)::int8, t.typtype = 'e',
  i.oid, i.typtype = 'e', a.attndims::int8, coalesce(co.collisdeterministic, true),
  CASE WHEN array_position(x.indkey::int2[], a.attnum) < x.indnkeyatts THEN array_position(x.indkey::int2[], a.attnum) END::int8
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  AND (has_table_privilege(c.oid, 'SELECT') OR has_column_privilege(c.oid, a.attnum, 'SELECT'))
LEFT JOIN domain dt ON dt.oid = a.atttypid
LEFT JOIN pg_type t ON t.oid = coalesce(dt.type, a.atttypid)
LEFT JOIN domain di ON di.oid = t.typelem AND t.typcategory = 'A'
LEFT JOIN pg_type i ON i.oid = coalesce(di.type, t.typelem) AND t.typcategory = 'A'
LEFT JOIN pg_collation co ON co.oid = a.attcollation
LEFT JOIN pg_index x ON x.indrelid = c.oid AND x.indisprimary
LEFT JOIN pg_description td ON td.objoid = c.oid AND td.classoid = 'pg_class'::regclass AND td.objsubid = 0
LEFT JOIN pg_description cd ON cd.objoid = c.oid AND cd.classoid = 'pg_class'::regclass AND cd.objsubid = a.attnum AND a.attnum > 0";

/// A table while its rows of the answer are read.
struct Found {
    shape: Shape,
    readable: bool,
    key: Vec<(i64, String)>,
}

impl Found {
    fn new(path: TablePath, batch: &RecordBatch, row: usize) -> Self {
        let kind = text(batch, 2, row);
        let is_view = kind == "v";
        let rows = batch.column(4).as_primitive::<Float64Type>().value(row);
        let bytes = u64::try_from(number(batch, 5, row).unwrap_or(0)).unwrap_or(0);
        // Views have no statistics, others since somebody ran ANALYZE: "never" is -1, before PostgreSQL 14 nothing in no bytes.
        let known = !is_view && (rows > 0.0 || (rows == 0.0 && bytes > 0));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate, not below zero")]
        let shape = Shape {
            path,
            is_view: is_view || kind == "m",
            comment: optional(batch, 3, row),
            rows: known.then_some(rows as u64),
            bytes: (known && bytes > 0).then_some(bytes),
            primary_key: Vec::new(),
            columns: Vec::new(),
        };
        // A table without columns may be read by whoever may read it; there is nothing to be refused.
        Self { shape, readable: flag(batch, 6, row), key: Vec::new() }
    }

    fn add(&mut self, batch: &RecordBatch, row: usize) {
        let Some(name) = optional(batch, 7, row) else { return };
        let typmod = number(batch, 11, row).and_then(|typmod| i32::try_from(typmod).ok()).unwrap_or(-1);
        let oid = |column| number(batch, column, row).and_then(|oid| u32::try_from(oid).ok());
        let kind = match oid(13) {
            Some(item) if number(batch, 15, row).unwrap_or(0) <= 1 => Kind::list(Kind::scalar(item, typmod, flag(batch, 14, row))),
            Some(_) => Kind::Other,
            None => Kind::scalar(oid(10).unwrap_or(0), typmod, flag(batch, 12, row)),
        };
        if let Some(position) = number(batch, 17, row) {
            self.key.push((position, name.clone()));
        }
        let (native, comment) = (text(batch, 8, row), optional(batch, 9, row));
        self.shape.columns.push(Column { name, native, comment, kind, bytewise: flag(batch, 16, row) });
    }

    fn shape(&self) -> Result<Shape> {
        if !self.readable {
            return Err(Error::invalid_input(format!(
                "The user may not read table {} (SELECT on it or USAGE of its schema is not granted).",
                self.shape.path
            ))
            .code(PERMISSION_DENIED));
        }
        let mut key = self.key.clone();
        key.sort_unstable();
        Ok(Shape { primary_key: key.into_iter().map(|(_, name)| name).collect(), ..self.shape.clone() })
    }
}

/// A SELECT of ours with a short answer.
pub(crate) async fn ask(
    connector: &Connector,
    connection: &mut Option<PgConnection>,
    select: String,
    what: &str,
    columns: &[(&str, Kind)],
) -> Result<Vec<RecordBatch>> {
    let fields: Vec<Field> = columns.iter().map(|(name, kind)| Field::new(*name, kind.data_type(), true)).collect();
    let kinds = columns.iter().map(|(_, kind)| kind.clone()).collect();
    let schema = Arc::new(Schema::new(fields));
    let reading = Reading { select, kinds, schema, target: None, what: what.into(), batch_rows: DEFAULT_BATCH_ROWS };
    copy::collect(connector, connection, reading).await
}

pub(crate) fn optional(batch: &RecordBatch, column: usize, row: usize) -> Option<String> {
    let column = batch.column(column).as_string::<i32>();
    column.is_valid(row).then(|| column.value(row).to_owned())
}

pub(crate) fn text(batch: &RecordBatch, column: usize, row: usize) -> String {
    optional(batch, column, row).unwrap_or_default()
}

pub(crate) fn number(batch: &RecordBatch, column: usize, row: usize) -> Option<i64> {
    let column = batch.column(column).as_primitive::<Int64Type>();
    column.is_valid(row).then(|| column.value(row))
}

fn flag(batch: &RecordBatch, column: usize, row: usize) -> bool {
    let column = batch.column(column).as_boolean();
    column.is_valid(row) && column.value(row)
}
