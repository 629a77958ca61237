//! The private folder of one process for its temporary files, with the record of its owner.
//!
//! A name proves nothing. A folder is removed only if this user owns it, no other user can enter it, its record names
//! it, and the lock of the record is free. The system releases that lock when its process ends.

use std::fs::{self, DirBuilder, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::fs::OFlags;

use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::os::host;

/// Prefix of the name of a folder; 128 random bits follow.
const NAME_PREFIX: &str = ".auto-backup-";

/// Name of the record in the folder.
const RECORD_NAME: &str = "owner";

/// Beginning of the record; the name of the folder follows.
const RECORD_PREFIX: &str = "temporary files of a running auto-backup, removed by the next: ";

/// Folders of this process, by the folder that contains them.
static PROCESS_FOLDERS: Mutex<Vec<(PathBuf, Weak<ProcessFolder>)>> = Mutex::new(Vec::new());

/// The folder, removed when dropped.
#[derive(Debug)]
pub(super) struct ProcessFolder {
    path: PathBuf,
    /// Locked while this lives.
    _record: File,
}

impl ProcessFolder {
    /// Returns this process's folder below `base`; creates it if it does not exist.
    pub(super) fn get_or_create(base: &Path) -> Result<Arc<Self>> {
        let mut folders = PROCESS_FOLDERS
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        folders.retain(|(_, home)| home.strong_count() > 0);
        let known = folders.iter().find(|(of, _)| of == base);
        if let Some(home) = known.and_then(|(_, home)| home.upgrade()) {
            return Ok(home);
        }
        remove_abandoned(base);
        let home = Arc::new(Self::create(base)?);
        folders.push((base.to_owned(), Arc::downgrade(&home)));
        Ok(home)
    }

    fn create(base: &Path) -> Result<Self> {
        let name = format!("{NAME_PREFIX}{}", host::random_id()?);
        let path = base.join(&name);
        // Fails if the name is taken, also by a link.
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.at("create a folder in", base)?;
        let own = fs::symlink_metadata(&path).at("read the metadata of", &path)?;
        if !is_private(&own) {
            return Err(Error::Io {
                action: "create a private folder",
                path,
                source: std::io::ErrorKind::PermissionDenied.into(),
            });
        }
        let record = path.join(RECORD_NAME);
        let write_record = || -> std::io::Result<File> {
            let mut options = File::options();
            let mut file = options
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&record)?;
            // Locked before anything is written, so that no process takes the folder for an abandoned one.
            file.try_lock().or_else(|error| match error {
                // Without locks no process can prove that it is abandoned, so none removes it.
                fs::TryLockError::Error(_) => Ok(()),
                fs::TryLockError::WouldBlock => {
                    Err(std::io::Error::from(std::io::ErrorKind::WouldBlock))
                }
            })?;
            writeln!(file, "{RECORD_PREFIX}{name}")?;
            Ok(file)
        };
        let record = write_record().at("create a file in", &path)?;
        Ok(Self {
            path,
            _record: record,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ProcessFolder {
    fn drop(&mut self) {
        ignore(fs::remove_dir_all(&self.path), "a later process removes it");
    }
}

/// True for a folder of this user that no other user can enter.
fn is_private(metadata: &fs::Metadata) -> bool {
    metadata.is_dir() && metadata.uid() == host::user_id() && other_permission_bits(metadata) == 0
}

/// Returns the permission bits of group and others.
fn other_permission_bits(metadata: &fs::Metadata) -> u32 {
    metadata.permissions().mode() & 0o077
}

/// Removes the folders of processes of this user that have ended.
fn remove_abandoned(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if let Some(name) = name.to_str().filter(|name| is_process_folder_name(name))
            && check_abandoned(&entry.path(), name).is_some()
        {
            ignore(
                fs::remove_dir_all(entry.path()),
                "a later process removes it",
            );
        }
    }
}

fn is_process_folder_name(name: &str) -> bool {
    let random = name.strip_prefix(NAME_PREFIX);
    random.is_some_and(|random| random.len() == 32 && random.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Returns `Some` if a process of this user created the folder and has ended.
fn check_abandoned(folder: &Path, name: &str) -> Option<()> {
    let metadata = fs::symlink_metadata(folder).ok()?;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = File::options();
    options.read(true).custom_flags(flags.bits().cast_signed());
    let record = is_private(&metadata)
        .then(|| options.open(folder.join(RECORD_NAME)))?
        .ok()?;
    let record_metadata = record.metadata().ok()?;
    let is_own = record_metadata.is_file()
        && record_metadata.uid() == host::user_id()
        && record_metadata.nlink() == 1;
    if !is_own || other_permission_bits(&record_metadata) != 0 || record_metadata.len() > 1024 {
        return None;
    }
    let mut text = String::new();
    (&record).take(1024).read_to_string(&mut text).ok()?;
    (text == format!("{RECORD_PREFIX}{name}\n") && record.try_lock().is_ok()).then_some(())
}

/// Returns the user's folder for sockets, if it exists and no other user can enter it.
pub(super) fn runtime_folder() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR")?);
    let metadata = fs::symlink_metadata(&folder).ok()?;
    (folder.is_absolute() && is_private(&metadata)).then_some(folder)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    /// Creates a folder as an ended process leaves it.
    fn left(base: &Path) -> PathBuf {
        let home = ProcessFolder::create(base).unwrap();
        let path = home.path.clone();
        fs::write(path.join("list"), "x").unwrap();
        let kept = base.join("kept");
        fs::rename(&path, &kept).unwrap();
        drop(home);
        fs::rename(&kept, &path).unwrap();
        path
    }

    #[test]
    fn only_folders_of_ended_processes_are_removed() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path();
        let live = ProcessFolder::create(base).unwrap();
        let dead = left(base);
        let renamed = left(base);
        let other = base.join(format!("{NAME_PREFIX}{:032x}", 7));
        fs::rename(&renamed, &other).unwrap();
        let shared = left(base);
        fs::set_permissions(&shared, Permissions::from_mode(0o755)).unwrap();
        let linked = left(base);
        let target = base.join("target");
        fs::rename(&linked, &target).unwrap();
        std::os::unix::fs::symlink(&target, &linked).unwrap();
        for name in [
            "auto-backup-2026-11-27",
            "auto-backup-1-x",
            ".auto-backup-1",
        ] {
            fs::create_dir(base.join(name)).unwrap();
        }
        let unclaimed = base.join(format!("{NAME_PREFIX}{:032x}", 8));
        DirBuilder::new().mode(0o700).create(&unclaimed).unwrap();
        let before = fs::read_dir(base).unwrap().count();
        remove_abandoned(base);
        assert!(!dead.exists());
        assert_eq!(fs::read_dir(base).unwrap().count(), before - 1);
        assert!(live.path.join(RECORD_NAME).exists() && target.join("list").exists());
    }
}
