//! The files of a replica beside their records and evidence, and the decision what to hash.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::replica::ReplicaHistories;
use super::report::{SealFindingKind, SealReport};
use super::request::{SealRequest, SealScope};
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::{DatabaseId, EvidenceKind, FileEvidence, FolderEvidence, Index};
use crate::mhl::history::FileRecord;
use crate::mhl::history_set::{HistorySet, path_below};
use crate::mhl::ignore_list::IgnoreList;
use crate::mhl::is_representable;
use crate::model::project::path_within;
use crate::os::folder::Folder;
use crate::snapshot::content_hash::{ContentHashes, HashFormat, HashFormatSet};
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::ManifestFile;

/// A file of a replica that belongs to a history.
#[derive(Debug)]
pub(super) struct SealFile {
    /// The path below the replica.
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) modified: Timestamp,
    /// The path of its record, which is another one after a rename.
    pub(super) record_path: Option<String>,
    /// The formats that are needed.
    pub(super) needed: HashFormatSet,
    /// Its hashes, once they are known, and since when.
    pub(super) hashes: Option<(ContentHashes, Timestamp)>,
    /// The digest that its content should have, by evidence of any time.
    pub(super) expected: Option<Digest>,
    /// True if its hashes are to be recorded.
    pub(super) is_wanted: bool,
    /// The reason why it could not be read.
    pub(super) failure: Option<String>,
}

impl SealFile {
    /// True if it must be read.
    pub(super) fn must_read(&self) -> bool {
        let has_all = |hashes: &ContentHashes| {
            self.needed
                .iter()
                .all(|format| hashes.value(format).is_some())
        };
        self.is_wanted
            && !self
                .hashes
                .as_ref()
                .is_some_and(|(hashes, _)| has_all(hashes))
    }
}

/// Returns the ignore patterns of the history in a folder: those that it states, and the exclusions that hold there.
pub(super) fn ignore_list(
    histories: &HistorySet,
    folder: &str,
    exclusions: &[String],
) -> Result<IgnoreList> {
    let stated = histories
        .get(folder)
        .map_or(&[][..], |history| &history.ignore);
    // A pattern with a path is relative to the replica.
    let holds =
        |pattern: &&String| folder.is_empty() || !pattern.trim_end_matches('/').contains('/');
    IgnoreList::new(stated.iter().chain(exclusions.iter().filter(holds)))
}

/// Lists the files of a replica that belong to its histories. What cannot be in one is added to the report.
pub(super) fn list_files(
    index: &Index,
    database: Option<DatabaseId>,
    request: &SealRequest<'_>,
    replica: &ReplicaHistories,
    report: &mut SealReport,
) -> Result<Vec<SealFile>> {
    let mut lister = Lister {
        index,
        database,
        request,
        replica,
        report,
        files: Vec::new(),
        skipped: Vec::new(),
        ignored: None,
    };
    for (path, folder) in &replica.tree.folders {
        interrupt::check()?;
        if lister.is_skipped(path)? {
            continue;
        }
        lister.add_folder(path, folder.manifest().files())?;
    }
    // Other runs report by themselves what they cannot read.
    let is_whole = matches!(request.scope, SealScope::Whole);
    for problem in replica.tree.problems.iter().filter(|_| is_whole) {
        let path = replica.folder.path().join(&problem.path);
        let reason = Some(problem.error.full_message());
        lister
            .report
            .find(path, SealFindingKind::Unreadable, reason);
    }
    Ok(lister.files)
}

struct Lister<'a> {
    index: &'a Index,
    database: Option<DatabaseId>,
    request: &'a SealRequest<'a>,
    replica: &'a ReplicaHistories,
    report: &'a mut SealReport,
    files: Vec<SealFile>,
    /// Folders that are ignored.
    skipped: Vec<PathBuf>,
    /// The folder of the last history, and what it ignores.
    ignored: Option<(String, IgnoreList)>,
}

