//! Detecting that two opened databases are one place: a folder and a remote that leads to it, two remotes with one folder
//! behind them, or one inside the other.
//!
//! A probe file with a random name is created in one of them for a moment, and searched for in the other, in each folder
//! that could show it. Two databases with one identity are refused too, because one may be a clone of the other.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::{LocalStorage, RemoteStorage, Storage};
use crate::base::error::{Error, Result};
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::base::own_name::{self, OWN_FOLDER};
use crate::model::address;
use crate::model::identity;
use crate::model::own_folder;
use crate::model::place::resolve_root;
use crate::os::folder::is_not_found;
use crate::os::host;
use crate::rclone::{ListTarget, TimeSource};

/// Largest number of folders above and below a root in which the probe file is searched for.
const MAX_DEPTH: usize = 12;

impl Storage {
    /// Fails if a destination is this database by another path, or has its identity.
    ///
    /// If nothing is written (`writes`) and identity files prove that the roots are two places, no probe file is created.
    ///
    /// # Errors
    /// [`Error::SameFolder`] or [`Error::SameIdentity`]; the probe failed.
    pub fn refuse_same_place(&self, destination: &Self, writes: bool) -> Result<()> {
        let [here, there] = [self, destination].map(Self::identity);
        let is_shared = here.is_some() && here == there;
        // A root whose identity file the other does not show is another place.
        let are_apart = here != there && there.is_some();
        if !is_shared && !writes && are_apart {
            return Ok(());
        }
        refuse_if_same(self, destination, is_shared)
    }

    /// Fails if both databases are one place. Databases with two identities are two places; two folders are distinguished
    /// without a probe file.
    ///
    /// # Errors
    /// [`Error::SameFolder`].
    pub fn refuse_comparison(&self, other: &Self) -> Result<()> {
        let is_remote = !matches!((self, other), (Self::Local(_), Self::Local(_)));
        if !is_remote || self.identity() != other.identity() {
            return Ok(());
        }
        match refuse_if_same(self, other, false) {
            refused @ Err(Error::SameFolder { .. } | Error::Interrupted) => refused,
            // A comparison writes nothing else, so a root that cannot be written must not end it.
            _ => Ok(()),
        }
    }
}

/// Fails if both are one place, or if they share an identity and nothing proves that they are two places.
fn refuse_if_same(source: &Storage, destination: &Storage, is_shared: bool) -> Result<()> {
    let is_same = if are_on_one_device(source, destination) {
        // Their file ids distinguish them; the overlap check compares those.
        Ok(false)
    } else {
        is_visible_through(source, destination)
    };
    let [from, to] = [source, destination].map(Storage::database);
    match is_same {
        Ok(true) => Err(Error::SameFolder {
            from: source.shown_root(),
            to: destination.shown_root(),
            why: "a file written to one of them appears in the other",
        }),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        _ if is_shared => Err(Error::SameIdentity {
            database: to.name.clone(),
            file: address::join(&destination.shown_root(), &identity::relative_path()),
            other: from.name.clone(),
        }),
        found => found.map(|_| ()),
    }
}

/// True if both are folders on one file system of this machine.
fn are_on_one_device(a: &Storage, b: &Storage) -> bool {
    let (Storage::Local(a), Storage::Local(b)) = (a, b) else {
        return false;
    };
    let device = |storage: &LocalStorage| storage.root.stat_self().map(|stat| stat.device).ok();
    device(a).is_some() && device(a) == device(b)
}

/// Creates a probe file in one of the two and returns true if the other shows it.
fn is_visible_through(source: &Storage, destination: &Storage) -> Result<bool> {
    // A folder costs less than a remote. If it cannot be written, the remote may be.
    let (first, second) = match (source, destination) {
        (Storage::Local(_), Storage::Remote(_)) => (source, destination),
        _ => (destination, source),
    };
    match ProbeFile::create(first) {
        Ok(probe) => probe.is_visible_in(second),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error) => match (first, second) {
            // The copy cannot write there either, and reports why.
            (Storage::Local(_), Storage::Local(_)) => Ok(false),
            (Storage::Local(_), Storage::Remote(_)) => {
                ProbeFile::create(second)?.is_visible_in(first)
            }
            _ => Err(error),
        },
    }
}

/// A file with a random name in the program's folder of a database, removed on drop.
struct ProbeFile<'a> {
    storage: &'a Storage,
    name: OsString,
    /// Locked until the probe ends: a run that removes leftovers skips locked files.
    locked_file: Option<File>,
    /// True if the program's folder was created for it.
    created_folder: bool,
}

