//! The terminal: what it can, what comes from it, its size, and its settings as they were before the prompt changed them.

use std::io::{self, IsTerminal, Write as _};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// Columns of the terminal behind standard output; `None` where it is none.
pub fn stdout_width() -> Option<u16> {
    width_of(&io::stdout())
}

/// Columns of the terminal behind standard error; `None` where it is none.
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

/// Rows of the terminal behind standard output; `None` where it is none, or one that does not say.
pub fn stdout_height() -> Option<u16> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    Some(size.ws_row).filter(|rows| *rows > 0)
}

/// The settings of the terminal behind standard input, to be put back before the process ends.
#[derive(Clone, Debug)]
pub struct TerminalSettings(Option<Termios>);

impl TerminalSettings {
    /// The settings now.
    pub fn save() -> Self {
        Self(tcgetattr(io::stdin()).ok())
    }

    /// Keeps the terminal from writing `^C` into a line of progress, which would then break and stay.
    pub fn hide_control_characters(&self) {
        let mut settings = self.clone();
        if let Some(settings) = &mut settings.0 {
            settings.local_modes.remove(LocalModes::ECHOCTL);
        }
        settings.restore();
    }

    /// Puts them back, as far as the terminal is still there.
    pub fn restore(&self) {
        if let Some(settings) = &self.0 {
            // A terminal that is gone needs no settings.
            tcsetattr(io::stdin(), OptionalActions::Now, settings).unwrap_or_default();
        }
    }

    /// Puts them back in the middle of a line that is being typed.
    pub fn restore_while_typing(&self) {
        const END_BRACKETED_PASTE: &[u8] = b"\x1b[?2004l\n";
        io::stdout()
            .write_all(END_BRACKETED_PASTE)
            .unwrap_or_default();
        self.restore();
    }
}

/// Whether the terminal can move its cursor, so that a line can be edited on it.
pub fn can_move_cursor() -> bool {
    std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// What came from standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalInput {
    /// Some bytes, a whole line from a terminal; none at its end.
    Bytes(Vec<u8>),
    /// A signal came first.
    Signal,
}

/// Waits for standard input, or for a signal.
///
/// # Errors
/// It cannot be read.
pub fn read_stdin() -> io::Result<TerminalInput> {
    let stdin = io::stdin();
    // A read would be begun again after a signal, waiting for input is not.
    let mut waits = [PollFd::new(&stdin, PollFlags::IN)];
    match poll(&mut waits, None) {
        Err(Errno::INTR) => return Ok(TerminalInput::Signal),
        polled => polled?,
    };
    let mut bytes = vec![0; 64 << 10];
    match rustix::io::read(&stdin, &mut bytes) {
        // The terminal is gone.
        Err(Errno::IO) => Ok(TerminalInput::Bytes(Vec::new())),
        Err(Errno::INTR) => Ok(TerminalInput::Signal),
        read => {
            bytes.truncate(read?);
            Ok(TerminalInput::Bytes(bytes))
        }
    }
}
