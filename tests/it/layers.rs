//! The structure: layers, homes of third-party crates, and that no file is forgotten.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// The modules of the library; each may import only those before it.
const ORDER: &[&str] = &[
    "escape",
    "name",
    "spelling",
    "units",
    "moment",
    "nearest",
    "exit_status",
    "error",
    "interrupt",
    "consent",
    "monitor",
    "lexer",
    "variables",
    "paths",
    "address",
    "exclusions",
    "os",
    "digest",
    "project",
    "naming",
    "registry",
    "startup",
    "output",
    "settings",
    "manifest",
    "sequence",
    "pattern",
    "aggregate",
    "walk",
    "held",
    "tree",
    "diff",
    "mounts",
    "respell",
    "listing",
    "identity",
    "remote",
    "index",
    "run_log",
    "catalogue",
    "search",
    "presence",
    "content",
    "noting",
    "sides",
    "survey",
    "sight",
    "scan",
    "loading",
    "plan",
    "outcome",
    "copy_file",
    "versions",
    "fit",
    "preflight",
    "transfer",
    "report",
    "sending",
    "lock",
    "lane",
    "journal",
    "copying",
    "syncing",
    "comparing",
    "workspace",
    "commands",
    "shell",
    "cli",
    "main",
];

/// Where each third-party crate may be named. serde's derive is everywhere an answer is; thiserror's in `error`.
const HOMES: &[(&str, &[&str])] = &[
    ("base64", &["name.rs"]),
    ("clap", &["commands/", "shell/", "cli/"]),
    ("clap_complete", &["cli/generate.rs"]),
    ("clap_mangen", &["cli/generate.rs"]),
    ("comfy_table", &["output/table.rs"]),
    ("csv", &["output/csv.rs"]),
    ("dirs", &["paths.rs"]),
    ("fs_extra", &["copy_file/bytes.rs"]),
    ("globset", &["pattern.rs"]),
    ("ignore", &["exclusions/mod.rs"]),
    ("indicatif", &["output/progress.rs"]),
    ("jiff", &["moment.rs"]),
    ("nix", &["os/"]),
    ("open", &["commands/explore.rs"]),
    ("regex", &["pattern.rs"]),
    ("rusqlite", &["index/"]),
    ("rustix", &["os/"]),
    ("rustyline", &["shell/prompt/"]),
    ("serde_json", &["output/json.rs", "identity.rs", "remote/"]),
    ("signal_hook", &["interrupt.rs"]),
    ("strsim", &["nearest.rs"]),
    ("tempfile", &["os/scratch/"]),
    ("thiserror", &["error/"]),
    ("unicode_normalization", &["spelling.rs"]),
    (
        "unicode_width",
        &[
            "output/columns.rs",
            "output/height.rs",
            "output/shorten.rs",
            "output/wrap.rs",
            "shell/diagnostic.rs",
        ],
    ),
    ("xxhash_rust", &["aggregate.rs", "digest.rs"]),
];

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder by its path there, comments taken out.
fn sources(folder: &str) -> BTreeMap<String, String> {
    let base = top().join(folder);
    let mut pending = vec![base.clone()];
    let mut sources = BTreeMap::new();
    let comment = Regex::new(r"(?m)^\s*//.*$").unwrap();
    while let Some(path) = pending.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&base).unwrap().display().to_string();
                let text = fs::read_to_string(&path).unwrap();
                sources.insert(name, comment.replace_all(&text, "").into_owned());
            }
        }
    }
    sources
}

/// The module of the library that a file belongs to.
fn module(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap()
}

fn place(module: &str) -> usize {
    let place = ORDER.iter().position(|known| *known == module);
    place.unwrap_or_else(|| panic!("`{module}` has no place in the layers"))
}

#[test]
fn a_file_imports_only_from_layers_below_it() {
    let import = Regex::new(r"\bcrate::([a-z_]+)").unwrap();
    for (path, text) in sources("src").iter().filter(|(path, _)| *path != "lib.rs") {
        let own = module(path);
        for found in import.captures_iter(text) {
            let other = found.get(1).unwrap().as_str();
            assert!(
                other == own || place(other) < place(own),
                "src/{path} imports crate::{other}"
            );
        }
    }
}

#[test]
fn every_third_party_crate_has_one_home() {
    let mut sources = sources("src");
    // Tests may use what they like.
    for text in sources.values_mut() {
        let end = text.find("#[cfg(test)]").unwrap_or(text.len());
        text.truncate(end);
    }
    for (name, homes) in HOMES {
        let named = Regex::new(&format!(r"(?m)(^|[^\w:])(use )?{name}::")).unwrap();
        for (path, text) in &sources {
            let at_home = homes.iter().any(|home| path.starts_with(home));
            let own_module = text.contains(&format!("use super::{name}"))
                || text.contains(&format!("{name}, json"));
            assert!(
                at_home || own_module || !named.is_match(text),
                "src/{path} names {name}"
            );
        }
    }
}

#[test]
fn every_dependency_has_a_home() {
    let manifest = fs::read_to_string(top().join("Cargo.toml")).unwrap();
    let dependencies = manifest
        .split("[dependencies]")
        .nth(1)
        .unwrap()
        .split("\n[")
        .next()
        .unwrap();
    for line in dependencies.lines().filter(|line| line.contains('=')) {
        let name = line.split('=').next().unwrap().trim().replace('-', "_");
        let known = name == "serde" || HOMES.iter().any(|(home, _)| *home == name);
        assert!(known, "{name} has no home in tests/it/layers.rs");
    }
}

#[test]
fn every_file_opens_with_its_purpose() {
    for folder in ["src", "tests", "benches"] {
        for path in sources(folder).keys() {
            let text = fs::read_to_string(top().join(folder).join(path)).unwrap();
            assert!(text.starts_with("//! "), "{folder}/{path}");
        }
    }
}

#[test]
fn every_command_file_is_listed_and_tested() {
    let listed = fs::read_to_string(top().join("src/commands/mod.rs")).unwrap();
    let tested = fs::read_to_string(top().join("tests/it/commands/mod.rs")).unwrap();
    for path in sources("src/commands")
        .keys()
        .filter(|path| *path != "mod.rs")
    {
        let name = module(path);
        let variant: String = name[..1].to_uppercase() + &name[1..];
        assert!(
            listed.contains(&format!("mod {name};")),
            "{path} is no module"
        );
        assert!(
            listed.contains(&format!("{variant}({name}::{variant})")),
            "{path} is no command"
        );
        assert!(
            tested.contains(&format!("mod {name};")),
            "{path} has no tests"
        );
    }
}

#[test]
fn every_test_file_is_listed() {
    for path in sources("tests/it")
        .keys()
        .filter(|path| !path.ends_with("main.rs") && !path.ends_with("mod.rs"))
    {
        let name = path.rsplit('/').next().unwrap().trim_end_matches(".rs");
        let list = match path.rsplit_once('/') {
            Some((folder, _)) => format!("tests/it/{folder}/mod.rs"),
            None => "tests/it/main.rs".to_owned(),
        };
        let list = fs::read_to_string(top().join(list)).unwrap();
        assert!(
            list.contains(&format!("mod {name};")),
            "tests/it/{path} never runs"
        );
    }
}

#[test]
fn every_module_is_in_the_architecture() {
    let page = fs::read_to_string(top().join("docs/architecture.md")).unwrap();
    for module in ORDER {
        assert!(
            page.contains(&format!("`{module}`")) || page.contains(&format!("`{module}/`")),
            "{module}"
        );
    }
}
