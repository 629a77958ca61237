//! Replaces damaged and missing files by intact copies.
//!
//! The recorded digest says which content is intact. A copy is read before it is used, the usual copy replaces the file and
//! keeps the damaged one among the versions, and the digest of the new file is compared with the recorded one.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::file::{ExpectedFile, Verdict, check_file};
use crate::base::confirmation::{Confirmation, Question};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::monitor::Monitor;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::base::unit;
use crate::copy::plan::CopyRules;
use crate::copy::{self, CopyRequest};
use crate::index::{
    ContentOrigin, EvidenceKind, FileEvidence, FolderEvidence, Index, NewEvidence, Proof, RunId,
    RunState,
};
use crate::model::address;
use crate::model::path::split_path;
use crate::model::project::{ProjectId, ProjectSet, Scope, path_within};
use crate::model::registry::{Category, Database, Registry};
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::ManifestRef;
use crate::storage::{Layout, Storage};
use crate::trust::candidate::KnownCopy;
use crate::trust::place::{self, Place};

/// A request to heal the files of a database.
#[derive(Debug)]
pub struct HealRequest<'a> {
    pub scope: Scope,
    pub categories: Vec<&'a Category>,
    pub target: &'a Database,
    pub dry_run: bool,
    pub confirmation: Confirmation,
}

/// Result of healing.
#[derive(Debug, Default)]
pub struct HealReport {
    /// The files with an intact content now; in a dry run, those that would be healed.
    pub healed: Vec<HealedFile>,
    /// Files that could not be healed, with the reason.
    pub failed: Vec<(PathBuf, String)>,
    pub bytes: u64,
    /// Folders of the old versions of the damaged files.
    pub version_folders: Vec<PathBuf>,
    pub is_interrupted: bool,
    pub is_unrecorded: bool,
    pub elapsed: Duration,
}

/// A file that was healed.
#[derive(Clone, Debug)]
pub struct HealedFile {
    /// Its full path.
    pub path: PathBuf,
    /// The name of the database with the intact copy.
    pub source: String,
    pub is_missing: bool,
}

impl HealReport {
    /// The state of the run.
    pub const fn state(&self) -> RunState {
        if self.is_interrupted {
            RunState::Interrupted
        } else if !self.failed.is_empty() || self.is_unrecorded {
            RunState::Partial
        } else {
            RunState::Complete
        }
    }
}

/// A file to heal.
#[derive(Clone, Debug)]
struct Patient {
    project: ProjectId,
    /// The path below every root.
    path: PathBuf,
    bytes: u64,
    /// The digest of the intact content.
    digest: Digest,
    is_missing: bool,
    /// Places of copies with that content, those online first.
    sources: Vec<usize>,
    /// What the other storages hold, for the message when no copy is intact.
    others: Vec<String>,
}

impl Patient {
    /// Removes the sources that were read now and do not have the content.
    fn set_altered(&mut self, altered: &[usize], places: &[Place]) {
        self.sources.retain(|place| !altered.contains(place));
        let names = altered.iter().map(|place| places[*place].name());
        self.others
            .extend(names.map(|name| format!("{name}: not intact any more")));
    }
}

