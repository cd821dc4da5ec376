//! Who is at work.

use domain::Result;

use crate::commands::print_json;
use crate::home::Home;
use crate::words::{say, table};

pub async fn nodes(home: &Home, json: bool) -> Result<()> {
    let nodes = home.runs.nodes().await?;
    if json {
        return print_json(&nodes);
    }
    if nodes.is_empty() {
        say!("No node is at work: begin with `penchant serve`.");
        return Ok(());
    }
    let now = home.runs.store().clock().now();
    let row = |node: &runs::Node| {
        let heard_of = format!("{} s ago", now.since_ms(node.seen) / 1000);
        vec![node.name.clone(), node.roles.join(","), node.address.clone().unwrap_or_default(), heard_of]
    };
    say!("{}", table(&["node", "roles", "address", "heard of"], &nodes.iter().map(row).collect::<Vec<_>>()));
    Ok(())
}
