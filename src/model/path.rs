//! Where our own files live, and what `~` means in a path.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use crate::base::error::{Error, Result};

/// The folder of our files within each of the user's folders.
const APP_FOLDER: &str = "auto-backup";

/// Where the index is unless `--index` names another file.
///
/// # Errors
/// [`Error::NoHome`] where the user has no home folder.
pub fn index_file() -> Result<PathBuf> {
    let folder = dirs::data_dir().ok_or(Error::NoHome {
        what: "place for the index",
        option: "--index FILE",
    })?;
    Ok(folder.join(APP_FOLDER).join("index.sqlite"))
}

/// The start-up file in the user's configuration folder, if there is such a folder.
pub fn configuration_file() -> Option<PathBuf> {
    Some(dirs::config_dir()?.join(APP_FOLDER).join(".config"))
}

/// Where rclone keeps its configuration unless told otherwise, if there is a place for it.
pub fn rclone_configuration() -> Option<PathBuf> {
    Some(dirs::config_dir()?.join("rclone").join("rclone.conf"))
}

/// Whether this is the folder of all programs' settings.
pub fn is_configuration_folder(path: &Path) -> bool {
    let resolved = |path: &Path| path.canonicalize().ok();
    dirs::config_dir()
        .is_some_and(|folder| resolved(&folder).is_some_and(|own| resolved(path) == Some(own)))
}

/// The folder of the prompt's histories, if there is a place for it.
pub fn state_folder() -> Option<PathBuf> {
    let folder = dirs::state_dir().or_else(dirs::data_local_dir)?;
    Some(folder.join(APP_FOLDER))
}

/// A path as typed: a leading `~` expanded, relative to `base`, without `.` and resolved `..`.
///
/// # Errors
/// [`Error::NoHome`] for `~` without one.
pub fn absolute(typed: &OsStr, base: &Path) -> Result<PathBuf> {
    Ok(normalize_lexically(&base.join(expand_home(typed)?)))
}

/// A path as typed with a leading `~` expanded, and nothing else.
///
/// # Errors
/// As for [`absolute`].
pub fn expand_home(typed: &OsStr) -> Result<PathBuf> {
    expand_home_in(typed, dirs::home_dir())
}

fn expand_home_in(typed: &OsStr, home: Option<PathBuf>) -> Result<PathBuf> {
    let Ok(rest) = Path::new(typed).strip_prefix("~") else {
        return Ok(typed.into());
    };
    let home = home.ok_or(Error::NoHome {
        what: "home folder for `~`",
        option: "the whole path",
    })?;
    Ok(home.join(rest))
}

/// Removes `.`, and `..` with the part before it, without asking the disk.
fn normalize_lexically(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

/// Splits a path into its parent folder and its last name; either may be empty.
pub fn split_path(path: &Path) -> (&Path, &OsStr) {
    (
        path.parent().unwrap_or(Path::new("")),
        path.file_name().unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_leading_tilde_expands() {
        for (typed, path) in [
            ("~", "/home/me"),
            ("~/work", "/home/me/work"),
            ("~other/a", "~other/a"),
            ("$NAS/a", "$NAS/a"),
            ("/a~b/~", "/a~b/~"),
        ] {
            let expanded = expand_home_in(OsStr::new(typed), Some("/home/me".into()));
            assert_eq!(expanded.unwrap(), Path::new(path), "{typed}");
        }
    }

    #[test]
    fn dots_are_resolved_without_the_disk() {
        assert_eq!(
            normalize_lexically(Path::new("/a/./b/../c/")),
            Path::new("/a/c")
        );
        assert_eq!(normalize_lexically(Path::new("/../..")), Path::new("/"));
    }
}
