//! Confirmation before a command changes or deletes something.

use super::error::{Error, Result};

/// A question to the user, and what it is about.
#[derive(Clone, Debug, Default)]
pub struct Question {
    pub text: String,
    /// The lines to show on request; empty if there is nothing more to show.
    pub list: Vec<String>,
}

/// The source of the answer to a confirmation.
#[derive(Clone, Copy, Debug)]
pub enum Confirmation {
    /// The user at the prompt answers.
    Interactive(fn(&Question) -> bool),
    /// Confirmed in advance by `--yes` or `set confirm off`.
    Granted,
    /// Nothing can answer: a script, `-c`, a pipe.
    NonInteractive,
}

impl Confirmation {
    /// Returns only if the action is confirmed.
    ///
    /// # Errors
    /// [`Error::Declined`] if the user answers no; [`Error::ConfirmationRequired`] if the session is not interactive.
    pub fn require(self, question: &Question) -> Result<()> {
        match self {
            Self::Interactive(ask) if !ask(question) => Err(Error::Declined),
            Self::NonInteractive => Err(Error::ConfirmationRequired {
                question: question.text.clone(),
            }),
            Self::Interactive(_) | Self::Granted => Ok(()),
        }
    }

    /// Returns [`Self::Granted`] if the line itself has `--yes`.
    pub const fn or_granted(self, yes: bool) -> Self {
        if yes { Self::Granted } else { self }
    }

    /// Returns only if the action is confirmed, of which nothing more can be shown. Fails like [`Self::require`].
    pub fn require_plain(self, text: String) -> Result<()> {
        let list = Vec::new();
        self.require(&Question { text, list })
    }

    pub const fn is_interactive(self) -> bool {
        matches!(self, Self::Interactive(_))
    }
}
