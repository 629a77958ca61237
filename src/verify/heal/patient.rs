//! The files to heal, and the storages that may have an intact copy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::request::HealRequest;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::index::{EvidenceKind, Index};
use crate::model::path::split_path;
use crate::model::project::{ProjectId, path_within};
use crate::model::registry::Category;
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::ManifestRef;
use crate::trust::candidate::KnownCopy;
use crate::trust::place::Place;

/// A file to heal.
#[derive(Clone, Debug)]
pub(super) struct Patient {
    pub(super) project: ProjectId,
    /// The path below every root.
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    /// The digest of the intact content.
    pub(super) digest: Digest,
    pub(super) is_missing: bool,
    /// Places of copies that may have that content.
    pub(super) sources: Vec<usize>,
    /// What the other storages hold, for the message when no copy is intact.
    pub(super) others: Vec<String>,
}

impl Patient {
    /// Removes a source that was read now and does not have the content.
    pub(super) fn set_altered(&mut self, place: usize, name: &str) {
        self.sources.retain(|source| *source != place);
        self.others.push(format!("{name}: not intact any more"));
    }

    /// Why it cannot be healed: who holds what.
    pub(super) fn refusal(&self, places: &[Place]) -> String {
        let offline = self.sources.iter().map(|place| places[*place].name());
        let offline: Vec<&str> = offline.collect();
        let mut parts = vec!["no intact copy can be read".to_owned()];
        if !offline.is_empty() {
            parts.push(format!("intact when last seen: {}", offline.join(", ")));
        }
        parts.extend(self.others.iter().cloned());
        parts.join("; ")
    }
}

/// Finds the damaged files of a scope, and the missing ones that were verified before and that another storage lists.
pub(super) fn find_patients(
    index: &Index,
    request: &HealRequest<'_>,
    places: &[Place],
) -> Result<Vec<Patient>> {
    let _view = index.read_transaction()?;
    let mut patients = Vec::new();
    let target = places
        .iter()
        .find(|place| place.database == *request.target);
    let Some((target, id)) = target.and_then(|place| Some((place, place.id?))) else {
        return Ok(patients);
    };
    for category in request.categories.iter().copied() {
        for replica in index.present_replicas(id, category.key())? {
            let project = replica.project();
            if !request.scope.contains(project) {
                continue;
            }
            let mut search = PatientSearch {
                index,
                category,
                project,
                places,
                target,
            };
            search.add_to(&mut patients)?;
        }
    }
    Ok(patients)
}

/// The search for files to heal in one replica.
struct PatientSearch<'a> {
    index: &'a Index,
    category: &'a Category,
    project: &'a ProjectId,
    places: &'a [Place],
    target: &'a Place,
}

impl PatientSearch<'_> {
    fn add_to(&mut self, patients: &mut Vec<Patient>) -> Result<()> {
        let (index, category) = (self.index, self.category);
        let Some(own) = KnownCopy::find(index, self.target, category, self.project)? else {
            return Ok(());
        };
        let replica = category.replica_path(own.replica.project());
        let key = category.key();
        let mut listed: BTreeSet<PathBuf> = BTreeSet::new();
        let mut found: Vec<Patient> = Vec::new();
        index.visit_proven_folders(own.id, key, &own.replica, own.precision, &mut |folder| {
            folder.visit(&mut |file, content| {
                let path = folder
                    .path
                    .join(Name::from_bytes(file.name.to_vec()).as_path());
                let damaged = content.filter(|one| one.proof.kind == EvidenceKind::Damaged);
                if let Some(content) = damaged {
                    found.push(self.patient(&replica, &path, file.bytes, content.digest, false));
                }
                listed.insert(path);
            });
            Ok(())
        })?;
        let mut known = BTreeMap::new();
        for place in self
            .places
            .iter()
            .filter(|place| place.database != self.target.database)
        {
            let Some(copy) = KnownCopy::find(index, place, category, self.project)? else {
                continue;
            };
            index.visit_proven_folders(
                copy.id,
                key,
                &copy.replica,
                copy.precision,
                &mut |folder| {
                    let at = path_within(&replica, folder.path);
                    let mut absent = Vec::new();
                    folder.visit(&mut |file, _| {
                        let name = Name::from_bytes(file.name.to_vec());
                        let path = folder.path.join(name.as_path());
                        if file.target.is_none() && !listed.contains(&path) {
                            absent.push((name, path));
                        }
                    });
                    if !absent.is_empty() && !known.contains_key(&at) {
                        known.insert(at.clone(), index.evidence(own.id, &at)?);
                    }
                    for (name, path) in absent {
                        if let Some(evidence) = known.get(&at).and_then(|files| files.get(&name)) {
                            let (bytes, digest) = (evidence.bytes, evidence.digest);
                            found.push(self.patient(&replica, &path, bytes, digest, true));
                            listed.insert(path);
                        }
                    }
                    Ok(())
                },
            )?;
        }
        for patient in &mut found {
            self.add_holders(patient, &replica)?;
        }
        patients.append(&mut found);
        Ok(())
    }

    fn patient(
        &self,
        replica: &Path,
        path: &Path,
        bytes: u64,
        digest: Digest,
        is_missing: bool,
    ) -> Patient {
        Patient {
            project: self.project.clone(),
            path: path_within(replica, path),
            bytes,
            digest,
            is_missing,
            sources: Vec::new(),
            others: Vec::new(),
        }
    }

    /// Finds the storages with an intact copy, and describes the others.
    fn add_holders(&self, patient: &mut Patient, replica: &Path) -> Result<()> {
        let path = patient.path.strip_prefix(replica).unwrap_or(&patient.path);
        let (folder, name) = split_path(path);
        let name = Name::from(name);
        for (number, place) in self.places.iter().enumerate() {
            if place.database == self.target.database {
                continue;
            }
            let mut state = "missing";
            let mut is_source = false;
            let copy = KnownCopy::find(self.index, place, self.category, self.project)?;
            if let Some(mut copy) = copy {
                copy.visit_folder(
                    self.index,
                    self.category,
                    folder,
                    ManifestRef::default(),
                    &mut |found| {
                        found.visit(&mut |file, content| {
                            if file.name != name.as_bytes() {
                                return;
                            }
                            let content = content.filter(|one| one.digest == patient.digest);
                            state = match content {
                                Some(content) if content.proof.is_intact() => {
                                    is_source = true;
                                    "intact"
                                }
                                Some(_) => "damaged",
                                None if file.bytes == patient.bytes => {
                                    "never verified or other content"
                                }
                                None => "another size",
                            };
                            // It may be the intact one: it is read before it is used.
                            is_source |= content.is_none() && file.bytes == patient.bytes;
                        });
                    },
                )?;
            }
            if is_source {
                patient.sources.push(number);
            } else {
                patient.others.push(format!("{}: {state}", place.name()));
            }
        }
        Ok(())
    }
}
