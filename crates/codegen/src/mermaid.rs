//! A picture of a graph, as text that Mermaid draws.

use std::fmt::Write;

use crate::graph::Graph;
use crate::kinds::Role;

/// `flowchart LR`: sources round, targets as cylinders.
pub fn mermaid(graph: &Graph) -> String {
    let mut out = "flowchart LR\n".to_owned();
    let number = |id: &str| graph.nodes().position(|node| node.id == id).unwrap_or_default();
    for (at, node) in graph.nodes().enumerate() {
        let (open, close) = match node.kind.role {
            Role::Source => ("([", "])"),
            Role::Transform => ("[", "]"),
            Role::Target => ("[(", ")]"),
        };
        let _ = writeln!(out, "    n{at}{open}\"{}<br/>{}\"{close}", escape(&node.name), node.kind.name);
    }
    for (at, node) in graph.nodes().enumerate() {
        for input in &node.inputs {
            let _ = writeln!(out, "    n{} --> n{at}", number(input));
        }
    }
    out
}

/// Everything but letters, digits and harmless marks as a character's number, so that a name cannot be markup.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() || matches!(c, ' ' | '.' | ',' | '_' | '-' | '/' | ':') {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
    }
    out
}