impl<'a> ProbeFile<'a> {
    fn create(storage: &'a Storage) -> Result<Self> {
        let id = host::random_id()?;
        let name = own_name::temporary(format!("same-{id}"));
        let mut probe = Self {
            storage,
            name,
            locked_file: None,
            created_folder: false,
        };
        match storage {
            Storage::Local(storage) => {
                let own = OsStr::new(OWN_FOLDER);
                let is_new = storage
                    .root
                    .stat(own)
                    .is_err_and(|error| is_not_found(&error));
                let own = own_folder::open(&storage.root)?;
                probe.created_folder = is_new;
                let file = own.create_file(&probe.name)?;
                ignore(file.try_lock(), "a file system without locks");
                probe.locked_file = Some(file);
            }
            Storage::Remote(storage) => storage.remote.put_probe_file(&probe.path(), &id)?,
        }
        Ok(probe)
    }

    /// Its path below its own root.
    fn path(&self) -> PathBuf {
        Path::new(OWN_FOLDER).join(&self.name)
    }

    /// Its paths below the other root, if this root is that root or a folder below it.
    fn paths_below(&self) -> Vec<PathBuf> {
        let root = self.storage.root_components();
        let depth = root.len().min(MAX_DEPTH);
        let inside = (0..=depth).map(|depth| root[root.len() - depth..].iter().collect());
        inside.map(|path: PathBuf| path.join(self.path())).collect()
    }

    fn is_visible_in(&self, other: &Storage) -> Result<bool> {
        match other {
            Storage::Local(storage) => {
                let root = resolve_root(storage.root.path());
                let above = root.ancestors().map(|above| above.join(self.path()));
                let below = self.paths_below().into_iter();
                let mut all = above.chain(below.map(|path| root.join(path)));
                Ok(all.any(|path| fs::symlink_metadata(path).is_ok()))
            }
            Storage::Remote(storage) => {
                let below = self.paths_below();
                let target = ListTarget::Files(&below);
                let listed = storage
                    .remote
                    .list(target, &storage.features, TimeSource::Cheap)?;
                let is_below = listed.is_some_and(|listed| listed.file_count() > 0);
                Ok(is_below || self.is_visible_above(storage)?)
            }
        }
    }

    /// True if a folder above a remote's root shows it. A folder that cannot be read proves nothing.
    fn is_visible_above(&self, storage: &RemoteStorage) -> Result<bool> {
        let Some((top, path)) = address::split_top(&storage.database.root) else {
            return Ok(false);
        };
        let above = path.ancestors().skip(1).take(MAX_DEPTH);
        let above: Vec<PathBuf> = above.map(|above| above.join(self.path())).collect();
        if above.is_empty() {
            return Ok(false);
        }
        match storage.remote.any_exists(&top, &above) {
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Ok(true) => Ok(true),
            Ok(false) | Err(_) => Ok(false),
        }
    }
}

impl Drop for ProbeFile<'_> {
    fn drop(&mut self) {
        match self.storage {
            Storage::Local(storage) => {
                let own = OsStr::new(OWN_FOLDER);
                if self.locked_file.take().is_some()
                    && let Ok(folder) = storage.root.open_child(own)
                {
                    ignore(
                        folder.remove_temporary(&self.name),
                        "a later run removes it",
                    );
                }
                if self.created_folder {
                    let removed = storage
                        .root
                        .permit()
                        .and_then(|permit| storage.root.remove_empty_folder(own, &permit));
                    ignore(removed, "another run may use the folder by now");
                }
            }
            Storage::Remote(storage) => {
                let remove = || storage.remote.remove_probe_file(&self.path());
                ignore(
                    interrupt::with_grace_period(remove),
                    "a later run removes it",
                );
            }
        }
    }
}

impl Storage {
    /// The identity that its root has now.
    pub fn identity(&self) -> Option<String> {
        match self {
            Self::Local(storage) => identity::read(&storage.root).ok().flatten(),
            Self::Remote(storage) => storage.identity().map(str::to_owned),
        }
    }

    /// The names in the path of its root.
    fn root_components(&self) -> Vec<OsString> {
        let path = match self {
            Self::Local(storage) => resolve_root(storage.root.path()),
            Self::Remote(storage) => address::split_top(&storage.database.root)
                .map(|(_, path)| path)
                .unwrap_or_default(),
        };
        let names = path.components().filter_map(|part| match part {
            std::path::Component::Normal(name) => Some(name.to_owned()),
            _ => None,
        });
        names.collect()
    }
}
