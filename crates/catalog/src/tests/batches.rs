use domain::ErrorKind;
use serde_json::json;

use super::House;
use crate::statistics::{LongStatistics, StringStatistics};
use crate::{
    Column, ColumnStatistics, Database, Page, Partition, PartitionIndex, PartitionQuery, Segment, StatisticsData, Table, TableFilter,
    TableOrder, TableSearch, TableUpdate, UserDefinedFunction,
};

async fn with_sales(partitions: usize) -> House {
    let house = House::new().await;
    house.catalog.create_database(Database { name: "shop".into(), ..Database::default() }).await.unwrap();
    let mut sales = Table { name: "sales".into(), ..Table::default() };
    sales.storage_descriptor.columns = vec![Column::new("id", "bigint"), Column::new("Name", "string")];
    sales.partition_keys = vec![Column::new("day", "int"), Column::new("shop", "string")];
    house.catalog.create_table("shop", sales).await.unwrap();
    let all: Vec<Partition> = (0..partitions).map(partition).collect();
    for some in all.chunks(crate::MAX_WRITTEN_AT_ONCE) {
        assert!(house.catalog.create_partitions("shop", "sales", some.to_vec()).await.unwrap().is_empty());
    }
    house
}

fn values(day: usize) -> Vec<String> {
    vec![day.to_string(), if day.is_multiple_of(2) { "even".into() } else { "odd/1".into() }]
}

fn partition(day: usize) -> Partition {
    Partition { values: values(day), ..Partition::default() }
}

