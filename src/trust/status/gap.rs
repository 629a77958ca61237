//! A project that falls short of its policy in one category.

use crate::base::timestamp::Timestamp;
use crate::model::policy::Demand;
use crate::model::project::ProjectId;
use crate::trust::mend::Mend;

/// Why a project falls short of its policy in one category, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapKind {
    /// No copy is complete.
    NoCopy,
    /// One copy is complete, and more are demanded.
    OneCopy,
    /// Fewer copies are complete than demanded.
    TooFew,
    /// Fewer copies are off-site than demanded.
    NotOffsite,
    /// There are enough copies, but they were not read within the time that is demanded.
    NotVerified,
    /// A storage that was never scanned may hold what is lacking.
    Unknown,
}

impl GapKind {
    /// The word for programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoCopy => "no_copy",
            Self::OneCopy => "one_copy",
            Self::TooFew => "too_few",
            Self::NotOffsite => "not_offsite",
            Self::NotVerified => "not_verified",
            Self::Unknown => "unknown",
        }
    }
}

/// A project that falls short of its policy in one category.
#[derive(Clone, Debug)]
pub struct Gap {
    pub project: ProjectId,
    pub category: String,
    pub kind: GapKind,
    pub demand: Demand,
    /// Number of media with a complete copy.
    pub copies: u64,
    /// Number of them that are off-site.
    pub offsite: u64,
    /// The places of the complete copies.
    pub holders: Vec<usize>,
    /// The other places that are on a medium of a complete copy, and therefore no other copy.
    pub same_medium: Vec<usize>,
    /// Numbers of damaged files by place.
    pub damaged: Vec<(usize, u64)>,
    /// The oldest proof of the complete copies; `None` if a file of one was never read.
    pub oldest: Option<Timestamp>,
    /// Lines that would mend it, in this order.
    pub mend: Vec<Mend>,
}
