//! The one lexer behind the prompt, scripts, `-c`, completion and `save`.
//!
//! Its rules suit names as studios have them. A quote opens only at the start of a word (and after the `=` of an option), so
//! `Bob's` is a plain word. Outside quotes a backslash escapes only white space, quotes, `#` and a `$` that begins a variable,
//! so `C:\x` and `\\srv\share` are plain words too. `$'...'` spells any bytes: `$'two\nlines'`, `$'caf\xe9'`. The lexer marks
//! variables; `language::variable` replaces them.

use std::ffi::OsString;
use std::iter::Peekable;
use std::ops::Range;
use std::os::unix::ffi::OsStringExt as _;
use std::str::CharIndices;

pub use super::quote::quote;

use super::variable_name::parse_variable_name;
use crate::base::error::{Error, Result};

/// Word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Text with quotes and escapes resolved.
    pub text: OsString,
    /// Byte range in the line, quotes included.
    pub span: Range<usize>,
    /// Byte offsets in `text` of each `$` that begins a variable: not in single quotes and not after a backslash.
    pub variable_offsets: Vec<usize>,
}

/// Splits a line into words. A `#` at the start of a word begins a comment up to the end of the line.
///
/// # Errors
/// [`Error::Syntax`] for an unclosed quote, with the position of the quote, or for an unknown escape in `$'...'`.
pub fn lex(line: &str) -> Result<Vec<Word>> {
    let mut lexer = Lexer {
        line,
        rest: line.char_indices().peekable(),
        variable_offsets: Vec::new(),
    };
    let mut words = Vec::new();
    while let Some(word) = lexer.next_word()? {
        words.push(word);
    }
    Ok(words)
}

/// True if the last word of a line is a backslash outside a comment: the next line continues it.
pub fn is_continued(line: &str) -> bool {
    let ends = |end| line.trim_end().len() == end;
    lex(line).is_ok_and(|words| {
        words
            .last()
            .is_some_and(|word| word.text == "\\" && ends(word.span.end))
    })
}

/// Lexer of one line.
struct Lexer<'a> {
    line: &'a str,
    rest: Peekable<CharIndices<'a>>,
    /// Variable offsets of the current word.
    variable_offsets: Vec<usize>,
}

