//! Planning: what becomes of each folder and file of the source.

use std::path::{Path, PathBuf};

use super::{CopyRules, Omission, OmissionReason, Plan, PlannedFolder, Replacement};
use crate::base::name::Name;
use crate::base::timestamp::TimePrecision;
use crate::os::stat::EntryKind;
use crate::snapshot::diff;
use crate::snapshot::diff::{DiffEntry, DiffVisitor, Difference, EntryDiff};
use crate::snapshot::manifest::{ManifestBuilder, ManifestFile, ManifestFiles};
use crate::snapshot::tree::{Tree, TreeFolder};
use crate::storage::content_compare::ContentComparison;

/// Plans the copy of one replica. Where content decides, `contents` is what was found of the files that have one size on
/// both sides.
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
    for (path, folder, there) in diff::pair_folders(source, destination) {
        planner.plan_folder(path, folder, there);
    }
    let mut plan = planner.plan;
    plan.omissions.sort_by(|a, b| a.path.cmp(&b.path));
    plan.leftovers.clone_from(&destination.leftovers);
    plan
}

/// The state of planning.
struct Planner<'a> {
    plan: Plan,
    trees: [&'a Tree; 2],
    rules: CopyRules,
    contents: &'a ContentComparison,
    /// Folders that cannot be made at the destination, and why.
    blocked: Vec<(PathBuf, OmissionReason)>,
    /// The folder under way, and what becomes of what is in it.
    folder: &'a Path,
    add: ManifestBuilder,
    replace: Vec<Replacement>,
}

impl<'a> Planner<'a> {
    fn omit(&mut self, path: PathBuf, reason: OmissionReason) {
        self.plan.omissions.push(Omission { path, reason });
    }

    /// Plans a folder and the files in it.
    fn plan_folder(&mut self, path: &'a Path, folder: &'a TreeFolder, there: Option<&TreeFolder>) {
        let exists = there.is_some();
        if let Some(reason) = self.find_obstacle(path) {
            if !exists && path != Path::new("") {
                self.omit(path.to_owned(), reason.clone());
            }
            return self.omit_all(path, folder, &reason);
        }
        let displaces = if exists {
            None
        } else {
            diff::blocking_entry(self.trees[1], path)
        };
        if let Some(there) = displaces {
            let folder_here = DiffEntry::of_kind(EntryKind::Folder);
            if let Err(reason) = self.check_replacement(folder_here, there, Difference::Kind) {
                self.omit(path.to_owned(), reason.clone());
                let reason = nested_reason(path, reason);
                self.blocked.push((path.to_owned(), reason.clone()));
                return self.omit_all(path, folder, &reason);
            }
        }
        self.folder = path;
        // A tree's own manifests are never damaged.
        let sides = [Some(folder), there];
        diff::diff_folder_pair(self.trees, path, sides, self).unwrap_or_default();
        let add = std::mem::take(&mut self.add).finish();
        let mode = copied_mode(folder);
        let step = self.trees[0].precision().max(self.trees[1].precision());
        self.plan.folders.push(PlannedFolder {
            path: path.to_owned(),
            mode,
            modified: folder.modified,
            exists,
            destination_mode: there.map(|there| there.mode),
            needs_metadata: there.is_some_and(|there| needs_metadata(there, mode, folder, step)),
            displaced: displaces,
            add,
            replace: std::mem::take(&mut self.replace),
        });
    }

    /// Why nothing can be done at this path, if so.
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

    /// Leaves out all that is in a folder.
    fn omit_all(&mut self, path: &Path, folder: &TreeFolder, reason: &OmissionReason) {
        let mut files = ManifestFiles::of(folder.packed());
        while let Ok(Some(file)) = files.next() {
            let name = Name::from_bytes(file.name.to_vec());
            self.omit(path.join(name.as_path()), reason.clone());
        }
        for name in &folder.specials {
            self.omit(path.join(name.as_path()), reason.clone());
        }
    }

