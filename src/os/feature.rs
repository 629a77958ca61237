//! Features of file systems that were seen to work. Some file systems, mostly programs behind FUSE, report success and do
//! something else: `RENAME_EXCHANGE` replaces, `RENAME_NOREPLACE` replaces, the names of one file have different numbers.
//!
//! Well-known local file systems (`space.rs`) do what they say. Every other is tried out once with temporary files, the first time
//! that a folder on it is asked; all folders that were opened from one root share what was found.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, PoisonError};

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::folder::Folder;
use super::host;
use super::stat::Stat;
use crate::base::error::Result;
use crate::base::own_name;

/// Features of one file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is there or not, whatever the others are"
)]
pub struct Features {
    /// Two names can be exchanged.
    pub exchange: bool,
    /// A rename can be told not to replace.
    pub no_replace: bool,
    /// A file can have a second name, which never replaces.
    pub links: bool,
    /// A file keeps its number under every name, and no other file has it.
    pub stable_ids: bool,
    /// What it reports of a rename need not be looked at.
    pub is_honest: bool,
}

impl Features {
    const ALL: Self = Self {
        exchange: true,
        no_replace: true,
        links: true,
        stable_ids: true,
        is_honest: true,
    };

    const NONE: Self = Self {
        exchange: false,
        no_replace: false,
        links: false,
        stable_ids: false,
        is_honest: false,
    };
}

/// Features of the file systems that were tried out, by their device numbers.
#[derive(Debug, Default)]
pub(super) struct FileSystems(Mutex<BTreeMap<u64, Features>>);

impl Folder {
    /// Features of this folder's file system. May create temporary files in the folder, once for each file system.
    pub fn features(&self) -> Features {
        *self.known_features().get_or_init(|| {
            if self.is_well_known() {
                Features::ALL
            } else {
                self.tried_out()
            }
        })
    }

    fn tried_out(&self) -> Features {
        let Ok(stat) = self.stat_self() else {
            return Features::NONE;
        };
        let systems = &self.file_systems().0;
        let mut systems = systems.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(features) = systems.get(&stat.device) {
            return *features;
        }
        // Where no temporary file can be made nothing is known; another folder may do.
        let Some(features) = Trial::begin(self).and_then(|trial| trial.run()) else {
            return Features::NONE;
        };
        systems.insert(stat.device, features);
        features
    }

    /// Whether both looks, at names on this file system, show one file with one content. A rename changes the time of its
    /// status, and some file systems do not keep the size of a link.
    pub fn is_same_file(&self, a: &Stat, b: &Stat) -> bool {
        a.has_content_of(b)
            && (!self.features().stable_ids || (a.device, a.inode) == (b.device, b.inode))
    }
}

/// Temporary files in a folder, with different contents. They are removed at the end.
struct Trial<'a> {
    folder: &'a Folder,
    names: [OsString; 3],
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        for name in &self.names {
            // Most are gone by then. What cannot be removed is swept by the next run.
            self.folder.remove_temporary(name).unwrap_or_default();
        }
    }
}

impl<'a> Trial<'a> {
    fn begin(folder: &'a Folder) -> Option<Self> {
        let random = host::random_id().ok()?;
        let name = |letter| own_name::temporary(format!("trial-{random}-{letter}"));
        let trial = Self {
            folder,
            names: ["a", "b", "c"].map(name),
        };
        trial.reset().then_some(trial)
    }

    fn run(&self) -> Option<Features> {
        let stable_while_renamed = self.has_stable_ids()?;
        let no_replace = self.refuses_to_replace();
        if !self.reset() {
            return None;
        }
        let exchange = self.exchanges();
        if !self.reset() {
            return None;
        }
        let (links, stable_while_linked) = self.links();
        Some(Features {
            exchange,
            no_replace,
            links,
            stable_ids: stable_while_renamed && stable_while_linked,
            is_honest: false,
        })
    }

    /// Creates the first two files anew, and removes the third.
    fn reset(&self) -> bool {
        for name in &self.names {
            self.folder.remove_temporary(name).unwrap_or_default();
        }
        let [a, b, _] = &self.names;
        [(a, "a"), (b, "bb")].iter().all(|(name, content)| {
            let file = self.folder.create_file(name);
            file.is_ok_and(|file| file.write_all_at(content.as_bytes(), 0).is_ok())
        }) && self.holds([Some("a"), Some("bb"), None])
    }

    /// Whether the files hold these contents, whatever their sizes are said to be; `None` stands for no file.
    fn holds(&self, contents: [Option<&str>; 3]) -> bool {
        let names = self.names.iter().zip(contents);
        names.into_iter().all(|(name, content)| match content {
            Some(content) => self.content(name).as_deref() == Some(content.as_bytes()),
            None => self.folder.stat(name).is_err(),
        })
    }

