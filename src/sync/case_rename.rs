//! Names that differ from those that were sent only in case or Unicode form, at a remote that takes both for one: they are
//! renamed there over a third name, and what they lead to is never taken away as gone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::SyncRun;
use super::work::SyncWork;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::monitor::ProgressEvent;
use crate::base::name::Name;
use crate::base::own_name;
use crate::base::unicode::fold_case;
use crate::index::{Index, SentRecord};
use crate::model::project::path_within;
use crate::storage::RemoteStorage;

impl SyncRun<'_> {
    /// Renames what has another spelling now, and forgets its old one. Gives the old paths of files that both their spellings
    /// lead to; what has another spelling and is a file of its own is gone.
    pub(super) fn respell_destination(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        work: &mut SyncWork,
    ) -> Result<HashSet<PathBuf>> {
        let others = std::mem::take(&mut work.respelled);
        let renamed = work.renames.iter();
        let renamed = renamed.map(|renamed| (renamed.old_path(), renamed.file.path_below_root()));
        let mut names = RemoteSpellings::new(storage);
        let mut one = HashSet::new();
        for (old, new) in renamed.filter(|(old, new)| is_respelled(old, new)) {
            interrupt::check()?;
            if names.respell_path(&old, &new)? {
                one.insert(old);
            }
        }
        let mut here = HashSet::new();
        let mut record = SentRecord::new();
        for ((replica, gone), (_, new)) in others.into_pairs() {
            interrupt::check()?;
            let old = replica.join(&gone.path);
            if !names.respell_path(&old, &new)? {
                work.missing.push((replica, gone));
                continue;
            }
            let changes = record.entry(replica.clone()).or_default();
            changes.remove(&gone.path);
            work.removed.push((replica, gone.path));
            here.insert(new);
            one.insert(old);
        }
        for (path, why) in &names.stuck {
            let path = Name::from(storage.remote.path(path).as_path());
            let notice = format!(
                "a rename could not be completed: {why}; the entry is now `{path}`; rename it by hand"
            );
            self.monitor.on_event(&ProgressEvent::Notice(&notice));
        }
        for file in &mut work.send {
            file.replaces |= here.contains(&file.path_below_root());
        }
        let (source, destination) = self.roots();
        index.update_sent(destination, source, &record)?;
        Ok(one)
    }
}

fn is_respelled(old: &Path, new: &Path) -> bool {
    let [old, new] = [old, new].map(|path| fold_case(path.as_os_str().as_encoded_bytes()));
    old == new
}

/// How a storage spells names, and what became of those that were to be spelled otherwise.
struct RemoteSpellings<'a> {
    storage: &'a RemoteStorage,
    /// The names in folders, by the paths of these as the source spells them; `None` where they cannot be listed.
    folders: BTreeMap<PathBuf, Option<BTreeSet<Name>>>,
    /// Whether two spellings lead to one entry, by the folder above as the source spells it.
    same_entry: HashMap<(PathBuf, Name, Name), bool>,
    /// What got a third name and could be given neither of the two again, and why.
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

    /// Whether two paths that differ only in their spelling lead to one file; gives it the new one on the way.
    fn respell_path(&mut self, old: &Path, new: &Path) -> Result<bool> {
        let mut above = PathBuf::new();
        let depth = new.iter().count();
        for (at, (old, new)) in old.iter().zip(new.iter()).enumerate() {
            if old != new {
                let key = (above.clone(), Name::from(old), Name::from(new));
                let known = self.same_entry.get(&key).copied();
                let level = match known {
                    Some(known) => known,
                    None => self.respell_entry(&above, [old, new], at + 1 < depth)?,
                };
                self.same_entry.insert(key, level);
                // Below two folders nothing is one file, and nothing is renamed.
                if !level {
                    return Ok(false);
                }
            }
            above.push(new);
        }
        Ok(true)
    }

    /// Whether two names in a folder lead to one entry, which then has the new one if the storage can do that.
    fn respell_entry(&mut self, above: &Path, names: [&OsStr; 2], is_folder: bool) -> Result<bool> {
        let storage = self.storage;
        let [old, new] = names.map(Name::from);
        let Some(names) = self.names(above)? else {
            // Nobody knows: nothing is taken away.
            return Ok(true);
        };
        match [&old, &new].map(|name| names.contains(name)) {
            // Two entries, each with a name of its own.
            [true, true] => return Ok(false),
            // It was given the new one, or nothing is there.
            [false, _] => return Ok(names.contains(&new)),
            [true, false] => {}
        }
        let [from, to] = [&old, &new].map(|name| path_within(above, name.as_path()));
        let third = Name::from(own_name::interim(new.as_os_str()));
        let is_free = !names.contains(&third);
        if !may_exist(storage, &to, is_folder)? {
            return Ok(false);
        }
        let between = path_within(above, third.as_path());
        if is_free && rename_entry(storage, &from, &between, is_folder).is_ok() {
            let renamed = if may_exist(storage, &to, is_folder)? {
                Err("its new name is taken".to_owned())
            } else {
                rename_entry(storage, &between, &to, is_folder)
            };
            // Back to what it was; where even that fails it keeps the third name, and is sent anew.
            if let Err(why) = renamed
                && rename_entry(storage, &between, &from, is_folder).is_err()
            {
                self.stuck.push((between, why));
            }
            self.folders.remove(above);
        }
        Ok(true)
    }

    /// The names in a folder; `None` where they cannot be listed.
    fn names(&mut self, folder: &Path) -> Result<Option<&BTreeSet<Name>>> {
        if !self.folders.contains_key(folder) {
            let names = self.storage.remote.folder_names(folder)?;
            self.folders.insert(folder.to_owned(), names);
        }
        Ok(self.folders.get(folder).and_then(Option::as_ref))
    }
}

/// Whether a storage may find something by this path. What is not known counts as found, so that nothing is taken away.
fn may_exist(storage: &RemoteStorage, path: &Path, is_folder: bool) -> Result<bool> {
    if is_folder {
        let names = storage.remote.folder_names(path)?;
        return Ok(names.is_none_or(|names| !names.is_empty()));
    }
    Ok(!storage.possibly_present(vec![path.to_owned()])?.is_empty())
}

fn rename_entry(
    storage: &RemoteStorage,
    from: &Path,
    to: &Path,
    is_folder: bool,
) -> Result<(), String> {
    if is_folder {
        storage.remote.rename_folder(from, to)
    } else {
        storage.remote.rename_file(from, to)
    }
}
