//! Makes the plan of one replica: decides about each folder and file of the source.

use std::path::{Path, PathBuf};

use super::{CopyRules, Omission, OmissionReason, Plan, PlannedFolder, Replacement};
use crate::base::name::Name;
use crate::base::timestamp::TimePrecision;
use crate::os::stat::EntryKind;
use crate::snapshot::diff;
use crate::snapshot::diff::{DiffEntry, DiffVisitor, Difference, EntryDiff};
use crate::snapshot::manifest::{ManifestBuilder, ManifestFile, ManifestRef};
use crate::snapshot::tree::{Tree, TreeFolder};
use crate::storage::content_compare::ContentComparison;

/// Plans the copy of one replica. `contents` holds the compared contents of files of equal size, if any.
pub fn plan(
    source: &Tree,
    destination: &Tree,
    rules: CopyRules,
    contents: &ContentComparison,
) -> Plan {
    let mut planner = Planner {
        plan: Plan::default(),
        trees: [source, destination],
        rules,
        contents,
        blocked: Vec::new(),
        folder: Path::new(""),
        add: ManifestBuilder::default(),
        replace: Vec::new(),
    };
    for problem in &source.problems {
        planner.omit(
            problem.path.clone(),
            OmissionReason::Failed(problem.error.full_message()),
        );
    }
    for (path, folder, existing) in diff::pair_folders(source, destination) {
        planner.plan_folder(path, folder, existing);
    }
    let mut plan = planner.plan;
    plan.omissions.sort_by(|a, b| a.path.cmp(&b.path));
    plan.leftovers.clone_from(&destination.leftovers);
    plan
}

/// State of the planning of one replica.
struct Planner<'a> {
    plan: Plan,
    /// Source and destination.
    trees: [&'a Tree; 2],
    rules: CopyRules,
    contents: &'a ContentComparison,
    /// Folders that are not created, with the reasons.
    blocked: Vec<(PathBuf, OmissionReason)>,
    /// Current folder.
    folder: &'a Path,
    /// Files and links to add to the current folder.
    add: ManifestBuilder,
    /// Replacements in the current folder.
    replace: Vec<Replacement>,
}

impl<'a> Planner<'a> {
    fn omit(&mut self, path: PathBuf, reason: OmissionReason) {
        self.plan.omissions.push(Omission { path, reason });
    }

    /// Plans a folder and its files. `existing` is the folder at the destination.
    fn plan_folder(
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
        let displaced = if exists {
            None
        } else {
            diff::blocking_entry(self.trees[1], path)
        };
        if let Some(old) = displaced {
            let new = DiffEntry::of_kind(EntryKind::Folder);
            if let Err(reason) = self.rules.check_replacement(new, old, Difference::Kind) {
                self.omit(path.to_owned(), reason.clone());
                let reason = reason.within_folder(path);
                self.blocked.push((path.to_owned(), reason.clone()));
                return self.omit_all(path, folder, &reason);
            }
        }
        self.folder = path;
        let pair = [Some(folder), existing];
        diff::diff_folder_pair(self.trees, path, pair, self);
        let add = std::mem::take(&mut self.add).finish();
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
            replace: std::mem::take(&mut self.replace),
        });
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

    fn count_copy(&mut self, entry: DiffEntry) {
        self.plan.files += 1;
        self.plan.bytes = self.plan.bytes.saturating_add(entry.bytes);
    }

    /// Returns why the destination entry of this path cannot be read, if so.
    fn read_failure(&self, path: &Path) -> Option<OmissionReason> {
        let problems = &self.trees[1].problems;
        let problem = problems.iter().find(|problem| problem.path == path)?;
        Some(OmissionReason::Failed(problem.error.full_message()))
    }
}