    fn content(&self, name: &OsStr) -> Option<Vec<u8>> {
        let (file, _) = self.folder.open_file(name).ok()?;
        let (mut content, mut piece) = (Vec::new(), [0; 8]);
        while content.len() <= piece.len() {
            match file.read_at(&mut piece, content.len() as u64).ok()? {
                0 => break,
                read => content.extend_from_slice(&piece[..read]),
            }
        }
        Some(content)
    }

    /// Whether a file has one number at every look and under another name, and no other file has it.
    fn has_stable_ids(&self) -> Option<bool> {
        let [a, b, c] = &self.names;
        let id = |name: &OsStr| {
            let stat = self.folder.stat(name).ok()?;
            Some((stat.device, stat.inode))
        };
        let (first, other) = (id(a)?, id(b)?);
        let again = id(a)?;
        self.folder.rename_plainly(a, self.folder, c).ok()?;
        let renamed = id(c)?;
        self.folder.rename_plainly(c, self.folder, a).ok()?;
        Some(first == again && first == renamed && first != other && id(a)? == first)
    }

    /// Whether a rename that must not replace works. That a program behind FUSE looks at the flag does not show here: the
    /// kernel itself refuses where it sees the name taken.
    fn refuses_to_replace(&self) -> bool {
        let [a, b, c] = &self.names;
        let rename = |to: &OsStr| self.folder.rename_exclusively(a, self.folder, to);
        rename(b) == Err(Errno::EXIST)
            && self.holds([Some("a"), Some("bb"), None])
            && rename(c).is_ok()
            && self.holds([None, Some("bb"), Some("a")])
    }

    fn exchanges(&self) -> bool {
        let [a, b, _] = &self.names;
        let exchanged = self.folder.exchange_names(a, self.folder, b);
        exchanged.is_ok() && self.holds([Some("bb"), Some("a"), None])
    }

    /// Whether a second name is for the same content and never replaces, and whether it has the number of the first.
    fn links(&self) -> (bool, bool) {
        let [a, b, c] = &self.names;
        let folder = self.folder;
        let link = |to: &OsStr| {
            rustix::fs::linkat(folder.handle(), a, folder.handle(), to, AtFlags::empty())
        };
        if link(b) != Err(Errno::EXIST) || !self.holds([Some("a"), Some("bb"), None]) {
            // Most of them have no links at all: nothing is to be said of their numbers then.
            let has_none = self.holds([Some("a"), Some("bb"), None]);
            return (false, has_none);
        }
        if link(c).is_err() || !self.holds([Some("a"), Some("bb"), Some("a")]) {
            return (false, true);
        }
        let same_id = match (folder.stat(a), folder.stat(c)) {
            (Ok(a), Ok(c)) => (a.device, a.inode) == (c.device, c.inode),
            _ => false,
        };
        let stays = folder.remove_temporary(a).is_ok() && self.holds([None, Some("bb"), Some("a")]);
        (stays, same_id)
    }
}

/// Whether two folders are one, which is written to by both names.
///
/// Equal numbers prove that where they are stable. Elsewhere a temporary file is made in the one and looked for in the other;
/// where none can be made, they are taken for one.
pub fn is_same_folder(a: &Folder, b: &Folder) -> bool {
    let ids = |folder: &Folder| {
        let stat = folder.stat_self().ok()?;
        Some((stat.device, stat.inode))
    };
    if ids(a).is_none() || ids(a) != ids(b) {
        return false;
    }
    a.is_well_known() || shows_in(a, b).unwrap_or(true)
}

/// Whether a file that is made in one folder can be seen in another.
fn shows_in(a: &Folder, b: &Folder) -> Result<bool> {
    let name = own_name::temporary(format!("token-{}", host::random_id()?));
    drop(b.create_file(&name)?);
    let shows = a.stat(&name).is_ok();
    b.remove_temporary(&name)?;
    Ok(shows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_file_system_passes_the_trial() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::open(temporary.path()).unwrap();
        let features = Trial::begin(&folder).unwrap().run().unwrap();
        let expected = Features {
            is_honest: false,
            ..Features::ALL
        };
        if folder.is_well_known() {
            assert_eq!(features, expected);
            assert_eq!(folder.features(), Features::ALL);
        }
        assert_eq!(folder.entries().unwrap(), [""; 0]);
    }

    #[test]
    fn one_folder_by_two_handles_is_one() {
        let temporary = tempfile::tempdir().unwrap();
        let open = || Folder::open(temporary.path()).unwrap();
        assert!(is_same_folder(&open(), &open()));
        assert!(shows_in(&open(), &open()).unwrap());
        let other = tempfile::tempdir().unwrap();
        let other = Folder::open(other.path()).unwrap();
        assert!(!is_same_folder(&open(), &other));
        assert!(!shows_in(&open(), &other).unwrap());
        assert_eq!(open().entries().unwrap(), [""; 0]);
    }
}
