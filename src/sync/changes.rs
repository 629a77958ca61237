//! The changes of one replica since the previous sync, computed from its tree and from the record of sent files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::collect::SyncReplica;
use super::run::SyncRun;
use super::skipped::ExcludedPaths;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::copy::plan::MissingFile;
use crate::index::{SentFile, SentFolder, SentRow};
use crate::snapshot::manifest::ManifestRef;
use crate::snapshot::tree::{Tree, TreeFolder};

/// A file that is new, or differs from the file that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChangedFile {
    /// The path below the replica's folder.
    pub(super) path: PathBuf,
    /// Current size in bytes.
    pub(super) bytes: u64,
    /// Current mtime.
    pub(super) modified: Timestamp,
    /// The file that was sent under this name, if any.
    pub(super) before: Option<SentFile>,
}

/// Changes of one replica. Paths are relative to its folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReplicaChanges {
    /// Files to send, sorted.
    pub(super) send: Vec<ChangedFile>,
    /// Files that this source sent and no longer holds, sorted.
    pub(super) missing: Vec<MissingFile>,
    /// True if a folder is new and empty.
    has_new_folders: bool,
    /// Number of links that are new, or differ from those that were sent.
    changed_links: u64,
    /// Number of files that are unchanged since they were sent.
    pub(super) same: u64,
    /// Number of files that this source sent.
    pub(super) sent_files: u64,
}

impl SyncRun<'_> {
    /// Returns the changes of a replica.
    pub(super) fn replica_changes(&self, replica: &SyncReplica<'_>) -> ReplicaChanges {
        let excluded = self.excluded_paths(&replica.relative);
        let source = &self.request.source.root;
        ReplicaChanges::between(&replica.sent_rows, &replica.tree, source, &excluded)
    }
}

impl ReplicaChanges {
    /// True if files, links or empty folders are new or changed.
    pub(super) fn has_changes(&self) -> bool {
        !self.send.is_empty() || self.has_new_folders || self.changed_links > 0
    }

    /// Compares the record of a replica with its tree at this source. Excluded files are not missing, even if they were
    /// sent before.
    pub(super) fn between(
        rows: &[SentRow],
        tree: &Tree,
        source: &Path,
        excluded: &ExcludedPaths<'_>,
    ) -> Self {
        let mut finder = ChangeFinder {
            tree,
            source,
            excluded,
            changes: Self::default(),
        };
        let mut by_folder: BTreeMap<&Path, Vec<&SentRow>> = BTreeMap::new();
        for row in rows {
            by_folder.entry(&row.folder).or_default().push(row);
        }
        for (path, folder) in &tree.folders {
            let rows = by_folder.remove(path.as_path()).unwrap_or_default();
            finder.compare_folder(path, folder, &rows);
        }
        for (path, rows) in by_folder {
            finder.add_missing_folder(path, &rows);
        }
        finder.changes
    }
}

/// A comparison of one replica in progress.
struct ChangeFinder<'a> {
    tree: &'a Tree,
    source: &'a Path,
    excluded: &'a ExcludedPaths<'a>,
    changes: ReplicaChanges,
}

impl ChangeFinder<'_> {
    /// Adds the files of a folder that is in the record and not in the tree.
    fn add_missing_folder(&mut self, path: &Path, rows: &[&SentRow]) {
        if self.excluded.excludes_folder(path) {
            return;
        }
        let source = self.source;
        for row in rows.iter().filter(|row| row.source == source) {
            let mut files = row.files();
            files.retain(|name, _| !self.excluded.excludes_file(path, name));
            self.changes.sent_files += files.len() as u64;
            for (name, sent) in files {
                self.add_missing(path, &name, sent);
            }
        }
    }

    fn add_missing(&mut self, folder: &Path, name: &Name, sent: SentFile) {
        let path = folder.join(name.as_path());
        if !self.tree.is_unread(&path) {
            self.changes.missing.push(MissingFile {
                replica: self.excluded.relative.to_owned(),
                path,
                sent,
                respelled: None,
            });
        }
    }

    fn compare_folder(&mut self, path: &Path, folder: &TreeFolder, rows: &[&SentRow]) {
        let manifest = folder.manifest();
        let is_read = folder.files.is_some();
        if manifest.is_empty() && folder.subfolders.is_empty() && is_read && rows.is_empty() {
            self.changes.has_new_folders = true;
        }
        // Shortcut for the common case: the folder is unchanged.
        if let [row] = rows
            && row.source == self.source
            && row.packed.manifest.as_ref() == manifest
            && is_read
        {
            let files = count_files(manifest);
            self.changes.same += files;
            self.changes.sent_files += files;
            return;
        }
        let mut sent = SentFolder::new();
        let mut own: BTreeSet<Name> = BTreeSet::new();
        for row in rows {
            let files = row.files();
            if row.source == self.source {
                own.extend(files.keys().cloned());
            }
            sent.extend(files);
        }
        own.retain(|name| !self.excluded.excludes_file(path, name));
        self.changes.sent_files += own.len() as u64;
        self.compare_files(path, manifest, &sent, &mut own);
        if is_read {
            for name in own {
                self.add_missing(path, &name, sent[&name]);
            }
        }
    }

    /// Compares the files of a folder with the record, and removes the files that exist from `own`.
    fn compare_files(
        &mut self,
        folder: &Path,
        manifest: ManifestRef<'_>,
        sent: &SentFolder,
        own: &mut BTreeSet<Name>,
    ) {
        let changes = &mut self.changes;
        let mut files = manifest.files();
        while let Some(file) = files.next() {
            let name = Name::from_bytes(file.name.to_vec());
            own.remove(&name);
            let path = folder.join(name.as_path());
            let before = sent.get(&name).copied();
            let is_same = before.is_some_and(|sent| sent.matches(&file));
            if file.target.is_some() {
                changes.same += u64::from(is_same);
                changes.changed_links += u64::from(!is_same);
            } else if is_same {
                changes.same += 1;
            } else {
                changes.send.push(ChangedFile {
                    path,
                    bytes: file.bytes,
                    modified: file.modified,
                    before,
                });
            }
        }
    }
}

