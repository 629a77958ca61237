//! Hints: the intended word and its place.

use insta::assert_snapshot;

use crate::studio::Studio;

/// A studio in which two databases have different projects.
fn studio() -> Studio {
    let studio = Studio::new();
    studio
        .file("WORK/footage/acme/spot/a.mov", "1")
        .file("WORK/footage/acme/spring campaign 2026/a.mov", "1")
        .file("WORK/footage/Bob's Diner/menu film/a.mov", "1")
        .file("NAS/footage/nova/titles/a.mov", "1");
    studio.lines(&["load"]).ok();
    studio
}

/// Returns the standard error of a failing line.
fn complaint(studio: &Studio, line: &str) -> String {
    studio.lines(&[line]).stderr
}

#[test]
fn commands_of_other_programs_suggest_ours() {
    let studio = Studio::bare();
    let hint = |word: &str| {
        let said = complaint(&studio, word);
        said.lines().last().unwrap_or_default().to_owned()
    };
    assert_snapshot!(hint("ls"), @"hint: did you mean `list projects`?");
    assert_snapshot!(hint("diff"), @"hint: `compare PROJECT STORAGE STORAGE` shows the differences; `--checksum` compares the content");
    assert_snapshot!(hint("revert"), @"hint: `undo RUN` reverses a run that `history` lists; `restore` puts old versions of single files back");
    assert_snapshot!(hint("rename"), @"hint: rename or move it on the disk: the next `sync` renames what an earlier one sent");
    assert_snapshot!(hint("tree"), @"hint: did you mean `list projects`?");
    assert_snapshot!(hint("rm"), @"hint: auto-backup never erases a file without proof: `free PROJECT CATEGORY STORAGE` gives up a copy that is elsewhere; delete anything else in the file manager, which `explore` opens");
}

#[test]
fn every_tried_word_leads_to_a_command_or_a_sentence() {
    let studio = studio();
    let words = "ls du size where show diff push backup open rm delete move tree info ? \\\\q \
                 rename archive summary revert recover repair scrub doctor check clear top";
    for word in words.split_whitespace() {
        for line in [word.to_owned(), format!("{word} acme/spot")] {
            let run = studio.run(["--format", "json", "-c", &line]).status(2);
            let message: serde_json::Value = serde_json::from_str(run.stderr.trim()).unwrap();
            let hint = message["hint"].as_str().unwrap();
            assert!(!hint.contains("remove"), "{line}: {hint}");
            match message["suggestions"].as_array().unwrap().as_slice() {
                [meant] => {
                    let meant = meant.as_str().unwrap();
                    let run = studio.lines(&[meant]);
                    // `watch` needs a terminal, and no command is called acme/spot.
                    let is_other = meant.starts_with("watch") || meant.starts_with("help ");
                    let lacks_words = run.stderr.contains("missing: ");
                    assert!(run.status != 2 || lacks_words || is_other, "{line}: {run}");
                }
                none => {
                    assert!(
                        none.is_empty() && hint.contains('`') || hint.contains("Ctrl-L"),
                        "{line}: {hint}"
                    );
                }
            }
        }
        let help = studio.lines(&[&format!("help {word}")]).status(2);
        assert!(!help.stderr.contains("remove"), "{help}");
    }
}

