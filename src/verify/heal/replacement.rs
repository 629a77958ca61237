//! Copies intact files over the damaged ones, and proves what is there then.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::patient::Patient;
use super::request::{HealReport, HealRequest, HealedFile};
use crate::base::confirmation::Confirmation;
use crate::base::error::{Error, Result};
use crate::base::monitor::Monitor;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::copy::plan::CopyRules;
use crate::copy::{self, CopyRequest};
use crate::index::{
    ContentOrigin, EvidenceKind, EvidenceReader, FileEvidence, FolderEvidence, Index, NewEvidence,
    Proof, RunId,
};
use crate::model::address;
use crate::model::path::split_path;
use crate::model::project::{ProjectSet, Scope};
use crate::model::registry::{Database, Registry};
use crate::storage::{Layout, Storage};

/// Copies files from one storage, and checks their digests.
pub(super) fn heal_from(
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
                is_offload: false,
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
    let mut evidence = EvidenceReader::new(index, &request.target.root)?;
    for patient in patients {
        let path = request.target.path(&patient.path);
        let (folder, name) = split_path(&patient.path);
        let known = evidence.file(folder, &Name::from(name))?;
        let is_healed = known.is_some_and(|evidence| {
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
    let id = index.database_id(&target.root)?;
    let Some(id) = id.filter(|_| target.is_remote()) else {
        return Ok(());
    };
    let mut at_source = EvidenceReader::new(index, &source.root)?;
    let mut at_target = EvidenceReader::new(index, &target.root)?;
    // What a proof would say, by path: size and time are those of the source, or of the damaged file.
    let mut expected: BTreeMap<PathBuf, FileEvidence> = BTreeMap::new();
    for patient in patients {
        let (folder, name) = split_path(&patient.path);
        let name = Name::from(name);
        let is_proven = at_target
            .file(folder, &name)?
            .is_some_and(|known| known.digest == patient.digest && known.proof.is_intact());
        let of_source = at_source.file(folder, &name)?;
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
                host: None,
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
    let mut evidence = EvidenceReader::new(index, &target.root)?;
    for patient in patients.iter().filter(|patient| !patient.is_missing) {
        let (folder, name) = split_path(&patient.path);
        let name = Name::from(name);
        if let Some(known) = evidence.file(folder, &name)? {
            damaged
                .entry(folder.to_owned())
                .or_default()
                .insert(name, known);
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
