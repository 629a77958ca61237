//! The listings of a remote. Each folder is listed once per opened storage, with everything below it.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use super::remote::RemoteStorage;
use super::upload_record::UploadRecord;
use crate::base::error::{Error, Result};
use crate::rclone::{ListTarget, RemoteListing, TimeSource};

impl RemoteStorage {
    /// Everything below a folder, from the first listing that covers it; empty if the folder does not exist.
    pub fn listing_of(&self, folder: &Path) -> Result<Arc<RemoteListing>> {
        let mut kept = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        let known = folder.ancestors().find_map(|above| kept.get(above));
        if let Some(known) = known {
            return Ok(Arc::clone(known));
        }
        let listed = Arc::new(self.list_with_times(folder)?);
        kept.insert(folder.to_owned(), Arc::clone(&listed));
        Ok(listed)
    }

    /// The files and folders directly in a folder; empty if the folder does not exist.
    pub(super) fn list_entries(&self, folder: &Path) -> Result<Arc<RemoteListing>> {
        let kept = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        let known = folder.ancestors().find_map(|above| kept.get(above));
        if let Some(known) = known {
            return Ok(Arc::clone(known));
        }
        drop(kept);
        let target = ListTarget::Folder(folder);
        let listed = self.remote.list_entries(target, &self.features)?;
        Ok(Arc::new(listed.unwrap_or_default()))
    }

    /// True if an earlier listing proves that a folder does not exist: it covers the folder, is complete and has no
    /// problem.
    pub fn is_known_missing(&self, folder: &Path) -> bool {
        let kept = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        let known = folder.ancestors().find_map(|above| kept.get(above));
        known.is_some_and(|listed| {
            let mut below = listed.folders.range(folder.to_owned()..);
            let is_there = below
                .next()
                .is_some_and(|(path, _)| path.starts_with(folder));
            !is_there && listed.problems.is_empty() && !listed.is_incomplete
        })
    }

    /// Lists a folder. If the storage returns times slowly, requests them only for files that the record of sent files does
    /// not cover.
    fn list_with_times(&self, folder: &Path) -> Result<RemoteListing> {
        let list = |wanted: ListTarget<'_>, times| self.remote.list(wanted, &self.features, times);
        let mut listed = list(ListTarget::Folder(folder), TimeSource::Cheap)?.unwrap_or_default();
        if !self.features.has_slow_mod_times() {
            return Ok(listed);
        }
        let unknown = self.files_of_unknown_time(&listed)?;
        if unknown.is_empty() {
            return Ok(listed);
        }
        let own = list(ListTarget::Files(&unknown), TimeSource::ModTime)?.unwrap_or_default();
        for (path, files) in &mut listed.folders {
            let own = own.folders.get(path);
            for (name, file) in files {
                if let Some(own) = own.and_then(|files| files.get(name)) {
                    file.modified = own.modified;
                }
            }
        }
        Ok(listed)
    }

    /// The files of a listing that are not in the record of sent files with this version.
    fn files_of_unknown_time(&self, listed: &RemoteListing) -> Result<Vec<PathBuf>> {
        let mut records: BTreeMap<PathBuf, UploadRecord> = BTreeMap::new();
        let index = self.index();
        for replica in index.all_sent_replicas(&self.database.root)? {
            let record = UploadRecord::from_rows(&index.sent_rows(&self.database.root, &replica)?);
            records.insert(replica, record);
        }
        drop(index);
        let mut unknown = Vec::new();
        for (path, files) in &listed.folders {
            let record = path
                .ancestors()
                .find_map(|above| records.get_key_value(above));
            for (name, file) in files {
                let known = record.is_some_and(|(replica, record)| {
                    let folder = path.strip_prefix(replica).unwrap_or(path);
                    record.source_time(folder, name, file).is_some()
                });
                if !known {
                    unknown.push(path.join(name.as_path()));
                }
            }
        }
        Ok(unknown)
    }

    /// Returns those of these files that may exist: a listing shows them, or they are in a folder that cannot be listed. The
    /// files of such a folder are missing in the listing, and rclone reports no error for them.
    pub fn possibly_present(&self, mut files: Vec<PathBuf>) -> Result<HashSet<PathBuf>> {
        if files.is_empty() {
            return Ok(HashSet::new());
        }
        let listed = self.remote.list(
            ListTarget::Files(&files),
            &self.features,
            TimeSource::ModTime,
        );
        match listed {
            Ok(Some(listed)) => {
                let is_unreadable = |path: &Path| {
                    let mut problems = listed.problems.iter();
                    problems.any(|(closed, _)| path.starts_with(closed))
                };
                files.retain(|path| listed.file(path).is_some() || is_unreadable(path));
            }
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            // A missing root proves nothing about its files.
            Ok(None) | Err(_) => {}
        }
        Ok(files.into_iter().collect())
    }
}
