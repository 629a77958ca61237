//! What a database or category may be called, and where it may be.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::address;
use super::path;
use crate::base::error::{Error, Result};
use crate::base::escape;
use crate::base::own_name::OWN_FOLDER;
use crate::os::timeout::{call_with_timeout, receive_within};

/// Refuses a name that the grammar needs: names stand in comma-separated lists, in table headings and next to `all`.
///
/// # Errors
/// `Error::MalformedManifest`.
pub fn check_name(noun: &'static str, name: &str) -> Result<()> {
    let why = match name {
        "" => "it is empty",
        "all" => "`all` means every one",
        _ if name.contains([',', '/']) => "it contains `,` or `/`",
        _ if name.starts_with('-') => "it begins like an option",
        _ if name.chars().any(escape::is_unsafe) => "it contains a control character",
        _ => return Ok(()),
    };
    Err(Error::InvalidWord {
        noun,
        word: name.into(),
        why,
    })
}

/// A category's path without `.` and trailing slashes.
///
/// # Errors
/// `Error::MalformedManifest` for one that is absolute, leaves the root or is where our own files are.
pub fn parse_category_path(typed: &Path) -> Result<PathBuf> {
    let malformed = |why| Error::InvalidWord {
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

/// The root that a word means: the address of a remote, or a folder, relative to `base`.
///
/// # Errors
/// `Error::MalformedManifest` for an impossible address, [`Error::NoHome`] for `~` without one.
pub fn parse_root(typed: &OsStr, base: &Path) -> Result<PathBuf> {
    match address::parse(typed, base)? {
        Some(address) => Ok(address),
        None => path::absolute(typed, base),
    }
}

/// How long a storage may take to say where its root really is.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Where a root really is, links resolved, as far as it exists and answers.
pub fn resolve_root(root: &Path) -> PathBuf {
    if address::is_remote(root) {
        return root.to_owned();
    }
    let unresolved = root.to_owned();
    call_with_timeout(RESOLVE_TIMEOUT, move || resolve_links(&unresolved))
        .unwrap_or_else(|| root.to_owned())
}

/// Where many roots really are: that is asked on one thread, before anybody needs to know. A thread for each of a hundred
/// roots would take most of the time in which a prompt has to be there.
#[derive(Debug, Default)]
pub struct RootPrefetch {
    /// Each root with where it really is, in the order in which they are asked for.
    results: Option<Receiver<(PathBuf, PathBuf)>>,
    /// Those that were not needed yet.
    pending: HashSet<PathBuf>,
}

impl RootPrefetch {
    /// Begins to ask.
    pub fn start(roots: Vec<PathBuf>) -> Self {
        let (answer, answers) = mpsc::channel();
        let awaited = roots.iter().cloned().collect();
        // Without a thread each is asked for when it is needed.
        let _begun = thread::Builder::new().spawn(move || {
            for root in roots {
                let real = resolve_links(&root);
                if answer.send((root, real)).is_err() {
                    return;
                }
            }
        });
        Self {
            results: Some(answers),
            pending: awaited,
        }
    }

    /// Where a root really is, as [`resolve_root`] says it; those before it are passed over.
    pub fn resolve(&mut self, root: &Path) -> PathBuf {
        if !self.pending.contains(root) {
            return resolve_root(root);
        }
        while let Some(answers) = &self.results {
            match receive_within(answers, RESOLVE_TIMEOUT) {
                Ok((asked, real)) => {
                    self.pending.remove(&asked);
                    if asked == root {
                        return real;
                    }
                }
                // It hangs at this one; those after it are asked for one by one.
                Err(RecvTimeoutError::Timeout) => {
                    self.results = None;
                    return root.to_owned();
                }
                Err(RecvTimeoutError::Disconnected) => self.results = None,
            }
        }
        resolve_root(root)
    }
}

fn resolve_links(root: &Path) -> PathBuf {
    // Where a remote is only rclone could tell.
    if address::is_remote(root) {
        return root.to_owned();
    }
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
pub fn overlap(root: &Path, other: &Path) -> Option<&'static str> {
    if address::is_remote(root) || address::is_remote(other) {
        return address::overlap(root, other);
    }
    let (mut root, mut other) = (root.components(), other.components());
    loop {
        match (root.next(), other.next()) {
            (None, None) => return Some("is already"),
            (Some(_), None) => return Some("lies inside"),
            (None, Some(_)) => return Some("contains"),
            (Some(part), Some(other)) if part != other => return None,
            (Some(_), Some(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_that_are_asked_for_ahead_are_where_they_are_when_asked_for_alone() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("there")).unwrap();
        std::os::unix::fs::symlink("there", root.join("link")).unwrap();
        let roots = ["there", "link", "link/not yet", "other"].map(|name| root.join(name));
        let mut ahead = RootPrefetch::start(roots[..3].to_vec());
        // One is passed over, one comes twice, and one was never expected.
        for number in [1, 2, 0, 1, 3] {
            let root = &roots[number];
            assert_eq!(
                ahead.resolve(root),
                resolve_root(root),
                "{}",
                root.display()
            );
        }
    }

    #[test]
    fn roots_that_hold_the_same_files_are_told() {
        for (root, other, relation) in [
            ("/a/b", "/a/b/", Some("is already")),
            ("/a/b/c", "/a/b", Some("lies inside")),
            ("/", "/a", Some("contains")),
            ("/a/b", "/a/bc", None),
            ("/a/b", "/c/b", None),
        ] {
            assert_eq!(overlap(Path::new(root), Path::new(other)), relation);
        }
    }
}
