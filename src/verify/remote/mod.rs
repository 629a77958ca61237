//! The files of a remote, verified by the digests that its storage states, or by reading them.
//!
//! A stated digest proves a content if it is the one that was stated when the content was known. Otherwise the storage and an
//! online local copy with a known content are compared by a digest of both.

mod confirmation;
mod file;
mod local_copy;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use self::confirmation::confirm;
use self::file::FileVerdict;
pub(super) use self::file::RemoteFile;
use super::batch::BatchResult;
use super::budget::RemainingBudget;
use super::file::Verdict;
use super::queue::{DueFolder, DueFolders, is_due};
use super::request::VerifyRequest;
use crate::base::error::{Error, Result};
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::index::{DatabaseId, Index};
use crate::model::path::split_path;
use crate::model::project::path_within;
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::ManifestRef;
use crate::storage::RemoteStorage;
use crate::trust::place::Place;

/// Number of files that are downloaded by one request.
const MAX_DOWNLOAD_FILES: usize = 500;

/// A remote with the folders to verify.
#[derive(Debug)]
pub(super) struct RemoteGroup {
    pub(super) storage: Box<RemoteStorage>,
    pub(super) due: DueFolders,
}

/// Verifies the folders of a remote, replica by replica, and sends the results. Returns the files that the stated digests do
/// not prove.
pub(super) fn verify_remote(
    index: &Index,
    group: &RemoteGroup,
    request: &VerifyRequest<'_>,
    budget: &RemainingBudget,
    results: &Sender<BatchResult>,
) -> Result<Vec<RemoteFile>> {
    let mut unproven = Vec::new();
    let Some(check) = RemoteCheck::new(index, group, request) else {
        return Ok(unproven);
    };
    let mut replicas: BTreeMap<PathBuf, Vec<&DueFolder>> = BTreeMap::new();
    for folder in &group.due.folders {
        let project = folder.replica.replica.project();
        let base = folder.replica.category.replica_path(project);
        replicas.entry(base).or_default().push(folder);
    }
    let mut order: Vec<_> = replicas.into_iter().collect();
    order.sort_by_key(|(_, folders)| folders.iter().map(|folder| folder.oldest).min());
    for (base, folders) in order {
        if interrupt::is_requested() || !budget.take(0) {
            break;
        }
        check.verify_replica(&base, &folders, (budget, results), &mut unproven)?;
    }
    Ok(unproven)
}

/// Proves files of a remote by local copies, whose contents are known by now, and returns the results.
pub(super) fn prove_by_copies(
    index: &Index,
    group: &RemoteGroup,
    (request, places): (&VerifyRequest<'_>, &[Place]),
    files: &[RemoteFile],
) -> Result<Vec<BatchResult>> {
    let Some(check) = RemoteCheck::new(index, group, request) else {
        return Ok(Vec::new());
    };
    let storage = &group.storage;
    let by_copies = local_copy::compare(index, storage, (request, places), files)?;
    let verdicts = files.iter().map(|file| {
        let verdict = by_copies.get(&file.path).cloned();
        (file, verdict.unwrap_or(Verdict::Unknown))
    });
    Ok(check.batches(confirm(storage, verdicts.collect())?))
}

/// The verification of one remote.
struct RemoteCheck<'a> {
    index: &'a Index,
    id: DatabaseId,
    group: &'a RemoteGroup,
    request: &'a VerifyRequest<'a>,
}

impl<'a> RemoteCheck<'a> {
    /// `None` if the index has never seen the remote.
    fn new(
        index: &'a Index,
        group: &'a RemoteGroup,
        request: &'a VerifyRequest<'a>,
    ) -> Option<Self> {
        Some(Self {
            index,
            id: group.due.id?,
            group,
            request,
        })
    }

