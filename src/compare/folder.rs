//! The comparison of one folder, name by name.

use std::path::{Path, PathBuf};

use super::comparison::{CompareVerdict, Comparison, ItemPlace};
use crate::base::name::Name;
use crate::model::project::path_within;
use crate::os::stat::EntryKind;
use crate::snapshot::diff;
use crate::snapshot::diff::{DiffEntry, DiffVisitor, EntryDiff};
use crate::snapshot::manifest::ManifestRef;
use crate::snapshot::tree::{Tree, TreeFolder};
use crate::storage::content_compare::ContentComparison;

/// A comparison of one folder in progress.
pub(super) struct FolderComparison<'a> {
    pub(super) comparison: &'a mut Comparison,
    pub(super) place: ItemPlace,
    pub(super) project: PathBuf,
    pub(super) path: &'a Path,
    pub(super) contents: Option<&'a ContentComparison>,
}

impl FolderComparison<'_> {
    fn below(&self, path: &Path) -> PathBuf {
        path_within(&self.project, path)
    }

    /// Lists an empty folder that only one side has. Other folders are represented by their files.
    pub(super) fn add_empty_folder(&mut self, trees: &[Tree; 2]) {
        let is_empty = |folder: &TreeFolder| {
            folder.manifest().is_empty()
                && folder.specials.is_empty()
                && folder.subfolders.is_empty()
                && folder.files.is_some()
        };
        let entry = DiffEntry::of_kind(EntryKind::Folder);
        let verdict = match trees.each_ref().map(|tree| tree.folders.get(self.path)) {
            [Some(folder), None] if is_empty(folder) => CompareVerdict::OnlyA(entry),
            [None, Some(folder)] if is_empty(folder) => CompareVerdict::OnlyB(entry),
            _ => return,
        };
        let is_blocked = trees
            .iter()
            .any(|tree| diff::blocking_entry(tree, self.path).is_some());
        if is_blocked {
            return;
        }
        let path = self.below(self.path);
        self.comparison.add_empty_folder(self.place, path, verdict);
    }
}

impl DiffVisitor for FolderComparison<'_> {
    fn visit_unchanged(&mut self, manifest: ManifestRef<'_>) {
        let mut files = manifest.files();
        while let Some(file) = files.next() {
            if self.contents.is_some() {
                self.visit_name(file.name, EntryDiff::Same(file.into(), file.into()));
            } else {
                let bytes = file.bytes;
                self.comparison
                    .count(self.place, |counts| counts.same.add(bytes));
            }
        }
    }

    fn visit_name(&mut self, name: &[u8], change: EntryDiff) {
        let name = Name::from_bytes(name.to_vec());
        let path = self.path.join(name.as_path());
        let judge = |found: &ContentComparison| found.resolve_change(&path, change);
        let verdict = match self.contents.map_or(Ok(change), judge) {
            Err(why) => CompareVerdict::Failed(why),
            Ok(EntryDiff::Same(seen, _) | EntryDiff::OnlyA(seen) | EntryDiff::OnlyB(seen))
                if seen.kind == EntryKind::Special =>
            {
                CompareVerdict::Skipped(format!("it is {}", seen.kind.noun_with_article()))
            }
            Ok(EntryDiff::Same(seen, _)) => {
                self.comparison
                    .count(self.place, |counts| counts.same.add(seen.bytes));
                return;
            }
            Ok(EntryDiff::OnlyA(seen)) => CompareVerdict::OnlyA(seen),
            Ok(EntryDiff::OnlyB(seen)) => CompareVerdict::OnlyB(seen),
            Ok(EntryDiff::Differs(a, b, difference)) => CompareVerdict::Differs(difference, [a, b]),
        };
        self.comparison
            .add(self.place, path_within(&self.project, &path), verdict);
    }
}
