//! Logical lines: one physical line, or several where they end in ` \`.

use crate::language::lexer::{is_continued, lex};

/// One logical line of a source of commands: several physical lines where they end in ` \`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// The file's path, `prompt`, `-c`, `-c 2` or `stdin`.
    pub(super) origin: String,
    /// The number of its first physical line, from 1.
    pub(super) number: usize,
    /// The physical lines, joined by line feeds, continuation backslashes blanked out.
    pub(super) text: String,
}

impl Statement {
    /// Whether it says nothing: a blank line or a comment.
    pub(super) fn is_blank(&self) -> bool {
        lex(&self.text).is_ok_and(|words| words.is_empty())
    }

    /// Where it stands: `nightly.ab:4`.
    pub(super) fn location(&self) -> String {
        format!("{}:{}", self.origin, self.number)
    }
}

/// The logical lines of a text whose first physical line has this number.
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
    fn lines_end_in_every_way_and_go_on_after_a_backslash() {
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
