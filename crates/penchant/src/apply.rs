//! Makes the stored resources equal to `penchant.yaml`.
//!
//! What an earlier apply made and the file no longer has is deleted; what others made (through the API) is left alone.

use std::collections::BTreeSet;
use std::fmt;

use catalog::Crawler;
use connect::Connection;
use domain::{Error, Result};
use etl::Job;
use notify::Rule;
use pipeline::Pipeline;
use serde::{Deserialize, Serialize};
use store::{Resource, Stored};
use workflow::{Trigger, TriggerType, Workflow};

use crate::home::Home;
use crate::project::Project;

/// One line of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    pub action: Action,
    pub kind: &'static str,
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Create,
    Update,
    Delete,
    Keep,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.action {
            Action::Create => "+ create",
            Action::Update => "~ update",
            Action::Delete => "- delete",
            Action::Keep => "  keep  ",
        };
        write!(f, "{mark}  {} {}", self.kind.replace('_', " "), self.name)
    }
}

/// What earlier applies made.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Applied {
    resources: BTreeSet<(String, String)>,
}

impl Resource for Applied {
    const KIND: &'static str = "applied_project";
    fn key(&self) -> String {
        "project".into()
    }
}

/// Compares, and with `dry_run` stops there.
pub async fn apply(home: &Home, project: Project, dry_run: bool) -> Result<Vec<Change>> {
    let mut pass = Pass { home, dry_run, changes: Vec::new(), wanted: BTreeSet::new() };
    pass.all(project).await?;
    pass.delete_what_is_gone().await?;
    Ok(pass.changes)
}

/// Makes what a blueprint describes, all of it or nothing, and gives what was made. What is there already and equal stays; what is there
/// and differs is somebody else's: then nothing is made.
pub async fn instantiate(home: &Home, rendered: &serde_json::Value) -> Result<Vec<Change>> {
    let project = || {
        serde_json::from_value::<Project>(rendered.clone())
            .map_err(|e| Error::invalid_input(format!("What the blueprint describes cannot be used: {e}.")))
    };
    let mut plan = Pass { home, dry_run: true, changes: Vec::new(), wanted: BTreeSet::new() };
    plan.all(project()?).await?;
    if let Some(taken) = plan.changes.iter().find(|change| change.action == Action::Update) {
        return Err(Error::already_exists(format!(
            "{} {:?}, otherwise than the blueprint describes it,",
            taken.kind.replace('_', " "),
            taken.name
        )));
    }
    let mut pass = Pass { home, dry_run: false, changes: Vec::new(), wanted: BTreeSet::new() };
    if let Err(error) = pass.all(project()?).await {
        for made in pass.changes.iter().rev().filter(|change| change.action == Action::Create) {
            pass.delete(made.kind, &made.name).await?;
        }
        return Err(error);
    }
    pass.changes.retain(|change| change.action == Action::Create);
    Ok(pass.changes)
}

struct Pass<'a> {
    home: &'a Home,
    dry_run: bool,
    changes: Vec<Change>,
    wanted: BTreeSet<(String, String)>,
}

