//! EventBridge, as far as rules about our own events need it: one bus, rules with patterns, targets, custom events.

pub(crate) mod bus;
mod error;
pub(crate) mod rules;
pub(crate) mod targets;

pub(crate) use error::exception;

use domain::{Error, ErrorKind, Result};

use crate::app::App;
use crate::input::Input;

/// The only bus there is.
const BUS: &str = "default";

/// Names and ARNs of other buses are refused: nothing would ever come by there.
fn check_bus(app: &App, input: &Input) -> Result<()> {
    match input.optional_text("EventBusName")? {
        Some(name) if name != BUS && name != arn(app, "event-bus", BUS) => {
            Err(Error::new(ErrorKind::NotFound, format!("Event bus {name} does not exist; there is the bus {BUS:?} only.")))
        }
        _ => Ok(()),
    }
}

fn arn(app: &App, kind: &str, name: &str) -> String {
    format!("arn:aws:events:{}:{}:{kind}/{name}", app.partition.region, app.partition.account)
}
