//! The structure: homes of third-party crates, unique names, the files that write and that start programs, and complete
//! lists.

use std::collections::BTreeMap;
use std::fs;

use regex::Regex;

use crate::source_tree::{layer, production, sources, top};

/// Modules that may name each third-party crate. serde's derive is in every answer, thiserror's in `error`.
const HOMES: &[(&str, &[&str])] = &[
    ("askama", &["report/page/mod.rs"]),
    ("base64", &["base/name.rs"]),
    ("clap", &["commands/", "shell/", "cli/"]),
    ("clap_complete", &["cli/generate.rs"]),
    ("clap_mangen", &["cli/generate.rs"]),
    ("comfy_table", &["output/table.rs"]),
    ("csv", &["output/csv.rs"]),
    ("dirs", &["model/path.rs"]),
    ("fs_extra", &["storage/copy_file/copier.rs"]),
    ("globset", &["commands/pattern/mod.rs"]),
    ("ignore", &["model/exclusion/mod.rs"]),
    ("indicatif", &["output/progress.rs"]),
    ("jiff", &["base/timestamp.rs"]),
    ("md5", &["snapshot/content_hash/"]),
    ("nix", &["os/"]),
    ("open", &["commands/explore.rs"]),
    ("postgres", &["catalog/"]),
    ("quick_xml", &["mhl/xml/"]),
    ("regex", &["commands/pattern/mod.rs"]),
    ("rusqlite", &["index/"]),
    ("rustix", &["os/"]),
    ("rustls", &["catalog/tls.rs"]),
    ("rustyline", &["shell/prompt/"]),
    (
        "serde_json",
        &["output/json.rs", "model/identity.rs", "rclone/"],
    ),
    ("sha1", &["snapshot/content_hash/"]),
    ("sha2", &["snapshot/content_hash/"]),
    ("signal_hook", &["base/interrupt.rs"]),
    ("strsim", &["base/suggest.rs"]),
    ("tempfile", &["os/scratch/"]),
    ("thiserror", &["base/error/"]),
    ("tokio_postgres_rustls", &["catalog/tls.rs"]),
    ("unicode_normalization", &["base/unicode.rs"]),
    (
        "unicode_width",
        &[
            "output/column.rs",
            "output/shorten.rs",
            "output/wrap.rs",
            "shell/diagnostic.rs",
            "shell/prompt/menu/",
        ],
    ),
    (
        "xxhash_rust",
        &[
            "snapshot/aggregate.rs",
            "snapshot/content_hash/",
            "snapshot/digest.rs",
        ],
    ),
];

/// Modules of `src/commands/` that commands share.
const SHARED: &[&str] = &[
    "answer_path",
    "catalog_pace",
    "catalog_session",
    "check",
    "command",
    "endpoints",
    "item_list",
    "file_filter",
    "last_answer",
    "outcome_item",
    "outcome_sequence",
    "pattern",
    "publication",
    "remote_publication",
    "replica_cell",
    "run",
    "search",
    "search_place",
    "settings",
    "startup",
    "studio_policy",
    "synonym",
    "target",
    "time_word",
    "unknown_place",
    "version_answer",
    "workspace",
];

/// The only files that create, change, rename or remove entries below a database's root.
const WRITERS: &[&str] = &[
    "copy/local/",
    "mhl/generation.rs",
    "model/identity.rs",
    "model/own_folder.rs",
    "publish/local_file.rs",
    "storage/copy_file/",
    "storage/intent_file.rs",
    "storage/lock/file.rs",
    "storage/name_rules.rs",
    "storage/same_place.rs",
    "storage/version/",
];

/// The only files that open a root by its path. All folders below it are opened from there and share its guard, which denies
/// writes after the loss of the lease. The others open what is no root, or read.
const OPENERS: &[&str] = &[
    "offload/card.rs",
    "os/",
    "publish/at_start.rs",
    "storage/availability/",
    "storage/lock/file.rs",
];

