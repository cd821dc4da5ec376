//! What Glue calls the settings of a table's column statistics: above all, when they are made by themselves.

use domain::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use store::{Resource, Stored, Tx};

use crate::catalog::{Catalog, fold};
use crate::crawler::{CrawlerSchedule, ScheduleState};
use crate::schedules::{self, ScheduleLook};
use crate::table::Table;

/// Glue's `ColumnStatisticsTaskSettings`, one for each table. The schedule is fired by [`crate::Schedules`]; the other members are kept
/// and have no effect: a run looks at all columns, over a sample of rows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StatisticsSettings {
    pub database_name: String,
    pub table_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<CrawlerSchedule>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub column_name_list: Vec<String>,
    /// A share in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_size: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_configuration: Option<String>,
}

impl Resource for StatisticsSettings {
    const KIND: &'static str = "statistics_settings";
    fn key(&self) -> String {
        Table::key_of(&self.database_name, &self.table_name)
    }
    fn parent(&self) -> String {
        self.database_name.clone()
    }
}

impl StatisticsSettings {
    fn validate(&self, table: &Table) -> Result<()> {
        let place = format!("{}.{}", self.database_name, self.table_name);
        if let Some(schedule) = &self.schedule {
            schedule.parse()?;
        }
        if let Some(size) = self.sample_size.filter(|size| !(*size > 0.0 && *size <= 100.0)) {
            return Err(Error::invalid_input(format!("SampleSize is a share above 0 and up to 100 percent; found {size} for {place}.")));
        }
        let has = |name: &String| table.columns().iter().chain(&table.partition_keys).any(|column| column.name.eq_ignore_ascii_case(name));
        match self.column_name_list.iter().find(|name| !has(name)) {
            Some(name) => Err(Error::invalid_input(format!("ColumnNameList holds columns of {place}; found {name:?}, which it has not."))),
            None => Ok(()),
        }
    }
}

/// Names as the catalog keeps them, and no schedule instead of an empty one.
fn folded(settings: StatisticsSettings) -> StatisticsSettings {
    StatisticsSettings {
        database_name: fold(&settings.database_name),
        table_name: fold(&settings.table_name),
        schedule: settings.schedule.filter(|schedule| !schedule.is_empty()),
        ..settings
    }
}

impl Catalog {
    /// The schedule, if there is one, fires from now on.
    pub async fn create_statistics_settings(&self, settings: StatisticsSettings) -> Result<()> {
        let settings = folded(settings);
        let mut tx = self.store().begin().await?;
        settings.validate(&tx.get::<Table>(&settings.key()).await?.value)?;
        tx.create(&settings).await?;
        ScheduleLook::mark(&mut tx, &settings).await?;
        tx.commit().await
    }

    pub async fn get_statistics_settings(&self, database: &str, table: &str) -> Result<Stored<StatisticsSettings>> {
        let key = self.get_table(database, table).await?.key();
        self.store().get(&key).await
    }

    /// Replaces everything but the names. Another schedule than before counts from now on.
    pub async fn update_statistics_settings(&self, settings: StatisticsSettings) -> Result<()> {
        let settings = folded(settings);
        let key = settings.key();
        let mut tx = self.store().begin().await?;
        settings.validate(&tx.get::<Table>(&key).await?.value)?;
        let before = tx.get::<StatisticsSettings>(&key).await?.value.schedule;
        if before != settings.schedule {
            ScheduleLook::mark(&mut tx, &settings).await?;
        }
        let replace = |old: &mut StatisticsSettings| {
            *old = settings;
            Ok(())
        };
        tx.update::<StatisticsSettings>(&key, replace).await?;
        tx.commit().await
    }

    /// What its schedule started goes on.
    pub async fn delete_statistics_settings(&self, database: &str, table: &str) -> Result<()> {
        let key = self.get_table(database, table).await?.key();
        self.store().delete::<StatisticsSettings>(&key).await
    }

    /// From now on the schedule fires; one that does already is left alone. `InvalidInput` when there is none.
    pub async fn start_statistics_schedule(&self, database: &str, table: &str) -> Result<()> {
        self.set_statistics_schedule(database, table, ScheduleState::Scheduled).await
    }

    /// The schedule stays and does not fire. `InvalidInput` when there is none.
    pub async fn stop_statistics_schedule(&self, database: &str, table: &str) -> Result<()> {
        self.set_statistics_schedule(database, table, ScheduleState::NotScheduled).await
    }

    async fn set_statistics_schedule(&self, database: &str, table: &str, state: ScheduleState) -> Result<()> {
        let settings = self.get_statistics_settings(database, table).await?.value;
        let Some(schedule) = settings.schedule.as_ref() else {
            return Err(Error::invalid_input(format!("The column statistics of {database}.{table} have no schedule.")));
        };
        if schedule.state == state {
            return Ok(());
        }
        let set = |schedule: Option<&CrawlerSchedule>| Ok(schedule.map(|schedule| CrawlerSchedule { state, ..schedule.clone() }));
        schedules::change::<StatisticsSettings>(self, &settings.key(), set).await
    }
}

/// Forgets the settings of a table that goes.
pub(crate) async fn drop_settings(tx: &mut Tx, table: &str) -> Result<()> {
    match tx.delete::<StatisticsSettings>(table).await {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
