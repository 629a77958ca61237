//! Kinds of errors: the words by which programs tell errors apart.

use super::Error;

impl Error {
    /// Returns the kind for programs, in `snake_case`. It stays the same when the message changes.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Io { .. } => "io",
            Self::UnreadScript { .. } => "unread_script",
            Self::Copy { .. } => "copy",
            Self::UnknownName { .. } => "unknown_name",
            Self::InvalidWord { .. } => "invalid_word",
            Self::InvalidValue { .. } => "invalid_value",
            Self::InvalidLayout { .. } => "invalid_layout",
            Self::NotAProject { .. } => "not_a_project",
            Self::NoLastAnswer { .. } => "no_last_answer",
            Self::Syntax { .. } | Self::MissingWords { .. } => "syntax",
            Self::MisplacedWord { .. } => "misplaced_word",
            Self::NameTaken { .. } => "name_taken",
            Self::Overlap { .. } => "overlap",
            Self::Offline { .. } => "offline",
            Self::StorageUnreachable { .. } => "unreachable",
            Self::Rclone { .. } | Self::RcloneNotFound { .. } | Self::RcloneTooOld { .. } => {
                "rclone"
            }
            Self::ReplicaNotFound { .. } => "replica_not_found",
            Self::SameDatabase { .. } | Self::CompareWithItself { .. } => "same_database",
            Self::UnsetVariable { .. } => "unset_variable",
            Self::NotAScript { .. } => "not_a_script",
            Self::NoHome { .. } => "no_home",
            Self::Index { .. } => "index",
            Self::InvalidAddress { .. } => "invalid_address",
            Self::Catalog { .. } => "catalog",
            Self::NoCatalog => "no_catalog",
            Self::SourceChanged { .. } | Self::ConcurrentChange { .. } => "concurrent_change",
            Self::Untrusted { .. } => "untrusted",
            Self::Publication { .. } | Self::NotPublished { .. } => "published_index",
            Self::VerificationFailed { .. } => "verification_failed",
            Self::Unproven { .. } => "unproven",
            Self::UndoRefused { .. } => "undo_refused",
            Self::HistoryDamaged { .. } => "history_damaged",
            Self::HistoryNotWritten { .. } => "history_not_written",
            Self::HistoryMismatch { .. } => "history_mismatch",
            Self::RemoteHistory { .. } => "remote_history",
            Self::VersionsUnread { .. } => "versions_unread",
            Self::Locked { .. } => "locked",
            Self::LeaseLost { .. } => "lease_lost",
            Self::RunNotFound { .. } => "run_not_found",
            Self::NotEnoughSpace { .. } => "not_enough_space",
            Self::EmptyCard { .. } | Self::UnreadCard { .. } => "empty_card",
            Self::NothingToSend { .. } => "nothing_to_send",
            Self::SameFolder { .. } | Self::SameIdentity { .. } => "same_files",
            Self::TooManyMissing { .. } => "too_many_missing",
            Self::Interrupted => "interrupted",
            Self::Declined => "declined",
            Self::ConfirmationRequired { .. } => "confirmation_required",
            Self::Output { .. } => "output",
            Self::UnexpectedWord { .. } => "unexpected_word",
            Self::Program { .. } => "program",
            Self::Redirection { .. } => "redirection",
            Self::NothingToReport { .. } => "nothing_to_report",
        }
    }

    /// Returns the similar names or lines that the error suggests, best first, as they are written on a line.
    pub fn suggestions(&self) -> &[String] {
        match self {
            Self::UnknownName { suggestions, .. }
            | Self::NotAProject { suggestions, .. }
            | Self::ReplicaNotFound { suggestions, .. }
            | Self::Syntax { suggestions, .. } => suggestions,
            _ => &[],
        }
    }
}
