//! Completion of paths. The disk is read on a separate thread with a timeout: a dead mount must not block the prompt.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::candidates::PathBases;
use super::name_list::NameList;
use crate::model::path;
use crate::os::timeout::call_with_timeout;

/// Timeout of reading a folder.
const READ_TIMEOUT: Duration = Duration::from_millis(300);

/// Maximum number of folder entries that are read.
const MAX_ENTRIES: usize = 10_000;

/// Means of completing a path.
#[derive(Clone, Copy, Debug)]
pub(in crate::shell) enum DiskAccess<'a> {
    /// Reads the folder.
    Read,
    /// Uses only a folder that was read before: typing waits for no disk.
    Cached(Option<&'a FolderListing>),
}

/// Names in the folder of a typed path.
#[derive(Clone, Debug)]
pub(in crate::shell) struct FolderListing {
    /// Typed text up to the last `/`.
    pub(super) folder: OsString,
    has_hidden_names: bool,
    pub(super) names: Arc<NameList>,
}

/// Splits a typed path after its last `/`.
pub(super) fn split_path(typed: &OsStr) -> (&OsStr, &OsStr) {
    let bytes = typed.as_bytes();
    let slash = bytes.iter().rposition(|byte| *byte == b'/');
    let (folder, name) = bytes.split_at(slash.map_or(0, |at| at + 1));
    (OsStr::from_bytes(folder), OsStr::from_bytes(name))
}

/// Lists the folder of a typed path; folders end in `/`. Hidden names need a typed dot.
pub(super) fn list_folder(
    typed: &OsStr,
    path_bases: &PathBases,
    access: DiskAccess<'_>,
) -> Option<FolderListing> {
    let (folder, name) = split_path(typed);
    let has_hidden_names = name.as_bytes().starts_with(b".");
    let listing = |names| FolderListing {
        folder: folder.to_owned(),
        has_hidden_names,
        names: Arc::new(names),
    };
    if typed == "~" {
        return Some(listing([OsString::from("~/")].into_iter().collect()));
    }
    if let DiskAccess::Cached(known) = access {
        let is_same = |known: &&FolderListing| {
            known.folder == folder && known.has_hidden_names == has_hidden_names
        };
        return known.filter(is_same).cloned();
    }
    let include_files = path_bases.include_files;
    let folders: Vec<PathBuf> = path_bases
        .bases
        .iter()
        .filter_map(|base| path::absolute(folder, base).ok())
        .collect();
    let found = call_with_timeout(READ_TIMEOUT, move || {
        let names = folders
            .iter()
            .flat_map(|folder| folder_names(folder, has_hidden_names, include_files));
        names.collect::<BTreeSet<_>>()
    });
    Some(listing(found?.into_iter().collect()))
}

fn folder_names(folder: &Path, hidden: bool, include_files: bool) -> Vec<OsString> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let name = |entry: fs::DirEntry| {
        let mut name = entry.file_name().into_vec();
        if name.starts_with(b".") != hidden {
            return None;
        }
        let is_folder = is_folder(&entry);
        if is_folder {
            name.push(b'/');
        }
        (is_folder || include_files).then(|| OsString::from_vec(name))
    };
    entries
        .take(MAX_ENTRIES)
        .filter_map(Result::ok)
        .filter_map(name)
        .collect()
}

/// True for folders and links to them. Only links cost a system call.
fn is_folder(entry: &fs::DirEntry) -> bool {
    let kind = entry.file_type();
    kind.is_ok_and(|kind| {
        kind.is_dir()
            || kind.is_symlink()
                && fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir())
    })
}
