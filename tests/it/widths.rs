//! Answers on terminals of several widths.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use unicode_width::UnicodeWidthStr as _;

use crate::studio::Studio;
use crate::terminal::output;

/// The folder of the long root.
const LONG: &str = "archive-of-all-finished-projects/東京-branch/storage-0001";

/// Names with quotes, of two columns per character, of one character with many code points, and with control characters.
const ODD_NAMES: [&str; 5] = [
    "it's \"final\", really final, of the last version of all.mov",
    "東京スタジオの最終版の素材とすべての予備の素材の一覧と覚え書き.mov",
    "👩‍👩‍👧 🎬 e\u{301}.mov",
    "two\nlines\tand a tab.mov",
    " 50% -off- $HOME {client} `x`.mov",
];

/// A scanned studio with a root that is too long for most terminals.
fn studio() -> Studio {
    let studio = Studio::filled();
    studio.file(
        format!("{LONG}/footage/acme/spot/reel.mov"),
        vec![0; 12_345],
    );
    let lines = format!("add database LONG ../../../{LONG}\n");
    let file = "home/.config/auto-backup/.config";
    studio.file(file, studio.read(file) + &lines);
    studio
}

/// Returns the answer on a terminal with this number of columns.
fn answer_at_width(studio: &Studio, columns: u16, line: &str) -> String {
    let arguments = ["--color", "never", "-c", line];
    output(studio, (50, columns), &[], &arguments)
}

#[test]
fn tables_fit_the_terminal_width() {
    let studio = studio();
    for columns in [40, 60, 80, 200] {
        for line in ["list databases", "list categories", "load", "fetch all"] {
            let answer = answer_at_width(&studio, columns, line);
            let lines = answer.lines().filter(|line| !line.contains("scanning"));
            let wide = lines.max_by_key(|line| line.width());
            let wide = wide.filter(|line| line.width() > columns.into());
            assert!(wide.is_none(), "{line} at {columns}:\n{answer}");
        }
    }
}

#[test]
fn long_paths_are_shortened_in_middle() {
    let studio = studio();
    let root = studio.path(LONG).display().to_string();
    for (columns, is_whole) in [(60, false), (80, false), (200, true)] {
        let answer = answer_at_width(&studio, columns, "list databases");
        assert_eq!(answer.contains(&root), is_whole, "{columns}:\n{answer}");
        assert_eq!(answer.contains('…'), !is_whole, "{columns}:\n{answer}");
        // The beginning, the last folder and the word stay.
        for part in ["/tmp/stud", "/storage-0001", "online"] {
            assert!(answer.contains(part), "{columns}:\n{answer}");
        }
    }
}

#[test]
fn numbers_and_words_are_never_shortened() {
    let studio = studio();
    answer_at_width(&studio, 80, "load");
    for columns in [40, 60, 80, 200] {
        let answer = answer_at_width(&studio, columns, "fetch project acme/spot");
        let (small, other) = match columns {
            40 => ("-1!1", "!1"),
            60 => ("12 kB -1!1", "13 B !1"),
            80 => ("1 f 12 kB -1!1", "2 f 13 B !1"),
            _ => (
                "lacks 1, 1 differ, 1 file, 12.3 kB",
                "1 differ, 2 files, 13 B",
            ),
        };
        for whole in [small, other] {
            assert!(answer.contains(whole), "{columns}:\n{answer}");
        }
        let answer = answer_at_width(&studio, columns, "load");
        for whole in ["12.3 kB", "complete", "projects"] {
            assert!(answer.contains(whole), "{columns}:\n{answer}");
        }
    }
}

#[test]
fn narrow_load_is_a_sentence_per_database() {
    let studio = studio();
    let answer = answer_at_width(&studio, 40, "load");
    // Progress is erased before the first line of the answer.
    let answer = answer.rsplit("\u{1b}[2K").next().unwrap();
    let lines: Vec<&str> = answer.lines().map(str::trim_end).collect();
    for line in [
        "WORK: complete, 3 projects, 5 files,",
        "NAS: complete, 0 projects, 0 files, 0 B",
    ] {
        assert!(lines.contains(&line), "{answer}");
    }
    // Two lines for each database, and two for the sum.
    assert!(lines.len() <= 8, "{answer}");
    assert!(lines.iter().all(|line| line.width() <= 40), "{answer}");
    // Readers of screens get one value after the other.
    let arguments = ["--accessible", "-c", "load"];
    let records = output(&studio, (50, 40), &[], &arguments);
    assert!(records.contains("  state: complete"), "{records}");
}

#[test]
fn narrow_terminal_shows_lines() {
    let studio = studio();
    let answer = answer_at_width(&studio, 59, "load");
    assert!(answer.contains("WORK: complete, 3 projects"), "{answer}");
    assert!(answer_at_width(&studio, 60, "load").contains('│'));
}

#[test]
fn piped_output_is_not_shortened() {
    let studio = studio();
    let root = fs::canonicalize(studio.path(LONG)).unwrap();
    let run = studio.lines(&["list databases"]).ok();
    let answer = String::from_utf8(run.bytes).unwrap();
    assert!(answer.contains(&*root.to_string_lossy()), "{answer}");
    assert!(answer.starts_with("storage  root "), "{answer}");
}

