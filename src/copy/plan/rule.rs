//! The rules of a copy for files that differ, and the reasons for omitting an item.

use std::path::Path;

use crate::base::name::Name;
use crate::snapshot::diff::{DiffEntry, Difference};

/// Rules for files that differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of a line")]
pub struct CopyRules {
    /// Replaces files that are newer at the destination too; the old versions are kept.
    pub overwrite: bool,
    /// Adds missing files and replaces none.
    pub only_add: bool,
    /// Compares files of the same size by content instead of by mtime.
    pub checksum: bool,
    /// An offload: contents whose digests are known are not read again, and no file is replaced.
    pub is_offload: bool,
}

impl CopyRules {
    /// Checks the rules for replacing an entry of the destination by a different one; returns why not as an error.
    pub(super) fn check_replacement(
        self,
        new: DiffEntry,
        old: DiffEntry,
        difference: Difference,
    ) -> Result<(), OmissionReason> {
        let word = difference.word();
        if self.is_offload {
            return Err(OmissionReason::Conflict(format!(
                "it differs in {word}, and an offload replaces nothing; choose another folder with `--into`"
            )));
        }
        let is_newer = new.modified > old.modified && difference != Difference::Kind;
        if self.only_add {
            return Err(OmissionReason::Skipped(format!(
                "it differs in {word}, and only missing files are added"
            )));
        }
        if is_newer || self.overwrite {
            return Ok(());
        }
        Err(OmissionReason::Conflict(match difference {
            Difference::Kind => {
                format!(
                    "the destination has {}, the source {}",
                    old.kind.noun_with_article(),
                    new.kind.noun_with_article()
                )
            }
            _ if new.modified == old.modified => {
                format!("it differs in {word}, and both have the same time")
            }
            _ => format!("it differs in {word}, and the destination is newer"),
        }))
    }
}

/// Reason for omitting an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OmissionReason {
    /// The destination has another version, which the rules do not replace.
    Conflict(String),
    /// Left out on purpose.
    Skipped(String),
    /// Unreadable, or impossible at the destination.
    Failed(String),
    /// Impossible at the destination as long as it has its name.
    Refused(String),
    /// Left for another run.
    Postponed,
}

impl OmissionReason {
    /// Returns the reason for omitting the contents of a folder that is itself omitted for this reason.
    pub(super) fn within_folder(self, folder: &Path) -> Self {
        let why = |reason| format!("its folder `{}`: {reason}", Name::from(folder));
        match self {
            Self::Conflict(reason) => Self::Conflict(why(reason)),
            Self::Skipped(reason) => Self::Skipped(why(reason)),
            Self::Failed(reason) => Self::Failed(why(reason)),
            Self::Refused(reason) => Self::Refused(why(reason)),
            Self::Postponed => Self::Postponed,
        }
    }
}
