//! The contents of versions, and the files that hold them now.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::candidate::Candidate;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::{EvidenceReader, Index, Proof};
use crate::model::path::split_path;
use crate::model::project::path_within;
use crate::model::registry::Registry;
use crate::rclone::{ListTarget, TimeSource};
use crate::snapshot::digest::Digest;
use crate::storage::{Layout, LocalStorage, RemoteStorage, Storage};
use crate::trust::place::{Place, places};

/// A file with a known content.
#[derive(Clone, Debug)]
struct Holder {
    /// The number of its place.
    place: usize,
    path: PathBuf,
    bytes: u64,
    modified: Timestamp,
    proof: Proof,
}

/// Some contents, and where the index knows them.
pub(super) struct KnownContents {
    places: Vec<Place>,
    holders: HashMap<Digest, Vec<Holder>>,
}

impl KnownContents {
    /// Looks for these contents in the evidence of all storages.
    pub(super) fn find(
        index: &Index,
        registry: &Registry,
        wanted: &HashSet<Digest>,
    ) -> Result<Self> {
        let places = places(index, registry)?;
        let mut holders: HashMap<Digest, Vec<Holder>> = HashMap::new();
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
                            let Some(content) = content.filter(|content| {
                                content.proof.is_intact() && wanted.contains(&content.digest)
                            }) else {
                                return;
                            };
                            holders.entry(content.digest).or_default().push(Holder {
                                place: number,
                                path: at.join(Name::from_bytes(file.name.to_vec()).as_path()),
                                bytes: file.bytes,
                                modified: file.modified,
                                proof: content.proof,
                            });
                        });
                        Ok(())
                    })?;
                }
            }
        }
        Ok(Self { places, holders })
    }

    /// True if the index knows a file with this content.
    pub(super) fn contains(&self, digest: Digest) -> bool {
        self.holders.contains_key(&digest)
    }

    /// Looks at the files with these contents, on disks before remotes, and returns the contents of those that are still as
    /// they were proven. The storages are opened each time, so that what is known of them is not older than this call.
    pub(super) fn present(
        &self,
        index: &Index,
        layout: &Arc<Layout>,
        digests: impl Iterator<Item = Digest>,
    ) -> Result<HashSet<Digest>> {
        let mut missing: HashSet<Digest> = digests.collect();
        let mut present = HashSet::new();
        let mut order: Vec<usize> = (0..self.places.len()).collect();
        order.sort_by_key(|place| self.places[*place].database.is_remote());
        for place in order {
            let mut asked: Vec<(Digest, &Holder)> = Vec::new();
            for digest in &missing {
                let of_digest = self.holders.get(digest).into_iter().flatten();
                let here = of_digest.filter(|holder| holder.place == place);
                asked.extend(here.map(|holder| (*digest, holder)));
            }
            if asked.is_empty() {
                continue;
            }
            let seen = match Storage::open(index, layout, &self.places[place].database) {
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                // Offline: nothing is seen there.
                Err(_) => continue,
                Ok(Storage::Local(local)) => seen_on_disk(&local, &asked)?,
                Ok(Storage::Remote(remote)) => seen_at_remote(&remote, &asked)?,
            };
            missing.retain(|digest| !seen.contains(digest));
            present.extend(seen);
        }
        Ok(present)
    }
}

/// Returns the contents of files that are as they were proven.
fn seen_on_disk(storage: &LocalStorage, asked: &[(Digest, &Holder)]) -> Result<HashSet<Digest>> {
    let mut seen = HashSet::new();
    for (digest, holder) in asked {
        interrupt::check()?;
        if seen.contains(digest) {
            continue;
        }
        if is_as_proven(storage, holder) {
            seen.insert(*digest);
        }
    }
    Ok(seen)
}

/// True if a file has the size, the time and the state of its proof.
fn is_as_proven(storage: &LocalStorage, holder: &Holder) -> bool {
    let (folder, name) = split_path(&holder.path);
    let Ok(folder) = storage.root.open_descendant(folder) else {
        return false;
    };
    let has_stable_ids = folder.has_reliable_file_system();
    let stat = folder.stat(&folder.existing_name(name));
    stat.is_ok_and(|stat| {
        stat.bytes == holder.bytes
            && holder.modified.may_be_stored_as(stat.modified)
            && holder.proof.is_of_state(&stat, has_stable_ids)
    })
}

/// Returns the contents of files that a remote lists with the size and time of their proofs. One whose stated digest is another
/// one is left out.
fn seen_at_remote(storage: &RemoteStorage, asked: &[(Digest, &Holder)]) -> Result<HashSet<Digest>> {
    let files: Vec<PathBuf> = asked
        .iter()
        .map(|(_, holder)| holder.path.clone())
        .collect();
    let target = ListTarget::Files(&files);
    let listed = match storage
        .remote
        .list(target, &storage.features, TimeSource::ModTime)
    {
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(_) | Ok(None) => return Ok(HashSet::new()),
        Ok(Some(listed)) => listed,
    };
    let has_times = storage.features.time_precision().is_some();
    let mut seen = HashSet::new();
    for (digest, holder) in asked {
        let is_same = listed.file(&holder.path).is_some_and(|file| {
            file.bytes.is_none_or(|bytes| bytes == holder.bytes)
                && (!has_times || holder.modified.may_be_stored_as(file.modified))
        });
        if !is_same {
            continue;
        }
        match storage.stated_digest(&holder.path) {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Ok(stated) if stated.and_then(|one| one.equals(holder.proof.tag)) != Some(false) => {
                seen.insert(*digest);
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok(seen)
}

/// Returns the digest of a version: the recorded one if the version still has its size and time, or that of its bytes. `None`
/// at a remote that has no recorded one.
pub(super) fn digest_of(
    evidence: &mut EvidenceReader<'_>,
    storage: &Storage,
    candidate: &Candidate,
) -> Result<Option<Digest>> {
    let folder = candidate.folder.path().join(&candidate.place);
    let has_times = match storage {
        Storage::Local(_) => true,
        Storage::Remote(remote) => remote.has_reliable_mod_times(),
    };
    let known = evidence.file(&folder, &candidate.name)?.filter(|known| {
        known.bytes == candidate.bytes
            && (!has_times || known.modified.may_be_stored_as(candidate.modified))
            && known.proof.is_intact()
    });
    if let Some(known) = known {
        return Ok(Some(known.digest));
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
