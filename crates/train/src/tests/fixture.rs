//! A shop whose data goes the whole way: CSV in a bucket, schemas, datasets, imports. Also used by the tests of `serve`.

#![allow(dead_code, reason = "each of the two crates that include this uses a part of it")]

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::PathBuf;

use dataset::{
    CreateDataset, CreateDatasetGroup, CreateDatasetImportJob, CreateSchema, DataSource, Dataset, Datasets, Domain, ImportExecutor,
    ImportMode,
};
use domain::{Arn, RunState};
use runs::{Executor, Registry};
use store::Location;
use testkit::Installation;
use train::{CreateSolution, CreateSolutionVersion, Solution, SolutionVersion, TrainExecutor, TrainSettings, Training};

pub struct Shop {
    pub installation: Installation,
    pub datasets: Datasets,
    pub training: Training,
    pub group: Arn,
    pub domain: Option<Domain>,
}

pub const INTERACTIONS: &str = r#"{"type":"record","name":"Interactions","namespace":"com.amazonaws.personalize.schema","fields":[
 {"name":"USER_ID","type":"string"},{"name":"ITEM_ID","type":"string"},{"name":"TIMESTAMP","type":"long"},
 {"name":"EVENT_TYPE","type":["null","string"]},{"name":"EVENT_VALUE","type":["null","float"]}],"version":"1.0"}"#;
pub const ITEMS: &str = r#"{"type":"record","name":"Items","namespace":"com.amazonaws.personalize.schema","fields":[
 {"name":"ITEM_ID","type":"string"},{"name":"GENRE","type":"string","categorical":true},{"name":"TITLE","type":["null","string"]}],
 "version":"1.0"}"#;

pub const DOMAIN_INTERACTIONS: &str = r#"{"type":"record","name":"Interactions","namespace":"com.amazonaws.personalize.schema",
 "fields":[{"name":"USER_ID","type":"string"},{"name":"ITEM_ID","type":"string"},{"name":"TIMESTAMP","type":"long"},
 {"name":"EVENT_TYPE","type":"string"}],"version":"1.0"}"#;
pub const PRODUCTS: &str = r#"{"type":"record","name":"Items","namespace":"com.amazonaws.personalize.schema","fields":[
 {"name":"ITEM_ID","type":"string"},{"name":"PRICE","type":"float"},{"name":"CATEGORY_L1","type":"string","categorical":true}],
 "version":"1.0"}"#;
pub const VIDEOS: &str = r#"{"type":"record","name":"Items","namespace":"com.amazonaws.personalize.schema","fields":[
 {"name":"ITEM_ID","type":"string"},{"name":"GENRES","type":"string","categorical":true},{"name":"CREATION_TIMESTAMP","type":"long"}],
 "version":"1.0"}"#;

impl Shop {
    /// Nothing but an empty dataset group.
    pub async fn empty() -> Self {
        Self::empty_of(None).await
    }

    pub async fn empty_of(domain: Option<Domain>) -> Self {
        let installation = Installation::new().await;
        let partition = domain::arn::Partition::default();
        let (runs, artifacts) = (installation.runs.clone(), installation.artifacts.clone());
        let datasets = Datasets::new(runs.clone(), installation.buckets.clone(), artifacts.clone(), partition.clone());
        let training = Training::new(runs, artifacts, datasets.clone(), partition);
        let new = CreateDatasetGroup { name: "shop".into(), domain, role_arn: None, kms_key_arn: None };
        let group = datasets.create_dataset_group(new).await.unwrap().dataset_group_arn;
        Self { installation, datasets, training, group, domain }
    }

    /// Imports the data, with a worker for imports, trainings and whatever else is given.
    pub async fn with(interactions: &str, items: Option<&str>) -> Self {
        let shop = Self::empty().await;
        shop.work(Registry::default());
        shop.fill("Interactions", INTERACTIONS, interactions).await;
        if let Some(items) = items {
            shop.fill("Items", ITEMS, items).await;
        }
        shop
    }

