#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::json;

use super::*;

fn table(columns: &[(&str, &str)], keys: &[&str]) -> Table {
    let mut table = Table { name: "orders".into(), database_name: "shop".into(), ..Table::default() };
    table.storage_descriptor.columns = columns.iter().map(|(name, kind)| Column::new(*name, *kind)).collect();
    table.partition_keys = keys.iter().map(|name| Column::new(*name, "string")).collect();
    table
}

fn kinds(old: &Table, new: &Table) -> Vec<ChangeKind> {
    diff(old, new).into_iter().map(|change| change.kind).collect()
}

fn renamed(from: &str, to: &str) -> ChangeKind {
    ChangeKind::ColumnRenamed { from: from.into(), to: to.into() }
}

#[test]
fn the_same_table_has_no_changes_whatever_grows_beside_it() {
    let old = table(&[("id", "bigint"), ("amount", "double")], &["day"]);
    let mut new = old.clone();
    new.parameters.insert("recordCount".into(), "7".into());
    new.version_id = "9".into();
    assert_eq!(diff(&old, &new), []);
}

#[test]
fn columns_come_go_and_change_their_type() {
    let old = table(&[("id", "bigint"), ("note", "string"), ("amount", "int")], &[]);
    let new = table(&[("id", "string"), ("amount", "int"), ("at", "timestamp")], &[]);
    let expected = [
        ChangeKind::ColumnRetyped { column: "id".into(), from: "bigint".into(), to: "string".into() },
        ChangeKind::ColumnRemoved { column: "note".into(), data_type: "string".into() },
        ChangeKind::ColumnAdded { column: "at".into(), data_type: "timestamp".into() },
    ];
    assert_eq!(kinds(&old, &new), expected);
}

#[test]
fn a_column_that_went_where_a_similar_one_came_looks_renamed() {
    let old = table(&[("id", "bigint"), ("cust_name", "string"), ("qty", "int"), ("x", "double")], &[]);
    let new = table(&[("id", "bigint"), ("y", "double"), ("CustomerName", "string"), ("colour", "string"), ("size", "int")], &[]);
    let found = kinds(&old, &new);
    assert_eq!(found[0], renamed("cust_name", "CustomerName"));
    assert_eq!(found.len(), 6, "{found:?}");
    assert_eq!(kinds(&table(&[("Total", "int")], &[]), &table(&[("total", "int")], &[])), [renamed("Total", "total")]);
    let other_type = kinds(&table(&[("total", "int")], &[]), &table(&[("total_sum", "string")], &[]));
    assert_eq!(other_type.len(), 2, "{other_type:?}");
}

#[test]
fn the_only_column_exchanged_at_its_place_looks_renamed() {
    let old = table(&[("id", "bigint"), ("kd", "string"), ("at", "date")], &[]);
    let new = table(&[("id", "bigint"), ("customer", "string"), ("at", "date")], &[]);
    assert_eq!(kinds(&old, &new), [renamed("kd", "customer")]);
    let elsewhere = table(&[("id", "bigint"), ("at", "date"), ("customer", "string")], &[]);
    assert_eq!(kinds(&old, &elsewhere).len(), 2);
}

#[test]
fn each_column_is_in_one_rename_at_most_the_most_alike_first() {
    let old = table(&[("id", "bigint"), ("street", "string"), ("street2", "string")], &[]);
    let new = table(&[("id", "bigint"), ("street_2", "string"), ("the_street", "string")], &[]);
    assert_eq!(kinds(&old, &new), [renamed("street2", "street_2"), renamed("street", "the_street")]);
}

#[test]
fn a_column_that_becomes_a_partition_key_is_still_readable() {
    let old = table(&[("id", "bigint"), ("day", "date")], &[]);
    let new = table(&[("id", "bigint")], &["day"]);
    let expected = [
        ChangeKind::PartitionKeysChanged { from: vec![], to: vec!["day".into()] },
        ChangeKind::ColumnRetyped { column: "day".into(), from: "date".into(), to: "string".into() },
    ];
    assert_eq!(kinds(&old, &new), expected);
}

#[test]
fn changes_are_flat_json_that_is_read_back() {
    let old = table(&[("id", "bigint")], &[]);
    let change = diff(&old, &table(&[("id", "string")], &[])).remove(0);
    let json = json!({"database": "shop", "table": "orders", "kind": "column_retyped", "column": "id", "from": "bigint", "to": "string"});
    assert_eq!(serde_json::to_value(&change).unwrap(), json);
    assert_eq!(serde_json::from_value::<Change>(json).unwrap(), change);
    assert_eq!(change.to_string(), "shop.orders: column id was bigint and is string.");
    let gone = Change::new(&old, ChangeKind::TableGone);
    assert_eq!(serde_json::from_value::<Change>(serde_json::to_value(&gone).unwrap()).unwrap(), gone);
}
