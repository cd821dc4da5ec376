#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod batches;
mod classifiers;
mod connections;
mod crawl_damaged;
mod crawl_databases;
mod crawl_files;
mod crawl_many;
mod crawl_options;
mod crawl_real;
mod crawl_safety;
mod crawl_schedules;
mod profile_many;
mod profiles;
mod resources;
mod texts;

use std::path::Path;

use domain::arn::Partition as Place;
use runs::{Registry, Run};
use store::Stored;
use testkit::Installation;

use crate::{Catalog, CrawlExecutor, CrawlSummary, Crawler, ProfileExecutor, Table};

/// An installation with a worker that crawls.
struct House {
    installation: Installation,
    catalog: Catalog,
}

impl House {
    async fn new() -> Self {
        Self::with(Installation::new().await)
    }

    fn with(installation: Installation) -> Self {
        let catalog = Catalog::new(installation.runs.clone(), installation.buckets.clone(), Place::default());
        let profiles = ProfileExecutor::new(catalog.clone());
        installation.work(Registry::default().with(CrawlExecutor::new(catalog.clone())).with(profiles));
        Self { installation, catalog }
    }

    fn folder(&self) -> &Path {
        self.installation.folder.path()
    }

    /// Writes a file under the project's folder.
    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.folder().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    async fn run(&self, crawler: &str) -> Run {
        let id = self.catalog.start_crawler(crawler).await.unwrap();
        self.installation.runs.wait(&id).await.unwrap()
    }

    async fn crawl(&self, crawler: &str) -> CrawlSummary {
        self.run(crawler).await.succeeded().unwrap().result().unwrap()
    }

    async fn table(&self, name: &str) -> Stored<Table> {
        self.catalog.get_table("shop", name).await.unwrap()
    }

    /// What the catalog told: kinds of change and subjects, oldest first.
    async fn notifications(&self) -> Vec<(String, String)> {
        let mut all = self.installation.store.notifications(0, 1000).await.unwrap();
        all.retain(|told| told.kind == "catalog.table_changed");
        let change = |detail: &serde_json::Value| detail["typeOfChange"].as_str().unwrap_or_default().to_owned();
        all.into_iter().map(|told| (change(&told.detail), told.subject)).collect()
    }
}

fn crawler(json: serde_json::Value) -> Crawler {
    serde_json::from_value(json).unwrap()
}

fn types(table: &Table) -> Vec<(&str, &str)> {
    table.columns().iter().map(|column| (column.name.as_str(), column.data_type.as_str())).collect()
}
