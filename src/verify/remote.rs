//! The files of a remote, verified by the digests that its storage states, or by reading them.
//!
//! A stated digest proves a content if it is the one that was stated when the content was known. Otherwise the storage and an
//! online local copy with a known content are compared by a digest of both.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use super::budget::RemainingBudget;
use super::file::{DamageCause, Verdict};
use super::group::BatchResult;
use super::queue::{DueFolder, DueFolders, is_due};
use super::request::VerifyRequest;
use crate::base::error::{Error, Result};
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::{DatabaseId, EvidenceKind, FileEvidence, Index, KnownContent, Proof};
use crate::model::path::split_path;
use crate::model::project::path_within;
use crate::rclone::{CheckMethod, CheckVerdict, ListTarget, StatedDigest, TimeSource};
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::ManifestRef;
use crate::storage::{RemoteStorage, Storage};
use crate::trust::candidate::KnownCopy;
use crate::trust::place::Place;

/// Number of files that are downloaded by one request.
const MAX_DOWNLOAD_FILES: usize = 500;

/// A remote with the folders to verify.
#[derive(Debug)]
pub(super) struct RemoteGroup {
    pub(super) storage: Box<RemoteStorage>,
    pub(super) due: DueFolders,
}

/// A file to verify.
#[derive(Clone, Debug)]
pub(super) struct RemoteFile {
    /// The path below the root.
    path: PathBuf,
    bytes: u64,
    modified: Timestamp,
    known: Option<KnownContent>,
    stated: Option<StatedDigest>,
}

/// Verifies the folders of a remote, replica by replica, and sends the results. Returns the files that the stated digests do
/// not prove.
pub(super) fn verify_remote(
    index: &Index,
    group: &RemoteGroup,
    (request, places): (&VerifyRequest<'_>, &[Place]),
    budget: &RemainingBudget,
    results: &Sender<BatchResult>,
) -> Result<Vec<RemoteFile>> {
    let mut unproven = Vec::new();
    let Some(id) = group.due.id else {
        return Ok(unproven);
    };
    let mut replicas: BTreeMap<PathBuf, Vec<&DueFolder>> = BTreeMap::new();
    for folder in &group.due.folders {
        let project = folder.replica.replica.project();
        let base = folder.replica.category.replica_path(project);
        replicas.entry(base).or_default().push(folder);
    }
    let check = RemoteCheck {
        index,
        id,
        group,
        request,
        places,
    };
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
    let Some(id) = group.due.id else {
        return Ok(Vec::new());
    };
    let check = RemoteCheck {
        index,
        id,
        group,
        request,
        places,
    };
    let by_copies = check.compare_with_copies(files)?;
    let verdicts = files.iter().map(|file| {
        let verdict = by_copies.get(&file.path).cloned();
        (file, verdict.unwrap_or(Verdict::Unknown))
    });
    let verdicts = check.confirmed(verdicts.collect())?;
    Ok(check.batches(verdicts))
}

struct RemoteCheck<'a> {
    index: &'a Index,
    id: DatabaseId,
    group: &'a RemoteGroup,
    request: &'a VerifyRequest<'a>,
    places: &'a [Place],
}