impl Lexer<'_> {
    fn next_word(&mut self) -> Result<Option<Word>> {
        self.skip_blank();
        let Some(&(start, first)) = self.rest.peek() else {
            return Ok(None);
        };
        let mut text = Vec::new();
        let is_option = self.line[start..].starts_with("--");
        self.read_opening_quote(first, &mut text)?;
        let mut after_equals = false;
        while let Some(&(_, character)) = self.rest.peek() {
            if after_equals && self.read_opening_quote(character, &mut text)? {
                after_equals = false;
                continue;
            }
            match character {
                c if c.is_ascii_whitespace() => break,
                '\\' => self.read_backslash(&mut text),
                c => {
                    self.rest.next();
                    self.read_plain(c, &mut text);
                }
            }
            after_equals = is_option && !after_equals && character == '=';
        }
        Ok(Some(Word {
            text: OsString::from_vec(text),
            span: start..self.position(),
            variable_offsets: std::mem::take(&mut self.variable_offsets),
        }))
    }

    /// Reads a quoted part that begins with this character and returns true, or returns false if the character opens no quote.
    fn read_opening_quote(&mut self, character: char, text: &mut Vec<u8>) -> Result<bool> {
        match character {
            '"' => self.read_double_quoted(text)?,
            '\'' => self.read_single_quoted(text)?,
            '$' if self.line[self.position()..].starts_with("$'") => {
                self.read_dollar_quoted(text)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Adds a literal character that was already read. A `$` may begin a variable.
    fn read_plain(&mut self, character: char, text: &mut Vec<u8>) {
        let position = self.position();
        if character == '$' && parse_variable_name(&self.line.as_bytes()[position..]).is_some() {
            self.variable_offsets.push(text.len());
        }
        push(text, character);
    }

    /// Skips white space and comments.
    fn skip_blank(&mut self) {
        while let Some(&(_, character)) = self.rest.peek() {
            if character == '#' {
                while self.rest.next_if(|(_, c)| *c != '\n').is_some() {}
            } else if self
                .rest
                .next_if(|(_, c)| c.is_ascii_whitespace())
                .is_none()
            {
                return;
            }
        }
    }

    /// Reads a backslash outside quotes.
    fn read_backslash(&mut self, text: &mut Vec<u8>) {
        self.rest.next();
        let line = self.line.as_bytes();
        let escapable = |at: usize, c: char| match c {
            '$' => parse_variable_name(&line[at + 1..]).is_some(),
            c => c.is_ascii_whitespace() || matches!(c, '"' | '\'' | '#'),
        };
        match self.rest.next_if(|(at, c)| escapable(*at, *c)) {
            Some((_, character)) => push(text, character),
            None => text.push(b'\\'),
        }
    }

    /// Reads `'...'`, where every character is literal.
    fn read_single_quoted(&mut self, text: &mut Vec<u8>) -> Result<()> {
        let start = self.position();
        self.rest.next();
        for (_, character) in self.rest.by_ref() {
            if character == '\'' {
                return Ok(());
            }
            push(text, character);
        }
        Err(unclosed_quote(start, '\''))
    }

    /// Reads `"..."`, where `\"` is a quote and `\$` a dollar sign.
    ///
    /// Backslashes count only before a quote or a variable; there, each pair is one backslash.
    fn read_double_quoted(&mut self, text: &mut Vec<u8>) -> Result<()> {
        let start = self.position();
        self.rest.next();
        let mut backslashes = 0_usize;
        for (at, character) in self.rest.by_ref() {
            let variable = || parse_variable_name(&self.line.as_bytes()[at + 1..]);
            let is_quote = character == '"';
            if is_quote || (character == '$' && variable().is_some()) {
                text.truncate(text.len() - backslashes.div_ceil(2));
                match (is_quote, backslashes.is_multiple_of(2)) {
                    (true, true) => return Ok(()),
                    (false, true) => self.variable_offsets.push(text.len()),
                    _ => {}
                }
            }
            let is_backslash = character == '\\';
            backslashes = if is_backslash { backslashes + 1 } else { 0 };
            push(text, character);
        }
        Err(unclosed_quote(start, '"'))
    }

    /// Reads `$'...'` with the escapes that [`quote`] writes.
    fn read_dollar_quoted(&mut self, text: &mut Vec<u8>) -> Result<()> {
        let start = self.position();
        self.rest.next();
        self.rest.next();
        while let Some((at, character)) = self.rest.next() {
            match character {
                '\'' => return Ok(()),
                '\\' => self.read_escape(at, text)?,
                c => push(text, c),
            }
        }
        Err(unclosed_quote(start, '\''))
    }

    /// Reads the rest of an escape after its backslash.
    fn read_escape(&mut self, at: usize, text: &mut Vec<u8>) -> Result<()> {
        match self.rest.next().map(|(_, c)| c) {
            Some('n') => text.push(b'\n'),
            Some('r') => text.push(b'\r'),
            Some('t') => text.push(b'\t'),
            Some(c @ ('\\' | '\'' | '"')) => push(text, c),
            Some('x') => match self.read_hex(2) {
                Some(byte) => text.push(u8::try_from(byte).unwrap_or_default()),
                None => return Err(self.invalid_escape(at)),
            },
            Some('u') => match self.read_braced_hex().and_then(char::from_u32) {
                Some(character) => push(text, character),
                None => return Err(self.invalid_escape(at)),
            },
            _ => return Err(self.invalid_escape(at)),
        }
        Ok(())
    }

    /// Reads exactly `digits` hexadecimal digits.
    fn read_hex(&mut self, digits: u32) -> Option<u32> {
        (0..digits).try_fold(0, |number, _| {
            let (_, digit) = self.rest.next_if(|(_, c)| c.is_ascii_hexdigit())?;
            Some(number * 16 + digit.to_digit(16)?)
        })
    }

    /// Reads 1 to 6 hexadecimal digits in braces.
    fn read_braced_hex(&mut self) -> Option<u32> {
        self.rest.next_if(|(_, c)| *c == '{')?;
        let mut number = self.read_hex(1)?;
        for _ in 0..5 {
            match self.read_hex(1) {
                Some(digit) => number = number * 16 + digit,
                None => break,
            }
        }
        self.rest.next_if(|(_, c)| *c == '}').map(|_| number)
    }

    /// Returns the byte offset of the next character.
    fn position(&mut self) -> usize {
        self.rest.peek().map_or(self.line.len(), |(at, _)| *at)
    }

    fn invalid_escape(&mut self, at: usize) -> Error {
        Error::Syntax {
            message: "unknown escape inside $'...'".to_owned(),
            span: at..self.position(),
            hint: Some(r"known escapes: \n \r \t \\ \' \xHH and \u{HEX}".to_owned()),
            suggestions: Vec::new(),
        }
    }
}

fn unclosed_quote(start: usize, quote: char) -> Error {
    Error::Syntax {
        message: format!("unclosed quote {quote}"),
        span: start..start + 1,
        hint: Some(format!(
            "close it with {quote}; a quote inside a word, as in Bob's, needs no escape"
        )),
        suggestions: Vec::new(),
    }
}

fn push(text: &mut Vec<u8>, character: char) {
    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use proptest::prelude::*;

    use super::*;

    fn words(line: &str) -> Vec<String> {
        lex(line)
            .unwrap()
            .into_iter()
            .map(|word| word.text.into_string().unwrap())
            .collect()
    }

    #[test]
    fn awkward_names_need_no_quotes() {
        for name in [
            r"C:\Users\x",
            "Bob's",
            r"\\srv\share",
            "a#b",
            r"trailing\",
            "5\"disk",
            "--x=y'z",
            "$HOME/a",
        ] {
            assert_eq!(words(name), [name]);
        }
    }

    #[test]
    fn quotes_comments_and_escapes_are_resolved() {
        assert_eq!(
            words("copy 'Bob''s film'  \"a \\\"b\\\"\" # note"),
            ["copy", "Bob's", "film'", "a \"b\""]
        );
        assert_eq!(
            words(r#"a\ b \#c "\\srv\new share" "end\\""#),
            ["a b", "#c", r"\\srv\new share", r"end\"]
        );
        assert_eq!(words("--project=\"a b\" '' x"), ["--project=a b", "", "x"]);
        assert_eq!(
            words("# only a comment\nnext line # again"),
            ["next", "line"]
        );
        assert_eq!(
            words(r"$'two\nlines' $'\u{202e}\t\''"),
            ["two\nlines", "\u{202e}\t'"]
        );
    }

    #[test]
    fn unclosed_quote_is_reported_at_its_start() {
        for (line, at) in [
            ("copy \"a b", 5),
            ("copy 'a b", 5),
            ("x $'ab", 2),
            ("--p='a", 4),
        ] {
            let Err(Error::Syntax { span, .. }) = lex(line) else {
                panic!("{line} was taken")
            };
            assert_eq!(span.start, at, "{line}");
        }
    }

    #[test]
    fn unknown_escape_is_reported() {
        for line in [r"$'\q'", r"$'\x4'", r"$'\u{110000}'", r"$'\u{}'", r"$'\"] {
            assert!(matches!(lex(line), Err(Error::Syntax { .. })), "{line}");
        }
    }

    proptest! {
        #[test]
        fn quoted_name_lexes_to_itself(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let name = OsString::from_vec(bytes);
            let line = format!("copy {} x", quote(&name));
            let words = lex(&line).unwrap();
            prop_assert_eq!(words.len(), 3);
            prop_assert_eq!(&words[1].text, &name);
            prop_assert!(!line.contains('\n'));
        }

        #[test]
        fn quoted_text_lexes_to_itself(text in "[ -~é\\\\\"'#$=\n\t\u{202e}]{0,12}") {
            let words = lex(&quote(OsStr::new(&text))).unwrap();
            prop_assert_eq!(words.len(), 1);
            prop_assert_eq!(words[0].text.to_str(), Some(text.as_str()));
        }

        #[test]
        fn any_line_lexes_without_panic(line in "\\PC{0,60}") {
            if let Ok(words) = lex(&line) {
                for word in words {
                    prop_assert!(line.get(word.span).is_some());
                }
            }
        }
    }
}
