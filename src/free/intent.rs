//! Intents: files in `ROOT/.auto-backup/freeing/` that say which replica is being removed there, and by whom.
//!
//! The name has the digest of the replica's path, so that other machines need only names: `TIME-HOST-RUN-RANDOM.DIGEST`. An
//! intent of a killed run is removed by the next run on that host.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::own_name::OWN_FOLDER;
use crate::index::RunId;
use crate::os::host;
use crate::rclone::{ListTarget, TimeSource};
use crate::snapshot::digest::Digest;
use crate::storage::{Storage, intent_file, version};

/// The folder of intents in the program's folder.
const FOLDER: &str = "freeing";

/// The name of an intent. Some file systems list all names in lower case.
#[derive(Clone, Debug)]
pub(super) struct IntentName(String);

impl IntentName {
    /// A new name for the removal of a replica by a run.
    pub(super) fn new(run: RunId, replica: &Path) -> Result<Self> {
        let own = version::version_folder_name(run)?;
        Ok(Self(format!(
            "{own}-{}.{}",
            std::process::id(),
            replica_digest(replica)
        )))
    }

    fn is_same(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }

    fn is_of(&self, replica: &Path) -> bool {
        let digest = self.0.rsplit_once('.').map(|(_, digest)| digest);
        digest.is_some_and(|digest| digest.eq_ignore_ascii_case(&replica_digest(replica)))
    }

    /// True if its process ran on this host and is gone.
    fn is_abandoned(&self) -> bool {
        let (name, _) = self.0.rsplit_once('.').unwrap_or((&self.0, ""));
        let mut parts = name.rsplitn(4, '-');
        let process = parts.next().and_then(|process| process.parse::<u32>().ok());
        let (_random, _run) = (parts.next(), parts.next());
        // What is left is the time and the host, which may contain hyphens.
        let host = parts
            .next()
            .and_then(|rest| rest.split_once('-'))
            .map(|(_, host)| host);
        host.is_some_and(host::is_own_name)
            && process.is_some_and(|process| !host::is_process_alive(process))
    }

    fn path(&self) -> PathBuf {
        Path::new(OWN_FOLDER).join(FOLDER).join(&self.0)
    }
}

/// Returns the digest of a replica's path as names of intents have it, independent of the form of its names.
fn replica_digest(replica: &Path) -> String {
    let path: PathBuf = replica.components().collect();
    let composed = crate::base::unicode::to_nfc(path.as_os_str().as_bytes()).into_owned();
    Digest::of_bytes(&composed).to_string()
}

/// An intent that was written.
#[derive(Debug)]
pub(super) struct Intent<'a> {
    storage: &'a Storage,
    name: IntentName,
}

impl<'a> Intent<'a> {
    /// Writes an intent at a storage, flushed.
    pub(super) fn write(storage: &'a Storage, name: IntentName, replica: &Path) -> Result<Self> {
        let written = match storage {
            Storage::Local(local) => intent_file::create(&local.root, FOLDER, name.0.as_ref()),
            Storage::Remote(remote) => {
                let line = format!("removing {}", Name::from(replica));
                remote.remote.put_probe_file(&name.path(), &line)
            }
        };
        // What the storage lists is what others will see.
        let is_listed =
            written.and_then(|()| Ok(intents(storage)?.iter().any(|listed| listed.is_same(&name))));
        let failure = match is_listed {
            Ok(true) => return Ok(Self { storage, name }),
            Ok(false) => Error::Unproven {
                path: storage.database().path(&name.path()),
                why: "was written, but the storage does not list it, so that others would not see it",
            },
            Err(error) => error,
        };
        // It may be there in part. Left behind, it would only make others wait for this machine's next run.
        remove(storage, &name).unwrap_or_default();
        Err(failure)
    }

    /// Removes it.
    pub(super) fn withdraw(self) -> Result<()> {
        remove(self.storage, &self.name)
    }
}

fn remove(storage: &Storage, name: &IntentName) -> Result<()> {
    match storage {
        Storage::Local(local) => intent_file::remove(&local.root, FOLDER, name.0.as_ref()),
        Storage::Remote(remote) => remote.remote.remove_probe_file(&name.path()),
    }
}

/// Returns the intents at a storage.
fn intents(storage: &Storage) -> Result<Vec<IntentName>> {
    let names: Vec<OsString> = match storage {
        Storage::Local(local) => intent_file::names(&local.root, FOLDER)?,
        Storage::Remote(remote) => {
            let folder = Path::new(OWN_FOLDER).join(FOLDER);
            let target = ListTarget::Folder(&folder);
            let listed = remote
                .remote
                .list(target, &remote.features, TimeSource::Cheap)?;
            let files = listed.into_iter().flat_map(|listed| listed.folders);
            files
                .flat_map(|(_, files)| files.into_keys())
                .map(|name| name.as_os_str().to_owned())
                .collect()
        }
    };
    let names = names.iter().filter_map(|name| OsStr::to_str(name));
    Ok(names.map(|name| IntentName(name.to_owned())).collect())
}

/// True if a replica is being removed at a storage.
pub(super) fn is_being_freed(storage: &Storage, replica: &Path) -> Result<Option<PathBuf>> {
    let intents = intents(storage)?;
    let found = intents.into_iter().find(|name| name.is_of(replica));
    Ok(found.map(|name| storage.database().path(&name.path())))
}

/// Removes the intents of killed runs of this host. The caller holds the lock of the storage.
pub(super) fn remove_leftovers(storage: &Storage, own: Option<&Intent<'_>>) -> Result<()> {
    for name in intents(storage)? {
        if own.is_none_or(|own| !own.name.is_same(&name)) && name.is_abandoned() {
            remove(storage, &name)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_tells_replica_and_process() {
        let replica = Path::new("footage/acme/spot");
        let name = IntentName::new(RunId(7), replica).unwrap();
        assert!(name.is_of(replica) && name.is_of(Path::new("footage/acme/spot/")));
        assert!(!name.is_of(Path::new("footage/acme/spot 2")));
        assert!(!name.is_abandoned());
        let own = std::process::id();
        let digest = replica_digest(replica);
        let other = |host: &str, process: u32| {
            IntentName(format!(
                "20261122T042855Z-{host}-7-0123abcd-{process}.{digest}"
            ))
        };
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert!(other(&host::name(), child.id()).is_abandoned());
        assert!(!other(&host::name(), own).is_abandoned());
        assert!(!other("far-away", child.id()).is_abandoned());
        assert!(!IntentName("notes".to_owned()).is_abandoned());
    }
}
