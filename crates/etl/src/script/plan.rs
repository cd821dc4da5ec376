//! Which jobs are script jobs, and what such a job runs.

use std::collections::BTreeMap;
use std::path::Path;

use domain::{Error, Result};
use store::Location;

use crate::arguments::Arguments;
use crate::job::{Job, JobSpec};

/// Glue's name of jobs that run a plain script; the other names are those of Spark and Ray.
const PYTHON_SHELL: &str = "pythonshell";
/// Arguments that are ours to read; scripts do not get them.
const PYTHON_FILES: &str = "--extra-py-files";
const FILES: &str = "--extra-files";
/// Arguments that ask for modules from the network.
const MODULES: [&str; 2] = ["--additional-python-modules", "--python-modules-installer-option"];
/// What Spark runs and we do not, whatever the job is called.
const SPARK_ENDINGS: [&str; 3] = ["scala", "jar", "ipynb"];

/// What one attempt runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScriptPlan {
    pub program: Program,
    pub arguments: Vec<String>,
    pub environment: BTreeMap<String, String>,
    /// Modules for Python's path.
    pub python_files: Vec<Location>,
    /// Copied into the working folder.
    pub files: Vec<Location>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Program {
    /// Copied into the working folder.
    Copied(Location),
    /// A program of the project's folder, or of the machine.
    InPlace(Location),
    OnPath(String),
}

/// Whether a job without a spec runs its script location as a program. A graph keeps its location unrun and is asked about before.
pub(crate) fn is_script(location: &str) -> bool {
    !location.to_ascii_lowercase().ends_with(".sql")
}

/// What can be said before a run brings its arguments.
pub(crate) fn check(job: &Job) -> Result<()> {
    check_python(job)?;
    for arguments in [&job.default_arguments, &job.non_overridable_arguments] {
        check_modules(job, arguments)?;
    }
    let (_, environment) = (program(job)?, environment(job));
    for (name, value) in environment {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(Error::invalid_input(format!(
                "Environment of job {:?} has names without '=' and values without NUL; found {name:?}.",
                job.name
            )));
        }
    }
    Ok(())
}

/// What a run with these (merged) arguments does.
pub(crate) fn plan(job: &Job, arguments: &Arguments) -> Result<ScriptPlan> {
    check_modules(job, arguments)?;
    let own = match &job.spec {
        Some(JobSpec::Script { arguments: Some(own), .. }) => Some(own),
        _ => None,
    };
    let arguments_of = match own {
        Some(own) => own.iter().map(|text| fill(job, text, arguments)).collect::<Result<_>>()?,
        None => handed_over(arguments),
    };
    Ok(ScriptPlan {
        program: program(job)?,
        arguments: arguments_of,
        environment: environment(job),
        python_files: locations(arguments.get(PYTHON_FILES))?,
        files: locations(arguments.get(FILES))?,
    })
}

fn location(job: &Job) -> Option<&str> {
    job.command.script_location.as_deref().filter(|text| !text.is_empty())
}

fn environment(job: &Job) -> BTreeMap<String, String> {
    match &job.spec {
        Some(JobSpec::Script { environment, .. }) => environment.clone(),
        _ => BTreeMap::new(),
    }
}

fn program(job: &Job) -> Result<Program> {
    if let Some(JobSpec::Script { executable: Some(executable), .. }) = &job.spec {
        if executable.is_empty() || executable.contains('\0') {
            return Err(Error::invalid_input(format!(
                "Executable of job {:?} is a program's name, a path or s3://bucket/key; found {executable:?}.",
                job.name
            )));
        }
        if !executable.contains('/') {
            return Ok(Program::OnPath(executable.clone()));
        }
        let location = Location::parse(executable)?;
        return Ok(if matches!(location, Location::S3 { .. }) { Program::Copied(location) } else { Program::InPlace(location) });
    }
    let script = location(job).ok_or_else(|| {
        Error::invalid_input(format!("Job {:?} needs a script: Spec.Script.Executable or Command.ScriptLocation; found neither.", job.name))
    })?;
    let kind = job.command.name.as_deref().unwrap_or(PYTHON_SHELL);
    let ending = Path::new(script).extension().and_then(|ending| ending.to_str()).unwrap_or("").to_ascii_lowercase();
    if kind != PYTHON_SHELL || SPARK_ENDINGS.contains(&ending.as_str()) {
        return Err(Error::invalid_input(format!(
            "Job {:?} is a Spark program (Command.Name {kind:?}, script {script:?}), which is not run here: a job is a graph \
             (CodeGenConfigurationNodes), SQL (a .sql script, or Spec.Sql), or a plain Python script (Command.Name \"pythonshell\").",
            job.name
        )));
    }
    Ok(Program::Copied(Location::parse(script)?))
}

fn check_python(job: &Job) -> Result<()> {
    match job.command.python_version.as_deref() {
        Some(version) if version.split('.').next() != Some("3") => {
            Err(Error::invalid_input(format!("PythonVersion of job {:?} is 3, as in \"3.9\"; found {version:?}.", job.name)))
        }
        _ => Ok(()),
    }
}

fn check_modules(job: &Job, arguments: &Arguments) -> Result<()> {
    match MODULES.iter().find(|key| arguments.contains_key(**key)) {
        Some(key) => Err(Error::invalid_input(format!(
            "Job {:?} has the argument {key}, but nothing is installed from the network for a run: install the modules for this \
             server's python3, or give wheels with {PYTHON_FILES}.",
            job.name
        ))),
        None => Ok(()),
    }
}

/// `--KEY value …`, as Glue does it.
fn handed_over(arguments: &Arguments) -> Vec<String> {
    let theirs = arguments.iter().filter(|(key, _)| ![PYTHON_FILES, FILES].contains(&key.as_str()));
    theirs.flat_map(|(key, value)| [key.clone(), value.clone()]).collect()
}

/// `${KEY}` becomes the argument `--KEY`; `$${` is a plain `${`.
fn fill(job: &Job, text: &str, arguments: &Arguments) -> Result<String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            filled.push_str(before);
            filled.push_str("${");
            rest = after;
            continue;
        }
        let (key, after) = after.split_once('}').unwrap_or((after, ""));
        let value = arguments.get(&format!("--{key}")).ok_or_else(|| {
            let known: Vec<&str> = arguments.keys().map(String::as_str).collect();
            Error::invalid_input(format!(
                "Arguments of job {:?} ask for ${{{key}}}; there is no argument --{key}, only {}.",
                job.name,
                known.join(", ")
            ))
        })?;
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    Ok(filled + rest)
}

/// A list with commas.
fn locations(list: Option<&String>) -> Result<Vec<Location>> {
    let parts = list.map(String::as_str).unwrap_or_default().split(',').map(str::trim);
    parts.filter(|part| !part.is_empty()).map(Location::parse).collect()
}
