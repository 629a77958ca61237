//! Scripts: text from files, standard input, `-c` and the start-up file.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::statement::{Statement, WORDS_ORIGIN, statements};
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::name::Name;
use crate::base::noun::Noun;
use crate::commands::startup::StartupFile;
use crate::language::lexer::quote;

/// Maximum size of a script: 16 MiB.
const MAX_BYTES: u64 = 16 << 20;

/// Text of a script and its name in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    origin: String,
    text: String,
    path: Option<PathBuf>,
}

impl Script {
    /// Reads a script file.
    ///
    /// # Errors
    /// [`Error::NotAScript`] for a folder, a file over 16 MiB or a file that is not UTF-8 text.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_as(Noun::Script, path)
    }

    /// Reads the file of a `source` line.
    pub fn read_sourced(path: &Path) -> Result<Self> {
        Self::read_as(Noun::File, path)
    }

    /// Reads the start-up file.
    pub fn read_startup(file: StartupFile) -> Result<Self> {
        match file.handle {
            Some(opened) => Self::read_opened(Noun::StartupFile, &file.path, opened),
            None => Self::read_as(Noun::StartupFile, &file.path),
        }
    }

    fn read_as(noun: Noun, path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| unread(noun, path, error))?;
        Self::read_opened(noun, path, file)
    }

    /// Reads an open file. The path is only for messages: it may lead to another file by now.
    fn read_opened(noun: Noun, path: &Path, file: File) -> Result<Self> {
        let not_a_script = |why: &str| Error::NotAScript {
            path: path.to_owned(),
            why: why.to_owned(),
        };
        let metadata = file.metadata().map_err(|error| unread(noun, path, error))?;
        if metadata.is_dir() {
            return Err(not_a_script("it is a folder"));
        }
        let mut bytes = Vec::new();
        let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
        if read.map_err(|error| unread(noun, path, error))? as u64 > MAX_BYTES {
            return Err(not_a_script("it is larger than 16 MiB"));
        }
        let mut script = Self::new(Name::from(path).to_string(), bytes, path)?;
        script.path = Some(path.to_owned());
        Ok(script)
    }

    /// Reads standard input.
    pub fn read_stdin() -> Result<Self> {
        let mut bytes = Vec::new();
        io::stdin()
            .lock()
            .take(MAX_BYTES)
            .read_to_end(&mut bytes)
            .at("read", "standard input")?;
        Self::new("stdin".to_owned(), bytes, Path::new("standard input"))
    }

    /// Returns the text of the nth `-c`, counted from 1.
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

    /// Returns the script of a command whose words are arguments of the program. Each stays one word.
    pub fn from_words(words: &[OsString]) -> Self {
        let line: Vec<String> = words.iter().map(|word| quote(word)).collect();
        Self {
            origin: WORDS_ORIGIN.to_owned(),
            text: line.join(" "),
            path: None,
        }
    }

    /// Returns the path of a script file.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn statements(&self) -> Vec<Statement> {
        statements(&self.origin, 1, &self.text)
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
}

fn unread(noun: Noun, path: &Path, source: io::Error) -> Error {
    Error::UnreadScript {
        noun,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_file_is_not_a_script() {
        for bytes in [&b"load\n\0"[..], b"load\ncaf\xe9"] {
            let refused = Script::new("t".to_owned(), bytes.to_vec(), Path::new("t")).unwrap_err();
            assert!(refused.to_string().contains("line 2"), "{refused}");
        }
    }
}
