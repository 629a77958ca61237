//! Tests of the menu: its keys, its rows, and the work of a repaint.

use unicode_width::UnicodeWidthStr as _;

use super::*;
use crate::commands::built_grammar;
use crate::shell::completion::complete;
use crate::shell::completion::studio_names::StudioNames;

const SCREEN: MenuScreen = MenuScreen {
    columns: 80,
    rows: 24,
    prompt_width: 13,
    has_color: false,
};

/// A menu and its line, as the assistant keeps them.
struct Played {
    names: StudioNames,
    menu: Option<Menu>,
    line: LineEdit,
}

impl Played {
    fn new(names: StudioNames, line: &str) -> Self {
        Self {
            names,
            menu: None,
            line: LineEdit::whole(line),
        }
    }

    fn of(projects: &[&str], line: &str) -> Self {
        let projects = projects.iter().map(|name| (*name).to_owned());
        Self::new(StudioNames::with_projects(projects), line)
    }

    fn completing<R>(&mut self, act: impl FnOnce(&mut Option<Menu>, &Complete<'_>) -> R) -> R {
        let (grammar, names) = (built_grammar(), &self.names);
        act(&mut self.menu, &|line, cursor, disk| {
            complete(&grammar, names, "", line, cursor, disk)
        })
    }

    fn press(&mut self, action: MenuAction) -> &mut Self {
        let line = self.line.clone();
        let pressed = self.completing(|menu, complete| press(menu, action, line, complete));
        self.line = pressed.unwrap_or_else(|| self.line.clone());
        self
    }

    fn type_text(&mut self, text: &str) -> &mut Self {
        let line = LineEdit::whole(format!("{}{text}", self.line.text));
        self.completing(|menu, complete| follow(menu, &line.text, line.cursor, complete));
        self.line = line;
        self
    }

    fn rows(&mut self, screen: MenuScreen) -> Vec<String> {
        let Some(menu) = &mut self.menu else {
            return Vec::new();
        };
        let painted = paint_menu(menu, screen);
        let rows = painted.split("\r\n").skip(1);
        let rows = rows.map(|row| row.split("\u{1b}[?7h").next().unwrap());
        rows.map(|row| row.trim_end().to_owned()).collect()
    }
}

fn many(number: usize) -> StudioNames {
    StudioNames::with_projects((0..number).map(|number| format!("acme/p{number:06}")))
}

#[test]
fn enter_takes_what_tab_selected() {
    let mut played = Played::of(&["acme/東京", "acme/🎬 reel", "acme/a"], "fetch project ac");
    played.press(MenuAction::Next);
    assert_eq!(played.line.text, "fetch project 'acme/");
    assert_eq!(
        played.rows(SCREEN),
        [
            "  acme/a          2.00 kB on WORK",
            "  acme/東京       2.00 kB on WORK",
            "  'acme/🎬 reel'  2.00 kB on WORK"
        ]
    );
    played.press(MenuAction::Next).press(MenuAction::Next);
    assert_eq!(played.rows(SCREEN)[1], "> acme/東京       2.00 kB on WORK");
    assert_eq!(played.line.text, "fetch project 'acme/");
    played.press(MenuAction::Take);
    assert_eq!(played.line, LineEdit::whole("fetch project acme/東京 "));
    assert!(played.menu.is_none());
}

#[test]
fn cancel_restores_the_typed_line() {
    let mut played = Played::of(&["acme/spot", "acme/spin"], "fetch project ac");
    played.press(MenuAction::Next);
    assert_eq!(played.line.text, "fetch project acme/sp");
    played.press(MenuAction::Previous).press(MenuAction::Cancel);
    assert_eq!(played.line.text, "fetch project ac");
    // Text typed into the menu is no longer what Tab completed.
    played.press(MenuAction::Next).type_text("o");
    played.press(MenuAction::Cancel);
    assert_eq!(played.line.text, "fetch project acme/spo");
}

#[test]
fn typed_text_narrows_until_nothing_is_left() {
    let mut played = Played::of(&["acme/spot", "acme/spin", "b/spa"], "fetch project ");
    played.press(MenuAction::Next).press(MenuAction::Next);
    assert!(matches!(
        played.menu.as_ref().unwrap().status(),
        MenuStatus::Selected { .. }
    ));
    played.type_text("sp");
    assert_eq!(played.menu.as_ref().unwrap().status(), MenuStatus::Open);
    assert_eq!(played.rows(SCREEN).len(), 3);
    played.type_text("i");
    assert_eq!(played.rows(SCREEN), ["  acme/spin  2.00 kB on WORK"]);
    played.type_text("x");
    assert!(played.menu.is_none());
    let mut played = Played::of(&["acme/spot", "acme/spin"], "fetch project ");
    played.press(MenuAction::Next).type_text("ot");
    played.press(MenuAction::Next);
    assert_eq!(played.line.text, "fetch project acme/spot ");
}

#[test]
fn next_word_closes_the_menu() {
    let mut played = Played::of(&["acme/spot", "acme/spin"], "copy acme/sp");
    played.press(MenuAction::Next).type_text("ot");
    assert!(played.menu.is_some());
    played.type_text(" ");
    assert!(played.menu.is_none());
}

#[test]
fn chosen_client_opens_its_projects() {
    let clients = (0..1200).map(|number| format!("c{}/p{number:04}", number % 2));
    let names = StudioNames::with_projects(clients);
    let mut played = Played::new(names, "fetch project ");
    played.press(MenuAction::Next).press(MenuAction::Next);
    played.press(MenuAction::Take);
    assert_eq!(played.line.text, "fetch project c0/");
    assert_eq!(played.rows(SCREEN)[0], "  c0/p0000  2.00 kB on WORK");
}

#[test]
fn walk_wraps_and_scrolls() {
    let mut played = Played::new(many(300), "fetch project ");
    played.press(MenuAction::Next);
    let rows = played.rows(SCREEN);
    assert_eq!((rows.len(), rows[15].as_str()), (16, "  300 matches"));
    for _ in 0..20 {
        played.press(MenuAction::Next);
    }
    let rows = played.rows(SCREEN);
    assert_eq!(rows[14], "> acme/p000019  2.00 kB on WORK");
    assert_eq!(rows[15], "  20 of 300");
    played.press(MenuAction::NextPage);
    assert_eq!(played.rows(SCREEN)[15], "  35 of 300");
    for _ in 0..35 {
        played.press(MenuAction::Previous);
    }
    assert_eq!(played.rows(SCREEN)[14], "> acme/p000299  2.00 kB on WORK");
}

#[test]
fn only_visible_entries_are_described() {
    let mut played = Played::new(many(100_000), "fetch project acme/");
    played.press(MenuAction::Next);
    assert_eq!(played.menu.as_ref().unwrap().list.len(), 100_000);
    assert_eq!(played.menu.as_ref().unwrap().described, 0);
    played.rows(SCREEN);
    assert_eq!(played.menu.as_ref().unwrap().described, 15);
    played.press(MenuAction::Previous).rows(SCREEN);
    assert_eq!(played.menu.as_ref().unwrap().described, 30);
}

#[test]
fn rows_fit_any_screen() {
    let long = format!("acme/{}", "x".repeat(255));
    let wide = format!("acme/{}", "東".repeat(60));
    let names = [
        long.as_str(),
        wide.as_str(),
        "acme/\u{1b}[31m",
        "acme/e\u{301}",
    ];
    for columns in [5, 12, 20, 40, 80] {
        for rows in [2, 3, 4, 10, 24] {
            let mut played = Played::of(&names, "fetch project acme/");
            played.press(MenuAction::Next);
            let screen = MenuScreen {
                columns,
                rows,
                ..SCREEN
            };
            let shown = played.rows(screen);
            let line_rows = screen.line_rows(&played.line.text);
            assert!(shown.len() + line_rows <= rows.max(line_rows), "{screen:?}");
            for row in shown {
                assert!(row.width() < columns, "{screen:?}: {row}");
                assert!(!row.contains('\u{1b}'), "{row:?}");
            }
        }
    }
}

#[test]
fn color_marks_the_selected_row() {
    let mut played = Played::of(&["acme/a", "acme/b"], "fetch project acme/");
    played.press(MenuAction::Next).press(MenuAction::Next);
    let colored = MenuScreen {
        has_color: true,
        ..SCREEN
    };
    let rows = played.rows(colored);
    assert!(rows[0].starts_with("\u{1b}[7m> acme/a  2.00 kB on WORK"));
    assert_eq!(rows[1], "  acme/b  \u{1b}[90m2.00 kB on WORK\u{1b}[0m");
}
