//! Runs of kind `import`.

use async_trait::async_trait;
use domain::{Error, Result};
use runs::{Executor, Finished, Level, RunContext};
use store::Location;
use tokio_util::sync::CancellationToken;

use super::files::{self, DataFile, Opened, count};
use super::report::ImportReport;
use super::rows::Rows;
use super::{ImportSettings, KIND, csv_rows, parquet_rows};
use crate::contents::{Origin, Part, contents_in};
use crate::datasets::{Datasets, ImportInput};
use crate::part_file;
use crate::resources::{Dataset, DatasetImportJob, DatasetType, ImportMode};
use crate::schema::AvroSchema;

/// How many of the problems the run's log names one by one; the report has more.
const LOGGED_PROBLEMS: usize = 10;

/// Executes runs of kind `import`; the result is an [`ImportReport`].
#[derive(Debug, Clone)]
pub struct ImportExecutor {
    datasets: Datasets,
}

impl ImportExecutor {
    pub fn new(datasets: Datasets) -> Self {
        Self { datasets }
    }
}

#[async_trait]
impl Executor for ImportExecutor {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let input: ImportInput = context.input()?;
        let job = self.datasets.get_dataset_import_job(&input.job).await?.value;
        let dataset = self.datasets.get_dataset(&job.dataset_arn).await?.value;
        self.remove_earlier_attempts(context).await?;
        let folder = folder(context.run().id.to_string(), context.run().attempt);
        match self.read(context, &job, &dataset, &folder).await {
            Ok((report, part)) => self.publish(context, &job, report, part).await,
            Err(error) => {
                self.datasets.artifacts().delete(&folder).await?;
                Err(error)
            }
        }
    }
}

fn folder(run: String, attempt: u32) -> String {
    format!("datasets/{run}-{attempt}")
}

/// What the blocking part of an import needs.
struct Reading {
    files: Vec<DataFile>,
    schema: AvroSchema,
    settings: ImportSettings,
    path: std::path::PathBuf,
    context: RunContext,
    cancel: CancellationToken,
}

impl ImportExecutor {
    /// A crash leaves files that nothing points at.
    async fn remove_earlier_attempts(&self, context: &RunContext) -> Result<()> {
        for attempt in 1..context.run().attempt {
            self.datasets.artifacts().delete(&folder(context.run().id.to_string(), attempt)).await?;
        }
        Ok(())
    }

    async fn read(&self, context: &RunContext, job: &DatasetImportJob, dataset: &Dataset, folder: &str) -> Result<(ImportReport, Part)> {
        let schema = self.datasets.get_schema(&dataset.schema_arn).await?.value;
        let location = Location::parse(&job.data_source.data_location)?;
        let files = files::find(self.datasets.buckets(), &location).await?;
        context.info(format!(
            "Importing {}, {} bytes, from {location}.",
            count(files.len() as u64, "file"),
            files.iter().map(|f| f.bytes).sum::<u64>()
        ));
        let name = format!("{folder}/part.parquet");
        let reading = Reading {
            files,
            schema: AvroSchema::stored(&schema.schema)?,
            settings: self.datasets.settings().clone(),
            path: self.datasets.artifacts().path(&name),
            context: context.clone(),
            cancel: context.cancel().clone(),
        };
        let (report, bytes) = tokio::task::spawn_blocking(move || reading.read())
            .await
            .map_err(|e| Error::internal("The reading of an import broke off.").source(e))??;
        log_problems(context, &report);
        judge(&report, dataset.dataset_type, self.datasets.settings(), &location)?;
        let part = Part { name, rows: report.rows_kept, bytes, origin: Origin::Bulk };
        context.point("files_written").await;
        Ok((report, part))
    }