impl DiffVisitor for Planner<'_> {
    fn visit_unchanged(&mut self, manifest: ManifestRef<'_>) {
        let mut files = manifest.files();
        while let Some(file) = files.next() {
            if self.contents.decides_nothing() {
                self.plan.same_files += 1;
            } else {
                self.visit_name(file.name, EntryDiff::Same(file.into(), file.into()));
            }
        }
    }

    fn visit_name(&mut self, name: &[u8], change: EntryDiff) {
        let known = Name::from_bytes(name.to_vec());
        let path = || self.folder.join(known.as_path());
        let change = if self.contents.decides_nothing() {
            change
        } else {
            match self.contents.resolve_change(&path(), change) {
                Ok(change) => change,
                Err(why) => return self.omit(path(), OmissionReason::Failed(why)),
            }
        };
        match change {
            EntryDiff::OnlyB(_) => {}
            EntryDiff::OnlyA(new) | EntryDiff::Differs(new, ..) | EntryDiff::Same(new, _)
                if new.kind == EntryKind::Special =>
            {
                let why = format!("it is {}", new.kind.noun_with_article());
                self.omit(path(), OmissionReason::Skipped(why));
            }
            // Folders are planned separately.
            EntryDiff::Differs(new, ..) if new.kind == EntryKind::Folder => {}
            EntryDiff::Same(..) => self.plan.same_files += 1,
            EntryDiff::OnlyA(new) => {
                if let Some(reason) = self.read_failure(&path()) {
                    return self.omit(path(), reason);
                }
                self.count_copy(new);
                self.add.add(&ManifestFile {
                    name,
                    bytes: new.bytes,
                    modified: new.modified,
                    // The target is read when the link is copied.
                    target: (new.kind == EntryKind::Link).then_some(&[]),
                });
            }
            EntryDiff::Differs(new, old, difference) => {
                if let Err(reason) = self.rules.check_replacement(new, old, difference) {
                    return self.omit(path(), reason);
                }
                self.count_copy(new);
                let modified = self.trees[1].reported_time(self.folder, name, old.modified);
                self.replace.push(Replacement {
                    name: known,
                    new,
                    old: DiffEntry { modified, ..old },
                });
            }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::error::Error;
    use crate::base::timestamp::Timestamp;
    use crate::os::stat::FileId;
    use crate::snapshot::tree::{Problem, ScannedFolder};

    /// A file of a tree: path, size in bytes, and mtime in seconds.
    type Row = (&'static str, u64, i64);

    /// Returns a tree of these files and folders; a path with a slash at its end is a folder.
    fn tree(rows: &[Row]) -> Tree {
        let mut tree = Tree::default();
        let mut builders: BTreeMap<PathBuf, ManifestBuilder> = BTreeMap::new();
        let folder = || TreeFolder {
            mode: 0o755,
            modified: Timestamp::default(),
            changed: Timestamp::default(),
            file_id: FileId::default(),
            files: None,
            specials: Vec::new(),
            subfolders: Vec::new(),
        };
        tree.folders.insert(PathBuf::new(), folder());
        for (path, bytes, seconds) in rows {
            if let Some(path) = path.strip_suffix('/') {
                let (above, name) = (Path::new(path).parent(), Path::new(path).file_name());
                tree.folders.insert(path.into(), folder());
                let above = tree.folders.get_mut(above.unwrap()).unwrap();
                above.subfolders.push(name.unwrap().into());
                continue;
            }
            let path = Path::new(path);
            let builder = builders.entry(path.parent().unwrap().into()).or_default();
            builder.add(&ManifestFile {
                name: path.file_name().unwrap().as_encoded_bytes(),
                bytes: *bytes,
                modified: Timestamp {
                    seconds: *seconds,
                    nanoseconds: 0,
                },
                target: None,
            });
        }
        for (path, folder) in &mut tree.folders {
            folder.files = Some(ScannedFolder {
                path: path.clone(),
                manifest: builders.remove(path).unwrap_or_default().finish(),
                ..ScannedFolder::default()
            });
        }
        tree
    }

    /// Returns the decision about each file, sorted by path.
    fn decisions(source: &Tree, destination: &Tree, rules: CopyRules) -> Vec<String> {
        let plan = plan(source, destination, rules, &ContentComparison::default());
        let copied = plan.paths().map(|(path, replaces)| {
            let word = if replaces { "replace" } else { "add" };
            format!("{}: {word}", path.display())
        });
        let left_out = plan.omissions.iter().map(|item| {
            let word = match item.reason {
                OmissionReason::Conflict(_) => "conflict",
                OmissionReason::Skipped(_) => "skip",
                OmissionReason::Failed(_) => "fail",
                OmissionReason::Postponed => "later",
            };
            format!("{}: {word}", item.path.display())
        });
        let mut decisions: Vec<_> = copied.chain(left_out).collect();
        decisions.sort();
        decisions
    }

    const OVERWRITE: CopyRules = CopyRules {
        overwrite: true,
        only_add: false,
        checksum: false,
    };

    const ONLY_ADD: CopyRules = CopyRules {
        overwrite: false,
        only_add: true,
        checksum: false,
    };

    #[test]
    fn newer_replaces_and_older_conflicts() {
        let source = tree(&[
            ("newer", 1, 9),
            ("older", 1, 1),
            ("same", 1, 5),
            ("size", 2, 5),
            ("x", 1, 1),
        ]);
        let destination = tree(&[
            ("newer", 1, 5),
            ("older", 1, 5),
            ("same", 1, 5),
            ("size", 1, 5),
            ("z", 1, 1),
        ]);
        let decisions = |rules| decisions(&source, &destination, rules);
        assert_eq!(
            decisions(CopyRules::default()),
            [
                "newer: replace",
                "older: conflict",
                "size: conflict",
                "x: add"
            ]
        );
        assert_eq!(
            decisions(OVERWRITE),
            [
                "newer: replace",
                "older: replace",
                "size: replace",
                "x: add"
            ]
        );
        assert_eq!(
            decisions(ONLY_ADD),
            ["newer: skip", "older: skip", "size: skip", "x: add"]
        );
        let plan = plan(
            &source,
            &destination,
            CopyRules::default(),
            &ContentComparison::default(),
        );
        assert_eq!((plan.same_files, plan.files, plan.bytes), (1, 2, 2));
    }

    #[test]
    fn checksum_rule_compares_content() {
        let source = tree(&[
            ("equal", 1, 9),
            ("new", 1, 9),
            ("rot", 1, 5),
            ("size", 2, 9),
        ]);
        let destination = tree(&[
            ("equal", 1, 5),
            ("new", 1, 5),
            ("rot", 1, 5),
            ("size", 1, 5),
        ]);
        let rules = CopyRules {
            checksum: true,
            ..CopyRules::default()
        };
        let contents = ContentComparison {
            differing: ["new".into(), "rot".into()].into(),
            covers_all: true,
            ..ContentComparison::default()
        };
        let plan = plan(&source, &destination, rules, &contents);
        let copied: Vec<_> = plan.paths().map(|(path, _)| path).collect();
        assert_eq!(copied, [PathBuf::from("new"), "size".into()]);
        assert_eq!(plan.same_files, 1);
        let why = "it differs in content, and both have the same time".to_owned();
        assert_eq!(plan.omissions[0].reason, OmissionReason::Conflict(why));
    }

    #[test]
    fn contents_of_a_blocked_folder_are_omitted() {
        let source = tree(&[("a/", 0, 1), ("a-b", 1, 1), ("a/x", 1, 1)]);
        let destination = tree(&[("a", 1, 1)]);
        let blocked = decisions(&source, &destination, CopyRules::default());
        assert_eq!(blocked, ["a-b: add", "a/x: conflict", "a: conflict"]);
        let replaced = decisions(&source, &destination, OVERWRITE);
        assert_eq!(replaced, ["a-b: add", "a/x: add"]);
    }

    #[test]
    fn unreadable_destination_is_not_empty() {
        let error = Error::SourceChanged {
            path: "/d/a".into(),
        };
        let source = tree(&[("a/", 0, 1), ("a/x", 1, 1)]);
        let mut destination = tree(&[("a/", 0, 1)]);
        destination.problems.push(Problem {
            path: "a".into(),
            error,
        });
        assert_eq!(
            decisions(&source, &destination, CopyRules::default()),
            ["a/x: fail"]
        );
    }

    #[test]
    fn rejected_folder_takes_its_files_along() {
        let source = tree(&[("a/", 0, 1), ("a/x", 3, 1), ("b", 5, 1), ("c", 7, 1)]);
        let destination = tree(&[]);
        let mut plan = plan(
            &source,
            &destination,
            CopyRules::default(),
            &ContentComparison::default(),
        );
        assert_eq!((plan.files, plan.bytes), (3, 15));
        plan.reject(&[("a".into(), "no".to_owned()), ("b".into(), "no".to_owned())].into());
        assert_eq!((plan.files, plan.bytes), (1, 7));
        let refused: Vec<_> = plan
            .omissions
            .iter()
            .map(|item| item.path.clone())
            .collect();
        assert_eq!(refused, [PathBuf::from("a"), "a/x".into(), "b".into()]);
        assert_eq!(plan.paths().next(), Some(("c".into(), false)));
    }
}
