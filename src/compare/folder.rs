//! One folder of a replica on two databases, name by name.

use std::path::{Path, PathBuf};

use super::{CompareVerdict, Comparison};
use crate::base::name::Name;
use crate::model::project::within;
use crate::os::stat::Kind;
use crate::snapshot::diff;
use crate::snapshot::diff::{Change, Visit};
use crate::snapshot::manifest::Files;
use crate::snapshot::tree::{Tree, TreeFolder};
use crate::storage::content_compare::ContentComparison;

/// One folder as it is compared.
pub(super) struct FolderComparison<'a> {
    pub(super) comparison: &'a mut Comparison,
    pub(super) category: usize,
    pub(super) project: PathBuf,
    pub(super) path: &'a Path,
    pub(super) contents: Option<&'a ContentComparison>,
}

impl FolderComparison<'_> {
    fn below(&self, path: &Path) -> PathBuf {
        within(&self.project, path)
    }

    /// An empty folder that only one side has is listed; any other shows in what is in it.
    pub(super) fn add_empty_folder(&mut self, trees: &[Tree; 2]) {
        let is_empty = |folder: &TreeFolder| {
            folder.packed().is_empty()
                && folder.specials.is_empty()
                && folder.subfolders.is_empty()
                && folder.files.is_some()
        };
        let verdict = match trees.each_ref().map(|tree| tree.folders.get(self.path)) {
            [Some(folder), None] if is_empty(folder) => CompareVerdict::OnlyA,
            [None, Some(folder)] if is_empty(folder) => CompareVerdict::OnlyB,
            _ => return,
        };
        let other = trees
            .iter()
            .any(|tree| diff::in_the_way(tree, self.path).is_some());
        if other {
            return;
        }
        let path = self.below(self.path);
        self.comparison.add(self.category, path, verdict);
        if let Some(item) = self.comparison.items.last_mut() {
            item.is_folder = true;
        }
    }
}

impl Visit for FolderComparison<'_> {
    fn all_same(&mut self, packed: &[u8]) {
        let mut files = Files::of(packed);
        while let Ok(Some(file)) = files.next() {
            if self.contents.is_some() {
                self.name(file.name, Change::Same(file.into(), file.into()));
            } else {
                self.comparison.counts[self.category].same += 1;
            }
        }
    }

    fn name(&mut self, name: &[u8], change: Change) {
        let name = Name::from_bytes(name.to_vec());
        let path = self.path.join(name.as_path());
        let judge = |found: &ContentComparison| found.resolve_change(&path, change);
        let verdict = match self.contents.map_or(Ok(change), judge) {
            Err(why) => CompareVerdict::Failed(why),
            Ok(Change::Same(seen, _) | Change::OnlyA(seen) | Change::OnlyB(seen))
                if seen.kind == Kind::Special =>
            {
                CompareVerdict::Skipped(format!("it is {}", seen.kind.noun()))
            }
            Ok(Change::Same(..)) => {
                self.comparison.counts[self.category].same += 1;
                return;
            }
            Ok(Change::OnlyA(_)) => CompareVerdict::OnlyA,
            Ok(Change::OnlyB(_)) => CompareVerdict::OnlyB,
            Ok(Change::Differs(a, b, difference)) => CompareVerdict::Differs(difference, [a, b]),
        };
        self.comparison
            .add(self.category, within(&self.project, &path), verdict);
    }
}
