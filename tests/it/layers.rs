//! The layers: a file imports only downwards, and no two files import each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::LazyLock;

use regex::Regex;

use crate::source_tree::{layer, layers, production, sources, top};

#[test]
fn files_import_only_from_layers_below() {
    let layers = layers();
    let place = |module: &str| {
        let place = layers.iter().position(|layer| layer == module);
        place.unwrap_or_else(|| panic!("`{module}` is no layer"))
    };
    let import = Regex::new(r"\bcrate::([a-z_]+)").unwrap();
    let is_root = |path: &str| ["lib.rs", "main.rs"].contains(&path);
    for (path, text) in sources("src").iter().filter(|(path, _)| !is_root(path)) {
        for found in import.captures_iter(text) {
            let other = found.get(1).unwrap().as_str();
            assert!(
                place(layer(path)) <= place(other),
                "src/{path} imports crate::{other}"
            );
        }
    }
}

#[test]
fn files_do_not_import_each_other() {
    let mut left = Imports::read().modules;
    // A module that imports none of the others that are left, or that none of them imports, is in no cycle.
    loop {
        let modules: BTreeSet<Module> = left.keys().cloned().collect();
        let imported: BTreeSet<Module> = left.values().flatten().cloned().collect();
        left.retain(|module, imports| !imports.is_disjoint(&modules) && imported.contains(module));
        if left.len() == modules.len() {
            break;
        }
    }
    let is_left = |module: &&Module| left.contains_key(*module);
    let lines: Vec<String> = left
        .iter()
        .map(|(module, imports)| {
            let imports = imports.iter().filter(is_left);
            let imports: Vec<String> = imports.map(|other| other.join("::")).collect();
            format!("{} imports {}", module.join("::"), imports.join(", "))
        })
        .collect();
    assert!(left.is_empty(), "import cycles through some of {lines:#?}");
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
fn each_layer_opens_with_a_short_story() {
    for layer in layers() {
        let text = fs::read_to_string(top().join("src").join(&layer).join("mod.rs")).unwrap();
        let lines = text.lines().take_while(|line| line.starts_with("//!"));
        assert!((1..=15).contains(&lines.count()), "{layer}");
    }
}

/// A module as the names on its path: `["copy", "plan"]`.
type Module = Vec<String>;

/// The modules of the crate and their imports. A re-export (`pub use`) is no import: it leads to the module that
/// defines the name.
struct Imports {
    modules: BTreeMap<Module, BTreeSet<Module>>,
}

impl Imports {
    fn read() -> Self {
        let sources: BTreeMap<Module, String> = production()
            .into_iter()
            .filter(|(path, _)| !["lib.rs", "main.rs"].contains(&path.as_str()))
            .map(|(path, text)| (module(&path), text))
            .collect();
        let statement = Regex::new(r"(?m)^\s*(pub(?:\([^)]*\))? )?use ([^;]*);").unwrap();
        let inline = Regex::new(r"\b(?:crate|super|self)(?:::\w+)+").unwrap();
        let child = Regex::new(r"(?:^|[^:\w])(\w+)::").unwrap();
        let mut exports = BTreeMap::new();
        let mut paths: BTreeMap<&Module, Vec<Module>> = BTreeMap::new();
        for (own, text) in &sources {
            let own_paths = paths.entry(own).or_default();
            for found in statement.captures_iter(text) {
                for path in leaves(&found[2]) {
                    let Some(path) = absolute(own, &path) else {
                        continue;
                    };
                    if found.get(1).is_some() {
                        let mut name = own.clone();
                        name.push(path.last().unwrap().clone());
                        // A name that a module and an item of it share leads to the module.
                        if !path.starts_with(&name) {
                            exports.insert(name, path);
                        }
                    } else {
                        own_paths.push(path);
                    }
                }
            }
            let text = statement.replace_all(text, "");
            for found in inline.find_iter(&text) {
                own_paths.extend(absolute(own, found.as_str()));
            }
            let children = child
                .captures_iter(&text)
                .map(|found| [own.as_slice(), &[found[1].to_owned()]].concat());
            own_paths.extend(children.filter(|path| sources.contains_key(path)));
        }
        let resolve = |mut path: Module| -> Option<Module> {
            while !sources.contains_key(&path) {
                match (1..=path.len()).find_map(|end| Some((end, exports.get(&path[..end])?))) {
                    Some((end, target)) => path = [target, &path[end..]].concat(),
                    None => drop(path.pop()?),
                }
            }
            Some(path)
        };
        let modules = paths.into_iter().map(|(own, paths)| {
            let imported = paths.into_iter().filter_map(resolve);
            (own.clone(), imported.filter(|other| other != own).collect())
        });
        Self {
            modules: modules.collect(),
        }
    }
}

/// The module of a file below `src/`.
fn module(path: &str) -> Module {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// The paths that a `use` tree names.
fn leaves(tree: &str) -> Vec<String> {
    static ALIAS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\s+as\s+\w+").unwrap());
    let tree = ALIAS.replace_all(tree, "");
    let tree: String = tree.split_whitespace().collect();
    let Some((prefix, rest)) = tree.split_once('{') else {
        return vec![tree];
    };
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for character in rest.strip_suffix('}').unwrap().chars() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(character);
    }
    let parts = parts.iter().filter(|part| !part.is_empty());
    parts
        .flat_map(|part| leaves(&format!("{prefix}{part}")))
        .collect()
}

/// A path from the root of the crate; `None` if it leads to another crate.
fn absolute(own: &Module, path: &str) -> Option<Module> {
    let mut names: Vec<_> = path.split("::").map(str::to_owned).collect();
    match names[0].as_str() {
        "crate" => Some(names.split_off(1)),
        "self" => Some([own, &names[1..]].concat()),
        "super" => {
            let above = names.iter().take_while(|name| *name == "super").count();
            Some([&own[..own.len() - above], &names[above..]].concat())
        }
        _ => None,
    }
}