    /// The same of a domain; nobody works yet but the imports.
    pub async fn of_domain(domain: Domain, interactions: &str, items: Option<&str>) -> Self {
        let shop = Self::empty_of(Some(domain)).await;
        shop.also_work(ImportExecutor::new(shop.datasets.clone()));
        shop.fill("Interactions", DOMAIN_INTERACTIONS, interactions).await;
        if let Some(items) = items {
            let schema = if domain == Domain::Ecommerce { PRODUCTS } else { VIDEOS };
            shop.fill("Items", schema, items).await;
        }
        shop
    }

    pub fn work(&self, registry: Registry) {
        let registry = registry.with(ImportExecutor::new(self.datasets.clone()));
        self.installation.work(registry.with(self.executor()));
    }

    pub fn also_work(&self, executor: impl Executor + 'static) {
        self.installation.work(Registry::default().with(executor));
    }

    pub fn executor(&self) -> TrainExecutor {
        TrainExecutor::new(self.training.clone(), TrainSettings::default())
    }

    /// Creates schema and dataset and imports the CSV.
    pub async fn fill(&self, kind: &str, schema: &str, csv: &str) -> Dataset {
        let new = CreateSchema { name: kind.to_lowercase(), schema: schema.into(), domain: self.domain };
        let schema_arn = self.datasets.create_schema(new).await.unwrap().schema_arn;
        let new = CreateDataset { name: kind.to_lowercase(), schema_arn, dataset_group_arn: self.group.clone(), dataset_type: kind.into() };
        let dataset = self.datasets.create_dataset(new).await.unwrap();
        self.import(&dataset, &format!("import-{kind}"), csv).await;
        dataset
    }

    pub async fn import(&self, dataset: &Dataset, name: &str, csv: &str) {
        self.installation.buckets.create("shop-data").unwrap();
        let data_location = format!("s3://shop-data/{name}.csv");
        self.installation.buckets.write(&Location::parse(&data_location).unwrap(), csv.to_owned().into()).await.unwrap();
        let new = CreateDatasetImportJob {
            job_name: name.into(),
            dataset_arn: dataset.dataset_arn.clone(),
            data_source: DataSource { data_location },
            role_arn: None,
            import_mode: ImportMode::Full,
        };
        let job = self.datasets.create_dataset_import_job(new).await.unwrap();
        let run = self.installation.runs.wait(&job.run).await.unwrap();
        assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
    }

    pub fn request(&self, name: &str, recipe: &str) -> CreateSolution {
        let request = serde_json::json!({"name": name, "datasetGroupArn": self.group, "recipeArn": Arn::recipe(recipe)});
        serde_json::from_value(request).unwrap()
    }

    pub async fn solution(&self, name: &str, recipe: &str) -> Solution {
        self.training.create_solution(self.request(name, recipe)).await.unwrap()
    }

    /// Creates a version and waits until its run has ended, however it ends.
    pub async fn train(&self, solution: &Solution) -> SolutionVersion {
        let request = CreateSolutionVersion {
            solution_arn: solution.solution_arn.clone(),
            name: None,
            training_mode: None,
            judge_beside: Vec::new(),
        };
        let version = self.training.create_solution_version(request).await.unwrap();
        self.installation.runs.wait(&version.run).await.unwrap();
        version
    }

    /// A version that must become ACTIVE.
    pub async fn trained(&self, name: &str, recipe: &str) -> SolutionVersion {
        let version = self.train(&self.solution(name, recipe).await).await;
        let view = self.training.get_solution_version(&version.solution_version_arn).await.unwrap();
        assert_eq!(view.status(), "ACTIVE", "{:?}", view.failure_reason());
        version
    }
}

/// 240 users of four tastes; each walks through the 15 items of its taste in their order, from somewhere, with a few
/// strays. Bought is bought: `purchase` events.
pub fn walks() -> String {
    let mut csv = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE\n".to_owned();
    let mut state = 7_u64;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for user in 0..240_u64 {
        let (taste, start) = (user % 4, draw(15));
        for step in 0..11 {
            let stray = draw(10) == 0;
            let (taste, place) = if stray { (draw(4), draw(15)) } else { (taste, (start + step) % 15) };
            let time = 1_700_000_000 + 3_600 * (24 * step + draw(20)) + user;
            writeln!(csv, "u{user},{},{time},purchase,", item(taste, place)).unwrap();
        }
    }
    csv
}

