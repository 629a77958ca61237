//! Outcome of one item of a copy.

use super::plan::OmissionReason;
use crate::index::OutcomeKind;

/// Reason for skipping a file that disappeared from the source during the run, which is not a failure.
pub const VANISHED: &str = "it disappeared from the source before it was copied";

/// Returns the warning about a copy that lacks an extended attribute.
pub fn attribute_warning(why: &str) -> String {
    format!("copied without an extended attribute that the destination refused: {why}")
}

/// Outcome of one item; each item has exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Complete at the destination, on stable storage.
    Copied(CopiedItem),
    /// The destination has another version, which was left in place.
    Conflict(String),
    /// Left out on purpose.
    Skipped(String),
    /// Missing or wrong at the destination.
    Failed(String),
    /// Missing at the destination, which can never hold it under its name.
    Refused(String),
    /// Not reached before the run was stopped.
    Unreached,
    /// Renamed at the destination instead of being sent again; with the old name.
    Moved(String),
    /// Missing at the source, and therefore moved to the old versions.
    Deleted,
    /// Missing at the source, and still at the destination.
    Gone(String),
}

impl Outcome {
    /// Returns the outcome without its details.
    pub const fn kind(&self) -> OutcomeKind {
        match self {
            Self::Copied(_) => OutcomeKind::Copied,
            Self::Conflict(_) => OutcomeKind::Conflict,
            Self::Skipped(_) => OutcomeKind::Skipped,
            Self::Failed(_) => OutcomeKind::Failed,
            Self::Refused(_) => OutcomeKind::Refused,
            Self::Unreached => OutcomeKind::Unreached,
            Self::Moved(_) => OutcomeKind::Moved,
            Self::Deleted => OutcomeKind::Deleted,
            Self::Gone(_) => OutcomeKind::Gone,
        }
    }

    /// True for a copy that was read back and equals the source.
    pub fn is_verified(&self) -> bool {
        matches!(self, Self::Copied(copied) if copied.verification == Verification::ReadBack)
    }

    /// Returns the reason or remark, if any.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Copied(copied) => copied.remark.as_deref(),
            Self::Conflict(why)
            | Self::Skipped(why)
            | Self::Failed(why)
            | Self::Refused(why)
            | Self::Moved(why)
            | Self::Gone(why) => Some(why),
            Self::Unreached | Self::Deleted => None,
        }
    }
}

impl From<OmissionReason> for Outcome {
    fn from(reason: OmissionReason) -> Self {
        match reason {
            OmissionReason::Conflict(why) => Self::Conflict(why),
            OmissionReason::Skipped(why) => Self::Skipped(why),
            OmissionReason::Failed(why) => Self::Failed(why),
            OmissionReason::Refused(why) => Self::Refused(why),
            OmissionReason::Postponed => Self::Unreached,
        }
    }
}

/// Evidence that the bytes of a copy are right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verification {
    /// Written and flushed without an error.
    #[default]
    Written,
    /// Read back and equal to the source.
    ReadBack,
    /// Sharing the source's blocks, so that reading back would prove nothing.
    Cloned,
}

/// Details of a copied item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopiedItem {
    pub bytes: u64,
    /// True if it replaced an older version, which was kept.
    pub replaced: bool,
    pub verification: Verification,
    /// True if it lacks the source's extended attributes because the destination supports none.
    pub lacks_attributes: bool,
    /// Warning about an extended attribute that the destination refused.
    pub remark: Option<String>,
}
