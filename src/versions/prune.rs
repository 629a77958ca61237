//! Removes old versions for good, but never the only known copy of a content.
//!
//! A version may go if its content is that of a file whose storage is online and which still has the size and time of its
//! evidence. The digest of a version is computed from its bytes, unless they were known when it was kept.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::list::{KeptVersion, VersionList, VersionScope};
use super::restore::take_lock;
use super::{VersionItem, VersionReport};
use crate::base::confirmation::{Confirmation, Question};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressEvent, Task};
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::{Index, OutcomeKind, RunId};
use crate::model::path::split_path;
use crate::model::project::{Scope, path_within};
use crate::model::registry::{Database, Registry};
use crate::rclone::{ListTarget, TimeSource};
use crate::snapshot::digest::Digest;
use crate::storage::version::put_back::{remove_empty_version_folders, remove_versions};
use crate::storage::version::run_folder::VersionFolder;
use crate::storage::{Layout, Storage};
use crate::trust::place::places;

/// Time for which versions are kept without `--keep`: 30 days.
pub const DEFAULT_KEEP: Duration = Duration::from_secs(30 * 86_400);

/// A request to remove old versions.
#[derive(Debug)]
pub struct PruneRequest<'a> {
    pub target: &'a Database,
    /// Versions that are younger are kept.
    pub keep: Duration,
    /// Number of newest versions of each file that are kept.
    pub keep_last: usize,
    /// Removes the only known copy of a content too.
    pub force: bool,
    pub dry_run: bool,
    pub confirmation: Confirmation,
}

/// A version that may be removed, by its age.
#[derive(Clone, Debug)]
struct Candidate {
    folder: VersionFolder,
    place: PathBuf,
    name: Name,
    bytes: u64,
    is_link: bool,
}

impl Candidate {
    /// Its path below the root.
    fn path(&self) -> PathBuf {
        self.folder
            .path()
            .join(&self.place)
            .join(self.name.as_path())
    }
}

/// Removes versions.
///
/// # Errors
/// The target is offline or locked; the user declines, or nobody can confirm.
pub fn prune(
    index: &mut Index,
    registry: &Registry,
    request: &PruneRequest<'_>,
    run: RunId,
    monitor: &dyn Monitor,
) -> Result<VersionReport> {
    let start = Instant::now();
    let layout = Layout::new(registry)?;
    let storage = Storage::open(index, &layout, request.target)?;
    let lock = take_lock(&storage, run, request.dry_run)?;
    let candidates = candidates(registry, request, &storage)?;
    let mut report = VersionReport::default();
    let mut removable = Vec::new();
    if request.force {
        removable = candidates;
    } else if !candidates.is_empty() {
        let mut proof = ContentProof::read(index, registry, &layout)?;
        monitor.on_event(&ProgressEvent::Started {
            task: Task::Verify,
            files: Some(candidates.len() as u64),
            bytes: None,
        });
        for candidate in candidates {
            interrupt::check()?;
            match proof.reason_to_keep(index, &storage, &candidate)? {
                None => removable.push(candidate),
                Some(why) => report.items.push(VersionItem {
                    path: storage.database().path(&candidate.path()),
                    outcome: OutcomeKind::Skipped,
                    bytes: candidate.bytes,
                    reason: Some(why),
                }),
            }
            monitor.on_event(&ProgressEvent::Files(1));
        }
        monitor.on_event(&ProgressEvent::Finished);
    }
    if request.dry_run {
        for candidate in &removable {
            report.add_removed(&storage, candidate, OutcomeKind::Planned, None);
        }
    } else if !removable.is_empty() {
        require_consent(request, &removable)?;
        remove(&storage, &removable, &mut report)?;
    }
    drop(lock);
    report.is_interrupted = interrupt::is_requested();
    report.elapsed = start.elapsed();
    Ok(report)
}

fn require_consent(request: &PruneRequest<'_>, removable: &[Candidate]) -> Result<()> {
    let bytes: u64 = removable.iter().map(|candidate| candidate.bytes).sum();
    let force = if request.force {
        ", including the only known copies of a content"
    } else {
        ", whose contents are known elsewhere"
    };
    let list = removable.iter().map(|candidate| {
        let path = candidate.place.join(candidate.name.as_path());
        format!(
            "  {} of {}",
            Name::from(path.as_path()),
            candidate.folder.at.ago()
        )
    });
    request.confirmation.require(&Question {
        text: format!(
            "Remove {} from {} for good, {}{force}?",
            unit::format_counted(removable.len() as u64, "old version"),
            request.target.name,
            unit::format_bytes(bytes)
        ),
        list: list.collect(),
    })
}

