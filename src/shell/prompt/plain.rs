//! Reading lines without a line editor, where the terminal cannot move its cursor (`TERM=dumb`) or nothing may be painted
//! over (`--accessible`). The terminal itself lets a line be corrected.

use std::io::{self, Write as _};

use super::PromptInput;
use crate::base::error::{IoResultExt as _, Result};
use crate::base::interrupt;
use crate::os::terminal;
use crate::os::terminal::TerminalInput;

/// Reads lines from the terminal.
#[derive(Debug, Default)]
pub(super) struct PlainReader {
    /// What was read and is not yet a line.
    buffer: Vec<u8>,
    ended: bool,
}

impl PlainReader {
    /// Writes a prompt and reads a line.
    ///
    /// # Errors
    /// The terminal can be neither written nor read.
    pub(super) fn read(&mut self, prompt: &str) -> Result<PromptInput> {
        let mut out = io::stdout();
        out.write_all(prompt.as_bytes())
            .and_then(|()| out.flush())
            .at("write to", "the terminal")?;
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line[..end]).into_owned();
                return Ok(PromptInput::Line(line.trim_end_matches('\r').to_owned()));
            }
            if self.ended {
                // Ctrl-D leaves the cursor where it is.
                out.write_all(b"\n").unwrap_or_default();
                return Ok(PromptInput::EndOfInput);
            }
            match terminal::read_stdin().at("read", "the terminal")? {
                TerminalInput::Bytes(bytes) if bytes.is_empty() => self.ended = true,
                TerminalInput::Bytes(bytes) => self.buffer.extend(bytes),
                TerminalInput::Signal if interrupt::is_requested() => {
                    self.buffer.clear();
                    out.write_all(b"\n").unwrap_or_default();
                    return Ok(PromptInput::Interrupted);
                }
                TerminalInput::Signal => {}
            }
        }
    }
}