    async fn publish(&self, context: &RunContext, job: &DatasetImportJob, report: ImportReport, part: Part) -> Result<Finished> {
        let mut tx = context.begin().await?;
        // Gone when it was deleted meanwhile; then the import fails instead of leaving rows that belong to nothing.
        tx.get::<Dataset>(job.dataset_arn.as_str()).await?;
        let mut contents = contents_in(&mut tx, &job.dataset_arn).await?;
        if job.import_mode == ImportMode::Full {
            contents.retire(|part| part.origin == Origin::Bulk);
        }
        contents.parts.push(part);
        tx.put(contents).await?;
        let finished = context.succeed(tx, &report).await?;
        if let Err(error) = self.datasets.sweep(&job.dataset_arn).await {
            tracing::warn!(dataset = %job.dataset_arn, "files that are no longer needed could not be removed: {error}");
        }
        Ok(finished)
    }
}

impl Reading {
    fn read(self) -> Result<(ImportReport, u64)> {
        let mut on_pulse = |rows: u64| {
            self.context.progress(rows, 0, "rows");
            if self.cancel.is_cancelled() { Err(Error::stopped()) } else { Ok(()) }
        };
        let mut rows = Rows::create(&self.path, &self.schema, &self.settings, &mut on_pulse)?;
        for file in &self.files {
            self.context.check()?;
            match file.open()? {
                Opened::Csv(text) => csv_rows::read(&file.name, text, &mut rows)?,
                Opened::ParquetFile(opened) => parquet_rows::read(&file.name, opened, &mut rows)?,
                Opened::ParquetBytes(bytes) => parquet_rows::read(&file.name, bytes, &mut rows)?,
            }
        }
        let (report, bytes) = rows.finish()?;
        if let Some(folder) = self.path.parent() {
            part_file::sync_folder(folder)?;
        }
        self.context.progress(report.rows_read, report.rows_read, "rows");
        Ok((report, bytes))
    }
}

fn log_problems(context: &RunContext, report: &ImportReport) {
    context.info(format!(
        "Read {} from {}: {} kept, {} rejected.",
        count(report.rows_read, "row"),
        count(report.files, "file"),
        report.rows_kept,
        report.rows_rejected
    ));
    for reason in &report.reasons {
        context.log(Level::Warn, format!("{} rejected: {}.", count(reason.rows, "row"), reason.reason));
    }
    for problem in report.problems.iter().take(LOGGED_PROBLEMS) {
        context.log(Level::Warn, format!("{}, line {}: {}.", problem.file, problem.line, problem.reason));
    }
}

/// Whether what was read is good enough to replace what is there.
fn judge(report: &ImportReport, kind: DatasetType, settings: &ImportSettings, location: &Location) -> Result<()> {
    if report.rows_read == 0 {
        return Err(Error::invalid_data(format!(
            "Expected rows at or under {location}; found {} with a header and nothing below it.",
            count(report.files, "file")
        ))
        .code("IMPORT_EMPTY"));
    }
    let bad_share = report.rows_rejected as f64 / report.rows_read as f64;
    if bad_share > settings.max_bad_share || report.rows_kept == 0 {
        return Err(too_many_bad_rows(report, settings, location));
    }
    if kind == DatasetType::Interactions && report.rows_kept < settings.min_interactions {
        return Err(Error::invalid_data(format!(
            "An interactions import needs at least {} usable rows; found {} of {} at or under {location}.",
            settings.min_interactions, report.rows_kept, report.rows_read
        ))
        .code("IMPORT_TOO_FEW_INTERACTIONS"));
    }
    Ok(())
}

fn too_many_bad_rows(report: &ImportReport, settings: &ImportSettings, location: &Location) -> Error {
    let first = report
        .problems
        .first()
        .map_or_else(String::new, |problem| format!(" The first: {} ({}, line {}).", problem.reason, problem.file, problem.line));
    let reason =
        report.reasons.first().map_or_else(String::new, |top| format!(" Most often ({}): {}.", count(top.rows, "row"), top.reason));
    Error::invalid_data(format!(
        "{} of {} rows at or under {location} cannot be used, more than the {} % allowed.{reason}{first}",
        report.rows_rejected,
        report.rows_read,
        (settings.max_bad_share * 1000.0).round() / 10.0
    ))
    .code("IMPORT_TOO_MANY_BAD_ROWS")
}