    /// Whether something at the source replaces what differs from it at the destination, or why not.
    fn check_replacement(
        &self,
        here: DiffEntry,
        there: DiffEntry,
        difference: Difference,
    ) -> Result<(), OmissionReason> {
        let word = difference.word();
        let newer = here.modified > there.modified && difference != Difference::Kind;
        if self.rules.only_add {
            return Err(OmissionReason::Skipped(format!(
                "it differs in {word}, and only what is missing is added"
            )));
        }
        if newer || self.rules.overwrite {
            return Ok(());
        }
        Err(OmissionReason::Conflict(match difference {
            Difference::Kind => {
                format!(
                    "{} is there, {} here",
                    there.kind.noun_with_article(),
                    here.kind.noun_with_article()
                )
            }
            _ if here.modified == there.modified => {
                format!("it differs in {word}, and both have the same time")
            }
            _ => format!("it differs in {word}, and the one there is newer"),
        }))
    }

    fn count_copy(&mut self, seen: DiffEntry) {
        self.plan.files += 1;
        self.plan.bytes = self.plan.bytes.saturating_add(seen.bytes);
    }

    /// Why the name itself can be neither copied nor compared, if so.
    fn read_failure(&self, path: &Path) -> Option<OmissionReason> {
        let problems = &self.trees[1].problems;
        let problem = problems.iter().find(|problem| problem.path == path)?;
        Some(OmissionReason::Failed(problem.error.full_message()))
    }
}

impl DiffVisitor for Planner<'_> {
    fn visit_unchanged(&mut self, packed: &[u8]) {
        let mut files = ManifestFiles::of(packed);
        while let Ok(Some(file)) = files.next() {
            if self.contents.is_empty() {
                self.plan.same_files += 1;
            } else {
                self.visit_name(file.name, EntryDiff::Same(file.into(), file.into()));
            }
        }
    }

    fn visit_name(&mut self, name: &[u8], change: EntryDiff) {
        let known = Name::from_bytes(name.to_vec());
        let path = || self.folder.join(known.as_path());
        let change = if self.contents.is_empty() {
            change
        } else {
            match self.contents.resolve_change(&path(), change) {
                Ok(change) => change,
                Err(why) => return self.omit(path(), OmissionReason::Failed(why)),
            }
        };
        match change {
            EntryDiff::OnlyB(_) => {}
            EntryDiff::OnlyA(here) | EntryDiff::Differs(here, ..) | EntryDiff::Same(here, _)
                if here.kind == EntryKind::Special =>
            {
                let why = format!("it is {}", here.kind.noun_with_article());
                self.omit(path(), OmissionReason::Skipped(why));
            }
            // A folder of the source is planned by itself.
            EntryDiff::Differs(here, ..) if here.kind == EntryKind::Folder => {}
            EntryDiff::Same(..) => self.plan.same_files += 1,
            EntryDiff::OnlyA(here) => {
                if let Some(reason) = self.read_failure(&path()) {
                    return self.omit(path(), reason);
                }
                self.count_copy(here);
                self.add.add(&ManifestFile {
                    name,
                    bytes: here.bytes,
                    modified: here.modified,
                    // Where a link points is read when it is copied.
                    target: (here.kind == EntryKind::Link).then_some(&[]),
                });
            }
            EntryDiff::Differs(here, there, difference) => {
                if let Err(reason) = self.check_replacement(here, there, difference) {
                    return self.omit(path(), reason);
                }
                self.count_copy(here);
                let modified = self.trees[1].reported_time(self.folder, name, there.modified);
                self.replace.push(Replacement {
                    name: known,
                    new: here,
                    old: DiffEntry { modified, ..there },
                });
            }
        }
    }
}

/// What becomes of what is in a folder that is not made.
fn nested_reason(folder: &Path, reason: OmissionReason) -> OmissionReason {
    let why = |reason| format!("its folder `{}`: {reason}", Name::from(folder));
    match reason {
        OmissionReason::Conflict(reason) => OmissionReason::Conflict(why(reason)),
        OmissionReason::Skipped(reason) => OmissionReason::Skipped(why(reason)),
        OmissionReason::Failed(reason) => OmissionReason::Failed(why(reason)),
        OmissionReason::Postponed => OmissionReason::Postponed,
    }
}

/// The mode that a folder gets at the destination. Of one that could not be read whole its owner can read the copy, or no
/// later run could complete it.
fn copied_mode(folder: &TreeFolder) -> u32 {
    let is_read = folder
        .files
        .as_ref()
        .is_some_and(|files| files.unreadable.is_empty());
    folder.mode | if is_read { 0 } else { 0o700 }
}

