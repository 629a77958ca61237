//! The result of a comparison.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::base::timestamp::Timestamp;
use crate::model::project::ProjectId;
use crate::snapshot::diff::{DiffEntry, Difference};
use crate::storage::content_compare::KnownDigests;

/// Reason why an item is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompareVerdict {
    /// Only in database A.
    OnlyA(DiffEntry),
    /// Only in database B.
    OnlyB(DiffEntry),
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
    /// Position of the project in the result; `None` for a folder above the projects.
    pub project: Option<usize>,
    /// Reason why the item is listed.
    pub verdict: CompareVerdict,
}

/// A number of files, links and empty folders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileCount {
    /// Number of files, links and empty folders.
    pub files: u64,
    /// Number of empty folders among them.
    pub empty_folders: u64,
    /// Apparent size in bytes.
    pub bytes: u64,
}

impl FileCount {
    /// Counts a file or link.
    pub(super) const fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    const fn add_all(&mut self, other: Self) {
        self.files += other.files;
        self.empty_folders += other.empty_folders;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// Files and links by verdict. Empty folders count if only one database has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompareCounts {
    /// Only in database A.
    pub only_a: FileCount,
    /// Only in database B.
    pub only_b: FileCount,
    /// In both and different, with the bytes in database A.
    pub differs: FileCount,
    /// In both and the same.
    pub same: FileCount,
    /// Could not be compared.
    pub failed: u64,
}

impl CompareCounts {
    /// Adds other counts.
    pub const fn add_all(&mut self, other: &Self) {
        self.only_a.add_all(other.only_a);
        self.only_b.add_all(other.only_b);
        self.differs.add_all(other.differs);
        self.same.add_all(other.same);
        self.failed += other.failed;
    }

    /// Number of items that differ or are on one database only.
    pub const fn differences(&self) -> u64 {
        self.only_a.files + self.only_b.files + self.differs.files
    }
}

/// The result of a comparison.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Counts for each category of the request.
    pub counts: Vec<CompareCounts>,
    /// The compared projects, each with the counts of all its categories.
    pub projects: Vec<(ProjectId, CompareCounts)>,
    /// Items that are not the same, by category and path.
    pub items: Vec<DifferingItem>,
    /// Number of files whose contents were read on at least one side.
    pub files_read: u64,
    /// The files whose contents were known on both sides.
    pub known: KnownDigests,
    /// Positions of the projects, by their composed names.
    pub(super) positions: BTreeMap<ProjectId, usize>,
    /// Times of the last scans, if the index alone was compared; `None` for a database that was never scanned.
    pub scanned_at: Option<[Option<Timestamp>; 2]>,
}

/// The place of an item: the positions of its category and its project.
#[derive(Clone, Copy, Debug)]
pub(super) struct ItemPlace {
    pub(super) category: usize,
    pub(super) project: Option<usize>,
}

impl Comparison {
    /// Returns the result before any replica was compared.
    pub(super) fn of_categories(number: usize) -> Self {
        Self {
            counts: vec![CompareCounts::default(); number],
            ..Self::default()
        }
    }

    /// Returns the position of a project, which is added if it is new. Projects come in the order of their categories.
    pub(super) fn project_position(&mut self, project: &ProjectId) -> usize {
        let next = self.projects.len();
        let position = *self.positions.entry(project.composed()).or_insert(next);
        if position == next {
            let counts = CompareCounts::default();
            self.projects.push((project.clone(), counts));
        }
        position
    }

    /// Adds to the counts of a category and a project.
    pub(super) fn count(&mut self, place: ItemPlace, change: impl Fn(&mut CompareCounts)) {
        change(&mut self.counts[place.category]);
        if let Some(project) = place.project {
            change(&mut self.projects[project].1);
        }
    }

    /// Counts and lists an item.
    pub(super) fn add(&mut self, place: ItemPlace, path: PathBuf, verdict: CompareVerdict) {
        self.add_item(place, path, verdict, false);
    }

    /// Counts and lists an empty folder.
    pub(super) fn add_empty_folder(
        &mut self,
        place: ItemPlace,
        path: PathBuf,
        verdict: CompareVerdict,
    ) {
        self.add_item(place, path, verdict, true);
    }

    fn add_item(
        &mut self,
        place: ItemPlace,
        path: PathBuf,
        verdict: CompareVerdict,
        is_folder: bool,
    ) {
        self.count(place, |counts| {
            let (count, entry) = match &verdict {
                CompareVerdict::OnlyA(entry) => (&mut counts.only_a, entry),
                CompareVerdict::OnlyB(entry) => (&mut counts.only_b, entry),
                CompareVerdict::Differs(_, [entry, _]) => (&mut counts.differs, entry),
                CompareVerdict::Failed(_) => {
                    counts.failed += 1;
                    return;
                }
                CompareVerdict::Skipped(_) => return,
            };
            count.add(entry.bytes);
            count.empty_folders += u64::from(is_folder);
        });
        self.items.push(DifferingItem {
            category: place.category,
            path,
            is_folder,
            project: place.project,
            verdict,
        });
    }

    /// Sorts projects by name, and items by category and path.
    pub(super) fn sort(&mut self) {
        let mut order: Vec<usize> = (0..self.projects.len()).collect();
        order.sort_by(|a, b| self.projects[*a].0.cmp(&self.projects[*b].0));
        let mut positions = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            positions[*old] = new;
        }
        self.projects.sort_by(|a, b| a.0.cmp(&b.0));
        for item in &mut self.items {
            item.project = item.project.map(|old| positions[old]);
        }
        self.items
            .sort_by(|a, b| (a.category, &a.path).cmp(&(b.category, &b.path)));
    }
}
