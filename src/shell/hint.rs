//! Gray text after the cursor: missing arguments, or the rest of a line from the history.

use std::time::Duration;

use clap::Command;

use super::completion::TypedLine;
use super::completion::candidates::Expectation;
use super::completion::studio_names::StudioNames;
use super::position::Position;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// Names of missing arguments, which cannot be inserted.
    Missing(String),
    /// Rest of a line, inserted by the right arrow key.
    Rest(String),
}

/// Returns the hint at the end of a line. `previous_lines` is the text that it continues; `find_in_history` returns the last
/// line with a beginning.
pub(super) fn hint(
    grammar: &Command,
    names: &StudioNames,
    previous_lines: &str,
    line: &str,
    find_in_history: impl FnOnce(&str) -> Option<String>,
) -> Option<Hint> {
    if previous_lines.is_empty() && line.trim().is_empty() {
        return None;
    }
    let missing = || missing(grammar, names, &format!("{previous_lines}{line}"));
    let rest = || {
        let found = find_in_history(line).filter(|_| previous_lines.is_empty())?;
        let rest = found.strip_prefix(line)?;
        (!rest.is_empty() && !rest.contains('\n')).then(|| Hint::Rest(rest.to_owned()))
    };
    missing().or_else(rest)
}

/// Returns the missing arguments if the last word is complete.
fn missing(grammar: &Command, names: &StudioNames, line: &str) -> Option<Hint> {
    let typing = TypedLine::parse(line);
    let mut position = Position::after(grammar, &typing.words);
    let is_typing = typing.word_start < line.len();
    if is_typing {
        let expected = Expectation::at(
            &position,
            &typing.words,
            &typing.word,
            names,
            Duration::ZERO,
        );
        if expected.accepts(&typing.word) != Some(true) {
            return None;
        }
        position.advance(&typing.word);
    }
    let usage = position.missing_usage()?;
    let mut text = usage.as_str();
    if leaves_category_out(&position, names, &typing) {
        // Every word stands for the argument after its own.
        text = text.split_once(' ')?.1;
    }
    let blank = if is_typing { " " } else { "" };
    Some(Hint::Missing(format!("{blank}{text}")))
}

/// True if a storage stands where a category may be left out.
fn leaves_category_out(position: &Position<'_>, names: &StudioNames, typed: &TypedLine) -> bool {
    let words = typed.words.iter().chain([&typed.word]);
    let mut values = words.filter(|word| !word.as_encoded_bytes().starts_with(b"-"));
    let takes_category = matches!(position.command.get_name(), "compare" | "copy" | "sync");
    takes_category
        && values
            .nth(2)
            .is_some_and(|word| names.is_database(word) && !names.is_category(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::built_grammar;

    fn shown(before: &str, line: &str, history: &[&str]) -> String {
        let last = |line: &str| {
            let found = history.iter().rev().find(|entry| entry.starts_with(line));
            found.map(|entry| (*entry).to_owned())
        };
        match hint(
            &built_grammar(),
            &StudioNames::example(),
            before,
            line,
            last,
        ) {
            Some(Hint::Missing(text)) => format!("<{text}>"),
            Some(Hint::Rest(text)) => text,
            None => String::new(),
        }
    }

    #[test]
    fn missing_arguments_follow_complete_word() {
        for (line, text) in [
            ("copy", "< PROJECT [CATEGORY] FROM TO[,TO...]>"),
            ("copy ", "<PROJECT [CATEGORY] FROM TO[,TO...]>"),
            ("copy acme/spot", "< [CATEGORY] FROM TO[,TO...]>"),
            ("copy acme/spot footage WORK ", "<TO[,TO...]>"),
            ("copy acme/spot footage WORK NAS", ""),
            ("copy acme/spot WORK", "< TO[,TO...]>"),
            ("compare acme/spot WORK ", "<B>"),
            ("sync acme/spot WORK NAS", ""),
            ("copy acme/sp", ""),
            ("add", "< database|category>"),
            ("load --older-than ", "<AGE>"),
            ("", ""),
            ("  ", ""),
        ] {
            assert_eq!(shown("", line, &[]), text, "{line}");
        }
        assert_eq!(
            shown("copy acme/spot ", "footage", &[]),
            "< FROM TO[,TO...]>"
        );
    }

    #[test]
    fn history_line_is_offered_as_hint() {
        let history = [
            "copy acme/spot footage WORK NAS",
            "load --older-than 1h",
            "find a\nb",
        ];
        for (line, text) in [
            ("co", "py acme/spot footage WORK NAS"),
            ("copy acme/s", "pot footage WORK NAS"),
            ("load", " --older-than 1h"),
            ("copy acme/spot footage WORK NAS", ""),
            ("find a", ""),
            ("x", ""),
        ] {
            assert_eq!(shown("", line, &history), text, "{line}");
        }
        assert_eq!(shown("find x ", "lo", &history), "");
    }
}
