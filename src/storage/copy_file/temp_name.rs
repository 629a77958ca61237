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
