//! How one item of a copy ended.

use super::plan::OmissionReason;
use crate::index::OutcomeKind;

/// Said of a file that went away by itself while others were copied, which is nobody's failure.
pub const VANISHED: &str = "it went away before it was copied";

/// How one item ended; each ends in exactly one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is whole at the destination, on stable storage.
    Copied(CopiedItem),
    /// Another version is there and was kept.
    Conflict(String),
    /// It was left out.
    Skipped(String),
    /// It is not at the destination, or not as it should be.
    Failed(String),
    /// The run was stopped before it came to this.
    Unreached,
    /// It is at the destination under a new name, and was not sent again; with what it was called.
    Moved(String),
    /// It was moved among the old versions, because it is gone from the source.
    Deleted,
    /// It is gone from the source, and still at the destination.
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
            Self::Unreached => OutcomeKind::Unreached,
            Self::Moved(_) => OutcomeKind::Moved,
            Self::Deleted => OutcomeKind::Deleted,
            Self::Gone(_) => OutcomeKind::Gone,
        }
    }

    /// Why, or what is to be said of it.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Copied(copied) => copied.remark.as_deref(),
            Self::Conflict(why)
            | Self::Skipped(why)
            | Self::Failed(why)
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
            OmissionReason::Postponed => Self::Unreached,
        }
    }
}

/// What is known of the bytes of a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verification {
    /// They were written and flushed without an error.
    #[default]
    Written,
    /// They were read back and were what the source is.
    ReadBack,
    /// They are the source's own blocks, so that there is nothing to be read back.
    Cloned,
}

/// What is to be said of something that was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopiedItem {
    /// Its size.
    pub bytes: u64,
    /// Whether it took the place of an older version, which was kept.
    pub replaced: bool,
    /// What is known of its bytes.
    pub verification: Verification,
    /// Whether it is without the extended attributes of the source, because the destination holds none.
    pub lacks_attributes: bool,
    /// What of it could not be kept: an extended attribute that was refused.
    pub remark: Option<String>,
}
