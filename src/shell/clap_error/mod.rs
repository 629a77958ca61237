//! Errors of clap in the program's words: the problem, the word, and a hint.

mod context;
mod hint;
mod program_option;

use std::ops::Range;

use clap::error::{ContextKind, ErrorKind};

use self::context::{
    argument_label, context_texts, first_context_text, is_in_keyword, is_short_option,
    needs_value_message, placeholder_name, strip_decoration,
};
#[cfg(test)]
pub(crate) use self::program_option::program_option_names;
use super::position::Position;
use crate::base::error::Error;
use crate::base::name::Name;
use crate::commands::built_grammar;
use crate::language::lexer::Word;

/// Turns an error of clap into one of this program: the problem, the word it is about, and a hint.
pub(super) fn explain(error: &clap::Error, text: &str, words: &[Word]) -> Error {
    let failure = ParseFailure::new(error, text, words);
    let (message, span) = failure.message_and_span();
    Error::Syntax {
        message,
        span,
        hint: failure.hint().or_else(|| failure.usage_hint()),
        suggestions: failure.suggestions(),
    }
}

/// A line that clap rejected.
struct ParseFailure<'a> {
    error: &'a clap::Error,
    text: &'a str,
    words: &'a [Word],
    /// End of the line, where a missing word belongs.
    end: usize,
    /// Number of words that name the command, as two in `add database`.
    depth: usize,
    /// The grammar of that command.
    command: clap::Command,
    /// The argument that the error is about, as clap writes it: `--project <PROJECT>`.
    argument: String,
    /// The word that the error is about, if any.
    invalid: Option<String>,
}

impl<'a> ParseFailure<'a> {
    fn new(error: &'a clap::Error, text: &'a str, words: &'a [Word]) -> Self {
        let mut command = built_grammar();
        let mut depth = 0;
        for word in words {
            let Some(found) = command.find_subcommand(&word.text) else {
                break;
            };
            command = found.clone();
            depth += 1;
        }
        let argument = first_context_text(error, ContextKind::InvalidArg);
        let value = first_context_text(error, ContextKind::InvalidValue);
        let invalid = first_context_text(error, ContextKind::InvalidSubcommand)
            .or(value.filter(|value| !value.is_empty()))
            .or_else(|| argument.clone());
        Self {
            error,
            text,
            words,
            end: words.last().map_or(text.len(), |word| word.span.end),
            depth,
            command,
            argument: argument.unwrap_or_default(),
            invalid,
        }
    }

    fn message_and_span(&self) -> (String, Range<usize>) {
        let word = self.invalid.as_deref().unwrap_or_default();
        let shown = Name::from(word);
        let label = argument_label(&self.argument);
        let at_end = self.end..self.end;
        let message = match self.error.kind() {
            ErrorKind::InvalidSubcommand => format!("unknown command `{shown}`"),
            ErrorKind::UnknownArgument if word.starts_with('-') => {
                format!("unknown option `{shown}`")
            }
            ErrorKind::UnknownArgument => format!("unexpected argument `{shown}`"),
            ErrorKind::InvalidValue if word.is_empty() || word == self.argument => {
                return (needs_value_message(&self.argument), at_end);
            }
            ErrorKind::InvalidValue if is_in_keyword(&self.argument) => {
                format!("expected `in`, found `{shown}`")
            }
            ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
                let why = std::error::Error::source(self.error)
                    .map_or_else(String::new, |why| format!(": {why}"));
                format!(
                    "`{shown}` is not a valid {}{why}",
                    placeholder_name(&self.argument)
                )
            }
            ErrorKind::MissingRequiredArgument => {
                return (format!("missing: {}", self.missing().join(", ")), at_end);
            }
            ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                return ("the command is incomplete".to_owned(), at_end);
            }
            ErrorKind::ArgumentConflict => {
                let other = first_context_text(self.error, ContextKind::PriorArg);
                let other = argument_label(&other.unwrap_or_default());
                let message = format!("`{label}` and `{other}` cannot be used together");
                return (message, self.span_of(&strip_decoration(&self.argument)));
            }
            ErrorKind::TooManyValues => format!("`{label}` takes no value"),
            ErrorKind::InvalidUtf8 => {
                let word = self.words.iter().find(|word| word.text.to_str().is_none());
                let span = word.map_or(at_end, |word| word.span.clone());
                return ("this word is not valid UTF-8".to_owned(), span);
            }
            _ => {
                let text = self.error.to_string();
                let first = text.lines().next().unwrap_or_default();
                first.replace("error: ", "")
            }
        };
        (message, self.span_of(word))
    }

    /// Returns the span of the last such word, or the end of the line. An option may carry its value after a `=`.
    fn span_of(&self, text: &str) -> Range<usize> {
        let name = text.split([' ', '=']).next().unwrap_or(text);
        let mut words = self.words.iter().rev();
        let exact = words.clone().find(|word| word.text == *text);
        let option = || {
            words.find(|word| {
                let word = word.text.to_string_lossy();
                word == name
                    || word
                        .strip_prefix(name)
                        .is_some_and(|rest| rest.starts_with('=') || is_short_option(name))
                    || word.ends_with(&format!("={text}"))
            })
        };
        let found = exact.or_else(option).filter(|_| !text.is_empty());
        found.map_or(self.end..self.end, |word| word.span.clone())
    }

    /// Returns the required arguments that are missing.
    fn missing(&self) -> Vec<String> {
        let arguments = context_texts(self.error, ContextKind::InvalidArg);
        let grammar = built_grammar();
        let words = self.words.iter().map(|word| &word.text);
        let needed = Position::after(&grammar, words).missing_arguments();
        if needed.is_empty() || arguments.iter().any(|argument| argument.starts_with('-')) {
            return arguments
                .iter()
                .map(|argument| argument_label(argument))
                .collect();
        }
        needed
    }
}
