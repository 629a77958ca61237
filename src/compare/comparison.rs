//! The result of a comparison.

use std::path::PathBuf;

use crate::snapshot::diff::{DiffEntry, Difference};

/// Reason why an item is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompareVerdict {
    /// Only in database A.
    OnlyA,
    /// Only in database B.
    OnlyB,
    /// In both and different: the difference, and the entries in A and B.
    Differs(Difference, [DiffEntry; 2]),
    /// Could not be compared.
    Failed(String),
    /// Never compared.
    Skipped(String),
}

/// An item that is not the same in both databases.
#[derive(Clone, Debug)]
pub struct DifferingItem {
    /// Position of the category in the request.
    pub category: usize,
    /// The path below the category's folder.
    pub path: PathBuf,
    /// True for an empty folder.
    pub is_folder: bool,
    /// Reason why the item is listed.
    pub verdict: CompareVerdict,
}

/// Numbers of files and links by verdict. Empty folders count if only one database has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompareCounts {
    /// Only in database A.
    pub only_a: u64,
    /// Only in database B.
    pub only_b: u64,
    /// In both and different.
    pub differs: u64,
    /// In both and the same.
    pub same: u64,
    /// Could not be compared.
    pub failed: u64,
}

/// The result of a comparison.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Counts for each category of the request.
    pub counts: Vec<CompareCounts>,
    /// Items that are not the same, by category and path.
    pub items: Vec<DifferingItem>,
    /// Number of files whose contents were read on at least one side.
    pub files_read: u64,
}

impl Comparison {
    /// Counts and lists an item.
    pub(super) fn add(&mut self, category: usize, path: PathBuf, verdict: CompareVerdict) {
        let counts = &mut self.counts[category];
        match &verdict {
            CompareVerdict::OnlyA => counts.only_a += 1,
            CompareVerdict::OnlyB => counts.only_b += 1,
            CompareVerdict::Differs(..) => counts.differs += 1,
            CompareVerdict::Failed(_) => counts.failed += 1,
            CompareVerdict::Skipped(_) => {}
        }
        self.items.push(DifferingItem {
            category,
            path,
            is_folder: false,
            verdict,
        });
    }
}
