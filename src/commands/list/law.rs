//! Answers of `fetch` and `list` about random studios, compared with brute force over the files.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser as _;
use proptest::prelude::*;
use serde_json::Value;

use super::{ListArgs, ListSubcommand};
use crate::base::confirmation::Confirmation;
use crate::base::fixture::{RecordedMessages, case_count, temporary_folder};
use crate::commands::catalog_pace::CatalogPace;
use crate::commands::command::RunCommand as _;
use crate::commands::last_answer::LastAnswer;
use crate::commands::settings::Settings;
use crate::commands::workspace::Workspace;
use crate::commands::{Command, CommandLine};
use crate::index::{Index, overview};
use crate::language::variable::Variables;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::Registry;

const DATABASES: [&str; 4] = ["A", "B", "C", "D"];
const CATEGORIES: [&str; 2] = ["footage", "render"];
const PROJECTS: [&str; 4] = ["acme/spot", "acme/teaser", "in-house/titles", "nova/titles"];

/// The layouts of the categories. In some, one of them can hold only the projects of one client.
const LAYOUTS: [[&str; 2]; 6] = [
    ["footage", "render"],
    ["{client}/{project}/footage", "{client}/{project}/render"],
    ["footage", "notes/{project}"],
    ["{project}/footage", "{project}/{client}/render"],
    [".", "footage/{project}"],
    ["2026/{client}/{project}", "{client}/plates/{project}"],
];

/// Layouts of the categories, and the files.
type Studio = ([&'static str; 2], Files);

/// Size and age in days of a file.
type Version = (u64, u64);

/// Database, category, project and name of a file, with its version.
type Files = BTreeMap<(usize, usize, usize, String), Version>;

fn project(place: usize) -> ProjectId {
    let (client, project) = PROJECTS[place].split_once('/').unwrap();
    ProjectId {
        client: client.into(),
        project: project.into(),
    }
}

/// True if a layout has a folder for the project at this place: for every client, or for `in-house` alone.
fn can_hold(layout: &str, place: usize) -> bool {
    layout.contains("{client}")
        || !layout.contains("{project}")
        || PROJECTS[place].starts_with("in-house/")
}

prop_compose! {
    fn studio()(
        layouts in proptest::sample::select(&LAYOUTS[..]),
        found in proptest::collection::vec(
            ((0..4_usize, 0..2_usize, 0..4_usize, "(e/)?[a-d]"), (1..4_u64, 1..4_u64)), 0..40)
    ) -> Studio {
        let found = found.into_iter();
        (layouts, found.filter(|(key, _)| can_hold(layouts[key.1], key.2)).collect())
    }
}

/// Writes a studio to disks and scans it; databases in `offline` are taken away after that.
fn workspace(folder: &Path, (layouts, files): &Studio, offline: &BTreeSet<usize>) -> Workspace {
    let mut registry = Registry::default();
    for name in DATABASES {
        fs::create_dir(folder.join(name)).unwrap();
        registry
            .add_database(name, &folder.join(name), false)
            .unwrap();
    }
    for (name, layout) in CATEGORIES.iter().zip(layouts) {
        registry
            .add_category(name, Path::new(layout), false)
            .unwrap();
    }
    let now = SystemTime::now();
    for ((database, category, place, name), (bytes, age)) in files {
        let replica = registry.categories()[*category].replica_path(&project(*place));
        let path = folder.join(DATABASES[*database]).join(replica).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = fs::File::create(path).unwrap();
        file.set_len(*bytes).unwrap();
        let seconds = now.duration_since(UNIX_EPOCH).unwrap().as_secs() / 86_400 * 86_400;
        let time = UNIX_EPOCH + Duration::from_secs(seconds - age * 86_400);
        file.set_modified(time).unwrap();
    }
    let mut workspace = Workspace {
        saved_registry: Registry::default(),
        replaced_keys: BTreeSet::new(),
        index: Index::open(&folder.join("index")).unwrap().index,
        variables: Variables::default(),
        settings: Settings::default(),
        saved_settings: Settings::default(),
        last_answer: LastAnswer::default(),
        monitor: Box::new(RecordedMessages::default()),
        base: folder.to_owned(),
        startup_path: None,
        confirmation: Confirmation::NonInteractive,
        dry_run: false,
        root_prefetch: None,
        missing_startup_file: None,
        catalog_pace: CatalogPace::default(),
        lease_catalog: None,
        registry,
    };
    document(&mut workspace, "load");
    for database in offline {
        let root = folder.join(DATABASES[*database]);
        fs::rename(&root, root.with_extension("away")).unwrap();
    }
    if !offline.is_empty() {
        document(&mut workspace, "load");
    }
    workspace
}

/// Returns the JSON document of a line.
fn document(workspace: &mut Workspace, line: &str) -> Value {
    let words = line.split(' ').map(OsString::from);
    let value = |answer: Result<Value, serde_json::Error>| answer.unwrap();
    match CommandLine::try_parse_from(words).unwrap().command {
        Command::Load(command) => value(serde_json::to_value(command.run(workspace).unwrap())),
        Command::Fetch(command) => value(serde_json::to_value(command.run(workspace).unwrap())),
        Command::List(ListArgs {
            subcommand: ListSubcommand::Grouped(list),
        }) => value(serde_json::to_value(list.run(workspace).unwrap())),
        _ => unreachable!("{line}"),
    }
}

/// The files of one category of one project by database and name.
fn group(
    files: &Files,
    category: usize,
    project: usize,
) -> BTreeMap<usize, BTreeMap<&str, Version>> {
    let mut group: BTreeMap<usize, BTreeMap<&str, Version>> = BTreeMap::new();
    for ((database, in_category, in_project, name), version) in files {
        if (*in_category, *in_project) == (category, project) {
            group.entry(*database).or_default().insert(name, *version);
        }
    }
    group
}

/// The newest version of each path; of two with the same time, the larger one.
fn union<'a>(group: &BTreeMap<usize, BTreeMap<&'a str, Version>>) -> BTreeMap<&'a str, Version> {
    let mut union: BTreeMap<&str, Version> = BTreeMap::new();
    for (name, (bytes, age)) in group.values().flatten() {
        let newest = union.entry(name).or_insert((*bytes, *age));
        if (*age, u64::MAX - *bytes) < (newest.1, u64::MAX - newest.0) {
            *newest = (*bytes, *age);
        }
    }
    union
}

