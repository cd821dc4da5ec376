#![allow(clippy::unwrap_used)]

use toml::Table;

use super::*;
use crate::lexer::{functions, masked, without_tests};
use crate::workspace::{Package, Source};

const HOUSE: [&str; 7] = ["domain", "store", "connect", "catalog", "engine", "testkit", "penchant"];

fn package(name: &str, dependencies: &str) -> Package {
    let text = format!("[package]\nname = \"{name}\"\n\n{dependencies}");
    Package::new(&format!("crates/{name}/Cargo.toml"), text, vec![file("src/lib.rs", "//! A crate.\n")]).unwrap()
}

fn file(path: &str, text: &str) -> Source {
    Source { path: format!("crates/x/{path}"), text: text.to_owned() }
}

fn lines(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

fn source_findings(path: &str, text: &str) -> Vec<String> {
    lines(&source::check("x", &file(path, text)))
}

#[test]
fn imports_against_the_plan_are_found() {
    let check = |name, dependencies| lines(&imports::check(&package(name, dependencies), &HOUSE));
    assert_eq!(
        check(
            "catalog",
            "[dependencies]\ndomain = { path = \"../domain\" }\nconnect = { path = \"../connect\" }\nserde.workspace = true\n"
        ),
        [""; 0]
    );
    assert_eq!(
        check("connect", "[dependencies]\ndomain = { path = \"../domain\" }\ncatalog = { path = \"../catalog\" }\n"),
        ["crates/connect/Cargo.toml:6: expected `connect` to import only `domain`, `store`, `runs`, found `catalog` in dependencies"]
    );
    assert_eq!(
        check("domain", "[dependencies.store]\npath = \"../store\"\n"),
        ["crates/domain/Cargo.toml:4: expected `domain` to import only nothing of the house, found `store` in dependencies"]
    );
}

#[test]
fn testkit_is_for_tests_only() {
    let check = |dependencies| lines(&imports::check(&package("catalog", dependencies), &HOUSE)).len();
    assert_eq!(check("[dev-dependencies]\ntestkit = { path = \"../testkit\" }\n"), 0);
    assert_eq!(check("[dependencies]\ntestkit = { path = \"../testkit\" }\n"), 1);
    assert_eq!(check("[dev-dependencies]\nengine = { path = \"../engine\" }\n"), 1);
    assert_eq!(check("[target.'cfg(unix)'.dependencies]\nengine = { path = \"../engine\" }\n"), 1);
}

#[test]
fn a_package_without_a_row_is_found() {
    let found = lines(&imports::check(&package("warehouse", ""), &HOUSE));
    assert_eq!(found, ["crates/warehouse/Cargo.toml:1: expected a row for `warehouse` in xtask/src/imports.rs, found none"]);
}

#[test]
fn versions_outside_the_root_are_found() {
    let check = |line: &str| lines(&manifest::check(&package("catalog", &format!("[dependencies]\n{line}\n")), &HOUSE));
    for fine in ["serde.workspace = true", "serde = { workspace = true, optional = true }", "domain = { path = \"../domain\" }"] {
        assert_eq!(check(fine), [""; 0], "{fine}");
    }
    assert_eq!(
        check("serde = \"1\""),
        ["crates/catalog/Cargo.toml:5: expected `serde.workspace = true` and the version in the root manifest, found \"1\""]
    );
    assert_eq!(
        check("warehouse = { path = \"../warehouse\" }"),
        ["crates/catalog/Cargo.toml:5: expected `warehouse` among the members of the workspace, found only its path"]
    );
    for wrong in [
        "serde = { version = \"1\", features = [\"derive\"] }",
        "serde = { git = \"https://example.org/serde\" }",
        "domain.workspace = true",
        "domain = { path = \"../domain\", version = \"1\" }",
    ] {
        assert_eq!(check(wrong).len(), 1, "{wrong}");
    }
}

#[test]
fn a_way_to_the_heavy_tree_is_found() {
    let lock = |extra: &str| -> Table {
        let base = r#"
            [[package]]
            name = "datafusion"
            version = "55.2.0"
            [[package]]
            name = "engine"
            version = "0.1.0"
            dependencies = ["datafusion"]
            [[package]]
            name = "penchant"
            version = "0.1.0"
            dependencies = ["engine"]
        "#;
        format!("{base}{extra}").parse().unwrap()
    };
    let catalog = |dependency: &str| format!("[[package]]\nname = \"catalog\"\nversion = \"0.1.0\"\ndependencies = [\"{dependency}\"]\n");
    assert_eq!(lines(&lockfile::check(&lock(&catalog("serde")), &HOUSE)), [""; 0]);
    assert_eq!(
        lines(&lockfile::check(&lock(&catalog("engine")), &HOUSE)),
        ["Cargo.lock:1: expected only engine and penchant to reach datafusion, found catalog -> engine -> datafusion"]
    );
    let helper = "[[package]]\nname = \"helper\"\nversion = \"2.0.0\"\ndependencies = [\"datafusion\"]\n";
    assert_eq!(lockfile::check(&lock(&(catalog("helper 2.0.0") + helper)), &HOUSE).len(), 1, "a way by a package with its version");
}

#[test]
fn a_crate_that_does_not_say_what_it_is_for_is_found() {
    let mut package = package("catalog", "");
    package.sources = vec![file("src/lib.rs", "use std::fmt;\n"), file("src/inner/lib.rs", "//! not it\n")];
    assert_eq!(
        lines(&source::check_opening(&package)),
        ["crates/x/src/lib.rs:1: expected the crate's purpose in a `//!` comment, found `use std::fmt;`"]
    );
    package.sources = vec![file("src/main.rs", "//! The binary.\n")];
    assert_eq!(source::check_opening(&package), []);
    package.sources.clear();
    assert_eq!(source::check_opening(&package).len(), 1);
}

#[test]
fn long_files_are_found() {
    let constants = |count| "const A: u8 = 1;\n".repeat(count);
    assert_eq!(source_findings("src/a.rs", &constants(600)), [""; 0]);
    assert_eq!(
        source_findings("src/a.rs", &constants(601)),
        ["crates/x/src/a.rs:601: expected at most 600 lines without tests, found 601"]
    );
    assert_eq!(source_findings("src/tests.rs", &constants(601)), [""; 0]);
    let with_tests = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", constants(600), constants(50));
    assert_eq!(source_findings("src/a.rs", &with_tests), [""; 0]);
}

#[test]
fn long_functions_are_found() {
    let function = |count| format!("const A: u8 = 1;\npub fn long(x: [u8; 3]) -> [u8; 3] {{\n{}    x\n}}\n", "    step();\n".repeat(count));
    assert_eq!(source_findings("src/a.rs", &function(67)), [""; 0]);
    assert_eq!(
        source_findings("src/a.rs", &function(68)),
        ["crates/x/src/a.rs:2: expected at most 70 lines in a function, found 71 in `long`"]
    );
    assert_eq!(source_findings("tests/a.rs", &function(68)), [""; 0]);
    assert_eq!(source_findings("src/a.rs", &format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function(68))), [""; 0]);
}

