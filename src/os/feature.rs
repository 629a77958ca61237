//! Probes of file system features. Some file systems, mostly programs behind FUSE, report success and do something else:
//! `RENAME_EXCHANGE` replaces, `RENAME_NOREPLACE` replaces, the names of one file have different file IDs.
//!
//! Well-known local file systems (`space.rs`) are reliable. Every other one is probed once with temporary files, the first
//! time a folder on it needs a feature; all folders opened from one root share the result (decision 26).

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::FileExt as _;
use std::sync::PoisonError;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::feature_cache::FileSystemFeatures;
use super::folder::Folder;
use super::host;
use super::stat::Stat;
use crate::base::error::Result;
use crate::base::ignore::ignore;
use crate::base::own_name;

impl Folder {
    /// Returns the features of this folder's file system. May create temporary files in the folder, once for each file
    /// system.
    pub fn features(&self) -> FileSystemFeatures {
        *self.features_cell().get_or_init(|| {
            if self.has_reliable_file_system() {
                FileSystemFeatures::ALL
            } else {
                self.probe_features()
            }
        })
    }

    fn probe_features(&self) -> FileSystemFeatures {
        let Ok(stat) = self.stat_self() else {
            return FileSystemFeatures::NONE;
        };
        let systems = &self.feature_cache().0;
        let mut systems = systems.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(features) = systems.get(&stat.device) {
            return *features;
        }
        // Without temporary files the features stay unknown; another folder may show them.
        let Some(features) = FeatureProbe::start(self).and_then(|trial| trial.run()) else {
            return FileSystemFeatures::NONE;
        };
        systems.insert(stat.device, features);
        features
    }

    /// True if both results show one file with unchanged content. A rename changes the status time, and some file
    /// systems change the size of a link.
    pub fn is_same_file(&self, a: &Stat, b: &Stat) -> bool {
        a.has_same_size_and_time(b) && (!self.features().stable_ids || a.file_id() == b.file_id())
    }
}

/// Temporary files with different contents in a folder, removed when dropped.
struct FeatureProbe<'a> {
    folder: &'a Folder,
    names: [OsString; 3],
}

impl Drop for FeatureProbe<'_> {
    fn drop(&mut self) {
        for name in &self.names {
            ignore(
                self.folder.remove_temporary(name),
                "most are removed already, and the next run removes the others",
            );
        }
    }
}

impl<'a> FeatureProbe<'a> {
    fn start(folder: &'a Folder) -> Option<Self> {
        let random = host::random_id().ok()?;
        let name = |letter| own_name::temporary(format!("trial-{random}-{letter}"));
        let trial = Self {
            folder,
            names: ["a", "b", "c"].map(name),
        };
        trial.reset().then_some(trial)
    }

    fn run(&self) -> Option<FileSystemFeatures> {
        let stable_while_renamed = self.has_stable_ids()?;
        let no_replace = self.supports_no_replace();
        if !self.reset() {
            return None;
        }
        let exchange = self.supports_exchange();
        if !self.reset() {
            return None;
        }
        let (links, stable_while_linked) = self.probe_hard_links();
        Some(FileSystemFeatures {
            exchange,
            no_replace,
            hard_links: links,
            stable_ids: stable_while_renamed && stable_while_linked,
            is_reliable: false,
        })
    }

    /// Creates the first two files anew and removes the third.
    fn reset(&self) -> bool {
        for name in &self.names {
            ignore(
                self.folder.remove_temporary(name),
                "creating the file fails if the old one stayed",
            );
        }
        let [a, b, _] = &self.names;
        [(a, "a"), (b, "bb")].iter().all(|(name, content)| {
            let file = self.folder.create_file(name);
            file.is_ok_and(|file| file.write_all_at(content.as_bytes(), 0).is_ok())
        }) && self.has_contents([Some("a"), Some("bb"), None])
    }

    /// True if the files have these contents, whatever size the file system reports; `None` for a missing file.
    fn has_contents(&self, contents: [Option<&str>; 3]) -> bool {
        let names = self.names.iter().zip(contents);
        names.into_iter().all(|(name, content)| match content {
            Some(content) => self.read_content(name).as_deref() == Some(content.as_bytes()),
            None => self.folder.stat(name).is_err(),
        })
    }

    fn read_content(&self, name: &OsStr) -> Option<Vec<u8>> {
        let (file, _) = self.folder.open_file(name).ok()?;
        let (mut content, mut buffer) = (Vec::new(), [0; 8]);
        while content.len() <= buffer.len() {
            match file.read_at(&mut buffer, content.len() as u64).ok()? {
                0 => break,
                read => content.extend_from_slice(&buffer[..read]),
            }
        }
        Some(content)
    }