/// Heals the files of a scope that the index knows to be damaged, or that are missing and were verified before.
///
/// # Errors
/// The target is offline or locked; the user declines; the index cannot be read.
pub fn heal(
    index: &mut Index,
    registry: &Registry,
    request: &HealRequest<'_>,
    run: RunId,
    monitor: &dyn Monitor,
) -> Result<HealReport> {
    let start = Instant::now();
    let places = place::places(index, registry)?;
    let patients = find_patients(index, request, &places)?;
    let mut report = HealReport::default();
    let full = |path: &Path| request.target.path(path);
    let layout = Layout::new(registry)?;
    let mut sources: BTreeMap<usize, Option<Storage>> = BTreeMap::new();
    let mut groups: BTreeMap<usize, Vec<Patient>> = BTreeMap::new();
    for mut patient in patients {
        interrupt::check()?;
        let (mut found, mut altered) = (None, Vec::new());
        for place in &patient.sources {
            let storage = open_once(&mut sources, *place, || {
                Storage::open(index, &layout, &places[*place].database)
            })?;
            let Some(storage) = storage else { continue };
            if is_intact_at(index, storage, &patient)? {
                found = Some(*place);
                break;
            }
            altered.push(*place);
        }
        patient.set_altered(&altered, &places);
        match found {
            Some(place) => groups.entry(place).or_default().push(patient),
            None => report
                .failed
                .push((full(&patient.path), refusal(&patient, &places))),
        }
    }
    drop(sources);
    let all: Vec<&Patient> = groups.values().flatten().collect();
    report.bytes = all.iter().map(|patient| patient.bytes).sum();
    if request.dry_run {
        report.healed = healed(&groups, &places, &full);
        report.elapsed = start.elapsed();
        return Ok(report);
    }
    if !all.is_empty() {
        require_consent(request, &all)?;
    }
    report.bytes = 0;
    for (place, patients) in groups {
        if interrupt::is_requested() {
            break;
        }
        let source = &places[place].database;
        heal_from(
            index,
            registry,
            request,
            (source, &patients),
            run,
            monitor,
            &mut report,
        )?;
    }
    report.is_interrupted = interrupt::is_requested();
    report.elapsed = start.elapsed();
    Ok(report)
}

/// Opens a storage unless that was tried before; `None` if it is offline.
fn open_once(
    opened: &mut BTreeMap<usize, Option<Storage>>,
    place: usize,
    open: impl FnOnce() -> Result<Storage>,
) -> Result<Option<&Storage>> {
    let storage = match opened.entry(place) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => match open() {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            storage => entry.insert(storage.ok()),
        },
    };
    Ok(storage.as_ref())
}

fn healed(
    groups: &BTreeMap<usize, Vec<Patient>>,
    places: &[Place],
    full: &dyn Fn(&Path) -> PathBuf,
) -> Vec<HealedFile> {
    let files = groups.iter().flat_map(|(place, patients)| {
        patients.iter().map(|patient| HealedFile {
            path: full(&patient.path),
            source: places[*place].name().to_owned(),
            is_missing: patient.is_missing,
        })
    });
    files.collect()
}

fn require_consent(request: &HealRequest<'_>, patients: &[&Patient]) -> Result<()> {
    if !request.confirmation.is_interactive() {
        return Ok(());
    }
    let missing = patients.iter().filter(|patient| patient.is_missing).count() as u64;
    let damaged = patients.len() as u64 - missing;
    let mut parts = Vec::new();
    if damaged > 0 {
        let files = unit::format_counted(damaged, "damaged file");
        parts.push(format!("Replace {files} (kept as old versions)"));
    }
    if missing > 0 {
        let verb = if parts.is_empty() { "Add" } else { "add" };
        parts.push(format!(
            "{verb} {}",
            unit::format_counted(missing, "missing file")
        ));
    }
    let name = &request.target.name;
    request.confirmation.require(&Question {
        text: format!("{} on {name} by intact copies?", parts.join(" and ")),
        list: patients
            .iter()
            .map(|patient| format!("  {}", Name::from(patient.path.as_path())))
            .collect(),
    })
}

