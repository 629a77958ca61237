//! Hints for arguments that the process does not expect.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::base::error::{Error, did_you_mean};
use crate::base::name::Name;
use crate::commands::grammar;
use crate::commands::synonym::similar_commands;
use crate::language::lexer::quote;

/// Explains a missing script: a mistyped command may have been meant.
pub(super) fn explain_missing_script(error: Error, path: &Path) -> Error {
    let is_missing = matches!(&error, Error::UnreadScript { source, .. } if source.kind() == io::ErrorKind::NotFound);
    let word = path.to_string_lossy();
    let grammar = grammar();
    let commands: Vec<&str> = grammar
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    let near = similar_commands(&word, commands.iter().copied());
    let is_command = commands.contains(&&*word);
    if !is_missing || is_command || near.is_empty() || word.contains('/') {
        return error;
    }
    let suggestions: Vec<String> = near.into_iter().map(str::to_owned).collect();
    Error::Syntax {
        message: format!("`{}` is neither a script nor a command", Name::from(&*word)),
        span: 0..0,
        hint: Some(did_you_mean(&suggestions)),
        suggestions,
    }
}

/// Returns an error of clap in one line, without its colors, for programs.
pub(super) fn plain_error(clap_error: &clap::Error) -> Error {
    let text = clap_error.to_string();
    let first = text.lines().next().unwrap_or_default();
    Error::Syntax {
        message: first.trim_start_matches("error: ").to_owned(),
        span: 0..0,
        hint: Some("`auto-backup --help` lists the options".to_owned()),
        suggestions: Vec::new(),
    }
}

/// Explains an unexpected argument of the process: a command typed without `-c`.
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
        let message = format!("unexpected argument `{}`", Name::from(&**word));
        return Some(suggest_command_option(message, &words[..end]));
    }
    // An option after a command belongs to the command.
    (first == Some(0)).then(|| {
        let message = format!(
            "`{}` is not an option of auto-backup itself",
            Name::from(&**word)
        );
        suggest_command_option(message, words)
    })
}

/// Returns an error with a hint that shows these words as a `-c` command.
fn suggest_command_option(message: String, words: &[OsString]) -> Error {
    let line: Vec<String> = words.iter().map(|word| quote(word)).collect();
    let line = Some(line.join(" ")).filter(|line| !line.is_empty() && !line.contains('\''));
    let example = line.as_deref().unwrap_or("list clients");
    Error::Syntax {
        message,
        span: 0..0,
        hint: Some(format!(
            "to run a command, use `-c`, as in `auto-backup -c '{example}'`"
        )),
        suggestions: Vec::new(),
    }
}
