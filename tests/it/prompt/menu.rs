//! The menu of completions, read off the screen.

use std::os::unix::fs::PermissionsExt as _;

use rexpect::process::Signal;

use super::screen::{PromptScreen, below};
use crate::studio::Studio;

const SIZE: (u16, u16) = (24, 80);

const ESC: &str = "\u{1b}";
const UP: &str = "\u{1b}[A";
const DOWN: &str = "\u{1b}[B";
const SHIFT_TAB: &str = "\u{1b}[Z";

/// A scanned studio with these projects of one file each.
fn studio(projects: &[&str]) -> Studio {
    let studio = Studio::new();
    for project in projects {
        studio.file(format!("WORK/footage/{project}/a.mov"), "film");
    }
    studio.lines(&["load"]).ok();
    studio
}

fn start(studio: &Studio) -> PromptScreen {
    PromptScreen::start(studio, SIZE, &[("NO_COLOR", "1")], &[])
}

#[test]
fn tab_and_arrows_walk_the_menu() {
    let studio = studio(&["acme/spot", "acme/spin", "acme/spa"]);
    let mut screen = start(&studio);
    screen
        .press("fetch project ac\t")
        .until_line("auto-backup> fetch project acme/sp")
        .until_below(&[
            "  acme/spa   4 B on WORK",
            "  acme/spin  4 B on WORK",
            "  acme/spot  4 B on WORK",
        ]);
    for (key, selected) in [
        ("\t", 0),
        ("\t", 1),
        (DOWN, 2),
        (DOWN, 0),
        (UP, 2),
        (SHIFT_TAB, 1),
    ] {
        screen.press(key).until("the selected row", |screen| {
            let rows = below(screen);
            rows.len() == 3 && rows[selected].starts_with("> ")
        });
    }
    screen
        .press("\r")
        .until_line("auto-backup> fetch project acme/spin")
        .until_below(&[]);
    screen.press("\r").until("the answer", |screen| {
        screen.contents().contains("acme/spin  1 file, 4 B")
    });
}

#[test]
fn menu_knows_projects_of_any_layout() {
    let studio = Studio::bare();
    studio
        .file("WORK/acme/spot/footage/a.mov", "film")
        .file("WORK/docs/brief/b.pdf", "pdf")
        .file(
            "home/.config/auto-backup/.config",
            "add database WORK ../../../WORK\nadd category footage '{client}/{project}/footage'\nadd category docs 'docs/{project}'",
        );
    studio.lines(&["load"]).ok();
    let mut screen = start(&studio);
    screen.press("fetch project \t").until_below(&[
        "  acme/spot       4 B on WORK",
        "  in-house/brief  3 B on WORK",
    ]);
    screen
        .press("i\t")
        .until_line("auto-backup> fetch project in-house/brief");
    screen.press("\r").until("the answer", |screen| {
        screen.contents().contains("in-house/brief  1 file, 3 B")
    });
}

#[test]
fn names_of_any_script_can_be_chosen() {
    let studio = studio(&["東京スタジオ/夏", "🎬 showreel/🎬", "Müller/Café"]);
    let mut screen = start(&studio);
    screen.press("fetch project \t").until_below(&[
        "  Müller/Café       4 B on WORK",
        "  東京スタジオ/夏   4 B on WORK",
        "  '🎬 showreel/🎬'  4 B on WORK",
    ]);
    screen
        .press("\t\t\r")
        .until_line("auto-backup> fetch project 東京スタジオ/夏");
    screen.press("\r").until("the answer", |screen| {
        screen.contents().contains("東京スタジオ/夏  1 file, 4 B")
    });
    screen
        .press("fetch project \t\t\t\t\r")
        .until_line("auto-backup> fetch project '🎬 showreel/🎬'");
    screen
        .press("\u{15}fetch project muller\t")
        .until_line("auto-backup> fetch project Müller/Café");
    screen
        .press("\u{15}fetch project cafe\t")
        .until_line("auto-backup> fetch project Müller/Café");
}

#[test]
fn escape_and_control_c_restore_the_line() {
    let studio = studio(&["acme/spot", "acme/spin"]);
    let mut screen = start(&studio);
    for key in [ESC, "\u{3}"] {
        screen
            .press("fetch project ac\t\t")
            .until("a selected row", |screen| {
                below(screen)
                    .first()
                    .is_some_and(|row| row.starts_with('>'))
            });
        screen
            .press(key)
            .until_line("auto-backup> fetch project ac")
            .until_below(&[]);
        screen.press("\u{15}").until_line("auto-backup>");
    }
    // A second Ctrl-C clears the line as ever.
    screen
        .press("fetch project ac\t")
        .until("a menu", |screen| !below(screen).is_empty());
    screen.press("\u{3}").until_below(&[]);
    screen.press("\u{3}").until_line("auto-backup>");
}

