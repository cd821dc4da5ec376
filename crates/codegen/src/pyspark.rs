//! The same graph for those who leave: a PySpark script that needs neither Penchant nor `awsglue`.
//!
//! Each CTE becomes `step(name, sql)`, a temporary view; sources and targets are Spark's readers and writers. The SQL is the compiled
//! one, its words exchanged token by token for Spark's.

use std::collections::BTreeMap;
use std::fmt::Write;

use domain::Result;

use crate::compile::{Column, Compiler, Planner, Step};
use crate::direct::{DirectKind, DirectSource, FileKind};
use crate::graph::Graph;
use crate::script::{Purpose, Statement};
use crate::sql::{self, Token};
use crate::target::{FileFormat, TablePlace, TargetSpec, WriteMode};

/// Python definitions of Penchant's functions that Spark lacks, cut apart at `def`.
const FUNCTIONS: &str = include_str!("functions.py");

/// The functions of [`FUNCTIONS`] and the Spark types that they give.
const RETURNS: &[(&str, &str)] = &[
    ("parse_timestamp", "timestamp"),
    ("parse_date", "date"),
    ("epoch_seconds", "bigint"),
    ("normalize_text", "string"),
    ("sha256_hex", "string"),
    ("safe_divide", "double"),
    ("jaro_winkler", "double"),
];

/// The script of the job `job`.
pub async fn pyspark(graph: &Graph, planner: &dyn Planner, job: &str) -> Result<String> {
    let mut compiler = Compiler::new(graph, planner);
    for node in graph.nodes() {
        compiler.node(node).await.map_err(|error| node.error(error))?;
    }
    let sources: BTreeMap<String, DirectSource> = graph.direct_sources().into_iter().map(|source| (source.node.clone(), source)).collect();
    let mut body = String::new();
    for step in &compiler.steps {
        let _ = writeln!(body, "\n{}", python_comment(&compiler.remark(step)));
        let source = sources.get(&step.node);
        if let Some(source) = source {
            for note in notes(source) {
                let _ = writeln!(body, "# {}", one_line(&note));
            }
            let _ = writeln!(body, "{}.createOrReplaceTempView({})", reader(source), string(&format!("`{}_source`", source.table)));
        }
        let text = source.map_or_else(|| step.body.clone(), |source| from_view(step, source));
        let _ = writeln!(body, "step({}, {})", string(&step.cte), block(&spark(&text)));
    }
    for statement in &compiler.statements {
        body += &writer(statement);
    }
    Ok(head(job, &body) + &body)
}

/// The query of a direct source reads the view that its reader made, under another name than its own.
fn from_view(step: &Step, source: &DirectSource) -> String {
    let table = crate::graph::Node::direct_table(&source.table);
    step.body.replacen(&table, &sql::identifier(&format!("{}_source", source.table)), 1)
}

fn head(job: &str, body: &str) -> String {
    let mut out = format!("# {}\n", one_line(&format!("The job {job} as PySpark: one view per node of its graph.")));
    if body.contains("connection(") {
        out += "# Connections: CONNECTION_<NAME>_URL (JDBC URL, MongoDB URI or Kafka servers), _USER and _PASSWORD in the environment.\n";
    }
    out += "import os\nimport re\n\nfrom pyspark.sql import SparkSession\n\n";
    let _ = writeln!(out, "spark = SparkSession.builder.appName({}).enableHiveSupport().getOrCreate()", string(job));
    out += "spark.conf.set(\"spark.sql.session.timeZone\", \"UTC\")\n";
    out += PRELUDE;
    let used: Vec<&(&str, &str)> = RETURNS.iter().filter(|(name, _)| body.contains(&format!("{name}("))).collect();
    let uses = |names: &[&str]| used.iter().any(|(name, _)| names.contains(name));
    let needed = |name: &str| match name {
        "_micros" => uses(&["parse_timestamp", "parse_date", "epoch_seconds"]),
        "parse_timestamp" => uses(&["parse_timestamp", "parse_date"]),
        name => uses(&[name]),
    };
    for part in FUNCTIONS.split("\n\n\n") {
        let name = part.trim_start().trim_start_matches("def ").split('(').next().unwrap_or_default();
        if needed(name) {
            let _ = writeln!(out, "\n\n{}", part.trim());
        }
    }
    if !used.is_empty() {
        out += "\n\n";
    }
    for (name, kind) in used {
        let _ = writeln!(out, "spark.udf.register({}, {name}, {})", string(name), string(kind));
    }
    out
}

const PRELUDE: &str = r##"

