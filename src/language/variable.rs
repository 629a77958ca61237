//! Replacement of `$NAME` and `$1` in words by script arguments, `-D` definitions or the environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use super::lexer::Word;
use super::variable_name::parse_variable_name;
use crate::base::error::{Error, Result};

/// Variables of a session.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    arguments: Vec<OsString>,
    defined: BTreeMap<String, OsString>,
}

impl Variables {
    /// Defines a variable. It hides an environment variable of the same name.
    pub fn define(&mut self, name: String, value: OsString) {
        self.defined.insert(name, value);
    }

    /// Sets `$1` and the following arguments and returns the previous ones.
    pub fn set_arguments(&mut self, arguments: Vec<OsString>) -> Vec<OsString> {
        std::mem::replace(&mut self.arguments, arguments)
    }

    /// Returns the defined names, without those of the environment.
    pub fn defined_names(&self) -> impl Iterator<Item = &str> {
        self.defined.keys().map(String::as_str)
    }

    /// Replaces the variables in words. A value is never split: each word stays one word.
    ///
    /// # Errors
    /// [`Error::UnsetVariable`] for an unset or empty variable: `$NAS/studio` must not become `/studio`.
    pub fn expand(&self, words: Vec<Word>) -> Result<Vec<Word>> {
        words
            .into_iter()
            .map(|word| self.expand_word(word))
            .collect()
    }

    fn expand_word(&self, word: Word) -> Result<Word> {
        if word.variable_offsets.is_empty() {
            return Ok(word);
        }
        let bytes = word.text.as_bytes();
        let mut text = Vec::with_capacity(bytes.len());
        let mut copied_up_to = 0;
        for &at in &word.variable_offsets {
            let Some((name, length)) = parse_variable_name(&bytes[at + 1..]) else {
                continue;
            };
            let value = self.lookup(name).ok_or_else(|| Error::UnsetVariable {
                variable: name.to_owned(),
                word: word.text.as_os_str().into(),
            })?;
            text.extend_from_slice(&bytes[copied_up_to..at]);
            text.extend_from_slice(value.as_bytes());
            copied_up_to = at + 1 + length;
        }
        text.extend_from_slice(&bytes[copied_up_to..]);
        Ok(Word {
            text: OsString::from_vec(text),
            variable_offsets: Vec::new(),
            span: word.span,
        })
    }

    /// Returns the value of a name, or `None` if it is unset or empty.
    fn lookup(&self, name: &str) -> Option<OsString> {
        let value = match name.parse::<usize>() {
            Ok(number) => self.arguments.get(number.checked_sub(1)?).cloned(),
            Err(_) => self
                .defined
                .get(name)
                .cloned()
                .or_else(|| std::env::var_os(name)),
        };
        value.filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::language::lexer::{lex, quote};

    fn expanded(line: &str) -> Result<Vec<String>> {
        let mut variables = Variables::default();
        variables.define("P".to_owned(), "acme/long film".into());
        variables.define("NAS".to_owned(), "/mnt/$P".into());
        variables.define("EMPTY".to_owned(), OsString::new());
        variables.set_arguments(vec!["one".into(), "two words".into()]);
        let words = variables.expand(lex(line)?)?;
        let text = |word: Word| word.text.into_string().unwrap();
        Ok(words.into_iter().map(text).collect())
    }

    #[test]
    fn variables_stay_one_word() {
        for (line, words) in [
            ("copy $P x", vec!["copy", "acme/long film", "x"]),
            ("$NAS/a ${NAS}2", vec!["/mnt/$P/a", "/mnt/$P2"]),
            (
                "$1 $2 ${2}0 $10",
                vec!["one", "two words", "two words0", "one0"],
            ),
            (
                "--project=$P --p=\"$1 x\"",
                vec!["--project=acme/long film", "--p=one x"],
            ),
            (
                r#""$P's" "\$P" "\\$1""#,
                vec!["acme/long film's", "$P", r"\one"],
            ),
            (
                r"'$P' $'$P' \$P \\srv\c$ 5$ $. ${}",
                vec!["$P", "$P", "$P", r"\\srv\c$", "5$", "$.", "${}"],
            ),
        ] {
            assert_eq!(expanded(line).unwrap(), words, "{line}");
        }
    }

    #[test]
    fn unset_or_empty_variable_is_an_error() {
        for (line, name) in [
            ("a $3", "3"),
            ("$NOT_SET_ANYWHERE/x", "NOT_SET_ANYWHERE"),
            ("$EMPTY", "EMPTY"),
            ("$0", "0"),
        ] {
            let error = expanded(line).unwrap_err();
            assert!(
                matches!(&error, Error::UnsetVariable { variable, .. } if variable == name),
                "{line}: {error}"
            );
        }
    }

    proptest! {
        #[test]
        fn quoted_name_contains_no_variable(text in "[-$a{}1\\\\\"' #=]{0,12}") {
            let words = lex(&quote(std::ffi::OsStr::new(&text))).unwrap();
            let words = Variables::default().expand(words).unwrap();
            prop_assert_eq!(words.len(), 1);
            prop_assert_eq!(words[0].text.to_str(), Some(text.as_str()));
        }
    }
}
