//! Places of the program's own files, and paths as users type them.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use crate::base::error::{Error, Result};

/// The program's folder in each of the user's folders.
const APP_FOLDER: &str = "auto-backup";

/// The index file, unless `--index` names another.
///
/// # Errors
/// [`Error::NoHome`] if the user has no home folder.
pub fn index_file() -> Result<PathBuf> {
    let folder = dirs::data_dir().ok_or(Error::NoHome {
        what: "place for the index",
        option: "--index FILE",
    })?;
    Ok(folder.join(APP_FOLDER).join("index.sqlite"))
}

/// The start-up file in the user's configuration folder.
pub fn configuration_file() -> Option<PathBuf> {
    Some(dirs::config_dir()?.join(APP_FOLDER).join(".config"))
}

/// The default configuration file of rclone.
pub fn rclone_configuration() -> Option<PathBuf> {
    Some(dirs::config_dir()?.join("rclone").join("rclone.conf"))
}

/// True for the folder that holds the configuration of all programs.
pub fn is_configuration_folder(path: &Path) -> bool {
    let resolved = |path: &Path| path.canonicalize().ok();
    dirs::config_dir()
        .is_some_and(|folder| resolved(&folder).is_some_and(|own| resolved(path) == Some(own)))
}

/// The folder for the prompt's histories and the locks of remotes.
pub fn state_folder() -> Option<PathBuf> {
    let folder = dirs::state_dir().or_else(dirs::data_local_dir)?;
    Some(folder.join(APP_FOLDER))
}

/// The absolute path of a typed path: `~` at its start is expanded, `base` is put before a relative one, `.` and `..` are
/// resolved.
///
/// # Errors
/// [`Error::NoHome`] for `~` without a home folder.
pub fn absolute(typed: &OsStr, base: &Path) -> Result<PathBuf> {
    Ok(normalize_lexically(&base.join(expand_home(typed)?)))
}

/// Expands `~` at the start of a typed path.
///
/// # Errors
/// [`Error::NoHome`] for `~` without a home folder.
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

/// Removes `.`, and `..` with the part before it, without a query to the file system.
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
    fn dots_are_resolved_without_disk_access() {
        assert_eq!(
            normalize_lexically(Path::new("/a/./b/../c/")),
            Path::new("/a/c")
        );
        assert_eq!(normalize_lexically(Path::new("/../..")), Path::new("/"));
    }
}
