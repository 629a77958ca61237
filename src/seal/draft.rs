//! The hash lists of the next generations: entries by history, with the hashes of folders that are complete in them.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::file::ignore_list;
use super::replica::ReplicaHistories;
use super::request::SealRequest;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::mhl::folder_hash::FolderHasher;
use crate::mhl::hash_list::{
    FolderHash, HashAction, HashList, HashListHead, HashedFile, HashedFolder, TOOL,
};
use crate::mhl::history_set::{HistorySet, join, path_below};
use crate::mhl::ignore_list::IgnoreList;
use crate::mhl::is_representable;
use crate::os::host;
use crate::snapshot::content_hash::{HashFormat, HashFormatSet};

/// The next generation of one history.
#[derive(Debug)]
pub(super) struct Draft {
    /// The folder of the history below the replica.
    pub(super) folder: String,
    /// Without references, which exist only when the nested lists are written.
    pub(super) list: HashList,
    /// The folders of the histories directly below it.
    pub(super) nested: Vec<String>,
}

/// The drafts of all histories of a replica, each after those below it.
#[derive(Debug)]
pub(super) struct Drafts {
    pub(super) drafts: Vec<Draft>,
    pub(super) is_dry_run: bool,
}

impl Drafts {
    /// Makes the drafts of entries with paths below the replica.
    pub(super) fn new(
        request: &SealRequest<'_>,
        replica: &ReplicaHistories,
        entries: Vec<HashedFile>,
    ) -> Result<Self> {
        let histories = &replica.histories;
        let mut by_folder: BTreeMap<String, Vec<HashedFile>> = BTreeMap::new();
        by_folder.entry(String::new()).or_default();
        for (folder, _) in histories.iter() {
            by_folder.entry(folder.to_owned()).or_default();
        }
        for entry in entries {
            let folder = histories.folder_of(&entry.path).to_owned();
            by_folder.entry(folder).or_default().push(entry);
        }
        let mut roots: BTreeMap<String, Vec<FolderHash>> = BTreeMap::new();
        let mut drafts = Vec::new();
        let folders: Vec<String> = by_folder.keys().cloned().collect();
        for (folder, files) in by_folder.into_iter().rev() {
            let ignored = ignore_list(histories, &folder, request.exclusions())?;
            let (root, inner) = hash_folders(replica, (&folder, &ignored), &files, &roots);
            let nested = folders
                .iter()
                .filter(|other| is_directly_below(histories, &folder, other));
            let nested: Vec<String> = nested.cloned().collect();
            let mut list = HashList {
                head: head(request, &ignored),
                root,
                files,
                folders: inner,
            };
            list.folders
                .extend(nested.iter().filter_map(|below| nested_root(&roots, below)));
            for file in &mut list.files {
                file.path = path_below(&folder, &file.path).to_owned();
            }
            for inner in &mut list.folders {
                inner.path = path_below(&folder, &inner.path).to_owned();
            }
            roots.insert(folder.clone(), list.root.clone());
            drafts.push(Draft {
                folder,
                list,
                nested,
            });
        }
        Ok(Self {
            drafts,
            is_dry_run: request.dry_run,
        })
    }
}

fn head(request: &SealRequest<'_>, ignored: &IgnoreList) -> HashListHead {
    HashListHead {
        created: Timestamp {
            nanoseconds: 0,
            ..request.started
        },
        host: host::name(),
        tool: TOOL.to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        comment: request
            .comment
            .clone()
            .filter(|text| is_representable(text)),
        process: request.process,
        ignore: ignored.patterns().to_vec(),
        references: Vec::new(),
    }
}

/// True if a history is inside another, and in no third one inside that.
fn is_directly_below(histories: &HistorySet, folder: &str, other: &str) -> bool {
    !other.is_empty() && other != folder && histories.folder_of(other) == folder
}

/// The folder of a nested history as its outer history lists it.
fn nested_root(roots: &BTreeMap<String, Vec<FolderHash>>, folder: &str) -> Option<HashedFolder> {
    let hashes = roots.get(folder).filter(|hashes| !hashes.is_empty())?;
    Some(HashedFolder {
        path: folder.to_owned(),
        modified: None,
        hashes: hashes.clone(),
    })
}

