//! Decisions about each folder and file of one replica.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use crate::base::name::Name;
use crate::base::timestamp::TimePrecision;
use crate::copy::plan::{
    Constraints, CopyRules, Omission, OmissionReason, Plan, PlannedFolder, Rename, Replacement,
};
use crate::os::stat::EntryKind;
use crate::snapshot::diff;
use crate::snapshot::diff::{DiffEntry, DiffVisitor, Difference, EntryDiff};
use crate::snapshot::manifest::{Manifest, ManifestBuilder, ManifestFile, ManifestRef};
use crate::snapshot::tree::{Tree, TreeFolder};
use crate::storage::content_compare::ContentComparison;

/// Reason for refusing a file whose name a folder has that this copy leaves out.
const HIDDEN_FOLDER: &str =
    "the destination has a folder of this name, which is excluded or belongs to another category";

/// Reason for keeping a folder in which this copy leaves a folder out.
const HIDDEN_CONTENTS: &str = "the destination has a folder of this name, in which a folder is excluded or belongs to \
                               another category";

/// State of the planning of one replica.
pub(super) struct Planner<'a> {
    pub(super) plan: Plan,
    /// Source and destination.
    pub(super) trees: [&'a Tree; 2],
    pub(super) rules: CopyRules,
    pub(super) contents: &'a ContentComparison,
    pub(super) constraints: &'a Constraints<'a>,
    /// Renames that are not planned yet, by their new paths.
    pub(super) renames: BTreeMap<&'a Path, &'a Rename>,
    /// Folders whose names the destination cannot hold or distinguish, with the reasons.
    pub(super) unsupported: HashMap<PathBuf, String>,
    /// Folders that are not created, with the reasons for their contents.
    pub(super) blocked: Vec<(PathBuf, OmissionReason)>,
    /// Current folder.
    pub(super) folder: &'a Path,
    /// Files and links to add to the current folder.
    pub(super) add: ManifestBuilder,
    /// Replacements in the current folder.
    pub(super) replace: Vec<Replacement>,
    /// Renames into the current folder.
    pub(super) folder_renames: Vec<&'a Rename>,
}

impl<'a> Planner<'a> {
    pub(super) fn omit(&mut self, path: PathBuf, reason: OmissionReason) {
        if self.constraints.includes(&path) {
            self.plan.omissions.push(Omission { path, reason });
        }
    }

    /// Plans a folder and its files. `existing` is the folder at the destination.
    pub(super) fn plan_folder(
        &mut self,
        path: &'a Path,
        folder: &'a TreeFolder,
        existing: Option<&TreeFolder>,
    ) {
        let exists = existing.is_some();
        if let Some(reason) = self.find_obstacle(path) {
            if !exists && path != Path::new("") {
                self.omit(path.to_owned(), reason.clone());
            }
            return self.omit_all(path, folder, &reason);
        }
        if let Some(why) = self.unsupported.remove(path) {
            return self.block(path, folder, OmissionReason::Refused(why));
        }
        let displaced = if exists {
            None
        } else {
            diff::blocking_entry(self.trees[1], path)
        };
        if let Some(old) = displaced
            && let Err(reason) = self.check_replacement(path, old)
        {
            return self.block(path, folder, reason);
        }
        self.folder = path;
        let pair = [Some(folder), existing];
        diff::diff_folder_pair(self.trees, path, pair, self);
        let (add, totals) = std::mem::take(&mut self.add).finish_with_totals();
        let replace = std::mem::take(&mut self.replace);
        self.plan.files += totals.files + replace.len() as u64;
        let replaced = replace.iter().map(|replacement| replacement.new.bytes);
        let bytes = replaced.fold(totals.bytes, u64::saturating_add);
        self.plan.bytes = self.plan.bytes.saturating_add(bytes);
        let add = self.omit_unsupported(path, folder, add);
        let mode = copied_mode(folder);
        let precision = self.trees[0].precision().max(self.trees[1].precision());
        self.plan.folders.push(PlannedFolder {
            path: path.to_owned(),
            mode,
            modified: folder.modified,
            exists,
            destination_mode: existing.map(|existing| existing.mode),
            needs_metadata: existing
                .is_some_and(|existing| needs_metadata(folder, mode, existing, precision)),
            displaced,
            add,
            replace,
        });
    }