/// [`walks`] as a shop of domain ECOMMERCE sees them: everything was looked at and every other thing bought, in whatever case of
/// letters.
pub fn shopping() -> String {
    let mut csv = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE\n".to_owned();
    for (at, line) in walks().lines().skip(1).enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        writeln!(csv, "{},{},{},view", cells[0], cells[1], cells[2]).unwrap();
        if at % 2 == 0 {
            writeln!(csv, "{},{},{},{}", cells[0], cells[1], cells[2], if at % 4 == 0 { "Purchase" } else { "purchase" }).unwrap();
        }
    }
    csv
}

/// The 60 items of [`walks`] as products, or as videos, with something of everything that their schema asks for.
pub fn products() -> String {
    let rows = (0..4).flat_map(|taste| (0..15).map(move |place| format!("{},{place}.5,{taste}\n", item(taste, place))));
    std::iter::once("ITEM_ID,PRICE,CATEGORY_L1\n".to_owned()).chain(rows).collect()
}

pub fn videos() -> String {
    let rows = (0..4).flat_map(|taste| (0..15).map(move |place| format!("{},{taste},1600000000\n", item(taste, place))));
    std::iter::once("ITEM_ID,GENRES,CREATION_TIMESTAMP\n".to_owned()).chain(rows).collect()
}

pub fn item(taste: u64, place: u64) -> String {
    format!("{}{place}", ["socks", "tea", "lamp", "book"][taste as usize])
}

/// The 60 items of [`walks`] with titles, and one that nobody had.
pub fn titles() -> String {
    let mut csv = "ITEM_ID,GENRE,TITLE\n".to_owned();
    for taste in 0..4 {
        for place in 0..15 {
            writeln!(csv, "{},{taste},\"The {}, no. {place}\"", item(taste, place), item(taste, place)).unwrap();
        }
    }
    csv + "new1,0,\"Never sold\"\n"
}

/// A file of a real data set, out of its zip archive; says so when the data is not here.
pub fn real_file(archive: &str, file: &str) -> Option<String> {
    let folder = std::env::var_os("PENCHANT_SHARED_DATA")
        .map_or_else(|| PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../../shared/data"), PathBuf::from);
    let path = folder.join(archive);
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("not run: {archive} absent");
        return None;
    };
    Some(unzip(&bytes, file))
}

/// Reads one entry through the central directory (PKWARE APPNOTE 4.3).
fn unzip(bytes: &[u8], file: &str) -> String {
    let short = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let long = |at: usize| short(at) + (short(at + 2) << 16);
    let end = (0..bytes.len() - 21).rev().find(|at| bytes[*at..].starts_with(b"PK\x05\x06")).unwrap();
    let mut entry = long(end + 16);
    for _ in 0..short(end + 10) {
        let name = &bytes[entry + 46..entry + 46 + short(entry + 28)];
        if name.ends_with(file.as_bytes()) {
            let (local, packed) = (long(entry + 42), long(entry + 20));
            let data = local + 30 + short(local + 26) + short(local + 28);
            let mut content = Vec::new();
            flate2::read::DeflateDecoder::new(&bytes[data..data + packed]).read_to_end(&mut content).unwrap();
            return content.into_iter().map(char::from).collect();
        }
        entry += 46 + short(entry + 28) + short(entry + 30) + short(entry + 32);
    }
    panic!("no {file} in the archive")
}

/// Ratings with the given separator (user, item, rating, time) as an interactions CSV.
pub fn ratings(text: &str, separator: &str) -> String {
    let mut csv = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE\n".to_owned();
    for line in text.lines() {
        let cells: Vec<&str> = line.split(separator).collect();
        writeln!(csv, "{},{},{},rating,{}", cells[0], cells[1], cells[3].trim(), cells[2]).unwrap();
    }
    csv
}
