//! What the making of SQL asks of an engine.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use async_trait::async_trait;
use catalog::{Table, hive};
use codegen::Column;
use domain::{Error, Result};
use futures::StreamExt;

use crate::arguments::{Arguments, substitute};
use crate::engine::{Engine, Means, SqlQuery, Window};

/// How tables are looked into where SQL depends on what is in them: as whoever runs the SQL reads them. What is not read decides nothing.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub means: Means,
    /// As [`SqlQuery`] has them.
    pub windows: BTreeMap<String, Window>,
    pub sample_rows: Option<u64>,
}

impl Look {
    /// Sees all rows.
    pub fn whole(means: Means) -> Self {
        Self { means, windows: BTreeMap::new(), sample_rows: None }
    }

    /// The query of what is seen.
    pub fn through(&self, query: SqlQuery) -> SqlQuery {
        SqlQuery { windows: self.windows.clone(), sample_rows: self.sample_rows, ..query }
    }
}

/// Answers from the tables' columns; from their rows only with a look.
pub(crate) struct Planner<'a> {
    pub engine: &'a dyn Engine,
    /// Beside the catalogue's.
    pub tables: &'a [Table],
    /// Filled into the text.
    pub arguments: &'a Arguments,
    pub look: Option<Look>,
    /// Seconds since 1970.
    pub now: i64,
}

const PLAIN: FormatOptions<'static> = FormatOptions::new();

impl Planner<'_> {
    pub fn query(&self, sql: &str) -> Result<SqlQuery> {
        let query = SqlQuery { tables: self.tables.to_vec(), ..SqlQuery::new(substitute(sql, self.arguments)?) };
        Ok(match &self.look {
            Some(look) => look.through(query),
            None => query,
        })
    }
}

#[async_trait]
impl codegen::Planner for Planner<'_> {
    async fn columns(&self, sql: &str) -> Result<Vec<Column>> {
        let schema = self.engine.columns(&self.query(sql)?).await?;
        let columns = hive::columns(&schema).into_iter();
        Ok(columns.map(|column| Column { name: column.name, data_type: column.data_type }).collect())
    }

    fn now(&self) -> i64 {
        self.now
    }

    async fn rows(&self, sql: &str) -> Result<Option<Vec<Vec<Option<String>>>>> {
        let Some(look) = &self.look else { return Ok(None) };
        let mut batches = self.engine.rows(self.query(sql)?, look.means.clone()).await?.batches;
        let mut rows = Vec::new();
        while let Some(batch) = batches.next().await.transpose()? {
            let columns: Vec<ArrayFormatter<'_>> = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column.as_ref(), &PLAIN))
                .collect::<Result<_, _>>()
                .map_err(|e| Error::internal("What a query found out cannot be shown.").source(e))?;
            for row in 0..batch.num_rows() {
                let cell = |(column, text): (&ArrayRef, &ArrayFormatter<'_>)| column.is_valid(row).then(|| text.value(row).to_string());
                rows.push(batch.columns().iter().zip(&columns).map(cell).collect());
            }
        }
        Ok(Some(rows))
    }
}
