//! Records whose files are not there, and the files that may be the same under another name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::file::{SealFile, needed_formats};
use super::replica::ReplicaHistories;
use super::report::{SealFindingKind, SealReport};
use super::request::{SealRequest, SealScope};
use crate::base::error::Result;
use crate::base::unicode::to_nfc;
use crate::mhl::history::FileRecord;
use crate::mhl::history_set::join;
use crate::model::path::split_path;
use crate::os::folder::{Folder, is_not_found};
use crate::snapshot::content_hash::{HashFormat, HashValue};

/// The records without a file, by path below the replica.
#[derive(Debug, Default)]
pub(super) struct MissingRecords {
    records: BTreeMap<String, FileRecord>,
    root: PathBuf,
}

impl MissingRecords {
    /// Finds the records without a file. What exists and is excluded, or could not be read, is not missing.
    pub(super) fn find(replica: &ReplicaHistories, files: &[SealFile]) -> Result<Self> {
        let present: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let mut records = BTreeMap::new();
        let mut parent: Option<(PathBuf, Option<Folder>)> = None;
        for (folder, history) in replica.histories.iter() {
            for (below, record) in &history.files {
                let path = join(folder, below);
                // A file in a nested history belongs to that one.
                if present.contains(path.as_str()) || replica.histories.folder_of(&path) != folder {
                    continue;
                }
                let relative = Path::new(&path);
                if replica.tree.is_unread(relative) || exists(replica, relative, &mut parent)? {
                    continue;
                }
                records.insert(path, record.clone());
            }
        }
        let root = replica.folder.path().to_owned();
        Ok(Self { records, root })
    }

    /// Finds new files that may be missing ones under another name, and adds the formats that tell.
    pub(super) fn match_names(&mut self, files: &mut [SealFile], request: &SealRequest<'_>) {
        if self.records.is_empty() {
            return;
        }
        let composed = |path: &str| to_nfc(path.as_bytes()).to_vec();
        let by_name: HashMap<Vec<u8>, String> = self
            .records
            .keys()
            .map(|path| (composed(path), path.clone()))
            .collect();
        let mut by_size: HashMap<u64, Vec<HashFormat>> = HashMap::new();
        for record in self.records.values() {
            // A size of 0 is not stated; such a file has no content to recognize it by.
            let format = record.format_to_verify(request.format);
            if let (Some(bytes), Some(format)) = (record.bytes.filter(|bytes| *bytes > 0), format) {
                by_size.entry(bytes).or_default().push(format);
            }
        }
        for file in files.iter_mut().filter(|file| file.record_path.is_none()) {
            let same_name = by_name.get(&composed(&file.path));
            if let Some((path, record)) = same_name.and_then(|path| self.records.remove_entry(path))
            {
                file.needed = needed_formats(Some(&record), request.format);
                file.record_path = Some(path);
                if let SealScope::Checked(given) = &request.scope {
                    file.is_wanted |= given.contains_key(&file.path);
                }
            } else if file.is_wanted
                && let Some(formats) = by_size.get(&file.bytes)
            {
                file.needed = formats
                    .iter()
                    .fold(file.needed, |set, format| set.with(*format));
            }
        }
    }

    /// Takes the record of a file with this size and one of these hashes out, and returns its path.
    pub(super) fn take_by_content(
        &mut self,
        bytes: u64,
        value: impl Fn(HashFormat) -> Option<HashValue>,
        is_same_history: impl Fn(&str) -> bool,
    ) -> Option<(String, FileRecord)> {
        if bytes == 0 {
            return None;
        }
        let is_equal = |record: &FileRecord| {
            record.bytes == Some(bytes)
                && record
                    .hashes
                    .iter()
                    .any(|hash| value(hash.format()) == Some(*hash))
        };
        let mut found = self.records.iter();
        let path = found
            .find(|(path, record)| is_equal(record) && is_same_history(path))?
            .0
            .clone();
        self.records.remove_entry(&path)
    }

    /// Adds the missing files to a report.
    pub(super) fn report(&self, report: &mut SealReport) {
        for path in self.records.keys() {
            report.find(self.root.join(path), SealFindingKind::Missing, None);
        }
    }
}

/// True if an entry of this path exists. Keeps the last folder open.
fn exists(
    replica: &ReplicaHistories,
    path: &Path,
    parent: &mut Option<(PathBuf, Option<Folder>)>,
) -> Result<bool> {
    let (above, name) = split_path(path);
    if parent.as_ref().is_none_or(|(known, _)| known != above) {
        let opened = match replica.folder.open_descendant(above) {
            Ok(folder) => Some(folder),
            Err(error) if is_not_found(&error) => None,
            Err(error) => return Err(error),
        };
        *parent = Some((above.to_owned(), opened));
    }
    let folder = parent.as_ref().and_then(|(_, folder)| folder.as_ref());
    Ok(folder.is_some_and(|folder| folder.stat(name).is_ok()))
}
