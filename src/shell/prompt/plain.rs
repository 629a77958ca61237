//! Line reader without a line editor, for terminals without cursor movement (`TERM=dumb`) and accessible output.
//!
//! The terminal itself handles corrections of a line.

use std::io::{self, Write as _};

use crate::base::error::{IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::os::terminal;
use crate::os::terminal::TerminalInput;

/// Input from the terminal.
#[derive(Debug)]
pub(super) enum PromptInput {
    /// A line, or several pasted ones.
    Line(String),
    /// Bytes that are not UTF-8. The line that held them is lost.
    InvalidUtf8,
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D, or the terminal was closed.
    EndOfInput,
}

/// Reader of lines from the terminal.
#[derive(Debug, Default)]
pub(super) struct PlainReader {
    /// Bytes of an incomplete line.
    buffer: Vec<u8>,
    ended: bool,
}

impl PlainReader {
    /// Reads on after Ctrl-D.
    pub(super) const fn resume(&mut self) {
        self.ended = false;
    }

    /// Shows a prompt and reads a line.
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
                // Ctrl-D leaves the cursor on the line of the prompt.
                end_line(&mut out);
                return Ok(PromptInput::EndOfInput);
            }
            match terminal::read_stdin().at("read", "the terminal")? {
                TerminalInput::Bytes(bytes) if bytes.is_empty() => self.ended = true,
                TerminalInput::Bytes(bytes) => self.buffer.extend(bytes),
                TerminalInput::Signal if interrupt::is_requested() => {
                    self.buffer.clear();
                    end_line(&mut out);
                    return Ok(PromptInput::Interrupted);
                }
                TerminalInput::Signal => {}
            }
        }
    }
}

fn end_line(out: &mut io::Stdout) {
    ignore(out.write_all(b"\n"), "only the cursor stays on its line");
}
