//! The filters of ListCrawls.

use domain::{Result, Timestamp};
use runs::Run;
use serde::Deserialize;

use super::crawlers::crawl_state;
use crate::input::Input;

/// Times are seconds since 1970.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CrawlFilter {
    field_name: Field,
    filter_operator: Operator,
    field_value: String,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Field {
    CrawlId,
    State,
    StartTime,
    EndTime,
    /// Always 0: nothing is charged for.
    DpuHour,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "UPPERCASE")]
enum Operator {
    Gt,
    Ge,
    Lt,
    Le,
    Eq,
    Ne,
}

impl CrawlFilter {
    pub fn read(input: &Input) -> Result<Vec<Self>> {
        if input.get("Filters").is_none() {
            return Ok(Vec::new());
        }
        let filters: Vec<Self> = input.member("Filters")?;
        for filter in &filters {
            let is_text = matches!(filter.field_name, Field::CrawlId | Field::State);
            if is_text && !matches!(filter.filter_operator, Operator::Eq | Operator::Ne) {
                return Err(input.error("compares CRAWL_ID and STATE with EQ or NE."));
            }
            if !is_text && filter.field_value.parse::<f64>().is_err() {
                return Err(
                    input.error(format!("compares times with seconds since 1970; found {:?} as \"FieldValue\".", filter.field_value))
                );
            }
        }
        Ok(filters)
    }

    /// A time that there is not yet is not equal to any.
    pub fn holds(&self, run: &Run) -> bool {
        match self.field_name {
            Field::CrawlId => self.text(&run.id.0),
            Field::State => self.text(crawl_state(run)),
            Field::StartTime => self.time(Some(run.started.unwrap_or(run.created))),
            Field::EndTime => self.time(run.ended),
            Field::DpuHour => self.number(0.0),
        }
    }

    fn text(&self, found: &str) -> bool {
        (found == self.field_value) == matches!(self.filter_operator, Operator::Eq)
    }

    fn time(&self, found: Option<Timestamp>) -> bool {
        found.is_some_and(|found| self.number(found.epoch()))
    }

    fn number(&self, found: f64) -> bool {
        let Ok(wanted) = self.field_value.parse::<f64>() else { return false };
        let same = (found - wanted).abs() < 0.001;
        match self.filter_operator {
            Operator::Gt => found > wanted && !same,
            Operator::Ge => found > wanted || same,
            Operator::Lt => found < wanted && !same,
            Operator::Le => found < wanted || same,
            Operator::Eq => same,
            Operator::Ne => !same,
        }
    }
}