/// What one database lacks, holds in older versions, and holds differently.
fn shortfall(group: &BTreeMap<usize, BTreeMap<&str, Version>>, database: usize) -> [u64; 3] {
    let mut counts = [0; 3];
    for name in union(group).keys() {
        let versions = group.values().filter_map(|files| files.get(name));
        match group.get(&database).and_then(|files| files.get(name)) {
            None => counts[0] += 1,
            Some((_, age)) if versions.clone().any(|(_, other)| other < age) => counts[1] += 1,
            Some((bytes, age)) => {
                let mut others = versions.filter(|(_, other)| other == age);
                counts[2] += u64::from(others.any(|(other, _)| other != bytes));
            }
        }
    }
    counts
}

fn check_states((layouts, files): &Studio, offline: &BTreeSet<usize>, document: &Value) {
    let mut projects = BTreeSet::new();
    for summary in document["projects"].as_array().unwrap() {
        let name = summary["project"].as_str().unwrap();
        let project = PROJECTS.iter().position(|known| *known == name).unwrap();
        projects.insert(project);
        let mut replicas = summary["replicas"].as_array().unwrap().iter();
        for (category, layout) in layouts.iter().enumerate() {
            if !can_hold(layout, project) {
                continue;
            }
            let group = group(files, category, project);
            for database in 0..DATABASES.len() {
                let replica = replicas.next().unwrap();
                let counts = shortfall(&group, database);
                let found =
                    ["lacks", "older", "differs"].map(|field| replica[field].as_u64().unwrap());
                assert_eq!(found, counts, "{replica}");
                let held = group.get(&database).map(|files| files.len() as u64);
                assert_eq!(replica["files"].as_u64(), held, "{replica}");
                let state = match held {
                    _ if offline.contains(&database) => "offline",
                    None => "missing",
                    Some(_) if counts == [0; 3] => "whole",
                    Some(_) => "incomplete",
                };
                assert_eq!(replica["state"], state, "{replica}");
            }
        }
        assert_eq!(replicas.next(), None);
    }
    assert_eq!(projects, files.keys().map(|key| key.2).collect());
}

/// A line of `list projects`, and what it selects.
struct Query {
    line: &'static str,
    database: Option<usize>,
    category: Option<usize>,
    client: Option<&'static str>,
    copies: u64,
    only_in: Option<usize>,
    min_age: u64,
}

const EVERYTHING: Query = Query {
    line: "list projects",
    database: None,
    category: None,
    client: None,
    copies: u64::MAX,
    only_in: None,
    min_age: 0,
};

const QUERIES: [Query; 8] = [
    EVERYTHING,
    Query {
        line: "list projects in B",
        database: Some(1),
        ..EVERYTHING
    },
    Query {
        line: "list projects in render",
        category: Some(1),
        ..EVERYTHING
    },
    Query {
        line: "list projects in acme in A",
        client: Some("acme"),
        database: Some(0),
        ..EVERYTHING
    },
    Query {
        line: "list projects --copies 1",
        copies: 1,
        ..EVERYTHING
    },
    Query {
        line: "list projects --copies 0 in footage",
        copies: 0,
        category: Some(0),
        ..EVERYTHING
    },
    Query {
        line: "list projects --only-in C",
        only_in: Some(2),
        ..EVERYTHING
    },
    Query {
        line: "list projects --older-than 2d",
        min_age: 2,
        ..EVERYTHING
    },
];

