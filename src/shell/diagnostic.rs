//! What is wrong with a line: where it stands, the line itself, a caret under the word, and a hint.

use std::ops::Range;

use unicode_width::UnicodeWidthStr as _;

use super::statement::Statement;
use crate::error::Error;
use crate::escape;
use crate::lexer::lex;
use crate::output::cell::Tone;
use crate::output::messages::Messages;
use crate::variables::Variables;

/// Tells of a failure of a statement.
pub(super) fn report(
    statement: &Statement,
    error: &Error,
    variables: &Variables,
    messages: Messages,
) {
    let span = span(statement, error, variables);
    let start = statement.text[..span.start]
        .rfind('\n')
        .map_or(0, |feed| feed + 1);
    let number = statement.number + statement.text[..span.start].matches('\n').count();
    let line = statement.text[start..].lines().next().unwrap_or_default();
    let column = statement.text[start..span.start].chars().count() + 1;
    let word = messages.painted("error", Tone::Bad);
    messages.line(&format!(
        "{}:{number}:{column}: {word}: {}",
        statement.origin,
        error.line()
    ));
    messages.line(&format!("    {}", flat(line)));
    let before = flat(&statement.text[start..span.start]).width();
    let within = span.end.min(start + line.len()).max(span.start);
    let carets = flat(&statement.text[span.start..within]).width().max(1);
    messages.line(&format!(
        "    {}{}",
        " ".repeat(before),
        messages.painted(&"^".repeat(carets), Tone::Bad)
    ));
    if let Some(hint) = error.hint() {
        messages.hint(&hint);
    }
}

/// The bytes of the statement that the error is about: its word, else the whole line.
fn span(statement: &Statement, error: &Error, variables: &Variables) -> Range<usize> {
    if let Error::Syntax { span, .. } = error {
        return span.clone();
    }
    // As they were when the command saw them; of a variable that is not set, as typed.
    let typed = lex(&statement.text).unwrap_or_default();
    let words = variables.expand(typed.clone()).unwrap_or(typed);
    let about = error.word().and_then(|name| {
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
            Error::Unknown {
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
fn flat(line: &str) -> String {
    escape::visible(line.replace(['\t', '\n'], " ").as_bytes())
}
