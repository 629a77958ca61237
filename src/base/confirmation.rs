//! Who answers where a command asks before it does something.

use super::error::{Error, Result};

/// Who answers.
#[derive(Clone, Copy, Debug)]
pub enum Consent {
    /// A person at the prompt.
    Person(fn(&str) -> bool),
    /// Somebody who said yes to everything beforehand: `--yes`, `set confirm off`.
    Given,
    /// There is nobody: a script, `-c`, a pipe.
    Nobody,
}

impl Consent {
    /// Goes on only with consent.
    ///
    /// # Errors
    /// [`Error::Declined`] if the person says no, [`Error::Unanswered`] where there is nobody to say yes.
    pub fn to(self, question: &str) -> Result<()> {
        match self {
            Self::Person(ask) if !ask(question) => Err(Error::Declined),
            Self::Nobody => Err(Error::Unanswered {
                question: question.to_owned(),
            }),
            Self::Person(_) | Self::Given => Ok(()),
        }
    }

    /// The same, with `--yes` on the line itself.
    pub const fn or_given(self, yes: bool) -> Self {
        if yes { Self::Given } else { self }
    }

    /// Whether a person is there to be asked.
    pub const fn asks(self) -> bool {
        matches!(self, Self::Person(_))
    }
}
