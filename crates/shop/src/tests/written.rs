//! What stands in the files: the same bytes for the same seed, and the documented dirt at the documented rates.

use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;
use serde_json::Value;

use super::*;

/// All files under a folder with their hashes.
fn hashes(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let hash = Sha256::digest(fs::read(&path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), hash);
            }
        }
    }
    found
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let [first, second, other] = [5, 5, 6].map(|seed| {
        let folder = TempDir::new().unwrap();
        let summary = generate(folder.path(), &small(seed), SILENT).unwrap();
        (hashes(folder.path()), summary)
    });
    assert_eq!(first, second);
    assert_eq!(first.0.len(), 8, "expected one database, four product files and three customer files");
    assert!(
        first.0.iter().all(|(path, hash)| other.0.get(path).is_some_and(|of_other| of_other != hash)),
        "another seed left a file as it was"
    );
}

/// A shop on disk and what it says about itself.
struct Written {
    folder: TempDir,
    summary: Summary,
    database: Connection,
}

impl Written {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let summary = generate(folder.path(), &small(11), SILENT).unwrap();
        let database = Connection::open(folder.path().join("sources/orders.db")).unwrap();
        Self { folder, summary, database }
    }

    fn count(&self, from: &str) -> u64 {
        self.database.query_row(&format!("SELECT count(*) FROM {from}"), [], |row| row.get::<_, i64>(0)).unwrap() as u64
    }

    fn rows(&self, path: &str) -> Vec<BTreeMap<String, String>> {
        csv::Reader::from_path(self.folder.path().join("sources").join(path))
            .unwrap()
            .deserialize()
            .map(std::result::Result::unwrap)
            .collect()
    }

    fn own_rows(&self) -> Vec<BTreeMap<String, String>> {
        [self.rows("customers/customers_2024.csv"), self.rows("customers/customers_2025.csv")].concat()
    }

    fn products(&self) -> Vec<Value> {
        let read = |number| fs::read_to_string(self.folder.path().join(format!("sources/products/products_{number}.jsonl"))).unwrap();
        (1..=4).flat_map(|number| read(number).lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>()).collect()
    }
}

/// The count in the summary is the count in the file, and it is what the rate says, give or take five standard deviations.
fn assert_rate(what: &str, summary: u64, found: u64, of: u64, rate: f64) {
    assert_eq!(found, summary, "{what}: the file and the summary disagree");
    let (expected, deviation) = (of as f64 * rate, (of as f64 * rate * (1.0 - rate)).sqrt());
    assert!((found as f64 - expected).abs() <= 5.0 * deviation + 1.0, "{what}: expected about {expected:.0}, found {found}");
    assert!(found > 0, "{what}: there is none");
}

#[test]
fn sizes_are_as_asked_for() {
    let written = Written::new();
    let summary = &written.summary;
    assert_eq!(summary.people, 1_000);
    assert_eq!(summary.tastes.values().sum::<u64>(), 1_000);
    assert_eq!((summary.products, written.products().len()), (600, 600));
    assert!((38_800..=41_200).contains(&summary.lines), "expected about 40000 lines, found {}", summary.lines);
    assert_eq!(written.count("order_lines"), summary.lines);
    assert_eq!(written.count("orders"), summary.orders);
    assert_eq!(written.count("returns"), summary.returns);
    assert_eq!(written.own_rows().len() as u64, summary.customer_rows);
    assert_eq!(written.rows("customers_import/kunden.csv").len() as u64, summary.acquired_rows);
    assert!(summary.first_order.as_str() >= "2024-04-01T00:00:00Z" && summary.last_order.as_str() < "2025-10-01T00:00:00Z");
}