#[test]
fn typing_narrows_and_enter_runs() {
    let studio = studio(&["acme/spot", "acme/spin", "nova/spa"]);
    let mut screen = start(&studio);
    screen
        .press("fetch project sp\t")
        .until("three rows", |screen| below(screen).len() == 3);
    screen.press("i").until_below(&["  acme/spin  4 B on WORK"]);
    screen
        .press("\u{7f}")
        .until("three rows", |screen| below(screen).len() == 3);
    screen.press("zz").until_below(&[]);
    screen.press("\u{15}list \t").until("commands", |screen| {
        below(screen).iter().any(|row| row.contains("categories"))
    });
    // Nothing is selected: Enter runs the typed line.
    screen.press("categories\r").until("the answer", |screen| {
        screen.contents().contains("scratch/render")
    });
    screen.until_line("auto-backup>").until_below(&[]);
}

#[test]
fn long_menu_scrolls_on_small_screens() {
    let studio = Studio::new();
    for number in 0..300 {
        studio.file(format!("WORK/footage/acme/p{number:03}/a"), "x");
    }
    studio.lines(&["load"]).ok();
    for size in [(24, 80), (24, 40), (6, 40)] {
        let mut screen = PromptScreen::start(&studio, size, &[("NO_COLOR", "1")], &[]);
        screen.press("fetch project \t").until("a menu", |screen| {
            below(screen)
                .last()
                .is_some_and(|row| row == "  300 matches")
        });
        screen
            .press(&DOWN.repeat(12))
            .until("the position", |screen| {
                below(screen).last().is_some_and(|row| row == "  12 of 300")
            });
        let rows = screen.below();
        assert!(
            rows.contains(&"> acme/p011  1 B on WORK".to_owned()),
            "{rows:?}"
        );
        assert!(rows.len() <= 16, "{rows:?}");
        screen
            .press(UP)
            .press(&UP.repeat(11))
            .until("the end", |screen| {
                below(screen)
                    .last()
                    .is_some_and(|row| row == "  300 of 300")
            });
        screen
            .press("\r")
            .until_below(&[])
            .until("the name", |screen| screen.contents().contains("acme/p299"));
    }
}

#[test]
fn resized_menu_leaves_no_rests() {
    let studio = studio(&["acme/spot", "acme/spin"]);
    let mut screen = start(&studio);
    screen
        .press("fetch project ac\t")
        .until("a menu", |screen| below(screen).len() == 2);
    let sizes = [(24, 40), (10, 40), (24, 120), (5, 40)];
    for (size, selected) in sizes.into_iter().zip(["spin", "spot", "spin", "spot"]) {
        let row = format!("> acme/{selected}  4 B on WORK");
        screen
            .resize(size)
            .press("\t")
            .until(&row, |screen| below(screen).contains(&row));
    }
    screen.press(ESC).until_below(&[]);
    screen
        .resize(SIZE)
        .press("me/spo\t")
        .until_line("auto-backup> fetch project acme/spot");
    let rows = screen.rows();
    let prompts = rows
        .iter()
        .filter(|row| row.contains("auto-backup>"))
        .count();
    assert_eq!(prompts, 1, "{rows:?}");
}

#[test]
fn wide_line_keeps_the_menu_below_it() {
    let studio = studio(&["acme/spot", "acme/spin"]);
    // The line ends before, at and after the last column.
    for columns in 34..40 {
        let size = (24, columns);
        let mut screen = PromptScreen::start(&studio, size, &[("NO_COLOR", "1")], &[]);
        screen
            .press("fetch project ac\t")
            .until("a menu", |screen| {
                below(screen)
                    .iter()
                    .filter(|row| row.starts_with("  acme/sp"))
                    .count()
                    == 2
            });
        screen.press("\t\t\r").until("a taken name", |screen| {
            let contents = screen.contents().replace('\n', "");
            contents.contains("fetch project acme/spot") && below(screen).is_empty()
        });
    }
}

#[test]
fn each_word_has_its_description() {
    let studio = studio(&["acme/spot"]);
    let mut screen = start(&studio);
    for (keys, row) in [
        ("\t", "compare"),
        ("load \t", "/WORK"),
        ("copy --\t", "--dry-run"),
        ("fetch client \tcme\t", ""),
        ("add database X W\t", ""),
    ] {
        screen
            .press(keys)
            .until(row, |screen| screen.contents().contains(row));
        screen.press("\u{15}").until_line("auto-backup>");
    }
    screen.press("list \t").until("commands", |screen| {
        let rows = below(screen);
        let describes = |row: &String| row.split_whitespace().count() > 2;
        rows.len() > 2 && rows.iter().all(describes)
    });
}

