//! What jobs feed: tables over their results, jobs that read those, datasets imported from them, workflows that run them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use catalog::Table;
use domain::Result;
use etl::{Job, Target};

use crate::{Affected, Effect, Impact, Impacts, Kind, Look};

/// Who is fed by whom, by name.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    /// A job and the tables over its result.
    tables: BTreeMap<String, Vec<String>>,
    /// A table and the jobs that read it.
    readers: BTreeMap<String, Vec<String>>,
    /// A job and the datasets that were imported from its result.
    datasets: BTreeMap<String, BTreeSet<String>>,
    /// A job and the workflows that run it.
    workflows: BTreeMap<String, BTreeSet<String>>,
}

impl Feeds {
    pub async fn read(of: &Impacts, jobs: &[(&Job, Look)]) -> Result<Self> {
        let mut feeds = Self::default();
        let tables: Vec<Table> = of.catalog.store().list::<Table>().await?.into_iter().map(|stored| stored.value).collect();
        let imports = of.datasets.list_dataset_import_jobs(None).await?;
        for (job, look) in jobs {
            for table in tables.iter().filter(|table| look.writes.iter().any(|target| is_written(table, target))) {
                feeds.tables.entry(job.name.clone()).or_default().push(full_name(table));
            }
            for table in &look.reads {
                feeds.readers.entry(table.table.clone()).or_default().push(job.name.clone());
            }
            let prefixes: Vec<&str> = look.writes.iter().filter_map(prefix_of).collect();
            for import in imports.iter().filter(|import| prefixes.iter().any(|prefix| is_under(&import.data_source.data_location, prefix)))
            {
                feeds.datasets.entry(job.name.clone()).or_default().insert(import.dataset_arn.to_string());
            }
        }
        for trigger in of.workflows.list_triggers().await? {
            let Some(workflow) = &trigger.workflow_name else { continue };
            for job in trigger.actions.iter().filter_map(|action| action.job_name.clone()) {
                feeds.workflows.entry(job).or_default().insert(workflow.clone());
            }
        }
        Ok(feeds)
    }

    /// Adds everything that is reached through the jobs that are there already.
    pub fn follow(&self, impact: &mut Impact) {
        let mut places: BTreeMap<(Kind, String), usize> =
            impact.affected.iter().enumerate().map(|(place, affected)| ((affected.kind, affected.name.clone()), place)).collect();
        let mut queue: VecDeque<usize> = (0..impact.affected.len()).collect();
        while let Some(place) = queue.pop_front() {
            let from = impact.affected[place].clone();
            for (kind, name, reason) in self.fed_by(&from) {
                match places.get(&(kind, name.clone())).copied() {
                    None => {
                        places.insert((kind, name.clone()), impact.affected.len());
                        queue.push_back(impact.affected.len());
                        impact.affected.push(Affected { kind, name, columns: Vec::new(), effect: from.effect, reason });
                    }
                    // What a reader reached first may be reached by something that breaks later; so may what it feeds.
                    Some(known) if from.effect == Effect::Breaks && impact.affected[known].effect != Effect::Breaks => {
                        impact.affected[known].effect = Effect::Breaks;
                        impact.affected[known].reason = reason;
                        queue.push_back(known);
                    }
                    Some(_) => {}
                }
            }
        }
        impact.affected.sort_by_key(|affected| affected.kind);
    }

    fn fed_by(&self, from: &Affected) -> Vec<(Kind, String, String)> {
        let verb = if from.effect == Effect::Breaks { "breaks" } else { "reads what changed" };
        let each = |names: Vec<String>, kind: Kind, how: &str| {
            names.into_iter().map(|name| (kind, name, format!("{how} {}, which {verb}.", from.name))).collect::<Vec<_>>()
        };
        let of = |map: &BTreeMap<String, BTreeSet<String>>| map.get(&from.name).into_iter().flatten().cloned().collect::<Vec<_>>();
        match from.kind {
            Kind::Job => {
                let tables = self.tables.get(&from.name).cloned().unwrap_or_default();
                let mut fed = each(tables, Kind::Table, "It lies over the result of job");
                fed.extend(each(of(&self.datasets), Kind::Dataset, "It is imported from the result of job"));
                fed.extend(each(of(&self.workflows), Kind::Workflow, "It runs job"));
                fed
            }
            Kind::Table => each(self.readers.get(&from.name).cloned().unwrap_or_default(), Kind::Job, "It reads table"),
            Kind::Dataset | Kind::Workflow => Vec::new(),
        }
    }
}

fn full_name(table: &Table) -> String {
    format!("{}.{}", table.database_name, table.name)
}

/// Whether the job whose target it is writes what the catalogue knows as the table.
fn is_written(table: &Table, target: &Target) -> bool {
    match target {
        Target::Files(files) => is_under(table.location(), &files.location),
        Target::Table(written) => table.source().is_some_and(|(connection, path)| {
            let (schema, name) =
                written.table.rsplit_once('.').map_or((None, written.table.as_str()), |(schema, name)| (Some(schema), name));
            let same_schema = schema.is_none() || path.schema.as_deref().or(path.database.as_deref()) == schema;
            connection == written.connection && path.table == name && same_schema
        }),
    }
}

fn prefix_of(target: &Target) -> Option<&str> {
    match target {
        Target::Files(files) => Some(&files.location),
        Target::Table(_) => None,
    }
}

/// One place lies in the other: a file under a prefix, or a folder above it.
fn is_under(place: &str, prefix: &str) -> bool {
    let (place, prefix) = (place.trim_end_matches('/'), prefix.trim_end_matches('/'));
    let inside = |a: &str, b: &str| a == b || a.strip_prefix(b).is_some_and(|rest| rest.starts_with('/'));
    !place.is_empty() && !prefix.is_empty() && (inside(place, prefix) || inside(prefix, place))
}