/// Returns the hashes of the folder of a history and of those below it, as far as all of their files have a hash of one
/// format in the same generation.
fn hash_folders(
    replica: &ReplicaHistories,
    (base, ignored): (&str, &IgnoreList),
    files: &[HashedFile],
    roots: &BTreeMap<String, Vec<FolderHash>>,
) -> (Vec<FolderHash>, Vec<HashedFolder>) {
    let hashes = files.iter().flat_map(|file| &file.hashes);
    let formats: HashFormatSet = hashes.map(|entry| entry.value.format()).collect();
    let by_path = files
        .iter()
        .map(|file| (file.path.as_str(), file))
        .collect();
    let mut root = Vec::new();
    let mut folders: BTreeMap<String, HashedFolder> = BTreeMap::new();
    for format in formats.iter() {
        let mut walk = FolderWalk {
            replica,
            base,
            ignored,
            files: &by_path,
            roots,
            format,
            found: Vec::new(),
        };
        root.extend(walk.hash(base));
        for (path, hash) in walk.found {
            let entry = folders.entry(path.clone()).or_insert_with(|| HashedFolder {
                modified: replica
                    .tree
                    .folders
                    .get(Path::new(&path))
                    .map(|folder| Timestamp {
                        nanoseconds: 0,
                        ..folder.modified
                    }),
                path,
                hashes: Vec::new(),
            });
            entry.hashes.push(hash);
        }
    }
    (root, folders.into_values().collect())
}

/// Computes the hashes of the folders of one history in one format.
struct FolderWalk<'a> {
    replica: &'a ReplicaHistories,
    base: &'a str,
    ignored: &'a IgnoreList,
    files: &'a HashMap<&'a str, &'a HashedFile>,
    roots: &'a BTreeMap<String, Vec<FolderHash>>,
    format: HashFormat,
    found: Vec<(String, FolderHash)>,
}

impl FolderWalk<'_> {
    /// Returns the hash of a folder if everything in it has one. Adds those of the folders below it to `found`.
    fn hash(&mut self, path: &str) -> Option<FolderHash> {
        let tree = &self.replica.tree;
        let folder = tree.folders.get(Path::new(path))?;
        let below_base = path_below(self.base, path);
        let ignores = |ignored: &IgnoreList, name: &OsStr, is_folder| {
            ignored.ignores(Path::new(below_base), name, is_folder)
        };
        let mut hasher = FolderHasher::new(self.format);
        let mut is_complete = folder.files.is_some() && folder.specials.is_empty();
        let mut files = folder.manifest().files();
        while let Some(file) = files.next() {
            if ignores(self.ignored, OsStr::from_bytes(file.name), false) {
                continue;
            }
            let name = std::str::from_utf8(file.name).ok();
            match name.and_then(|name| Some((name, self.file_hash(&join(path, name))?))) {
                Some((name, hash)) => hasher.add_file(name, hash),
                None => is_complete = false,
            }
        }
        for name in &folder.subfolders {
            if ignores(self.ignored, name.as_os_str(), true) {
                continue;
            }
            let name = std::str::from_utf8(name.as_bytes()).ok();
            match name.and_then(|name| Some((name, self.subfolder_hash(&join(path, name))?))) {
                Some((name, hash)) => hasher.add_folder(name, hash),
                None => is_complete = false,
            }
        }
        // A folder that the product leaves out, but the history does not, is there for other programs.
        let hidden = tree
            .hidden_folders
            .iter()
            .filter(|hidden| hidden.parent() == Some(Path::new(path)));
        for hidden in hidden {
            let name = hidden.file_name().unwrap_or_default();
            is_complete &= ignores(self.ignored, name, true);
        }
        hasher.finish().filter(|_| is_complete)
    }

    fn file_hash(&self, path: &str) -> Option<crate::snapshot::content_hash::HashValue> {
        let hashes = &self.files.get(path)?.hashes;
        let entry = hashes
            .iter()
            .find(|entry| entry.value.format() == self.format)?;
        (entry.action != HashAction::Failed).then_some(entry.value)
    }

    fn subfolder_hash(&mut self, path: &str) -> Option<FolderHash> {
        if let Some(hashes) = self.roots.get(path) {
            let mut hashes = hashes.iter();
            return hashes
                .find(|hash| hash.content.format() == self.format)
                .copied();
        }
        let hash = self.hash(path)?;
        self.found.push((path.to_owned(), hash));
        Some(hash)
    }
}
