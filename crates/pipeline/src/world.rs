//! What there is: the resources that a file speaks of, and the files under its data locations.

use std::collections::BTreeMap;

use dataset::{DatasetType, Datasets};
use domain::{Arn, Result, RunState, Timestamp};
use serve::{CampaignView, RecommenderView, Serving};
use store::{Buckets, Location, Stored};
use train::Training;

use crate::plan::{Newest, batch_name, fingerprint};
use crate::seen::Seen;
use crate::tags;
use crate::wanted::{Batch, Dataset, Form, Solution, Tagged, Wanted};

pub(crate) struct World {
    pub now: Timestamp,
    pub group_arn: Arn,
    pub group: Option<dataset::DatasetGroup>,
    pub schemas: Vec<Stored<dataset::Schema>>,
    datasets: Vec<FoundDataset>,
    /// The event tracker's name.
    pub tracker: Option<String>,
    /// Of all dataset groups: their names are common.
    pub solutions: Vec<FoundSolution>,
    pub campaigns: Vec<CampaignView>,
    pub recommenders: Vec<RecommenderView>,
    pub filters: Vec<Stored<serve::Filter>>,
    /// The files of a dataset, or where none were found.
    pub files: BTreeMap<DatasetType, Result<Files, String>>,
    pub batch_inputs: BTreeMap<String, Result<Files, String>>,
    pub seen: Option<Seen>,
    /// Of what the file has tags for.
    pub tags: Tagged,
}

pub(crate) struct FoundDataset {
    kind: DatasetType,
    pub schema: String,
    pub rows: u64,
    pub events_through: u64,
    /// When the newest successful import was made.
    pub imported: Option<Timestamp>,
}

pub(crate) struct FoundSolution {
    pub solution: train::Solution,
    pub newest: Option<Newest>,
}

/// Files that are there.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub location: String,
    pub count: usize,
    /// Of their keys, sizes, times and tags.
    pub fingerprint: String,
}

impl World {
    pub fn dataset(&self, kind: DatasetType) -> Option<&FoundDataset> {
        self.datasets.iter().find(|dataset| dataset.kind == kind)
    }
}

/// Who looks.
#[derive(Clone)]
pub(crate) struct Looking<'a> {
    pub buckets: &'a Buckets,
    pub datasets: &'a Datasets,
    pub training: &'a Training,
    pub serving: &'a Serving,
    /// Where data without a location is: the parameter file's folder, with a slash at its end.
    pub beside: &'a str,
}

