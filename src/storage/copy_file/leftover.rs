//! Temporary copies that a killed run left behind.

use std::ffi::OsStr;
use std::fs::TryLockError;

use crate::os::folder::Folder;
use crate::os::stat::EntryKind;

/// Removes a temporary file that an earlier run left behind; returns true if it is removed.
///
/// Only the holder of the database's lock may call this: no other run has temporary copies then. A comparison or a first copy
/// may create a file without that lock; it locks the file itself, and a locked file stays. After the loss of the lease, the
/// temporary copies are those of another workstation, and stay.
pub fn remove_leftover(folder: &Folder, name: &OsStr) -> bool {
    let is_removable = match folder.stat(name).map(|stat| stat.kind) {
        Ok(EntryKind::Link) => true,
        Ok(EntryKind::File) => !is_locked(folder, name),
        _ => false,
    };
    is_removable && folder.permit().is_ok() && folder.remove_temporary(name).is_ok()
}

/// True if another open file holds the lock of this file. A file that cannot be opened or locked is not in use by this
/// program.
fn is_locked(folder: &Folder, name: &OsStr) -> bool {
    let opened = folder.open_file(name);
    opened.is_ok_and(|(file, _)| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::folders;
    use super::*;
    use crate::base::fixture::CountedLease;

    #[test]
    fn only_files_and_links_are_leftovers() {
        let (_temporary, folder, _) = folders();
        let [file, link, inner] = ["a", "b", "c"].map(OsStr::new);
        drop(folder.create_file(file).unwrap());
        folder.create_symlink(link, inner).unwrap();
        let permit = folder.permit().unwrap();
        folder.create_folder(inner, 0o755, &permit).unwrap();
        assert!(remove_leftover(&folder, file) && remove_leftover(&folder, link));
        assert!(!remove_leftover(&folder, inner) && !remove_leftover(&folder, file));
        assert_eq!(folder.entry_names().unwrap(), [inner]);
    }

    #[test]
    fn lost_lease_removes_no_leftover() {
        let (_temporary, folder, _) = folders();
        let name = OsStr::new(".auto-backup-a-1.part");
        drop(folder.create_file(name).unwrap());
        let lease = Arc::new(CountedLease::lost_after(0));
        folder.write_guard().hold(lease);
        assert!(!remove_leftover(&folder, name));
        assert!(folder.stat(name).is_ok());
    }

    #[test]
    fn locked_leftover_stays() {
        let (_temporary, folder, _) = folders();
        let name = OsStr::new(".auto-backup-same-1.part");
        let file = folder.create_file(name).unwrap();
        file.try_lock().unwrap();
        assert!(!remove_leftover(&folder, name));
        assert!(folder.stat(name).is_ok());
        drop(file);
        assert!(remove_leftover(&folder, name));
        assert!(folder.stat(name).is_err());
    }
}
