//! `penchant table`.

use std::path::Path;

use catalog::profile::{ColumnProfile, LooksLike};
use catalog::{Column, Page, Table, TableProfile, TableSearch};
use domain::{Error, Result};
use serde::Serialize;

use crate::commands::print_json;
use crate::commands::work::Working;
use crate::home::Home;
use crate::words;
use crate::words::say;

/// Tables shown at most; more are told by number.
const SHOWN: usize = 200;

pub async fn find(home: &Home, wanted: &[String], json: bool) -> Result<()> {
    let search = TableSearch { text: Some(wanted.join(" ")).filter(|text| !text.is_empty()), filters: Vec::new() };
    let found = home.catalog.search_tables(&search, &Page { after: String::new(), limit: SHOWN }).await?;
    if json {
        let plain: Vec<&Table> = found.items.iter().map(|stored| &stored.value).collect();
        return print_json(&plain);
    }
    let row = |table: &Table| {
        let parameter = |name: &str| table.parameters.get(name).cloned().unwrap_or_default();
        let names: Vec<&str> = table.columns().iter().chain(&table.partition_keys).map(|column| column.name.as_str()).collect();
        vec![format!("{}.{}", table.database_name, table.name), parameter("classification"), parameter("recordCount"), shortened(&names)]
    };
    let rows: Vec<Vec<String>> = found.items.iter().map(|table| row(table)).collect();
    say!("{}", words::table(&["table", "kind", "rows", "columns"], &rows));
    if found.next.is_some() {
        say!("The first {SHOWN}; more words find fewer.");
    }
    Ok(())
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(rename = "Table")]
    table: &'a Table,
    #[serde(rename = "Profile")]
    profile: Option<&'a TableProfile>,
}

pub async fn show(home: &Home, name: &str, json: bool) -> Result<()> {
    let (database, table) = split(name)?;
    let table = home.catalog.get_table(database, table).await?.value;
    let key = Table::key_of(&table.database_name, &table.name);
    let profile = home.catalog.store().find::<TableProfile>(&key).await?.map(|stored| stored.value);
    if json {
        return print_json(&Shown { table: &table, profile: profile.as_ref() });
    }
    say!("{name}: {} at {}", table.classification().unwrap_or("table"), table.location());
    if let Some(description) = &table.description {
        say!("{description}");
    }
    let found = |column: &Column| profile.as_ref().and_then(|profile| profile.columns.iter().find(|known| known.name == column.name));
    let rows: Vec<Vec<String>> =
        table.columns().iter().chain(&table.partition_keys).map(|column| described(column, found(column))).collect();
    match &profile {
        Some(profile) => {
            say!(
                "{}",
                words::table(&["column", "type", "nulls", "distinct", "smallest", "largest", "often", "looks like", "remark"], &rows)
            );
            let whole = if profile.is_complete { "all" } else { "the first" };
            say!("Figures over {whole} {} rows.", words::count(profile.sampled_rows));
        }
        None => {
            let rows: Vec<Vec<String>> = rows.into_iter().map(|row| vec![row[0].clone(), row[1].clone(), row[8].clone()]).collect();
            say!("{}", words::table(&["column", "type", "remark"], &rows));
            say!("Not profiled yet: penchant table profile {name}");
        }
    }
    Ok(())
}

pub async fn profile(folder: &Path, name: &str, json: bool) -> Result<()> {
    let (database, table) = split(name)?;
    let mut working = Working::open(folder).await?;
    let outcome = async {
        let run = working.home.catalog.start_profile(database, table).await?;
        working.wait_one(run).await
    }
    .await;
    let home = working.home.clone();
    working.end_with(outcome).await?;
    show(&home, name, json).await
}

fn split(name: &str) -> Result<(&str, &str)> {
    name.split_once('.').ok_or_else(|| Error::invalid_input(format!("Expected database.table; found {name:?}.")))
}

fn described(column: &Column, profile: Option<&ColumnProfile>) -> Vec<String> {
    let of = |text: &dyn Fn(&ColumnProfile) -> String| profile.map(text).unwrap_or_default();
    vec![
        column.name.clone(),
        column.data_type.clone(),
        of(&|profile| profile.nulls.to_string()),
        of(&|profile| format!("{}{}", if profile.distinct_is_exact { "" } else { "about " }, profile.distinct)),
        of(&|profile| cut(profile.min.as_deref().unwrap_or_default())),
        of(&|profile| cut(profile.max.as_deref().unwrap_or_default())),
        of(&|profile| profile.top.iter().take(3).map(|top| format!("{} ({})", cut(&top.value), top.count)).collect::<Vec<_>>().join(", ")),
        of(&|profile| profile.looks_like.map(look).unwrap_or_default()),
        column.comment.clone().unwrap_or_default(),
    ]
}

fn look(looks: LooksLike) -> String {
    let word = match looks {
        LooksLike::Id => "id",
        LooksLike::Email => "e-mail",
        LooksLike::Url => "URL",
        LooksLike::Timestamp => "time",
        LooksLike::Price => "price",
        LooksLike::Category => "category",
        LooksLike::FreeText => "free text",
        LooksLike::Flag => "flag",
    };
    word.to_owned()
}

fn cut(text: &str) -> String {
    const SHOWN: usize = 24;
    if text.chars().count() <= SHOWN { text.to_owned() } else { text.chars().take(SHOWN - 1).chain(['…']).collect() }
}

fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    let mut text = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(", … ({} in all)", names.len()));
    }
    text
}
