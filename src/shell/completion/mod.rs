//! Completion of words: commands and options from the grammar, names from memory, paths from the disk.
//!
//! The typed line comes in, and candidates with their place in the line go out. Names are read from the index once, in the
//! background, so that Tab never waits for a disk; only a path does, for a quarter of a second.

pub(super) mod candidates;
mod match_list;
pub(super) mod name_list;
mod path;
pub(super) mod studio_names;
mod typed_line;

use std::time::Duration;

use clap::Command;

use self::candidates::Expectation;
use self::match_list::{Completion, MAX_LISTED, NameMatches};
use self::name_list::NameList;
use self::studio_names::StudioNames;
pub(super) use self::typed_line::TypedLine;
use super::position::Position;

/// Longest wait for projects that are still being read.
const PROJECTS_TIMEOUT: Duration = Duration::from_millis(250);

/// Returns the start of the word at the cursor and its completions. `previous_lines` is the text that the line continues.
pub(super) fn complete(
    grammar: &Command,
    names: &StudioNames,
    previous_lines: &str,
    line: &str,
    cursor: usize,
) -> (usize, Vec<Completion>) {
    let whole = format!("{previous_lines}{}", line.get(..cursor).unwrap_or(line));
    let typed = TypedLine::parse(&whole);
    let position = Position::after(grammar, &typed.words);
    let raw = whole.get(typed.word_start..).unwrap_or_default();
    if raw.starts_with('$') && !raw.starts_with("$'") && !position.expects_command() {
        let start = typed.word_start.saturating_sub(previous_lines.len());
        return (start, complete_variable(&names.tracked.variables, raw));
    }
    let expected = Expectation::at(
        &position,
        &typed.words,
        &typed.word,
        names,
        PROJECTS_TIMEOUT,
    );
    let part = typed.completed_part(&whole, expected.is_comma_separated);
    let found = NameMatches::find(&expected, &part.word);
    let candidates = found.completions(&part.prefix);
    (part.start.saturating_sub(previous_lines.len()), candidates)
}

