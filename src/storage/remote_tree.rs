//! What a listing of a remote means: which projects there are, and the tree of one of them.
//!
//! A file that was sent, and of which the listing still shows what it showed then, has the time that it had at its source:
//! so storages that keep times coarsely, slowly or not at all agree with the disks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::base::error::Error;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::index::{ListedVersion, SentFolder, SentRow, UnverifiedUpload};
use crate::model::exclusion::{Exclusions, is_housekeeping_folder};
use crate::model::project::{ProjectId, Scope, path_within};
use crate::rclone::{ListedFile, RemoteFeatures, RemoteListing, UnicodeLookup};
use crate::snapshot::aggregate::FileTotals;
use crate::snapshot::discovery::ProjectListing;
use crate::snapshot::manifest::{Manifest, ManifestBuilder, ManifestFile};
use crate::snapshot::tree::{Problem, ScannedFolder, Tree, TreeFolder};

/// What was sent of a replica, whoever sent it.
#[derive(Debug, Default)]
pub(super) struct UploadRecord {
    folders: BTreeMap<PathBuf, SentFolder>,
}

impl UploadRecord {
    pub(super) fn from_rows(rows: &[SentRow]) -> Self {
        let mut record = Self::default();
        for row in rows {
            let folder = record.folders.entry(row.folder.clone()).or_default();
            folder.extend(row.files());
        }
        record
    }

    /// The same without what is excluded.
    pub(super) fn without(mut self, exclusions: &Exclusions) -> Self {
        self.folders
            .retain(|folder, _| !exclusions.excludes_folder(folder));
        for (folder, files) in &mut self.folders {
            files.retain(|name, _| !exclusions.excludes(folder, name.as_os_str(), false));
        }
        self
    }

    /// The time at its source of a file, if it is the one that was sent.
    pub(super) fn source_time(
        &self,
        folder: &Path,
        name: &Name,
        listed: &ListedFile,
    ) -> Option<Timestamp> {
        let sent = self.folders.get(folder)?.get(name)?;
        (Some(sent.bytes) == listed.bytes && sent.tag == listed.tag).then_some(sent.modified)
    }

    /// The files, below the replica's folder, of which a listing does not show what was sent.
    pub(super) fn missing_or_changed(
        &self,
        listed: &RemoteListing,
        replica: &Path,
    ) -> Vec<PathBuf> {
        let (mut missing, forms) = (Vec::new(), UnicodeLookup::below(listed, replica));
        for (folder, files) in &self.folders {
            let path = path_within(replica, folder);
            let is_unchanged = |name: &Name| {
                let file = forms.file(&path.join(name.as_path()));
                file.is_some_and(|file| self.source_time(folder, name, file).is_some())
            };
            let names = files.keys().filter(|name| !is_unchanged(name));
            missing.extend(names.map(|name| folder.join(name.as_path())));
        }
        missing
    }
}

/// Files of a replica that are not proven, by their paths below its folder.
#[derive(Debug, Default)]
pub(super) struct PartialFiles {
    files: BTreeMap<PathBuf, Vec<UnverifiedUpload>>,
}

impl PartialFiles {
    pub(super) fn from_rows(rows: Vec<UnverifiedUpload>) -> Self {
        let mut partial = Self::default();
        for row in rows {
            let files = partial.files.entry(row.file.path.clone()).or_default();
            files.push(row);
        }
        partial
    }

    /// Whether what a listing shows may be half of what a run was sending.
    fn may_be_partial(&self, path: &Path, listed: &ListedFile, features: &RemoteFeatures) -> bool {
        let shown = ListedVersion {
            bytes: listed.bytes,
            tag: listed.tag,
        };
        let precision = features
            .time_precision()
            .filter(|_| !features.has_slow_mod_times());
        let is_complete = |row: &UnverifiedUpload| {
            let same_time = match precision {
                Some(step) => listed
                    .modified
                    .equals_at(row.sent.modified, step.max(TimePrecision::Second)),
                // Sizes alone prove nothing.
                None => row.is_reported && row.found.is_none(),
            };
            listed.bytes == Some(row.sent.bytes) && same_time
        };
        let rows = self.files.get(path);
        rows.is_some_and(|rows| {
            rows.iter()
                .any(|row| row.may_be_incomplete(shown) && !is_complete(row))
        })
    }
}

