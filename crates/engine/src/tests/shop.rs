//! The demo shop's own jobs over its own sources, held against what the generator says it wrote and against SQLite.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use catalog::crawler::Targets;
use catalog::{Crawler, JdbcTarget, S3Target};
use connect::Connection;
use etl::{Format, Job, JobSpec, StartJobRun, Target};
use shop::{Options, Summary};

use super::{House, outcome};

const JOBS: [(&str, &str); 3] = [
    ("interactions", include_str!("../../../../examples/shop/jobs/interactions.sql")),
    ("items", include_str!("../../../../examples/shop/jobs/items.sql")),
    ("users", include_str!("../../../../examples/shop/jobs/users.sql")),
];

struct Shop {
    house: House,
    summary: Summary,
    seconds: Vec<(&'static str, f64)>,
}

impl Shop {
    /// Generates, crawls, runs the three jobs.
    async fn open(options: Options) -> Self {
        let house = House::with_memory(256 << 20).await;
        let folder = house.installation.folder.path().to_owned();
        let summary = shop::generate(&folder, &options, &|_, _, _| ()).unwrap();
        house.catalog.create_connection(Connection::sqlite("orders", "sources/orders.db")).await.unwrap();
        let folders = ["products", "customers", "customers_import"];
        let targets = Targets {
            s3: folders.iter().map(|name| S3Target { path: format!("sources/{name}"), ..S3Target::default() }).collect(),
            jdbc: vec![JdbcTarget { connection_name: "orders".into(), path: "%".into(), ..JdbcTarget::default() }],
            ..Targets::default()
        };
        let mut seconds = Vec::new();
        let begun = Instant::now();
        house.crawl(Crawler { name: "shop".into(), database_name: "shop".into(), targets, ..Crawler::default() }).await;
        seconds.push(("crawl", begun.elapsed().as_secs_f64()));
        let mut opened = Self { house, summary, seconds };
        for (name, sql) in JOBS {
            opened.run(name, sql).await;
        }
        opened
    }

    async fn run(&mut self, name: &'static str, sql: &str) {
        let target = Target::file(format!("s3://data/export/{name}/"), Format::Csv);
        let spec = JobSpec::Sql { query: Some(sql.into()), database: Some("shop".into()), target };
        self.house.jobs.create_job(Job::new(name, spec)).await.unwrap();
        let begun = Instant::now();
        let start = StartJobRun { job_name: name.into(), ..StartJobRun::default() };
        let id = self.house.jobs.start_job_run(start).await.unwrap();
        let run = self.house.installation.runs.wait(&id).await.unwrap().succeeded().unwrap();
        self.seconds.push((name, begun.elapsed().as_secs_f64()));
        let told = self.house.log(&id).await;
        assert!(!told.contains("warn:"), "{name}: {told}");
        assert!(outcome(&run).rows_written > 0);
    }

    async fn rows(&self, name: &str) -> Vec<BTreeMap<String, String>> {
        let text = self.house.read(&format!("export/{name}/part-00000.csv")).await;
        csv::Reader::from_reader(text.as_bytes()).deserialize().map(|row| row.unwrap()).collect()
    }

    fn orders(&self) -> PathBuf {
        self.house.installation.folder.path().join("sources/orders.db")
    }
}

fn values<'a>(rows: &'a [BTreeMap<String, String>], column: &str) -> BTreeSet<&'a str> {
    rows.iter().map(|row| row[column].as_str()).collect()
}

/// The emails of all customer files, spelled alike.
fn emails(shop: &Shop) -> BTreeSet<String> {
    let sources = shop.house.installation.folder.path().join("sources");
    let mut emails = BTreeSet::new();
    for folder in ["customers", "customers_import"] {
        for file in std::fs::read_dir(sources.join(folder)).unwrap() {
            let mut reader = csv::Reader::from_path(file.unwrap().path()).unwrap();
            emails.extend(reader.records().map(|row| row.unwrap()[2].trim().to_lowercase()));
        }
    }
    emails
}

/// Counts by SQLite what is a purchase, by rules written anew.
fn purchases(shop: &Shop, skus: &BTreeSet<&str>) -> usize {
    let database = rusqlite::Connection::open(shop.orders()).unwrap();
    let sql = "SELECT l.sku FROM order_lines l JOIN orders o USING (order_id)
               WHERE l.qty >= 1 AND length(o.cust_no) > 0
                 AND (l.order_id, l.line_no) NOT IN (SELECT order_id, line_no FROM returns)";
    let mut statement = database.prepare(sql).unwrap();
    let bought = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    bought.filter(|sku| skus.contains(sku.as_ref().unwrap().trim().to_uppercase().as_str())).count()
}

fn check(shop: &Shop, interactions: &[BTreeMap<String, String>], items: &[BTreeMap<String, String>], users: &[BTreeMap<String, String>]) {
    let (summary, dirt) = (&shop.summary, &shop.summary.dirt);
    let item_ids = values(items, "ITEM_ID");
    assert_eq!((items.len() as u64, item_ids.len() as u64), (summary.products, summary.products));
    assert!(items.iter().all(|row| row["CREATION_TIMESTAMP"].parse::<i64>().is_ok() && row["PRICE"].parse::<f64>().is_ok()));
    assert!(values(items, "CATEGORY_L2").len() > 50);

    // Whose email has a typo stands twice; all the other doubles are found.
    assert_eq!(users.len(), emails(shop).len());
    assert!((summary.people..=summary.people + dirt.misspelled_doubles).contains(&(users.len() as u64)));
    assert!((users.len() as u64) < summary.customer_rows + summary.acquired_rows - dirt.repeated_customer_rows);
    let user_ids = values(users, "USER_ID");
    assert_eq!(user_ids.len(), users.len());
    assert_eq!(values(users, "LOYALTY_TIER"), BTreeSet::from(["bronze", "gold", "none", "silver"]));
    assert_eq!(values(users, "AGE_BAND").len(), 7);

    assert_eq!(interactions.len(), purchases(shop, &item_ids));
    assert!(interactions.len() as u64 + dirt.zero_quantities + dirt.negative_quantities < summary.lines - summary.returns / 2);
    assert!(values(interactions, "USER_ID").is_subset(&user_ids));
    assert!(values(interactions, "ITEM_ID").is_subset(&item_ids));
    assert_eq!(values(interactions, "EVENT_TYPE"), BTreeSet::from(["Purchase"]));
    let moments: Vec<i64> = interactions.iter().map(|row| row["TIMESTAMP"].parse().unwrap()).collect();
    assert!(moments.is_sorted());
    let bounds = [&summary.first_order, &summary.last_order].map(|moment| crate::functions::moments::epoch_seconds(moment).unwrap());
    assert!(moments[0] >= bounds[0] - 60 && *moments.last().unwrap() <= bounds[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shops_jobs_give_what_the_generator_wrote() {
    let shop = Shop::open(Options { customers: 500, products: 300, lines: 15_000, ..Options::default() }).await;
    let (interactions, items, users) = (shop.rows("interactions").await, shop.rows("items").await, shop.rows("users").await);
    check(&shop, &interactions, &items, &users);
}

/// `cargo nextest run -p engine --run-ignored only --no-capture`: seconds for the shop of 200,000 lines.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn the_whole_shop_measured() {
    let shop = Shop::open(Options::default()).await;
    for (name, _) in JOBS {
        let rows = shop.house.read(&format!("export/{name}/part-00000.csv")).await.lines().count() - 1;
        println!("{name}: {rows} rows");
    }
    for (name, seconds) in &shop.seconds {
        println!("{name}: {seconds:.2} s");
    }
}
