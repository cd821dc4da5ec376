use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use catalog::{Catalog, Database};
use domain::Result;
use domain::arn::Partition;
use etl::suite::{Subject, Suite};
use etl::{Engine, Means, SqlQuery};
use futures::TryStreamExt;
use testkit::Installation;

use tokio_util::sync::CancellationToken;

use crate::DataFusionEngine;

struct Embedded {
    engine: DataFusionEngine,
    spill_folder: std::path::PathBuf,
}

#[async_trait]
impl Subject for Embedded {
    async fn rows(&self, query: &str) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        let means =
            Means { memory_bytes: 64 << 20, spill_folder: self.spill_folder.clone(), cancel: CancellationToken::new(), frugal: false };
        let rows = self.engine.rows(SqlQuery::new(query), means).await?;
        Ok((rows.schema, rows.batches.try_collect().await?))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_engine_passes_the_suite_of_engines() {
    let installation = Installation::new().await;
    installation.buckets.create("data").unwrap();
    let catalog = Catalog::new(installation.runs.clone(), installation.buckets.clone(), Partition::default());
    catalog.create_database(Database { name: "suite".into(), ..Database::default() }).await.unwrap();
    let mut suite = Suite::load().unwrap();
    if let Ok(wanted) = std::env::var("PENCHANT_SUITE_CASES") {
        suite.retain(|case| case.to_string().contains(&wanted));
    }
    suite.lay_out(&catalog, &installation.buckets, "data", "suite").await.unwrap();
    let spill_folder = installation.folder.path().join("spill");
    let engine = DataFusionEngine::new(catalog, 2).unwrap();
    let failures = suite.run("suite", &Embedded { engine, spill_folder }).await;
    for failure in &failures {
        println!("{}\n   {}\n   {}\n", failure.case, failure.query.trim(), failure.problem);
    }
    assert!(failures.is_empty(), "{} of {} cases failed", failures.len(), suite.cases().len());
}
