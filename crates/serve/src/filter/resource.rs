//! Filters as resources. Active at once: what they need in memory is made ready before the creation is answered.

use domain::{Arn, Error, Name, Result};
use serde::{Deserialize, Serialize};
use store::{Resource, Stored};

use super::check::Schemas;
use super::parser::parse;
use crate::serving::Serving;

/// Key: its ARN; parent: its group's ARN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    pub name: Name,
    pub filter_arn: Arn,
    pub dataset_group_arn: Arn,
    pub filter_expression: String,
}

impl Resource for Filter {
    const KIND: &'static str = "filter";
    fn key(&self) -> String {
        self.filter_arn.to_string()
    }
    fn parent(&self) -> String {
        self.dataset_group_arn.to_string()
    }
}

/// The request of CreateFilter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateFilter {
    pub name: String,
    pub dataset_group_arn: Arn,
    pub filter_expression: String,
}

fn holder(filter: &Filter) -> String {
    format!("filter \"{}\"", filter.name)
}

impl Serving {
    /// Refuses an expression that cannot be read, or that names what the group's schemas do not have (code `FILTER_INVALID`).
    pub async fn create_filter(&self, request: CreateFilter) -> Result<Filter> {
        let name = Name::new(request.name)?;
        let filter_arn = self.partition().personalize("filter", &name);
        let filter =
            Filter { name, filter_arn, dataset_group_arn: request.dataset_group_arn, filter_expression: request.filter_expression };
        let datasets = self.training().datasets();
        let expression = parse(&filter.filter_expression)?;
        Schemas::of(&datasets.snapshot_now(&filter.dataset_group_arn).await?)?.check(&expression)?;
        let mut tx = self.store().begin().await?;
        if tx.find::<Filter>(filter.filter_arn.as_str()).await?.is_some() {
            return Err(Error::already_exists(format!("Filter \"{}\"", filter.name)));
        }
        tx.create(&filter).await?;
        datasets.hold_group_in(&mut tx, &filter.dataset_group_arn, &holder(&filter)).await?;
        tx.commit().await?;
        self.refresh_or_tell().await;
        Ok(filter)
    }

    pub async fn get_filter(&self, arn: &Arn) -> Result<Stored<Filter>> {
        self.store().get(arn.as_str()).await
    }

    /// Those of one group, or all.
    pub async fn list_filters(&self, dataset_group_arn: Option<&Arn>) -> Result<Vec<Stored<Filter>>> {
        match dataset_group_arn {
            Some(group) => self.store().children(group.as_str()).await,
            None => self.store().list().await,
        }
    }

    /// Requests that name it are refused from now on.
    pub async fn delete_filter(&self, arn: &Arn) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let filter = tx.get::<Filter>(arn.as_str()).await?;
        tx.delete::<Filter>(arn.as_str()).await?;
        self.training().datasets().release_group_in(&mut tx, &filter.dataset_group_arn, &holder(&filter)).await?;
        tx.commit().await?;
        self.refresh_or_tell().await;
        Ok(())
    }
}
