//! Renames at a remote that differ only in case or Unicode normal form.
//!
//! A case-insensitive remote takes both spellings for one entry. It is renamed by way of a temporary name, and its old
//! spelling is never deleted as missing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::change::RemoteChanges;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::lease::WritePermit;
use crate::base::name::Name;
use crate::base::own_name;
use crate::base::unicode::is_respelled;
use crate::copy::destination::DestinationCopy;
use crate::copy::plan::{Plan, Rename};
use crate::index::SentRecord;
use crate::model::project::path_within;
use crate::storage::RemoteStorage;

/// Renames respelled files at the destination and removes their old spellings from the record. Returns the old paths of files
/// that both spellings lead to. An old spelling that is a file of its own is added to the missing files.
pub(super) fn respell_files(
    copy: &mut DestinationCopy<'_>,
    storage: &RemoteStorage,
    plans: &[Plan],
    renames: &[(&Plan, &Rename)],
    changes: &mut RemoteChanges,
) -> Result<HashSet<PathBuf>> {
    let mut spellings = RemoteSpellings::new(storage);
    let mut respelled = HashSet::new();
    for (plan, rename) in renames {
        let old = rename.previous.path_below_root();
        let new = plan.replica.join(&rename.path);
        if is_respelled(&old, &new) {
            interrupt::check()?;
            if spellings.respell_path(&old, &new)? {
                respelled.insert(old);
            }
        }
    }
    let mut replaced = HashSet::new();
    let mut record = SentRecord::new();
    for file in plans.iter().flat_map(|plan| &plan.missing) {
        let Some(new) = &file.respelled else { continue };
        interrupt::check()?;
        let old = file.path_below_root();
        if !spellings.respell_path(&old, new)? {
            changes.missing.push(file.clone());
            continue;
        }
        let removed = record.entry(file.replica.clone()).or_default();
        removed.remove(&file.path);
        changes
            .removed
            .push((file.replica.clone(), file.path.clone()));
        replaced.insert(new);
        respelled.insert(old);
    }
    for (path, reason) in &spellings.stuck {
        copy.notify(own_name::interim_notice(&storage.remote.path(path), reason));
    }
    for file in &mut changes.send {
        file.replaces |= replaced.contains(&file.path_below_root());
    }
    let source = &copy.spec.source.database().root;
    copy.index
        .update_sent(&copy.database.root, source, &record)?;
    Ok(respelled)
}

/// Spellings of names at a storage, and the results of renames.
struct RemoteSpellings<'a> {
    storage: &'a RemoteStorage,
    /// The names in folders, by the folders' paths in the source's spelling; `None` if a folder cannot be listed.
    folders: BTreeMap<PathBuf, Option<BTreeSet<Name>>>,
    /// True if two spellings lead to one entry, by the parent folder in the source's spelling.
    same_entry: HashMap<(PathBuf, Name, Name), bool>,
    /// Entries that have a temporary name and could be renamed to neither spelling, with the reasons.
    stuck: Vec<(PathBuf, String)>,
}

impl<'a> RemoteSpellings<'a> {
    fn new(storage: &'a RemoteStorage) -> Self {
        Self {
            storage,
            folders: BTreeMap::new(),
            same_entry: HashMap::new(),
            stuck: Vec::new(),
        }
    }

    /// Renames every folder on a path, and the file, to the new spelling. Returns true if both spellings lead to one file.
    fn respell_path(&mut self, old: &Path, new: &Path) -> Result<bool> {
        let mut above = PathBuf::new();
        let depth = new.iter().count();
        for (level, (old, new)) in old.iter().zip(new.iter()).enumerate() {
            if old != new {
                let key = (above.clone(), Name::from(old), Name::from(new));
                let known = self.same_entry.get(&key).copied();
                let is_same = match known {
                    Some(known) => known,
                    None => self.respell_entry(&above, [old, new], level + 1 < depth)?,
                };
                self.same_entry.insert(key, is_same);
                // Two separate folders hold separate files, so that nothing below them is renamed.
                if !is_same {
                    return Ok(false);
                }
            }
            above.push(new);
        }
        Ok(true)
    }

    /// Renames an entry to its new spelling if the storage can. Returns true if both names lead to one entry.
    fn respell_entry(&mut self, above: &Path, names: [&OsStr; 2], is_folder: bool) -> Result<bool> {
        let storage = self.storage;
        let [old, new] = names.map(Name::from);
        let Some(names) = self.names(above)? else {
            // Unknown names count as one entry, so that nothing is deleted.
            return Ok(true);
        };
        match [&old, &new].map(|name| names.contains(name)) {
            // Two entries, one for each spelling.
            [true, true] => return Ok(false),
            // The entry has the new name already, or does not exist.
            [false, _] => return Ok(names.contains(&new)),
            [true, false] => {}
        }
        let [from, to] = [&old, &new].map(|name| path_within(above, name.as_path()));
        let temporary = Name::from(own_name::interim(new.as_os_str()));
        let is_free = !names.contains(&temporary);
        if !may_exist(storage, &to, is_folder)? {
            return Ok(false);
        }
        let between = path_within(above, temporary.as_path());
        let rename = |from: &Path, to: &Path, permit: &WritePermit| {
            rename_entry(storage, [from, to], is_folder, permit)
        };
        if is_free
            && let Ok(permit) = storage.remote.permit()
            && rename(&from, &between, &permit).is_ok()
        {
            let renamed = if may_exist(storage, &to, is_folder)? {
                Err("the new name is in use".to_owned())
            } else {
                rename(&between, &to, &permit)
            };
            // Restore the old name. If that fails too, the entry keeps the temporary name and the file is sent again.
            if let Err(reason) = renamed
                && rename(&between, &from, &permit).is_err()
            {
                self.stuck.push((between, reason));
            }
            self.folders.remove(above);
        }
        Ok(true)
    }

    /// Returns the names in a folder, or `None` if it cannot be listed.
    fn names(&mut self, folder: &Path) -> Result<Option<&BTreeSet<Name>>> {
        if !self.folders.contains_key(folder) {
            let names = self.storage.remote.folder_names(folder)?;
            self.folders.insert(folder.to_owned(), names);
        }
        Ok(self.folders.get(folder).and_then(Option::as_ref))
    }
}

/// True unless a storage proves that nothing exists at a path.
fn may_exist(storage: &RemoteStorage, path: &Path, is_folder: bool) -> Result<bool> {
    if is_folder {
        let names = storage.remote.folder_names(path)?;
        return Ok(names.is_none_or(|names| !names.is_empty()));
    }
    Ok(!storage.possibly_present(vec![path.to_owned()])?.is_empty())
}

fn rename_entry(
    storage: &RemoteStorage,
    [from, to]: [&Path; 2],
    is_folder: bool,
    permit: &WritePermit,
) -> Result<(), String> {
    if is_folder {
        storage.remote.rename_folder(from, to, permit)
    } else {
        storage.remote.rename_file(from, to, permit)
    }
}