/// Returns the last line of the message about a failing line.
fn hint(studio: &Studio, line: &str) -> String {
    let said = complaint(studio, line);
    said.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn beginning_of_project_suggests_it_alone() {
    let studio = studio();
    assert_snapshot!(hint(&studio, "fetch project acme/spring"), @"hint: did you mean `'acme/spring campaign 2026'`?");
    assert_snapshot!(hint(&studio, "fetch acme/spring"), @"hint: did you mean `'acme/spring campaign 2026'`?");
    assert_snapshot!(hint(&studio, "copy acme/spring footage WORK NAS"), @"hint: did you mean `'acme/spring campaign 2026'`?");
}

#[test]
fn beginning_of_client_suggests_it() {
    let studio = studio();
    studio.file("WORK/footage/Café Roma/menu/a.mov", "1");
    studio.lines(&["load"]).ok();
    assert_snapshot!(hint(&studio, "fetch client Bob"), @r#"hint: did you mean `"Bob's Diner"`?"#);
    assert_snapshot!(hint(&studio, "fetch client Cafe"), @"hint: did you mean `'Café Roma'`?");
}

#[test]
fn last_part_suggests_project() {
    let studio = studio();
    assert_snapshot!(hint(&studio, "copy titles footage NAS WORK"), @"hint: did you mean `nova/titles`?");
    assert_snapshot!(hint(&studio, "fetch project spot"), @"hint: did you mean `acme/spot`?");
    assert_snapshot!(hint(&studio, "fetch spot"), @"hint: did you mean `acme/spot`?");
    assert_snapshot!(hint(&studio, "find a in spot"), @"hint: did you mean `acme/spot`?");
    assert_snapshot!(hint(&studio, "copy spot footage WORK NAS"), @"hint: did you mean `acme/spot`?");
}

#[test]
fn missing_slash_is_put_in() {
    let studio = studio();
    assert_snapshot!(hint(&studio, "fetch project acme spot"), @"hint: a project is written CLIENT/PROJECT: acme/spot");
    assert_snapshot!(hint(&studio, "copy acme spring campaign 2026 footage WORK NAS"), @"hint: a project is written CLIENT/PROJECT: 'acme/spring campaign 2026'");
    assert_snapshot!(hint(&studio, "fetch project acme/spring campaign 2026"), @"hint: quote a name with spaces: 'acme/spring campaign 2026'");
}

#[test]
fn existing_project_suggests_no_other() {
    let studio = studio();
    studio.file("WORK/footage/acme/spot2/a.mov", "1");
    studio.file("NAS/footage/acme/spots/a.mov", "1");
    studio.lines(&["load"]).ok();
    for line in [
        "copy acme/spot footage NAS WORK",
        "copy acme/spot NAS WORK",
        "copy acme/spot render NAS WORK",
        "copy acme/spot render WORK NAS",
        "sync acme/spot footage NAS WORK",
        "explore acme/spot footage NAS",
        "explore acme/spot NAS",
    ] {
        let run = studio.run(["--format", "json", "-c", line]).status(1);
        assert!(run.stderr.contains("`acme/spot` is on WORK"), "{run}");
        assert!(run.stderr.contains("\"suggestions\":[]"), "{run}");
        assert!(!run.stderr.contains("spot2"), "{run}");
    }
    assert_snapshot!(hint(&studio, "copy acme/spot render WORK NAS"), @"hint: `acme/spot` is on WORK in category `footage`");
}

#[test]
fn several_destinations_are_no_misspelled_one() {
    let studio = studio();
    studio.folder("TAPE");
    let (add, sync) = (
        "add database TAPE TAPE",
        "sync acme/spot footage WORK NAS,TAPE",
    );
    studio.lines(&[add, sync]).ok();
    assert!(studio.path("TAPE/footage/acme/spot/a.mov").exists());
    assert_snapshot!(hint(&studio, "sync acme/spot footage WORK NAS,CLOUD"), @"hint: known: WORK, NAS");
    assert_snapshot!(hint(&studio, "sync acme/spot footage WORK NAS,WROK"), @"hint: did you mean `WORK`?");
}

#[test]
fn hint_names_the_holding_database() {
    let studio = studio();
    assert_snapshot!(complaint(&studio, "copy acme/spot footage NAS WORK"), @"
    -c:1:6: error: `acme/spot` is not in category `footage` of storage `NAS`
        copy acme/spot footage NAS WORK
             ^^^^^^^^^
    hint: `acme/spot` is on WORK
    ");
    assert_snapshot!(complaint(&studio, "explore acme/spot footage NAS"), @"
    -c:1:9: error: `acme/spot` is not in category `footage` of storage `NAS`
        explore acme/spot footage NAS
                ^^^^^^^^^
    hint: `acme/spot` is on WORK
    ");
    assert_snapshot!(complaint(&studio, "sync nova footage WORK NAS"), @"
    -c:1:6: error: `nova` is not in category `footage` of storage `WORK`
        sync nova footage WORK NAS
             ^^^^
    hint: `nova` is on NAS
    ");
}

#[test]
fn project_accepts_trailing_slash() {
    let studio = studio();
    studio.lines(&["copy acme/spot/ footage WORK NAS"]).ok();
    assert!(
        studio
            .lines(&["copy acme/ footage WORK NAS"])
            .stderr
            .contains("a part of it is empty")
    );
}

#[test]
fn non_numeric_run_is_refused() {
    assert_snapshot!(complaint(&Studio::bare(), "history abc"), @"
    -c:1:9: error: `abc` is not a valid RUN: a run is a number; `history` lists them; `history sizes` shows sizes over time
        history abc
                ^^^
    hint: write it as: history [RUN | [--last N | --all] [--hosts] | sizes [PROJECT] [--since TIME]]
    ");
    assert_snapshot!(complaint(&Studio::bare(), "history --last"), @"
    -c:1:15: error: `--last` needs a value: N
        history --last
                      ^
    hint: write it as: history [RUN | [--last N | --all] [--hosts] | sizes [PROJECT] [--since TIME]]
    ");
}

#[test]
fn missing_startup_file_names_searched_paths() {
    let studio = Studio::bare();
    let places = "no start-up file found at `./.config` or";
    let run = studio.lines(&["load NAS"]).status(1);
    assert!(run.stderr.contains(places), "{run}");
    for line in [
        "load",
        "fetch all",
        "list projects",
        "list databases",
        "find x",
    ] {
        let run = studio.lines(&[line]);
        let lacking = "no storages yet: `add database NAME ROOT`; ".to_owned() + places;
        assert!(
            run.stdout.replace('\n', " ").contains(&lacking) || run.stderr.contains(&lacking),
            "{run}"
        );
        // Without a start-up file on request, none is missed.
        let run = studio.run(["--no-config", "-c", line]);
        assert!(!run.to_string().contains(places), "{run}");
    }
}
