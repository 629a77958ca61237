//! The published index of a remote.

use std::path::Path;

use super::published_file::{refused, relative_path};
use crate::base::error::{Error, PublicationProblem, Result};
use crate::index::FileSignature;
use crate::storage::RemoteStorage;

/// Returns the state of the file; `None` if there is none.
pub(super) fn signature(storage: &RemoteStorage) -> Result<Option<FileSignature>> {
    let path = relative_path();
    let listed = storage.list_files(std::slice::from_ref(&path))?;
    if listed.is_unread(&path) || listed.is_incomplete && listed.file(&path).is_none() {
        return Err(unread(storage, "the storage could not list it"));
    }
    Ok(listed.file(&path).map(|file| FileSignature {
        bytes: file.bytes.unwrap_or_default(),
        modified: file.modified,
    }))
}

/// Fetches the file of this size to a new private file.
pub(super) fn fetch(storage: &RemoteStorage, to: &Path, bytes: u64) -> Result<()> {
    let failure = storage.remote.fetch_own_file(&relative_path(), to, bytes)?;
    let fetched = std::fs::metadata(to).map_or(0, |found| found.len());
    match failure {
        // A size limit that is reached exactly may end the transfer.
        _ if fetched == bytes && bytes > 0 => Ok(()),
        Some(why) => Err(unread(storage, &why)),
        None => Err(unread(storage, "it changed while it was read")),
    }
}

/// Sends a file of this size in place of an earlier one. A listing proves that it is there.
pub(super) fn put(storage: &RemoteStorage, from: &Path, bytes: u64) -> Result<FileSignature> {
    let failure = storage
        .remote
        .send_own_file(from, &relative_path(), bytes)?;
    match (signature(storage)?, failure) {
        (Some(found), None) if found.bytes == bytes => Ok(found),
        (_, failure) => Err(Error::Rclone {
            action: "write",
            path: storage.remote.path(&relative_path()),
            why: failure
                .unwrap_or_else(|| "it is missing afterwards, or has another size".to_owned()),
        }),
    }
}

fn unread(storage: &RemoteStorage, why: &str) -> Error {
    let path = storage.remote.path(&relative_path());
    refused(path, PublicationProblem::Unread(why.to_owned()))
}