impl Pass<'_> {
    async fn all(&mut self, project: Project) -> Result<()> {
        for bucket in project.buckets.iter().filter(|_| !self.dry_run) {
            self.home.buckets.create(bucket)?;
        }
        for connection in project.connections {
            self.one(connection).await?;
        }
        for crawler in project.crawlers {
            self.one(crawler).await?;
        }
        for job in project.jobs {
            self.one(job).await?;
        }
        for pipeline in project.pipelines {
            self.one(pipeline).await?;
        }
        for workflow in project.workflows {
            let (workflow, triggers) = workflow.split();
            self.one(workflow).await?;
            for trigger in triggers {
                self.one(trigger).await?;
            }
        }
        for rule in project.rules {
            self.one(rule).await?;
        }
        Ok(())
    }

    async fn one<R: Declared>(&mut self, wanted: R) -> Result<()> {
        wanted.check()?;
        let name = wanted.key();
        let found = self.home.runs.store().find::<R>(&name).await?;
        let action = match &found {
            None => Action::Create,
            Some(found) if wanted.same_as(found, self.home) => Action::Keep,
            Some(_) => Action::Update,
        };
        self.wanted.insert((R::KIND.into(), name.clone()));
        if !self.dry_run {
            match action {
                Action::Create => wanted.create(self.home).await?,
                Action::Update => wanted.update(self.home).await?,
                Action::Keep | Action::Delete => {}
            }
        }
        self.changes.push(Change { action, kind: R::KIND, name });
        Ok(())
    }

    /// In the reverse of the order of creation, so that nothing is deleted before what needs it.
    async fn delete_what_is_gone(&mut self) -> Result<()> {
        let store = self.home.runs.store();
        let applied = store.find::<Applied>("project").await?.map(|stored| stored.value).unwrap_or_default();
        let gone: Vec<(String, String)> = applied.resources.difference(&self.wanted).cloned().collect();
        for kind in [Rule::KIND, Trigger::KIND, Workflow::KIND, Pipeline::KIND, Job::KIND, Crawler::KIND, Connection::KIND] {
            for (_, name) in gone.iter().filter(|(found, _)| found == kind) {
                if !self.dry_run {
                    self.delete(kind, name).await?;
                }
                self.changes.push(Change { action: Action::Delete, kind, name: name.clone() });
            }
        }
        if !self.dry_run {
            let mut tx = store.begin().await?;
            tx.put(Applied { resources: self.wanted.clone() }).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Something that is gone already (deleted through the API) is as it should be.
    async fn delete(&self, kind: &str, name: &str) -> Result<()> {
        let home = self.home;
        let done = match kind {
            Rule::KIND => home.notify.delete_rule(name).await,
            Trigger::KIND => home.workflows.delete_trigger(name).await,
            Workflow::KIND => home.workflows.delete_workflow(name).await,
            Pipeline::KIND => home.pipelines.delete(name).await,
            Job::KIND => home.jobs.delete_job(name).await,
            Crawler::KIND => home.catalog.delete_crawler(name).await,
            _ => home.catalog.delete_connection(name).await,
        };
        done.or_else(|error| if error.kind == domain::ErrorKind::NotFound { Ok(()) } else { Err(error) })
    }
}

/// A kind of resource that the project file can declare.
trait Declared: Resource + Sized {
    /// What a dry run can say about mistakes.
    fn check(&self) -> Result<()> {
        Ok(())
    }
    fn same_as(&self, stored: &Stored<Self>, home: &Home) -> bool;
    async fn create(self, home: &Home) -> Result<()>;
    async fn update(self, home: &Home) -> Result<()>;
}

impl Declared for Connection {
    /// Secrets are sealed the same way each time, so that they can be compared as they are stored.
    fn same_as(&self, stored: &Stored<Self>, home: &Home) -> bool {
        self.sealed(home.catalog.sources().secrets()).is_ok_and(|sealed| sealed == stored.value)
    }
    async fn create(self, home: &Home) -> Result<()> {
        home.catalog.create_connection(self).await
    }
    async fn update(self, home: &Home) -> Result<()> {
        let name = self.name.clone();
        home.catalog.update_connection(&name, self).await
    }
}

impl Declared for Crawler {
    fn same_as(&self, stored: &Stored<Self>, _: &Home) -> bool {
        paused_as(self.clone(), stored) == stored.value
    }
    async fn create(self, home: &Home) -> Result<()> {
        home.catalog.create_crawler(self).await
    }
    async fn update(self, home: &Home) -> Result<()> {
        let name = self.name.clone();
        let stored = home.catalog.get_crawler(&name).await?;
        home.catalog.update_crawler(&name, paused_as(self, &stored)).await
    }
}

/// Whether a schedule is paused is not the file's to say.
fn paused_as(mut wanted: Crawler, stored: &Crawler) -> Crawler {
    if let (Some(wanted), Some(stored)) = (&mut wanted.schedule, &stored.schedule) {
        wanted.state = stored.state;
    }
    wanted
}

impl Declared for Job {
    fn check(&self) -> Result<()> {
        Self::check(self)
    }
    fn same_as(&self, stored: &Stored<Self>, _: &Home) -> bool {
        *self == stored.value
    }
    async fn create(self, home: &Home) -> Result<()> {
        home.jobs.create_job(self).await
    }
    async fn update(self, home: &Home) -> Result<()> {
        let name = self.name.clone();
        home.jobs.update_job(&name, self).await.map(|_| ())
    }
}

impl Declared for Pipeline {
    fn check(&self) -> Result<()> {
        Self::check(self)
    }
    fn same_as(&self, stored: &Stored<Self>, _: &Home) -> bool {
        *self == stored.value
    }
    async fn create(self, home: &Home) -> Result<()> {
        home.pipelines.put(self).await
    }
    async fn update(self, home: &Home) -> Result<()> {
        home.pipelines.put(self).await
    }
}

impl Declared for Workflow {
    fn same_as(&self, stored: &Stored<Self>, _: &Home) -> bool {
        Self { tags: stored.tags.clone(), ..self.clone() } == stored.value
    }
    async fn create(self, home: &Home) -> Result<()> {
        home.workflows.create_workflow(self).await
    }
    async fn update(self, home: &Home) -> Result<()> {
        home.workflows.update_workflow(self).await
    }
}

impl Declared for Rule {
    fn same_as(&self, stored: &Stored<Self>, _: &Home) -> bool {
        *self == stored.value
    }
    async fn create(self, home: &Home) -> Result<()> {
        home.notify.replace_rule(self).await
    }
    async fn update(self, home: &Home) -> Result<()> {
        home.notify.replace_rule(self).await
    }
}

impl Declared for Trigger {
    /// Whether it is activated, and when it last fired, is not the file's to say.
    fn same_as(&self, stored: &Stored<Self>, _: &Home) -> bool {
        let mut wanted = self.clone();
        wanted.activated = stored.activated;
        wanted.looked_at = stored.looked_at;
        wanted == stored.value
    }
    async fn create(self, home: &Home) -> Result<()> {
        let activate = self.r#type != TriggerType::OnDemand;
        home.workflows.create_trigger(self, activate).await
    }
    async fn update(self, home: &Home) -> Result<()> {
        home.workflows.update_trigger(self, true).await
    }
}

#[cfg(test)]
mod tests;
