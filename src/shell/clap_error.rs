//! clap's complaints as ours: what is wrong, at which word, and what to type instead.

use std::ops::Range;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::position::Position;
use super::synonym;
use crate::base::error::{Error, did_you_mean};
use crate::base::suggest::suggest;
use crate::commands::{CommandLine, built_grammar};
use crate::language::lexer::{Word, quote};

/// The command that the first words name, as in `add database`, and its grammar.
fn named_command(words: &[Word]) -> (Vec<String>, clap::Command) {
    let mut grammar = CommandLine::command();
    grammar.build();
    let mut path = Vec::new();
    for word in words {
        let Some(found) = grammar.find_subcommand(&word.text) else {
            break;
        };
        path.push(found.get_name().to_owned());
        grammar = found.clone();
    }
    (path, grammar)
}

/// clap's complaint as ours: what is wrong, at which word, and what to type instead.
pub(super) fn explain(error: &clap::Error, text: &str, words: &[Word]) -> Error {
    let invalid = first_context_text(error, ContextKind::InvalidSubcommand)
        .or_else(|| {
            first_context_text(error, ContextKind::InvalidValue).filter(|value| !value.is_empty())
        })
        .or_else(|| first_context_text(error, ContextKind::InvalidArg));
    let end = words.last().map_or(text.len(), |word| word.span.end);
    let at = |word: Option<&str>| {
        word.and_then(|word| span_of(words, word))
            .unwrap_or(end..end)
    };
    let usage = || {
        first_context_text(error, ContextKind::Usage)
            .map(|usage| format!("write it as: {}", strip_decoration(&usage)))
    };
    let argument = first_context_text(error, ContextKind::InvalidArg).unwrap_or_default();
    let word = invalid.clone().unwrap_or_default();
    let shown = crate::base::name::Name::from(word.as_str());
    let (message, span) = match error.kind() {
        ErrorKind::InvalidSubcommand if words.first().is_some_and(|first| first.text == *word) => {
            (format!("there is no command `{shown}`"), at(Some(&word)))
        }
        ErrorKind::InvalidSubcommand => (format!("`{shown}` is not known here"), at(Some(&word))),
        ErrorKind::UnknownArgument if word.starts_with('-') => (
            format!("there is no option `{shown}` here"),
            at(Some(&word)),
        ),
        ErrorKind::UnknownArgument => (format!("`{shown}` is one word too many"), at(Some(&word))),
        ErrorKind::InvalidValue if word.is_empty() || invalid.as_deref() == Some(&argument) => {
            (needs_value_message(&argument), end..end)
        }
        ErrorKind::InvalidValue if is_in_keyword(&argument) => (
            format!("`{shown}` cannot stand here: `in` was expected"),
            at(Some(&word)),
        ),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let why =
                std::error::Error::source(error).map_or_else(String::new, |why| format!(": {why}"));
            (
                format!("`{shown}` cannot be {}{why}", placeholder_name(&argument)),
                at(Some(&word)),
            )
        }
        ErrorKind::MissingRequiredArgument => (
            format!("missing: {}", missing_arguments(error, words).join(", ")),
            end..end,
        ),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            ("the command is not complete".to_owned(), end..end)
        }
        ErrorKind::ArgumentConflict => {
            let other = first_context_text(error, ContextKind::PriorArg).unwrap_or_default();
            (
                format!(
                    "`{}` and `{}` do not go together",
                    argument_label(&argument),
                    argument_label(&other)
                ),
                at(Some(&strip_decoration(&argument))),
            )
        }
        ErrorKind::TooManyValues => (
            format!("`{}` takes no value", argument_label(&argument)),
            at(Some(&word)),
        ),
        ErrorKind::InvalidUtf8 => {
            let span = words.iter().find(|word| word.text.to_str().is_none());
            (
                "this word must be text, and is not UTF-8".to_owned(),
                span.map_or(end..end, |word| word.span.clone()),
            )
        }
        _ => (
            error
                .to_string()
                .lines()
                .next()
                .unwrap_or_default()
                .replace("error: ", ""),
            at(invalid.as_deref()),
        ),
    };
    Error::Syntax {
        message,
        span,
        hint: hint(error, words)
            .or_else(usage)
            .or_else(|| usage_hint(words)),
    }
}

/// What has to be there and is not.
fn missing_arguments(error: &clap::Error, words: &[Word]) -> Vec<String> {
    let arguments = context_texts(error, ContextKind::InvalidArg);
    let grammar = built_grammar();
    let needed = Position::after(&grammar, words.iter().map(|word| &word.text)).missing_arguments();
    if needed.is_empty() || arguments.iter().any(|argument| argument.starts_with('-')) {
        return arguments
            .iter()
            .map(|argument| argument_label(argument))
            .collect();
    }
    needed
}