/// Completes a variable name, never its value.
fn complete_variable(variables: &NameList, typed: &str) -> Vec<Completion> {
    let fitting = variables.with_prefix(typed).iter().take(MAX_LISTED);
    let names: Vec<_> = fitting.map(|(_, name)| name.to_string_lossy()).collect();
    let end = if names.len() == 1 { " " } else { "" };
    let candidate = |name: &std::borrow::Cow<'_, str>| Completion {
        display: name.to_string(),
        replacement: format!("{name}{end}"),
    };
    names.iter().map(candidate).collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStringExt as _;

    use proptest::prelude::*;

    use super::match_list::without_closing_quote;
    use super::*;
    use crate::commands::built_grammar;
    use crate::language::lexer::{lex, quote};

    /// Returns the line with each candidate inserted.
    fn completed_in(known: &StudioNames, line: &str) -> Vec<String> {
        let (start, found) = complete(&built_grammar(), known, "", line, line.len());
        let whole = |candidate: Completion| format!("{}{}", &line[..start], candidate.replacement);
        found.into_iter().map(whole).collect()
    }

    fn completed(line: &str) -> Vec<String> {
        completed_in(&StudioNames::example(), line)
    }

    #[test]
    fn every_position_offers_expected_words() {
        for (line, whole) in [
            ("list pr", "list projects "),
            ("list projects ", "list projects in "),
            ("list projects in ac", "list projects in acme "),
            (
                "list projects in acme in W",
                "list projects in acme in WORK ",
            ),
            ("copy acme/s", "copy acme/spot "),
            ("copy acme/spot foo", "copy acme/spot footage "),
            ("copy acme/spot footage WO", "copy acme/spot footage WORK "),
            (
                "copy acme/spot footage WORK NAS,WO",
                "copy acme/spot footage WORK NAS,WORK ",
            ),
            ("load NAS w", "load NAS WORK "),
            ("load --forget W", "load --forget WORK "),
            ("load --forget=W", "load --forget=WORK "),
            ("load --project acme/s", "load --project acme/spot "),
            (
                "load --project=\"acme/l",
                "load --project='acme/long film' ",
            ),
            ("remove exclusion ", "remove exclusion *.tmp "),
            ("copy --dry", "copy --dry-run "),
            ("fetch project B", "fetch project \"Bob's/film\" "),
            ("fetch project NOVA/Ü", "fetch project nova/über "),
            ("fetch client n", "fetch client nova "),
            ("set pa", "set pager "),
            ("set pager of", "set pager off "),
            ("set format j", "set format json "),
            ("help exp", "help explore "),
            ("help scr", "help scripts "),
            ("help add d", "help add database "),
            ("echo $NA", "echo $NAS_MOUNT "),
            ("fe", "fetch "),
        ] {
            assert_eq!(completed(line), [whole], "{line}");
        }
        assert_eq!(
            completed("copy acme/spot footage WORK WORK,nas"),
            [
                "copy acme/spot footage WORK 'WORK,NAS'",
                "copy acme/spot footage WORK 'WORK,NAS 2'"
            ]
        );
        assert_eq!(
            completed("copy acme/spot footage WORK 'NAS 2,WO"),
            ["copy acme/spot footage WORK 'NAS 2,WORK' "]
        );
        assert_eq!(completed("ex"), ["exclude", "exit", "explore"]);
        assert_eq!(completed("help co"), ["help compare", "help copy"]);
        assert_eq!(
            completed("compare acme/spot footage WORK N"),
            [
                "compare acme/spot footage WORK 'NAS'",
                "compare acme/spot footage WORK 'NAS 2'"
            ]
        );
        assert!(completed("exit x").is_empty() && completed("echo a").is_empty());
    }

    #[test]
    fn names_with_spaces_become_one_quoted_word() {
        for typed in ["acme/l", "'acme/long f", "\"acme/l", "acme/long\\ "] {
            let line = format!("fetch project {typed}");
            assert_eq!(
                completed(&line),
                ["fetch project 'acme/long film' "],
                "{typed}"
            );
        }
    }

    proptest! {
        #[test]
        fn completed_project_lexes_to_its_name(
            client in "[-a$'\"\\\\ #=é\u{1}\u{202e}]{1,4}",
            project in prop::collection::vec(1..=255_u8, 1..6),
            typed in 0..3_usize,
        ) {
            prop_assume!(!project.contains(&b'/') && !client.starts_with('-') && client != ".");
            let name = OsString::from_vec([client.as_bytes(), b"/", &project].concat());
            let known = StudioNames::with([name.clone()].into_iter().collect(), NameList::default());
            // The typed beginning, quoted as Tab quotes it.
            let begun: String = client.chars().take(typed).collect();
            let line = match quote(OsStr::new(&begun)) {
                _ if begun.is_empty() => "fetch project ".to_owned(),
                word => format!("fetch project {}", without_closing_quote(&word)),
            };
            let (start, found) = complete(&built_grammar(), &known, "", &line, line.len());
            prop_assert_eq!(found.len(), 1, "{}", line);
            let whole = format!("{}{}", &line[..start], found[0].replacement);
            let words = lex(&whole).unwrap();
            prop_assert_eq!(words.len(), 3);
            prop_assert_eq!(&words[2].text, &name);
            prop_assert!(words[2].variable_offsets.is_empty());
        }
    }

    #[test]
    fn letters_in_order_complete_without_prefix_match() {
        assert_eq!(completed("fetch project spt"), ["fetch project acme/spot "]);
        assert_eq!(
            completed("fetch project lfilm"),
            ["fetch project 'acme/long film' "]
        );
        assert_eq!(completed("load wrk"), ["load WORK "]);
        assert_eq!(completed("cpy"), ["copy "]);
    }

    #[test]
    fn continued_line_is_completed_as_one() {
        let grammar = built_grammar();
        let found = complete(
            &grammar,
            &StudioNames::example(),
            "copy acme/spot ",
            "foo",
            3,
        );
        assert_eq!(found.0, 0);
        assert_eq!(found.1[0].replacement, "footage ");
    }

    #[test]
    fn too_many_projects_are_offered_by_client() {
        let clients = (0..300).map(|client| format!("c{client:03}").into());
        let names = (0..300).flat_map(|client| (0..200).map(move |number| (client, number)));
        let projects = names.map(|(client, number)| format!("c{client:03}/p{number:03}").into());
        let known = StudioNames::with(projects.collect(), clients.collect());
        let found = complete(&built_grammar(), &known, "", "fetch project ", 14).1;
        assert_eq!(found.len(), MAX_LISTED + 1);
        assert_eq!(found[0].replacement, "c000/");
        assert_eq!(
            (
                found[MAX_LISTED].display.as_str(),
                found[MAX_LISTED].replacement.as_str()
            ),
            ("… 200 more", "c")
        );
        assert_eq!(completed_in(&known, "fetch project c12").len(), 10);
        let found = completed_in(&known, "fetch project c123/");
        assert_eq!(
            (found.len(), found[MAX_LISTED].as_str()),
            (MAX_LISTED + 1, "fetch project c123/p")
        );
        assert_eq!(
            completed_in(&known, "fetch project c123/p042"),
            ["fetch project c123/p042 "]
        );
        let known = StudioNames::with(
            (0..200)
                .map(|number| format!("my client/p{number}").into())
                .collect(),
            ["my client".into()].into_iter().collect(),
        );
        assert_eq!(
            completed_in(&known, "fetch project m"),
            ["fetch project 'my client/"]
        );
        assert_eq!(
            completed_in(&known, "fetch project 'my client/p19").len(),
            11
        );
    }

    #[test]
    fn inserted_prefix_is_common_to_all_matches() {
        // More candidates than are listed begin with `aa/p`; an unlisted one begins with `ab`.
        let many = (0..150).map(|number| format!("aa/p{number:03}").into());
        let projects = many.chain(["ab/q".into()]).collect();
        let known = StudioNames::with(projects, ["aa".into(), "aa2".into()].into_iter().collect());
        let names = known.projects(Duration::ZERO).unwrap();
        let found = NameMatches::with_prefix("a", &[&names.projects, &names.clients]);
        let candidates = found.completions(OsStr::new(""));
        assert_eq!(candidates.last().unwrap().replacement, "a");
    }

    #[test]
    fn paths_are_completed_from_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["studio one", "studio two", ".hidden", "Other"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("studio.ab"), "").unwrap();
        std::fs::create_dir(folder.path().join("Other/deeper")).unwrap();
        let mut known = StudioNames::example();
        known.tracked.base = folder.path().to_owned();
        known.tracked.roots = vec![folder.path().to_owned(), "/no/such/root".into()];
        for (line, whole) in [
            ("add database X o", vec!["add database X Other/"]),
            (
                "add database X Other/",
                vec!["add database X Other/deeper/"],
            ),
            (
                "add database X 'studio o",
                vec!["add database X 'studio one/"],
            ),
            (
                "add database X stu",
                vec![
                    "add database X 'studio one/'",
                    "add database X 'studio two/'",
                ],
            ),
            ("add database X .h", vec!["add database X .hidden/"]),
            ("add database X ~", vec!["add database X ~/"]),
            ("add category x oth", vec!["add category x Other/"]),
            ("source studio.", vec!["source studio.ab "]),
            ("add database X nothing/", vec![]),
        ] {
            assert_eq!(completed_in(&known, line), whole, "{line}");
        }
        let absolute = format!("add database X {}/Oth", folder.path().display());
        assert_eq!(completed_in(&known, &absolute).len(), 1);
    }
}