#[test]
fn clocks_and_global_chance_are_found() {
    let code = "fn a() {\n    let t = std::time::SystemTime::now();\n    let r = rand::rng();\n}\n";
    assert_eq!(
        source_findings("src/a.rs", code),
        [
            "crates/x/src/a.rs:2: expected a Clock or a seed that is passed in, found `SystemTime::now`",
            "crates/x/src/a.rs:3: expected a Clock or a seed that is passed in, found `rand::rng(`"
        ]
    );
    for call in [
        "Instant::now()",
        "Utc::now()",
        "Local::now()",
        "rand::thread_rng()",
        "StdRng::from_os_rng()",
        "StdRng::from_entropy()",
        "rand::random::<u8>()",
    ] {
        assert_eq!(source_findings("src/a.rs", &format!("fn a() {{ {call}; }}\n")).len(), 1, "{call}");
    }
    assert_eq!(source_findings("src/tests.rs", code), [""; 0]);
    assert_eq!(source_findings("src/a.rs", "// Instant::now() is not read here\nconst TEXT: &str = \"Utc::now\";\n"), [""; 0]);
    assert_eq!(lines(&source::check("penchant", &file("src/main.rs", code))), [""; 0]);
    let clock = Source { path: "crates/domain/src/clock.rs".to_owned(), text: code.to_owned() };
    assert_eq!(lines(&source::check("domain", &clock)), [""; 0]);
}

