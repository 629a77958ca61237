//! Tests of completion: from a typed line to the words that replace its last one.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;

use proptest::prelude::*;

use super::match_list::{MAX_PROJECTS, without_closing_quote};
use super::project_names::ProjectNames;
use super::*;
use crate::commands::built_grammar;
use crate::language::lexer::{lex, quote};

fn list_in(known: &StudioNames, line: &str) -> CompletionList {
    complete(
        &built_grammar(),
        known,
        "",
        line,
        line.len(),
        DiskAccess::Read,
    )
}

/// Returns the line with each candidate inserted; with the only match alone, if there is one.
fn completed_in(known: &StudioNames, line: &str) -> Vec<String> {
    let list = list_in(known, line);
    let whole = |word| format!("{}{word}", &line[..list.start]);
    match list.only_match() {
        Some(word) => vec![whole(word)],
        None => (0..list.len())
            .map(|place| whole(list.replacement(place).unwrap()))
            .collect(),
    }
}

fn completed(line: &str) -> Vec<String> {
    completed_in(&StudioNames::example(), line)
}

/// Returns words and descriptions.
fn described(line: &str) -> Vec<(String, String)> {
    let list = list_in(&StudioNames::example(), line);
    let entry = |place| (list.shown_word(place), list.description(place));
    (0..list.len()).map(entry).collect()
}

fn many(clients: usize, projects: usize) -> StudioNames {
    let names = (0..clients).flat_map(|client| (0..projects).map(move |number| (client, number)));
    StudioNames::with_projects(names.map(|(client, number)| format!("c{client:03}/p{number:03}")))
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
        ("report acme/s", "report acme/spot "),
        ("history s", "history sizes "),
        ("history sizes acme/s", "history sizes acme/spot "),
        ("duplicates acme/s", "duplicates acme/spot "),
        ("duplicates in W", "duplicates in WORK "),
        ("duplicates acme in foot", "duplicates acme in footage "),
        ("watch 5 fe", "watch 5 fetch "),
        (
            "watch 5 fetch project acme/s",
            "watch 5 fetch project acme/spot ",
        ),
        ("fetch all | le", "fetch all | less "),
        ("fetch all | sort | gr", "fetch all | sort | grep "),
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
            "copy acme/spot footage WORK WORK,NAS ",
            "copy acme/spot footage WORK 'WORK,NAS 2' "
        ]
    );
    assert_eq!(
        completed("copy acme/spot footage WORK 'NAS 2,WO"),
        ["copy acme/spot footage WORK 'NAS 2,WORK' "]
    );
    assert_eq!(completed("ex")[..3], ["exclude ", "exit ", "explore "]);
    assert_eq!(completed("help co")[..2], ["help compare ", "help copy "]);
    assert!(
        completed("exit x").is_empty()
            && completed("history 12 ").is_empty()
            && completed("echo a").is_empty()
    );
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
        let known = StudioNames::with(ProjectNames::of_names([name.clone()]));
        // The typed beginning, quoted as Tab quotes it.
        let begun: String = client.chars().take(typed).collect();
        let line = match quote(OsStr::new(&begun)) {
            _ if begun.is_empty() => "fetch project ".to_owned(),
            word => format!("fetch project {}", without_closing_quote(&word)),
        };
        let found = completed_in(&known, &line);
        prop_assert_eq!(found.len(), 1, "{}", line);
        let words = lex(&found[0]).unwrap();
        prop_assert_eq!(words.len(), 3);
        prop_assert_eq!(&words[2].text, &name);
        prop_assert!(words[2].variable_offsets.is_empty());
    }
}

#[test]
fn accents_and_last_parts_complete() {
    for (line, whole) in [
        ("fetch project nova/ub", "fetch project nova/über "),
        ("fetch project UBER", "fetch project nova/über "),
        ("fetch project spot", "fetch project acme/spot "),
        ("fetch project long", "fetch project 'acme/long film' "),
        ("load or", "load WORK "),
        ("xplo", "explore "),
    ] {
        assert_eq!(completed(line), [whole], "{line}");
    }
}

