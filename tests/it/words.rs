//! One word for a tracked place in everything a user reads: storage. `database` is only the keyword, a key of JSON and CSV,
//! and the name of the identity file.

use std::fs;
use std::path::Path;

use regex::Regex;

use crate::source_tree::top;
use crate::studio::Studio;

/// Forms of the word that stay.
const ALLOWED: [&str; 11] = [
    // Keywords, alone or in a line.
    r"(add|list|remove) databases?\b",
    r"`[Dd]atabases?`",
    r"\bdatabase\|category\b",
    r"^  databases?  ",
    // Keys of JSON, headings of CSV and paths of jq.
    r#"\\?"databases?\\?""#,
    r"\w,databases?\b",
    r"\bdatabases?,\w",
    r"\.databases?\b",
    // The identity file, and the file names of decisions.
    r"\bdatabase\.json\b",
    r"-databases?-",
    // The word of PostgreSQL for a part of a server.
    r"\bPostgreSQL databases?\b",
];

/// Returns the lines that hold the word in another form than those.
fn misnamed(text: &str) -> Vec<String> {
    let allowed = Regex::new(&ALLOWED.join("|")).unwrap();
    let word = Regex::new(r"(?i)\bdatabases?\b").unwrap();
    text.lines()
        .filter(|line| word.is_match(&allowed.replace_all(line, "")))
        .map(str::to_owned)
        .collect()
}

/// Returns the string literals of Rust code, without SQL and without the names in braces of formats.
fn literals(code: &str) -> Vec<String> {
    let token =
        Regex::new(r##"(?s)//[^\n]*|'(?:\\.|[^'\\])'|r#"(.*?)"#|"((?:\\.|[^"\\])*)""##).unwrap();
    let sql = Regex::new(r"\b(SELECT|INSERT|UPDATE|DELETE FROM|CREATE TABLE)\b").unwrap();
    let inserted = Regex::new(r"\{databases?[.:}]").unwrap();
    token
        .captures_iter(code)
        .filter_map(|found| found.get(1).or(found.get(2)))
        .map(|literal| literal.as_str())
        .filter(|literal| !sql.is_match(literal))
        // Keys, headings and keywords.
        .filter(|literal| !["database", "databases"].contains(literal))
        .map(|literal| inserted.replace_all(literal, "").into_owned())
        .collect()
}

fn files(folder: &Path, extension: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|end| end == extension) {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path.display().to_string(), text));
        }
    }
    found
}

#[test]
fn messages_call_a_tracked_place_a_storage() {
    let mut wrong = Vec::new();
    for (path, code) in files(&top().join("src"), "rs") {
        for literal in literals(&code) {
            let lines = misnamed(&literal);
            wrong.extend(lines.into_iter().map(|line| format!("{path}: {line}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pages_and_help_call_a_tracked_place_a_storage() {
    let mut pages = files(&top().join("docs"), "md");
    // Decisions talk about the code, where the type is `Database`.
    pages.retain(|(path, _)| !path.contains("/decisions/"));
    pages.extend(files(&top().join("examples"), "ab"));
    for name in ["README.md", ".config.example", "docs/prompt.svg"] {
        pages.push((
            name.to_owned(),
            fs::read_to_string(top().join(name)).unwrap(),
        ));
    }
    // docs/commands.md is the help of all commands, as another test holds.
    let studio = Studio::bare();
    for option in ["--help", "--generate=man"] {
        pages.push((option.to_owned(), studio.run([option]).ok().stdout));
    }
    assert!(pages.len() > 15, "pages are missing");
    let mut wrong = Vec::new();
    for (path, text) in pages {
        let lines = misnamed(&text);
        wrong.extend(lines.into_iter().map(|line| format!("{path}: {line}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_prose_is_misnamed() {
    let wrong = [
        "the database is full",
        "DATABASE",
        "add databases here, or a database",
    ];
    let right = [
        "add database NAS /mnt",
        "`list databases` shows",
        "project,databases",
        "storages",
    ];
    assert!(wrong.iter().all(|line| misnamed(line).len() == 1));
    assert!(right.iter().all(|line| misnamed(line).is_empty()));
    let code = "let a = '\"'; // a \"database\" of\nquery(\"SELECT id FROM databases\", \"{database} is a database\")";
    assert_eq!(literals(code), [" is a database"]);
}