/// A similar word, else what could stand here.
fn hint(error: &clap::Error, words: &[Word]) -> Option<String> {
    // Similar commands are found as similar names are, see `subcommands`.
    let kinds = [ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let similar: Vec<String> = kinds
        .iter()
        .flat_map(|kind| context_texts(error, *kind))
        .map(|word| strip_decoration(&word))
        .collect();
    if !similar.is_empty() {
        return Some(did_you_mean(&similar));
    }
    match error.kind() {
        ErrorKind::UnknownArgument => surplus_word_hint(error, words),
        ErrorKind::InvalidValue
            if first_context_text(error, ContextKind::InvalidArg)
                .is_some_and(|argument| is_in_keyword(&argument)) =>
        {
            surplus_word_hint(error, words)
        }
        ErrorKind::ArgumentConflict => Some("leave one of them out".to_owned()),
        ErrorKind::InvalidSubcommand
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => subcommand_hint(error, words),
        _ => None,
    }
}

/// For a word too many: the usage, and how a name with spaces is written if it may be the end of one.
fn surplus_word_hint(error: &clap::Error, words: &[Word]) -> Option<String> {
    let word = first_context_text(error, ContextKind::InvalidValue)
        .or_else(|| first_context_text(error, ContextKind::InvalidArg))?;
    let (path, mut grammar) = named_command(words);
    let usage = strip_decoration(&grammar.render_usage().to_string());
    let at = words.iter().rposition(|other| other.text == *word);
    let before = words
        .get(path.len()..at.unwrap_or_default())
        .and_then(<[Word]>::last);
    if word.starts_with('-') {
        return Some(format!(
            "write it as: {usage}; a name that begins with `-` stands after `--`"
        ));
    }
    let Some(before) = before else {
        return Some(format!("write it as: {usage}"));
    };
    let is_first = words.get(path.len()).is_some_and(|first| first == before);
    if is_first && usage.contains(" PROJECT") && !before.text.as_encoded_bytes().contains(&b'/') {
        let project = [before.text.to_string_lossy(), word.into()].join("/");
        let project = quote(std::ffi::OsStr::new(&project));
        return Some(format!(
            "write it as: {usage}; a project is written CLIENT/PROJECT: {project}"
        ));
    }
    let joined = [before.text.to_string_lossy(), word.into()].join(" ");
    let quoted = quote(std::ffi::OsStr::new(&joined));
    Some(format!(
        "write it as: {usage}; a name with spaces is quoted: {quoted}"
    ))
}

/// The usage of the command that was meant.
fn usage_hint(words: &[Word]) -> Option<String> {
    let (path, mut grammar) = named_command(words);
    let usage = strip_decoration(&grammar.render_usage().to_string());
    (!path.is_empty()).then(|| format!("write it as: {usage}"))
}

/// The similar commands, else those that can stand here.
fn subcommand_hint(error: &clap::Error, words: &[Word]) -> Option<String> {
    let (path, grammar) = named_command(words);
    let known: Vec<&str> = grammar
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    let typed = first_context_text(error, ContextKind::InvalidSubcommand).unwrap_or_default();
    if path.is_empty()
        && let Some(instead) = synonym::replacement_hint(&typed)
    {
        return Some(instead.to_owned());
    }
    let near = suggest(&typed, known.iter().copied());
    if !typed.is_empty() && !near.is_empty() {
        let near: Vec<_> = near.into_iter().map(str::to_owned).collect();
        return Some(did_you_mean(&near));
    }
    if path.is_empty() {
        return Some("`help` lists the commands".to_owned());
    }
    (!known.is_empty()).then(|| format!("known here: {}", known.join(", ")))
}

/// The first text of a kind of context.
fn first_context_text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    context_texts(error, kind).into_iter().next()
}

/// All texts of a kind of context.
fn context_texts(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        Some(ContextValue::StyledStr(text)) => vec![text.to_string()],
        Some(ContextValue::StyledStrs(texts)) => texts.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

/// A usage line or argument without clap's decoration.
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

/// Whether it is one letter of a word like `-rf`, which counts as several options.
fn is_short_option(option: &str) -> bool {
    option.starts_with('-') && !option.starts_with("--")
}

/// Whether an argument is the word `in` itself.
fn is_in_keyword(argument: &str) -> bool {
    argument.trim_matches(['<', '>', '[', ']', ' ']) == "in"
}

/// Where a word stands; options may carry their value after a `=`.
fn span_of(words: &[Word], text: &str) -> Option<Range<usize>> {
    let name = text.split([' ', '=']).next().unwrap_or(text);
    let exact = words.iter().rev().find(|word| word.text == *text);
    let option = || {
        words.iter().rev().find(|word| {
            let word = word.text.to_string_lossy();
            word == name
                || word
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with('=') || is_short_option(name))
                || word.ends_with(&format!("={text}"))
        })
    };
    exact.or_else(option).map(|word| word.span.clone())
}
