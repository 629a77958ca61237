//! Errors of clap in the program's words: the problem, the word, and a hint.

use std::ffi::OsStr;
use std::ops::Range;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::position::Position;
use super::synonym;
use super::synonym::Equivalent;
use crate::base::error::{Error, did_you_mean};
use crate::base::name::Name;
use crate::base::suggest::suggest;
use crate::commands::built_grammar;
use crate::language::lexer::{Word, quote};

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
    fn new(error: &'a clap::Error, text: &str, words: &'a [Word]) -> Self {
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

    /// Returns a similar word, or the words that are possible.
    fn hint(&self) -> Option<String> {
        // Similar commands are found by the program's own measure of similarity, see `subcommand_hint`.
        let kinds = [ContextKind::SuggestedArg, ContextKind::SuggestedValue];
        let similar: Vec<String> = kinds
            .iter()
            .flat_map(|kind| context_texts(self.error, *kind))
            .map(|word| strip_decoration(&word))
            .collect();
        if !similar.is_empty() {
            return Some(did_you_mean(&similar));
        }
        match self.error.kind() {
            ErrorKind::UnknownArgument => self.surplus_word_hint(),
            ErrorKind::InvalidValue if is_in_keyword(&self.argument) => self.surplus_word_hint(),
            ErrorKind::ArgumentConflict => Some("leave one of them out".to_owned()),
            ErrorKind::InvalidSubcommand
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => self.subcommand_hint(),
            _ => None,
        }
    }

    /// Returns the equivalent of a command of another program, with the words after it.
    fn equivalent(&self, typed: &str) -> Option<Equivalent> {
        synonym::equivalent(typed, self.words.get(1..).unwrap_or_default())
    }

    /// Returns the similar words that the hint names.
    fn suggestions(&self) -> Vec<String> {
        let kinds = [ContextKind::SuggestedArg, ContextKind::SuggestedValue];
        let similar = kinds
            .iter()
            .flat_map(|kind| context_texts(self.error, *kind))
            .map(|word| strip_decoration(&word));
        let mut similar: Vec<String> = similar.collect();
        if similar.is_empty() && self.error.kind() == ErrorKind::InvalidSubcommand {
            let typed = first_context_text(self.error, ContextKind::InvalidSubcommand);
            let meant = typed.as_deref().filter(|_| self.depth == 0);
            match meant.and_then(|typed| self.equivalent(typed)) {
                Some(Equivalent::Line(line)) => return vec![line],
                Some(Equivalent::Sentence(_)) => return Vec::new(),
                None => {}
            }
            let known = self.command.get_subcommands().map(clap::Command::get_name);
            let near = suggest(&typed.unwrap_or_default(), known);
            similar.extend(near.into_iter().map(str::to_owned));
        }
        similar
    }

    fn usage(&self) -> String {
        strip_decoration(&self.command.clone().render_usage().to_string())
    }

    /// Returns the usage that clap reports, or that of the named command.
    fn usage_hint(&self) -> Option<String> {
        let usage = first_context_text(self.error, ContextKind::Usage)
            .map(|usage| strip_decoration(&usage))
            .or_else(|| (self.depth > 0).then(|| self.usage()))?;
        Some(format!("write it as: {usage}"))
    }

    /// Returns the usage, and the quoted name if the unexpected word may be the end of a name with spaces.
    fn surplus_word_hint(&self) -> Option<String> {
        let word = self.invalid.as_deref()?;
        let usage = self.usage();
        let at = self.words.iter().rposition(|other| other.text == *word);
        let arguments = self.words.get(self.depth..at.unwrap_or_default());
        if word.starts_with('-') {
            return Some(format!(
                "write it as: {usage}; put `--` before a name that begins with `-`"
            ));
        }
        let Some((before, earlier)) = arguments.and_then(<[Word]>::split_last) else {
            return Some(format!("write it as: {usage}"));
        };
        let join = |separator| {
            let name = [before.text.to_string_lossy(), word.into()].join(separator);
            quote(OsStr::new(&name))
        };
        let is_client = earlier.is_empty() && !before.text.as_encoded_bytes().contains(&b'/');
        Some(if is_client && usage.contains(" PROJECT") {
            let project = join("/");
            format!("write it as: {usage}; a project is written CLIENT/PROJECT: {project}")
        } else {
            let name = join(" ");
            format!("write it as: {usage}; quote a name with spaces: {name}")
        })
    }

    /// Returns similar commands, or the possible ones.
    fn subcommand_hint(&self) -> Option<String> {
        let commands = self.command.get_subcommands();
        let known: Vec<&str> = commands.map(clap::Command::get_name).collect();
        let typed = first_context_text(self.error, ContextKind::InvalidSubcommand);
        let typed = typed.unwrap_or_default();
        if self.depth == 0
            && let Some(equivalent) = self.equivalent(&typed)
        {
            return Some(match equivalent {
                Equivalent::Line(line) => did_you_mean(&[line]),
                Equivalent::Sentence(sentence) => sentence.to_owned(),
            });
        }
        let near = suggest(&typed, known.iter().copied());
        if !typed.is_empty() && !near.is_empty() {
            let near: Vec<_> = near.into_iter().map(str::to_owned).collect();
            return Some(did_you_mean(&near));
        }
        if self.depth == 0 {
            return Some("`help` lists the commands".to_owned());
        }
        (!known.is_empty()).then(|| format!("expected one of: {}", known.join(", ")))
    }
}

fn first_context_text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    context_texts(error, kind).into_iter().next()
}

/// Returns all texts of a kind of context.
fn context_texts(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        Some(ContextValue::StyledStr(text)) => vec![text.to_string()],
        Some(ContextValue::StyledStrs(texts)) => texts.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

/// Returns a usage line or argument without clap's decoration.
fn strip_decoration(text: &str) -> String {
    text.trim_start_matches("Usage: ")
        .trim_start_matches("auto-backup ")
        .replace(['<', '>'], "")
        .trim()
        .to_owned()
}

/// `PROJECT` from `[PROJECT]`, `<PROJECT>` or `--project <PROJECT>`.
fn placeholder_name(argument: &str) -> String {
    let name = argument.split_whitespace().last().unwrap_or(argument);
    name.trim_matches(['<', '>', '[', ']', '.']).to_owned()
}

/// `--project` from `--project <PROJECT>`, `DATABASE` from `[DATABASE]...`.
fn argument_label(argument: &str) -> String {
    match argument.split_whitespace().next() {
        Some(option) if option.starts_with('-') => option.to_owned(),
        _ => placeholder_name(argument),
    }
}

/// `` `--last` needs a value: N ``, `TO needs a value`.
fn needs_value_message(argument: &str) -> String {
    let (term, name) = (argument_label(argument), placeholder_name(argument));
    if term.starts_with('-') && term != name {
        format!("`{term}` needs a value: {name}")
    } else {
        format!("{name} needs a value")
    }
}

/// True for `-r`, as clap reports one letter of a word like `-rf`.
fn is_short_option(option: &str) -> bool {
    option.starts_with('-') && !option.starts_with("--")
}

/// True for the keyword `in`.
fn is_in_keyword(argument: &str) -> bool {
    argument.trim_matches(['<', '>', '[', ']', ' ']) == "in"
}