#[test]
fn order_dirt_has_its_rate() {
    let written = Written::new();
    let (dirt, orders) = (&written.summary.dirt, written.summary.orders);
    assert_rate("guests", dirt.guest_orders, written.count("orders WHERE cust_no IS NULL"), orders, dirt::GUEST);
    assert_rate("blank customers", dirt.blank_customer_orders, written.count("orders WHERE cust_no = ''"), orders, dirt::BLANK_CUSTOMER);
    let german = written.count("orders WHERE ordered_at GLOB '[0-3][0-9].[01][0-9].20[0-9][0-9] [0-2][0-9]:[0-5][0-9]'");
    assert_rate("German dates", dirt.german_dates, german, orders, dirt::STORE);
    let early = written.count("orders WHERE order_id - 100001 < (SELECT count(*) FROM orders) * 0.6");
    let early_phone = written.count("orders WHERE channel = 'phone' AND order_id - 100001 < (SELECT count(*) FROM orders) * 0.6");
    assert_rate("phone orders", early_phone, early_phone, early, dirt::PHONE);
    assert_eq!(
        written.count("orders WHERE length(ordered_at) = 10 AND CAST(ordered_at AS INTEGER) BETWEEN 1711929600 AND 1759276799"),
        dirt.epoch_dates
    );
    let iso = written.count("orders WHERE ordered_at GLOB '20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z'");
    assert_eq!(german + iso + dirt.epoch_dates, orders, "a date has none of the three forms");
    assert_rate("blank vouchers", dirt.blank_vouchers, written.count("orders WHERE voucher = ''"), german, 1.0 - dirt::VOUCHER);
}

#[test]
fn line_dirt_has_its_rate() {
    let written = Written::new();
    let (dirt, lines) = (&written.summary.dirt, written.summary.lines);
    assert_rate("zero quantities", dirt.zero_quantities, written.count("order_lines WHERE qty = 0"), lines, dirt::ZERO_QUANTITY);
    assert_rate(
        "negative quantities",
        dirt.negative_quantities,
        written.count("order_lines WHERE qty < 0"),
        lines,
        dirt::NEGATIVE_QUANTITY,
    );
    assert_rate(
        "respelled SKUs",
        dirt.respelled_skus,
        written.count("order_lines WHERE sku <> upper(trim(sku))"),
        lines,
        dirt::RESPELLED_SKU,
    );
    assert_rate("unknown SKUs", dirt.unknown_skus, written.count("order_lines WHERE sku LIKE 'OLD-%'"), lines, dirt::UNKNOWN_SKU);
    assert_rate("blank SKUs", dirt.blank_skus, written.count("order_lines WHERE sku = ''"), lines, dirt::BLANK_SKU);
    let returns = written.summary.returns;
    assert_rate("blank reasons", dirt.blank_reasons, written.count("returns WHERE reason = ''"), returns, 1.0 / 6.0);
    let share = returns as f64 / lines as f64;
    assert!((0.03..0.07).contains(&share), "expected 3 to 7 % of lines returned, found {share}");
}

#[test]
fn references_hold_but_where_they_are_meant_not_to() {
    let written = Written::new();
    let skus: BTreeSet<String> = written.products().iter().map(|product| product["sku"].as_str().unwrap().to_owned()).collect();
    let mut statement = written.database.prepare("SELECT DISTINCT upper(trim(sku)) FROM order_lines").unwrap();
    let sold: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(std::result::Result::unwrap).collect();
    assert!(sold.iter().filter(|sku| !skus.contains(*sku)).all(|sku| sku.is_empty() || sku.starts_with("OLD-")));
    assert!(sold.iter().filter(|sku| skus.contains(*sku)).count() > 500, "hardly any product is sold");
    assert_eq!(written.count("order_lines AS l LEFT JOIN orders AS o USING (order_id) WHERE o.order_id IS NULL"), 0);
    assert_eq!(
        written.count("returns AS r LEFT JOIN order_lines AS l USING (order_id, line_no) WHERE l.order_id IS NULL OR l.qty <= 0"),
        0
    );

    let mut numbers: BTreeSet<String> = written.own_rows().iter().map(|row| row["cust_no"].clone()).collect();
    numbers.extend(written.rows("customers_import/kunden.csv").iter().map(|row| row["kundennr"].clone()));
    let mut statement = written.database.prepare("SELECT DISTINCT cust_no FROM orders WHERE cust_no > ''").unwrap();
    let buyers: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(std::result::Result::unwrap).collect();
    assert!(buyers.iter().all(|number| numbers.contains(number)), "somebody buys who is in no customer file");
    assert!(buyers.iter().any(|number| number.starts_with("K-")), "nobody buys under an acquired number");
}

