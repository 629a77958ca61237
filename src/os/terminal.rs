//! The terminal: its abilities, input and size, and its settings before the prompt changed them.

use std::io::{self, IsTerminal, Write as _};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};

use crate::base::ignore::ignore;

/// Returns the number of columns of the terminal at standard output; `None` without a terminal.
pub fn stdout_width() -> Option<u16> {
    width_of(&io::stdout())
}

/// Returns the number of columns of the terminal at standard error; `None` without a terminal.
pub fn stderr_width() -> Option<u16> {
    width_of(&io::stderr())
}

fn width_of(stream: &(impl IsTerminal + AsFd)) -> Option<u16> {
    if !stream.is_terminal() {
        return None;
    }
    tcgetwinsize(stream)
        .ok()
        .map(|size| size.ws_col)
        .filter(|columns| *columns > 0)
        .or(Some(80))
}

/// Returns the number of rows of the terminal at standard output; `None` without a terminal, or if it reports none.
pub fn stdout_height() -> Option<u16> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    Some(size.ws_row).filter(|rows| *rows > 0)
}

/// Settings of the terminal at standard input, restored before the process ends.
#[derive(Clone, Debug)]
pub struct TerminalSettings(Option<Termios>);

impl TerminalSettings {
    /// Reads the present settings.
    pub fn save() -> Self {
        Self(tcgetattr(io::stdin()).ok())
    }

    /// Keeps the terminal from writing `^C` into a line of progress.
    pub fn hide_control_characters(&self) {
        let mut settings = self.clone();
        if let Some(settings) = &mut settings.0 {
            settings.local_modes.remove(LocalModes::ECHOCTL);
        }
        settings.restore();
    }

    /// Passes on each key at once, without showing it. Ctrl-C stays a signal, and Ctrl-Z becomes a key.
    pub(super) fn read_single_keys(&self) {
        let mut settings = self.clone();
        if let Some(settings) = &mut settings.0 {
            let line_modes = LocalModes::ICANON | LocalModes::ECHO;
            settings.local_modes.remove(line_modes);
            settings.special_codes[SpecialCodeIndex::VSUSP] = 0;
        }
        settings.restore();
    }

    /// Restores the settings, if the terminal still exists.
    pub fn restore(&self) {
        if let Some(settings) = &self.0 {
            ignore(
                tcsetattr(io::stdin(), OptionalActions::Now, settings),
                "a closed terminal needs no settings",
            );
        }
    }

    /// Restores the settings while a line is being typed.
    pub fn restore_while_typing(&self) {
        // A menu below the line is removed.
        const END_EDITING: &[u8] = b"\x1b[J\x1b[?2004l\n";
        write_codes(END_EDITING);
        self.restore();
    }
}

/// Removes everything below and after the cursor.
pub fn erase_below_cursor() {
    write_codes(b"\x1b[J");
}

pub(super) fn write_codes(codes: &[u8]) {
    let mut out = io::stdout();
    ignore(
        out.write_all(codes).and_then(|()| out.flush()),
        "a closed terminal shows nothing",
    );
}

/// True if standard input and standard output are terminals.
pub fn is_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// True if the terminal can move its cursor, so that it can edit a line.
pub fn can_move_cursor() -> bool {
    std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// Input from the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalInput {
    /// Some bytes, a whole line in the usual mode; empty at the end.
    Bytes(Vec<u8>),
    /// A signal arrived first.
    Signal,
}

/// Waits for standard input or a signal.
pub fn read_stdin() -> io::Result<TerminalInput> {
    let stdin = io::stdin();
    // A read restarts after a signal; a poll does not.
    let mut waits = [PollFd::new(&stdin, PollFlags::IN)];
    match poll(&mut waits, None) {
        Err(Errno::INTR) => return Ok(TerminalInput::Signal),
        polled => polled?,
    };
    let mut bytes = vec![0; 64 << 10];
    match rustix::io::read(&stdin, &mut bytes) {
        // The terminal was closed.
        Err(Errno::IO) => Ok(TerminalInput::Bytes(Vec::new())),
        Err(Errno::INTR) => Ok(TerminalInput::Signal),
        read => {
            bytes.truncate(read?);
            Ok(TerminalInput::Bytes(bytes))
        }
    }
}
