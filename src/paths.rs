//! Where our own files live, and what `~` and `$VAR` mean in a path.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// The folder of our files within each of the user's folders.
const FOLDER: &str = "auto-backup";

/// Where the index is unless `--index` names another file.
///
/// # Errors
/// [`Error::NoHome`] where the user has no home folder.
pub fn index_file() -> Result<PathBuf> {
    let folder = dirs::data_dir().ok_or(Error::NoHome {
        what: "place for the index",
        option: "--index FILE",
    })?;
    Ok(folder.join(FOLDER).join("index.sqlite"))
}

/// The start-up file in the user's configuration folder, if there is such a folder.
#[must_use]
pub fn configuration_file() -> Option<PathBuf> {
    Some(dirs::config_dir()?.join(FOLDER).join(".config"))
}

/// Whether this is the folder of all programs' settings.
#[must_use]
pub fn is_configuration_folder(path: &Path) -> bool {
    let resolved = |path: &Path| path.canonicalize().ok();
    dirs::config_dir()
        .is_some_and(|folder| resolved(&folder).is_some_and(|own| resolved(path) == Some(own)))
}

/// The prompt's history, if there is a place for it.
#[must_use]
pub fn history_file() -> Option<PathBuf> {
    Some(
        dirs::state_dir()
            .or_else(dirs::data_local_dir)?
            .join(FOLDER)
            .join("history"),
    )
}

/// A path as typed in `add`: `~` and `$VAR` expanded, relative to `base`, without `.` and resolved `..`.
///
/// # Errors
/// [`Error::UnsetVariable`], or [`Error::NoHome`] for `~` without one.
pub fn absolute(typed: &OsStr, base: &Path) -> Result<PathBuf> {
    Ok(lexically_normal(&base.join(expanded(typed)?)))
}

/// A path as typed in `add` with `~` and `$VAR` expanded, and nothing else.
///
/// # Errors
/// As for [`absolute`].
pub fn expanded(typed: &OsStr) -> Result<PathBuf> {
    expand(typed, &|name| std::env::var_os(name), dirs::home_dir())
}

/// Replaces a leading `~` and every `$NAME` and `${NAME}`; `\$` is a dollar sign.
fn expand(
    typed: &OsStr,
    variable: &dyn Fn(&OsStr) -> Option<OsString>,
    home: Option<PathBuf>,
) -> Result<PathBuf> {
    let bytes = typed.as_bytes();
    let mut path = Vec::new();
    let mut rest = bytes;
    if bytes == b"~" || bytes.starts_with(b"~/") {
        let home = home.ok_or(Error::NoHome {
            what: "home folder for `~`",
            option: "the whole path",
        })?;
        path.extend_from_slice(home.as_os_str().as_bytes());
        rest = &bytes[1..];
    }
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'\\' && after.first() == Some(&b'$') {
            path.push(b'$');
            rest = &after[1..];
        } else if let Some((name, after)) = (byte == b'$').then(|| variable_name(after)).flatten() {
            let value = variable(OsStr::from_bytes(name)).filter(|value| !value.is_empty());
            let variable = String::from_utf8_lossy(name).into_owned();
            let value = value.ok_or_else(|| Error::UnsetVariable {
                variable,
                word: typed.into(),
            })?;
            path.extend_from_slice(value.as_bytes());
            rest = after;
        } else {
            path.push(byte);
        }
    }
    Ok(OsString::from_vec(path).into())
}

/// The variable name at the start, and what follows it.
fn variable_name(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if let Some(braced) = text.strip_prefix(b"{") {
        let end = braced.iter().position(|byte| *byte == b'}')?;
        let name = &braced[..end];
        return (!name.is_empty() && name.iter().all(is_part)).then(|| (name, &braced[end + 1..]));
    }
    let end = text
        .iter()
        .position(|byte| !is_part(byte))
        .unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// Removes `.`, and `..` with the part before it, without asking the disk.
fn lexically_normal(path: &Path) -> PathBuf {
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

/// A path as `add` reads it back unchanged: dollar signs and a leading tilde are protected.
#[must_use]
pub fn unexpanded(path: &Path) -> OsString {
    let mut bytes = Vec::new();
    for &byte in path.as_os_str().as_bytes() {
        if byte == b'$' {
            bytes.push(b'\\');
        }
        bytes.push(byte);
    }
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand_here(typed: &str) -> Result<PathBuf> {
        let variable = |name: &OsStr| (name == "NAS").then(|| OsString::from("/mnt/nas"));
        expand(OsStr::new(typed), &variable, Some("/home/me".into()))
    }

    #[test]
    fn tilde_and_variables_expand() {
        for (typed, path) in [
            ("~", "/home/me"),
            ("~/work", "/home/me/work"),
            ("$NAS/a", "/mnt/nas/a"),
            ("${NAS}2", "/mnt/nas2"),
            (r"/a\$NAS", "/a$NAS"),
            ("/price$/x", "/price$/x"),
            ("/a~b/~", "/a~b/~"),
        ] {
            assert_eq!(expand_here(typed).unwrap(), Path::new(path), "{typed}");
        }
        assert!(
            matches!(expand_here("$NOPE/x"), Err(Error::UnsetVariable { variable, .. }) if variable == "NOPE")
        );
    }

    #[test]
    fn what_is_written_is_read_back() {
        let path = Path::new("/a$b/$NAS");
        assert_eq!(
            expand_here(unexpanded(path).to_str().unwrap()).unwrap(),
            path
        );
    }

    #[test]
    fn dots_are_resolved_without_the_disk() {
        assert_eq!(
            lexically_normal(Path::new("/a/./b/../c/")),
            Path::new("/a/c")
        );
        assert_eq!(lexically_normal(Path::new("/../..")), Path::new("/"));
    }
}
