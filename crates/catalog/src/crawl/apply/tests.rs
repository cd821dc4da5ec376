#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn commented(source: &str) -> FoundTable {
    let mut table = Table { description: Some(source.into()), ..Table::default() };
    table.parameters.insert(SOURCE_COMMENT.into(), source.into());
    let mut column = Column::new("id", "bigint");
    column.comment = Some(source.into());
    column.parameters.insert(SOURCE_COMMENT.into(), source.into());
    table.storage_descriptor.columns = vec![column];
    FoundTable {
        name: "t".into(),
        table,
        partitions: Vec::new(),
        statistics: Parameters::new(),
        files: None,
        bytes: None,
        rows: None,
        reason: None,
    }
}

fn remarks(table: &Table) -> [Option<&str>; 2] {
    [table.description.as_deref(), table.columns()[0].comment.as_deref()]
}

#[test]
fn remarks_follow_the_source_until_a_user_writes_another() {
    let crawler = Crawler { name: "c".into(), database_name: "d".into(), ..Crawler::default() };
    let crawl = |source: &str, old: Option<&Table>| wanted(&crawler, "t", &commented(source), old, Columns::AsFound);
    let first = crawl("one", None);
    assert_eq!(remarks(&first), [Some("one"); 2]);
    let mut second = crawl("two", Some(&first));
    assert_eq!(remarks(&second), [Some("two"); 2], "the source says something else now");
    second.description = Some("mine".into());
    second.storage_descriptor.columns[0].comment = Some("my number".into());
    second.storage_descriptor.columns[0].parameters.insert("unit".into(), "pieces".into());
    let third = crawl("three", Some(&second));
    assert_eq!(remarks(&third), [Some("mine"), Some("my number")]);
    assert_eq!(third.columns()[0].parameters["unit"], "pieces");
    assert_eq!(wanted(&crawler, "t", &commented("three"), Some(&third), Columns::AsFound), third, "nothing to write");
}

fn of_columns(names: &[&str]) -> FoundTable {
    let mut found = commented("x");
    found.table.storage_descriptor.columns = names.iter().map(|name| Column::new(*name, "bigint")).collect();
    found
}

#[test]
fn columns_that_may_be_hidden_stay_where_they_were() {
    let crawler = Crawler { name: "c".into(), database_name: "d".into(), ..Crawler::default() };
    let old = wanted(&crawler, "t", &of_columns(&["id", "price", "Name", "day"]), None, Columns::AsFound);
    let names = |found: &FoundTable, columns: Columns| -> Vec<String> {
        let table = wanted(&crawler, "t", found, Some(&old), columns);
        table.columns().iter().map(|column| column.name.clone()).collect()
    };
    let mut found = of_columns(&["name", "id", "new"]);
    assert_eq!(names(&found, Columns::Kept), ["id", "price", "day", "name", "new"]);
    found.table.partition_keys = vec![Column::new("DAY", "string")];
    assert_eq!(names(&found, Columns::Kept), ["id", "price", "name", "new"], "a key is no column of the data");
    assert_eq!(names(&found, Columns::Merged), ["id", "price", "Name", "name", "new"]);
    found.table.parameters.insert(BY_POSITION.into(), "true".into());
    assert_eq!(names(&found, Columns::Kept), ["name", "id", "new"]);
}
