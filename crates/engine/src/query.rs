//! From SQL text to a plan over the tables that the catalogue knows.

use std::collections::HashMap;
use std::sync::Arc;

use catalog::{Catalog, FileLayout, Table, hive};
use connect::{Connection, Source};
use datafusion::catalog::{MemorySchemaProvider, TableProvider};
use datafusion::common::TableReference;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::Statement as Ast;
use domain::{Error, Result, near};
use etl::{SqlQuery, Tally, Window};

use crate::failure::ours;
use crate::files::FileTable;
use crate::problems::Problems;
use crate::source_table::SourceTable;

/// A query, ready to be planned.
pub(crate) struct Query {
    frame: DataFrame,
    pub problems: Problems,
}

/// Finds the tables that the text names, opens them, and understands the text over them. What comes out of them is told the tally.
///
/// # Errors
/// `InvalidInput` for text that is not one SELECT, and for tables and columns that are not there, with near names.
pub(crate) async fn understand(catalog: &Catalog, session: &SessionContext, query: &SqlQuery, tally: &Tally) -> Result<Query> {
    let statement = parse(&query.text)?;
    let database = query.database.as_deref();
    let (references, _) = resolve_table_references(&statement, false).map_err(|e| ours(&e))?;
    let mut opening = Opening::new(catalog, &query.tables);
    opening.tally = tally.clone();
    for reference in references {
        let Some(table) = opening.find(&reference, database).await? else {
            if is_function(session, &reference) {
                continue;
            }
            return Err(opening.unknown(&reference).await?);
        };
        let window = query.windows.get(&full_name(&table));
        let provider = opening.open(&table, window).await?;
        register(session, reference, part(session, provider, window, query.sample_rows)?)?;
    }
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let frame = session.sql_with_options(&query.text, options).await.map_err(|e| ours(&e))?;
    Ok(Query { frame, problems: opening.problems })
}

/// The part of the table that the query is to see, as a view of it.
fn part(
    session: &SessionContext,
    table: Arc<dyn TableProvider>,
    window: Option<&Window>,
    sample_rows: Option<u64>,
) -> Result<Arc<dyn TableProvider>> {
    let condition = match window {
        Some(Window::Where(condition)) => Some(condition),
        _ => None,
    };
    if condition.is_none() && sample_rows.is_none() {
        return Ok(table);
    }
    let mut frame = session.read_table(table).map_err(|e| ours(&e))?;
    if let Some(condition) = condition {
        let condition = frame.parse_sql_expr(condition).map_err(|e| ours(&e))?;
        frame = frame.filter(condition).map_err(|e| ours(&e))?;
    }
    if let Some(rows) = sample_rows {
        frame = frame.limit(0, usize::try_from(rows).ok()).map_err(|e| ours(&e))?;
    }
    Ok(frame.into_view())
}

impl Query {
    pub async fn plan(self) -> Result<Arc<dyn ExecutionPlan>> {
        self.frame.create_physical_plan().await.map_err(|e| ours(&e))
    }

    /// The columns of the result.
    pub fn schema(&self) -> &arrow::datatypes::Schema {
        self.frame.schema().as_arrow()
    }
}

/// `generate_series(1, 10)` stands where a table would.
pub(crate) fn is_function(session: &SessionContext, reference: &TableReference) -> bool {
    reference.schema().is_none() && session.state().table_functions().contains_key(&reference.table().to_lowercase())
}

pub(crate) fn parse(sql: &str) -> Result<Statement> {
    let mut statements = DFParser::parse_sql(sql).map_err(|e| ours(&e))?;
    let count = statements.len();
    match statements.pop_front() {
        Some(Statement::Statement(ast)) if count == 1 && matches!(*ast, Ast::Query(_)) => Ok(Statement::Statement(ast)),
        None => Err(Error::invalid_input("A job's query is one SELECT; found an empty text.")),
        Some(_) if count > 1 => Err(Error::invalid_input(format!("A job's query is one SELECT; found {count} statements."))),
        Some(other) => {
            let text = other.to_string();
            let word = text.split_whitespace().next().unwrap_or_default().to_owned();
            Err(Error::invalid_input(format!("A job's query is one SELECT; found {word}.")))
        }
    }
}

