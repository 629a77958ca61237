//! Reasons why a published index is refused.

use std::fmt;

/// The reason why a published index is refused, as the end of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicationProblem {
    /// Another program wrote the file, or it holds more than a published index does.
    Foreign(String),
    /// A newer program wrote it.
    #[expect(missing_docs, reason = "the message shows both versions")]
    TooNew { found: i64, known: i64 },
    /// It is of a database with another identity.
    OtherStorage,
    /// It is damaged, in this respect.
    Damaged(String),
    /// It is larger than this program reads or writes.
    #[expect(missing_docs, reason = "the message shows both sizes")]
    TooLarge { size: String, limit: String },
    /// It changed while it was read, or could not be read in time.
    Unread(String),
}

impl fmt::Display for PublicationProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(why) => write!(formatter, "was not written by auto-backup: {why}"),
            Self::TooNew { found, known } => write!(
                formatter,
                "has version {found}, but this program reads versions up to {known}"
            ),
            Self::OtherStorage => formatter.write_str("is of another storage"),
            Self::Damaged(why) => write!(formatter, "is damaged: {why}"),
            Self::TooLarge { size, limit } => {
                write!(formatter, "has {size}, more than the limit of {limit}")
            }
            Self::Unread(why) => write!(formatter, "was not read: {why}"),
        }
    }
}
