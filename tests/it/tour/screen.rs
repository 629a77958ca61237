//! A terminal with a shell that starts the program, and an emulator of its screen.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rexpect::session::PtySession;
use vt100::Parser;

use super::text::{TourLine, lines, rows};
use super::tour_studio::TourStudio;
use crate::studio::PROGRAM;
use crate::{servers, terminal};

/// Rows of the terminal: more than any chapter needs, so that it neither scrolls nor pages.
const ROWS: u16 = 60;

/// Maximum wait for expected output.
const PATIENCE: Duration = Duration::from_secs(60);

/// Prompts before a typed line.
const PROMPTS: [&str; 2] = ["$", "auto-backup>"];

pub(super) struct TourScreen {
    session: PtySession,
    emulator: Parser,
    columns: u16,
}

impl TourScreen {
    /// Opens a terminal with a shell in the home folder.
    pub(super) fn open(place: &TourStudio, columns: u16) -> Self {
        let home = place.studio.path("");
        let home = home.to_str().unwrap().trim_end_matches('/');
        place.studio.file(".shrc", "PS1='$ '\n");
        let programs = Path::new(PROGRAM).parent().unwrap().display();
        let rclone = servers::rclone().unwrap().parent().unwrap().display();
        let environment = [
            ("HOME", home),
            ("PATH", &format!("{programs}:{rclone}:/usr/bin:/bin")),
            ("TMPDIR", "/tmp"),
            // Every shell reads its prompt from here, also root's.
            ("ENV", "./.shrc"),
            ("TERM", "xterm-256color"),
        ];
        let session = terminal::shell(&place.studio, (ROWS, columns), &environment);
        let mut screen = Self {
            session,
            emulator: Parser::new(ROWS.try_into().unwrap(), columns.try_into().unwrap(), 0),
            columns,
        };
        screen.until("a prompt", |screen| prompt(screen).is_some());
        screen
    }

    /// Types a line and waits until the next one can be typed.
    pub(super) fn run(&mut self, line: &str) -> &mut Self {
        let before = self.emulator.screen().cursor_position().0;
        self.press(&format!("{line}\r"));
        self.until(&format!("the prompt after `{line}`"), |screen| {
            prompt(screen).is_some_and(|row| row > before)
        })
    }

    pub(super) fn press(&mut self, keys: &str) -> &mut Self {
        self.session.send(keys).unwrap();
        self.session.flush().unwrap();
        self
    }

    /// Waits until the line with the cursor has this text, with the cursor behind the part before the hint.
    pub(super) fn until_line(&mut self, line: &str, hint: &str) -> &mut Self {
        let whole = format!("{line}{hint}");
        let end = u16::try_from(line.chars().count()).unwrap();
        self.until(&whole, |screen| {
            let (row, column) = screen.cursor_position();
            column == end && text(screen, row) == whole.trim_end()
        })
    }

    /// Waits until the line with the cursor has this text, above a menu with this selected row.
    pub(super) fn until_menu(&mut self, line: &str, selected: &str) -> &mut Self {
        self.until(selected, |screen| {
            let row = screen.cursor_position().0;
            let rows = screen.size().0.get();
            let is_selected = |row| text(screen, row).starts_with(selected);
            text(screen, row) == line && (row + 1..rows).any(is_selected)
        })
    }

    /// Clears the screen.
    pub(super) fn clear(&mut self) -> &mut Self {
        self.press("\u{c}")
            .until("an empty screen", |screen| prompt(screen) == Some(0))
    }

    /// Waits until the screen ends with this question, also over two rows.
    pub(super) fn until_asked(&mut self, question: &str) -> &mut Self {
        self.until(question, |screen| {
            screen.contents().trim_end().ends_with(question)
        })
    }

    /// Waits until the prompt knows the names of projects, which it reads in the background.
    pub(super) fn until_names_are_known(&mut self, project: &str) -> &mut Self {
        let blue = vt100::Color::Idx(4);
        let line = format!("fetch {project}");
        let end = u16::try_from("auto-backup> ".len() + line.len()).unwrap();
        let row = self.emulator.screen().cursor_position().0;
        let started = Instant::now();
        loop {
            self.press(&line);
            self.until(&line, |screen| screen.cursor_position() == (row, end));
            let cell = self.emulator.screen().cell(row, end - 1).unwrap();
            let is_known = cell.fgcolor() == blue;
            self.press("\u{15}")
                .until("an empty line", |screen| prompt(screen) == Some(row));
            if is_known {
                return self;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "{project} is not known: {}",
                self.emulator.screen().contents()
            );
        }
    }

    /// Feeds the terminal's output to the emulator until the screen meets the condition.
    fn until(&mut self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) -> &mut Self {
        let started = Instant::now();
        loop {
            while let Some(byte) = self.session.try_read() {
                // rexpect makes one character of every byte.
                self.emulator.process(&[u8::try_from(byte).unwrap()]);
            }
            if is_so(self.emulator.screen()) {
                return self;
            }
            let shown = self.emulator.screen().contents();
            assert!(started.elapsed() < PATIENCE, "no {what}:\n{shown}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns the rows without values that vary between runs, and without an empty last prompt.
    pub(super) fn rows(&self) -> Vec<TourLine> {
        let mut lines = lines(self.emulator.screen());
        if prompt(self.emulator.screen()).is_some() {
            lines.pop();
        }
        for line in &mut lines {
            TourStudio::normalize(line);
        }
        rows(&lines, self.columns.into())
    }

    /// Returns the rows as text.
    pub(super) fn text(&self) -> String {
        self.rows().iter().map(|row| row.text() + "\n").collect()
    }

    /// Returns the screen as it is.
    pub(super) fn raw_text(&self) -> String {
        self.emulator.screen().contents()
    }

    /// Returns row and column of the cursor.
    pub(super) fn cursor(&self) -> (u16, u16) {
        self.emulator.screen().cursor_position()
    }

    /// Ends the program and the shell, which would not end by themselves.
    pub(super) fn leave(mut self) {
        self.press("\u{15}")
            .until("a prompt", |screen| prompt(screen).is_some());
        let row = self.cursor().0;
        if text(self.emulator.screen(), row) != "$" {
            self.press("exit\r");
            self.until("the shell or a question", |screen| {
                let row = screen.cursor_position().0;
                let text = text(screen, row);
                text == "$" || text.ends_with("[Y/n]")
            });
            if self
                .emulator
                .screen()
                .contents()
                .trim_end()
                .ends_with("[Y/n]")
            {
                self.run("n");
            }
        }
        self.press("exit\r");
        self.session.exp_eof().unwrap();
    }
}

/// Returns the row of an empty prompt.
fn prompt(screen: &vt100::Screen) -> Option<u16> {
    let (row, column) = screen.cursor_position();
    let text = text(screen, row);
    let is_one = PROMPTS.contains(&text.as_str()) && usize::from(column) == text.len() + 1;
    is_one.then_some(row)
}

/// Returns the text of a row.
fn text(screen: &vt100::Screen, row: u16) -> String {
    let (_, columns) = screen.size();
    let mut rows = screen.rows(0, columns.get());
    rows.nth(row.into()).unwrap().trim_end().to_owned()
}
