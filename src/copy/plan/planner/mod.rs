//! Makes the plan of one replica: decides about each folder and file of the source.

mod folder;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use self::folder::Planner;
use super::history::{is_continued, is_kept};
use super::{Constraints, CopyRules, MissingFile, Omission, OmissionReason, Plan, Rename};
use crate::base::name::Name;
use crate::base::unicode::is_respelled;
use crate::model::path::split_path;
use crate::snapshot::diff;
use crate::snapshot::manifest::ManifestBuilder;
use crate::snapshot::tree::Tree;
use crate::storage::content_compare::ContentComparison;

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
            missing: input
                .missing
                .iter()
                .filter(|file| !is_kept(file))
                .cloned()
                .collect(),
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
        if is_continued(path, folder, existing) {
            planner.plan.same_files += folder.files.as_ref().map_or(0, |files| files.totals.files);
            continue;
        }
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
