//! What changed in one replica since it was last sent: a pure value, made of its tree and of the record.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::skipped::ExcludedPaths;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::{SentFile, SentFolder, SentRow};
use crate::snapshot::manifest::ManifestFiles;
use crate::snapshot::tree::{Tree, TreeFolder};

/// A file that is new or another than the one that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChangedFile {
    /// The path below the replica's folder.
    pub(super) path: PathBuf,
    /// Its size now.
    pub(super) bytes: u64,
    /// Its modification time now.
    pub(super) modified: Timestamp,
    /// What was sent before under this name, if anything.
    pub(super) before: Option<SentFile>,
}

/// A file that a source sent, and that it does not show any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MissingFile {
    /// The path below the replica's folder.
    pub(super) path: PathBuf,
    /// What was sent.
    pub(super) sent: SentFile,
}

/// What changed in one replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReplicaChanges {
    /// Files to be sent, sorted.
    pub(super) send: Vec<ChangedFile>,
    /// Files that this source sent and does not show, sorted.
    pub(super) missing: Vec<MissingFile>,
    /// Folders with nothing in them that were not made there.
    pub(super) folders: Vec<PathBuf>,
    /// Links, which no remote holds.
    pub(super) links: Vec<PathBuf>,
    /// How many links are new, or others than those that were sent.
    pub(super) changed_links: u64,
    /// Pipes, sockets and devices.
    pub(super) specials: Vec<PathBuf>,
    /// How many files are as they were sent.
    pub(super) same: u64,
    /// How many files this source sent.
    pub(super) sent_files: u64,
}

impl ReplicaChanges {
    /// What changed between the record of a replica and its tree at this source. What is left alone now is not gone,
    /// whatever was sent before.
    pub(super) fn between(
        rows: &[SentRow],
        tree: &Tree,
        source: &Path,
        left_alone: &ExcludedPaths<'_>,
    ) -> Self {
        let mut changes = Self::default();
        let mut by_folder: BTreeMap<&Path, Vec<&SentRow>> = BTreeMap::new();
        for row in rows {
            by_folder.entry(&row.folder).or_default().push(row);
        }
        for (path, folder) in &tree.folders {
            let rows = by_folder.remove(path.as_path()).unwrap_or_default();
            changes.add_folder(path, folder, &rows, source, tree, left_alone);
        }
        // Folders that the tree does not show.
        for (path, rows) in by_folder {
            if left_alone.excludes_folder(path) {
                continue;
            }
            for row in rows.iter().filter(|row| row.source == source) {
                let mut files = row.files();
                files.retain(|name, _| !left_alone.excludes_file(path, name));
                changes.sent_files += files.len() as u64;
                if !is_unread(tree, path) {
                    let gone = files.into_iter().map(|(name, sent)| MissingFile {
                        path: path.join(name.as_path()),
                        sent,
                    });
                    changes.missing.extend(gone);
                }
            }
        }
        changes
    }

    fn add_folder(
        &mut self,
        path: &Path,
        folder: &TreeFolder,
        rows: &[&SentRow],
        source: &Path,
        tree: &Tree,
        left_alone: &ExcludedPaths<'_>,
    ) {
        let specials = folder.specials.iter().map(|name| path.join(name.as_path()));
        self.specials.extend(specials);
        let packed = folder.packed();
        let is_read = folder.files.is_some();
        if packed.is_empty() && folder.subfolders.is_empty() && is_read && rows.is_empty() {
            self.folders.push(path.to_owned());
        }
        // By far the most folders: nothing changed in them.
        if let [row] = rows
            && row.source == source
            && row.manifest.packed() == packed
            && is_read
        {
            let files = count_files(packed);
            self.same += files;
            self.sent_files += files;
            return;
        }
        let mut sent = SentFolder::new();
        let mut own: BTreeSet<Name> = BTreeSet::new();
        for row in rows {
            let files = row.files();
            if row.source == source {
                own.extend(files.keys().cloned());
            }
            sent.extend(files);
        }
        own.retain(|name| !left_alone.excludes_file(path, name));
        self.sent_files += own.len() as u64;
        self.compare_files(path, packed, &sent, &mut own);
        let gone = own
            .into_iter()
            .map(|name| (path.join(name.as_path()), sent[&name]));
        let gone = gone.filter(|(path, _)| is_read && !is_unread(tree, path));
        self.missing
            .extend(gone.map(|(path, sent)| MissingFile { path, sent }));
    }

    /// Sets the files of a folder beside what was sent; what is met goes from `own`.
    fn compare_files(
        &mut self,
        folder: &Path,
        packed: &[u8],
        sent: &SentFolder,
        own: &mut BTreeSet<Name>,
    ) {
        let mut files = ManifestFiles::of(packed);
        while let Ok(Some(file)) = files.next() {
            let name = Name::from_bytes(file.name.to_vec());
            own.remove(&name);
            let path = folder.join(name.as_path());
            let before = sent.get(&name).copied();
            let is_same = before.is_some_and(|sent| sent.matches(&file));
            if file.target.is_some() {
                self.links.push(path);
                self.same += u64::from(is_same);
                self.changed_links += u64::from(!is_same);
            } else if is_same {
                self.same += 1;
            } else {
                self.send.push(ChangedFile {
                    path,
                    bytes: file.bytes,
                    modified: file.modified,
                    before,
                });
            }
        }
    }
}

/// How many files a manifest holds.
fn count_files(packed: &[u8]) -> u64 {
    let mut files = ManifestFiles::of(packed);
    let mut count = 0;
    while let Ok(Some(_)) = files.next() {
        count += 1;
    }
    count
}

/// Whether nothing is known of what has this path in a tree.
fn is_unread(tree: &Tree, path: &Path) -> bool {
    let mut problems = tree.problems.iter();
    problems.any(|problem| path.starts_with(&problem.path))
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

    /// Name, size and second.
    type Row<'a> = (&'a str, u64, i64);

    fn tree(folders: &[(&str, &[Row<'_>])]) -> Tree {
        let mut tree = Tree::default();
        for (path, files) in folders {
            let mut packer = ManifestBuilder::default();
            for (name, bytes, seconds) in *files {
                packer.add(&ManifestFile {
                    name: name.as_bytes(),
                    bytes: *bytes,
                    modified: at(*seconds),
                    target: None,
                });
            }
            let seen = ScannedFolder {
                path: path.into(),
                manifest: packer.finish(),
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
    fn what_is_new_another_or_gone_is_told_from_what_is_the_same() {
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
        assert_eq!(names(changes.folders.into_iter()), ["empty"]);
        assert_eq!((changes.same, changes.sent_files), (2, 5));
    }

    #[test]
    fn what_another_source_sent_is_there_and_is_not_gone() {
        let rows = [
            sent("", "/nas", &[("a", 1, 1), ("z", 1, 1)]),
            sent("", WORK, &[("b", 2, 2)]),
        ];
        let changes = between(&rows, &tree(&[("", &[("a", 1, 1), ("b", 2, 2)])]));
        assert_eq!((changes.send.len(), changes.missing.len()), (0, 0));
        assert_eq!((changes.same, changes.sent_files), (2, 1));
    }

    #[test]
    fn what_could_not_be_read_is_not_gone() {
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
