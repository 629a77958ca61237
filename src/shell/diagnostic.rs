//! Reports of failed lines: location, message, the line with carets under the word, and a hint.

use std::ops::Range;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::correction::corrected_line;
use super::statement::Statement;
use super::unquoted_name::find_unquoted_name;
use crate::base::error::Error;
use crate::base::escape;
use crate::base::noun::Noun;
use crate::base::password::mask_passwords;
use crate::commands::workspace::Workspace;
use crate::language::lexer::{Word, lex};
use crate::os::terminal;
use crate::output::cell::Tone;
use crate::output::message::{
    MessagePlace, Messages, write_error_document, write_line, write_text,
};

/// Reports a failure of a statement. With `offers_correction`, returns the line that was probably meant and says that Up
/// brings it.
pub(super) fn report(
    statement: &Statement,
    error: &Error,
    workspace: &Workspace,
    messages: Messages,
    offers_correction: bool,
) -> Option<String> {
    // Words as the command received them; as typed if a variable is not set.
    let typed = lex(&statement.text).unwrap_or_default();
    let words = workspace.variables.expand(typed.clone()).unwrap_or(typed);
    let is_about_names = matches!(
        error,
        Error::UnknownName { .. }
            | Error::NotAProject { .. }
            | Error::ReplicaNotFound { .. }
            | Error::Syntax { .. }
    );
    let unquoted = find_unquoted_name(&words, workspace).filter(|_| is_about_names);
    let hint = unquoted.as_ref().map(|name| mask_passwords(&name.hint()));
    let hint = hint.or_else(|| error.hint());
    let span = span(&words, error);
    if messages.is_json() {
        let (line, column) = position(statement, span.start);
        let place = MessagePlace {
            file: &statement.origin,
            line,
            column,
        };
        write_error_document(error, hint.as_deref(), Some(place));
        return None;
    }
    print_excerpt(statement, span.clone(), error, messages);
    let corrected = hint
        .as_ref()
        .filter(|_| offers_correction)
        .and_then(|_| corrected_line(&statement.text, error, &span, unquoted.as_ref()));
    if let Some(hint) = hint {
        let joint = if hint.ends_with('?') { "" } else { ";" };
        messages.hint(&match corrected {
            Some(_) => format!("{hint}{joint} Up brings the corrected line"),
            None => hint,
        });
    }
    corrected
}

/// Returns line and column of a byte of a statement, counted from 1.
fn position(statement: &Statement, offset: usize) -> (usize, usize) {
    let before = &statement.text[..offset];
    let start = before.rfind('\n').map_or(0, |feed| feed + 1);
    let line = statement.number + before.matches('\n').count();
    (line, before[start..].chars().count() + 1)
}

/// Prints the location and message of an error, the line, and carets under the word.
fn print_excerpt(statement: &Statement, span: Range<usize>, error: &Error, messages: Messages) {
    let before = &statement.text[..span.start];
    let start = before.rfind('\n').map_or(0, |feed| feed + 1);
    let line = statement.text[start..].lines().next().unwrap_or_default();
    let word = messages.painted("error", Tone::Bad);
    let place = if statement.has_location() {
        let (line, column) = position(statement, span.start);
        format!("{}:{line}:{column}: ", statement.origin)
    } else {
        String::new()
    };
    write_text(&format!("{place}{word}: {}", error.full_message()));
    let line_end = start + line.len();
    let span_end = span.end.min(line_end).max(span.start);
    let parts = [start..span.start, span.start..span_end, span_end..line_end];
    let parts = parts.map(|range| {
        let part = mask_passwords(statement.text.get(range).unwrap_or_default());
        displayable(&part)
    });
    let room = terminal::stderr_width().map_or(usize::MAX, |width| {
        usize::from(width).saturating_sub(INDENT.len())
    });
    let excerpt = excerpt(&parts, room);
    write_line(&format!("{INDENT}{}", excerpt.text));
    write_line(&format!(
        "{INDENT}{}{}",
        " ".repeat(excerpt.caret_column),
        messages.painted(&"^".repeat(excerpt.carets), Tone::Bad)
    ));
}

/// Indentation of the shown line.
const INDENT: &str = "    ";

/// A line as far as it fits the terminal.
struct Excerpt {
    text: String,
    /// Columns before the carets.
    caret_column: usize,
    carets: usize,
}