/// Returns the versions that are old enough, and not among the last of their files.
fn candidates(
    registry: &Registry,
    request: &PruneRequest<'_>,
    storage: &Storage,
) -> Result<Vec<Candidate>> {
    let mut versions = VersionList::default();
    versions.add(storage)?;
    let all = VersionScope {
        scope: Scope::All,
        categories: registry.categories().iter().collect(),
    };
    let keep = i64::try_from(request.keep.as_secs()).unwrap_or(i64::MAX);
    let latest = Timestamp::now().seconds.saturating_sub(keep);
    let mut of_file: Vec<Candidate> = Vec::new();
    let mut chosen = Vec::new();
    let mut finish_file = |of_file: &mut Vec<Candidate>| {
        let kept = of_file.len().saturating_sub(request.keep_last);
        let old = of_file.drain(..).take(kept);
        chosen.extend(old.filter(|candidate| candidate.folder.at.seconds <= latest));
    };
    versions.visit(registry, &all, &mut |version| {
        let is_other = of_file
            .first()
            .is_some_and(|first| first.place != version.place || first.name != *version.name);
        if is_other {
            finish_file(&mut of_file);
        }
        of_file.push(candidate(version));
        Ok(())
    })?;
    finish_file(&mut of_file);
    Ok(chosen)
}

fn candidate(version: &KeptVersion<'_>) -> Candidate {
    Candidate {
        folder: version.folder.clone(),
        place: version.place.to_owned(),
        name: version.name.clone(),
        bytes: version.bytes,
        is_link: version.is_link,
    }
}

/// A file with a known content.
#[derive(Clone, Debug)]
struct Holder {
    /// The place of its storage.
    place: usize,
    path: PathBuf,
    bytes: u64,
    modified: Timestamp,
    /// The tag of its proof.
    tag: u64,
}

/// The contents that are known, and where.
struct ContentProof {
    holders: HashMap<u128, Vec<Holder>>,
    /// The opened storages; `None` for one that is offline.
    storages: Vec<Option<Storage>>,
}

impl ContentProof {
    /// Reads the evidence of all storages.
    fn read(index: &Index, registry: &Registry, layout: &std::sync::Arc<Layout>) -> Result<Self> {
        let places = places(index, registry)?;
        let mut holders: HashMap<u128, Vec<Holder>> = HashMap::new();
        let _view = index.read_transaction()?;
        for (number, place) in places.iter().enumerate() {
            let Some(id) = place.id else { continue };
            for category in registry.categories() {
                let key = category.key();
                for known in index.replicas(id, key)? {
                    let present = index.present_replica(id, key, &known.project)?;
                    let Some(replica) = present else { continue };
                    let base = category.replica_path(replica.project());
                    let precision = known.aggregate.precision;
                    index.visit_proven_folders(id, key, &replica, precision, &mut |folder| {
                        let at = path_within(&base, folder.path);
                        folder.visit(&mut |file, content| {
                            let Some(content) = content.filter(|one| one.proof.is_intact()) else {
                                return;
                            };
                            let name = Name::from_bytes(file.name.to_vec());
                            holders.entry(content.digest.0).or_default().push(Holder {
                                place: number,
                                path: at.join(name.as_path()),
                                bytes: file.bytes,
                                modified: file.modified,
                                tag: content.proof.tag,
                            });
                        });
                        Ok(())
                    })?;
                }
            }
        }
        let mut storages = Vec::new();
        for place in &places {
            storages.push(match Storage::open(index, layout, &place.database) {
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                opened => opened.ok(),
            });
        }
        Ok(Self { holders, storages })
    }

    /// Returns why a version must stay; `None` if its content is proven elsewhere.
    fn reason_to_keep(
        &mut self,
        index: &Index,
        storage: &Storage,
        candidate: &Candidate,
    ) -> Result<Option<String>> {
        // A link has no content, and an empty file none that could be lost.
        if candidate.is_link || candidate.bytes == 0 {
            return Ok(None);
        }
        let digest = match Self::digest(index, storage, candidate) {
            Ok(Some(digest)) => digest,
            Ok(None) => return Ok(Some("its content is not known".to_owned())),
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => return Ok(Some(error.full_message())),
        };
        let Some(holders) = self.holders.get(&digest.0) else {
            return Ok(Some("it is the only known copy of its content".to_owned()));
        };
        if holders.iter().any(|holder| self.is_there(holder)) {
            return Ok(None);
        }
        Ok(Some(
            "the other copies of its content cannot be seen now".to_owned(),
        ))
    }

