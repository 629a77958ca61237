//! What is wrong with a line: where it stands, the line itself, a caret under the word, and a hint.

use std::ops::Range;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::statement::Statement;
use super::unquoted_name;
use crate::base::error::Error;
use crate::base::escape;
use crate::commands::workspace::Workspace;
use crate::language::lexer::{Word, lex};
use crate::os::terminal;
use crate::output::cell::Tone;
use crate::output::message::{Messages, write_line, write_text};

/// Tells of a failure of a statement.
pub(super) fn report(
    statement: &Statement,
    error: &Error,
    workspace: &Workspace,
    messages: Messages,
) {
    // As they were when the command saw them; of a variable that is not set, as typed.
    let typed = lex(&statement.text).unwrap_or_default();
    let words = workspace.variables.expand(typed.clone()).unwrap_or(typed);
    let span = span(&words, error);
    let start = statement.text[..span.start]
        .rfind('\n')
        .map_or(0, |feed| feed + 1);
    let number = statement.number + statement.text[..span.start].matches('\n').count();
    let line = statement.text[start..].lines().next().unwrap_or_default();
    let column = statement.text[start..span.start].chars().count() + 1;
    let word = messages.painted("error", Tone::Bad);
    write_text(&format!(
        "{}:{number}:{column}: {word}: {}",
        statement.origin,
        error.full_message()
    ));
    let within = span.end.min(start + line.len()).max(span.start);
    let parts = [
        start..span.start,
        span.start..within,
        within..start + line.len(),
    ];
    let parts = parts.map(|range| displayable(statement.text.get(range).unwrap_or_default()));
    let room = terminal::stderr_width().map_or(usize::MAX, |width| {
        usize::from(width).saturating_sub(INDENT.len())
    });
    let (shown, before, carets) = excerpt(&parts, room);
    write_line(&format!("{INDENT}{shown}"));
    write_line(&format!(
        "{INDENT}{}{}",
        " ".repeat(before),
        messages.painted(&"^".repeat(carets), Tone::Bad)
    ));
    let is_about_names = matches!(
        error,
        Error::UnknownName { .. }
            | Error::NotAProject { .. }
            | Error::ReplicaNotFound { .. }
            | Error::Syntax { .. }
    );
    let suggestion =
        unquoted_name::suggest_quoted_name(&words, workspace).filter(|_| is_about_names);
    let quoted = suggestion.map(|name| format!("a name with spaces is quoted: {name}"));
    if let Some(hint) = quoted.or_else(|| error.hint()) {
        messages.hint(&hint);
    }
}

/// What stands before a line that is shown.
const INDENT: &str = "    ";

/// Of a line, given as what is before, at and after the word in question, as much as there is room for, how many columns
/// come before the carets, and how many carets there are. The beginning gives way before the word does.
fn excerpt([before, word, after]: &[String; 3], room: usize) -> (String, usize, usize) {
    let carets = word.width().max(1);
    let whole = format!("{before}{word}{after}");
    if whole.width() <= room {
        return (whole, before.width(), carets);
    }
    // Two columns for what stands for what was left out.
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
    let shown = truncate(&format!("{head}{word}{after}"), room);
    let carets = carets.min(room.saturating_sub(head.width()).max(1));
    (shown, head.width(), carets)
}

/// As much of a text as there is room for.
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

/// The bytes of the statement that the error is about: its word, else the whole line.
fn span(words: &[Word], error: &Error) -> Range<usize> {
    if let Error::Syntax { span, .. } = error {
        return span.clone();
    }
    let about = error.offending_word().and_then(|name| {
        let whole = words
            .iter()
            .rev()
            .find(|word| word.text == name.as_os_str());
        // One of several, as in `NAS,CLOUD`.
        let part = || {
            words.iter().rev().find(|word| {
                let text = word.text.to_string_lossy();
                text.split(',')
                    .any(|part| part == name.as_os_str().to_string_lossy())
            })
        };
        // The last one of several, as in `help add databse`.
        let last = || {
            let shown = name.to_string();
            let last = shown.rsplit(' ').next().map(str::to_owned)?;
            words.iter().rev().find(|word| *word.text == *last)
        };
        let is_command = matches!(
            error,
            Error::UnknownName {
                noun: "command",
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

/// A line as it can stand in a terminal: tabs are spaces, control characters are visible.
fn displayable(line: &str) -> String {
    escape::visible(line.replace(['\t', '\n'], " ").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_too_long_for_the_terminal_is_shown_around_its_word() {
        let shown = |room| {
            let parts = ["copy acme/spot footage ", "WROK", " NAS --checksum"];
            excerpt(&parts.map(str::to_owned), room)
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
