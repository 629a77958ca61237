//! What changed in one replica since it was last sent: a pure value, made of its tree and of the record.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::index::{SentFile, SentFolder, SentRow};
use crate::manifest::Files;
use crate::moment::Moment;
use crate::name::Name;
use crate::tree::{Tree, TreeFolder};

/// A file that is new or another than the one that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Changed {
    /// The path below the replica's folder.
    pub(super) path: PathBuf,
    /// Its size now.
    pub(super) bytes: u64,
    /// Its modification time now.
    pub(super) modified: Moment,
    /// What was sent before under this name, if anything.
    pub(super) before: Option<SentFile>,
}

/// A file that a source sent, and that it does not show any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gone {
    /// The path below the replica's folder.
    pub(super) path: PathBuf,
    /// What was sent.
    pub(super) sent: SentFile,
}

/// What changed in one replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Files to be sent, sorted.
    pub(super) send: Vec<Changed>,
    /// Files that this source sent and does not show, sorted.
    pub(super) gone: Vec<Gone>,
    /// Folders with nothing in them that were not made there.
    pub(super) folders: Vec<PathBuf>,
    /// Links, which no remote holds.
    pub(super) links: Vec<PathBuf>,
    /// Pipes, sockets and devices.
    pub(super) specials: Vec<PathBuf>,
    /// How many files are as they were sent.
    pub(super) same: u64,
    /// How many files this source sent.
    pub(super) known: u64,
}

impl Changes {
    /// What changed between the record of a replica and its tree at this source.
    pub(super) fn between(rows: &[SentRow], tree: &Tree, source: &Path) -> Self {
        let mut changes = Self::default();
        let mut by_folder: BTreeMap<&Path, Vec<&SentRow>> = BTreeMap::new();
        for row in rows {
            by_folder.entry(&row.folder).or_default().push(row);
        }
        for (path, folder) in &tree.folders {
            let rows = by_folder.remove(path.as_path()).unwrap_or_default();
            changes.folder(path, folder, &rows, source, tree);
        }
        // Folders that the tree does not show.
        for (path, rows) in by_folder {
            for row in rows.iter().filter(|row| row.source == source) {
                let files = row.files();
                changes.known += files.len() as u64;
                if !is_unread(tree, path) {
                    let gone = files.into_iter().map(|(name, sent)| Gone {
                        path: path.join(name.as_path()),
                        sent,
                    });
                    changes.gone.extend(gone);
                }
            }
        }
        changes
    }

    fn folder(
        &mut self,
        path: &Path,
        folder: &TreeFolder,
        rows: &[&SentRow],
        source: &Path,
        tree: &Tree,
    ) {
        let specials = folder.specials.iter().map(|name| path.join(name.as_path()));
        self.specials.extend(specials);
        let packed = folder.packed();
        if packed.is_empty()
            && folder.subfolders.is_empty()
            && folder.files.is_some()
            && rows.is_empty()
        {
            self.folders.push(path.to_owned());
        }
        // By far the most folders: nothing changed in them.
        if let [row] = rows
            && row.source == source
            && row.manifest.packed() == packed
            && folder.files.is_some()
        {
            let files = count(packed);
            self.same += files;
            self.known += files;
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
        self.known += own.len() as u64;
        let mut files = Files::of(packed);
        while let Ok(Some(file)) = files.next() {
            let name = Name::from_bytes(file.name.to_vec());
            own.remove(&name);
            let path = path.join(name.as_path());
            let before = sent.get(&name).copied();
            if file.target.is_some() {
                self.links.push(path);
            } else if before
                .is_some_and(|sent| (sent.bytes, sent.modified) == (file.bytes, file.modified))
            {
                self.same += 1;
            } else {
                self.send.push(Changed {
                    path,
                    bytes: file.bytes,
                    modified: file.modified,
                    before,
                });
            }
        }
        if folder.files.is_none() {
            return;
        }
        for name in own {
            let whole = path.join(name.as_path());
            if !is_unread(tree, &whole) {
                self.gone.push(Gone {
                    sent: sent[&name],
                    path: whole,
                });
            }
        }
    }
}

/// How many files a manifest holds.
fn count(packed: &[u8]) -> u64 {
    let mut files = Files::of(packed);
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