/// Copies files from one storage, and checks their digests.
fn heal_from(
    index: &mut Index,
    registry: &Registry,
    request: &HealRequest<'_>,
    (source, patients): (&Database, &[Patient]),
    run: RunId,
    monitor: &dyn Monitor,
    report: &mut HealReport,
) -> Result<()> {
    let damaged = damaged_evidence(index, request.target, patients)?;
    let projects: ProjectSet = patients
        .iter()
        .map(|patient| patient.project.clone())
        .collect();
    let copied = copy::copy(
        index,
        registry,
        &CopyRequest {
            scope: Scope::Projects(projects),
            categories: request.categories.clone(),
            source,
            destinations: vec![request.target],
            rules: CopyRules {
                overwrite: true,
                only_add: false,
                checksum: true,
            },
            verify: true,
            dry_run: false,
            confirmation: Confirmation::Granted,
            only: Some(
                patients
                    .iter()
                    .map(|patient| patient.path.clone())
                    .collect::<HashSet<_>>(),
            ),
        },
        run,
        monitor,
    )?;
    report
        .version_folders
        .extend(copied.version_folders.iter().cloned());
    report.is_unrecorded |= copied.unrecorded;
    keep_damage(index, request.target, &damaged, &copied.version_folders)?;
    read_back(
        index,
        registry,
        (source, request.target),
        &damaged,
        patients,
    )?;
    let failures: BTreeMap<&Path, String> = copied
        .items
        .iter()
        .map(|item| {
            let why = item
                .outcome
                .reason()
                .unwrap_or(item.outcome.kind().as_str());
            (item.path.as_path(), why.to_owned())
        })
        .collect();
    let id = index.database_id(&request.target.root)?;
    for patient in patients {
        let path = request.target.path(&patient.path);
        let (folder, name) = split_path(&patient.path);
        let evidence = match id {
            Some(id) => index.evidence(id, folder)?.get(&Name::from(name)).copied(),
            None => None,
        };
        let is_healed = evidence.is_some_and(|evidence| {
            evidence.digest == patient.digest
                && evidence.proof.is_intact()
                && !failures.contains_key(path.as_path())
        });
        if is_healed {
            report.bytes = report.bytes.saturating_add(patient.bytes);
            report.healed.push(HealedFile {
                path,
                source: source.name.clone(),
                is_missing: patient.is_missing,
            });
        } else {
            let failure = failures.get(path.as_path()).cloned();
            let why = failure.unwrap_or_else(|| {
                format!(
                    "the new copy from {} does not have the recorded content",
                    source.name
                )
            });
            report.failed.push((path, why));
        }
    }
    Ok(())
}

/// Reads the new files at a remote whose contents the copy did not make known, as far as its rclone can.
fn read_back(
    index: &mut Index,
    registry: &Registry,
    (source, target): (&Database, &Database),
    damaged: &BTreeMap<PathBuf, FolderEvidence>,
    patients: &[Patient],
) -> Result<()> {
    let (source_id, id) = (
        index.database_id(&source.root)?,
        index.database_id(&target.root)?,
    );
    let Some(id) = id.filter(|_| target.is_remote()) else {
        return Ok(());
    };
    // What a proof would say, by path: size and time are those of the source, or of the damaged file.
    let mut expected: BTreeMap<PathBuf, FileEvidence> = BTreeMap::new();
    for patient in patients {
        let (folder, name) = split_path(&patient.path);
        let name = Name::from(name);
        let is_proven = index
            .evidence(id, folder)?
            .get(&name)
            .is_some_and(|known| known.digest == patient.digest && known.proof.is_intact());
        let of_source = match source_id {
            Some(source) => index.evidence(source, folder)?.remove(&name),
            None => None,
        };
        let of_source = of_source.filter(|known| known.digest == patient.digest);
        let before = || damaged.get(folder)?.get(&name).copied();
        if let Some(known) = of_source.or_else(before).filter(|_| !is_proven) {
            expected.insert(patient.path.clone(), known);
        }
    }
    if expected.is_empty() {
        return Ok(());
    }
    let Storage::Remote(remote) = Storage::open(index, &Layout::new(registry)?, target)? else {
        return Ok(());
    };
    let mut read: BTreeMap<PathBuf, FolderEvidence> = BTreeMap::new();
    let paths: Vec<PathBuf> = expected.keys().cloned().collect();
    let downloaded = remote.remote.download_digests(&paths, &mut |path, digest| {
        let known = expected.get(&path).filter(|known| known.digest == digest);
        if let Some(known) = known {
            let proof = Proof {
                kind: EvidenceKind::Read,
                at: Timestamp {
                    nanoseconds: 0,
                    ..Timestamp::now()
                },
                tag: 0,
            };
            let (folder, name) = split_path(&path);
            let evidence = FileEvidence { proof, ..*known };
            let files = read.entry(folder.to_owned()).or_default();
            files.insert(Name::from(name), evidence);
        }
    });
    if let Err(Error::Interrupted) = downloaded {
        return Err(Error::Interrupted);
    }
    let rows: Vec<NewEvidence<'_>> = read
        .iter()
        .map(|(folder, files)| NewEvidence {
            database: id,
            folder,
            files,
            origin: ContentOrigin::Written,
        })
        .collect();
    index.add_evidence(&rows).map(drop)
}