def step(name, query):
    """A node's rows as a view under the node's name."""
    frame = spark.sql(query)
    frame.createOrReplaceTempView("`" + name.replace("`", "``") + "`")
    return frame


def connection(name):
    """Where a connection leads, from the environment."""
    prefix = "CONNECTION_" + re.sub("[^A-Z0-9]", "_", name.upper())
    return {key: os.environ.get(f"{prefix}_{key.upper()}", "") for key in ("url", "user", "password")}
"##;

/// Penchant's SQL in Spark's words.
pub(crate) fn spark(text: &str) -> String {
    let Ok(tokens) = sql::tokens(text) else { return text.to_owned() };
    let mut out = String::new();
    for (at, token) in tokens.iter().enumerate() {
        let next = |by: usize| tokens.get(at + by);
        match token {
            Token::Name(name) => {
                let _ = write!(out, "`{}`", sql::unquote(name).replace('`', "``"));
            }
            // Spark reads backslashes in texts, and two texts in a row as one.
            Token::Text(text) => {
                let _ = write!(out, "'{}'", sql::unquote(text).replace('\\', "\\\\").replace('\'', "\\'"));
            }
            Token::Word(word) => {
                let call = matches!(next(1), Some(Token::Symbol('(')));
                let index = at > 0 && matches!(tokens.get(at - 1), Some(Token::Symbol('['))) && matches!(next(1), Some(Token::Symbol(']')));
                let spelled = match word.to_ascii_lowercase().as_str() {
                    "varchar" if !call => "STRING".to_owned(),
                    "unnest" if call => "explode".to_owned(),
                    "generate_series" if call => "sequence".to_owned(),
                    "json_get" if call => "get_json_object".to_owned(),
                    // Lists begin at 1 here and at 0 there.
                    _ if index => format!("{word} - 1"),
                    _ => (*word).to_owned(),
                };
                out += &spelled;
            }
            Token::Space(piece) | Token::Comment(piece) => out += piece,
            Token::Symbol(c) => out.push(*c),
        }
    }
    out
}

/// What Spark's readers cannot do.
fn notes(source: &DirectSource) -> Vec<String> {
    let DirectKind::Files { exclusions, format, .. } = &source.kind else { return Vec::new() };
    let mut notes = Vec::new();
    if !exclusions.is_empty() {
        notes.push(format!("The job leaves out {}; this reads them, so move them away.", exclusions.join(", ")));
    }
    if let FileKind::Json { path: Some(path), .. } = format {
        notes.push(format!("The job reads the records at {path} of each document; this reads the documents."));
    }
    notes
}

fn reader(source: &DirectSource) -> String {
    let named = |column: &Column| format!("`{}`", column.name.replace('`', "``"));
    match &source.kind {
        DirectKind::Files { paths, recurse, format, compression, .. } => {
            let mut options = vec![("recursiveFileLookup".to_owned(), python_bool(*recurse))];
            if let Some(compression) = compression {
                options.push(("compression".to_owned(), string(compression)));
            }
            let name = match format {
                FileKind::Csv { separator, quote, escape, header, multiline } => {
                    options.push(("sep".to_owned(), string(&separator.to_string())));
                    options.push(("quote".to_owned(), string(&quote.map(String::from).unwrap_or_default())));
                    options.push(("escape".to_owned(), string(&escape.unwrap_or('"').to_string())));
                    options.push(("header".to_owned(), python_bool(*header)));
                    options.push(("multiLine".to_owned(), python_bool(*multiline)));
                    // Columns are said by their places; where there is a header it has to say the same.
                    let (option, value) = if source.columns.is_empty() { ("inferSchema", true) } else { ("enforceSchema", !*header) };
                    options.push((option.to_owned(), python_bool(value)));
                    "csv"
                }
                FileKind::Json { multiline, .. } => {
                    options.push(("multiLine".to_owned(), python_bool(*multiline)));
                    "json"
                }
                FileKind::Parquet => "parquet",
            };
            let options: Vec<String> = options.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let declared = |one: &dyn Fn(&Column) -> String| source.columns.iter().map(one).collect::<Vec<_>>();
            let (schema, casts) = match format {
                _ if source.columns.is_empty() => (String::new(), String::new()),
                // These files say their types, which may be narrower than those that the job says.
                FileKind::Parquet => {
                    let casts = declared(&|column| format!("CAST({0} AS {1}) AS {0}", named(column), column.data_type));
                    (String::new(), format!(".selectExpr(*{})", list(&casts)))
                }
                _ => {
                    let columns = declared(&|column| format!("{} {}", named(column), column.data_type));
                    (format!(".schema({})", string(&columns.join(", "))), String::new())
                }
            };
            format!("spark.read.format({}){schema}.options({}).load({}){casts}", string(name), options.join(", "), list(paths))
        }
        DirectKind::Table { connection, database, table } => match database.as_deref().filter(|_| !table.contains('.')) {
            Some(database) => format!(
                "spark.read.format(\"jdbc\").options(**connection({}), dbtable={}).load()",
                string(connection),
                string(&format!("{database}.{table}"))
            ),
            None => format!("spark.read.format(\"jdbc\").options(**connection({}), dbtable={}).load()", string(connection), string(table)),
        },
        DirectKind::Topic { connection, topic, .. } => format!(
            "spark.read.format(\"kafka\").option(\"kafka.bootstrap.servers\", connection({})[\"url\"]).option(\"subscribe\", {}).load()",
            string(connection),
            string(topic)
        ),
    }
}

