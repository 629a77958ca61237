//! Addresses of databases behind rclone, `REMOTE:path`: distinguished from folders, joined with paths, compared.
//!
//! The root of a local database is absolute, so a relative root is an address.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::escape;
use crate::base::noun::Noun;

/// True if a root is the address of a remote.
pub fn is_remote(root: &Path) -> bool {
    root.is_relative() && !root.as_os_str().is_empty()
}

/// Returns the address that a typed root means, without slashes at its end; `None` if it means a folder. An existing folder
/// of exactly this name below `base` always wins.
///
/// # Errors
/// [`Error::InvalidWord`] for an address that leaves its remote's folder or that rclone cannot accept.
pub fn parse(typed: &OsStr, base: &Path) -> Result<Option<PathBuf>> {
    let Some((remote, path)) = split(typed.as_bytes()) else {
        return Ok(None);
    };
    if base.join(typed).exists() {
        return Ok(None);
    }
    let malformed = |why| {
        Err(Error::InvalidWord {
            noun: Noun::RemoteRoot,
            word: typed.into(),
            why,
        })
    };
    let Some(text) = typed.to_str() else {
        return malformed("the address of a remote must be UTF-8");
    };
    if text.chars().any(escape::is_unsafe) {
        return malformed("it contains a control character");
    }
    if path.split(|byte| *byte == b'/').any(|part| part == b"..") {
        return malformed("`..` would leave the remote's folder");
    }
    let parts = path.split(|byte| *byte == b'/');
    let parts: Vec<_> = parts.filter(|part| !matches!(*part, b"" | b".")).collect();
    let root: &[u8] = if path.starts_with(b"/") { b"/" } else { b"" };
    let path = parts.join(&b'/');
    Ok(Some(
        OsString::from_vec([remote, root, &path].concat()).into(),
    ))
}

/// Splits an address into the remote's name with its colon and the path; `None` if it is no address.
///
/// A name may contain options, as in `sftp,host=nas:path`, and a colon in quotes.
fn split(address: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut quote = None;
    let start = usize::from(address.first() == Some(&b':'));
    for (place, byte) in address.iter().enumerate().skip(start) {
        match (quote, byte) {
            (None, b':') => {
                let name = &address[start..place];
                // `C:\work` is a drive.
                let is_name = name.len() > 1 && is_remote_name(name);
                return is_name.then(|| address.split_at(place + 1));
            }
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'/') => return None,
            (Some(open), byte) if open == *byte => quote = None,
            _ => {}
        }
    }
    None
}

/// True if rclone accepts this as the name of a remote, with or without options.
fn is_remote_name(name: &[u8]) -> bool {
    let name = name.split(|byte| *byte == b',').next().unwrap_or_default();
    let inside =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.+@ ".contains(byte) || *byte >= 0x80;
    let starts_well = name.first().is_some_and(|first| !b"-~. ".contains(first));
    starts_well && name.iter().all(inside)
}

/// The path of an entry below a root, which is a folder or an address.
pub fn join(root: &Path, below: &Path) -> PathBuf {
    if !is_remote(root) {
        return root.join(below);
    }
    let (root, below) = (root.as_os_str().as_bytes(), below.as_os_str().as_bytes());
    let bare = below.is_empty() || root.ends_with(b":") || root.ends_with(b"/");
    let slash: &[u8] = if bare { b"" } else { b"/" };
    OsString::from_vec([root, slash, below].concat()).into()
}

/// The path below a root of an entry with this full path, as [`join`] makes it; `None` for an entry elsewhere.
pub fn strip(root: &Path, path: &Path) -> Option<PathBuf> {
    if !is_remote(root) {
        return path.strip_prefix(root).ok().map(Path::to_owned);
    }
    let (root, path) = (root.as_os_str().as_bytes(), path.as_os_str().as_bytes());
    let below = path.strip_prefix(root)?;
    if below.is_empty() || root.ends_with(b":") || root.ends_with(b"/") {
        return Some(OsStr::from_bytes(below).into());
    }
    let below = below.strip_prefix(b"/")?;
    Some(OsStr::from_bytes(below).into())
}

/// The topmost folder of an address, and the path below it; `None` for a folder.
pub fn split_top(root: &Path) -> Option<(PathBuf, PathBuf)> {
    if !is_remote(root) {
        return None;
    }
    let (remote, path) = split(root.as_os_str().as_bytes())?;
    let slash: &[u8] = if path.starts_with(b"/") { b"/" } else { b"" };
    let top = OsString::from_vec([remote, slash].concat());
    let path = Path::new(OsStr::from_bytes(&path[slash.len()..]));
    Some((top.into(), path.to_owned()))
}

