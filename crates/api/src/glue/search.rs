//! Search over the tables of all databases.

use std::sync::Arc;

use catalog::{TableFilter, TableOrder, TableSearch};
use domain::Result;
use serde::Deserialize;

use super::tables::view;
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Filter {
    key: String,
    value: String,
    comparator: String,
}

impl Default for Filter {
    fn default() -> Self {
        Self { key: String::new(), value: String::new(), comparator: "EQUALS".into() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Criterion {
    field_name: String,
    #[serde(default)]
    sort: Direction,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum Direction {
    #[default]
    Asc,
    Desc,
}

/// By database and name unless SortCriteria says otherwise.
pub(crate) async fn tables(app: Arc<App>, input: Input) -> Result<Answer> {
    let search = TableSearch { text: input.optional_text("SearchText")?.map(Into::into), filters: filters(&input)? };
    let Some((order, descending)) = order(&input)? else {
        let found = app.catalog.search_tables(&search, &paging::range(&input)?).await?;
        let items = found.items.iter().map(|table| view(&app, table).map(Into::into)).collect::<Result<_>>()?;
        return Ok(paging::ranged(&input, "TableList", items, found.next));
    };
    let mut items = Vec::new();
    for table in app.catalog.search_tables_sorted(&search, order, descending).await? {
        items.push((format!("{}/{}", table.database_name, table.name), view(&app, &table)?.into()));
    }
    paging::glue(&input, "TableList", items)
}

fn filters(input: &Input) -> Result<Vec<TableFilter>> {
    if input.get("Filters").is_none() {
        return Ok(Vec::new());
    }
    let filters: Vec<Filter> = input.member("Filters")?;
    Ok(filters.into_iter().map(|Filter { key, value, comparator }| TableFilter { key, value, comparator }).collect())
}

fn order(input: &Input) -> Result<Option<(TableOrder, bool)>> {
    if input.get("SortCriteria").is_none() {
        return Ok(None);
    }
    let criteria: Vec<Criterion> = input.member("SortCriteria")?;
    match &criteria[..] {
        [] => Ok(None),
        [one] => Ok(Some((TableOrder::of(&one.field_name)?, one.sort == Direction::Desc))),
        more => Err(input.error(format!("takes one of \"SortCriteria\"; found {}.", more.len()))),
    }
}