    /// Checks that a folder may replace an entry of another kind.
    fn check_replacement(&self, path: &Path, old: DiffEntry) -> Result<(), OmissionReason> {
        let new = DiffEntry::of_kind(EntryKind::Folder);
        self.rules.check_replacement(new, old, Difference::Kind)?;
        self.constraints.check_entry(path, new.kind, Some(old))
    }

    /// Omits a folder, its files, and all folders below it.
    fn block(&mut self, path: &Path, folder: &TreeFolder, reason: OmissionReason) {
        self.omit(path.to_owned(), reason.clone());
        let reason = reason.within_folder(path);
        self.omit_all(path, folder, &reason);
        self.blocked.push((path.to_owned(), reason));
    }

    /// Returns why nothing can be copied to this path, if so.
    fn find_obstacle(&self, path: &Path) -> Option<OmissionReason> {
        let blocked = self
            .blocked
            .iter()
            .find(|(folder, _)| path.starts_with(folder));
        let unread = self.trees[1]
            .problems
            .iter()
            .find(|problem| path.starts_with(&problem.path));
        blocked
            .map(|(_, reason)| reason.clone())
            .or_else(|| unread.map(|problem| OmissionReason::Failed(problem.error.full_message())))
    }

    /// Omits all entries of a folder.
    fn omit_all(&mut self, path: &Path, folder: &TreeFolder, reason: &OmissionReason) {
        let mut files = folder.manifest().files();
        while let Some(file) = files.next() {
            let name = Name::from_bytes(file.name.to_vec());
            self.omit(path.join(name.as_path()), reason.clone());
        }
        for name in &folder.specials {
            self.omit(path.join(name.as_path()), reason.clone());
        }
    }

    /// Returns the files to add without those whose names the destination cannot hold or distinguish, and adds the renames
    /// to the plan. Subfolders with such names are blocked.
    fn omit_unsupported(&mut self, path: &Path, folder: &TreeFolder, add: Manifest) -> Manifest {
        let [source, destination] = self.trees;
        let is_new = |name: &&Name| {
            let path = path.join(name.as_path());
            source.folders.contains_key(&path) && !destination.folders.contains_key(&path)
        };
        let renames = std::mem::take(&mut self.folder_renames);
        let folders = folder.subfolders.iter().filter(is_new);
        let mut new: Vec<OsString> = folders.map(|name| name.as_os_str().to_owned()).collect();
        let folder_count = new.len();
        new.extend(renames.iter().map(|rename| rename.name().to_owned()));
        let mut files = add.files();
        while let Some(file) = files.next() {
            new.push(OsString::from_vec(file.name.to_vec()));
        }
        let constraints = self.constraints;
        let unsupported = constraints.unsupported_names(path, &new, destination);
        for rename in renames {
            match unsupported.get(rename.name()) {
                None => {
                    self.plan.renames.push(rename.clone());
                    self.renames.remove(rename.path.as_path());
                }
                Some(why) => self.omit(rename.path.clone(), OmissionReason::Refused(why.clone())),
            }
        }
        if unsupported.is_empty() {
            return add;
        }
        for name in &new[..folder_count] {
            let path = path.join(name);
            if let Some(why) = unsupported.get(name) {
                self.unsupported.insert(path, why.clone());
            }
        }
        self.remove_files(path, &add, &unsupported)
    }

    /// Returns the files to add without these names, which are omitted.
    fn remove_files(
        &mut self,
        path: &Path,
        add: &Manifest,
        unsupported: &BTreeMap<OsString, String>,
    ) -> Manifest {
        let mut kept = ManifestBuilder::default();
        let mut files = add.files();
        while let Some(file) = files.next() {
            let name = OsString::from_vec(file.name.to_vec());
            let Some(why) = unsupported.get(&name) else {
                kept.add(&file);
                continue;
            };
            self.plan.files -= 1;
            self.plan.bytes -= file.bytes;
            self.omit(path.join(&name), OmissionReason::Refused(why.clone()));
        }
        kept.finish()
    }

    /// Returns why the destination entry of this path cannot be read, if so.
    fn read_failure(&self, path: &Path) -> Option<OmissionReason> {
        let problems = &self.trees[1].problems;
        let problem = problems.iter().find(|problem| problem.path == path)?;
        Some(OmissionReason::Failed(problem.error.full_message()))
    }