/// The only files that start other programs.
const STARTERS: &[&str] = &[
    "os/exec_shim.rs",
    "os/io_priority.rs",
    "output/pager.rs",
    "output/program.rs",
];

#[test]
fn each_third_party_crate_has_one_home() {
    let sources = production();
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
fn each_dependency_has_a_home() {
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
        assert!(known, "{name} has no home in tests/it/structure.rs");
    }
}

#[test]
fn each_file_opens_with_its_purpose() {
    for folder in ["src", "tests", "benches"] {
        for path in sources(folder).keys() {
            let text = fs::read_to_string(top().join(folder).join(path)).unwrap();
            assert!(text.starts_with("//! "), "{folder}/{path}");
        }
    }
}

#[test]
fn each_command_is_listed_and_tested() {
    let listed = fs::read_to_string(top().join("src/commands/mod.rs")).unwrap();
    let tested = fs::read_to_string(top().join("tests/it/commands/mod.rs")).unwrap();
    let sources = sources("src/commands");
    let commands = sources.keys().map(|path| layer(path));
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
fn each_test_file_is_listed() {
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
fn type_names_are_unique() {
    let definition =
        Regex::new(r"(?m)^(?:    )?(?:pub(?:\([^)]*\))? )?(?:struct|enum|trait|union) (\w+)")
            .unwrap();
    let alias = Regex::new(r"(?m)^(?:pub(?:\([^)]*\))? )?type (\w+)").unwrap();
    let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in production() {
        let types = definition.captures_iter(&text);
        for found in types.chain(alias.captures_iter(&text)) {
            homes
                .entry(found[1].to_owned())
                .or_default()
                .push(path.clone());
        }
    }
    homes.retain(|_, homes| homes.len() > 1);
    assert!(homes.is_empty(), "one name for several types: {homes:#?}");
}

#[test]
fn modules_are_nouns() {
    for (folder, sources) in [("src", sources("src")), ("tests", sources("tests"))] {
        for path in sources.keys() {
            let is_gerund = path
                .split('/')
                .any(|name| name.trim_end_matches(".rs").ends_with("ing"));
            assert!(!is_gerund, "{folder}/{path}");
        }
    }
}

#[test]
fn only_listed_files_write_below_a_root() {
    // Functions of os::Folder that write, and all of std that write.
    let folder = r"\.(?:create_file|create_folder|create_symlink|create_private_folder|open_or_create_child|ensure_folder|ensure_owner_can_write|remove_temporary|remove_empty_folder|erase_file|remove_tree|remove_private_tree|rename_no_replace|hard_link|exchange|open_trusted|trusted_child|set_own_mode)\(";
    let standard = r"\bfs::(?:write|create_dir\w*|remove_\w+|rename|copy|hard_link|set_permissions)\b|\bFile::create|\bOpenOptions\b";
    let writes = Regex::new(&format!("{folder}|{standard}")).unwrap();
    let own_files = [
        "os/",
        "index/",
        "cli/demo/",
        "commands/startup/",
        "shell/prompt/history.rs",
        "rclone/",
    ];
    for (path, text) in production() {
        let is_listed = WRITERS
            .iter()
            .chain(&own_files)
            .any(|home| path.starts_with(home));
        if !is_listed && let Some(found) = writes.find(&text) {
            panic!("src/{path} writes: `{}`", found.as_str());
        }
    }
}

#[test]
fn only_listed_files_open_a_root() {
    let opens = Regex::new(r"(?:^|[^\w])Folder::open\(").unwrap();
    for (path, text) in production() {
        let is_listed = OPENERS.iter().any(|home| path.starts_with(home));
        assert!(
            is_listed || !opens.is_match(&text),
            "src/{path} opens a root"
        );
    }
}

#[test]
fn only_rclone_folder_starts_rclone() {
    let starts = Regex::new(r"process::Command\b|\bchild_command\(").unwrap();
    for (path, text) in production() {
        let is_listed = path.starts_with("rclone/") || STARTERS.contains(&path.as_str());
        assert!(
            is_listed || !starts.is_match(&text),
            "src/{path} starts a program"
        );
    }
}
