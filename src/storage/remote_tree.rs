//! From a listing of a remote to projects and to the tree of a replica.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::upload_record::{PartialFiles, UploadRecord};
use crate::base::error::Error;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::model::exclusion::{Exclusions, is_housekeeping_folder};
use crate::model::layout::{InnerFolders, LayoutPart};
use crate::model::project::Scope;
use crate::rclone::{ListedFile, RemoteFeatures, RemoteListing};
use crate::snapshot::discovery::{ProjectListing, UnreadFolder};
use crate::snapshot::manifest::{Manifest, ManifestFile};
use crate::snapshot::manifest_join::merge;
use crate::snapshot::tree::{Problem, ScannedFolder, Tree, TreeFolder};

/// Adds the projects of a scope that a listing of a category shows, and the folders that could not be listed.
pub(super) fn collect_projects(
    listed: &RemoteListing,
    listing: &mut ProjectListing<'_>,
    scope: &Scope,
    to_error: impl Fn(&Path, &str) -> Error,
) {
    let category = listing.category;
    let parts = category.layout.parts();
    let fixed = parts.iter().take_while(|part| !part.is_placeholder());
    let client_depth = fixed.count() + 1;
    let mut clients = BTreeSet::new();
    for path in listed.folders.keys() {
        if path.iter().take(parts.len()).any(is_housekeeping_folder) || category.inner.covers(path)
        {
            continue;
        }
        if category.layout.is_on_the_way(path) || category.layout.locate(path).is_some() {
            clients.extend(path.iter().nth(client_depth - 1));
        }
        let located = category.locate(path);
        let located = located.filter(|(project, _)| scope.contains(project));
        listing.projects.extend(located.map(|(project, _)| project));
    }
    listing.client_count = if parts.last().is_some_and(LayoutPart::is_placeholder) {
        clients.len()
    } else {
        listing.projects.len()
    };
    for (path, why) in &listed.problems {
        // Reading a project reports its closed folders.
        let client = category.layout.client_of(path);
        if client.is_some_and(|client| !scope.has_client(&client)) {
            continue;
        }
        if category.layout.is_on_the_way(path) || category.base().starts_with(path) {
            listing.unread.push(UnreadFolder {
                path: path.clone(),
                error: to_error(path, why),
            });
        }
    }
}

/// The inputs for the tree of a replica.
pub(super) struct ReplicaTreeBuilder<'a> {
    /// The replica's folder below the root.
    pub(super) relative: &'a Path,
    /// The folders of other categories, which are left out.
    pub(super) inner_folders: &'a InnerFolders,
    pub(super) exclusions: &'a Exclusions,
    pub(super) features: &'a RemoteFeatures,
    pub(super) record: &'a UploadRecord,
    /// Files that an interrupted run may have sent only in part.
    pub(super) partial: &'a PartialFiles,
    /// True if such files count as older than any version, so that they are replaced; false if they are unreadable.
    pub(super) replaces_partial: bool,
}

