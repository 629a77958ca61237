//! Evidence `claimed` from the histories that a scan found: a hash list states the digests of files that nothing has read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::hash_format::HashFormat;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::{
    ContentOrigin, DatabaseId, EvidenceKind, FileEvidence, FolderEvidence, Index, KnownGeneration,
    NewEvidence, Proof,
};
use crate::mhl::history::{FileRecord, History};
use crate::mhl::history_set::{HistorySet, join};
use crate::model::project::{ProjectId, path_within};
use crate::model::registry::{Category, Database, Registry};
use crate::os::folder::Folder;
use crate::snapshot::manifest::ManifestFile;
use crate::storage::{Layout, LocalStorage, Storage};

/// Takes the histories of scanned databases over, as far as they changed since the last time: their generations, and the
/// digests of files without stronger evidence. A damaged history is reported and left out.
///
/// # Errors
/// The index cannot be read or written; [`Error::Interrupted`].
pub fn import_histories(
    index: &mut Index,
    registry: &Registry,
    databases: &[&Database],
    monitor: &dyn Monitor,
) -> Result<()> {
    let layout = Layout::new(registry)?;
    for database in databases.iter().filter(|database| !database.is_remote()) {
        let Some(id) = index.database_id(&database.root)? else {
            continue;
        };
        let folders = index.history_folders(id)?;
        if folders.is_empty() {
            continue;
        }
        let storage = match Storage::open(index, &layout, database) {
            Ok(Storage::Local(storage)) => storage,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            // The scan has reported it.
            Ok(Storage::Remote(_)) | Err(_) => continue,
        };
        let mut replicas: BTreeMap<(PathBuf, ProjectId), Vec<PathBuf>> = BTreeMap::new();
        for (category, project, folder) in folders {
            replicas
                .entry((category, project))
                .or_default()
                .push(folder);
        }
        for ((key, project), folders) in replicas {
            let mut categories = registry.categories().iter();
            let Some(category) = categories.find(|category| category.key() == key) else {
                continue;
            };
            let mut import = Import {
                index,
                id,
                storage: &storage,
                category,
                project,
                monitor,
            };
            match import.replica(&folders) {
                Ok(()) => {}
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Err(error) => monitor.on_event(&ProgressEvent::Problem(&error)),
            }
        }
    }
    Ok(())
}

/// The import of the histories of one replica.
struct Import<'a> {
    index: &'a mut Index,
    id: DatabaseId,
    storage: &'a LocalStorage,
    category: &'a Category,
    project: ProjectId,
    monitor: &'a dyn Monitor,
}

impl Import<'_> {
    fn replica(&mut self, folders: &[PathBuf]) -> Result<()> {
        let base = self.category.replica_path(&self.project);
        let base: PathBuf = base.components().collect();
        let scope = self.storage.root.open_descendant(&base)?;
        let mut is_known = true;
        for folder in folders {
            is_known = is_known && self.is_known(&scope, &base, folder)?;
        }
        if is_known {
            return Ok(());
        }
        let histories = HistorySet::load(&scope, folders.iter().map(PathBuf::as_path))?;
        if let Some((path, damage)) = histories.damage().next() {
            let error = Error::HistoryDamaged {
                path: scope.path().join(path),
                why: damage.kind.to_string(),
            };
            self.monitor
                .on_event(&ProgressEvent::Warning(&error.full_message()));
            return Ok(());
        }
        self.add_claims(&base, &histories)?;
        for (folder, history) in histories.iter() {
            let folder = path_within(&base, Path::new(folder));
            let known = history.generations.iter();
            let known: Vec<_> = known.map(|one| KnownGeneration::of(&folder, one)).collect();
            self.index.record_generations(self.id, &folder, &known)?;
        }
        Ok(())
    }

    /// True if the chain of a history lists the generations that the index knows.
    fn is_known(&self, scope: &Folder, base: &Path, folder: &Path) -> Result<bool> {
        let scope = scope.open_descendant(folder)?;
        let Some(listed) = History::listed_generations(&scope)? else {
            return Ok(false);
        };
        let folder = path_within(base, folder);
        let known = self.index.generations(self.id, &folder)?;
        let known = known.iter().filter(|one| one.folder == folder);
        let known = known.map(|one| (one.number, one.name.as_str(), one.c4.clone()));
        let listed = listed
            .iter()
            .map(|one| (one.number, one.name.as_str(), one.c4.to_string()));
        Ok(known.eq(listed))
    }

    /// Adds the recorded digests of files that have the recorded size and no evidence that holds.
    fn add_claims(&mut self, base: &Path, histories: &HistorySet) -> Result<()> {
        let key = self.category.key();
        let Some(known) = self.index.replica(self.id, key, &self.project)? else {
            return Ok(());
        };
        let Some(present) = self.index.present_replica(self.id, key, &self.project)? else {
            return Ok(());
        };
        let mut claims: Vec<(PathBuf, FolderEvidence)> = Vec::new();
        let precision = known.aggregate.precision;
        self.index
            .visit_proven_folders(self.id, key, &present, precision, &mut |folder| {
                let Some(path) = folder.path.to_str() else {
                    return Ok(());
                };
                let mut claimed = FolderEvidence::new();
                folder.visit(&mut |file, content| {
                    let name = std::str::from_utf8(file.name).ok();
                    let record = name.and_then(|name| histories.record(&join(path, name)));
                    let is_stronger =
                        content.is_some_and(|one| one.proof.kind != EvidenceKind::Claimed);
                    let claim = record.filter(|_| !is_stronger);
                    if let Some(evidence) = claim.and_then(|record| claimed_evidence(file, record))
                    {
                        claimed.insert(Name::from_bytes(file.name.to_vec()), evidence);
                    }
                });
                if !claimed.is_empty() {
                    claims.push((path_within(base, folder.path), claimed));
                }
                Ok(())
            })?;
        let added: Vec<NewEvidence<'_>> = claims
            .iter()
            .map(|(folder, files)| NewEvidence {
                database: self.id,
                folder,
                files,
                origin: ContentOrigin::Written,
            })
            .collect();
        self.index.add_evidence(&added).map(drop)
    }
}

/// Returns the evidence that the record of a history is for a file; `None` for a link, for another size, and for a record
/// without the format of the index.
fn claimed_evidence(file: &ManifestFile<'_>, record: &FileRecord) -> Option<FileEvidence> {
    let digest = record.hash(HashFormat::Xxh128)?.as_digest()?;
    if file.target.is_some() || record.bytes.is_some_and(|bytes| bytes != file.bytes) {
        return None;
    }
    let at = record.proven_at.unwrap_or(Timestamp::UNKNOWN);
    Some(FileEvidence {
        bytes: file.bytes,
        modified: file.modified,
        digest,
        proof: Proof {
            kind: EvidenceKind::Claimed,
            at: Timestamp {
                nanoseconds: 0,
                ..at
            },
            tag: 0,
            host: None,
        },
    })
}