#[test]
fn customer_dirt_has_its_rate() {
    let written = Written::new();
    let (own, acquired, dirt) = (written.own_rows(), written.rows("customers_import/kunden.csv"), &written.summary.dirt);
    let numbers: BTreeSet<&String> = own.iter().map(|row| &row["cust_no"]).collect();
    let repeated = (own.len() - numbers.len()) as u64;
    let older = written.rows("customers/customers_2024.csv").len() as u64;
    assert_rate("repeated rows", dirt.repeated_customer_rows, repeated, older, dirt::REPEATED_ROW);
    assert_rate("second registrations", dirt.second_registrations, dirt.second_registrations, 960, dirt::DOUBLES.second);
    assert_rate("acquired doubles", dirt.acquired_doubles, dirt.acquired_doubles, 1_000, dirt::DOUBLES.acquired);
    let doubles = dirt.second_registrations + dirt.acquired_doubles;
    assert_eq!((numbers.len() + acquired.len()) as u64, written.summary.people + doubles);

    // The digits in an email are the person's; the lowest number comes first and is spelt right.
    let pairs = own.iter().map(|row| (&row["cust_no"], &row["email"])).chain(acquired.iter().map(|row| (&row["kundennr"], &row["e_mail"])));
    let emails: BTreeMap<&String, String> = pairs.map(|(number, email)| (number, email.trim().to_lowercase())).collect();
    let mut people: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for email in emails.values() {
        people.entry(email.chars().filter(char::is_ascii_digit).collect()).or_default().push(email);
    }
    assert_eq!(people.len() as u64, written.summary.people);
    let misspelled = people.values().map(|emails| emails[1..].iter().filter(|email| **email != emails[0]).count() as u64).sum();
    assert_rate("misspelled doubles", dirt.misspelled_doubles, misspelled, doubles, dirt::DOUBLES.typo);

    let blank = |column: &str, of_acquired: &str| {
        let count = |rows: &[BTreeMap<String, String>], column| rows.iter().filter(|row| row[column].is_empty()).count() as u64;
        count(&own, column) + count(&acquired, of_acquired)
    };
    // A row that is repeated repeats its blanks, which are counted once.
    let most = |counted: u64| counted..=counted + repeated;
    assert!(most(dirt.blank_age_bands).contains(&blank("age_band", "altersgruppe")) && dirt.blank_age_bands > 20);
    assert!(most(dirt.blank_regions).contains(&blank("region", "gebiet")) && dirt.blank_regions > 5);
    assert_eq!(blank("loyalty_tier", "kundenstufe"), dirt.blank_tiers);
    assert!(acquired.iter().all(|row| row["angelegt_am"].as_bytes()[2] == b'.' && matches!(row["kundenstufe"].as_str(), "" | "Bronze" | "Silber" | "Gold")));
}

#[test]
fn product_rows_are_nested_and_some_lack_something() {
    let written = Written::new();
    let (products, dirt) = (written.products(), &written.summary.dirt);
    let count = |test: &dyn Fn(&Value) -> bool| products.iter().filter(|product| test(product)).count() as u64;
    assert_rate("missing prices", dirt.missing_prices, count(&|product| product["price"].is_null()), 600, dirt::NO_PRICE);
    assert_rate(
        "blank descriptions",
        dirt.blank_descriptions,
        count(&|product| product["description"] == ""),
        600,
        dirt::BLANK_DESCRIPTION,
    );
    assert_eq!(
        count(&|product| product["category"]["department"].is_string()
            && product["attributes"]["brand"].is_string()
            && product["tags"].is_array()),
        600
    );
    assert!(count(&|product| product["attributes"].get("colour").is_none()) > 50);
    assert!(count(&|product| product["availability"] != "in_stock") > 30);
}
