//! Names of temporary files.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::process;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::error::{Error, Result};
use crate::base::own_name;
use crate::os::folder::Folder;
use crate::os::host;

/// Creates an entry under a new temporary name with `make`; returns the name and the result.
pub(super) fn create_temporary<T>(
    folder: &Folder,
    make: impl Fn(&OsStr) -> Result<T>,
) -> Result<(OsString, T)> {
    const ATTEMPTS: u32 = 1000;
    for _ in 0..ATTEMPTS {
        let name = temporary_name();
        match make(&name) {
            // Left behind by a process with the same id, or in use on a host with the same name.
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => {}
            created => {
                return created
                    .map(|made| (name, made))
                    .map_err(|error| with_folder_path(error, folder));
            }
        }
    }
    Err(Error::ConcurrentChange {
        path: folder.path().join(temporary_name()),
    })
}

/// Returns a temporary name that no other process on this host uses.
pub(super) fn temporary_name() -> OsString {
    temporary_name_with(b"")
}

/// Returns a temporary name that contains `word`, for testing which names a folder accepts.
pub fn temporary_name_with(word: &[u8]) -> OsString {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    static PREFIX: LazyLock<String> =
        LazyLock::new(|| format!("{}-{}-", host::name(), process::id()));
    let number = NUMBER.fetch_add(1, Ordering::Relaxed).to_string();
    own_name::temporary([PREFIX.as_bytes(), number.as_bytes(), word].concat())
}

/// Replaces the path of the temporary file, which users do not know, by its folder.
fn with_folder_path(error: Error, folder: &Folder) -> Error {
    match error {
        Error::Io { source, .. } => Error::Io {
            action: "create a file in",
            path: folder.path().to_owned(),
            source,
        },
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::path::Path;

    use super::*;
    use crate::base::error::IoResultExt as _;
    use crate::storage::copy_file::tests::folders;

    fn io_error<T>(kind: ErrorKind) -> Result<T> {
        Err(std::io::Error::from(kind)).at("create", "name")
    }

    #[test]
    fn temporary_names_are_own_and_new() {
        let names = [
            temporary_name(),
            temporary_name(),
            temporary_name_with(b"\xff"),
        ];
        assert!(names.iter().all(|name| own_name::is_temporary(name)));
        assert_ne!(names[0], names[1]);
        for users in ["clip.mov", ".auto-backup-notes.txt", "a.part", ".part"] {
            assert!(!own_name::is_temporary(users.as_ref()), "{users}");
        }
    }

    #[test]
    fn taken_name_is_never_used() {
        let (_temporary, folder, _) = folders();
        let attempts = Cell::new(0);
        let (name, ()) = create_temporary(&folder, |name| {
            attempts.set(attempts.get() + 1);
            if attempts.get() < 3 {
                folder.create_file(name).map(drop)?;
            }
            folder.create_file(name).map(drop)
        })
        .unwrap();
        assert_eq!(attempts.get(), 3);
        assert!(folder.stat(&name).is_ok());
        let endless = create_temporary(&folder, |_| io_error::<()>(ErrorKind::AlreadyExists));
        assert!(matches!(endless, Err(Error::ConcurrentChange { .. })));
    }

    #[test]
    fn error_names_the_folder() {
        let (_temporary, folder, _) = folders();
        let failed = create_temporary(&folder, |_| io_error::<()>(ErrorKind::StorageFull));
        let is_at = |at: &Path| at == folder.path();
        assert!(matches!(failed, Err(Error::Io { path, .. }) if is_at(&path)));
    }
}
