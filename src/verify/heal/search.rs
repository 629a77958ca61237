//! The search for the files to heal, and for the storages that may have an intact copy.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::patient::Patient;
use super::request::HealRequest;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::index::{EvidenceKind, EvidenceReader, Index, KnownContent};
use crate::model::path::split_path;
use crate::model::project::{ProjectId, path_within};
use crate::model::registry::Category;
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::ManifestRef;
use crate::trust::candidate::KnownCopy;
use crate::trust::place::Place;

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
        let own = KnownCopy::find(self.index, self.target, self.category, self.project)?;
        let Some(mut own) = own else {
            return Ok(());
        };
        let mut found = self.damaged(&own)?;
        self.add_missing(&mut own, &mut found)?;
        self.add_holders(&mut found, &own)?;
        patients.append(&mut found);
        Ok(())
    }

    /// The other storages, with their numbers.
    fn others(&self) -> impl Iterator<Item = (usize, &Place)> {
        let places = self.places.iter().enumerate();
        places.filter(|(_, place)| place.database != self.target.database)
    }

    fn damaged(&self, own: &KnownCopy) -> Result<Vec<Patient>> {
        let replica = self.category.replica_path(own.replica.project());
        let (key, precision) = (self.category.key(), own.precision);
        let mut found = Vec::new();
        let index = self.index;
        index.visit_proven_folders(own.id, key, &own.replica, precision, &mut |folder| {
            folder.visit(&mut |file, content| {
                let damaged = content.filter(|one| one.proof.kind == EvidenceKind::Damaged);
                if let Some(content) = damaged {
                    let name = Name::from_bytes(file.name.to_vec());
                    let path = folder.path.join(name.as_path());
                    found.push(self.patient(&replica, &path, file.bytes, content.digest, false));
                }
            });
            Ok(())
        })?;
        Ok(found)
    }

    /// Adds the files that another storage lists and that were verified here before.
    fn add_missing(&self, own: &mut KnownCopy, found: &mut Vec<Patient>) -> Result<()> {
        let (index, category) = (self.index, self.category);
        let replica = category.replica_path(own.replica.project());
        let mut evidence = EvidenceReader::new(index, &self.target.database.root)?;
        let mut added: BTreeSet<PathBuf> = BTreeSet::new();
        for (_, place) in self.others() {
            let Some(copy) = KnownCopy::find(index, place, category, self.project)? else {
                continue;
            };
            let (key, precision) = (category.key(), copy.precision);
            index.visit_proven_folders(copy.id, key, &copy.replica, precision, &mut |folder| {
                let mut listed: HashSet<Vec<u8>> = HashSet::new();
                let none = ManifestRef::default();
                own.visit_folder(index, category, folder.path, none, &mut |own| {
                    own.visit(&mut |file, _| {
                        listed.insert(file.name.to_vec());
                    });
                })?;
                let mut absent = Vec::new();
                folder.visit(&mut |file, _| {
                    if file.target.is_none() && !listed.contains(file.name) {
                        absent.push(Name::from_bytes(file.name.to_vec()));
                    }
                });
                let at = path_within(&replica, folder.path);
                for name in absent {
                    let path = folder.path.join(name.as_path());
                    if let Some(known) = evidence.file(&at, &name)?
                        && added.insert(path.clone())
                    {
                        found.push(self.patient(&replica, &path, known.bytes, known.digest, true));
                    }
                }
                Ok(())
            })?;
        }
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

    /// Finds the storages with an intact copy of each file, and describes the others. Each folder is read once.
    fn add_holders(&self, found: &mut [Patient], own: &KnownCopy) -> Result<()> {
        let replica = self.category.replica_path(own.replica.project());
        let mut folders: BTreeMap<PathBuf, HashMap<Vec<u8>, usize>> = BTreeMap::new();
        for (number, patient) in found.iter().enumerate() {
            let path = patient.path.strip_prefix(&replica).unwrap_or(&patient.path);
            let (folder, name) = split_path(path);
            let names = folders.entry(folder.to_owned()).or_default();
            names.insert(name.as_bytes().to_vec(), number);
        }
        for (number, place) in self.others() {
            let mut states = vec![HeldState::Missing; found.len()];
            let copy = KnownCopy::find(self.index, place, self.category, self.project)?;
            if let Some(mut copy) = copy {
                for (folder, names) in &folders {
                    let none = ManifestRef::default();
                    copy.visit_folder(self.index, self.category, folder, none, &mut |held| {
                        held.visit(&mut |file, content| {
                            if let Some(number) = names.get(file.name) {
                                let patient = &found[*number];
                                states[*number] = HeldState::of(patient, file.bytes, content);
                            }
                        });
                    })?;
                }
            }
            for (patient, state) in found.iter_mut().zip(states) {
                if state.may_be_intact() {
                    patient.sources.push(number);
                } else {
                    patient
                        .others
                        .push(format!("{}: {}", place.name(), state.words()));
                }
            }
        }
        Ok(())
    }
}

/// What another storage holds under the name of a file, as far as the index knows.
#[derive(Clone, Copy, Debug)]
enum HeldState {
    Missing,
    Intact,
    Damaged,
    /// A file of the same size: it is read before it is used.
    SameSize,
    OtherSize,
}

impl HeldState {
    fn of(patient: &Patient, bytes: u64, content: Option<&KnownContent>) -> Self {
        match content.filter(|one| one.digest == patient.digest) {
            Some(content) if content.proof.is_intact() => Self::Intact,
            Some(_) => Self::Damaged,
            None if bytes == patient.bytes => Self::SameSize,
            None => Self::OtherSize,
        }
    }

    const fn may_be_intact(self) -> bool {
        matches!(self, Self::Intact | Self::SameSize)
    }

    /// The words for people.
    const fn words(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Intact => "intact",
            Self::Damaged => "damaged",
            Self::SameSize => "never verified or other content",
            Self::OtherSize => "another size",
        }
    }
}
