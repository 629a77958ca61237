//! Makes the plan of one replica: decides about each folder and file of the source.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use super::{
    Constraints, CopyRules, MissingFile, Omission, OmissionReason, Plan, PlannedFolder, Rename,
    Replacement,
};
use crate::base::name::Name;
use crate::base::timestamp::TimePrecision;
use crate::base::unicode::is_respelled;
use crate::model::path::split_path;
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

/// Everything that decides about the plan of one replica.
pub struct PlanInput<'a> {
    /// The replica's folder, relative to both roots.
    pub replica: &'a Path,
    pub source: &'a Tree,
    pub destination: &'a Tree,
    pub rules: CopyRules,
    /// Compared contents of files of equal size, if any.
    pub contents: &'a ContentComparison,
    pub constraints: &'a Constraints<'a>,
    /// Entries whose names differ only in case: path at the source, and name at the destination.
    pub case_renames: Vec<(PathBuf, Name)>,
    /// True if the client or project is spelled differently at the source since the last sync.
    pub renames_project: bool,
    /// Files that the destination has under other names.
    pub renames: &'a [Rename],
    /// Files that are missing at the source.
    pub missing: &'a [MissingFile],
    /// Folders that are missing at the source, the deepest first.
    pub emptied_folders: &'a [PathBuf],
}