/// Returns the evidence of the damaged files, by folder.
fn damaged_evidence(
    index: &Index,
    target: &Database,
    patients: &[Patient],
) -> Result<BTreeMap<PathBuf, FolderEvidence>> {
    let mut damaged = BTreeMap::<PathBuf, FolderEvidence>::new();
    let Some(id) = index.database_id(&target.root)? else {
        return Ok(damaged);
    };
    for patient in patients.iter().filter(|patient| !patient.is_missing) {
        let (folder, name) = split_path(&patient.path);
        let name = Name::from(name);
        if let Some(evidence) = index.evidence(id, folder)?.remove(&name) {
            damaged
                .entry(folder.to_owned())
                .or_default()
                .insert(name, evidence);
        }
    }
    Ok(damaged)
}

/// Records among the old versions that the damaged files are damaged, in case one is put back.
fn keep_damage(
    index: &mut Index,
    target: &Database,
    damaged: &BTreeMap<PathBuf, FolderEvidence>,
    version_folders: &[PathBuf],
) -> Result<()> {
    let folder = version_folders.last();
    let kept = folder.and_then(|path| address::strip(&target.root, path));
    let Some((kept, id)) = kept.zip(index.database_id(&target.root)?) else {
        return Ok(());
    };
    for (folder, files) in damaged {
        index.add_evidence(&[NewEvidence {
            database: id,
            folder: &kept.join(folder),
            files,
            origin: ContentOrigin::Written,
        }])?;
    }
    Ok(())
}

/// Reads a copy on another storage. A remote is asked for its digest; if that proves nothing, only the new copy shows its
/// content.
fn is_intact_at(index: &Index, storage: &Storage, patient: &Patient) -> Result<bool> {
    let (folder, name) = split_path(&patient.path);
    let storage = match storage {
        Storage::Local(storage) => storage,
        Storage::Remote(remote) => {
            let known = match index.database_id(&remote.database.root)? {
                Some(id) => index.evidence(id, folder)?.remove(&Name::from(name)),
                None => None,
            };
            let stated = match remote.stated_digest(&patient.path) {
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                stated => stated.ok().flatten(),
            };
            let known = known.filter(|known| known.digest == patient.digest);
            let is_same = known.zip(stated);
            let is_same = is_same.and_then(|(known, stated)| stated.equals(known.proof.tag));
            return Ok(is_same != Some(false));
        }
    };
    let Ok(folder) = storage.root.open_descendant(folder) else {
        return Ok(false);
    };
    let Ok(stat) = folder.stat(name) else {
        return Ok(false);
    };
    let expected = ExpectedFile {
        name: Name::from(name),
        bytes: stat.bytes,
        modified: stat.modified,
        altered: None,
        precision: TimePrecision::Nanosecond,
        known: None,
    };
    let verdict = check_file(&folder, &expected, &mut Vec::new(), &|_| {})?;
    Ok(matches!(verdict, Verdict::FirstRead(found) if found.digest == patient.digest))
}

/// Returns why a file cannot be healed: who holds what.
fn refusal(patient: &Patient, places: &[Place]) -> String {
    let offline: Vec<&str> = patient
        .sources
        .iter()
        .map(|place| places[*place].name())
        .collect();
    let mut parts = vec!["no intact copy can be read".to_owned()];
    if !offline.is_empty() {
        parts.push(format!("intact when last seen: {}", offline.join(", ")));
    }
    parts.extend(patient.others.iter().cloned());
    parts.join("; ")
}

/// Finds the damaged files of a scope, and the missing ones that were verified before and that another storage lists.
fn find_patients(
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
        patient
            .sources
            .sort_by_key(|number| self.places[*number].is_offline);
        Ok(())
    }
}
