//! The SQL of the catalog keeps to the words that `YugabyteDB` and `CockroachDB` understand as `PostgreSQL` does.

use std::collections::BTreeSet;

use regex::Regex;

use crate::source_tree::production;

/// The keywords that may be used, which stand in capitals.
const KEYWORDS: &str = "
    ADD ALTER ALWAYS AND AS ASC BY CASCADE CAST CHECK COLUMN CONFLICT CREATE DEFAULT DELETE DESC DISTINCT DO EXISTS FOR
    FOREIGN FROM
    GENERATED GROUP IDENTITY IF IN INDEX INSERT INTO IS JOIN KEY LEFT LIMIT LOCAL NOT NOTHING NULL ON OR ORDER PRIMARY
    REFERENCES RETURNING SCHEMA SELECT SET TABLE UNIQUE UPDATE USING VALUES WHERE";

/// The functions that may be called.
const FUNCTIONS: &str =
    "coalesce count current_database extract greatest least max min now nullif sum unnest version";

/// The only parts of the system's own tables that are read: they exist everywhere.
const SYSTEM: &str = "pg_catalog pg_database pg_roles";

/// A string literal of Rust, and what stands before it on its line.
struct Literal {
    before: String,
    text: String,
}

fn literals(code: &str) -> Vec<Literal> {
    let literal = Regex::new(r#"(?s)([^\n"]*)"((?:\\.|[^"\\])*)""#).unwrap();
    literal
        .captures_iter(code)
        .map(|found| Literal {
            before: found[1].to_owned(),
            text: found[2].to_owned(),
        })
        .collect()
}

/// True for a text whose first word is one of SQL.
fn is_sql(text: &str) -> bool {
    let verbs = "ALTER ANALYZE BEGIN CALL COMMIT COPY CREATE DELETE DO DROP EXECUTE GRANT INSERT LISTEN LOCK MERGE NOTIFY
        REVOKE ROLLBACK SAVEPOINT SELECT SET SHOW START TRUNCATE UPDATE VACUUM VALUES WITH";
    let first = text.split_whitespace().next().unwrap_or_default();
    verbs
        .split_whitespace()
        .any(|verb| verb.eq_ignore_ascii_case(first))
        && text.trim().contains(' ')
        && first.to_uppercase() == first
}

/// Returns what a statement uses beyond the subset.
fn foreign_words(sql: &str) -> Vec<String> {
    let set =
        |words: &str| -> BTreeSet<String> { words.split_whitespace().map(str::to_owned).collect() };
    let (keywords, functions, system) = (set(KEYWORDS), set(FUNCTIONS), set(SYSTEM));
    let text = Regex::new("'[^']*'").unwrap().replace_all(sql, "''");
    let word = Regex::new(r"[A-Za-z_][A-Za-z_0-9]*").unwrap();
    let mut foreign = Vec::new();
    let mut last = "";
    for found in word.find_iter(&text) {
        let name = found.as_str();
        let is_called = text[found.end()..].trim_start().starts_with('(');
        let is_keyword = name.chars().all(|c| c.is_ascii_uppercase());
        let is_system =
            name.starts_with("pg_") || name.starts_with("crdb_") || name.starts_with("yb_");
        // A name before a bracket is a table, an index or an alias if a keyword says so.
        let is_list = [
            "INTO",
            "TABLE",
            "EXISTS",
            "ON",
            "REFERENCES",
            "AS",
            "auto_backup",
        ]
        .contains(&last);
        let is_foreign = (is_keyword && !keywords.contains(name))
            || (!is_keyword && name.chars().any(|c| c.is_ascii_uppercase()))
            || (is_system && !system.contains(name))
            || (!is_keyword && is_called && !is_list && !functions.contains(name));
        if is_foreign {
            foreign.push(name.to_owned());
        }
        last = name;
    }
    for operator in ["::", "$$", "@>", "->"] {
        if text.contains(operator) {
            foreign.push(operator.to_owned());
        }
    }
    foreign
}

#[test]
fn catalog_uses_only_portable_sql() {
    let mut statements = 0;
    for (path, code) in production() {
        if !path.starts_with("catalog/") {
            continue;
        }
        for literal in literals(&code)
            .iter()
            .filter(|literal| is_sql(&literal.text))
        {
            statements += 1;
            let foreign = foreign_words(&literal.text);
            assert!(
                foreign.is_empty(),
                "src/{path}: {foreign:?} in {}",
                literal.text
            );
        }
    }
    assert!(statements > 10, "only {statements} statements were found");
}

#[test]
fn sql_stands_in_constants() {
    let constant = Regex::new(r"const [A-Z_]+: &str = $").unwrap();
    for (path, code) in production() {
        if !path.starts_with("catalog/") {
            continue;
        }
        for literal in literals(&code)
            .iter()
            .filter(|literal| is_sql(&literal.text))
        {
            assert!(
                constant.is_match(&literal.before),
                "src/{path}: {}",
                literal.text
            );
        }
    }
}

#[test]
fn no_time_of_this_machine_is_used() {
    let clock = Regex::new(r"SystemTime|Timestamp|UNIX_EPOCH|ClockId::Realtime").unwrap();
    for (path, code) in production() {
        // An exchange turns the times of scans into those of the server, by the difference between the two clocks.
        let is_lease = path.starts_with("catalog/") && !path.starts_with("catalog/exchange/");
        let is_read = is_lease && clock.is_match(&code);
        assert!(!is_read, "src/{path} reads a clock that users set");
    }
}

#[test]
fn words_beyond_the_subset_are_found() {
    for (sql, word) in [
        ("LISTEN changes", "LISTEN"),
        ("SELECT pg_advisory_lock(1)", "pg_advisory_lock"),
        ("SELECT nextval('runs')", "nextval"),
        ("CREATE TEMPORARY TABLE t (id int)", "TEMPORARY"),
        ("CREATE UNLOGGED TABLE t (id int)", "UNLOGGED"),
        ("CREATE EXTENSION pgcrypto", "EXTENSION"),
        ("COPY t FROM STDIN", "COPY"),
        ("SELECT 1 FROM t FOR UPDATE SKIP LOCKED", "SKIP"),
        ("SELECT a::text FROM t", "::"),
        ("DO $$ x $$", "$$"),
        ("Select x from t", "Select"),
    ] {
        assert!(foreign_words(sql).contains(&word.to_owned()), "{sql}");
    }
    assert!(
        foreign_words("INSERT INTO auto_backup.t (x) SELECT unnest($1) ON CONFLICT (x) DO NOTHING")
            .is_empty()
    );
}
