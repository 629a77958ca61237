//! A prompt in a terminal, and an emulator of its screen.

use std::thread;
use std::time::{Duration, Instant};

use rexpect::session::PtySession;
use vt100::Parser;

use crate::studio::Studio;
use crate::terminal;

/// Maximum wait for expected output.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct PromptScreen {
    pub(crate) session: PtySession,
    emulator: Parser,
}

impl PromptScreen {
    /// Starts the prompt and waits until it is ready.
    pub(crate) fn start(
        studio: &Studio,
        size: (u16, u16),
        environment: &[(&str, &str)],
        arguments: &[&str],
    ) -> Self {
        let mut screen = Self {
            session: terminal::raw_prompt(studio, size, environment, arguments),
            emulator: Parser::new(size.0.try_into().unwrap(), size.1.try_into().unwrap(), 0),
        };
        screen.until_line("auto-backup>");
        screen
    }

    pub(crate) fn press(&mut self, keys: &str) -> &mut Self {
        self.session.send(keys).unwrap();
        self.session.flush().unwrap();
        self
    }

    /// Waits until the row of the cursor has this text.
    #[track_caller]
    pub(crate) fn until_line(&mut self, line: &str) -> &mut Self {
        self.until(line, |screen| {
            let row = usize::from(screen.cursor_position().0);
            rows(screen)[row] == line
        })
    }

    /// Waits until the rows below the cursor are these, and no others.
    #[track_caller]
    pub(crate) fn until_below(&mut self, expected: &[&str]) -> &mut Self {
        let what = expected.join("\n");
        self.until(&what, |screen| below(screen) == expected)
    }

    #[track_caller]
    pub(crate) fn until(
        &mut self,
        what: &str,
        is_so: impl Fn(&vt100::Screen) -> bool,
    ) -> &mut Self {
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

    /// Returns the rows below the cursor without blank ones at the end.
    pub(crate) fn below(&self) -> Vec<String> {
        below(self.emulator.screen())
    }

    /// Returns all rows.
    pub(crate) fn rows(&self) -> Vec<String> {
        rows(self.emulator.screen())
    }

    pub(crate) fn resize(&mut self, (rows, columns): (u16, u16)) -> &mut Self {
        let size = (rows.try_into().unwrap(), columns.try_into().unwrap());
        self.emulator.screen_mut().set_size(size.0, size.1);
        terminal::resize(&self.session, (rows, columns));
        self
    }
}

fn rows(screen: &vt100::Screen) -> Vec<String> {
    let (_, columns) = screen.size();
    let rows = screen.rows(0, columns.get());
    rows.map(|row| row.trim_end().to_owned()).collect()
}

pub(crate) fn below(screen: &vt100::Screen) -> Vec<String> {
    let first = usize::from(screen.cursor_position().0) + 1;
    let mut below = rows(screen).split_off(first);
    while below.last().is_some_and(String::is_empty) {
        below.pop();
    }
    below
}