    /// Verifies the due folders of one replica, and adds the files that no stated digest proves to `unproven`.
    fn verify_replica(
        &self,
        base: &Path,
        folders: &[&DueFolder],
        (budget, results): (&RemainingBudget, &Sender<BatchResult>),
        unproven: &mut Vec<RemoteFile>,
    ) -> Result<()> {
        let storage = &self.group.storage;
        let stored = storage.stored_path(base);
        let listed = match storage.remote.list_digests(&stored, &storage.features) {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => Err(error.full_message()),
            Ok(listed) => Ok(listed),
        };
        let mut files = Vec::new();
        for folder in folders {
            self.add_files(base, folder, &mut files)?;
        }
        let listed = match listed {
            Ok(Some(listed)) => listed,
            // Without digests of its own, only reading helps.
            Ok(None) if self.request.download => return self.download(&files, budget, results),
            Ok(None) => {
                self.send(files.iter().map(|file| (file, Verdict::Unknown)), results);
                return Ok(());
            }
            Err(why) => {
                let verdicts = files
                    .iter()
                    .map(|file| (file, Verdict::Unreadable(why.clone())));
                self.send(verdicts, results);
                return Ok(());
            }
        };
        let (mut verdicts, mut unread) = (Vec::new(), Vec::new());
        for file in &mut files {
            file.stated = listed
                .get(&stored.join(file.path.strip_prefix(base).unwrap_or(&file.path)))
                .copied();
        }
        for file in &files {
            let judged = file.judge_listed();
            match judged.or_else(|| file.judge_stated().filter(|_| !self.request.download)) {
                Some(verdict) => verdicts.push((file, verdict)),
                None => unread.push(file.clone()),
            }
        }
        self.send(confirm(storage, verdicts)?, results);
        if self.request.download {
            return self.download(&unread, budget, results);
        }
        unproven.append(&mut unread);
        Ok(())
    }

    /// Adds the files of a folder that are to be verified.
    fn add_files(
        &self,
        base: &Path,
        folder: &DueFolder,
        files: &mut Vec<RemoteFile>,
    ) -> Result<()> {
        let due = &folder.replica;
        let place = (folder.path.as_path(), due.precision);
        let key = due.category.key();
        self.index.visit_proven_folder(
            self.id,
            key,
            &due.replica,
            place,
            ManifestRef::default(),
            &mut |found| {
                found.visit(&mut |file, content| {
                    if is_due(file, content, self.request.proven_since) {
                        let name = Name::from_bytes(file.name.to_vec());
                        files.push(RemoteFile {
                            path: path_within(base, &folder.path).join(name.as_path()),
                            bytes: file.bytes,
                            modified: file.modified,
                            known: content.copied(),
                            stated: None,
                        });
                    }
                });
            },
        )
    }

    /// Reads files within the budget, and sends the results.
    fn download(
        &self,
        files: &[RemoteFile],
        budget: &RemainingBudget,
        results: &Sender<BatchResult>,
    ) -> Result<()> {
        let storage = &self.group.storage;
        for part in files.chunks(MAX_DOWNLOAD_FILES) {
            let part: Vec<&RemoteFile> = part
                .iter()
                .take_while(|file| !interrupt::is_requested() && budget.take(file.bytes))
                .collect();
            if part.is_empty() {
                return Ok(());
            }
            let verdicts = read_files(storage, part)?;
            self.send(confirm(storage, verdicts)?, results);
        }
        Ok(())
    }

    /// Sends verdicts, folder by folder.
    fn send<'f>(
        &self,
        verdicts: impl IntoIterator<Item = FileVerdict<'f>>,
        results: &Sender<BatchResult>,
    ) {
        for batch in self.batches(verdicts) {
            ignore(results.send(batch), "the receiver outlives its readers");
        }
    }

    /// Returns verdicts by folder.
    fn batches<'f>(&self, verdicts: impl IntoIterator<Item = FileVerdict<'f>>) -> Vec<BatchResult> {
        let mut folders: BTreeMap<PathBuf, Vec<(Name, Verdict)>> = BTreeMap::new();
        for (file, verdict) in verdicts {
            let (folder, name) = split_path(&file.path);
            let files = folders.entry(folder.to_owned()).or_default();
            files.push((Name::from(name), verdict));
        }
        let batches = folders.into_iter().map(|(folder, files)| BatchResult {
            hashes: Vec::new(),
            database: self.group.due.database,
            id: Some(self.id),
            path: self.group.storage.remote.path(&folder),
            folder,
            files,
        });
        batches.collect()
    }
}

/// Reads files by one request.
fn read_files<'f>(
    storage: &RemoteStorage,
    files: Vec<&'f RemoteFile>,
) -> Result<Vec<FileVerdict<'f>>> {
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
    let mut read: HashMap<PathBuf, Digest> = HashMap::new();
    let downloaded = storage
        .remote
        .download_digests(&paths, &mut |path, digest| {
            read.insert(path, digest);
        });
    let why = match downloaded {
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(error) => error.full_message(),
        Ok(()) => "rclone did not read it".to_owned(),
    };
    let verdicts = files.into_iter().map(|file| {
        let verdict = match read.get(&file.path) {
            Some(digest) => file.judge_read(*digest),
            None => Verdict::Unreadable(why.clone()),
        };
        (file, verdict)
    });
    Ok(verdicts.collect())
}
