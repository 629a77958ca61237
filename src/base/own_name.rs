//! Names of the program's own entries in a database: its folder, its temporary files, and the folders of histories.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use super::name::Name;

/// Folder at a database's root: identity file, lock, and kept versions.
pub const OWN_FOLDER: &str = ".auto-backup";

const BEFORE: &str = ".auto-backup-";
const AFTER: &str = ".part";

/// Folder of an ASC MHL history, beside the files that it records.
pub const HISTORY_FOLDER: &str = "ascmhl";

/// True for the path of the folder of a history. Each storage has a history of its own, so that its files are compared with
/// none elsewhere.
pub fn is_history_folder(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == HISTORY_FOLDER)
}

/// Returns the name of a temporary file: `.auto-backup-STEM.part`. The stem may be any bytes that a name may have.
pub fn temporary(stem: impl AsRef<[u8]>) -> OsString {
    OsString::from_vec([BEFORE.as_bytes(), stem.as_ref(), AFTER.as_bytes()].concat())
}

/// Returns the interim name of an entry that is renamed between two names that differ in case. It is not the name of a
/// temporary file, which a later run would remove.
pub fn interim(name: &OsStr) -> OsString {
    let mut interim = name.to_owned();
    interim.push(".auto-backup-renamed");
    interim
}

/// Returns the notice about an entry that keeps its interim name because the rename could be neither completed nor undone.
pub fn interim_notice(path: &Path, reason: &str) -> String {
    let path = Name::from(path);
    format!(
        "a rename could not be completed: {reason}; the entry is now `{path}`; rename it by hand"
    )
}

/// True for the name of a temporary file of this program.
pub fn is_temporary(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(BEFORE.as_bytes()) && name.ends_with(AFTER.as_bytes())
}

/// True for the names of this program's folder and temporary files.
pub fn is_own(name: &OsStr) -> bool {
    name == OWN_FOLDER || is_temporary(name)
}
