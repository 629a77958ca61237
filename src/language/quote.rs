//! Quoting of names, so that the lexer reads them back unchanged.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use super::variable_name::parse_variable_name;
use crate::base::escape;

/// Returns the name as one word on one line: bare if possible, else quoted.
pub fn quote(name: &OsStr) -> String {
    let Some(text) = name.to_str() else {
        return dollar_quote(name);
    };
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%*?[]{}()&!;|~<>^=".contains(c);
    // At the start of a word, these would redirect the answer.
    let is_operator = text.starts_with(['|', '>']);
    if !text.is_empty() && !is_operator && text.chars().all(is_plain) {
        return text.to_owned();
    }
    if text.chars().any(escape::is_unsafe) {
        return dollar_quote(name);
    }
    if text.contains('\'') {
        double_quote(text)
    } else {
        format!("'{text}'")
    }
}

/// Writes `"..."`. A backslash counts only before a quote or a variable, so the backslashes there are doubled.
fn double_quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut backslashes = 0;
    for (at, character) in text.char_indices() {
        let is_variable = || parse_variable_name(&text.as_bytes()[at + 1..]).is_some();
        if character == '"' || (character == '$' && is_variable()) {
            quoted.extend(std::iter::repeat_n('\\', backslashes + 1));
        }
        backslashes = if character == '\\' {
            backslashes + 1
        } else {
            0
        };
        quoted.push(character);
    }
    quoted.extend(std::iter::repeat_n('\\', backslashes));
    quoted.push('"');
    quoted
}

/// Writes `$'...'` with unsafe characters escaped.
fn dollar_quote(name: &OsStr) -> String {
    let mut quoted = String::from("$'");
    for part in name
        .as_bytes()
        .split_inclusive(|byte| matches!(byte, b'\\' | b'\''))
    {
        let (text, last) = match part.split_last() {
            Some((last @ (b'\\' | b'\''), text)) => (text, Some(char::from(*last))),
            _ => (part, None),
        };
        quoted.push_str(&escape::visible(text));
        quoted.extend(last.into_iter().flat_map(|last| ['\\', last]));
    }
    quoted.push('\'');
    quoted
}
