//! The ways in which a history can be damaged.

use std::fmt;

/// A fault of a history. A history with one is never continued, because nothing in it can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HistoryDamage {
    pub kind: HistoryDamageKind,
    /// The name of the file concerned.
    pub file: String,
}

/// The kind of a fault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HistoryDamageKind {
    /// There are hash lists, but no chain file.
    NoChain,
    /// The chain file cannot be read, or is malformed.
    UnreadableChain(String),
    /// Two generations have one number.
    DuplicateNumber(u64),
    /// The chain lists no generation of this number, but later ones.
    MissingNumber(u64),
    /// The name of a hash list states another generation than the chain.
    WrongNumber(u64),
    /// The chain lists a hash list that does not exist.
    MissingHashList,
    /// The C4 of a hash list is not the one that the chain states.
    EditedHashList,
    /// A hash list cannot be read, or is malformed.
    UnreadableHashList(String),
    /// A hash list is in no chain.
    UnlistedHashList,
    /// A nested history has another hash list than the one that is referred to.
    WrongReference,
}

#[cfg(test)]
impl HistoryDamageKind {
    /// The word for tests.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NoChain => "no_chain",
            Self::UnreadableChain(_) => "unreadable_chain",
            Self::DuplicateNumber(_) => "duplicate_generation",
            Self::MissingNumber(_) => "missing_generation",
            Self::WrongNumber(_) => "wrong_generation",
            Self::MissingHashList => "missing_hash_list",
            Self::EditedHashList => "edited_hash_list",
            Self::UnreadableHashList(_) => "unreadable_hash_list",
            Self::UnlistedHashList => "unlisted_hash_list",
            Self::WrongReference => "wrong_reference",
        }
    }
}

impl fmt::Display for HistoryDamageKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChain => formatter.write_str("there are hash lists, but no chain file"),
            Self::UnreadableChain(why) => write!(formatter, "the chain file cannot be used: {why}"),
            Self::DuplicateNumber(number) => {
                write!(formatter, "the chain file lists generation {number} twice")
            }
            Self::MissingNumber(number) => {
                write!(
                    formatter,
                    "the chain file lists no generation {number}, but later ones"
                )
            }
            Self::WrongNumber(number) => {
                write!(formatter, "the chain file lists it as generation {number}")
            }
            Self::MissingHashList => formatter.write_str("the hash list is missing"),
            Self::EditedHashList => formatter
                .write_str("the hash list was changed: its C4 is not that of the chain file"),
            Self::UnreadableHashList(why) => {
                write!(formatter, "the hash list cannot be used: {why}")
            }
            Self::UnlistedHashList => formatter.write_str("the chain file does not list it"),
            Self::WrongReference => formatter.write_str(
                "a history above refers to this hash list with another C4, so it was changed",
            ),
        }
    }
}