/// The relation of two addresses that hold the same files, in the words of [`super::place::overlap`].
pub fn overlap(root: &Path, other: &Path) -> Option<&'static str> {
    let (remote, path) = split(root.as_os_str().as_bytes())?;
    let (other_remote, other_path) = split(other.as_os_str().as_bytes())?;
    if remote != other_remote {
        return None;
    }
    let [path, other] = [path, other_path].map(|path| Path::new(OsStr::from_bytes(path)));
    if path.has_root() != other.has_root() && !path.as_os_str().is_empty() {
        return None;
    }
    if path == other {
        Some("is already")
    } else if path.starts_with(other) {
        Some("lies inside")
    } else if other.starts_with(path) {
        Some("contains")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(word: &str) -> Option<PathBuf> {
        parse(OsStr::new(word), Path::new("/no/such/folder")).unwrap()
    }

    #[test]
    fn topmost_remote_folder_is_split_off() {
        for (root, parts) in [
            ("nas:/srv/studio", Some(("nas:/", "srv/studio"))),
            ("s3:bucket/studio", Some(("s3:", "bucket/studio"))),
            ("nas:", Some(("nas:", ""))),
            ("/srv/studio", None),
        ] {
            let parts = parts.map(|(top, path)| (top.into(), path.into()));
            assert_eq!(split_top(Path::new(root)), parts, "{root}");
        }
    }

    #[test]
    fn joined_paths_are_stripped_again() {
        for root in ["/srv/studio", "nas:", "nas:/", "s3:bucket/studio"] {
            let root = Path::new(root);
            for below in ["", "footage/acme/spot/a b"] {
                let below = Path::new(below);
                let stripped = strip(root, &join(root, below));
                assert_eq!(stripped.as_deref(), Some(below), "{root:?}");
            }
            assert_eq!(strip(root, Path::new("/elsewhere/a")), None);
        }
        let sibling = Path::new("s3:bucket/studio2/a");
        assert_eq!(strip(Path::new("s3:bucket/studio"), sibling), None);
    }

    #[test]
    fn addresses_differ_from_folders() {
        for (word, root) in [
            ("s3:bucket/studio", "s3:bucket/studio"),
            ("s3:bucket//studio/./", "s3:bucket/studio"),
            ("s3:", "s3:"),
            ("nas:/volume1/studio/", "nas:/volume1/studio"),
            ("nas:/", "nas:/"),
            (":local:/tmp/x", ":local:/tmp/x"),
            ("sftp,host=\"::1\":studio", "sftp,host=\"::1\":studio"),
            ("my drive:a b", "my drive:a b"),
        ] {
            assert_eq!(address(word), Some(root.into()), "{word}");
            assert!(is_remote(Path::new(root)));
        }
        for word in [
            "/mnt/a:b",
            "./a:b",
            "~/a:b",
            "C:\\studio",
            "c:/studio",
            "a/b:c",
            "studio",
            "",
            ":",
            "-x:y",
            "../a:b",
        ] {
            assert_eq!(address(word), None, "{word}");
        }
    }

    #[test]
    fn existing_folder_wins() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("we:ird")).unwrap();
        assert_eq!(parse(OsStr::new("we:ird"), folder.path()).unwrap(), None);
    }

    #[test]
    fn address_stays_below_its_root() {
        for word in ["s3:a/../b", "s3:..", "s3:a\nb"] {
            let refused = parse(OsStr::new(word), Path::new("/no/such/folder"));
            assert!(
                matches!(refused, Err(Error::InvalidWord { .. })),
                "{word:?}"
            );
        }
    }

    #[test]
    fn joined_paths_keep_form_of_root() {
        for (root, below, whole) in [
            ("s3:", "footage/a", "s3:footage/a"),
            ("s3:bucket", "footage/a", "s3:bucket/footage/a"),
            ("nas:/", "footage", "nas:/footage"),
            ("s3:bucket", "", "s3:bucket"),
            ("/mnt/nas", "footage", "/mnt/nas/footage"),
        ] {
            assert_eq!(join(Path::new(root), Path::new(below)), Path::new(whole));
        }
    }

    #[test]
    fn overlapping_addresses_are_detected() {
        for (root, other, relation) in [
            ("s3:a", "s3:a", Some("is already")),
            ("s3:a/b", "s3:a", Some("lies inside")),
            ("s3:", "s3:a", Some("contains")),
            ("s3:a", "s3:ab", None),
            ("s3:a", "b2:a", None),
            ("/s3", "s3:a", None),
        ] {
            assert_eq!(
                overlap(Path::new(root), Path::new(other)),
                relation,
                "{root} {other}"
            );
        }
    }
}