    /// Adds a file or link whose name is free at the destination.
    fn add_new(&mut self, name: &[u8], path: &Path, new: DiffEntry) -> Result<(), OmissionReason> {
        if let Some(reason) = self.read_failure(path) {
            return Err(reason);
        }
        if self.trees[1].hidden_folders.contains(path) {
            return Err(OmissionReason::Refused(HIDDEN_FOLDER.to_owned()));
        }
        self.constraints.check_entry(path, new.kind, None)?;
        if let Some(rename) = self.renames.get(path) {
            self.folder_renames.push(rename);
            return Ok(());
        }
        self.add.add(&ManifestFile {
            name,
            bytes: new.bytes,
            modified: new.modified,
            // The target is read when the link is copied.
            target: (new.kind == EntryKind::Link).then_some(&[]),
        });
        Ok(())
    }

    /// Adds a file or link that replaces an entry of the destination.
    fn add_replacement(
        &mut self,
        name: Name,
        path: &Path,
        (new, old): (DiffEntry, DiffEntry),
        difference: Difference,
    ) -> Result<(), OmissionReason> {
        self.rules.check_replacement(new, old, difference)?;
        if self.trees[1].contains_hidden_folder(path) {
            return Err(OmissionReason::Conflict(HIDDEN_CONTENTS.to_owned()));
        }
        self.constraints.check_entry(path, new.kind, Some(old))?;
        let modified = self.trees[1].reported_time(self.folder, name.as_bytes(), old.modified);
        let old = DiffEntry { modified, ..old };
        self.replace.push(Replacement { name, new, old });
        Ok(())
    }
}

impl DiffVisitor for Planner<'_> {
    fn visit_unchanged(&mut self, manifest: ManifestRef<'_>) {
        let mut files = manifest.files();
        while let Some(file) = files.next() {
            if self.contents.decides_nothing() && self.constraints.includes_all() {
                self.plan.same_files += 1;
            } else {
                self.visit_name(file.name, EntryDiff::Same(file.into(), file.into()));
            }
        }
    }

    fn visit_name(&mut self, name: &[u8], change: EntryDiff) {
        let known = Name::from_bytes(name.to_vec());
        let path = self.folder.join(known.as_path());
        let change = if self.contents.decides_nothing() {
            change
        } else {
            match self.contents.resolve_change(&path, change) {
                Ok(change) => change,
                Err(why) => return self.omit(path, OmissionReason::Failed(why)),
            }
        };
        if !self.constraints.includes(&path) {
            return;
        }
        let planned = match change {
            EntryDiff::OnlyB(_) => Ok(()),
            EntryDiff::OnlyA(new) | EntryDiff::Differs(new, ..) | EntryDiff::Same(new, _)
                if new.kind == EntryKind::Special =>
            {
                let why = format!("it is {}", new.kind.noun_with_article());
                Err(OmissionReason::Skipped(why))
            }
            // Folders are planned separately.
            EntryDiff::Differs(new, ..) if new.kind == EntryKind::Folder => Ok(()),
            EntryDiff::Same(..) => {
                self.plan.same_files += u64::from(self.constraints.includes_all());
                Ok(())
            }
            EntryDiff::OnlyA(new) => self.add_new(name, &path, new),
            EntryDiff::Differs(new, old, difference) => {
                self.add_replacement(known, &path, (new, old), difference)
            }
        };
        if let Err(reason) = planned {
            self.omit(path, reason);
        }
    }
}

/// Returns the mode of a folder at the destination. If the source folder could not be read completely, its owner gets full
/// access to the copy; otherwise no later run could complete it.
fn copied_mode(folder: &TreeFolder) -> u32 {
    let is_read = folder
        .files
        .as_ref()
        .is_some_and(|files| files.unreadable.is_empty());
    folder.mode | if is_read { 0 } else { 0o700 }
}

/// True if mode or mtime of a folder differ, and the source folder was the last to change. Setting both makes the
/// destination folder the last to change; so a storage that cannot keep them is not written to again every night.
fn needs_metadata(
    source: &TreeFolder,
    mode: u32,
    destination: &TreeFolder,
    precision: TimePrecision,
) -> bool {
    let same_mode = mode & 0o777 == destination.mode & 0o777;
    let same_time = source.modified.equals_at(destination.modified, precision);
    source.changed > destination.changed && !(same_mode && same_time)
}
