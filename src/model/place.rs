//! Rules for the names of databases and categories, and for roots.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::address;
use super::path;
use crate::base::error::{Error, Result};
use crate::base::escape;
use crate::base::noun::Noun;
use crate::os::timeout::{call_with_timeout, receive_within};

/// Fails for a name that the command language reserves: names appear in comma-separated lists and next to `all` and
/// options.
pub fn check_name(noun: Noun, name: &str) -> Result<()> {
    let why = match name {
        "" => "it is empty",
        "all" => "`all` selects every one",
        _ if name.contains([',', '/']) => "it contains `,` or `/`",
        _ if name.starts_with('-') => "it begins with `-`, like an option",
        _ if name.chars().any(escape::is_unsafe) => "it contains a control character",
        _ => return Ok(()),
    };
    Err(Error::InvalidWord {
        noun,
        word: name.into(),
        why,
    })
}

/// Returns the root that a typed word means: an address, or a folder relative to `base`.
///
/// # Errors
/// [`Error::InvalidWord`] for an impossible address; [`Error::NoHome`] for `~` without a home folder.
pub fn parse_root(typed: &OsStr, base: &Path) -> Result<PathBuf> {
    match address::parse(typed, base)? {
        Some(address) => Ok(address),
        None => path::absolute(typed, base),
    }
}

/// Timeout for resolving the links in a root.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Returns a root with links resolved, as far as it exists and its storage answers in time.
pub fn resolve_root(root: &Path) -> PathBuf {
    if address::is_remote(root) {
        return root.to_owned();
    }
    let unresolved = root.to_owned();
    call_with_timeout(RESOLVE_TIMEOUT, move || resolve_links(&unresolved))
        .unwrap_or_else(|| root.to_owned())
}

/// Resolves many roots on one thread before they are needed. One thread for each of a hundred roots would use most of the
/// time in which the prompt must appear.
#[derive(Debug, Default)]
pub struct RootPrefetch {
    /// Roots and resolved roots, in the order of the requests.
    results: Option<Receiver<(PathBuf, PathBuf)>>,
    /// Roots that were not needed yet.
    pending: HashSet<PathBuf>,
}

impl RootPrefetch {
    pub fn start(roots: Vec<PathBuf>) -> Self {
        let (answer, answers) = mpsc::channel();
        let awaited = roots.iter().cloned().collect();
        // Without a thread, each root is resolved when it is needed.
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

    /// Returns a root with links resolved, like [`resolve_root`]. Skips the roots before it.
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
                // The storage of this root hangs. The roots after it are resolved one by one.
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
    // Only rclone could resolve an address.
    if address::is_remote(root) {
        return root.to_owned();
    }
    let real = root
        .ancestors()
        .find_map(|above| Some((above.canonicalize().ok()?, above)));
    // A folder that does not exist yet may still be behind a link.
    match real {
        Some((real, above)) => real.join(root.strip_prefix(above).unwrap_or(Path::new(""))),
        None => root.to_owned(),
    }
}

/// The relation of two roots that hold the same files: `is already`, `lies inside`, `contains`.
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
    fn prefetched_roots_resolve_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("there")).unwrap();
        std::os::unix::fs::symlink("there", root.join("link")).unwrap();
        let roots = ["there", "link", "link/not yet", "other"].map(|name| root.join(name));
        let mut ahead = RootPrefetch::start(roots[..3].to_vec());
        // Skips one result, requests one twice, and requests an unexpected one.
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
    fn overlapping_roots_are_detected() {
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