#[test]
fn prefix_precedes_last_part_and_inside() {
    let known = StudioNames::with_projects(
        ["spot/a", "spot/b", "acme/spot", "nova/hotspot", "x/y"].map(str::to_owned),
    );
    let list = list_in(&known, "fetch project spot");
    let words: Vec<_> = (0..list.len())
        .map(|place| list.shown_word(place))
        .collect();
    assert_eq!(words, ["spot/a", "spot/b", "acme/spot", "nova/hotspot"]);
    assert_eq!(list.common_part().unwrap(), "spot/");
    assert_eq!(list.only_match(), None);
}

#[test]
fn letters_in_order_complete_without_other_match() {
    assert_eq!(completed("fetch project spt"), ["fetch project acme/spot "]);
    assert_eq!(
        completed("fetch project lfilm"),
        ["fetch project 'acme/long film' "]
    );
    assert_eq!(completed("load wrk"), ["load WORK "]);
    assert_eq!(completed("cpy"), ["copy "]);
}

#[test]
fn each_kind_of_word_is_described() {
    let pair = |word: &str, text: &str| (word.to_owned(), text.to_owned());
    let shown = described("fetch project acme/");
    assert_eq!(
        shown,
        [
            pair("'acme/long film'", "2.00 kB on WORK"),
            pair("acme/spot", "2.00 kB on WORK")
        ]
    );
    assert_eq!(
        described("fetch client ")[0],
        pair("acme", "2 projects, 4.00 kB")
    );
    assert_eq!(
        described("load W"),
        [pair("WORK", "/mnt/WORK")],
        "a storage has its root"
    );
    for line in [
        "",
        "add ",
        "help ",
        "copy --",
        "load --",
        "set ",
        "copy all ",
    ] {
        for (word, text) in described(line) {
            let has_none = ["footage", "render"].contains(&word.as_str());
            assert_eq!(text.is_empty(), has_none, "{line}: {word}");
            assert!(!text.contains('\n'), "{word}: {text}");
        }
    }
}

#[test]
fn common_part_opens_needed_quote() {
    let common = |known: &StudioNames, line| list_in(known, line).common_part();
    let example = StudioNames::example();
    assert_eq!(common(&example, "load N").unwrap(), "'NAS");
    assert_eq!(common(&example, "load NAS"), None);
    assert_eq!(common(&example, "copy nov").unwrap(), "nova");
    assert_eq!(common(&example, "copy ac").unwrap(), "'acme");
    let known = StudioNames::with_projects(["a/Müller 1", "a/Müller 2"].map(str::to_owned));
    assert_eq!(common(&known, "fetch project a/mu").unwrap(), "'a/Müller ");
    let known = StudioNames::with_projects(["Bob's/x1", "Bob's/x2"].map(str::to_owned));
    assert_eq!(common(&known, "fetch project B").unwrap(), "\"Bob's/x");
    // Names that begin alike only without accents have no common beginning to insert.
    let known = StudioNames::with_projects(["a/Müller", "a/Munro"].map(str::to_owned));
    assert_eq!(common(&known, "fetch project a/mu"), None);
}

#[test]
fn continued_line_is_completed_as_one() {
    let found = complete(
        &built_grammar(),
        &StudioNames::example(),
        "copy acme/spot ",
        "foo",
        3,
        DiskAccess::Read,
    );
    assert_eq!(found.start, 0);
    assert_eq!(found.only_match().unwrap(), "footage ");
}

