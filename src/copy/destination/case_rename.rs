//! Names at a destination that differ from those of the source in case, where the storage takes both for one: they are given
//! the source's cases over a third name. Where that is refused nothing is lost, for the storage finds them by either.

use std::ffi::OsStr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::{CopyEvent, DestinationCopy};
use crate::base::name::Name;
use crate::base::unicode::fold_case;
use crate::copy::local::Job;
use crate::os::folder::Folder;
use crate::storage::LocalStorage;

/// How long a system may remember a name that was renamed.
const NAME_CACHE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long is waited between two attempts.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

impl DestinationCopy<'_> {
    /// Renames what differs in case: the folders of client and project, then what is in the replica.
    pub(super) fn apply_case_renames(&self, storage: &LocalStorage, job: &Job) {
        if self.spec.limits.renamed_replicas.contains(&job.relative) {
            let levels: Vec<&Path> = job.relative.ancestors().take(2).collect();
            for path in levels.into_iter().rev() {
                self.rename_project_folder(storage, path);
            }
        }
        for (path, old) in &job.plan.case_renames {
            if let (Some(above), Some(name)) = (path.parent(), path.file_name())
                && let Ok(folder) = storage.root.open_descendant(&job.relative.join(above))
            {
                self.rename_via_temporary(&folder, old.as_os_str(), name);
            }
        }
    }

    /// Renames the folder of a client or project, unless the source has both names.
    fn rename_project_folder(&self, storage: &LocalStorage, path: &Path) {
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            return;
        };
        let Ok(folder) = storage.root.open_descendant(above) else {
            return;
        };
        if folder.stat(name).is_err() {
            return;
        }
        let names = folder.entry_names().unwrap_or_default();
        let key = fold_case(name.as_encoded_bytes());
        let mut others = names.iter();
        let other = others.find(|other| fold_case(other.as_encoded_bytes()) == key);
        let Some(other) = other.filter(|_| !names.iter().any(|other| other == name)) else {
            return;
        };
        let source = self.spec.source.root_folder();
        let source = source.and_then(|root| root.open_descendant(above).ok());
        let ours = source.and_then(|folder| folder.entry_names().ok());
        if ours.is_some_and(|ours| ours.iter().all(|ours| ours != other)) {
            self.rename_via_temporary(&folder, other, name);
        }
    }

    /// Gives an entry another name over a third one, which no run takes for a temporary file of its own.
    fn rename_via_temporary(&self, folder: &Folder, old: &OsStr, new: &OsStr) {
        let mut third = new.to_owned();
        third.push(".auto-backup-renamed");
        let is_stuck = folder.rename_no_replace(old, folder, &third).is_ok()
            && !rename_when_free(folder, &third, new)
            && folder.rename_no_replace(&third, folder, old).is_err();
        if is_stuck {
            let path = Name::from(folder.path().join(&third).as_path());
            (self.on_event)(CopyEvent::Notice(format!(
                "renaming stopped half way: what is now `{path}` keeps that name until you rename it"
            )));
        }
    }
}

/// Renames once the new name is free: the system remembers for a second or so what a name led to, in any case.
fn rename_when_free(folder: &Folder, old: &OsStr, new: &OsStr) -> bool {
    let is_remembered = || match (folder.stat(old), folder.stat(new)) {
        (Ok(old), Ok(new)) => new.is_unchanged_since(&old),
        _ => false,
    };
    let begun = Instant::now();
    loop {
        if folder.rename_no_replace(old, folder, new).is_ok() {
            return true;
        }
        if begun.elapsed() > NAME_CACHE_TIMEOUT || !is_remembered() {
            return false;
        }
        thread::sleep(RETRY_INTERVAL);
    }
}