/// Counts the files in a manifest.
fn count_files(manifest: ManifestRef<'_>) -> u64 {
    let mut files = manifest.files();
    let mut count = 0;
    while files.next().is_some() {
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Error;
    use crate::snapshot::manifest::{ManifestBuilder, ManifestFile};
    use crate::snapshot::tree::{Problem, ScannedFolder};

    const WORK: &str = "/work";

    fn at(seconds: i64) -> Timestamp {
        Timestamp {
            seconds,
            nanoseconds: 5,
        }
    }

    /// Name, size in bytes, and mtime in seconds.
    type Row<'a> = (&'a str, u64, i64);

    fn tree(folders: &[(&str, &[Row<'_>])]) -> Tree {
        let mut tree = Tree::default();
        for (path, files) in folders {
            let mut builder = ManifestBuilder::default();
            for (name, bytes, seconds) in *files {
                builder.add(&ManifestFile {
                    name: name.as_bytes(),
                    bytes: *bytes,
                    modified: at(*seconds),
                    target: None,
                });
            }
            let seen = ScannedFolder {
                path: path.into(),
                manifest: builder.finish(),
                ..ScannedFolder::default()
            };
            tree.folders
                .insert(path.into(), TreeFolder::from_files(seen));
        }
        tree
    }

    fn sent(folder: &str, source: &str, files: &[Row<'_>]) -> SentRow {
        let files = files.iter().map(|(name, bytes, seconds)| {
            let file = SentFile {
                bytes: *bytes,
                modified: at(*seconds),
                ..SentFile::default()
            };
            (Name::from(*name), file)
        });
        SentRow::pack(Path::new(folder), Path::new(source), &files.collect())
    }

    fn between(rows: &[SentRow], tree: &Tree) -> ReplicaChanges {
        ReplicaChanges::between(rows, tree, Path::new(WORK), &ExcludedPaths::none())
    }

    fn names(paths: impl Iterator<Item = PathBuf>) -> Vec<String> {
        paths.map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn new_changed_and_missing_files_are_separated() {
        let rows = [
            sent("", WORK, &[("a", 1, 1), ("b", 2, 2), ("c", 3, 3)]),
            sent("old", WORK, &[("x", 1, 1)]),
            sent("rest", WORK, &[("y", 1, 1)]),
        ];
        let tree = tree(&[
            ("", &[("a", 1, 1), ("b", 2, 9), ("d", 4, 4)]),
            ("empty", &[]),
            ("rest", &[("y", 1, 1)]),
        ]);
        let changes = between(&rows, &tree);
        assert_eq!(
            names(changes.send.iter().map(|file| file.path.clone())),
            ["b", "d"]
        );
        assert_eq!(changes.send[0].before.unwrap().modified, at(2));
        assert_eq!(changes.send[1].before, None);
        assert_eq!(
            names(changes.missing.iter().map(|file| file.path.clone())),
            ["c", "old/x"]
        );
        assert!(changes.has_new_folders && changes.has_changes());
        assert_eq!((changes.same, changes.sent_files), (2, 5));
    }

    #[test]
    fn files_of_another_source_are_not_missing() {
        let rows = [
            sent("", "/nas", &[("a", 1, 1), ("z", 1, 1)]),
            sent("", WORK, &[("b", 2, 2)]),
        ];
        let changes = between(&rows, &tree(&[("", &[("a", 1, 1), ("b", 2, 2)])]));
        assert_eq!((changes.send.len(), changes.missing.len()), (0, 0));
        assert_eq!((changes.same, changes.sent_files), (2, 1));
    }

    #[test]
    fn unread_folders_and_files_are_not_missing() {
        let rows = [
            sent("", WORK, &[("a", 1, 1)]),
            sent("closed", WORK, &[("x", 1, 1)]),
            sent("closed/below", WORK, &[("y", 1, 1)]),
        ];
        let mut tree = tree(&[("", &[])]);
        tree.problems = ["closed", "a"]
            .map(|path| Problem {
                path: path.into(),
                error: Error::Interrupted,
            })
            .into();
        let changes = between(&rows, &tree);
        assert_eq!(changes.missing, []);
        assert_eq!(changes.sent_files, 3);
    }
}
