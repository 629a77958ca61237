//! The structure: layers, homes of third-party crates, unique names, and that no file is forgotten.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Returns the folders of `src/` from the highest layer to the lowest: the order of the `mod` lines in `src/lib.rs`.
fn layers() -> Vec<String> {
    let library = fs::read_to_string(top().join("src/lib.rs")).unwrap();
    let line = Regex::new(r"(?m)^(?:pub )?mod (\w+);").unwrap();
    line.captures_iter(&library)
        .map(|found| found[1].to_owned())
        .collect()
}

/// Where each third-party crate may be named. serde's derive is everywhere an answer is; thiserror's in `error`.
const HOMES: &[(&str, &[&str])] = &[
    ("base64", &["base/name.rs"]),
    ("clap", &["commands/", "shell/", "cli/"]),
    ("clap_complete", &["cli/generate.rs"]),
    ("clap_mangen", &["cli/generate.rs"]),
    ("comfy_table", &["output/table.rs"]),
    ("csv", &["output/csv.rs"]),
    ("dirs", &["model/path.rs"]),
    ("fs_extra", &["storage/copy_file/copier.rs"]),
    ("globset", &["commands/pattern.rs"]),
    ("ignore", &["model/exclusion/mod.rs"]),
    ("indicatif", &["output/progress.rs"]),
    ("jiff", &["base/timestamp.rs"]),
    ("nix", &["os/"]),
    ("open", &["commands/explore.rs"]),
    ("regex", &["commands/pattern.rs"]),
    ("rusqlite", &["index/"]),
    ("rustix", &["os/"]),
    ("rustyline", &["shell/prompt/"]),
    (
        "serde_json",
        &["output/json.rs", "model/identity.rs", "rclone/"],
    ),
    ("signal_hook", &["base/interrupt.rs"]),
    ("strsim", &["base/suggest.rs"]),
    ("tempfile", &["os/scratch/"]),
    ("thiserror", &["base/error/"]),
    ("unicode_normalization", &["base/unicode.rs"]),
    (
        "unicode_width",
        &[
            "output/column.rs",
            "output/height.rs",
            "output/shorten.rs",
            "output/wrap.rs",
            "shell/diagnostic.rs",
        ],
    ),
    (
        "xxhash_rust",
        &["snapshot/aggregate.rs", "snapshot/digest.rs"],
    ),
];

/// Modules of `src/commands/` that commands share.
const SHARED: &[&str] = &[
    "command",
    "pattern",
    "search",
    "settings",
    "startup",
    "workspace",
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

/// The top-level module of a file, by its path below `src/`.
fn module(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap()
}

#[test]
fn files_import_only_from_lower_layers() {
    let layers = layers();
    let place = |module: &str| {
        let place = layers.iter().position(|layer| layer == module);
        place.unwrap_or_else(|| panic!("`{module}` is no layer"))
    };
    let import = Regex::new(r"\bcrate::([a-z_]+)").unwrap();
    let is_root = |path: &str| ["lib.rs", "main.rs"].contains(&path);
    for (path, text) in sources("src").iter().filter(|(path, _)| !is_root(path)) {
        let own = module(path);
        for found in import.captures_iter(text) {
            let other = found.get(1).unwrap().as_str();
            assert!(
                place(own) <= place(other),
                "src/{path} imports crate::{other}"
            );
        }
    }
}

#[test]
fn third_party_crates_have_one_home() {
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
fn every_file_states_its_purpose() {
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
    let sources = sources("src/commands");
    let commands = sources.keys().map(|path| module(path));
    for name in commands.filter(|name| *name != "mod" && !SHARED.contains(name)) {
        let variant: String = name[..1].to_uppercase() + &name[1..];
        assert!(
            listed.contains(&format!("mod {name};")),
            "{name} is no module"
        );
        assert!(
            listed.contains(&format!("{variant}({name}::{variant}Args)")),
            "{name} is no command"
        );
        assert!(
            tested.contains(&format!("mod {name};")),
            "{name} has no tests"
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
fn architecture_page_lists_layers_in_order() {
    let page = fs::read_to_string(top().join("docs/architecture.md")).unwrap();
    let row = Regex::new(r"(?m)^\| `(\w+)/` \|").unwrap();
    let listed: Vec<_> = row
        .captures_iter(&page)
        .map(|found| found[1].to_owned())
        .collect();
    assert_eq!(listed, layers());
}

#[test]
fn every_layer_tells_its_story_in_fifteen_lines() {
    for layer in layers() {
        let text = fs::read_to_string(top().join("src").join(&layer).join("mod.rs")).unwrap();
        let lines = text.lines().take_while(|line| line.starts_with("//!"));
        assert!((1..=15).contains(&lines.count()), "{layer}");
    }
}
