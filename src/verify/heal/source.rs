//! The choice of an intact copy for each file: every copy is read before it is used.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::patient::Patient;
use crate::base::error::{Error, Result};
use crate::base::hash_format::HashFormatSet;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::timestamp::TimePrecision;
use crate::index::{EvidenceReader, Index};
use crate::model::path::split_path;
use crate::snapshot::digest::Digest;
use crate::storage::{Layout, LocalStorage, RemoteStorage, Storage};
use crate::trust::place::Place;
use crate::verify::file::{ExpectedFile, Verdict, check_file};

/// The files to heal by their sources, and those without one.
#[derive(Debug, Default)]
pub(super) struct ChosenSources {
    /// By the place of the intact copy.
    pub(super) by_place: BTreeMap<usize, Vec<Patient>>,
    pub(super) refused: Vec<Patient>,
}

/// Finds an intact copy for each file, on disks before remotes.
pub(super) fn choose(
    index: &Index,
    layout: &Arc<Layout>,
    places: &[Place],
    patients: Vec<Patient>,
) -> Result<ChosenSources> {
    let mut chosen = ChosenSources {
        refused: patients,
        ..ChosenSources::default()
    };
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|place| places[*place].database.is_remote());
    for place in order {
        let waiting = std::mem::take(&mut chosen.refused);
        let (asked, others): (Vec<Patient>, Vec<Patient>) = waiting
            .into_iter()
            .partition(|patient| patient.sources.contains(&place));
        chosen.refused = others;
        if asked.is_empty() {
            continue;
        }
        let intact = match Storage::open(index, layout, &places[place].database) {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            // Offline: it stays a source that was seen.
            Err(_) => {
                chosen.refused.extend(asked);
                continue;
            }
            Ok(Storage::Local(local)) => asked
                .iter()
                .map(|patient| is_intact_on_disk(&local, patient))
                .collect::<Result<Vec<bool>>>()?,
            Ok(Storage::Remote(remote)) => are_intact_at_remote(index, &remote, &asked)?,
        };
        for (mut patient, is_intact) in asked.into_iter().zip(intact) {
            if is_intact {
                chosen.by_place.entry(place).or_default().push(patient);
            } else {
                patient.set_altered(place, places[place].name());
                chosen.refused.push(patient);
            }
        }
    }
    Ok(chosen)
}

fn is_intact_on_disk(storage: &LocalStorage, patient: &Patient) -> Result<bool> {
    interrupt::check()?;
    let (folder, name) = split_path(&patient.path);
    let Ok(folder) = storage.root.open_descendant(folder) else {
        return Ok(false);
    };
    let Ok(stat) = folder.stat(name) else {
        return Ok(false);
    };
    let expected = ExpectedFile {
        formats: HashFormatSet::EMPTY,
        name: Name::from(name),
        bytes: stat.bytes,
        modified: stat.modified,
        altered: None,
        precision: TimePrecision::Nanosecond,
        known: None,
    };
    let verdict = check_file(&folder, &expected, &mut Vec::new(), &|_| {})?.verdict;
    Ok(matches!(verdict, Verdict::FirstRead(found) if found.digest == patient.digest))
}

/// Asks a remote for the digests of files. What it does not state is downloaded, as far as its rclone can; otherwise only the
/// new copy shows its content.
fn are_intact_at_remote(
    index: &Index,
    storage: &RemoteStorage,
    patients: &[Patient],
) -> Result<Vec<bool>> {
    let mut answers = Vec::with_capacity(patients.len());
    let mut evidence = EvidenceReader::new(index, &storage.database.root)?;
    for patient in patients {
        interrupt::check()?;
        answers.push(stated_answer(&mut evidence, storage, patient)?);
    }
    let unknown = patients.iter().zip(&answers);
    let unknown = unknown.filter(|(_, answer)| answer.is_none());
    let unknown: Vec<PathBuf> = unknown.map(|(patient, _)| patient.path.clone()).collect();
    let mut read: BTreeMap<PathBuf, Digest> = BTreeMap::new();
    let can_read = unknown.is_empty() || {
        let downloaded = storage
            .remote
            .download_digests(&unknown, &mut |path, digest| {
                read.insert(path, digest);
            });
        if let Err(Error::Interrupted) = downloaded {
            return Err(Error::Interrupted);
        }
        downloaded.is_ok() || !read.is_empty()
    };
    let answers = patients.iter().zip(answers).map(|(patient, answer)| {
        answer.unwrap_or_else(|| match read.get(&patient.path) {
            Some(digest) => *digest == patient.digest,
            None => !can_read,
        })
    });
    Ok(answers.collect())
}

/// True if a remote states the digest of the intact content, false if it states another one; `None` if that is not known.
fn stated_answer(
    evidence: &mut EvidenceReader<'_>,
    storage: &RemoteStorage,
    patient: &Patient,
) -> Result<Option<bool>> {
    let (folder, name) = split_path(&patient.path);
    let known = evidence.file(folder, &Name::from(name))?;
    let known = known.filter(|known| known.digest == patient.digest);
    let stated = match storage.stated_digest(&patient.path) {
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        stated => stated.ok().flatten(),
    };
    let pair = known.zip(stated);
    Ok(pair.and_then(|(known, stated)| stated.equals(known.proof.tag)))
}
