//! The comparison of files of a remote with online local copies whose contents are known.

use std::collections::HashMap;
use std::path::PathBuf;

use super::file::RemoteFile;
use crate::base::error::{Error, Result};
use crate::index::{EvidenceKind, Index, KnownContent};
use crate::model::path::split_path;
use crate::rclone::{CheckMethod, CheckVerdict};
use crate::snapshot::manifest::ManifestRef;
use crate::storage::{LocalStorage, RemoteStorage, Storage};
use crate::trust::candidate::KnownCopy;
use crate::trust::place::Place;
use crate::verify::file::{DamageCause, Verdict};
use crate::verify::request::VerifyRequest;

/// Compares files with their local copies, by a digest of both storages. Returns the verdicts by path; files that no copy
/// proves have none.
pub(super) fn compare(
    index: &Index,
    storage: &RemoteStorage,
    (request, places): (&VerifyRequest<'_>, &[Place]),
    files: &[RemoteFile],
) -> Result<HashMap<PathBuf, Verdict>> {
    let mut proven = HashMap::new();
    if !storage.features.has_hashes() {
        return Ok(proven);
    }
    for place in places {
        let database = &place.database;
        if database.is_remote() || place.is_offline || *database == storage.database {
            continue;
        }
        let Ok(Storage::Local(local)) = Storage::open(index, &storage.layout, database) else {
            continue;
        };
        let mut known: HashMap<PathBuf, (&RemoteFile, KnownContent)> = HashMap::new();
        for file in files.iter().filter(|file| !proven.contains_key(&file.path)) {
            if file.stated.is_some_and(|stated| stated.tag.is_some())
                && let Some(content) = local_content(index, request, place, file)?
            {
                known.insert(file.path.clone(), (file, content));
            }
        }
        proven.extend(compare_with_one(storage, &local, known)?);
    }
    Ok(proven)
}

/// Compares files with the copies of one storage, whose contents are `known`.
fn compare_with_one(
    storage: &RemoteStorage,
    local: &LocalStorage,
    known: HashMap<PathBuf, (&RemoteFile, KnownContent)>,
) -> Result<Vec<(PathBuf, Verdict)>> {
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let (root, paths) = (
        &local.database.root,
        known.keys().cloned().collect::<Vec<_>>(),
    );
    let method = CheckMethod::Digests;
    let checked = match storage.remote.check(root, &paths, method, &mut |_| {}) {
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        // Another local copy may prove them.
        Err(_) => return Ok(Vec::new()),
        Ok(checked) => checked,
    };
    let mut verdicts = Vec::new();
    for (path, (file, content)) in known {
        // Its content may be another one since it was proven.
        if !local.is_as_proven(&path, &content.proof) {
            continue;
        }
        let (digest, tag) = (content.digest, file.stated_tag());
        let verdict = match (checked.get(&path), &file.known) {
            (Some(CheckVerdict::Same), _) => {
                Verdict::Intact(file.evidence(digest, EvidenceKind::Stored, tag))
            }
            (Some(CheckVerdict::Differs), Some(known)) if known.digest == digest => {
                file.damaged(known, tag, DamageCause::Stated)
            }
            _ => continue,
        };
        verdicts.push((path, verdict));
    }
    Ok(verdicts)
}

/// Returns the known content of a local copy with the size and time of a file.
fn local_content(
    index: &Index,
    request: &VerifyRequest<'_>,
    place: &Place,
    file: &RemoteFile,
) -> Result<Option<KnownContent>> {
    let located = request.categories.iter().find_map(|category| {
        let (project, replica) = category.locate(&file.path)?;
        Some((*category, project, replica))
    });
    let Some((category, project, replica)) = located else {
        return Ok(None);
    };
    let Some(mut copy) = KnownCopy::find(index, place, category, &project)? else {
        return Ok(None);
    };
    let below = file.path.strip_prefix(&replica).unwrap_or(&file.path);
    let (folder, name) = split_path(below);
    let mut found = None;
    copy.visit_folder(
        index,
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
