//! Scripts: files, standard input, `-c` and the start-up file, line by line.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::session::{ScriptOutcome, Session};
use super::statement::statements;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::commands::startup::StartupFile;
use crate::output::message::write_line;

/// More than this is no script: 16 MiB.
const MAX_BYTES: u64 = 16 << 20;

/// The text of a script and what to call it in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    origin: String,
    text: String,
    path: Option<PathBuf>,
}

impl Script {
    /// A script file.
    ///
    /// # Errors
    /// The file cannot be read; [`Error::NotAScript`] for a folder or a file that is not text.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_as("read the script", path)
    }

    /// The file of a `source` line.
    ///
    /// # Errors
    /// As for [`Script::read`].
    pub fn read_sourced(path: &Path) -> Result<Self> {
        Self::read_as("read the file", path)
    }

    /// The start-up file.
    ///
    /// # Errors
    /// As for [`Script::read`].
    pub fn read_startup(file: StartupFile) -> Result<Self> {
        const ACTION: &str = "read the start-up file";
        match file.handle {
            Some(opened) => Self::read_opened(ACTION, &file.path, opened),
            None => Self::read_as(ACTION, &file.path),
        }
    }

    fn read_as(action: &'static str, path: &Path) -> Result<Self> {
        let file = File::open(path).at(action, path)?;
        Self::read_opened(action, path, file)
    }

    /// Reads a file that was opened by this path; the path may lead to another by now.
    fn read_opened(action: &'static str, path: &Path, file: File) -> Result<Self> {
        let not_a_script = |why: &str| Error::NotAScript {
            path: path.to_owned(),
            why: why.to_owned(),
        };
        if file.metadata().at(action, path)?.is_dir() {
            return Err(not_a_script("it is a folder"));
        }
        let mut bytes = Vec::new();
        let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
        if read.at(action, path)? as u64 > MAX_BYTES {
            return Err(not_a_script("it is larger than 16 MiB"));
        }
        let mut script = Self::new(Name::from(path).to_string(), bytes, path)?;
        script.path = Some(path.to_owned());
        Ok(script)
    }

    /// Standard input as a script.
    ///
    /// # Errors
    /// It cannot be read, or is not text.
    pub fn read_stdin() -> Result<Self> {
        let mut bytes = Vec::new();
        io::stdin()
            .lock()
            .take(MAX_BYTES)
            .read_to_end(&mut bytes)
            .at("read", "standard input")?;
        Self::new("stdin".to_owned(), bytes, Path::new("standard input"))
    }

    /// The text given in the nth `-c`, from 1.
    pub fn from_option(text: &str, number: usize) -> Self {
        Self {
            origin: match number {
                1 => "-c".to_owned(),
                number => format!("-c {number}"),
            },
            text: text.to_owned(),
            path: None,
        }
    }

    /// The file it is from, if it is from one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Its lines.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn new(origin: String, bytes: Vec<u8>, path: &Path) -> Result<Self> {
        let line_of = |at: usize, bytes: &[u8]| bytes[..at].split(|byte| *byte == b'\n').count();
        let not_a_script = |why| Error::NotAScript {
            path: path.to_owned(),
            why,
        };
        if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
            return Err(not_a_script(format!(
                "line {} holds a NUL byte; it is a binary file",
                line_of(at, &bytes)
            )));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            not_a_script(format!(
                "line {} is not UTF-8",
                line_of(at, error.as_bytes())
            ))
        })?;
        Ok(Self {
            origin,
            text: text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned(),
            path: None,
        })
    }

    /// Runs the script; stops at the first line that fails unless the session goes on.
    pub(super) fn run(&self, session: &mut Session) -> ScriptOutcome {
        let mut worst = ExitStatus::Done;
        for statement in statements(&self.origin, 1, &self.text) {
            // Commands that only read are too quick to ask; the script must still stop.
            if interrupt::is_requested() {
                write_line("interrupted");
                return interrupt::exit_status().into();
            }
            let ScriptOutcome {
                exit_requested: exit,
                status,
            } = session.run_statement(&statement, false);
            worst = worst.max(status);
            let stops = status.stops_script() && !session.keep_going;
            if exit || stops || status.is_cancellation() {
                return ScriptOutcome {
                    exit_requested: exit,
                    status: worst,
                };
            }
        }
        worst.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_text_is_no_script() {
        for bytes in [&b"load\n\0"[..], b"load\ncaf\xe9"] {
            let refused = Script::new("t".to_owned(), bytes.to_vec(), Path::new("t")).unwrap_err();
            assert!(refused.to_string().contains("line 2"), "{refused}");
        }
    }
}