#[tokio::test]
async fn a_batch_does_what_it_can() {
    let house = with_sales(3).await;
    let catalog = &house.catalog;
    let short = Partition { values: vec!["1".into()], ..Partition::default() };
    let refused = catalog.create_partitions("shop", "sales", vec![partition(2), partition(3), short]).await.unwrap();
    let kinds: Vec<_> = refused.iter().map(|refused| (refused.item.clone(), refused.error.kind)).collect();
    assert_eq!(kinds, [(values(2), ErrorKind::AlreadyExists), (vec!["1".to_owned()], ErrorKind::InvalidInput)]);
    // Moved onto another: both stay as they were.
    let refused = catalog.update_partitions("shop", "sales", vec![(values(1), partition(2)), (values(0), partition(9))]).await.unwrap();
    assert_eq!((refused.len(), refused[0].error.kind), (1, ErrorKind::AlreadyExists));
    let wanted: Vec<Vec<String>> = [0, 1, 2, 9].into_iter().map(values).collect();
    let found = catalog.get_partitions("shop", "sales", &wanted).await.unwrap();
    assert_eq!(found.iter().map(|partition| partition.values[0].as_str()).collect::<Vec<_>>(), ["1", "2", "9"]);
    let refused = catalog.delete_partitions("shop", "sales", vec![values(1), values(7)]).await.unwrap();
    assert_eq!((refused.len(), refused[0].error.kind), (1, ErrorKind::NotFound));
    let many = catalog.create_partitions("shop", "sales", (0..101).map(partition).collect()).await.unwrap_err();
    assert!(many.kind == ErrorKind::InvalidInput && many.message.contains("at most 100"), "{many}");
    assert_eq!(catalog.delete_partitions("shop", "nope", vec![]).await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn partitions_are_found_by_expression_and_page() {
    let house = with_sales(250).await;
    let catalog = &house.catalog;
    let find = async |expression: &str, segment: Option<Segment>, limit: usize| {
        let query = PartitionQuery { expression: Some(expression.into()), segment };
        let (mut days, mut after, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = catalog.find_partitions("shop", "sales", &query, &Page { after, limit }).await.unwrap();
            assert!(page.items.len() <= limit);
            days.extend(page.items.iter().map(|partition| partition.values[0].parse::<usize>().unwrap()));
            pages += 1;
            match page.next {
                Some(next) => after = next,
                None => return (days, pages),
            }
        }
    };
    let (mut days, pages) = find("day >= 100 AND shop = 'even'", None, 10).await;
    days.sort_unstable();
    assert_eq!((days, pages), ((100..250).step_by(2).collect::<Vec<_>>(), 8));
    assert_eq!(find("day = 249", None, 1).await, (vec![249], 1));
    let mut all = Vec::new();
    for number in 0..4 {
        let (days, _) = find("", Some(Segment { number, total: 4 }), 1000).await;
        assert!((30..=95).contains(&days.len()), "{}", days.len());
        all.extend(days);
    }
    all.sort_unstable();
    assert_eq!(all, (0..250).collect::<Vec<_>>(), "each partition is in one segment");
    let wrong = PartitionQuery { expression: Some("week = 1".into()), segment: None };
    let page = Page { after: String::new(), limit: 1 };
    assert!(catalog.find_partitions("shop", "sales", &wrong, &page).await.unwrap_err().message.contains("character 1"));
}

#[tokio::test]
async fn statistics_go_with_what_they_are_of() {
    let house = with_sales(1).await;
    let catalog = &house.catalog;
    let of = |name: &str, data: StatisticsData| ColumnStatistics {
        column_name: name.into(),
        column_type: "x".into(),
        analyzed_time: 1.5,
        statistics_data: data,
    };
    let long = || StatisticsData::Long(LongStatistics { maximum_value: Some(9), ..LongStatistics::default() });
    let text = StatisticsData::String(StringStatistics { maximum_length: 4, ..StringStatistics::default() });
    let given = vec![of("id", long()), of("nobody", long())];
    let refused = catalog.update_column_statistics("shop", "sales", None, given).await.unwrap();
    assert_eq!((refused.len(), refused[0].item.column_name.as_str(), refused[0].error.kind), (1, "nobody", ErrorKind::NotFound));
    catalog.update_column_statistics("SHOP", "Sales", None, vec![of("name", text.clone())]).await.unwrap();
    let names: Vec<String> = ["NAME", "day", "id"].map(Into::into).into();
    let answer = catalog.get_column_statistics("shop", "sales", None, &names).await.unwrap();
    assert_eq!((answer.found[0].statistics_data.clone(), answer.missing), (text, vec!["day".to_owned()]));
    assert_eq!(
        serde_json::to_value(&answer.found[1]).unwrap()["StatisticsData"],
        json!({"Type": "LONG", "LongColumnStatisticsData": {"MaximumValue": 9, "NumberOfNulls": 0, "NumberOfDistinctValues": 0}})
    );
    let zero = values(0);
    catalog.update_column_statistics("shop", "sales", Some(&zero), vec![of("id", long())]).await.unwrap();
    assert_eq!(catalog.get_column_statistics("shop", "sales", Some(&zero), &names).await.unwrap().found.len(), 1);
    catalog.delete_column_statistics("shop", "sales", None, "Id").await.unwrap();
    assert_eq!(catalog.delete_column_statistics("shop", "sales", None, "id").await.unwrap_err().kind, ErrorKind::NotFound);
    catalog.delete_partition("shop", "sales", &zero).await.unwrap();
    catalog.create_partition("shop", "sales", partition(0)).await.unwrap();
    assert!(catalog.get_column_statistics("shop", "sales", Some(&zero), &names).await.unwrap().found.is_empty());
    let wrong = serde_json::from_value::<StatisticsData>(json!({"Type": "LONG"})).unwrap_err();
    assert!(wrong.to_string().contains("LONG"), "{wrong}");
}

#[tokio::test]
async fn a_table_has_three_indexes_at_most() {
    let house = with_sales(0).await;
    let catalog = &house.catalog;
    let index =
        |name: &str, keys: &[&str]| PartitionIndex { index_name: name.into(), keys: keys.iter().map(|key| (*key).into()).collect() };
    catalog.create_partition_index("shop", "sales", index("a", &["day"])).await.unwrap();
    let kind = async |index: PartitionIndex| catalog.create_partition_index("shop", "sales", index).await.unwrap_err().kind;
    assert_eq!(kind(index("a", &["shop"])).await, ErrorKind::AlreadyExists);
    assert_eq!(kind(index("b", &["day"])).await, ErrorKind::AlreadyExists);
    assert_eq!(kind(index("b", &["id"])).await, ErrorKind::InvalidInput);
    catalog.create_partition_index("shop", "sales", index("b", &["shop"])).await.unwrap();
    catalog.create_partition_index("shop", "sales", index("c", &["shop", "day"])).await.unwrap();
    assert_eq!(kind(index("d", &["day", "shop"])).await, ErrorKind::LimitExceeded);
    let listed = catalog.list_partition_indexes("shop", "sales").await.unwrap();
    assert_eq!(listed[2], ("c".to_owned(), vec![Column::new("shop", "string"), Column::new("day", "int")]));
    catalog.delete_partition_index("shop", "sales", "a").await.unwrap();
    assert_eq!(catalog.delete_partition_index("shop", "sales", "a").await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn indexes_go_with_the_keys_that_they_are_over() {
    let house = with_sales(0).await;
    let catalog = &house.catalog;
    let index = PartitionIndex { index_name: "a".into(), keys: vec!["day".into()] };
    catalog.create_partition_index("shop", "sales", index.clone()).await.unwrap();
    let mut sales = catalog.get_table("shop", "sales").await.unwrap().value;
    sales.partition_keys[0].data_type = "string".into();
    catalog.update_table("shop", sales.clone(), TableUpdate::default()).await.unwrap();
    assert_eq!(catalog.list_partition_indexes("shop", "sales").await.unwrap().len(), 1);
    sales.partition_keys[0].name = "date".into();
    catalog.update_table("shop", sales.clone(), TableUpdate::default()).await.unwrap();
    assert!(catalog.list_partition_indexes("shop", "sales").await.unwrap().is_empty());
    sales.partition_keys[0].name = "day".into();
    catalog.update_table("shop", sales, TableUpdate::default()).await.unwrap();
    catalog.create_partition_index("shop", "sales", index).await.unwrap();
}

#[tokio::test]
async fn versions_tell_their_difference() {
    let house = with_sales(0).await;
    let catalog = &house.catalog;
    let mut sales = catalog.get_table("shop", "sales").await.unwrap().value;
    sales.storage_descriptor.columns = vec![Column::new("id", "string"), Column::new("Name", "string"), Column::new("amount", "double")];
    catalog.update_table("shop", sales, TableUpdate::default()).await.unwrap();
    let changes = catalog.table_version_diff("shop", "sales", "0", "1").await.unwrap();
    let kinds: Vec<String> = changes.iter().map(|change| serde_json::to_value(change).unwrap()["kind"].as_str().unwrap().into()).collect();
    assert_eq!(kinds, ["column_retyped", "column_added"]);
    let told = house.installation.store.notifications(0, 10).await.unwrap();
    assert_eq!(told.last().unwrap().detail["changes"], serde_json::to_value(&changes).unwrap());
    let refused = catalog.delete_table_versions("shop", "sales", vec!["0".into(), "1".into(), "7".into()]).await.unwrap();
    let kinds: Vec<_> = refused.iter().map(|refused| (refused.item.as_str(), refused.error.kind)).collect();
    assert_eq!(kinds, [("1", ErrorKind::InvalidInput), ("7", ErrorKind::NotFound)]);
    assert_eq!(catalog.table_version_diff("shop", "sales", "0", "1").await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn tables_are_found_by_their_words() {
    let house = with_sales(0).await;
    let catalog = &house.catalog;
    let mut orders = Table { name: "web_orders".into(), description: Some("What customers bought online".into()), ..Table::default() };
    orders.storage_descriptor.columns = vec![Column { comment: Some("in euros".into()), ..Column::new("amount", "double") }];
    orders.parameters.insert("classification".into(), "csv".into());
    catalog.create_table("shop", orders).await.unwrap();
    let find = async |text: &str, filters: &[(&str, &str, &str)]| {
        let filter = |(key, value, comparator): &(&str, &str, &str)| TableFilter {
            key: (*key).into(),
            value: (*value).into(),
            comparator: (*comparator).into(),
        };
        let search = TableSearch { text: Some(text.into()), filters: filters.iter().map(filter).collect() };
        let page = Page { after: String::new(), limit: 10 };
        let found = catalog.search_tables(&search, &page).await?;
        Ok::<_, domain::Error>(found.items.iter().map(|table| table.name.clone()).collect::<Vec<_>>())
    };
    for (text, expected) in [
        ("ord", &["web_orders"] as &[&str]),
        ("WEB euro", &["web_orders"]),
        ("amou", &["web_orders"]),
        ("mount", &[]),
        ("\"customers bought\"", &["web_orders"]),
        ("\"bought customers\"", &[]),
        ("\"custom\"", &[]),
        ("day", &["sales"]),
        ("", &["sales", "web_orders"]),
    ] {
        assert_eq!(find(text, &[]).await.unwrap(), expected, "{text}");
    }
    assert_eq!(find("", &[("Name", "orders", "EQUALS")]).await.unwrap(), ["web_orders"]);
    assert_eq!(find("", &[("classification", "CSV", "EQUALS")]).await.unwrap(), ["web_orders"]);
    assert!(find("", &[("CreateTime", "0", "LESS_THAN")]).await.unwrap().is_empty());
    assert_eq!(find("", &[("UpdateTime", "0", "GREATER_THAN")]).await.unwrap().len(), 2);
    assert!(find("", &[("UpdateTime", "yesterday", "EQUALS")]).await.unwrap_err().message.contains("yesterday"));
    let sorted = catalog.search_tables_sorted(&TableSearch::default(), TableOrder::Name, true).await.unwrap();
    assert_eq!(sorted.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ["web_orders", "sales"]);
}

#[tokio::test]
async fn functions_go_with_their_database() {
    let house = with_sales(0).await;
    let catalog = &house.catalog;
    let function =
        |class: &str| UserDefinedFunction { function_name: "Clean".into(), class_name: Some(class.into()), ..Default::default() };
    catalog.create_function("shop", function("a.B")).await.unwrap();
    assert_eq!(catalog.create_function("shop", function("a.B")).await.unwrap_err().kind, ErrorKind::AlreadyExists);
    assert_eq!(catalog.create_function("nowhere", function("a.B")).await.unwrap_err().kind, ErrorKind::NotFound);
    catalog.update_function("shop", "CLEAN", function("a.C")).await.unwrap();
    assert_eq!(catalog.get_function("shop", "clean").await.unwrap().class_name.as_deref(), Some("a.C"));
    catalog.delete_database("shop").await.unwrap();
    assert!(catalog.list_functions(None).await.unwrap().is_empty());
}
