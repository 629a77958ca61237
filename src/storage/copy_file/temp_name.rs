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

/// Makes something under a temporary name that nobody else has.
pub(super) fn create_temporary<T>(
    folder: &Folder,
    make: impl Fn(&OsStr) -> Result<T>,
) -> Result<(OsString, T)> {
    const ATTEMPTS: u32 = 1000;
    for _ in 0..ATTEMPTS {
        let name = temporary_name();
        match make(&name) {
            // A process of the same number left it behind, or one on a host of the same name has it.
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => {}
            created => {
                return created
                    .map(|what| (name, what))
                    .map_err(|error| with_folder_path(error, folder));
            }
        }
    }
    Err(Error::ConcurrentChange {
        path: folder.path().join(temporary_name()),
    })
}

/// A name that no other process on this host has.
pub(super) fn temporary_name() -> OsString {
    temporary_name_with(b"")
}

/// A temporary name with something in it, to see whether a folder takes that.
pub fn temporary_name_with(word: &[u8]) -> OsString {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    static BEGINNING: LazyLock<String> =
        LazyLock::new(|| format!("{}-{}-", host::name(), process::id()));
    let number = NUMBER.fetch_add(1, Ordering::Relaxed).to_string();
    own_name::temporary([BEGINNING.as_bytes(), number.as_bytes(), word].concat())
}

/// Names the folder in which no file can be made, not the temporary file that nobody knows.
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
