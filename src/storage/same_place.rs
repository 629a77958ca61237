//! Finds out whether two opened databases are one place: a folder and a remote that leads to it, two remotes with one
//! folder behind them, or one inside the other.
//!
//! A file with a random name is put on one of them for a moment and looked for on the other, in each folder where it
//! could show. Two databases with one identity file are refused too, for one may be a clone of the other.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::{DiskSide, RemoteSide, Side};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::own_name::{self, OWN_FOLDER};
use crate::model::address;
use crate::model::identity;
use crate::model::own_folder;
use crate::model::place::resolved;
use crate::model::registry::Database;
use crate::os::folder::is_missing;
use crate::os::host;
use crate::rclone::{Times, Wanted};

/// Largest number of folders below a root in which the token is looked for.
const DEEPEST: usize = 12;

/// An opened database, borrowed.
#[derive(Clone, Copy, Debug)]
pub enum Opened<'a> {
    /// On a disk.
    Disk(&'a DiskSide),
    /// Behind rclone.
    Remote(&'a RemoteSide),
}

impl<'a> From<&'a Side> for Opened<'a> {
    fn from(side: &'a Side) -> Self {
        match side {
            Side::Disk(side) => Self::Disk(side),
            Side::Remote(side) => Self::Remote(side),
        }
    }
}

impl Side {
    /// Refuses to write to a destination that is this database by another way, or has its identity.
    ///
    /// `writes` says whether anything will be written. If not, and identity files already prove that the roots are two
    /// places, nothing more is asked.
    ///
    /// # Errors
    /// [`Error::SameFolder`] or [`Error::SameIdentity`]; the question could not be answered.
    pub fn refuse_same_place(&self, destination: Opened<'_>, writes: bool) -> Result<()> {
        let source = Opened::from(self);
        let [here, there] = [source, destination].map(Opened::identity);
        let is_shared = here.is_some() && here == there;
        // What has an identity file that the other does not show is not the other.
        let are_apart = here != there && there.is_some();
        if !is_shared && !writes && are_apart {
            return Ok(());
        }
        refuse(source, destination, is_shared)
    }

    /// Refuses to compare a database with itself, reached by another way. Databases with two identities are two places;
    /// two folders are known apart without a file being written.
    ///
    /// # Errors
    /// [`Error::SameFolder`]; the question could not be answered.
    pub fn refuse_comparison(&self, other: &Self) -> Result<()> {
        let [a, b] = [self, other].map(Opened::from);
        let is_remote = !matches!((a, b), (Opened::Disk(_), Opened::Disk(_)));
        if !is_remote || a.identity() != b.identity() {
            return Ok(());
        }
        match refuse(a, b, false) {
            refused @ Err(Error::SameFolder { .. } | Error::Interrupted) => refused,
            // A comparison writes nothing else: one that may not write is none the worse for it.
            _ => Ok(()),
        }
    }
}

/// Fails if both are one place, or share an identity and cannot be told apart.
fn refuse(source: Opened<'_>, destination: Opened<'_>, is_shared: bool) -> Result<()> {
    let is_found = if is_one_device(source, destination) {
        // Numbers of folders tell these apart, which is looked at elsewhere.
        Ok(false)
    } else {
        shows_through(source, destination)
    };
    let [from, to] = [source, destination].map(Opened::database);
    match is_found {
        Ok(true) => Err(Error::SameFolder {
            from: from.root.clone(),
            to: to.root.clone(),
            why: "what is written to the one shows in the other",
        }),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        _ if is_shared => Err(Error::SameIdentity {
            database: to.name.clone(),
            file: address::join(&to.root, &identity::path()),
            other: from.name.clone(),
        }),
        found => found.map(|_| ()),
    }
}

/// Whether both are folders on one file system of this machine.
fn is_one_device(a: Opened<'_>, b: Opened<'_>) -> bool {
    let (Opened::Disk(a), Opened::Disk(b)) = (a, b) else {
        return false;
    };
    let device = |side: &DiskSide| side.root.stat_self().map(|stat| stat.device).ok();
    device(a).is_some() && device(a) == device(b)
}

/// Puts a token on one of both, and returns whether the other shows it.
fn shows_through(source: Opened<'_>, destination: Opened<'_>) -> Result<bool> {
    // A folder takes a token at the least cost; if that cannot be written, a remote may.
    let (first, second) = match (source, destination) {
        (Opened::Disk(_), Opened::Remote(_)) => (source, destination),
        _ => (destination, source),
    };
    match Token::put(first) {
        Ok(token) => token.is_shown_by(second),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error) => match (first, second) {
            // Neither will the copy be able to write there, which says why.
            (Opened::Disk(_), Opened::Disk(_)) => Ok(false),
            (Opened::Disk(_), Opened::Remote(_)) => Token::put(second)?.is_shown_by(first),
            _ => Err(error),
        },
    }
}