    /// Returns the digest of a version: the recorded one, or that of its bytes.
    fn digest(index: &Index, storage: &Storage, candidate: &Candidate) -> Result<Option<Digest>> {
        let folder = candidate.folder.path().join(&candidate.place);
        if let Some(id) = index.database_id(&storage.database().root)? {
            let known = index.evidence(id, &folder)?;
            let known = known
                .get(&candidate.name)
                .filter(|known| known.bytes == candidate.bytes && known.proof.is_intact());
            if let Some(known) = known {
                return Ok(Some(known.digest));
            }
        }
        let Storage::Local(local) = storage else {
            return Ok(None);
        };
        let folder = local.root.open_descendant(&folder)?;
        let name = candidate.name.as_os_str();
        let (file, _) = folder.open_file(name)?;
        let digest = Digest::of_file(&file, &mut Vec::new(), &|_| {});
        let digest = digest.map_err(|source| Error::Io {
            action: "read",
            path: folder.path().join(name),
            source,
        });
        interrupt::check()?;
        digest.map(Some)
    }

    /// True if a file is still as its evidence says.
    fn is_there(&self, holder: &Holder) -> bool {
        match self.storages.get(holder.place).and_then(Option::as_ref) {
            None => false,
            Some(Storage::Local(local)) => {
                let (folder, name) = split_path(&holder.path);
                let stat = local
                    .root
                    .open_descendant(folder)
                    .and_then(|folder| folder.stat(name));
                stat.is_ok_and(|stat| {
                    stat.bytes == holder.bytes
                        && (stat.modified == holder.modified
                            || holder.modified.may_be_stored_as(stat.modified))
                })
            }
            Some(Storage::Remote(remote)) => {
                let target = ListTarget::Files(std::slice::from_ref(&holder.path));
                let listed = remote
                    .remote
                    .list(target, &remote.features, TimeSource::ModTime);
                let Ok(Some(listed)) = listed else {
                    return false;
                };
                let has_times = remote.features.time_precision().is_some();
                let is_same = listed.file(&holder.path).is_some_and(|file| {
                    file.bytes.is_none_or(|bytes| bytes == holder.bytes)
                        && (!has_times || holder.modified.may_be_stored_as(file.modified))
                });
                is_same
                    && remote.stated_digest(&holder.path).is_ok_and(|stated| {
                        stated.is_none_or(|stated| stated.equals(holder.tag) != Some(false))
                    })
            }
        }
    }
}

fn remove(storage: &Storage, removable: &[Candidate], report: &mut VersionReport) -> Result<()> {
    let mut folders: BTreeMap<(&VersionFolder, &Path), Vec<&Candidate>> = BTreeMap::new();
    for candidate in removable {
        let key = (&candidate.folder, candidate.place.as_path());
        folders.entry(key).or_default().push(candidate);
    }
    match storage {
        Storage::Local(local) => {
            let mut emptied: BTreeMap<&VersionFolder, Vec<PathBuf>> = BTreeMap::new();
            for ((folder, place), candidates) in folders {
                if interrupt::is_requested() {
                    break;
                }
                let names: Vec<OsString> = candidates
                    .iter()
                    .map(|one| one.name.as_os_str().to_owned())
                    .collect();
                let failed = remove_versions(&local.root, folder, place, &names);
                let failed: HashMap<OsString, String> = failed.into_iter().collect();
                for candidate in candidates {
                    match failed.get(candidate.name.as_os_str()) {
                        None => report.add_removed(storage, candidate, OutcomeKind::Removed, None),
                        Some(why) => report.add_removed(
                            storage,
                            candidate,
                            OutcomeKind::Failed,
                            Some(why.clone()),
                        ),
                    }
                }
                emptied.entry(folder).or_default().push(place.to_owned());
            }
            for (folder, places) in emptied {
                remove_empty_version_folders(&local.root, folder, &places);
            }
        }
        Storage::Remote(remote) => {
            let paths: Vec<PathBuf> = removable.iter().map(Candidate::path).collect();
            remote.remote.delete_files(&paths)?;
            let left = remote.list_files(&paths)?;
            for (candidate, path) in removable.iter().zip(&paths) {
                if left.file(path).is_some() {
                    let why = Some("the storage still lists it".to_owned());
                    report.add_removed(storage, candidate, OutcomeKind::Failed, why);
                } else {
                    report.add_removed(storage, candidate, OutcomeKind::Removed, None);
                }
            }
        }
    }
    Ok(())
}

impl VersionReport {
    fn add_removed(
        &mut self,
        storage: &Storage,
        candidate: &Candidate,
        outcome: OutcomeKind,
        reason: Option<String>,
    ) {
        if outcome != OutcomeKind::Failed {
            self.bytes = self.bytes.saturating_add(candidate.bytes);
        }
        self.items.push(VersionItem {
            path: storage.database().path(&candidate.path()),
            outcome,
            bytes: candidate.bytes,
            reason,
        });
    }
}
