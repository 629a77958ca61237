//! The entries of the next generation: each file compared with its record.

use std::path::PathBuf;

use super::absent_record::MissingRecords;
use super::file::SealFile;
use super::replica::ReplicaHistories;
use super::report::{SealFindingKind, SealReport};
use super::request::{SealRequest, SealScope};
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::mhl::hash_list::{HashAction, HashEntry, HashedFile};
use crate::mhl::history::FileRecord;
use crate::mhl::history_set::path_below;
use crate::snapshot::content_hash::{ContentHashes, HashFormat};

/// Builds the entries of files.
pub(super) struct EntryBuilder<'a> {
    request: &'a SealRequest<'a>,
    replica: &'a ReplicaHistories,
    missing: MissingRecords,
}

impl<'a> EntryBuilder<'a> {
    pub(super) const fn new(
        request: &'a SealRequest<'a>,
        replica: &'a ReplicaHistories,
        missing: MissingRecords,
    ) -> Self {
        Self {
            request,
            replica,
            missing,
        }
    }

    /// The records whose files were not found.
    pub(super) fn into_missing(self) -> MissingRecords {
        self.missing
    }

    /// Returns the entries of the files that are to be recorded. Their paths are below the replica.
    pub(super) fn build(
        &mut self,
        files: Vec<SealFile>,
        report: &mut SealReport,
    ) -> Vec<HashedFile> {
        let mut entries = Vec::new();
        for file in files {
            let shown = || self.replica.folder.path().join(&file.path);
            if !file.is_wanted {
                let is_checked = matches!(self.request.scope, SealScope::Checked(_));
                if file.record_path.is_none() && is_checked {
                    report.find(shown(), SealFindingKind::New, None);
                }
                continue;
            }
            if let Some(why) = &file.failure {
                report.find(shown(), SealFindingKind::Unreadable, Some(why.clone()));
                continue;
            }
            entries.extend(self.entry(&file, report));
        }
        entries
    }

    fn entry(&mut self, file: &SealFile, report: &mut SealReport) -> Option<HashedFile> {
        let (hashes, at) = file.hashes.as_ref()?;
        let shown = self.replica.folder.path().join(&file.path);
        let record = file.record_path.as_deref();
        let record = record.and_then(|path| Some((path, self.replica.histories.record(path)?)));
        if let Some((path, record)) = record.filter(|(_, record)| !record.hashes.is_empty()) {
            let hashes = self.compare(record, (hashes, *at), &shown, report)?;
            let previous = Some(path).filter(|path| *path != file.path);
            if let Some(previous) = previous {
                report_rename(previous, shown, report);
            }
            return Some(self.hashed(file, hashes, previous));
        }
        // The content of a damaged file must not become the original of a history.
        if let Some(expected) = file.expected.filter(|expected| *expected != hashes.digest) {
            let reason = format!("XXH3-128 is {}, and should be {expected}", hashes.digest);
            report.find(shown, SealFindingKind::Damaged, Some(reason));
            return None;
        }
        let histories = &self.replica.histories;
        let own = histories.folder_of(&file.path);
        let renamed = self.missing.take_by_content(
            file.bytes,
            |format| hashes.value(format),
            |path| histories.folder_of(path) == own,
        );
        if let Some((previous, record)) = renamed {
            let hashes = self.compare(&record, (hashes, *at), &shown, report)?;
            report_rename(&previous, shown, report);
            return Some(self.hashed(file, hashes, Some(&previous)));
        }
        report.original += 1;
        let entry = HashEntry {
            value: hashes.value(self.request.format)?,
            action: HashAction::Original,
            at: Some(*at),
        };
        Some(self.hashed(file, vec![entry], None))
    }

    /// Compares hashes with a record. A further format is recorded only together with a hash that is the recorded one.
    fn compare(
        &self,
        record: &FileRecord,
        (hashes, at): (&ContentHashes, Timestamp),
        shown: &std::path::Path,
        report: &mut SealReport,
    ) -> Option<Vec<HashEntry>> {
        let format = record.format_to_verify(self.request.format)?;
        let (recorded, value) = (record.hash(format)?, hashes.value(format)?);
        let entry = |value, action| HashEntry {
            value,
            action,
            at: Some(at),
        };
        if recorded != value {
            let reason = format!("{} is {value}, and {recorded} is recorded", words(format));
            report.find(shown.to_owned(), SealFindingKind::Damaged, Some(reason));
            return Some(vec![entry(value, HashAction::Failed)]);
        }
        report.verified += 1;
        let mut entries = vec![entry(value, HashAction::Verified)];
        let own = self.request.format;
        if record.hash(own).is_none()
            && let Some(value) = hashes.value(own)
        {
            entries.push(entry(value, HashAction::Verified));
        }
        entries.sort_by_key(|entry| entry.value.format());
        Some(entries)
    }

    fn hashed(
        &self,
        file: &SealFile,
        hashes: Vec<HashEntry>,
        previous: Option<&str>,
    ) -> HashedFile {
        let folder = self.replica.histories.folder_of(&file.path);
        HashedFile {
            path: file.path.clone(),
            bytes: Some(file.bytes),
            modified: Some(Timestamp {
                nanoseconds: 0,
                ..file.modified
            }),
            hashes,
            previous_path: previous.map(|path| path_below(folder, path).to_owned()),
        }
    }
}

fn report_rename(previous: &str, shown: PathBuf, report: &mut SealReport) {
    let reason = format!("it is recorded as `{}`", Name::from(previous));
    report.find(shown, SealFindingKind::Renamed, Some(reason));
}

/// The name of a format for people.
const fn words(format: HashFormat) -> &'static str {
    match format {
        HashFormat::C4 => "C4",
        HashFormat::Md5 => "MD5",
        HashFormat::Sha1 => "SHA-1",
        HashFormat::Xxh128 => "XXH3-128",
        HashFormat::Xxh3 => "XXH3-64",
        HashFormat::Xxh64 => "XXH64",
    }
}
