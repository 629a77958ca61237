//! Logical lines: one physical line, or several that end in ` \`.

use crate::language::lexer::{is_continued, lex};

/// Origin of lines typed at the prompt.
pub(super) const PROMPT_ORIGIN: &str = "prompt";

/// Origin of a command whose words are the arguments of the program.
pub(super) const WORDS_ORIGIN: &str = "arguments";

/// Logical line of a script or the prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// Path of the file, `prompt`, `arguments`, `-c`, `-c 2` or `stdin`.
    pub(super) origin: String,
    /// Number of its first physical line, counted from 1.
    pub(super) number: usize,
    /// Physical lines joined by line feeds, with continuation backslashes blanked out.
    pub(super) text: String,
}

impl Statement {
    /// True for a blank line or a comment.
    pub(super) fn is_blank(&self) -> bool {
        lex(&self.text).is_ok_and(|words| words.is_empty())
    }

    /// True if messages name the location: not for a line that was just typed, where the caret shows it.
    pub(super) fn has_location(&self) -> bool {
        self.origin != PROMPT_ORIGIN && self.origin != WORDS_ORIGIN
    }

    /// Returns the location, as `nightly.ab:4`.
    pub(super) fn location(&self) -> String {
        format!("{}:{}", self.origin, self.number)
    }
}

/// Splits text into logical lines. `first` is the number of its first physical line.
pub(super) fn statements(origin: &str, first: usize, text: &str) -> Vec<Statement> {
    let mut statements: Vec<Statement> = Vec::new();
    let mut continues = false;
    for (place, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let goes_on = is_continued(line);
        let text = if goes_on {
            format!("{} ", &line[..line.trim_end().len() - 1])
        } else {
            line.to_owned()
        };
        match statements.last_mut() {
            Some(last) if continues => {
                last.text.push('\n');
                last.text.push_str(&text);
            }
            _ => statements.push(Statement {
                origin: origin.to_owned(),
                number: first + place,
                text,
            }),
        }
        continues = goes_on;
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(usize, String)> {
        statements("t", 1, text)
            .into_iter()
            .map(|statement| (statement.number, statement.text))
            .collect()
    }

    #[test]
    fn backslash_continues_line() {
        assert_eq!(
            lines("load\r\nfetch all"),
            [(1, "load".into()), (2, "fetch all".into())]
        );
        assert_eq!(
            lines("copy a/b \\\n  all W N\n# note \\\nload"),
            [
                (1, "copy a/b  \n  all W N".into()),
                (3, "# note \\".into()),
                (4, "load".into())
            ]
        );
        assert_eq!(lines("a\\\nb"), [(1, "a\\".into()), (2, "b".into())]);
    }
}
