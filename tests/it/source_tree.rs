//! The source files of the crate, as the tests of its structure read them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Top folder of the checkout.
pub fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the folders of `src/` from the highest layer to the lowest: the order of the `mod` lines in `src/lib.rs`.
pub fn layers() -> Vec<String> {
    let library = fs::read_to_string(top().join("src/lib.rs")).unwrap();
    let line = Regex::new(r"(?m)^(?:pub )?mod (\w+);").unwrap();
    line.captures_iter(&library)
        .map(|found| found[1].to_owned())
        .collect()
}

/// Reads every Rust file below a folder, without its comments, by its path there.
pub fn sources(folder: &str) -> BTreeMap<String, String> {
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

/// Reads the files of `src/` without comments, unit tests, their fixtures and laws.
pub fn production() -> BTreeMap<String, String> {
    let mut sources = sources("src");
    let is_test = |path: &str| {
        let ends = ["law.rs", "fixture.rs", "/tests.rs"];
        path.contains("/law/") || ends.iter().any(|end| path.ends_with(end))
    };
    sources.retain(|path, _| !is_test(path));
    // `mod law;` names another file.
    let tests = Regex::new(r"#\[cfg\(test\)\]\nmod \w+ \{").unwrap();
    for text in sources.values_mut() {
        let end = tests.find(text).map_or(text.len(), |found| found.start());
        text.truncate(end);
    }
    sources
}

/// Returns the top-level module of a file, by its path below `src/`.
pub fn layer(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap()
}