impl Looking<'_> {
    pub async fn look(&self, wanted: &Wanted) -> Result<World> {
        let store = self.datasets.store();
        let group_arn = self.datasets.partition().personalize("dataset-group", &wanted.group.name);
        let group = self.datasets.list_dataset_groups().await?.into_iter().find(|group| group.dataset_group_arn == group_arn);
        let tracker = events::trackers_of(self.datasets, &group_arn).await?.into_iter().next().map(|found| found.name.to_string());
        let mut files = BTreeMap::new();
        for dataset in &wanted.datasets {
            files.insert(dataset.kind, self.files_at(&self.places(wanted.form, dataset)).await?);
        }
        let mut batch_inputs = BTreeMap::new();
        for solution in &wanted.solutions {
            for job in &solution.batch_inference {
                let found = self.files_at(&[self.batch_places(wanted, solution, job).0]).await?;
                batch_inputs.insert(batch_name(solution, job), found);
            }
        }
        Ok(World {
            now: store.clock().now(),
            schemas: self.datasets.list_schemas().await?,
            datasets: self.found_datasets(&group_arn).await?,
            tracker,
            solutions: self.found_solutions().await?,
            campaigns: self.serving.list_campaigns(None).await?,
            recommenders: self.serving.list_recommenders(None).await?,
            filters: self.serving.list_filters(None).await?,
            files,
            batch_inputs,
            tags: tags::found(self.datasets, wanted).await?,
            seen: store.find::<Seen>(&wanted.group.name).await?.map(|seen| seen.value),
            group: group.map(|group| group.value),
            group_arn,
        })
    }

    async fn found_datasets(&self, group_arn: &Arn) -> Result<Vec<FoundDataset>> {
        let mut found = Vec::new();
        for dataset in self.datasets.list_datasets(Some(group_arn)).await? {
            let contents = self.datasets.contents(&dataset.dataset_arn).await?;
            let mut imported = None;
            for job in self.datasets.list_dataset_import_jobs(Some(&dataset.dataset_arn)).await? {
                let run = self.datasets.runs().find(&job.run).await?;
                if run.is_some_and(|run| run.state == RunState::Succeeded) {
                    imported = imported.max(Some(job.created));
                }
            }
            found.push(FoundDataset {
                kind: dataset.dataset_type,
                schema: self.datasets.get_schema(&dataset.schema_arn).await?.value.schema,
                rows: contents.rows(),
                events_through: contents.events_through,
                imported,
            });
        }
        Ok(found)
    }

    async fn found_solutions(&self) -> Result<Vec<FoundSolution>> {
        let mut found = Vec::new();
        for solution in self.training.list_solutions(None).await? {
            let versions = self.training.list_solution_versions(Some(&solution.solution_arn)).await?;
            let newest = versions.into_iter().rev().find(train::VersionView::is_active);
            let newest = newest.map(|view| Newest { created: view.version.created, arn: view.version.value.solution_version_arn });
            found.push(FoundSolution { solution: solution.value, newest });
        }
        Ok(found)
    }

    /// Where the files of a dataset may be; the first place that has some is it.
    fn places(&self, form: Form, dataset: &Dataset) -> Vec<String> {
        if let Some(location) = &dataset.location {
            return vec![location.clone()];
        }
        let small = dataset.kind.as_str().to_lowercase();
        let titled = format!("{}{}", small.get(..1).unwrap_or_default().to_uppercase(), small.get(1..).unwrap_or_default());
        match form {
            Form::MlOps => vec![format!("{}{titled}/", self.beside)],
            Form::Maintaining => vec![format!("{}{small}.csv", self.beside), format!("{}{small}/", self.beside)],
        }
    }

    /// Input and output of a batch job: `batch/<group>/<solution>/` beside `train/<group>/`, as "maintaining …" has it.
    pub fn batch_places(&self, wanted: &Wanted, solution: &Solution, job: &Batch) -> (String, String) {
        let given = |side: &str, what: &str| job.arguments.get(side)?.get(what)?.get("path")?.as_str().map(str::to_owned);
        let group = &wanted.group.name;
        let root = self.beside.strip_suffix(&format!("train/{group}/")).unwrap_or(self.beside);
        let folder = format!("{root}batch/{group}/{}/", solution.name);
        (
            given("jobInput", "s3DataSource").unwrap_or_else(|| format!("{folder}job_config.json")),
            given("jobOutput", "s3DataDestination").unwrap_or(folder),
        )
    }

    /// The files at the first of the places that has any; else what was looked at.
    async fn files_at(&self, places: &[String]) -> Result<Result<Files, String>> {
        for place in places {
            let files = match self.buckets.list(&Location::parse(place)?).await {
                Ok(files) => files,
                Err(error) if error.kind == domain::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if files.is_empty() {
                continue;
            }
            let parts = files.iter().flat_map(|file| {
                let tag = file.e_tag.clone().unwrap_or_default();
                [file.location.to_string(), file.size.to_string(), file.last_modified.timestamp_millis().to_string(), tag]
            });
            let parts: Vec<String> = std::iter::once(place.clone()).chain(parts).collect();
            let fingerprint = fingerprint(parts.iter().map(String::as_str));
            return Ok(Ok(Files { location: place.clone(), count: files.len(), fingerprint }));
        }
        Ok(Err(places.join(" or ")))
    }
}