fn writer(statement: &Statement) -> String {
    let mut out = format!("\n# {}\n", one_line(&format!("{} ({})", statement.name, statement.node)));
    let rows = format!("rows = spark.sql({})\n", block(&spark(&statement.last)));
    match &statement.purpose {
        Purpose::Quality { .. } => {
            out += &rows;
            out += "rows.show(1000, truncate=False)\n";
        }
        Purpose::Target(spec) | Purpose::Sample(spec) => {
            out += &rows;
            out += &write(spec);
        }
    }
    out
}

fn write(spec: &TargetSpec) -> String {
    match spec {
        TargetSpec::Files { path, format, compression, partition_keys, mode, files, .. } => {
            let (name, more) = match format {
                FileFormat::Csv => ("csv", ".option(\"header\", True).option(\"escape\", '\"')"),
                FileFormat::Json => ("json", ""),
                FileFormat::Parquet => ("parquet", ""),
            };
            let repartition = files.map(|files| format!(".repartition({files})")).unwrap_or_default();
            let mut out = format!("rows{repartition}.write.mode({}){more}", mode_word(*mode));
            if let Some(compression) = compression {
                let _ = write!(out, ".option(\"compression\", {})", string(compression));
            }
            if !partition_keys.is_empty() {
                let _ = write!(out, ".partitionBy({})", list(partition_keys));
            }
            let _ = writeln!(out, ".format({}).save({})", string(name), string(path));
            out
        }
        TargetSpec::Table { place, mode, keys, partition_keys } => {
            let (note, mode, suffix) = if *mode == WriteMode::Upsert {
                let keys = one_line(&keys.join(", "));
                (format!("# Spark cannot upsert: this writes a table to MERGE from, by {keys}.\n"), WriteMode::Overwrite, "_new_rows")
            } else {
                (String::new(), *mode, "")
            };
            let mode = mode_word(mode);
            let partitions = if partition_keys.is_empty() { String::new() } else { format!(".partitionBy({})", list(partition_keys)) };
            match place {
                TablePlace::Catalog { database, table } => {
                    let name = format!("`{}`.`{}{suffix}`", database.replace('`', "``"), table.replace('`', "``"));
                    format!("{note}rows.write.mode({mode}){partitions}.saveAsTable({})\n", string(&name))
                }
                TablePlace::Connection { connection, table } => format!(
                    "{note}rows.write.mode({mode}).format(\"jdbc\").options(**connection({}), dbtable={}).save()\n",
                    string(connection),
                    string(&format!("{table}{suffix}"))
                ),
            }
        }
    }
}

fn mode_word(mode: WriteMode) -> &'static str {
    if mode == WriteMode::Append { "\"append\"" } else { "\"overwrite\"" }
}

fn python_bool(value: bool) -> String {
    if value { "True" } else { "False" }.to_owned()
}

/// A Python string constant.
fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\n' => out += "\\n",
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => _ = write!(out, "\\U{:08x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out + "\""
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| string(text)).collect::<Vec<_>>().join(", "))
}

/// SQL as a Python constant over several lines.
fn block(sql: &str) -> String {
    let text = sql.replace('\\', "\\\\").replace('"', "\\\"").replace('\r', "\\r");
    format!("\"\"\"\n{text}\n\"\"\"")
}

fn one_line(text: &str) -> String {
    sql::comment(text).trim_start_matches("-- ").to_owned()
}

fn python_comment(remark: &str) -> String {
    remark.lines().map(|line| format!("# {}", line.trim_start_matches("-- "))).collect::<Vec<_>>().join("\n")
}
