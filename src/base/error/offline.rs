//! The kinds of reasons why a storage is offline.

use super::{ConnectionError, Error};

/// The kind of the reason why a root is not the expected database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfflineCause {
    /// The root does not exist, or does not answer.
    Absent,
    /// The root exists and is empty, as the mount point of an absent disk is.
    Empty,
    /// The root exists and cannot be read, or is not a folder.
    Unreadable,
    /// The root holds something else.
    OtherRoot,
    /// The program that reads it is not installed.
    NoProgram,
}

impl OfflineCause {
    /// True if the root may be the right one in spite of the failed check; the hint then offers `load --forget`.
    pub const fn may_be_right_disk(self) -> bool {
        matches!(self, Self::Empty | Self::OtherRoot)
    }
}

impl Error {
    /// True if nothing answers where the storage is expected, as while a drive lies on a shelf. False if something else is
    /// there.
    pub const fn is_absent_storage(&self) -> bool {
        match self {
            Self::Offline { cause, .. } => {
                matches!(cause, OfflineCause::Absent | OfflineCause::Empty)
            }
            Self::StorageUnreachable { cause, .. } => matches!(
                cause,
                ConnectionError::ConnectionRefused
                    | ConnectionError::Timeout(_)
                    | ConnectionError::HostNotFound
                    | ConnectionError::HostUnreachable
            ),
            _ => false,
        }
    }
}