#[test]
fn color_marks_selected_row_only() {
    let studio = studio(&["acme/spot", "acme/spin"]);
    let mut screen = PromptScreen::start(&studio, SIZE, &[], &[]);
    screen
        .press("fetch project ac\t\t")
        .until("a reversed row", |screen| {
            let row = screen.cursor_position().0 + 1;
            let is_inverse = |row| screen.cell(row, 3).is_some_and(vt100::Cell::inverse);
            is_inverse(row) && !is_inverse(row + 1)
        });
}

#[test]
fn sigterm_with_menu_restores_the_terminal() {
    let studio = studio(&["acme/spot", "acme/spin"]);
    let mut screen = start(&studio);
    screen
        .press("fetch project ac\t")
        .until("a menu", |screen| below(screen).len() == 2);
    screen
        .session
        .process_mut()
        .signal(Signal::SIGTERM)
        .unwrap();
    screen.until_below(&[]);
    super::assert_exits(&mut screen.session, 143);
}

#[test]
fn pasted_text_narrows_like_typed_text() {
    let studio = studio(&["acme/spot", "acme/spin"]);
    let mut screen = start(&studio);
    screen
        .press("fetch project ac\t")
        .until("a menu", |screen| below(screen).len() == 2);
    screen
        .press("\u{1b}[200~in\u{1b}[201~")
        .until_below(&["  acme/spin  4 B on WORK"]);
    screen.press("\u{1b}[200~ x\u{1b}[201~").until_below(&[]);
}

#[test]
fn history_search_closes_the_menu() {
    let studio = studio(&["acme/spot", "acme/spin"]);
    let mut screen = start(&studio);
    screen.press("list categories\r").until_line("auto-backup>");
    screen
        .press("fetch project ac\t")
        .until("a menu", |screen| below(screen).len() == 2);
    screen.press("\u{12}").until_below(&[]);
    screen
        .press("categ")
        .until_line("(reverse-i-search)`categ': list categories");
    screen
        .press("\u{7}")
        .until_line("auto-backup> fetch project acme/sp");
}

#[test]
fn rclone_remotes_complete_as_roots() {
    let studio = Studio::new();
    let script = "#!/bin/sh\necho \"$@\" >>calls\n[ \"$1\" = listremotes ] && printf 'cloud:   s3\\nclips:    drive\\n'\n";
    studio.file("bin/rclone", script);
    let program = studio.path("bin/rclone");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", studio.path("bin").display());
    let environment = [("PATH", path.as_str()), ("NO_COLOR", "1")];
    let mut screen = PromptScreen::start(&studio, SIZE, &environment, &[]);
    screen
        .press("add database X cl\t")
        .until("both remotes", |screen| {
            below(screen)
                == [
                    "  clips:  rclone remote, drive",
                    "  cloud:  rclone remote, s3",
                ]
        });
    screen
        .press("o\t")
        .until_line("auto-backup> add database X cloud:")
        .until_below(&[]);
    screen
        .press("\u{15}add database Y cli\t")
        .until_line("auto-backup> add database Y clips:");
    assert_eq!(
        studio.read("calls").lines().count(),
        1,
        "they are read once"
    );
}

#[test]
fn slow_rclone_delays_neither_keys_nor_the_end() {
    let studio = Studio::new();
    studio
        .file("bin/rclone", "#!/bin/sh\nexec sleep 60\n")
        .mode("bin/rclone", 0o755)
        .folder("clips");
    let path = format!("{}:/usr/bin:/bin", studio.path("bin").display());
    let environment = [("PATH", path.as_str()), ("NO_COLOR", "1")];
    let mut screen = PromptScreen::start(&studio, SIZE, &environment, &[]);
    screen
        .press("add database X cl\t")
        .until_line("auto-backup> add database X clips/");
    screen
        .press("\u{15}list categ\t\r")
        .until("the answer", |screen| {
            screen.contents().contains("2 categories")
        });
    screen.until_line("auto-backup>");
    screen.press("\u{4}");
    screen.session.exp_eof().unwrap();
}

#[test]
fn absent_rclone_completes_folders_silently() {
    let studio = Studio::new();
    studio.folder("clips");
    let environment = [("PATH", "/nonexistent"), ("NO_COLOR", "1")];
    let mut screen = PromptScreen::start(&studio, SIZE, &environment, &[]);
    screen
        .press("add database X cl\t")
        .until_line("auto-backup> add database X clips/")
        .until_below(&[]);
}

#[test]
fn accessible_prompt_has_no_menu() {
    let studio = studio(&["acme/spot", "acme/spin"]);
    for (environment, arguments) in [(&[("TERM", "dumb")][..], &[][..]), (&[], &["--accessible"])] {
        let mut screen = PromptScreen::start(&studio, SIZE, environment, arguments);
        screen.press("fetch project ac\t");
        screen.until("the typed line", |screen| {
            screen.contents().contains("fetch project ac")
        });
        assert!(!screen.rows().join("\n").contains("acme/spin"));
    }
}