#[test]
fn too_many_projects_are_offered_by_client() {
    let known = many(300, 200);
    let list = list_in(&known, "fetch project ");
    assert_eq!(list.len(), 300);
    assert_eq!(list.replacement(0).unwrap(), "c000/");
    assert_eq!(list.description(0), "200 projects, 400 kB");
    assert_eq!(list.common_part().unwrap(), "c");
    assert_eq!(completed_in(&known, "fetch project c12").len(), 10);
    let list = list_in(&known, "fetch project c123/");
    assert_eq!(list.len(), 200);
    assert_eq!(list.common_part().unwrap(), "c123/p");
    assert_eq!(
        completed_in(&known, "fetch project c123/p042"),
        ["fetch project c123/p042 "]
    );
    // The last part finds projects all the same.
    assert_eq!(list_in(&known, "fetch project p042").len(), 300);
    let clients = (0..=MAX_PROJECTS).map(|number| format!("my client/p{number}"));
    let known = StudioNames::with_projects(clients);
    assert_eq!(
        completed_in(&known, "fetch project m"),
        ["fetch project 'my client/"]
    );
    assert_eq!(
        completed_in(&known, "fetch project 'my client/p19")[0],
        "fetch project 'my client/p19' "
    );
}

#[test]
fn paths_are_completed_from_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["studio one", "studio two", ".hidden", "Öther"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("studio.ab"), "").unwrap();
    std::fs::create_dir(folder.path().join("Öther/deeper")).unwrap();
    let mut known = StudioNames::example();
    known.tracked.base = folder.path().to_owned();
    known.tracked.roots = vec![folder.path().to_owned(), "/no/such/root".into()];
    for (line, whole) in [
        ("add database X ot", vec!["add database X Öther/"]),
        (
            "add database X Öther/",
            vec!["add database X Öther/deeper/"],
        ),
        (
            "add database X Öther/per",
            vec!["add database X Öther/deeper/"],
        ),
        (
            "add database X 'studio o",
            vec!["add database X 'studio one/"],
        ),
        (
            "add database X stu",
            vec!["add database X 'studio one/", "add database X 'studio two/"],
        ),
        ("add database X .h", vec!["add database X .hidden/"]),
        ("add database X ~", vec!["add database X ~/"]),
        ("add category x oth", vec!["add category x Öther/"]),
        ("source studio.", vec!["source studio.ab "]),
        ("add database X nothing/", vec![]),
    ] {
        assert_eq!(completed_in(&known, line), whole, "{line}");
    }
    let list = list_in(&known, "source stu");
    let texts: Vec<_> = (0..list.len())
        .map(|place| list.description(place))
        .collect();
    assert_eq!(texts, ["folder", "folder", "file"]);
    let absolute = format!("add database X {}/Öth", folder.path().display());
    assert_eq!(completed_in(&known, &absolute).len(), 1);
}

#[test]
fn files_are_completed_after_redirections() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("projects.csv"), "").unwrap();
    let mut names = StudioNames::example();
    names.tracked.base = folder.path().to_owned();
    for line in ["list projects > pro", "list projects | sort >> pro"] {
        let start = line.strip_suffix("pro").unwrap();
        assert_eq!(
            completed_in(&names, line),
            [format!("{start}projects.csv ")]
        );
    }
    // The words of a program are its own.
    assert_eq!(completed_in(&names, "list projects | sort pro"), [""; 0]);
    assert_eq!(completed_in(&names, "list projects > a pro"), [""; 0]);
}

#[test]
fn typing_reads_no_folder_again() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["one", "only"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    let mut known = StudioNames::example();
    known.tracked.base = folder.path().to_owned();
    let read = list_in(&known, "source o");
    let narrowed = |line: &str, listing| {
        let disk = DiskAccess::Cached(listing);
        complete(&built_grammar(), &known, "", line, line.len(), disk).len()
    };
    std::fs::create_dir(folder.path().join("onyx")).unwrap();
    assert_eq!(narrowed("source on", read.listing.as_ref()), 2);
    assert_eq!(narrowed("source onl", read.listing.as_ref()), 1);
    assert_eq!(narrowed("source only/", read.listing.as_ref()), 0);
    assert_eq!(narrowed("source on", None), 0);
}
