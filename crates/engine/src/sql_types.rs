//! TIMESTAMP in a query: microseconds, as the catalogue has them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::error::Result;
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast::{DataType as SqlType, TimezoneInfo};

/// Reads TIMESTAMP without a precision as microseconds. DataFusion takes nanoseconds, which end in the year 2262: the last day of
/// 9999, with which many tables say "for ever", would be an error.
#[derive(Debug)]
pub(crate) struct Microseconds;

impl TypePlanner for Microseconds {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        let moment =
            matches!(sql_type, SqlType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) | SqlType::Datetime(None));
        Ok(moment.then(|| Arc::new(Field::new("", DataType::Timestamp(TimeUnit::Microsecond, None), true))))
    }
}