/// A file with a random name in our own folder of a database, removed when this goes.
struct Token<'a> {
    place: Opened<'a>,
    name: OsString,
    /// Keeps runs that sweep temporary files from removing it.
    file: Option<File>,
    /// Whether our own folder was made for it.
    is_folder_new: bool,
}

impl<'a> Token<'a> {
    fn put(place: Opened<'a>) -> Result<Self> {
        let id = host::random_id()?;
        let name = own_name::temporary(format!("same-{id}"));
        let mut token = Self {
            place,
            name,
            file: None,
            is_folder_new: false,
        };
        match place {
            Opened::Disk(side) => {
                let own = OsStr::new(OWN_FOLDER);
                let is_new = side.root.stat(own).is_err_and(|error| is_missing(&error));
                let own = own_folder::open(&side.root)?;
                token.is_folder_new = is_new;
                let file = own.create_file(&token.name)?;
                file.try_lock().unwrap_or_default();
                token.file = Some(file);
            }
            Opened::Remote(side) => side.remote.put_token(&token.path(), &id)?,
        }
        Ok(token)
    }

    /// Its path below a root that shows it.
    fn path(&self) -> PathBuf {
        Path::new(OWN_FOLDER).join(&self.name)
    }

    /// Its paths below the other root, if this one is that root or lies inside it under the names of its own path.
    fn paths_below(&self) -> Vec<PathBuf> {
        let root = self.place.parts();
        let depth = root.len().min(DEEPEST);
        let inside = (0..=depth).map(|depth| root[root.len() - depth..].iter().collect());
        inside.map(|path: PathBuf| path.join(self.path())).collect()
    }

    fn is_shown_by(&self, other: Opened<'_>) -> Result<bool> {
        match other {
            Opened::Disk(side) => {
                let root = resolved(side.root.path());
                let above = root.ancestors().map(|above| above.join(self.path()));
                let below = self.paths_below().into_iter();
                let mut all = above.chain(below.map(|path| root.join(path)));
                Ok(all.any(|path| fs::symlink_metadata(path).is_ok()))
            }
            Opened::Remote(side) => {
                let below = self.paths_below();
                let wanted = Wanted::Files(&below);
                let listed = side.remote.list(wanted, &side.abilities, Times::Cheap)?;
                let is_below = listed.is_some_and(|listed| listed.files() > 0);
                Ok(is_below || self.is_shown_above(side)?)
            }
        }
    }

    /// Whether a folder above a remote's root shows it. Many may not be read there, which says nothing.
    fn is_shown_above(&self, side: &RemoteSide) -> Result<bool> {
        let Some((top, path)) = address::top(&side.database.root) else {
            return Ok(false);
        };
        let above = path.ancestors().skip(1).take(DEEPEST);
        let above: Vec<PathBuf> = above.map(|above| above.join(self.path())).collect();
        if above.is_empty() {
            return Ok(false);
        }
        match side.remote.holds_any(&top, &above) {
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Ok(true) => Ok(true),
            Ok(false) | Err(_) => Ok(false),
        }
    }
}

impl Drop for Token<'_> {
    fn drop(&mut self) {
        // What cannot be removed is swept by a later run, as temporary files are.
        match self.place {
            Opened::Disk(side) => {
                let own = OsStr::new(OWN_FOLDER);
                if self.file.take().is_some()
                    && let Ok(folder) = side.root.child(own)
                {
                    folder.remove_temporary(&self.name).unwrap_or_default();
                }
                if self.is_folder_new {
                    side.root.remove_empty(own).unwrap_or_default();
                }
            }
            Opened::Remote(side) => {
                let remove = || side.remote.remove_token(&self.path());
                interrupt::shielded(remove).unwrap_or_default();
            }
        }
    }
}

impl<'a> Opened<'a> {
    fn database(self) -> &'a Database {
        match self {
            Self::Disk(side) => &side.database,
            Self::Remote(side) => &side.database,
        }
    }

    /// The identity that its root shows now.
    fn identity(self) -> Option<String> {
        match self {
            Self::Disk(side) => identity::read(&side.root).ok().flatten(),
            Self::Remote(side) => side.identity().map(str::to_owned),
        }
    }

    /// The names on the way to its root.
    fn parts(self) -> Vec<OsString> {
        let path = match self {
            Self::Disk(side) => resolved(side.root.path()),
            Self::Remote(side) => address::top(&side.database.root)
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