/// The projects of a scope that a listing of a category shows.
pub(super) fn collect_projects(
    listed: &RemoteListing,
    listing: &mut ProjectListing<'_>,
    scope: &Scope,
    inner_categories: &[PathBuf],
) {
    let category = &listing.category.path;
    let mut clients = BTreeSet::new();
    for path in listed.folders.keys() {
        let Ok(below) = path.strip_prefix(category) else {
            continue;
        };
        let names: Vec<Name> = below.iter().take(2).map(Name::from).collect();
        let is_inner_category = |depth: usize| {
            let above: PathBuf = category.iter().chain(below.iter().take(depth)).collect();
            inner_categories.contains(&above)
        };
        if names
            .iter()
            .any(|name| is_housekeeping_folder(name.as_os_str()))
            || is_inner_category(1)
        {
            continue;
        }
        clients.extend(names.first().cloned());
        if let [client, project] = names.as_slice() {
            let (client, project) = (client.clone(), project.clone());
            let project = ProjectId { client, project };
            if scope.contains(&project) && !is_inner_category(2) {
                listing.projects.insert(project);
            }
        }
    }
    listing.client_count = clients.len();
}

/// What a tree is made of.
pub(super) struct ReplicaTreeBuilder<'a> {
    /// The replica's folder below the root.
    pub(super) relative: &'a Path,
    /// The folders of other categories.
    pub(super) inner_categories: &'a [PathBuf],
    pub(super) exclusions: &'a Exclusions,
    pub(super) features: &'a RemoteFeatures,
    pub(super) record: &'a UploadRecord,
    /// Files that may be half, because a run that was sending them did not come to its end.
    pub(super) partial: &'a PartialFiles,
    /// Whether these are older than any version, to be replaced; else nothing is known of them.
    pub(super) replaces_partial: bool,
}

impl ReplicaTreeBuilder<'_> {
    /// The tree that a listing shows of it.
    pub(super) fn build(&self, listed: &RemoteListing) -> Tree {
        let mut tree = Tree {
            proven_precision: Some(
                self.features
                    .time_precision()
                    .unwrap_or(TimePrecision::Nanosecond),
            ),
            ..Tree::default()
        };
        for (path, why) in &listed.problems {
            let above = self.relative.starts_with(path);
            let below = path.strip_prefix(self.relative).ok();
            if let Some(path) = below.or_else(|| above.then_some(Path::new(""))) {
                tree.problems.push(Problem {
                    path: path.to_owned(),
                    error: Error::Rclone {
                        action: "list",
                        path: path.to_owned(),
                        why: why.clone(),
                    },
                });
            }
        }
        let from = self.relative.to_owned();
        let folders = listed.folders.range(from..);
        for (whole, files) in folders.take_while(|(path, _)| path.starts_with(self.relative)) {
            let path = whole.strip_prefix(self.relative).unwrap_or(whole);
            if self.is_excluded(whole, path) {
                continue;
            }
            let (seen, problems) = self.build_folder(path, files, &listed.duplicates);
            tree.problems.extend(problems);
            tree.folders
                .insert(path.to_owned(), TreeFolder::from_files(seen));
        }
        if !tree.folders.is_empty() && !self.features.keeps_empty_folders() {
            self.add_empty_folders(&mut tree);
        }
        for Problem { path, .. } in &tree.problems {
            // What a folder that cannot be listed holds is not known.
            if let Some(closed) = tree.folders.get_mut(path) {
                closed.files = None;
            }
        }
        set_subfolder_names(&mut tree);
        tree
    }

    /// Folders that were made at a storage which holds none that are empty: they are there as far as it can hold them.
    fn add_empty_folders(&self, tree: &mut Tree) {
        for (path, files) in &self.record.folders {
            if files.is_empty() && !tree.folders.contains_key(path) {
                let seen = ScannedFolder {
                    path: path.clone(),
                    ..ScannedFolder::default()
                };
                tree.folders
                    .insert(path.clone(), TreeFolder::from_files(seen));
            }
        }
    }

    /// Whether a folder is excluded, another category's, or below one that is.
    fn is_excluded(&self, whole: &Path, path: &Path) -> bool {
        let excluded = |path: &Path| {
            let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
                return false;
            };
            self.exclusions.excludes(above, name, true)
        };
        path.ancestors().any(excluded)
            || self
                .inner_categories
                .iter()
                .any(|inner| whole.starts_with(inner))
    }

    /// Says that a file may be half.
    fn partial_problem(&self, path: &Path, name: &Name) -> Problem {
        let path = path.join(name.as_path());
        let why = "a run that was sending it did not come to its end; copy or sync it there again";
        Problem {
            error: Error::Rclone {
                action: "prove",
                path: self.relative.join(&path),
                why: why.to_owned(),
            },
            path,
        }
    }

    fn build_folder(
        &self,
        path: &Path,
        files: &BTreeMap<Name, ListedFile>,
        duplicates: &BTreeSet<PathBuf>,
    ) -> (ScannedFolder, Vec<Problem>) {
        let mut unreadable = Vec::new();
        let mut entries = Vec::with_capacity(files.len());
        let mut problems = Vec::new();
        for (name, file) in files {
            if self.exclusions.excludes(path, name.as_os_str(), false) {
                continue;
            }
            let Some(bytes) = file.bytes else {
                let whole = path_within(self.relative, path).join(name.as_path());
                let (action, why) = if duplicates.contains(&whole) {
                    (
                        "tell which file is meant by",
                        "its name is there more than once: rename one of them there",
                    )
                } else {
                    ("say the size of", "it is a document that has none")
                };
                problems.push(Problem {
                    path: path.join(name.as_path()),
                    error: Error::Rclone {
                        action,
                        path: whole,
                        why: why.to_owned(),
                    },
                });
                unreadable.push(name.clone());
                continue;
            };
            let mut own = self
                .features
                .time_precision()
                .map_or(Timestamp::UNKNOWN, |_| file.modified);
            if self
                .partial
                .may_be_partial(&path.join(name.as_path()), file, self.features)
            {
                if !self.replaces_partial {
                    problems.push(self.partial_problem(path, name));
                    unreadable.push(name.clone());
                    continue;
                }
                own = Timestamp::UNKNOWN;
            }
            let modified = self.record.source_time(path, name, file).unwrap_or(own);
            entries.push((name, bytes, modified));
        }
        let (manifest, totals) = pack_files(&entries);
        let folder = ScannedFolder {
            path: path.to_owned(),
            manifest,
            totals,
            unreadable,
            ..ScannedFolder::default()
        };
        (folder, problems)
    }
}