impl Lister<'_> {
    /// True for a folder that is ignored, or lies in one.
    fn is_skipped(&mut self, path: &Path) -> Result<bool> {
        // Folders come in the order of their paths, so that those below the last ignored one follow it.
        if self.skipped.iter().any(|skipped| path.starts_with(skipped)) {
            return Ok(true);
        }
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(false);
        };
        let Some(text) = path.to_str() else {
            return Ok(false);
        };
        let base = self.replica.histories.folder_of(text).to_owned();
        let list = self.ignore_list(&base)?;
        let is_ignored = list.ignores(below(&base, above), name, true);
        if is_ignored {
            self.skipped.push(path.to_owned());
        }
        Ok(is_ignored)
    }

    fn ignore_list(&mut self, base: &str) -> Result<&IgnoreList> {
        let known = self.ignored.take().filter(|(folder, _)| folder == base);
        let list = match known {
            Some((_, list)) => list,
            None => ignore_list(&self.replica.histories, base, self.request.exclusions())?,
        };
        Ok(&self.ignored.insert((base.to_owned(), list)).1)
    }

    fn add_folder(
        &mut self,
        path: &Path,
        mut files: crate::snapshot::manifest::ManifestFiles<'_>,
    ) -> Result<()> {
        let evidence = self.evidence(path)?;
        let mut opened: Option<Folder> = None;
        while let Some(file) = files.next() {
            let name = Name::from_bytes(file.name.to_vec());
            let full = path.join(name.as_path());
            let text = full.to_str().filter(|text| is_representable(text));
            let base = self
                .replica
                .histories
                .folder_of(text.unwrap_or_default())
                .to_owned();
            let list = self.ignore_list(&base)?;
            if list.ignores(below(&base, path), name.as_os_str(), false) {
                continue;
            }
            let why = match (text, file.target) {
                (_, Some(_)) => Some("it is a symbolic link"),
                (None, _) => Some("its name has bytes that XML cannot represent"),
                _ => None,
            };
            if let Some(why) = why {
                let shown = self.replica.folder.path().join(&full);
                self.report.find(
                    shown,
                    SealFindingKind::Unrepresentable,
                    Some(why.to_owned()),
                );
                continue;
            }
            let known = evidence.get(&name).filter(|known| {
                let precision = self.replica.tree.precision();
                known.holds_for(file.bytes, file.modified, precision)
            });
            let is_proven = match known {
                Some(known) if known.proof.kind == EvidenceKind::Read => {
                    if opened.is_none() {
                        opened = self.replica.folder.open_descendant(path).ok();
                    }
                    opened
                        .as_ref()
                        .is_some_and(|folder| is_as_proven(folder, &name, known))
                }
                _ => false,
            };
            let text = text.unwrap_or_default().to_owned();
            self.add_file(text, &file, known, is_proven);
        }
        Ok(())
    }

    fn evidence(&self, path: &Path) -> Result<FolderEvidence> {
        let folder = path_within(&self.replica.relative, path);
        let known = self.database.map(|id| self.index.evidence(id, &folder));
        known.unwrap_or_else(|| Ok(FolderEvidence::new()))
    }

    fn add_file(
        &mut self,
        path: String,
        file: &ManifestFile<'_>,
        known: Option<&FileEvidence>,
        is_proven: bool,
    ) {
        let given = self.request.given(&path);
        let hashes = match (given, known) {
            (Some(given), _) => Some((given.hashes.clone(), given.at)),
            (None, Some(known)) if is_proven => Some((known.digest.into(), known.proof.at)),
            _ => None,
        };
        let record = self.replica.histories.record(&path);
        let mut added = SealFile {
            bytes: file.bytes,
            modified: file.modified,
            record_path: record.map(|_| path.clone()),
            needed: needed_formats(record, self.request.format),
            hashes,
            expected: known
                .filter(|known| known.proof.kind != EvidenceKind::Claimed)
                .map(|known| known.digest),
            is_wanted: false,
            failure: None,
            path,
        };
        added.is_wanted = self.is_wanted(&added, record);
        self.report.unchanged += u64::from(record.is_some() && !added.is_wanted);
        self.files.push(added);
    }

    fn is_wanted(&self, file: &SealFile, record: Option<&FileRecord>) -> bool {
        match &self.request.scope {
            SealScope::Checked(files) => record.is_some() && files.contains_key(&file.path),
            SealScope::Copied(copied) => {
                copied.files.contains_key(&file.path)
                    || record.is_none() && (file.hashes.is_some() || copied.was_killed)
            }
            SealScope::Whole => match (record, &file.hashes) {
                // The evidence is what the history records already.
                (Some(record), Some((_, at))) if is_digest_only(file.needed) => {
                    record.checked_at.is_none_or(|checked| *at > checked)
                }
                _ => true,
            },
        }
    }
}

/// True if the only format that is needed is the one of the index.
fn is_digest_only(needed: HashFormatSet) -> bool {
    needed == HashFormatSet::EMPTY.with(HashFormat::Xxh128)
}

/// Returns the formats of a file: that of new files, and the one in which a recorded file is verified.
pub(super) fn needed_formats(record: Option<&FileRecord>, format: HashFormat) -> HashFormatSet {
    let new = HashFormatSet::EMPTY.with(format);
    match record.and_then(|record| record.format_to_verify(format)) {
        Some(verified) => new.with(verified),
        None => new,
    }
}

fn is_as_proven(folder: &Folder, name: &Name, known: &FileEvidence) -> bool {
    let stat = folder.stat(&folder.existing_name(name.as_os_str()));
    let has_stable_ids = folder.has_reliable_file_system();
    stat.is_ok_and(|stat| known.proof.is_of_state(&stat, has_stable_ids))
}

/// The path of a folder of the replica below the folder of a history.
fn below<'p>(base: &str, path: &'p Path) -> &'p Path {
    if let Some(text) = path.to_str() {
        return Path::new(path_below(base, text));
    }
    let rest = path
        .as_os_str()
        .as_bytes()
        .get(base.len()..)
        .unwrap_or_default();
    Path::new(OsStr::from_bytes(rest.strip_prefix(b"/").unwrap_or(rest)))
}