impl ReplicaTreeBuilder<'_> {
    /// Builds the tree that a listing shows.
    pub(super) fn build(&self, listed: &RemoteListing) -> Tree {
        let mut tree = Tree {
            proven_precision: proven_precision(self.features),
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
        for (full_path, files) in folders.take_while(|(path, _)| path.starts_with(self.relative)) {
            let path = full_path.strip_prefix(self.relative).unwrap_or(full_path);
            if self.is_excluded(full_path, path) {
                let hidden = path.ancestors().filter(|path| *path != Path::new(""));
                let hidden =
                    hidden.filter(|path| self.is_excluded(&self.relative.join(path), path));
                tree.hidden_folders
                    .extend(hidden.last().map(Path::to_owned));
                continue;
            }
            let (scanned, problems) = self.build_folder(path, files, &listed.duplicates);
            tree.problems.extend(problems);
            tree.folders
                .insert(path.to_owned(), TreeFolder::from_files(scanned));
        }
        if !tree.folders.is_empty() && !self.features.keeps_empty_folders() {
            self.add_empty_folders(&mut tree);
        }
        for Problem { path, .. } in &tree.problems {
            // The files of a folder that cannot be listed are unknown.
            if let Some(closed) = tree.folders.get_mut(path) {
                closed.files = None;
            }
        }
        tree.set_subfolder_names();
        tree
    }

    /// Adds the recorded empty folders, for a storage that cannot hold them.
    fn add_empty_folders(&self, tree: &mut Tree) {
        for (path, files) in &self.record.folders {
            if files.is_empty() && !tree.folders.contains_key(path) {
                tree.add_parent(path);
            }
        }
    }

    /// True if a folder is excluded, belongs to another category, or is below such a folder.
    fn is_excluded(&self, full_path: &Path, path: &Path) -> bool {
        self.exclusions.excludes_folder(path) || self.inner_folders.covers(full_path)
    }

    fn build_folder(
        &self,
        path: &Path,
        files: &BTreeMap<Name, ListedFile>,
        duplicates: &BTreeSet<PathBuf>,
    ) -> (ScannedFolder, Vec<Problem>) {
        let (mut unreadable, mut problems) = (Vec::new(), Vec::new());
        let mut entries = Vec::with_capacity(files.len());
        for (name, file) in files {
            if self.exclusions.excludes(path, name.as_os_str(), false) {
                continue;
            }
            match self.read_file(path, name, file, duplicates) {
                Ok((bytes, modified)) => {
                    entries.push(ManifestFile::regular(name.as_bytes(), bytes, modified));
                }
                Err((action, why)) => {
                    let path = path.join(name.as_path());
                    problems.push(Problem {
                        error: Error::Rclone {
                            action,
                            path: self.relative.join(&path),
                            why: why.to_owned(),
                        },
                        path,
                    });
                    unreadable.push(name.clone());
                }
            }
        }
        let (manifest, totals) = Manifest::of_files(entries);
        let folder = ScannedFolder {
            path: path.to_owned(),
            manifest,
            totals,
            unreadable,
            ..ScannedFolder::default()
        };
        (folder, problems)
    }

    /// Returns the size and time of a listed file.
    ///
    /// # Errors
    /// The action that fails, and the reason.
    fn read_file(
        &self,
        folder: &Path,
        name: &Name,
        file: &ListedFile,
        duplicates: &BTreeSet<PathBuf>,
    ) -> Result<(u64, Timestamp), (&'static str, &'static str)> {
        let path = folder.join(name.as_path());
        let Some(bytes) = file.bytes else {
            let why = if duplicates.contains(&self.relative.join(&path)) {
                "more than one file there has this name; rename all but one"
            } else {
                "the storage reports no size for it, as for an online document"
            };
            return Err(("read", why));
        };
        let is_partial = self.partial.may_be_partial(&path, file, self.features);
        if is_partial && !self.replaces_partial {
            let why =
                "an interrupted run may have sent only part of it; copy or sync it there again";
            return Err(("verify", why));
        }
        let has_time = !is_partial && self.features.time_precision().is_some();
        let listed_time = if has_time {
            file.modified
        } else {
            Timestamp::UNKNOWN
        };
        let source_time = self.record.source_time(folder, name, file);
        Ok((bytes, source_time.unwrap_or(listed_time)))
    }
}

/// Adds the recorded files and the created folders to a tree.
pub(super) fn with_record(
    mut tree: Tree,
    record: &UploadRecord,
    created: &[PathBuf],
    features: &RemoteFeatures,
) -> Tree {
    if tree.folders.is_empty() {
        tree.proven_precision = proven_precision(features);
    }
    let new = record.folders.iter().filter(|(_, files)| !files.is_empty());
    for path in new.map(|(path, _)| path).chain(created) {
        for above in path.ancestors() {
            tree.add_parent(above);
        }
    }
    for (path, files) in &record.folders {
        let Some(scanned) = tree
            .folders
            .get_mut(path)
            .and_then(|folder| folder.files.as_mut())
        else {
            continue;
        };
        let sent = files
            .iter()
            .map(|(name, file)| ManifestFile::regular(name.as_bytes(), file.bytes, file.modified));
        let sent = Manifest::of_files(sent).0;
        (scanned.manifest, scanned.totals) = merge(scanned.manifest.as_ref(), sent.as_ref());
    }
    tree.set_subfolder_names();
    tree
}

/// Returns the precision of a tree's times. Without times on the storage they come from the record, which is exact.
fn proven_precision(features: &RemoteFeatures) -> Option<TimePrecision> {
    features
        .time_precision()
        .or(Some(TimePrecision::Nanosecond))
}