#[test]
fn ignored_tests_without_a_reason_are_found() {
    let wrong = "#[test]\n#[ignore]\nfn a() {}\n";
    for path in ["src/tests.rs", "tests/a.rs", "src/a.rs"] {
        assert_eq!(source_findings(path, wrong), [format!("crates/x/{path}:2: expected `#[ignore = \"the reason\"]`, found no reason")]);
    }
    assert_eq!(source_findings("src/tests.rs", "#[ignore = \"\"]\nfn a() {}\n").len(), 1);
    assert_eq!(source_findings("src/tests.rs", "#[ignore = \"takes an hour\"]\nfn a() {}\n// #[ignore]\n"), [""; 0]);
}

#[test]
fn a_map_that_forgets_a_package_is_found() {
    let check = |map: Option<&str>| {
        lines(&check_map(
            &Workspace { packages: Vec::new(), lock: Table::new(), architecture: map.map(str::to_owned), error_pages: Vec::new() },
            &["domain", "store"],
        ))
    };
    assert_eq!(check(Some("`domain` is the vocabulary, crates/store/ the record")), [""; 0]);
    assert_eq!(check(Some("`domain` is in store")), ["ARCHITECTURE.md:1: expected it to mention `store`, found it nowhere"]);
    assert_eq!(check(None), ["ARCHITECTURE.md:1: expected a map of the house, found no such file"]);
}

#[test]
fn the_mask_keeps_code_and_lines() {
    let text = "let a = \"x // {\"; // \"{\nlet b = r#\"}\"{\"#; /* { /* } */ { */ let c = '{'; let d: &'a str = e;\nlet f = '\\''; let g = b\"\\\"{\"; let h = 'é'; for_each(r);\n";
    let squeezed = masked(text).split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    assert_eq!(squeezed, "let a = ; \nlet b = ; let c = ; let d: &'a str = e;\nlet f = ; let g = b ; let h = ; for_each(r);\n");
    assert_eq!(masked(text).len(), text.len());
    assert_eq!(masked("open /* never closed {").trim_end(), "open");
}

#[test]
fn functions_are_measured() {
    let text = masked(
        "trait T {\n    fn none(&self);\n    fn one(&self) -> [u8; 2] { [1, 2] }\n}\nfn three<'a>(\n    f: fn (u8) -> u8,\n) { f(1) }\nstruct Sfn { x: u8 }\n",
    );
    assert_eq!(functions(&text), [("one", 3, 1), ("three", 5, 3)]);
}

#[test]
fn test_items_are_taken_out() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { if x { } }\n}\n#[cfg(test)]\nmod other;\nfn c() {}\n";
    let rest = without_tests(text);
    assert!(rest.contains("fn a()") && rest.contains("fn c()") && !rest.contains("fn b()") && !rest.contains("other"));
    assert_eq!(rest.lines().count(), text.lines().count());
}

#[test]
fn a_whole_workspace_is_read_and_judged() {
    let own = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let root = Path::new(&own).parent().unwrap();
    let mut workspace = Workspace::read(root).unwrap();
    assert!(
        workspace
            .packages
            .iter()
            .any(|package| package.name == "xtask" && package.sources.iter().any(|source| source.path == "xtask/src/lexer.rs"))
    );
    workspace.packages.push(package("warehouse", "[dependencies]\nserde = \"1\"\n"));
    let found = lines(&check(&workspace));
    for part in ["expected a row for `warehouse`", "found \"1\"", "warehouse` in xtask"] {
        assert!(found.iter().any(|line| line.contains(part)), "no finding says {part}");
    }
}

#[test]
fn an_error_code_without_a_page_is_found() {
    let text = "fn f() {}\nfn g() { error.code(\"IMPORT_EMPTY\"); Ending { code: Some(\"RUN_LOST\") } }".to_owned();
    let source = Source { path: "a.rs".into(), text };
    let found = |pages: &[&str]| {
        let pages: Vec<String> = pages.iter().map(|page| (*page).to_owned()).collect();
        crate::codes::check(&source, &pages).len()
    };
    assert_eq!((found(&[]), found(&["RUN_LOST"]), found(&["RUN_LOST", "IMPORT_EMPTY"])), (2, 1, 0));
}