/// A tree with everything that the record says of it, and with folders that were made.
pub(super) fn with_record(
    mut tree: Tree,
    record: &UploadRecord,
    made: &[PathBuf],
    features: &RemoteFeatures,
) -> Tree {
    if tree.folders.is_empty() {
        tree.proven_precision = Some(
            features
                .time_precision()
                .unwrap_or(TimePrecision::Nanosecond),
        );
    }
    let new = record.folders.iter().filter(|(_, files)| !files.is_empty());
    for path in new.map(|(path, _)| path).chain(made) {
        for above in path.ancestors() {
            tree.folders.entry(above.to_owned()).or_insert_with(|| {
                TreeFolder::from_files(ScannedFolder {
                    path: above.to_owned(),
                    ..ScannedFolder::default()
                })
            });
        }
    }
    for (path, files) in &record.folders {
        let Some(seen) = tree
            .folders
            .get_mut(path)
            .and_then(|folder| folder.files.as_mut())
        else {
            continue;
        };
        let mut all: BTreeMap<Name, (u64, Timestamp)> = BTreeMap::new();
        let mut before = seen.manifest.files();
        while let Ok(Some(file)) = before.next() {
            all.insert(
                Name::from_bytes(file.name.to_vec()),
                (file.bytes, file.modified),
            );
        }
        all.extend(
            files
                .iter()
                .map(|(name, file)| (name.clone(), (file.bytes, file.modified))),
        );
        let entries: Vec<_> = all
            .iter()
            .map(|(name, (bytes, modified))| (name, *bytes, *modified))
            .collect();
        (seen.manifest, seen.totals) = pack_files(&entries);
    }
    set_subfolder_names(&mut tree);
    tree
}

/// Packs the sizes and times of the files of one folder, which are sorted by name.
fn pack_files(files: &[(&Name, u64, Timestamp)]) -> (Manifest, FileTotals) {
    let mut builder = ManifestBuilder::with_capacity(files.len());
    let mut totals = FileTotals::default();
    for (name, bytes, modified) in files {
        builder.add(&ManifestFile {
            name: name.as_bytes(),
            bytes: *bytes,
            modified: *modified,
            target: None,
        });
        totals.add(*bytes, *modified);
    }
    (builder.finish(), totals)
}

/// Sets the names of the subfolders of every folder.
fn set_subfolder_names(tree: &mut Tree) {
    for folder in tree.folders.values_mut() {
        folder.subfolders.clear();
    }
    let paths: Vec<PathBuf> = tree.folders.keys().cloned().collect();
    for path in paths {
        if let (Some(above), Some(name)) = (path.parent(), path.file_name())
            && let Some(folder) = tree.folders.get_mut(above)
        {
            folder.subfolders.push(name.into());
        }
    }
    for folder in tree.folders.values_mut() {
        folder.subfolders.sort_unstable();
    }
}