/// Shortens a line to the terminal. The line is given as the text before, in and after the span of the error; the beginning
/// is shortened before the span is.
fn excerpt([before, word, after]: &[String; 3], room: usize) -> Excerpt {
    let carets = word.width().max(1);
    let whole = format!("{before}{word}{after}");
    if whole.width() <= room {
        return Excerpt {
            text: whole,
            caret_column: before.width(),
            carets,
        };
    }
    // Two columns are for the ellipses.
    let free = room.saturating_sub(word.width() + 2);
    let mut head = String::new();
    for letter in before.chars().rev() {
        if head.width() + letter.width().unwrap_or(0) > free {
            break;
        }
        head.insert(0, letter);
    }
    if head.len() < before.len() {
        head.insert(0, '…');
    }
    Excerpt {
        text: truncate(&format!("{head}{word}{after}"), room),
        caret_column: head.width(),
        carets: carets.min(room.saturating_sub(head.width()).max(1)),
    }
}

/// Shortens a text at its end.
fn truncate(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut shown = String::new();
    for letter in text.chars() {
        if shown.width() + letter.width().unwrap_or(0) + 1 > room {
            break;
        }
        shown.push(letter);
    }
    shown + "…"
}

/// Returns the span that the error is about: its word, or the whole line.
fn span(words: &[Word], error: &Error) -> Range<usize> {
    if let Error::Syntax { span, .. } = error {
        return span.clone();
    }
    if let Error::MissingWords { .. } = error {
        let end = words.last().map_or(0, |word| word.span.end);
        return end..end;
    }
    if let Some(place) = added_place(words, error) {
        return place.span.clone();
    }
    let about = error.offending_word().and_then(|name| {
        let whole = words
            .iter()
            .rev()
            .find(|word| word.text == name.as_os_str());
        // Part of a list, as in `NAS,CLOUD`.
        let part = || {
            words.iter().rev().find(|word| {
                let text = word.text.to_string_lossy();
                text.split(',')
                    .any(|part| part == name.as_os_str().to_string_lossy())
            })
        };
        // Last word of a name, as in `help add databse`.
        let last = || {
            let shown = name.to_string();
            let last = shown.rsplit(' ').next().map(str::to_owned)?;
            words.iter().rev().find(|word| *word.text == *last)
        };
        let is_command = matches!(
            error,
            Error::UnknownName {
                noun: Noun::Command,
                ..
            }
        );
        whole
            .or_else(part)
            .or_else(|| last().filter(|_| is_command))
    });
    match (about, words.first(), words.last()) {
        (Some(word), ..) => word.span.clone(),
        (None, Some(first), Some(last)) => first.span.start..last.span.end,
        _ => 0..0,
    }
}

/// Returns the ROOT or PATH of an `add` line that the registry refuses.
fn added_place<'w>(words: &'w [Word], error: &Error) -> Option<&'w Word> {
    let is_about_place = matches!(error, Error::NameTaken { .. } | Error::Overlap { .. });
    let is_option = |word: &&Word| word.text.as_encoded_bytes().starts_with(b"-");
    let mut parts = words.iter().filter(|word| !is_option(word));
    let is_add = parts.next().is_some_and(|word| word.text == "add");
    // `database` or `category`, and NAME.
    parts.nth(2).filter(|_| is_add && is_about_place)
}

/// Escapes a line for a terminal: tabs become spaces, control characters visible.
fn displayable(line: &str) -> String {
    escape::visible(line.replace(['\t', '\n'], " ").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_line_is_shortened_around_its_span() {
        let shown = |room| {
            let parts = ["copy acme/spot footage ", "WROK", " NAS --checksum"];
            let excerpt = excerpt(&parts.map(str::to_owned), room);
            (excerpt.text, excerpt.caret_column, excerpt.carets)
        };
        let line = "copy acme/spot footage WROK NAS --checksum";
        assert_eq!(shown(42), (line.to_owned(), 23, 4));
        assert_eq!(
            shown(30),
            ("copy acme/spot footage WROK N…".to_owned(), 23, 4)
        );
        assert_eq!(shown(20), ("…/spot footage WROK…".to_owned(), 15, 4));
        assert_eq!(shown(6), ("…WROK…".to_owned(), 1, 4));
        for room in 0..50 {
            let (text, before, carets) = shown(room);
            assert!(
                text.width() <= room.max(1) && before + carets <= room.max(2),
                "{room}"
            );
        }
    }
}