#[test]
fn twenty_projects_fit_one_screen() {
    let studio = Studio::new();
    let mut startup = studio.read("home/.config/auto-backup/.config");
    for name in ["SHELF", "CLOUD", "DAV"] {
        studio.folder(name);
        writeln!(startup, "add database {name} ../../../{name}").unwrap();
    }
    studio.file("home/.config/auto-backup/.config", startup);
    for number in 0..20 {
        for (place, database) in ["WORK", "NAS", "SHELF", "CLOUD", "DAV"].iter().enumerate() {
            if number % (place + 1) == 0 {
                let path = format!(
                    "{database}/footage/client {}/spring campaign {number:02}/f",
                    number % 6
                );
                studio.file(path, "x".repeat(12_345 + place * number));
            }
        }
    }
    studio.lines(&["load"]).ok();
    for (columns, cell) in [(80, " 12 kB !1"), (60, " !1")] {
        let answer = answer_at_width(&studio, columns, "fetch all");
        assert!(answer.lines().count() <= 24, "{columns}:\n{answer}");
        assert!(answer.contains(cell), "{columns}:\n{answer}");
        assert!(
            answer.contains("\n20 projects, 20 files, 247 kB\n"),
            "{answer}"
        );
    }
}

#[test]
fn narrow_lists_drop_columns_first() {
    let studio = studio();
    answer_at_width(&studio, 80, "load");
    let heading = |columns| {
        let answer = answer_at_width(&studio, columns, "list projects --sort size");
        answer.lines().next().unwrap().trim_end().to_owned()
    };
    for (columns, expected) in [
        (120, "project size files copies newest scanned on"),
        (60, "project size files copies on"),
        (40, "project size copies"),
    ] {
        let words: Vec<_> = heading(columns)
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        assert_eq!(words.join(" "), expected, "{columns}");
    }
}

/// Returns the answer on a wide terminal in accessible mode.
fn accessible_answer(studio: &Studio, environment: &[(&str, &str)], arguments: &[&str]) -> String {
    let lines = ["-c", "load", "-c", "list databases", "-c", "fetch all"];
    let arguments = [arguments, &lines].concat();
    output(studio, (50, 200), environment, &arguments)
}

#[test]
fn accessible_output_has_no_boxes_or_color() {
    let studio = studio();
    let root = studio.path(LONG).display().to_string();
    for (environment, arguments) in [
        (&[][..], &["--accessible"][..]),
        (&[("ACCESSIBLE", "1")], &[]),
        (&[("CLICOLOR_FORCE", "1")], &["--accessible"]),
        (&[("ACCESSIBLE", "yes")], &["--color", "always"]),
    ] {
        let answer = accessible_answer(&studio, environment, arguments);
        let painted = answer.contains(['\u{1b}', '│', '┆', '═', '…', '\r']);
        assert!(!painted, "{environment:?} {arguments:?}:\n{answer}");
        let listed = format!("LONG\n  root: {root}\n  state: online\n");
        assert!(answer.contains(&listed), "{answer}");
        assert!(
            answer.contains("  WORK: 1 differ, 3 files, 18 B\n"),
            "{answer}"
        );
    }
    for value in ["", "0"] {
        let answer = accessible_answer(&studio, &[("ACCESSIBLE", value)], &[]);
        assert!(
            answer.contains('│') && answer.contains('\u{1b}'),
            "{answer}"
        );
    }
}

#[test]
fn accessible_output_is_uncolored_in_pipes() {
    let studio = studio();
    let arguments = ["--accessible", "--color", "always"];
    let run = |more: &[&str]| studio.run(arguments.iter().chain(more));
    let answer = run(&["-c", "list categories"]).ok().stdout;
    let records = "footage\n  path: footage\n";
    assert!(
        answer.starts_with(records) && answer.contains("render\n  path: scratch/render\n"),
        "{answer}"
    );
    for more in [
        &["--help"][..],
        &["--nonsense"],
        &["-c", "help fetch"],
        &["-c", "list nonsense"],
    ] {
        let run = run(more);
        assert!(!format!("{run}").contains('\u{1b}'), "{run}");
    }
}

/// A scanned studio with odd names outside every project.
fn studio_with_odd_names_outside() -> Studio {
    let studio = Studio::filled();
    for name in ODD_NAMES {
        studio.file(format!("WORK/footage/acme/{name}"), "x");
        studio.file(format!("WORK/{name}/x"), "x");
    }
    let invalid = OsStr::from_bytes(b"not \xff UTF-8 at all, and long enough for both widths.mov");
    let folder = studio.path("WORK/footage");
    fs::write(folder.join(invalid), "x").unwrap();
    studio.lines(&["load"]).status(0);
    studio
}

#[test]
fn odd_names_outside_line_up() {
    let studio = studio_with_odd_names_outside();
    for columns in [40, 80] {
        let answer = answer_at_width(&studio, columns, "list outside");
        let lines: Vec<&str> = answer.lines().collect();
        let wide = lines.iter().find(|line| line.width() > columns.into());
        assert_eq!(wide, None, "{columns}:\n{answer}");
        let end = lines
            .iter()
            .position(|line| line.starts_with("outside every project"));
        let (table, sentence) = lines.split_at(end.unwrap());
        assert_eq!(table.len(), 2 * ODD_NAMES.len() + 2, "{columns}:\n{answer}");
        // The last column ends at the same place in every row of a file.
        let files = table.iter().filter(|line| line.ends_with(" B"));
        let widths: BTreeSet<usize> = files.map(|line| line.width()).collect();
        assert_eq!(widths.len(), 1, "{columns}:\n{answer}");
        // The second column begins at the same place in every row.
        let starts =
            |line: &&str| line.starts_with("WORK     ") || line.starts_with("storage  path");
        assert!(table.iter().all(starts), "{columns}:\n{answer}");
        let sentence: Vec<&str> = sentence
            .iter()
            .filter(|line| !line.is_empty())
            .copied()
            .collect();
        assert_eq!(
            sentence.join(" "),
            "outside every project: 6 files, 6 B, and 5 folders (`--sizes` counts what is in them)",
            "{columns}:\n{answer}"
        );
    }
}