/// Whether the mode or time of a folder at the destination differs, and the one at the source was the last to change. A
/// folder that was just given both is the last to change itself, so that no storage is written to each night for what it
/// cannot hold.
fn needs_metadata(there: &TreeFolder, mode: u32, here: &TreeFolder, step: TimePrecision) -> bool {
    let same_mode = mode & 0o777 == there.mode & 0o777;
    let same_time = here.modified.equals_at(there.modified, step);
    here.changed > there.changed && !(same_mode && same_time)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::error::Error;
    use crate::base::timestamp::Timestamp;
    use crate::os::file_id::FileId;
    use crate::snapshot::tree::{Problem, ScannedFolder};

    /// A file of a tree: its path, size and second.
    type Row = (&'static str, u64, i64);

    /// A tree of these folders and files; a folder is one with a slash at its end.
    fn tree(rows: &[Row]) -> Tree {
        let mut tree = Tree::default();
        let mut packers: BTreeMap<PathBuf, ManifestBuilder> = BTreeMap::new();
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
            let packer = packers.entry(path.parent().unwrap().into()).or_default();
            packer.add(&ManifestFile {
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
                manifest: packers.remove(path).unwrap_or_default().finish(),
                ..ScannedFolder::default()
            });
        }
        tree
    }

    /// What becomes of each file, sorted by path.
    fn fates(source: &Tree, destination: &Tree, rules: CopyRules) -> Vec<String> {
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
        let mut fates: Vec<_> = copied.chain(left_out).collect();
        fates.sort();
        fates
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
        let there = tree(&[
            ("newer", 1, 5),
            ("older", 1, 5),
            ("same", 1, 5),
            ("size", 1, 5),
            ("z", 1, 1),
        ]);
        let fates = |rules| fates(&source, &there, rules);
        assert_eq!(
            fates(CopyRules::default()),
            [
                "newer: replace",
                "older: conflict",
                "size: conflict",
                "x: add"
            ]
        );
        assert_eq!(
            fates(OVERWRITE),
            [
                "newer: replace",
                "older: replace",
                "size: replace",
                "x: add"
            ]
        );
        assert_eq!(
            fates(ONLY_ADD),
            ["newer: skip", "older: skip", "size: skip", "x: add"]
        );
        let plan = plan(
            &source,
            &there,
            CopyRules::default(),
            &ContentComparison::default(),
        );
        assert_eq!((plan.same_files, plan.files, plan.bytes), (1, 2, 2));
    }

    #[test]
    fn content_decides_where_it_is_asked_for() {
        let source = tree(&[
            ("equal", 1, 9),
            ("new", 1, 9),
            ("rot", 1, 5),
            ("size", 2, 9),
        ]);
        let there = tree(&[
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
        let plan = plan(&source, &there, rules, &contents);
        let copied: Vec<_> = plan.paths().map(|(path, _)| path).collect();
        assert_eq!(copied, [PathBuf::from("new"), "size".into()]);
        assert_eq!(plan.same_files, 1);
        let why = "it differs in content, and both have the same time".to_owned();
        assert_eq!(plan.omissions[0].reason, OmissionReason::Conflict(why));
    }

    #[test]
    fn what_lies_below_a_blocked_folder_shares_its_fate() {
        let source = tree(&[("a/", 0, 1), ("a-b", 1, 1), ("a/x", 1, 1)]);
        let there = tree(&[("a", 1, 1)]);
        let blocked = fates(&source, &there, CopyRules::default());
        assert_eq!(blocked, ["a-b: add", "a/x: conflict", "a: conflict"]);
        let replaced = fates(&source, &there, OVERWRITE);
        assert_eq!(replaced, ["a-b: add", "a/x: add"]);
    }

    #[test]
    fn an_unread_destination_is_not_an_empty_one() {
        let error = Error::SourceChanged {
            path: "/d/a".into(),
        };
        let source = tree(&[("a/", 0, 1), ("a/x", 1, 1)]);
        let mut there = tree(&[("a/", 0, 1)]);
        there.problems.push(Problem {
            path: "a".into(),
            error,
        });
        assert_eq!(fates(&source, &there, CopyRules::default()), ["a/x: fail"]);
    }

    #[test]
    fn what_is_refused_is_taken_out_with_what_is_below_it() {
        let source = tree(&[("a/", 0, 1), ("a/x", 3, 1), ("b", 5, 1), ("c", 7, 1)]);
        let there = tree(&[]);
        let mut plan = plan(
            &source,
            &there,
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
