//! A job as SQL text, and the text read back when it has become the job's own source.
//!
//! A statement begins with a comment line `-- target: ID (name)`; statements are separated by `;`. Text with one statement is a plain
//! SELECT, the comment is then optional. What a target is (folder, format, table, keys) stays in the job under its id.

use domain::{Error, Result};
use serde::Serialize;
use serde_json::Value;

use crate::direct::DirectSource;
use crate::members::StopOptions;
use crate::sql::{self, Token};
use crate::target::TargetSpec;

const MARK: &str = "target:";

/// A compiled graph.
#[derive(Debug, Clone, Serialize)]
pub struct Script {
    /// In the order of the graph.
    pub statements: Vec<Statement>,
    /// To be registered before a statement is planned or run.
    pub sources: Vec<DirectSource>,
}

/// One SELECT and what becomes of its rows.
#[derive(Debug, Clone, Serialize)]
pub struct Statement {
    /// The id of the target (Spigot, data quality) node.
    pub node: String,
    pub name: String,
    pub purpose: Purpose,
    /// No `;` at the end.
    pub sql: String,
    /// Its last SELECT, without the CTEs.
    #[serde(skip)]
    pub(crate) last: String,
    /// Ids of the nodes in it, inputs first, the target last.
    pub nodes: Vec<String>,
}

/// What a statement is for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Purpose {
    Target(TargetSpec),
    /// A Spigot's sample; a job does not need it to succeed.
    Sample(TargetSpec),
    /// One row per rule. `publishing` has Glue's PublishingOptions; `stop_on_failure` is `Immediate` or `AfterDataLoad`.
    Quality {
        publishing: Value,
        stop_on_failure: Option<String>,
    },
}

impl Purpose {
    pub(crate) fn quality(publishing: &Value, stop: &StopOptions) -> Self {
        Self::Quality { publishing: publishing.clone(), stop_on_failure: stop.stop_job_on_failure_timing.clone() }
    }
}

/// A statement of a script's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The id of the target; `None` for the only statement of a text that does not say.
    pub target: Option<String>,
    pub sql: String,
}

impl Script {
    /// The whole script of the job `job`, to be printed or ejected.
    pub fn text(&self, job: &str) -> String {
        let mut out = sql::comment(&format!("Job {job}: one CTE per node of its graph.")) + "\n";
        if self.statements.len() > 1 {
            out += "-- A statement for each target; the lines \"-- target:\" say which, so keep them.\n";
        }
        for (at, statement) in self.statements.iter().enumerate() {
            out += if at > 0 { ";\n\n" } else { "\n" };
            out += &sql::comment(&format!("{MARK} {} ({})", statement.node, statement.name));
            out += "\n";
            out += &statement.sql;
            out += "\n";
        }
        out
    }

    /// Reads a script's text, whoever has edited it.
    pub fn parse(text: &str) -> Result<Vec<Part>> {
        let mut parts = vec![Draft::default()];
        for token in sql::tokens(text).map_err(|error| invalid(format!("The job's {}", error.message)))? {
            let Some(part) = parts.last_mut() else { break };
            match token {
                Token::Symbol(';') => parts.push(Draft::default()),
                other => part.add(other),
            }
        }
        // A `;` may end the last statement.
        let parts: Vec<Draft> = parts.into_iter().filter(|part| part.begun || part.target.is_some()).collect();
        let several = parts.len() > 1;
        let mut found: Vec<Part> = Vec::new();
        for (at, part) in parts.into_iter().enumerate() {
            if !part.begun {
                return Err(invalid(format!("Expected a SELECT under \"-- target: {}\", found none.", part.target.unwrap_or_default())));
            }
            if several && part.target.is_none() {
                return Err(invalid(format!("Expected a line \"-- target: ID\" before statement {} of several, found none.", at + 1)));
            }
            if found.iter().any(|other| other.target == part.target) {
                return Err(invalid(format!("Expected one statement for the target {:?}, found two.", part.target.unwrap_or_default())));
            }
            found.push(Part { target: part.target, sql: part.sql.trim().to_owned() });
        }
        if found.is_empty() {
            return Err(invalid("Expected SQL in the job's source, found none."));
        }
        Ok(found)
    }
}

#[derive(Default)]
struct Draft {
    target: Option<String>,
    sql: String,
    /// A token of the SELECT was seen; comments before it may say the target.
    begun: bool,
}

impl Draft {
    fn add(&mut self, token: Token<'_>) {
        match token {
            Token::Comment(comment) => {
                let mark = comment.trim_start_matches('-').trim().strip_prefix(MARK);
                if let (false, true, Some(mark)) = (self.begun, comment.starts_with("--"), mark) {
                    self.target = mark.split_whitespace().next().map(str::to_owned);
                }
                if self.begun {
                    self.sql.push_str(comment);
                }
            }
            Token::Space(space) if self.begun => self.sql.push_str(space),
            Token::Space(_) => {}
            Token::Text(text) | Token::Name(text) | Token::Word(text) => {
                self.begun = true;
                self.sql.push_str(text);
            }
            Token::Symbol(c) => {
                self.begun = true;
                self.sql.push(c);
            }
        }
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::invalid_input(message).code("JOB_GRAPH_INVALID")
}
