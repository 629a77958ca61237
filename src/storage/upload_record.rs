//! The records of sent files, compared with a listing of the remote.
//!
//! If a listing shows a sent file unchanged, the file gets the time that it had at its source. So a storage that keeps
//! times with low precision, slowly or not at all agrees with the disks (decision 20).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::index::{ListedVersion, SentFolder, SentRow, UnverifiedUpload};
use crate::model::exclusion::Exclusions;
use crate::model::project::path_within;
use crate::rclone::{ListedFile, RemoteFeatures, RemoteListing, UnicodeLookup};

/// The record of the files of a replica that were sent, by any source.
#[derive(Debug, Default)]
pub(super) struct UploadRecord {
    pub(super) folders: BTreeMap<PathBuf, SentFolder>,
}

impl UploadRecord {
    pub(super) fn from_rows(rows: &[SentRow]) -> Self {
        let mut record = Self::default();
        for row in rows {
            let folder = record.folders.entry(row.folder.clone()).or_default();
            folder.extend(row.files());
        }
        record
    }

    /// Removes excluded files.
    pub(super) fn without(mut self, exclusions: &Exclusions) -> Self {
        self.folders
            .retain(|folder, _| !exclusions.excludes_folder(folder));
        for (folder, files) in &mut self.folders {
            files.retain(|name, _| !exclusions.excludes(folder, name.as_os_str(), false));
        }
        self
    }

    /// The time of a file at its source, if the listing shows the version that was sent.
    pub(super) fn source_time(
        &self,
        folder: &Path,
        name: &Name,
        listed: &ListedFile,
    ) -> Option<Timestamp> {
        let sent = self.folders.get(folder)?.get(name)?;
        (Some(sent.bytes) == listed.bytes && sent.tag == listed.tag).then_some(sent.modified)
    }

    /// The recorded files, below the replica's folder, that a listing does not show as they were sent.
    pub(super) fn missing_or_changed(
        &self,
        listed: &RemoteListing,
        replica: &Path,
    ) -> Vec<PathBuf> {
        let (mut missing, forms) = (Vec::new(), UnicodeLookup::below(listed, replica));
        for (folder, files) in &self.folders {
            let path = path_within(replica, folder);
            let is_unchanged = |name: &Name| {
                let file = forms.file(&path.join(name.as_path()));
                file.is_some_and(|file| self.source_time(folder, name, file).is_some())
            };
            let names = files.keys().filter(|name| !is_unchanged(name));
            missing.extend(names.map(|name| folder.join(name.as_path())));
        }
        missing
    }
}

/// Sent files of a replica that are not verified yet, by their paths below its folder.
#[derive(Debug, Default)]
pub(super) struct PartialFiles {
    files: BTreeMap<PathBuf, Vec<UnverifiedUpload>>,
}

impl PartialFiles {
    pub(super) fn from_rows(rows: Vec<UnverifiedUpload>) -> Self {
        let mut partial = Self::default();
        for row in rows {
            let files = partial.files.entry(row.file.path.clone()).or_default();
            files.push(row);
        }
        partial
    }

    /// True if a listed file may be an incomplete upload.
    pub(super) fn may_be_partial(
        &self,
        path: &Path,
        listed: &ListedFile,
        features: &RemoteFeatures,
    ) -> bool {
        let listed_version = ListedVersion {
            bytes: listed.bytes,
            tag: listed.tag,
        };
        let precision = features
            .time_precision()
            .filter(|_| !features.has_slow_mod_times());
        let is_complete = |row: &UnverifiedUpload| {
            let same_time = match precision {
                Some(precision) => listed
                    .modified
                    .equals_at(row.sent.modified, precision.max(TimePrecision::Second)),
                // The same size alone proves nothing.
                None => row.is_reported && row.found.is_none(),
            };
            listed.bytes == Some(row.sent.bytes) && same_time
        };
        let rows = self.files.get(path);
        rows.is_some_and(|rows| {
            rows.iter()
                .any(|row| row.may_be_incomplete(listed_version) && !is_complete(row))
        })
    }
}