/// Name, files, bytes and whole copies of each selected project.
type Rows = BTreeSet<(String, u64, u64, u64)>;

fn expected_rows(files: &Files, query: &Query) -> Rows {
    let mut rows = Rows::new();
    for (project, name) in PROJECTS.iter().enumerate() {
        let (mut count, mut bytes, mut copies) = (0, 0, u64::MAX);
        let (mut youngest, mut holders) = (u64::MAX, BTreeSet::new());
        for category in 0..CATEGORIES.len() {
            let group = group(files, category, project);
            let is_selected = query.category.is_none_or(|selected| selected == category);
            if !is_selected || group.is_empty() {
                continue;
            }
            holders.extend(group.keys().copied());
            if query
                .database
                .is_some_and(|database| !group.contains_key(&database))
            {
                continue;
            }
            let whole = group
                .keys()
                .filter(|database| shortfall(&group, **database) == [0; 3]);
            copies = copies.min(whole.count() as u64);
            let all = union(&group);
            let counted = query.database.map_or(&all, |database| &group[&database]);
            count += counted.len() as u64;
            bytes += counted.values().map(|version| version.0).sum::<u64>();
            let ages = counted.values().map(|version| version.1);
            youngest = youngest.min(ages.min().unwrap_or(u64::MAX));
        }
        let is_kept = copies != u64::MAX
            && copies <= query.copies
            && query.client.is_none_or(|client| name.starts_with(client))
            && query
                .only_in
                .is_none_or(|only| holders == BTreeSet::from([only]))
            && youngest >= query.min_age;
        if is_kept {
            rows.insert(((*name).to_owned(), count, bytes, copies));
        }
    }
    rows
}

fn check_list(files: &Files, query: &Query, workspace: &mut Workspace) {
    let document = document(workspace, query.line);
    let listed = document["projects"].as_array().unwrap().iter().map(|row| {
        let number = |field: &str| row[field].as_u64().unwrap();
        let name = row["project"].as_str().unwrap().to_owned();
        (name, number("files"), number("bytes"), number("copies"))
    });
    let expected = expected_rows(files, query);
    assert_eq!(listed.collect::<Rows>(), expected, "{}", query.line);
    let sum = |count: fn(&(String, u64, u64, u64)) -> u64| expected.iter().map(count).sum::<u64>();
    assert_eq!(
        document["total"]["files"],
        sum(|row| row.1),
        "{}",
        query.line
    );
    assert_eq!(
        document["total"]["bytes"],
        sum(|row| row.2),
        "{}",
        query.line
    );
    assert_eq!(
        document["total"]["projects"],
        expected.len(),
        "{}",
        query.line
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: case_count(300), ..ProptestConfig::default() })]
    #[test]
    fn answers_match_brute_force(studio in studio(), offline in proptest::collection::btree_set(0..4_usize, 0..2)) {
        let folder = temporary_folder();
        let files = &studio.1;
        // An empty database that is away was never known to hold anything.
        let holds = |database: &usize| files.keys().any(|key| key.0 == *database);
        let offline = offline.into_iter().filter(holds).collect();
        let mut workspace = workspace(folder.path(), &studio, &offline);
        let all = document(&mut workspace, "fetch all");
        check_states(&studio, &offline, &all);
        let has_acme = files.keys().any(|key| PROJECTS[key.2].starts_with("acme"));
        for query in QUERIES.iter().filter(|query| query.client.is_none() || has_acme) {
            check_list(files, query, &mut workspace);
        }
        // The answer from stored counts is the same, and reads no folder.
        let (index, registry) = (&workspace.index, &workspace.registry);
        assert_eq!(overview::read(index, registry, &Scope::All).unwrap().computed.unions, []);
        assert_eq!(document(&mut workspace, "fetch all"), all);
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: case_count(40), ..ProptestConfig::default() })]
    #[test]
    fn sorted_rows_are_in_order(studio in studio()) {
        let folder = temporary_folder();
        let mut workspace = workspace(folder.path(), &studio, &BTreeSet::new());
        for (line, field, is_rising) in [
            ("list projects --sort size", "bytes", false),
            ("list projects --sort files --reverse", "files", true),
            ("list clients --sort copies", "copies", true),
            ("list categories --sort size --reverse", "bytes", true),
        ] {
            let document = document(&mut workspace, line);
            let rows = document.as_object().unwrap().values().find_map(Value::as_array).unwrap();
            let numbers: Vec<u64> = rows.iter().map(|row| row[field].as_u64().unwrap_or(0)).collect();
            assert!(numbers.is_sorted_by(|a, b| if is_rising { a <= b } else { a >= b }), "{line}: {document}");
            let first = self::document(&mut workspace, &format!("{line} --limit 1"));
            let shown = first.as_object().unwrap().values().find_map(Value::as_array).unwrap();
            assert_eq!(shown.as_slice(), &rows[..rows.len().min(1)], "{line}");
            assert_eq!(&first["total"], &document["total"], "{line}");
        }
    }
}