/// Plans the copy of one replica.
pub fn plan(input: PlanInput<'_>) -> Plan {
    let [source, destination] = [input.source, input.destination];
    let mut planner = Planner {
        plan: Plan {
            replica: input.replica.to_owned(),
            leftovers: destination.leftovers.clone(),
            case_renames: input.case_renames,
            renames_project: input.renames_project,
            missing: input.missing.to_vec(),
            emptied_folders: input.emptied_folders.to_vec(),
            ..Plan::default()
        },
        trees: [source, destination],
        rules: input.rules,
        contents: input.contents,
        constraints: input.constraints,
        renames: input
            .renames
            .iter()
            .map(|rename| (rename.path.as_path(), rename))
            .collect(),
        unsupported: HashMap::new(),
        blocked: Vec::new(),
        folder: Path::new(""),
        add: ManifestBuilder::default(),
        replace: Vec::new(),
        folder_renames: Vec::new(),
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
    let unplanned = planner.renames.into_values();
    plan.missing
        .extend(unplanned.map(|rename| old_file(rename, input.replica, destination)));
    if let Some(error) = destination.failure()
        && plan.omissions.is_empty()
    {
        // Without any other omission the failure would not be reported.
        plan.omissions.push(Omission {
            path: PathBuf::new(),
            reason: OmissionReason::Failed(error.full_message()),
        });
    }
    plan.omissions.sort_by(|a, b| a.path.cmp(&b.path));
    plan
}

/// Returns the old file of a rename that is not planned: it keeps its old name, which is missing at the source. If the
/// destination has a file with the new name, both names may lead to it.
fn old_file(rename: &Rename, replica: &Path, destination: &Tree) -> MissingFile {
    let (folder, name) = split_path(&rename.path);
    let folder = destination.folders.get(folder);
    let exists = folder.is_some_and(|folder| folder.file(name.as_bytes()).is_some());
    let (old, new) = (
        rename.previous.path_below_root(),
        replica.join(&rename.path),
    );
    MissingFile {
        respelled: (exists && is_respelled(&old, &new)).then_some(new),
        ..rename.previous.clone()
    }
}

/// State of the planning of one replica.
struct Planner<'a> {
    plan: Plan,
    /// Source and destination.
    trees: [&'a Tree; 2],
    rules: CopyRules,
    contents: &'a ContentComparison,
    constraints: &'a Constraints<'a>,
    /// Renames that are not planned yet, by their new paths.
    renames: BTreeMap<&'a Path, &'a Rename>,
    /// Folders whose names the destination cannot hold or distinguish, with the reasons.
    unsupported: HashMap<PathBuf, String>,
    /// Folders that are not created, with the reasons for their contents.
    blocked: Vec<(PathBuf, OmissionReason)>,
    /// Current folder.
    folder: &'a Path,
    /// Files and links to add to the current folder.
    add: ManifestBuilder,
    /// Replacements in the current folder.
    replace: Vec<Replacement>,
    /// Renames into the current folder.
    folder_renames: Vec<&'a Rename>,
}

impl<'a> Planner<'a> {
    fn omit(&mut self, path: PathBuf, reason: OmissionReason) {
        if self.constraints.includes(&path) {
            self.plan.omissions.push(Omission { path, reason });
        }
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

#[cfg(test)]
mod fixture {
    use super::*;

    impl Plan {
        /// Plans the copy of a tree to a destination that holds every entry; the source wins.
        pub(crate) fn of_trees(replica: &str, source: &Tree, destination: &Tree) -> Self {
            let rules = CopyRules {
                overwrite: true,
                ..CopyRules::default()
            };
            let contents = ContentComparison::default();
            let constraints = Constraints::none();
            let mut input = PlanInput::new([source, destination], rules, &contents, &constraints);
            input.replica = Path::new(replica);
            plan(input)
        }
    }

    impl<'a> PlanInput<'a> {
        /// The input for the replica at the root, without the changes of a sync.
        pub(super) fn new(
            [source, destination]: [&'a Tree; 2],
            rules: CopyRules,
            contents: &'a ContentComparison,
            constraints: &'a Constraints<'a>,
        ) -> Self {
            Self {
                replica: Path::new(""),
                source,
                destination,
                rules,
                contents,
                constraints,
                case_renames: Vec::new(),
                renames_project: false,
                renames: &[],
                missing: &[],
                emptied_folders: &[],
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Error;
    use crate::base::timestamp::Timestamp;
    use crate::index::SentFile;
    use crate::snapshot::tree::Problem;

    /// Returns the plan for a destination under these constraints.
    fn plan_under(
        constraints: &Constraints<'_>,
        source: &Tree,
        destination: &Tree,
        rules: CopyRules,
        contents: &ContentComparison,
    ) -> Plan {
        super::plan(PlanInput::new(
            [source, destination],
            rules,
            contents,
            constraints,
        ))
    }

    fn plan(
        source: &Tree,
        destination: &Tree,
        rules: CopyRules,
        contents: &ContentComparison,
    ) -> Plan {
        plan_under(&Constraints::none(), source, destination, rules, contents)
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
                OmissionReason::Refused(_) => "refuse",
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
        let source = Tree::of_files(&[
            ("newer", 1, 9),
            ("older", 1, 1),
            ("same", 1, 5),
            ("size", 2, 5),
            ("x", 1, 1),
        ]);
        let destination = Tree::of_files(&[
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
        let source = Tree::of_files(&[
            ("equal", 1, 9),
            ("new", 1, 9),
            ("rot", 1, 5),
            ("size", 2, 9),
        ]);
        let destination = Tree::of_files(&[
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
        let source = Tree::of_files(&[("a/", 0, 1), ("a-b", 1, 1), ("a/x", 1, 1)]);
        let destination = Tree::of_files(&[("a", 1, 1)]);
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
        let source = Tree::of_files(&[("a/", 0, 1), ("a/x", 1, 1)]);
        let mut destination = Tree::of_files(&[("a/", 0, 1)]);
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
    fn unsupported_names_are_not_planned() {
        let constraints = Constraints::of_simple_remote();
        let source = Tree::of_files(&[
            ("A/", 0, 1),
            ("A/x", 3, 1),
            ("B", 5, 1),
            ("a", 7, 1),
            ("b", 7, 1),
            ("changed", 2, 9),
            ("plain", 2, 1),
            ("\u{201b}", 2, 1),
        ]);
        let destination = Tree::of_files(&[("b", 7, 1), ("changed", 1, 1)]);
        let contents = ContentComparison::default();
        let plan = plan_under(&constraints, &source, &destination, OVERWRITE, &contents);
        assert_eq!(plan.paths().collect::<Vec<_>>(), [("plain".into(), false)]);
        assert_eq!((plan.files, plan.bytes, plan.same_files), (1, 2, 1));
        let omitted: Vec<_> = plan.omissions.iter().map(|item| &item.path).collect();
        assert_eq!(
            omitted,
            ["A", "A/x", "B", "a", "changed", "\u{201b}"].map(Path::new)
        );
    }

    #[test]
    fn refused_rename_leaves_its_old_file_missing() {
        let old = |path: &str| MissingFile {
            replica: "spot".into(),
            path: path.into(),
            sent: SentFile::default(),
            respelled: None,
        };
        let renames = [("B", "old b"), ("new", "old")].map(|(path, previous)| Rename {
            path: path.into(),
            bytes: 1,
            modified: Timestamp::default(),
            previous: old(previous),
        });
        let source = Tree::of_files(&[("B", 1, 1), ("new", 1, 1)]);
        let destination = Tree::of_files(&[("b", 7, 1)]);
        let (constraints, contents) = (
            Constraints::of_simple_remote(),
            ContentComparison::default(),
        );
        let mut input = PlanInput::new([&source, &destination], OVERWRITE, &contents, &constraints);
        input.renames = &renames;
        let plan = super::plan(input);
        assert_eq!(plan.renames, renames[1..]);
        assert_eq!(plan.missing, [old("old b")]);
        assert_eq!(plan.omissions.len(), 1);
    }
}
