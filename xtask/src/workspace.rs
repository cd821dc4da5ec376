//! The workspace as text: manifests, sources, lockfile, map.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use toml::{Table, Value};

/// Everything that the checks look at.
pub struct Workspace {
    /// In the order of the root manifest.
    pub packages: Vec<Package>,
    /// The text of Cargo.lock.
    pub lock: Table,
    /// The text of ARCHITECTURE.md, where there is one.
    pub architecture: Option<String>,
    /// The names of the pages in docs/errors, without `.md`.
    pub error_pages: Vec<String>,
}

/// One member of the workspace.
pub struct Package {
    pub name: String,
    /// Path of the manifest, relative to the root.
    pub path: String,
    pub text: String,
    pub manifest: Table,
    pub sources: Vec<Source>,
}

/// One `.rs` file.
pub struct Source {
    /// Relative to the root, with `/`.
    pub path: String,
    pub text: String,
}

impl Workspace {
    /// Reads the workspace at `root`.
    pub fn read(root: &Path) -> Result<Self> {
        let manifest: Table = parse(&root.join("Cargo.toml"))?;
        let members = manifest.get("workspace").and_then(|workspace| workspace.get("members")).and_then(Value::as_array);
        let members = members.with_context(|| format!("expected a list workspace.members in {}", root.join("Cargo.toml").display()))?;
        let packages = members.iter().filter_map(Value::as_str).map(|member| Package::read(root, member)).collect::<Result<_>>()?;
        let architecture = fs::read_to_string(root.join("ARCHITECTURE.md")).ok();
        Ok(Self { packages, lock: parse(&root.join("Cargo.lock"))?, architecture, error_pages: error_pages(root) })
    }
}

/// A folder that is not there has no pages.
fn error_pages(root: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root.join("docs/errors")) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.strip_suffix(".md").map(str::to_owned)).collect()
}

impl Package {
    fn read(root: &Path, member: &str) -> Result<Self> {
        let path = format!("{member}/Cargo.toml");
        let text = read(&root.join(&path))?;
        let mut files = Vec::new();
        rust_files(&root.join(member), &mut files)?;
        files.sort();
        let sources = files.iter().map(|file| Source::read(root, file)).collect::<Result<_>>()?;
        Self::new(&path, text, sources)
    }

    /// A package from the text of its manifest.
    pub fn new(path: &str, text: String, sources: Vec<Source>) -> Result<Self> {
        let manifest: Table = text.parse().with_context(|| format!("expected TOML in {path}"))?;
        let name = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
        let name = name.with_context(|| format!("expected package.name in {path}"))?.to_owned();
        Ok(Self { name, path: path.to_owned(), text, manifest, sources })
    }

    /// The dependencies with the table that each stands in: `dependencies`, `dev-dependencies` or `build-dependencies`, those of single targets included.
    pub fn dependencies(&self) -> Vec<(&'static str, &str, &Value)> {
        let targets = self.manifest.get("target").and_then(Value::as_table);
        let targets = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
        let mut found = Vec::new();
        for table in std::iter::once(&self.manifest).chain(targets) {
            for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
                let entries = table.get(kind).and_then(Value::as_table);
                found.extend(entries.into_iter().flatten().map(|(name, value)| (kind, name.as_str(), value)));
            }
        }
        found
    }

    /// The line of the manifest on which a dependency stands.
    pub fn line_of(&self, kind: &str, dependency: &str) -> usize {
        let mut inside = false;
        for (number, line) in (1..).zip(self.text.lines()) {
            let line = line.trim();
            if line.starts_with('[') {
                inside = line.ends_with(&format!("{kind}]"));
                if line.ends_with(&format!("{kind}.{dependency}]")) {
                    return number;
                }
            }
            let rest = line.strip_prefix(dependency).unwrap_or("none");
            if inside && rest.trim_start().starts_with(['.', '=']) {
                return number;
            }
        }
        1
    }
}

impl Source {
    fn read(root: &Path, file: &Path) -> Result<Self> {
        let path = file.strip_prefix(root).unwrap_or(file).to_string_lossy().replace('\\', "/");
        Ok(Self { path, text: read(file)? })
    }

    /// Whether the whole file is test code: `tests.rs`, or anything in a folder `tests` or `benches`.
    pub fn is_test(&self) -> bool {
        let folders = self.path.split('/').any(|part| part == "tests" || part == "benches");
        folders || self.path.ends_with("/tests.rs") || self.path.ends_with("_tests.rs")
    }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("expected to read {}", folder.display()))? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.') || name == "target");
        if path.is_dir() && !hidden {
            rust_files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

fn parse(path: &Path) -> Result<Table> {
    read(path)?.parse().with_context(|| format!("expected TOML in {}", path.display()))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("expected to read {}", path.display()))
}
