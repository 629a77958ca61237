//! Commands that were typed without `-c`, as words of the program itself: what is wrong, and how they are run.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::base::error::Error;
use crate::base::name::Name;
use crate::commands::grammar;
use crate::language::lexer::quote;

/// A script that is not there, but is called like a command, was meant as one.
pub(super) fn explain_missing_script(error: Error, path: &Path, arguments: &[OsString]) -> Error {
    let is_missing =
        matches!(&error, Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound);
    if is_missing && grammar().find_subcommand(path).is_some() {
        let mut words = vec![path.into()];
        words.extend_from_slice(arguments);
        let word = path.to_string_lossy();
        return suggest_command_option(&word, "is a command and no script", &words);
    }
    error
}

/// A word too many on the process's command line: somebody typed a command without `-c`.
pub(super) fn explain_surplus_word(
    clap_error: &clap::Error,
    arguments: &[OsString],
) -> Option<Error> {
    let Some(ContextValue::String(word)) = clap_error.get(ContextKind::InvalidArg) else {
        return None;
    };
    if clap_error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let grammar = grammar();
    let first = arguments
        .iter()
        .position(|word| grammar.find_subcommand(word).is_some());
    let words = arguments
        .get(first.unwrap_or(arguments.len())..)
        .unwrap_or_default();
    let is_option = |argument: &OsString| argument.as_encoded_bytes().starts_with(b"-");
    if !word.starts_with('-') {
        let end = words.iter().position(is_option).unwrap_or(words.len());
        return Some(suggest_command_option(
            word,
            "is one word too many",
            &words[..end],
        ));
    }
    // An option after a command is the command's own.
    (first == Some(0))
        .then(|| suggest_command_option(word, "is no option of auto-backup itself", words))
}

/// What is wrong with a word, and how the command that these words may be is run.
fn suggest_command_option(word: &str, what: &str, words: &[OsString]) -> Error {
    let line: Vec<String> = words.iter().map(|word| quote(word)).collect();
    let line = Some(line.join(" ")).filter(|line| !line.is_empty() && !line.contains('\''));
    let example = line.as_deref().unwrap_or("list clients");
    Error::Syntax {
        message: format!("`{}` {what}", Name::from(word)),
        span: 0..0,
        hint: Some(format!(
            "to run a command, use `-c`, as in `auto-backup -c '{example}'`"
        )),
    }
}