/// Makes the table known under the words with which the query names it.
pub(crate) fn register(session: &SessionContext, reference: TableReference, provider: Arc<dyn TableProvider>) -> Result<()> {
    let options = session.state().config_options().catalog.clone();
    let catalog = reference.catalog().unwrap_or(&options.default_catalog);
    let schema = reference.schema().unwrap_or(&options.default_schema);
    let catalog = match session.catalog(catalog) {
        Some(found) => found,
        None => {
            let made = Arc::new(datafusion::catalog::MemoryCatalogProvider::new());
            session.register_catalog(catalog, made.clone());
            made
        }
    };
    if catalog.schema(schema).is_none() {
        catalog.register_schema(schema, Arc::new(MemorySchemaProvider::new())).map_err(|e| ours(&e))?;
    }
    session.register_table(reference, provider).map(|_| ()).map_err(|e: DataFusionError| ours(&e))
}

/// Opens each table, and each source, once.
pub(crate) struct Opening<'a> {
    catalog: &'a Catalog,
    /// They win over the catalogue's of the same name.
    tables: &'a [Table],
    opened: HashMap<String, Arc<dyn TableProvider>>,
    sources: HashMap<String, Arc<dyn Source>>,
    tally: Tally,
    problems: Problems,
}

impl<'a> Opening<'a> {
    pub fn new(catalog: &'a Catalog, tables: &'a [Table]) -> Self {
        Self { catalog, tables, opened: HashMap::new(), sources: HashMap::new(), tally: Tally::default(), problems: Problems::default() }
    }

    /// The table behind `table`, `database.table` or `catalog.database.table`, in any case. A name without database, where
    /// the job names none either, is looked for in all databases.
    pub async fn find(&self, reference: &TableReference, database: Option<&str>) -> Result<Option<Table>> {
        let name = reference.table().to_lowercase();
        if let Some(database) = reference.schema().or(database) {
            let database = database.to_lowercase();
            if let Some(given) = self.tables.iter().find(|table| table.database_name == database && table.name == name) {
                return Ok(Some(given.clone()));
            }
            let key = Table::key_of(&database, &name);
            return Ok(self.catalog.store().find::<Table>(&key).await?.map(|stored| stored.value));
        }
        let mut same = self.all().await?.into_iter().filter(|table| table.name == name);
        match (same.next(), same.next()) {
            (Some(_), Some(_)) => {
                Err(Error::invalid_input(format!("The query reads table {name:?}, which several databases have; write database.{name}.")))
            }
            (found, _) => Ok(found),
        }
    }

    async fn all(&self) -> Result<Vec<Table>> {
        let known = self.catalog.store().list::<Table>().await?.into_iter().map(|stored| stored.value);
        let others = known.filter(|table| !self.tables.iter().any(|given| full_name(given) == full_name(table)));
        Ok(self.tables.iter().cloned().chain(others).collect())
    }

    /// The error for a table that is not there, with near names.
    pub async fn unknown(&self, reference: &TableReference) -> Result<Error> {
        let all = self.all().await?;
        let shown: Vec<String> = all.iter().map(full_name).collect();
        let known: Vec<(&str, &str)> = all.iter().zip(&shown).map(|(table, full)| (table.name.as_str(), full.as_str())).collect();
        Ok(Error::invalid_input(format!(
            "The query reads table \"{reference}\", which the catalogue does not have; {}",
            near::hint_of(reference.table(), &known)
        )))
    }

    /// The table, or those of its files that the window names.
    pub async fn open(&mut self, table: &Table, window: Option<&Window>) -> Result<Arc<dyn TableProvider>> {
        let name = full_name(table);
        if let Some(known) = self.opened.get(&name) {
            return Ok(known.clone());
        }
        let meter = self.tally.table(&name);
        let provider: Arc<dyn TableProvider> = match table.source() {
            Some((connection, path)) => {
                let source = self.source(connection).await?;
                let schema = hive::schema(table.columns())?;
                Arc::new(SourceTable::open(name.clone(), source, path, schema, meter).await?)
            }
            None => {
                FileLayout::of(table)?;
                let files = FileTable::open(table, self.catalog.table_files(table).await?, meter, self.problems.clone())?;
                Arc::new(match window {
                    Some(Window::Files(names)) => files.only(names)?,
                    _ => files,
                })
            }
        };
        self.opened.insert(name, provider.clone());
        Ok(provider)
    }

    async fn source(&mut self, connection: &str) -> Result<Arc<dyn Source>> {
        if let Some(known) = self.sources.get(connection) {
            return Ok(known.clone());
        }
        let found: Connection = self.catalog.get_connection(connection).await?.value;
        let source = self.catalog.sources().open(&found)?;
        self.sources.insert(connection.to_owned(), source.clone());
        Ok(source)
    }
}

pub(crate) fn full_name(table: &Table) -> String {
    format!("{}.{}", table.database_name, table.name)
}