impl RemoteCheck<'_> {
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
            match self.judge(file) {
                Some(verdict) => verdicts.push((file, verdict)),
                None => unread.push(file.clone()),
            }
        }
        self.send(self.confirmed(verdicts)?, results);
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

    /// Judges a file by the stated digest; `None` if that proves nothing.
    fn judge(&self, file: &RemoteFile) -> Option<Verdict> {
        let Some(stated) = file.stated else {
            return Some(Verdict::Missing);
        };
        if stated.bytes.is_some_and(|bytes| bytes != file.bytes) {
            return Some(Verdict::Edited(None));
        }
        if self.request.download {
            return None;
        }
        let known = file
            .known
            .filter(|known| known.proof.tag != 0 && known.proof.kind != EvidenceKind::Claimed)?;
        let tag = stated.tag?;
        let is_same = stated.equals(known.proof.tag)?;
        let is_damaged = known.proof.kind == EvidenceKind::Damaged;
        // A digest that was stated while the file was damaged proves nothing but that.
        if is_damaged && !is_same {
            return None;
        }
        let found = evidence(file, known.digest, EvidenceKind::Stored, tag);
        Some(if is_same && !is_damaged {
            Verdict::Intact(found)
        } else {
            Verdict::Damaged {
                // The digest of what is there is not known; the stated one is its tag.
                found: FileEvidence {
                    digest: Digest(u128::from(tag)),
                    ..found
                },
                known: known.digest,
                known_at: known.proof.at,
                cause: if is_damaged {
                    DamageCause::StatedBefore
                } else {
                    DamageCause::Stated
                },
            }
        })
    }

    /// Confirms verdicts by a listing of the files: absence counts only if that states it too, and a file with another size or
    /// time was edited.
    fn confirmed<'f>(
        &self,
        mut verdicts: Vec<(&'f RemoteFile, Verdict)>,
    ) -> Result<Vec<(&'f RemoteFile, Verdict)>> {
        let doubtful: Vec<PathBuf> = verdicts
            .iter()
            .filter(|(_, verdict)| matches!(verdict, Verdict::Missing | Verdict::Damaged { .. }))
            .map(|(file, _)| file.path.clone())
            .collect();
        if doubtful.is_empty() {
            return Ok(verdicts);
        }
        let storage = &self.group.storage;
        let target = ListTarget::Files(&doubtful);
        let (listed, why) =
            match storage
                .remote
                .list(target, &storage.features, TimeSource::ModTime)
            {
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Err(error) => (None, error.full_message()),
                // A missing root proves nothing about its files.
                Ok(listed) => (
                    listed,
                    "the storage did not list it a second time".to_owned(),
                ),
            };
        let precision = storage.features.time_precision();
        for (file, verdict) in &mut verdicts {
            let is_missing = *verdict == Verdict::Missing;
            if !is_missing && !matches!(verdict, Verdict::Damaged { .. }) {
                continue;
            }
            let found = listed.as_ref().and_then(|listed| listed.file(&file.path));
            let is_unread = listed
                .as_ref()
                .is_none_or(|listed| listed.is_unread(&file.path));
            match found {
                Some(_) if is_missing => {
                    let why = "the storage listed it only the second time";
                    *verdict = Verdict::Unreadable(why.to_owned());
                }
                Some(found) => {
                    let has_other_time = precision.is_some_and(|precision| {
                        !file.modified.equals_at(found.modified, precision)
                            && !file.modified.may_be_stored_as(found.modified)
                    });
                    if has_other_time || found.bytes.is_some_and(|bytes| bytes != file.bytes) {
                        *verdict = Verdict::Edited(None);
                    }
                }
                None if is_unread => *verdict = Verdict::Unreadable(why.clone()),
                None => *verdict = Verdict::Missing,
            }
        }
        Ok(verdicts)
    }

    /// Compares files with online local copies whose content is known, by a digest of both storages.
    fn compare_with_copies(&self, files: &[RemoteFile]) -> Result<HashMap<PathBuf, Verdict>> {
        let mut proven = HashMap::new();
        let storage = &self.group.storage;
        if !storage.features.has_hashes() {
            return Ok(proven);
        }
        for place in self.places {
            let database = &place.database;
            if database.is_remote() || place.is_offline || *database == storage.database {
                continue;
            }
            let Ok(Storage::Local(local)) = Storage::open(self.index, &storage.layout, database)
            else {
                continue;
            };
            let mut known: HashMap<PathBuf, (&RemoteFile, KnownContent)> = HashMap::new();
            for file in files.iter().filter(|file| !proven.contains_key(&file.path)) {
                if file.stated.is_some_and(|stated| stated.tag.is_some())
                    && let Some(content) = self.local_content(place, file)?
                {
                    known.insert(file.path.clone(), (file, content));
                }
            }
            let paths: Vec<PathBuf> = known.keys().cloned().collect();
            if paths.is_empty() {
                continue;
            }
            let method = CheckMethod::Digests;
            let verdicts = storage
                .remote
                .check(&database.root, &paths, method, &mut |_| {});
            let verdicts = match verdicts {
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                // Another local copy may prove them.
                Err(_) => continue,
                Ok(verdicts) => verdicts,
            };
            for (path, (file, content)) in known {
                // Its content may be another one since it was proven.
                if !local.is_as_proven(&path, &content.proof) {
                    continue;
                }
                let digest = content.digest;
                let tag = file
                    .stated
                    .and_then(|stated| stated.tag)
                    .unwrap_or_default();
                let found = evidence(file, digest, EvidenceKind::Stored, tag);
                let verdict = match (verdicts.get(&path), file.known) {
                    (Some(CheckVerdict::Same), _) => Verdict::Intact(found),
                    (Some(CheckVerdict::Differs), Some(known)) if known.digest == digest => {
                        Verdict::Damaged {
                            found: FileEvidence {
                                digest: Digest(u128::from(tag)),
                                ..found
                            },
                            known: known.digest,
                            known_at: known.proof.at,
                            cause: DamageCause::Stated,
                        }
                    }
                    _ => continue,
                };
                proven.insert(path, verdict);
            }
        }
        Ok(proven)
    }

    /// Returns the known content of a local copy with the size and time of a file.
    fn local_content(&self, place: &Place, file: &RemoteFile) -> Result<Option<KnownContent>> {
        let located = self.request.categories.iter().find_map(|category| {
            let (project, replica) = category.locate(&file.path)?;
            Some((*category, project, replica))
        });
        let Some((category, project, replica)) = located else {
            return Ok(None);
        };
        let Some(mut copy) = KnownCopy::find(self.index, place, category, &project)? else {
            return Ok(None);
        };
        let below = file.path.strip_prefix(&replica).unwrap_or(&file.path);
        let (folder, name) = split_path(below);
        let mut found = None;
        copy.visit_folder(
            self.index,
            category,
            folder,
            ManifestRef::default(),
            &mut |folder| {
                folder.visit(&mut |other, content| {
                    if other.name == name.as_encoded_bytes()
                        && other.bytes == file.bytes
                        && other.modified.may_be_stored_as(file.modified)
                    {
                        found = content.filter(|one| one.proof.is_intact()).copied();
                    }
                });
            },
        )?;
        Ok(found)
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
            let paths: Vec<PathBuf> = part.iter().map(|file| file.path.clone()).collect();
            let mut read: HashMap<PathBuf, Digest> = HashMap::new();
            let downloaded = storage
                .remote
                .download_digests(&paths, &mut |path, digest| {
                    read.insert(path, digest);
                });
            let why = match downloaded {
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Err(error) => Some(error.full_message()),
                Ok(()) => None,
            };
            let verdicts = part.into_iter().map(|file| {
                let Some(digest) = read.get(&file.path) else {
                    let why = why
                        .clone()
                        .unwrap_or_else(|| "rclone did not read it".to_owned());
                    return (file, Verdict::Unreadable(why));
                };
                let tag = file
                    .stated
                    .and_then(|stated| stated.tag)
                    .unwrap_or_default();
                let found = evidence(file, *digest, EvidenceKind::Read, tag);
                let known = file
                    .known
                    .filter(|known| known.proof.kind != EvidenceKind::Claimed);
                let verdict = match known {
                    None => Verdict::FirstRead(found),
                    Some(known) if known.digest == *digest => Verdict::Intact(found),
                    Some(known) => Verdict::Damaged {
                        found,
                        known: known.digest,
                        known_at: known.proof.at,
                        cause: DamageCause::Unknown,
                    },
                };
                (file, verdict)
            });
            self.send(self.confirmed(verdicts.collect())?, results);
        }
        Ok(())
    }

    /// Sends verdicts, folder by folder.
    fn send<'f>(
        &self,
        verdicts: impl IntoIterator<Item = (&'f RemoteFile, Verdict)>,
        results: &Sender<BatchResult>,
    ) {
        for batch in self.batches(verdicts) {
            ignore(results.send(batch), "the receiver outlives its readers");
        }
    }

    /// Returns verdicts by folder.
    fn batches<'f>(
        &self,
        verdicts: impl IntoIterator<Item = (&'f RemoteFile, Verdict)>,
    ) -> Vec<BatchResult> {
        let mut folders: BTreeMap<PathBuf, Vec<(Name, Verdict)>> = BTreeMap::new();
        for (file, verdict) in verdicts {
            let (folder, name) = split_path(&file.path);
            let files = folders.entry(folder.to_owned()).or_default();
            files.push((Name::from(name), verdict));
        }
        let batches = folders.into_iter().map(|(folder, files)| BatchResult {
            database: self.group.due.database,
            id: Some(self.id),
            path: self.group.storage.remote.path(&folder),
            folder,
            files,
        });
        batches.collect()
    }
}

fn evidence(file: &RemoteFile, digest: Digest, kind: EvidenceKind, tag: u64) -> FileEvidence {
    FileEvidence {
        bytes: file.bytes,
        modified: file
            .known
            .and_then(|known| known.recorded_time)
            .unwrap_or(file.modified),
        digest,
        proof: Proof {
            kind,
            at: Timestamp {
                nanoseconds: 0,
                ..Timestamp::now()
            },
            tag,
        },
    }
}
