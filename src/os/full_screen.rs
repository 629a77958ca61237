//! The whole terminal as one page that is painted again and again, with single keys as input.
//!
//! The page stands on the terminal's second screen, so that the first one is as before when the page is left.

use std::io::{self, Write as _};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::terminal::{TerminalSettings, write_codes};

/// To the second screen, without a cursor.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l";

/// Back to the first screen.
const LEAVE: &[u8] = b"\x1b[?25h\x1b[?1049l";

/// Clears the screen; the cursor is at its beginning.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// The terminal while a page is shown. Dropping it restores the terminal.
#[derive(Debug)]
pub struct FullScreen {
    input: io::Stdin,
    output: io::Stdout,
    settings: TerminalSettings,
}

/// Input of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageInput {
    Key(u8),
    /// No key within the time, or a signal.
    None,
    /// The terminal was closed.
    Closed,
}

impl FullScreen {
    pub fn enter() -> Self {
        let settings = TerminalSettings::save();
        settings.read_single_keys();
        write_codes(ENTER);
        Self {
            input: io::stdin(),
            output: io::stdout(),
            settings,
        }
    }

    /// Shows these lines and nothing else.
    ///
    /// # Errors
    /// The terminal was closed.
    pub fn show(&self, lines: &[String]) -> io::Result<()> {
        let mut out = self.output.lock();
        out.write_all(format!("{CLEAR}{}", lines.join("\r\n")).as_bytes())?;
        out.flush()
    }

    /// Waits for a key.
    ///
    /// # Errors
    /// The terminal cannot be read.
    pub fn wait_for_key(&self, time: Duration) -> io::Result<PageInput> {
        let timeout = Timespec::try_from(time).map_err(io::Error::other)?;
        let mut waits = [PollFd::new(&self.input, PollFlags::IN)];
        match poll(&mut waits, Some(&timeout)) {
            Err(Errno::INTR) | Ok(0) => return Ok(PageInput::None),
            polled => polled?,
        };
        let mut key = [0];
        match rustix::io::read(&self.input, &mut key) {
            Ok(0) | Err(Errno::IO) => Ok(PageInput::Closed),
            Err(Errno::INTR) => Ok(PageInput::None),
            read => read.map(|_| PageInput::Key(key[0])).map_err(Into::into),
        }
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        write_codes(LEAVE);
        self.settings.restore();
    }
}
