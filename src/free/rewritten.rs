//! Files that may have been written to since their proofs, although size and time are the same.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::index::Index;
use crate::model::project::path_within;
use crate::model::registry::Category;
use crate::storage::{Layout, RemoteStorage, Storage};
use crate::trust::candidate::KnownCopy;
use crate::trust::safe::{SafeAnswer, SafeQuestion};

/// Returns the names of the target and of the witnesses that hold a file whose change time or id is not the one of its proof:
/// a program may have written to it and set its time back. At a remote, it is the stated digest.
///
/// # Errors
/// A storage that counts as online cannot be opened any more.
pub(super) fn rewritten_copies(
    index: &Index,
    layout: &Arc<Layout>,
    answer: &SafeAnswer,
    (question, trusted): (&SafeQuestion<'_>, &[String]),
) -> Result<Vec<String>> {
    let (category, project) = (question.category, question.project);
    let mut rewritten = Vec::new();
    let witnesses = answer.witnesses.iter().map(|witness| witness.place);
    for number in witnesses.chain([question.target]) {
        let place = &question.places[number];
        let Some(copy) = KnownCopy::find(index, place, category, project)? else {
            continue;
        };
        let storage = match Storage::open(index, layout, &place.database) {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            // One that is offline and trusted cannot be looked at.
            Err(_) if trusted.iter().any(|name| name == place.name()) => continue,
            Err(error) => return Err(error),
            Ok(Storage::Local(storage)) => storage,
            Ok(Storage::Remote(storage)) => {
                if states_other_digests(index, &storage, category, &copy)? {
                    rewritten.push(place.name().to_owned());
                }
                continue;
            }
        };
        let base = category.replica_path(copy.replica.project());
        let mut is_rewritten = false;
        let key = category.key();
        index.visit_proven_folders(copy.id, key, &copy.replica, copy.precision, &mut |folder| {
            let Ok(opened) = storage
                .root
                .open_descendant(&path_within(&base, folder.path))
            else {
                is_rewritten = true;
                return Ok(());
            };
            let has_stable_ids = opened.has_reliable_file_system();
            folder.visit(&mut |file, content| {
                let Some(content) = content.filter(|content| content.proof.tag != 0) else {
                    return;
                };
                let stat = opened.stat(OsStr::from_bytes(file.name));
                let is_same =
                    stat.is_ok_and(|stat| content.proof.is_of_state(&stat, has_stable_ids));
                is_rewritten |= !is_same;
            });
            interrupt::check()
        })?;
        if is_rewritten {
            rewritten.push(place.name().to_owned());
        }
    }
    Ok(rewritten)
}

/// True if a remote states a digest that is not the one of the proof of its file.
fn states_other_digests(
    index: &Index,
    storage: &RemoteStorage,
    category: &Category,
    copy: &KnownCopy,
) -> Result<bool> {
    let base = category.replica_path(copy.replica.project());
    let stored = storage.stored_path(&base);
    let listed = storage.remote.list_digests(&stored, &storage.features)?;
    let Some(listed) = listed else {
        return Ok(false);
    };
    let mut states_others = false;
    let key = category.key();
    index.visit_proven_folders(copy.id, key, &copy.replica, copy.precision, &mut |folder| {
        let at = path_within(&stored, folder.path);
        folder.visit(&mut |file, content| {
            let Some(content) = content.filter(|content| content.proof.is_intact()) else {
                return;
            };
            let stated = listed.get(&at.join(OsStr::from_bytes(file.name)));
            let stated = stated.filter(|stated| stated.tag.is_some());
            states_others |=
                stated.is_some_and(|stated| stated.equals(content.proof.tag) != Some(true));
        });
        interrupt::check()
    })?;
    Ok(states_others)
}