    /// True if the file IDs are unique, repeatable and the same under another name.
    fn has_stable_ids(&self) -> Option<bool> {
        let [a, b, c] = &self.names;
        let id = |name: &OsStr| {
            let stat = self.folder.stat(name).ok()?;
            Some(stat.file_id())
        };
        let (first, other) = (id(a)?, id(b)?);
        let again = id(a)?;
        self.folder.raw_rename(a, self.folder, c).ok()?;
        let renamed = id(c)?;
        self.folder.raw_rename(c, self.folder, a).ok()?;
        Some(first == again && first == renamed && first != other && id(a)? == first)
    }

    /// True if a rename that must not replace works. The kernel itself refuses an existing name, so this does not show
    /// whether a FUSE program obeys the flag.
    fn supports_no_replace(&self) -> bool {
        let [a, b, c] = &self.names;
        let rename = |to: &OsStr| self.folder.raw_rename_no_replace(a, self.folder, to);
        rename(b) == Err(Errno::EXIST)
            && self.has_contents([Some("a"), Some("bb"), None])
            && rename(c).is_ok()
            && self.has_contents([None, Some("bb"), Some("a")])
    }

    fn supports_exchange(&self) -> bool {
        let [a, b, _] = &self.names;
        let exchanged = self.folder.raw_exchange(a, self.folder, b);
        exchanged.is_ok() && self.has_contents([Some("bb"), Some("a"), None])
    }

    /// Reports whether a second name shows the same content and never replaces, and whether it has the file ID of the
    /// first.
    fn probe_hard_links(&self) -> (bool, bool) {
        let [a, b, c] = &self.names;
        let folder = self.folder;
        let link = |to: &OsStr| {
            rustix::fs::linkat(folder.handle(), a, folder.handle(), to, AtFlags::empty())
        };
        if link(b) != Err(Errno::EXIST) || !self.has_contents([Some("a"), Some("bb"), None]) {
            // Most of these file systems have no hard links, so their IDs cannot be compared.
            let has_none = self.has_contents([Some("a"), Some("bb"), None]);
            return (false, has_none);
        }
        if link(c).is_err() || !self.has_contents([Some("a"), Some("bb"), Some("a")]) {
            return (false, true);
        }
        let same_id = match (folder.stat(a), folder.stat(c)) {
            (Ok(a), Ok(c)) => a.file_id() == c.file_id(),
            _ => false,
        };
        let link_survives =
            folder.remove_temporary(a).is_ok() && self.has_contents([None, Some("bb"), Some("a")]);
        (link_survives, same_id)
    }
}

/// True if two handles lead to one folder; the check may write to both.
///
/// Equal file IDs prove it where they are stable. Elsewhere a temporary file is created in one folder and searched in
/// the other. If no file can be created, the folders count as one.
pub fn is_same_folder(a: &Folder, b: &Folder) -> bool {
    let ids = |folder: &Folder| {
        let stat = folder.stat_self().ok()?;
        Some(stat.file_id())
    };
    if ids(a).is_none() || ids(a) != ids(b) {
        return false;
    }
    a.has_reliable_file_system() || is_visible_in(a, b).unwrap_or(true)
}

/// True if a file created in one folder appears in the other.
fn is_visible_in(a: &Folder, b: &Folder) -> Result<bool> {
    let name = own_name::temporary(format!("token-{}", host::random_id()?));
    drop(b.create_file(&name)?);
    let is_visible = a.stat(&name).is_ok();
    b.remove_temporary(&name)?;
    Ok(is_visible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_file_system_passes_the_trial() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::open(temporary.path()).unwrap();
        let features = FeatureProbe::start(&folder).unwrap().run().unwrap();
        let expected = FileSystemFeatures {
            is_reliable: false,
            ..FileSystemFeatures::ALL
        };
        if folder.has_reliable_file_system() {
            assert_eq!(features, expected);
            assert_eq!(folder.features(), FileSystemFeatures::ALL);
        }
        assert_eq!(folder.entry_names().unwrap(), [""; 0]);
    }

    #[test]
    fn two_handles_of_one_folder_are_equal() {
        let temporary = tempfile::tempdir().unwrap();
        let open = || Folder::open(temporary.path()).unwrap();
        assert!(is_same_folder(&open(), &open()));
        assert!(is_visible_in(&open(), &open()).unwrap());
        let other = tempfile::tempdir().unwrap();
        let other = Folder::open(other.path()).unwrap();
        assert!(!is_same_folder(&open(), &other));
        assert!(!is_visible_in(&open(), &other).unwrap());
        assert_eq!(open().entry_names().unwrap(), [""; 0]);
    }
}
