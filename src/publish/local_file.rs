//! The published index of a disk.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, copy};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::published_file::{FILE_NAME, refused, relative_path};
use crate::base::error::{Error, IoResultExt as _, PublicationProblem, Result};
use crate::base::ignore::ignore;
use crate::base::own_name::{self, is_temporary};
use crate::index::FileSignature;
use crate::model::own_folder;
use crate::os::file;
use crate::os::folder::{Folder, is_not_found};
use crate::os::host;
use crate::os::stat::{EntryKind, Stat};
use crate::os::timeout::call_with_timeout;
use crate::storage::copy_file::remove_leftover;

/// Age of a temporary file that no process writes any more.
const LEFTOVER_AGE: Duration = Duration::from_secs(24 * 3600);

const fn signature_of(stat: &Stat) -> FileSignature {
    FileSignature {
        bytes: stat.bytes,
        modified: stat.modified,
    }
}

/// Returns the state of the file; `None` if there is none.
pub(super) fn signature(root: &Folder) -> Result<Option<FileSignature>> {
    let Some(own) = own_folder::find(root)? else {
        return Ok(None);
    };
    match own.stat(OsStr::new(FILE_NAME)) {
        Err(error) if is_not_found(&error) => Ok(None),
        stat => Ok(Some(stat?)
            .filter(|stat| stat.kind == EntryKind::File)
            .map(|stat| signature_of(&stat))),
    }
}

/// Copies the file of this size to a new private file. A storage that hangs ends the wait.
pub(super) fn fetch(root: &Arc<Folder>, to: &Path, bytes: u64) -> Result<()> {
    // Slow storages deliver a megabyte a second.
    let timeout = Duration::from_secs(60 + (bytes >> 20));
    let (shared, target) = (Arc::clone(root), to.to_owned());
    let fetched = call_with_timeout(timeout, move || fetch_now(&shared, &target, bytes));
    fetched.unwrap_or_else(|| {
        let why = format!(
            "the storage did not deliver it within {} s",
            timeout.as_secs()
        );
        Err(unread(root, &why))
    })
}

fn fetch_now(root: &Folder, to: &Path, bytes: u64) -> Result<()> {
    let own = own_folder::find(root)?;
    let file = own.map(|own| own.open_trusted_file(OsStr::new(FILE_NAME)));
    let Some(file) = file.transpose()?.flatten() else {
        return Err(unread(root, "it was removed meanwhile"));
    };
    let path = shown_path(root);
    let before = file::stat(&file).at("read the metadata of", &path)?;
    let mut copied = File::create_new(to).at("create", to)?;
    let count = copy(&mut (&file).take(bytes), &mut copied).at("read", &path)?;
    if count == bytes && before.bytes == bytes && file::is_unchanged(&file, &before) {
        Ok(())
    } else {
        Err(unread(root, "it changed while it was read"))
    }
}

/// Copies a file to the storage under a temporary name, flushes it, and gives it the name of the published index.
pub(super) fn put(root: &Folder, from: &Path) -> Result<FileSignature> {
    let own = own_folder::open(root)?;
    remove_leftovers(&own);
    let temporary = own_name::temporary(host::random_id()?);
    let put = put_under(root, &own, from, &temporary);
    if put.is_err() {
        ignore(own.remove_temporary(&temporary), "a later run removes it");
    }
    put
}

fn put_under(root: &Folder, own: &Folder, from: &Path, temporary: &OsStr) -> Result<FileSignature> {
    let path = own.path().join(FILE_NAME);
    // Readable for all who can read the root.
    let mode = root.stat_self()?.mode;
    let mut source = File::open(from).at("open", from)?;
    let mut file = own.create_file(temporary)?;
    // A run that removes leftovers skips locked files.
    ignore(file.try_lock(), "a file system without locks");
    root.assign_owner_to(&file);
    copy(&mut source, &mut file)
        .and_then(|_| file::set_mode(&file, mode & 0o666 | 0o600))
        .and_then(|()| file.sync_all())
        .at("write", &path)?;
    match own.rename(temporary, own, OsStr::new(FILE_NAME), &own.permit()?) {
        // A run that removes leftovers took it for one.
        Err(error) if is_not_found(&error) => return Err(Error::ConcurrentChange { path }),
        renamed => renamed?,
    }
    own.flush()?;
    let (named, written) = (own.stat(OsStr::new(FILE_NAME))?, file::stat(&file));
    let written = written.at("read the metadata of", &path)?;
    // Another workstation may have published at the same moment.
    if named.bytes == written.bytes && named.file_id() == written.file_id() {
        Ok(signature_of(&named))
    } else {
        Err(Error::ConcurrentChange { path })
    }
}

/// Removes the temporary files of processes that ended: those that nothing wrote to for a day. A lock would not tell, because
/// it is taken after the file exists.
fn remove_leftovers(own: &Folder) {
    let names = own.entry_names().unwrap_or_default();
    for name in names.iter().filter(|name| is_temporary(name)) {
        let stat = own.stat(name);
        if stat.is_ok_and(|stat| stat.modified.age() > LEFTOVER_AGE) {
            // A file that cannot be removed stays for a later run.
            remove_leftover(own, name);
        }
    }
}

fn shown_path(root: &Folder) -> PathBuf {
    root.path().join(relative_path())
}

fn unread(root: &Folder, why: &str) -> Error {
    refused(shown_path(root), PublicationProblem::Unread(why.to_owned()))
}
