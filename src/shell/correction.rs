//! The line that was probably meant, where only one is likely: Up brings it after a failure at the prompt.

use std::ops::Range;

use super::redirection;
use super::unquoted_name::UnquotedName;
use crate::base::error::Error;
use crate::commands::synonym;
use crate::commands::synonym::Equivalent;
use crate::language::lexer::{Word, lex, quote};

/// Returns the corrected line of a failed one. `span` is the part that the error is about, `unquoted` a name that was typed as
/// several words.
pub(super) fn corrected_line(
    text: &str,
    error: &Error,
    span: &Range<usize>,
    unquoted: Option<&UnquotedName>,
) -> Option<String> {
    if let Some(name) = unquoted {
        return replace(text, &name.span, &name.quoted);
    }
    if let Some(line) = equivalent_line(text, error, span) {
        return Some(line);
    }
    let [meant] = error.suggestions() else {
        return None;
    };
    let is_word = lex(meant).is_ok_and(|words| words.len() == 1);
    let meant = if is_word {
        meant.clone()
    } else {
        quote(meant.as_ref())
    };
    replace(text, &part_to_replace(text, error, span)?, &meant)
}

/// Returns the line of this program for a command of another one, with the redirection that was typed.
fn equivalent_line(text: &str, error: &Error, span: &Range<usize>) -> Option<String> {
    let Error::Syntax { .. } = error else {
        return None;
    };
    let (words, redirection) = redirection::split(text, lex(text).ok()?).ok()?;
    let first = words.first().filter(|first| first.span == *span)?;
    let equivalent = synonym::equivalent(first.text.to_str()?, arguments(text, &words))?;
    let Equivalent::Line(line) = equivalent else {
        return None;
    };
    let rest = redirection.and_then(|to| text.get(to.span));
    Some(
        format!("{line} {}", rest.unwrap_or_default())
            .trim_end()
            .to_owned(),
    )
}

/// Returns the words after the first as they were typed.
pub(super) fn arguments<'t>(text: &'t str, words: &[Word]) -> &'t str {
    let span = match words {
        [_, next, .., last] => next.span.start..last.span.end,
        [_, only] => only.span.clone(),
        _ => 0..0,
    };
    text.get(span).unwrap_or_default()
}

/// Returns the part of the line that the suggestion replaces: the word, an option without its value, or one name of a list.
fn part_to_replace(text: &str, error: &Error, span: &Range<usize>) -> Option<Range<usize>> {
    let written = text.get(span.clone())?;
    let part = |start: usize, length: usize| Some(span.start + start..span.start + start + length);
    let Some(name) = error.offending_word() else {
        let end = written.find('=').filter(|_| written.starts_with("--"));
        return part(0, end.unwrap_or(written.len()));
    };
    let name = name.to_string();
    let words = lex(written).ok()?;
    if matches!(words.as_slice(), [word] if *word.text == *name) {
        return part(0, written.len());
    }
    // Names of a list are rarely quoted.
    let mut start = 0;
    for item in written.split(',') {
        if item == name {
            return part(start, item.len());
        }
        start += item.len() + 1;
    }
    None
}

fn replace(text: &str, span: &Range<usize>, meant: &str) -> Option<String> {
    let (before, after) = (text.get(..span.start)?, text.get(span.end..)?);
    let line = format!("{before}{meant}{after}");
    (!line.contains('\n')).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::noun::Noun;

    fn unknown(name: &str, suggestions: &[&str]) -> Error {
        Error::UnknownName {
            noun: Noun::Database,
            name: name.into(),
            suggestions: suggestions.iter().map(|name| (*name).to_owned()).collect(),
            known: Vec::new(),
        }
    }

    fn syntax(span: Range<usize>, suggestions: &[&str]) -> Error {
        Error::Syntax {
            message: String::new(),
            span,
            hint: None,
            suggestions: suggestions.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn corrected(text: &str, span: Range<usize>, error: &Error) -> String {
        corrected_line(text, error, &span, None).unwrap_or_default()
    }

    #[test]
    fn only_suggestion_replaces_the_word() {
        let error = unknown("NSA", &["NAS"]);
        assert_eq!(
            corrected("load NSA --quiet", 5..8, &error),
            "load NAS --quiet"
        );
        assert_eq!(
            corrected(
                "copy a/b WORK NAS,NSA",
                14..21,
                &unknown("NSA", &["TAPE 2"])
            ),
            "copy a/b WORK NAS,'TAPE 2'"
        );
        let two = unknown("NSA", &["NAS", "NAS2"]);
        assert_eq!(corrected("load NSA", 5..8, &two), "");
        // The variable holds another word than the one that was typed.
        assert_eq!(corrected("load $X", 5..7, &error), "");
    }

    #[test]
    fn option_keeps_its_value() {
        let error = syntax(14..26, &["--sort"]);
        assert_eq!(
            corrected("list projects --srot=size", 14..25, &error),
            "list projects --sort=size"
        );
    }

    #[test]
    fn foreign_command_keeps_its_words() {
        for (line, meant) in [
            ("ls", "list projects"),
            ("ls $CLIENT | less -S", "fetch $CLIENT | less -S"),
            (
                "diff 'a b/c' WORK NAS > d.csv",
                "compare 'a b/c' WORK NAS > d.csv",
            ),
            ("rm acme", ""),
        ] {
            let end = line.find(' ').unwrap_or(line.len());
            assert_eq!(
                corrected(line, 0..end, &syntax(0..end, &[])),
                meant,
                "{line}"
            );
        }
    }
}
