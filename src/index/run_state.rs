//! States of runs and outcomes of their items: enums in the program, text in the index.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use serde::{Serialize, Serializer};

/// Implements the conversions between an enum and the words of its variants.
macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// The word for people, JSON and the index.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// Returns the variant of a word.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Self::parse(value.as_str()?).ok_or(FromSqlError::InvalidType)
            }
        }
    };
}

/// State of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// The run has not ended.
    Running,
    /// Everything was done and recorded.
    Complete,
    /// Some items failed, are in conflict or were not recorded.
    Partial,
    /// The run was canceled, or its process died.
    Interrupted,
    /// A database was offline, or a remote could not be reached.
    Unreachable,
    /// The run ended before it changed anything.
    Refused,
    /// A dry run. It is never recorded.
    Planned,
}

words!(RunState {
    Running = "running",
    Complete = "complete",
    Partial = "partial",
    Interrupted = "interrupted",
    Unreachable = "unreachable",
    Refused = "refused",
    Planned = "planned",
});

impl RunState {
    /// Returns the state of a run of which something could not be recorded.
    #[must_use]
    pub const fn downgraded(self) -> Self {
        match self {
            Self::Complete => Self::Partial,
            state => state,
        }
    }
}

/// Outcome of one item of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OutcomeKind {
    /// A dry run would copy the item.
    Planned,
    /// The item is complete at the destination.
    Copied,
    /// The destination has another version, which was kept.
    Conflict,
    /// The item was left out.
    Skipped,
    /// The item is missing or incomplete at the destination.
    Failed,
    /// The destination can never hold the item under its name.
    Refused,
    /// The run ended before it reached the item.
    Unreached,
    /// The item was renamed at the destination.
    Moved,
    /// The item was moved to the old versions.
    Deleted,
    /// The item is missing at the source and still exists at the destination.
    Gone,
    /// The item's content is not the known one, while its size and time are.
    Damaged,
    /// The item has another size or time than at the last scan.
    Edited,
    /// The item is not there.
    Missing,
    /// The item could not be read.
    Unreadable,
    /// The item is there, and in no ASC MHL history.
    New,
    /// ASC MHL cannot hold the name or the kind of the item.
    Unrepresentable,
    /// The item was replaced by an intact copy.
    Healed,
    /// An old version of the item was put back.
    Restored,
    /// The item was removed for good.
    Removed,
}

words!(OutcomeKind {
    Planned = "planned",
    Copied = "copied",
    Conflict = "conflict",
    Skipped = "skipped",
    Failed = "failed",
    Refused = "refused",
    Unreached = "unreached",
    Moved = "moved",
    Deleted = "deleted",
    Gone = "gone",
    Damaged = "damaged",
    Edited = "edited",
    Missing = "missing",
    Unreadable = "unreadable",
    New = "new",
    Unrepresentable = "unrepresentable",
    Healed = "healed",
    Restored = "restored",
    Removed = "removed",
});
