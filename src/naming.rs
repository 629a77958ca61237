//! What a database or category may be called, and where it may be.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::escape;
use crate::exclusions::OWN_FOLDER;
use crate::os::deadline::within;

/// Refuses a name that the grammar needs: names stand in comma-separated lists, in table headings and next to `all`.
///
/// # Errors
/// [`Error::Malformed`].
pub fn check_name(noun: &'static str, name: &str) -> Result<()> {
    let why = match name {
        "" => "it is empty",
        "all" => "`all` means every one",
        _ if name.contains([',', '/']) => "it contains `,` or `/`",
        _ if name.starts_with('-') => "it begins like an option",
        _ if name.chars().any(escape::is_unsafe) => "it contains a control character",
        _ => return Ok(()),
    };
    Err(Error::Malformed {
        noun,
        word: name.into(),
        why,
    })
}

/// A category's path without `.` and trailing slashes.
///
/// # Errors
/// [`Error::Malformed`] for one that is absolute, leaves the root or is where our own files are.
pub fn category_path(typed: &Path) -> Result<PathBuf> {
    let malformed = |why| Error::Malformed {
        noun: "category path",
        word: typed.into(),
        why,
    };
    let mut path = PathBuf::new();
    for component in typed.components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err(malformed("`..` would leave the database's root")),
            Component::RootDir | Component::Prefix(_) => {
                return Err(malformed(
                    "it must be relative: it is looked for below every root",
                ));
            }
        }
    }
    if typed.as_os_str().is_empty() {
        return Err(malformed("it is empty; the root itself is written `.`"));
    }
    if path.components().any(|part| part.as_os_str() == OWN_FOLDER) {
        return Err(malformed(
            "`.auto-backup` is where auto-backup keeps its own files",
        ));
    }
    Ok(path)
}

/// How long a storage may take to say where its root really is.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a root really is, links resolved, as far as it exists and answers.
#[must_use]
pub fn resolved(root: &Path) -> PathBuf {
    let asked = root.to_owned();
    within(PATIENCE, move || real(&asked)).unwrap_or_else(|| root.to_owned())
}

fn real(root: &Path) -> PathBuf {
    let real = root
        .ancestors()
        .find_map(|above| Some((above.canonicalize().ok()?, above)));
    // What is not there yet may still lie behind a link.
    match real {
        Some((real, above)) => real.join(root.strip_prefix(above).unwrap_or(Path::new(""))),
        None => root.to_owned(),
    }
}

/// How a root relates to another that holds some of the same files: `is already`, `lies inside`, `contains`.
#[must_use]
pub fn overlap(root: &Path, other: &Path) -> Option<&'static str> {
    if root == other {
        Some("is already")
    } else if root.starts_with(other) {
        Some("lies inside")
    } else if other.starts_with(root) {
        Some("contains")
    } else {
        None
    }
}
