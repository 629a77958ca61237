//! Words as they have to be written so that they mean a name.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use super::lexer::parse_variable_name;
use crate::base::escape;

/// The word that means this name: bare where it can be, else quoted; always on one line.
pub fn quote(name: &OsStr) -> String {
    let Some(text) = name.to_str() else {
        return dollar_quote(name);
    };
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%*?[]{}()&!;|~<>^=".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
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

/// `"..."`: a backslash counts only before a quote and a variable, so those before one are doubled.
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

/// `$'...'` with everything unsafe escaped.
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
