//! Completion of paths. The disk is read on a separate thread with a timeout: a dead mount must not block the prompt.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::candidates::PathBases;
use crate::model::path;
use crate::os::timeout::call_with_timeout;

/// Timeout of reading a folder.
const READ_TIMEOUT: Duration = Duration::from_millis(300);

/// Maximum number of folder entries that are read.
const MAX_ENTRIES: usize = 10_000;

/// Returns the completions of a path; folders end in `/`.
pub(super) fn complete_path(typed: &OsStr, path_bases: &PathBases) -> Vec<OsString> {
    let bytes = typed.as_bytes();
    if bytes == b"~" {
        return vec![OsString::from("~/")];
    }
    let cut = bytes
        .iter()
        .rposition(|byte| *byte == b'/')
        .map_or(0, |at| at + 1);
    let (folder, name_prefix) = (OsStr::from_bytes(&bytes[..cut]), bytes[cut..].to_vec());
    let files = path_bases.include_files;
    let folders: Vec<PathBuf> = path_bases
        .bases
        .iter()
        .filter_map(|base| path::absolute(folder, base).ok())
        .collect();
    let prefix = folder.to_owned();
    let found = call_with_timeout(READ_TIMEOUT, move || {
        let names = folders
            .iter()
            .flat_map(|folder| folder_names(folder, &name_prefix, files));
        names.collect::<Vec<_>>()
    });
    let whole = |name: Vec<u8>| OsString::from_vec([prefix.as_bytes(), &name].concat());
    found.unwrap_or_default().into_iter().map(whole).collect()
}

/// Returns the entries with this prefix, ignoring case. Hidden names need a typed dot.
fn folder_names(folder: &Path, name_prefix: &[u8], files: bool) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let begins = |name: &[u8]| {
        let fits = name
            .get(..name_prefix.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(name_prefix));
        fits && (name_prefix.starts_with(b".") || !name.starts_with(b"."))
    };
    let name = |entry: fs::DirEntry| {
        let mut name = entry.file_name().into_vec();
        if !begins(&name) {
            return None;
        }
        let is_folder = fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir());
        if is_folder {
            name.push(b'/');
        }
        (is_folder || files).then_some(name)
    };
    entries
        .take(MAX_ENTRIES)
        .filter_map(Result::ok)
        .filter_map(name)
        .collect()
}
