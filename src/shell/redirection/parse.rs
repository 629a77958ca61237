//! The words of a redirection: operators, programs and a file.

use std::ffi::OsString;
use std::iter;
use std::ops::Range;

use super::file::FileTarget;
use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::language::lexer::Word;
use crate::output::program::ProgramWords;

/// The place of an answer other than standard output.
#[derive(Debug)]
pub(in crate::shell) struct Redirection {
    pub(super) programs: Vec<ProgramWords>,
    pub(super) file: Option<FileTarget>,
    /// Byte range of the redirection in its line.
    pub(in crate::shell) span: Range<usize>,
}

/// A word that begins a part of a redirection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Pipe,
    Write,
    Append,
}

impl Operator {
    /// Splits the operator off a word as it is written in the line.
    fn split(written: &str) -> Option<(Self, &str)> {
        let operators = [(">>", Self::Append), (">", Self::Write), ("|", Self::Pipe)];
        operators
            .into_iter()
            .find_map(|(text, operator)| Some((operator, written.strip_prefix(text)?)))
    }
}

/// Splits the words of a line into those of the command and a redirection.
///
/// # Errors
/// [`Error::Syntax`] for an incomplete redirection, or for words after the file.
pub(in crate::shell) fn split(
    line: &str,
    mut words: Vec<Word>,
) -> Result<(Vec<Word>, Option<Redirection>)> {
    let written = |word: &Word| line.get(word.span.clone()).unwrap_or_default();
    let Some(start) = words
        .iter()
        .position(|word| Operator::split(written(word)).is_some())
    else {
        return Ok((words, None));
    };
    let rest = words.split_off(start);
    let span = match (rest.first(), rest.last()) {
        (Some(first), Some(last)) => first.span.start..last.span.end,
        _ => 0..0,
    };
    if words.is_empty() {
        let message = "a command must stand before `|` and `>`";
        return Err(syntax(message, span, "as in `list projects > list.csv`"));
    }
    let mut redirection = Redirection {
        programs: Vec::new(),
        file: None,
        span,
    };
    let mut parts = rest.into_iter().peekable();
    while let Some(word) = parts.next() {
        let (operator, attached) = operator_of(written(&word), &word, &redirection)?;
        let attached = (!attached.is_empty()).then(|| attached.into());
        let is_plain = |word: &Word| Operator::split(written(word)).is_none();
        let mut operands = iter::from_fn(|| parts.next_if(is_plain)).map(|word| word.text);
        if operator == Operator::Pipe {
            let program = attached.into_iter().chain(operands).collect();
            redirection.programs.push(program_of(program, word.span)?);
        } else {
            let path = attached.or_else(|| operands.next());
            let appends = operator == Operator::Append;
            redirection.file = Some(file_of(path, appends, word.span)?);
        }
    }
    Ok((words, Some(redirection)))
}

/// Returns the operator of a word, and the text attached to it.
fn operator_of<'w>(
    written: &'w str,
    word: &Word,
    before: &Redirection,
) -> Result<(Operator, &'w str)> {
    let refused = |message: &str, hint| Err(syntax(message, word.span.clone(), hint));
    let Some((operator, attached)) = Operator::split(written) else {
        let name = Name::from(&*word.text);
        let message = format!("unexpected word after the file: `{name}`");
        return refused(&message, "quote a file name with spaces");
    };
    if before.file.is_some() {
        let message = "nothing can follow the file of an answer";
        return refused(message, "write `| PROGRAM` before `> FILE`");
    }
    if attached.starts_with(['|', '>', '&', '\'', '"', '$']) {
        let hint = "known: `| PROGRAM`, `> FILE` and `>> FILE`, each with a space";
        return refused("this redirection is not known", hint);
    }
    Ok((operator, attached))
}

fn program_of(words: ProgramWords, span: Range<usize>) -> Result<ProgramWords> {
    if words.first().is_some_and(|name| !name.is_empty()) {
        return Ok(words);
    }
    let hint = "as in `fetch all | less`";
    Err(syntax("`|` needs a program", span, hint))
}

fn file_of(path: Option<OsString>, appends: bool, span: Range<usize>) -> Result<FileTarget> {
    let Some(path) = path.filter(|path| !path.is_empty()) else {
        let hint = "as in `list projects > list.csv`";
        return Err(syntax("`>` needs a file", span, hint));
    };
    Ok(FileTarget { path, appends })
}

pub(super) fn syntax(message: &str, span: Range<usize>, hint: &str) -> Error {
    Error::Syntax {
        message: message.to_owned(),
        span,
        hint: Some(hint.to_owned()),
        suggestions: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;
    use crate::language::lexer::lex;

    /// The command, the programs, and the file with true if the answer is added to it.
    type Parts = (String, Vec<String>, Option<(String, bool)>);

    fn parts(line: &str) -> Result<Parts> {
        let join = |words: &[OsString]| words.join(OsStr::new("·")).into_string().unwrap();
        let (words, redirection) = split(line, lex(line).unwrap())?;
        let words: Vec<_> = words.into_iter().map(|word| word.text).collect();
        let programs = redirection.iter().flat_map(|to| &to.programs);
        let programs = programs.map(|words| join(words)).collect();
        let file = redirection.and_then(|to| to.file);
        let file = file.map(|file| (file.path.into_string().unwrap(), file.appends));
        Ok((join(&words), programs, file))
    }

    #[test]
    fn redirections_are_split_off() {
        let file = |path: &str, appends| Some((path.to_owned(), appends));
        for (line, command, programs, target) in [
            ("fetch all", "fetch·all", &[][..], None),
            ("fetch all | less -R", "fetch·all", &["less·-R"], None),
            (
                "list projects > a.csv",
                "list·projects",
                &[],
                file("a.csv", false),
            ),
            ("list projects >>'a b'", "", &[], None),
            (
                "list projects >> 'a b'",
                "list·projects",
                &[],
                file("a b", true),
            ),
            ("list projects >a", "list·projects", &[], file("a", false)),
            (
                "find x |sort | head -3 > t",
                "find·x",
                &["sort", "head·-3"],
                file("t", false),
            ),
            ("find '|' \">\"", "find·|·>", &[], None),
            ("find a|b a>b", "find·a|b·a>b", &[], None),
            ("echo x | grep '|'", "echo·x", &["grep·|"], None),
        ] {
            let found = parts(line);
            if command.is_empty() {
                assert!(found.is_err(), "{line}");
                continue;
            }
            let programs = programs.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(
                found.unwrap(),
                (command.to_owned(), programs, target),
                "{line}"
            );
        }
    }

    #[test]
    fn incomplete_redirections_are_refused() {
        for line in [
            "| less",
            "> a",
            "fetch all |",
            "fetch all >",
            "fetch all > a b",
            "fetch all > a | less",
            "fetch all | | less",
            "fetch all || less",
            "fetch all >&2",
            "fetch all > a > b",
            "fetch all > ''",
        ] {
            assert!(matches!(parts(line), Err(Error::Syntax { .. })), "{line}");
        }
    }
}
