//! A retailer's tables (complete-journey) become what training takes: the graph alone, which is asked of every engine.

use serde_json::{Value, json};

fn table(name: &str) -> Value {
    json!({"CatalogSource": {"Name": name, "Database": "shop", "Table": name}})
}

fn target(name: &str, input: &str) -> Value {
    let path = format!("s3://data/journey/{name}/");
    json!({"S3DirectTarget": {"Name": name, "Inputs": [input], "Path": path, "Format": "csv", "Mode": "overwrite"}})
}

/// `from → to type`, one a line.
fn mapping(name: &str, input: &str, columns: &[(&str, &str, &str)]) -> Value {
    let column = |(from, to, kind): &(&str, &str, &str)| json!({"FromPath": [from], "ToKey": to, "ToType": kind});
    json!({"ApplyMapping": {"Name": name, "Inputs": [input], "Mapping": columns.iter().map(column).collect::<Vec<_>>()}})
}

fn join(name: &str, kind: &str, left: (&str, &[&str]), right: (&str, &[&str])) -> Value {
    let side = |(node, keys): (&str, &[&str])| json!({"From": node, "Keys": keys.iter().map(|key| vec![key]).collect::<Vec<_>>()});
    json!({"Join": {"Name": name, "Inputs": [left.0, right.0], "JoinType": kind, "Columns": [side(left), side(right)]}})
}

fn function(name: &str, input: &str, column: &str, expression: &str) -> Value {
    json!({"CustomFunction": {"Name": name, "Inputs": [input], "Columns": [{"Name": column, "Expression": expression}]}})
}

/// Purchases are events, and so is a purchase that a coupon made cheaper: of a household that redeemed a coupon for the product on that day.
fn interactions(nodes: &mut Value) {
    let event = [
        ("household_id", "USER_ID", "string"),
        ("product_id", "ITEM_ID", "string"),
        ("transaction_timestamp", "TIMESTAMP", "bigint"),
        ("event", "EVENT_TYPE", "string"),
    ];
    let with = |value: &'static str| event.into_iter().chain([(value, "EVENT_VALUE", "double")]).collect::<Vec<_>>();
    nodes["purchase"] = function("Purchases", "transactions", "event", "'purchase'");
    nodes["purchase_events"] = mapping("Purchase events", "purchase", &with("sales_value"));
    nodes["cheaper"] = json!({"Filter": {"Name": "With a coupon", "Inputs": ["transactions"], "LogicalOperator": "AND", "Filters": [
        {"Operation": "GT", "Values": [{"Type": "COLUMNEXTRACTED", "Value": ["coupon_disc"]}, {"Type": "CONSTANT", "Value": ["0"]}]}]}});
    nodes["day"] = function("Day of purchase", "cheaper", "day", "CAST(transaction_timestamp AS DATE)");
    nodes["day_redeemed"] = function("Day of redemption", "coupon_redemptions", "redeemed", "CAST(redemption_date AS DATE)");
    let coupon: &[&str] = &["coupon_upc", "campaign_id"];
    nodes["redeemed"] = join("Products of redeemed coupons", "equijoin", ("day_redeemed", coupon), ("coupons", coupon));
    nodes["met"] = join(
        "Purchases by coupon",
        "leftsemi",
        ("day", &["household_id", "product_id", "day"]),
        ("redeemed", &["household_id", "product_id", "redeemed"]),
    );
    nodes["redemption"] = function("Redemptions", "met", "event", "'redemption'");
    nodes["redemption_events"] = mapping("Redemption events", "redemption", &with("coupon_disc"));
    nodes["events"] = json!({"Union": {"Name": "Events", "Inputs": ["purchase_events", "redemption_events"], "UnionType": "ALL"}});
    nodes["interactions"] = target("interactions", "events");
}

/// Products with what was paid for one of them; also those that were sold and are not in the list of products.
fn items(nodes: &mut Value) {
    let price = "CASE WHEN quantity > 0 THEN CAST(sales_value / quantity AS DECIMAL(12,4)) END";
    nodes["price"] = function("Price of one", "transactions", "price", price);
    let statistic = |name: &str| json!({"Column": ["price"], "AggFunc": name, "Alias": format!("price_{name}")});
    let statistics = ["avg", "min", "max"].map(statistic);
    nodes["prices"] = json!({"Aggregate": {"Name": "Prices", "Inputs": ["price"], "Groups": [["product_id"]], "Aggs": statistics}});
    nodes["priced"] = join("Priced products", "outer", ("products", &["product_id"]), ("prices", &["product_id"]));
    nodes["item"] = function("Items", "priced", "item_id", "COALESCE(product_id, right_product_id)");
    let columns = [
        ("item_id", "ITEM_ID", "string"),
        ("department", "CATEGORY_L1", "string"),
        ("product_category", "CATEGORY_L2", "string"),
        ("product_type", "CATEGORY_L3", "string"),
        ("brand", "BRAND", "string"),
        ("price_avg", "PRICE_MEAN", "double"),
        ("price_min", "PRICE_MIN", "double"),
        ("price_max", "PRICE_MAX", "double"),
    ];
    nodes["item_columns"] = mapping("Item columns", "item", &columns);
    nodes["items"] = target("items", "item_columns");
}

/// Every household that bought something, with what is known of it.
fn users(nodes: &mut Value) {
    nodes["buyer"] = json!({"SelectFields": {"Name": "Buyers", "Inputs": ["transactions"], "Paths": [["household_id"]]}});
    nodes["buyers"] = json!({"DropDuplicates": {"Name": "Households", "Inputs": ["buyer"]}});
    nodes["known"] = join("With demographics", "outer", ("buyers", &["household_id"]), ("demographics", &["household_id"]));
    nodes["user"] = function("Users", "known", "user_id", "COALESCE(household_id, right_household_id)");
    let columns = [
        ("user_id", "USER_ID", "string"),
        ("age", "AGE", "string"),
        ("income", "INCOME", "string"),
        ("home_ownership", "HOME_OWNERSHIP", "string"),
        ("household_size", "HOUSEHOLD_SIZE", "string"),
        ("kids_count", "KIDS_COUNT", "string"),
    ];
    nodes["user_columns"] = mapping("User columns", "user", &columns);
    nodes["users"] = target("users", "user_columns");
}

/// The job: interactions, items and users as CSV files under `s3://data/journey/`, of the tables of database `shop`.
pub fn graph() -> Value {
    let mut nodes = json!({});
    for name in ["transactions", "products", "coupons", "coupon_redemptions", "demographics"] {
        nodes[name] = table(name);
    }
    interactions(&mut nodes);
    items(&mut nodes);
    users(&mut nodes);
    nodes
}
