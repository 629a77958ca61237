//! Who answers where a command asks before it does something.

use super::error::{Error, Result};

/// Who answers.
#[derive(Clone, Copy, Debug)]
pub enum Confirmation {
    /// A person at the prompt.
    Interactive(fn(&str) -> bool),
    /// Somebody who said yes to everything beforehand: `--yes`, `set confirm off`.
    Granted,
    /// There is nobody: a script, `-c`, a pipe.
    NonInteractive,
}

impl Confirmation {
    /// Goes on only with consent.
    ///
    /// # Errors
    /// [`Error::Declined`] if the person says no, [`Error::ConfirmationRequired`] where there is nobody to say yes.
    pub fn require(self, question: &str) -> Result<()> {
        match self {
            Self::Interactive(ask) if !ask(question) => Err(Error::Declined),
            Self::NonInteractive => Err(Error::ConfirmationRequired {
                question: question.to_owned(),
            }),
            Self::Interactive(_) | Self::Granted => Ok(()),
        }
    }

    /// The same, with `--yes` on the line itself.
    pub const fn or_granted(self, yes: bool) -> Self {
        if yes { Self::Granted } else { self }
    }

    /// Whether a person is there to be asked.
    pub const fn is_interactive(self) -> bool {
        matches!(self, Self::Interactive(_))
    }
}
