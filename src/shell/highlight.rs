//! Colors of a line while it is typed.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use clap::Command;

use super::completion::candidates::Expectation;
use super::completion::studio_names::StudioNames;
use super::position::{Position, Role};
use crate::language::lexer::{Word, lex};

/// Color of a part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Command,
    Option,
    Name,
    Quoted,
    Variable,
    /// Unknown here.
    Unknown,
    Comment,
    Plain,
}

impl Style {
    /// Returns the SGR code (ECMA-48).
    const fn sgr_code(self) -> &'static str {
        match self {
            Self::Command => "32",
            Self::Option => "36",
            Self::Name => "34",
            Self::Quoted => "33",
            Self::Variable => "35",
            Self::Unknown => "4;31",
            Self::Comment => "2",
            Self::Plain => "",
        }
    }
}

/// Returns the colored line. `previous_lines` is the text that it continues; the word at the cursor is not marked as unknown
/// while it can still become a known one.
pub(super) fn highlight(
    grammar: &Command,
    names: &StudioNames,
    previous_lines: &str,
    line: &str,
    cursor: usize,
) -> String {
    let whole = format!("{previous_lines}{line}");
    // An open quote is closed for this purpose.
    let mut closed = ["", "'", "\""].into_iter();
    let words = closed.find_map(|quote| lex(&format!("{whole}{quote}")).ok());
    let mut position = Position::start(grammar);
    let mut texts: Vec<OsString> = Vec::new();
    let mut painted = String::with_capacity(line.len() * 2);
    let mut painted_end = previous_lines.len();
    for word in words.unwrap_or_default() {
        let expected = Expectation::at(&position, &texts, &word.text, names, Duration::ZERO);
        let style = word_style(&mut position, &expected, &word);
        let end = word.span.end.min(whole.len());
        texts.push(word.text.clone());
        if end <= previous_lines.len() {
            continue;
        }
        let start = word.span.start.max(previous_lines.len());
        let is_typing = previous_lines.len() + cursor == end && expected.accepts_prefix(&word.text);
        let style = if style == Style::Unknown && is_typing {
            Style::Plain
        } else {
            style
        };
        paint_gap(&whole[painted_end..start], &mut painted);
        paint(&whole[start..end], style, &mut painted);
        painted_end = end;
    }
    paint_gap(&whole[painted_end..], &mut painted);
    painted
}

/// Returns the style of a word and moves the position past it.
fn word_style(position: &mut Position<'_>, expected: &Expectation, word: &Word) -> Style {
    let role = position.advance(&word.text);
    let is_quoted = word.span.len() > word.text.len();
    match role {
        Role::Command => Style::Command,
        Role::Option(_) => Style::Option,
        Role::OptionsEnd => Style::Plain,
        Role::Unknown => Style::Unknown,
        Role::Value if !word.variable_offsets.is_empty() => Style::Variable,
        Role::Value => match accepts(expected, &word.text) {
            Some(false) => Style::Unknown,
            Some(true) => Style::Name,
            None if is_quoted => Style::Quoted,
            None => Style::Plain,
        },
    }
}

/// Returns whether the word, or each part of a comma-separated list, is expected; `None` if unknown.
fn accepts(expected: &Expectation, word: &OsStr) -> Option<bool> {
    if !expected.is_comma_separated {
        return expected.accepts(word);
    }
    let parts = word.as_bytes().split(|byte| *byte == b',');
    let allowed: Option<Vec<bool>> = parts
        .map(|part| expected.accepts(OsStr::from_bytes(part)))
        .collect();
    allowed.map(|parts| parts.into_iter().all(|is_known| is_known))
}

/// Adds the text between words: blanks and comments.
fn paint_gap(text: &str, painted: &mut String) {
    let (blank, comment) = text.split_at(text.find('#').unwrap_or(text.len()));
    painted.push_str(blank);
    paint(comment, Style::Comment, painted);
}

fn paint(text: &str, style: Style, painted: &mut String) {
    if style == Style::Plain || text.is_empty() {
        painted.push_str(text);
        return;
    }
    painted.push_str("\u{1b}[");
    painted.push_str(style.sgr_code());
    painted.push('m');
    painted.push_str(text);
    painted.push_str("\u{1b}[0m");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::built_grammar;

    /// Returns the line with a letter for the color before each colored part and `|` after it.
    fn colored(before: &str, line: &str, cursor: usize) -> String {
        let painted = highlight(
            &built_grammar(),
            &StudioNames::example(),
            before,
            line,
            cursor,
        );
        [
            ("32", "c:"),
            ("36", "o:"),
            ("34", "n:"),
            ("33", "q:"),
            ("35", "v:"),
            ("4;31", "?:"),
            ("2", "#:"),
            ("0", "|"),
        ]
        .iter()
        .fold(painted, |text, (code, letter)| {
            text.replace(&format!("\u{1b}[{code}m"), letter)
        })
    }

    #[test]
    fn words_are_colored_by_role() {
        for (line, colors) in [
            (
                "copy acme/spot foot WORK NAS,NSA",
                "c:copy| n:acme/spot| ?:foot| n:WORK| ?:NAS,NSA|",
            ),
            (
                "cop acme/nope --overwrite --no",
                "c:cop| ?:acme/nope| o:--overwrite| ?:--no|",
            ),
            ("lod 'x", "?:lod| q:'x|"),
            (
                "find 'a b' in NAS # why",
                "c:find| q:'a b'| n:in| n:NAS| #:# why|",
            ),
            (
                "fetch project \"Bob's/film\"",
                "c:fetch| n:project| n:\"Bob's/film\"|",
            ),
            ("load $1 x", "c:load| v:$1| ?:x|"),
            (
                "fetch acme | my-tool --x 'a b' > out.csv more",
                "c:fetch| n:acme| | my-tool --x q:'a b'| > out.csv ?:more|",
            ),
            ("watch 5 fetch nope", "c:watch| 5 c:fetch| ?:nope|"),
            ("echo \"a 'b", "c:echo| q:\"a 'b|"),
            ("", ""),
            ("  # only", "  #:# only|"),
        ] {
            assert_eq!(colored("", line, 0), colors);
        }
        assert_eq!(
            colored("copy acme/spot ", "footage X", 0),
            "n:footage| ?:X|"
        );
    }

    #[test]
    fn typed_word_is_not_marked_unknown() {
        assert_eq!(colored("", "l", 1), "l");
        assert_eq!(colored("", "lod", 3), "?:lod|");
        assert_eq!(colored("", "load NSA", 8), "c:load| ?:NSA|");
        assert_eq!(colored("", "copy --over", 11), "c:copy| o:--over|");
        assert_eq!(
            colored("", "copy acme/spot footage WORK NAS,W", 33),
            "c:copy| n:acme/spot| n:footage| n:WORK| NAS,W"
        );
        assert_eq!(colored("", "load WO", 7), "c:load| WO");
        assert_eq!(colored("", "load WO NAS", 7), "c:load| WO n:NAS|");
    }
}
