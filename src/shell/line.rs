//! From words to a command, and from clap's complaints to ours.

use std::ops::Range;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _};

use crate::commands::help::HelpPage;
use crate::commands::{Flow, Line};
use crate::error::{Error, Result, did_you_mean};
use crate::exit_status::ExitStatus;
use crate::lexer::{Word, lex, quote};
use crate::output::printer::Printer;
use crate::workspace::Workspace;

/// Runs one line.
pub(super) fn execute(
    text: &str,
    abbreviations: bool,
    workspace: &mut Workspace,
    printer: &mut Printer,
) -> Result<(Flow, ExitStatus)> {
    let words = lex(text)?;
    if words.is_empty() {
        return Ok((Flow::Continue, ExitStatus::Done));
    }
    let grammar = Line::command()
        .infer_subcommands(abbreviations)
        .infer_long_args(abbreviations)
        .term_width(printer.screen().width.map_or(100, usize::from));
    let parsed = grammar.try_get_matches_from(words.iter().map(|word| &word.text));
    match parsed.and_then(|matches| Line::from_arg_matches(&matches)) {
        Ok(line) => line.command.execute(workspace, printer),
        Err(help) if help.kind() == ErrorKind::DisplayHelp => {
            let status = printer.print(&HelpPage::new(help.render().to_string()))?;
            Ok((Flow::Continue, status))
        }
        Err(complaint) => Err(explained(&complaint, text, &words)),
    }
}

/// clap's complaint as ours: what is wrong, at which word, and what to type instead.
fn explained(complaint: &clap::Error, text: &str, words: &[Word]) -> Error {
    let invalid = first(complaint, ContextKind::InvalidSubcommand)
        .or_else(|| first(complaint, ContextKind::InvalidValue).filter(|value| !value.is_empty()))
        .or_else(|| first(complaint, ContextKind::InvalidArg));
    let end = words.last().map_or(text.len(), |word| word.span.end);
    let at = |word: Option<&str>| {
        word.and_then(|word| span_of(words, word))
            .unwrap_or(end..end)
    };
    let usage = || {
        first(complaint, ContextKind::Usage).map(|usage| format!("write it as: {}", bare(&usage)))
    };
    let argument = first(complaint, ContextKind::InvalidArg).unwrap_or_default();
    let word = invalid.clone().unwrap_or_default();
    let shown = crate::name::Name::from(word.as_str());
    let (message, span) = match complaint.kind() {
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
            (format!("{} needs a value", name_of(&argument)), end..end)
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let why = std::error::Error::source(complaint)
                .map_or_else(String::new, |why| format!(": {why}"));
            (
                format!("`{shown}` cannot be {}{why}", name_of(&argument)),
                at(Some(&word)),
            )
        }
        ErrorKind::MissingRequiredArgument => (
            format!(
                "missing: {}",
                all(complaint, ContextKind::InvalidArg).join(", ")
            ),
            end..end,
        ),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            ("the command is not complete".to_owned(), end..end)
        }
        ErrorKind::ArgumentConflict => {
            let other = first(complaint, ContextKind::PriorArg).unwrap_or_default();
            (
                format!(
                    "`{}` and `{}` do not go together",
                    bare(&argument),
                    bare(&other)
                ),
                at(Some(&bare(&argument))),
            )
        }
        ErrorKind::InvalidUtf8 => ("a word that must be text is not UTF-8".to_owned(), at(None)),
        _ => (
            complaint
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
        hint: hint(complaint, words).or_else(usage),
    }
}

/// A similar word, else what could stand here.
fn hint(complaint: &clap::Error, words: &[Word]) -> Option<String> {
    let kinds = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    let similar: Vec<String> = kinds
        .iter()
        .flat_map(|kind| all(complaint, *kind))
        .map(|word| bare(&word))
        .collect();
    if !similar.is_empty() {
        return Some(did_you_mean(&similar));
    }
    let surplus = complaint.kind() == ErrorKind::UnknownArgument && words.len() > 2;
    if surplus
        && first(complaint, ContextKind::InvalidArg).is_some_and(|word| !word.starts_with('-'))
    {
        let pair = words.windows(2).last()?;
        let joined = [
            pair[0].text.to_string_lossy(),
            pair[1].text.to_string_lossy(),
        ]
        .join(" ");
        let usage = bare(&first(complaint, ContextKind::Usage)?);
        let quoted = quote(std::ffi::OsStr::new(&joined));
        return Some(format!(
            "write it as: {usage}; a name with spaces is quoted: {quoted}"
        ));
    }
    let possible = all(complaint, ContextKind::ValidSubcommand);
    let top = complaint.kind() == ErrorKind::InvalidSubcommand && words.len() > 1;
    if top && !possible.is_empty() {
        return Some(format!("known here: {}", possible.join(", ")));
    }
    (complaint.kind() == ErrorKind::InvalidSubcommand && words.len() == 1)
        .then(|| "`help` lists the commands".to_owned())
}

/// The first text of a kind of context.
fn first(complaint: &clap::Error, kind: ContextKind) -> Option<String> {
    all(complaint, kind).into_iter().next()
}

/// All texts of a kind of context.
fn all(complaint: &clap::Error, kind: ContextKind) -> Vec<String> {
    match complaint.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        Some(ContextValue::StyledStr(text)) => vec![text.to_string()],
        Some(ContextValue::StyledStrs(texts)) => texts.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

/// A usage line or argument without clap's decoration.
fn bare(text: &str) -> String {
    text.trim_start_matches("Usage: ")
        .replace(['<', '>'], "")
        .trim()
        .to_owned()
}

/// `PROJECT` from `[PROJECT]`, `<PROJECT>` or `--project <PROJECT>`.
fn name_of(argument: &str) -> String {
    let name = argument.split_whitespace().last().unwrap_or(argument);
    name.trim_matches(['<', '>', '[', ']', '.']).to_owned()
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
                    .is_some_and(|rest| rest.starts_with('='))
                || word.ends_with(&format!("={text}"))
        })
    };
    exact.or_else(option).map(|word| word.span.clone())
}
