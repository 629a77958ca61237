//! Words and quotes of a line: the one lexer behind prompt, scripts, `-c`, completion and `save`.
//!
//! Made for names as studios have them. Quotes open only at the start of a word (and after the `=` of an option), so
//! `Bob's` is a plain word; outside quotes a backslash escapes only white space, quotes and `#`, so `C:\x` and
//! `\\srv\share` are plain words too. `$'...'` spells any bytes: `$'two\nlines'`, `$'caf\xe9'`. Where a `$` begins a
//! variable is told, and nothing more: what it stands for is not the lexer's business.

use std::ffi::OsString;
use std::iter::Peekable;
use std::ops::Range;
use std::os::unix::ffi::OsStringExt as _;
use std::str::CharIndices;

pub use super::quote::quote;

use crate::base::error::{Error, Result};

/// One word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What it means, quotes and escapes resolved.
    pub text: OsString,
    /// Where it stands in the line, in bytes, quotes included.
    pub span: Range<usize>,
    /// Where in `text` a `$` begins a variable, in bytes: not in single quotes, and not after a backslash.
    pub variable_offsets: Vec<usize>,
}

/// The name of a variable that these bytes begin with, after its `$`, and how many bytes it takes: `NAME`, `{NAME}`, one
/// digit, or `{12}`.
pub fn parse_variable_name(text: &[u8]) -> Option<(&str, usize)> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let (name, length) = if let Some(braced) = text.strip_prefix(b"{") {
        let end = braced.iter().position(|byte| *byte == b'}')?;
        (&braced[..end], end + 2)
    } else if text.first().is_some_and(u8::is_ascii_digit) {
        (&text[..1], 1)
    } else {
        let end = text.iter().position(|byte| !is_part(byte));
        let end = end.unwrap_or(text.len());
        (&text[..end], end)
    };
    let is_number = name.iter().all(u8::is_ascii_digit);
    let is_name = name.iter().all(is_part) && !name.first()?.is_ascii_digit();
    let name = std::str::from_utf8(name).ok()?;
    (is_number || is_name).then_some((name, length))
}

/// Splits a line into words; a `#` where a word would begin starts a comment that ends with the line.
///
/// # Errors
/// [`Error::Syntax`] for a quote that is not closed, pointing at where it opened, or for a broken escape in `$'...'`.
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

/// Whether a line goes on in the next one: its last word is a backslash, and not one in a comment.
pub fn is_continued(line: &str) -> bool {
    let ends = |end| line.trim_end().len() == end;
    lex(line).is_ok_and(|words| {
        words
            .last()
            .is_some_and(|word| word.text == "\\" && ends(word.span.end))
    })
}

/// The state of reading one line.
struct Lexer<'a> {
    line: &'a str,
    rest: Peekable<CharIndices<'a>>,
    /// Where in the word that is read a variable begins.
    variable_offsets: Vec<usize>,
}

impl Lexer<'_> {
    /// The next word, or none at the end.
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

    /// Reads what a quote that begins with this character holds; whether there is one.
    fn read_opening_quote(&mut self, character: char, text: &mut Vec<u8>) -> Result<bool> {
        match character {
            '"' | '\'' => self.read_quoted(text)?,
            '$' if self.line[self.position()..].starts_with("$'") => {
                self.read_dollar_quoted(text)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A character that means itself, already taken; a `$` may begin a variable.
    fn read_plain(&mut self, character: char, text: &mut Vec<u8>) {
        let position = self.position();
        if character == '$' && parse_variable_name(&self.line.as_bytes()[position..]).is_some() {
            self.variable_offsets.push(text.len());
        }
        push(text, character);
    }

    /// Skips white space, and a comment up to the end of its line.
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

    /// A backslash outside quotes.
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

    /// `'...'`, where everything is literal, or `"..."`, where `\"` is a quote and `\$` a dollar sign.
    fn read_quoted(&mut self, text: &mut Vec<u8>) -> Result<()> {
        let Some((start, quote)) = self.rest.next() else {
            return Ok(());
        };
        let mut backslashes = 0_usize;
        for (at, character) in self.rest.by_ref() {
            if character == quote {
                if quote == '\'' {
                    return Ok(());
                }
                text.truncate(text.len() - backslashes.div_ceil(2));
                if backslashes.is_multiple_of(2) {
                    return Ok(());
                }
            } else if character == '$' && quote == '"' {
                let is_variable = parse_variable_name(&self.line.as_bytes()[at + 1..]).is_some();
                if is_variable {
                    text.truncate(text.len() - backslashes.div_ceil(2));
                    if backslashes.is_multiple_of(2) {
                        self.variable_offsets.push(text.len());
                    }
                }
            }
            backslashes = if character == '\\' {
                backslashes + 1
            } else {
                0
            };
            push(text, character);
        }
        Err(unclosed_quote(start, quote))
    }

    /// `$'...'`, with the escapes that [`quote`] writes.
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

    /// What follows a backslash in `$'...'`.
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

    /// Exactly `digits` hexadecimal digits.
    fn read_hex(&mut self, digits: u32) -> Option<u32> {
        (0..digits).try_fold(0, |number, _| {
            let (_, digit) = self.rest.next_if(|(_, c)| c.is_ascii_hexdigit())?;
            Some(number * 16 + digit.to_digit(16)?)
        })
    }

    /// `{1 to 6 hexadecimal digits}`.
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

    /// The byte at which the next character stands.
    fn position(&mut self) -> usize {
        self.rest.peek().map_or(self.line.len(), |(at, _)| *at)
    }

    fn invalid_escape(&mut self, at: usize) -> Error {
        Error::Syntax {
            message: "this escape is not known inside $'...'".to_owned(),
            span: at..self.position(),
            hint: Some(r"known are \n \r \t \\ \' \xHH and \u{HEX}".to_owned()),
        }
    }
}

fn unclosed_quote(start: usize, quote: char) -> Error {
    Error::Syntax {
        message: format!("the quote {quote} that opens here is never closed"),
        span: start..start + 1,
        hint: Some(format!(
            "close it with {quote}; inside a word, as in Bob's, a quote needs nothing"
        )),
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
    fn awkward_names_are_plain_words() {
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
    fn an_open_quote_is_reported_where_it_opened() {
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
    fn a_broken_escape_is_reported() {
        for line in [r"$'\q'", r"$'\x4'", r"$'\u{110000}'", r"$'\u{}'", r"$'\"] {
            assert!(matches!(lex(line), Err(Error::Syntax { .. })), "{line}");
        }
    }

    proptest! {
        #[test]
        fn quoting_any_name_and_lexing_it_gives_the_name_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let name = OsString::from_vec(bytes);
            let line = format!("copy {} x", quote(&name));
            let words = lex(&line).unwrap();
            prop_assert_eq!(words.len(), 3);
            prop_assert_eq!(&words[1].text, &name);
            prop_assert!(!line.contains('\n'));
        }

        #[test]
        fn quoting_any_text_and_lexing_it_gives_the_text_back(text in "[ -~é\\\\\"'#$=\n\t\u{202e}]{0,12}") {
            let words = lex(&quote(OsStr::new(&text))).unwrap();
            prop_assert_eq!(words.len(), 1);
            prop_assert_eq!(words[0].text.to_str(), Some(text.as_str()));
        }

        #[test]
        fn any_line_is_taken_or_refused_without_a_panic(line in "\\PC{0,60}") {
            if let Ok(words) = lex(&line) {
                for word in words {
                    prop_assert!(line.get(word.span).is_some());
                }
            }
        }
    }
}
