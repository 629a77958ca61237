//! Which files are left alone: our own, what desktops drop everywhere, and what `exclude` adds.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::error::{Error, Result};

/// The folder at a root that holds the identity file and old versions.
pub const OWN_FOLDER: &str = ".auto-backup";

/// How the names of our temporary files begin and end.
pub const TEMPORARY: (&str, &str) = (".auto-backup-", ".part");

/// Names that desktops drop into every folder.
const DESKTOP: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];

/// Decides which entries are left alone.
#[derive(Clone, Debug)]
pub struct Exclusions {
    patterns: Gitignore,
}

impl Exclusions {
    /// The default ones and these patterns, in gitignore syntax, relative to a project's folder.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a pattern that is not one.
    pub fn new(patterns: &[String]) -> Result<Self> {
        let malformed = |word: &str| Error::Malformed {
            noun: "pattern",
            word: word.into(),
            why: "it is not in gitignore syntax, like `*.tmp` or `cache/`",
        };
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            builder
                .add_line(None, pattern)
                .map_err(|_| malformed(pattern))?;
        }
        let patterns = builder
            .build()
            .map_err(|_| malformed(&patterns.join(" ")))?;
        Ok(Self { patterns })
    }

    /// Whether an entry is left alone; `path` is that of the folder it is in, relative to the project's folder.
    #[must_use]
    pub fn excludes(&self, path: &Path, name: &OsStr, is_folder: bool) -> bool {
        is_always_excluded(name)
            || (!self.patterns.is_empty()
                && self
                    .patterns
                    .matched(path.join(name), is_folder)
                    .is_ignore())
    }
}

/// Whether an entry of this name is left alone whatever the patterns.
fn is_always_excluded(name: &OsStr) -> bool {
    is_own(name) || DESKTOP.iter().any(|known| name == *known)
}

/// Folders that file systems, desktops and NAS systems keep beside the clients' folders.
const HOUSEKEEPING: [&str; 8] = [
    "lost+found",
    "@eaDir",
    "#recycle",
    "$RECYCLE.BIN",
    "System Volume Information",
    ".Trashes",
    ".Spotlight-V100",
    ".fseventsd",
];

/// Whether a folder of this name, where clients and projects are, is nobody's work.
#[must_use]
pub fn is_housekeeping(name: &OsStr) -> bool {
    is_always_excluded(name)
        || HOUSEKEEPING.iter().any(|known| name == *known)
        || name.as_bytes().starts_with(b".Trash-")
}

/// Whether a name is one of ours.
#[must_use]
pub fn is_own(name: &OsStr) -> bool {
    name == OWN_FOLDER || is_temporary(name)
}

/// Whether a name is that of a temporary file of ours.
#[must_use]
pub fn is_temporary(name: &OsStr) -> bool {
    let (start, end) = TEMPORARY;
    name.as_bytes().starts_with(start.as_bytes()) && name.as_bytes().ends_with(end.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_patterns_are_left_alone() {
        let exclusions = Exclusions::new(&["*.tmp".to_owned(), "cache/".to_owned()]).unwrap();
        let excludes = |path: &str, is_folder| {
            let path = Path::new(path);
            let folder = path.parent().unwrap();
            exclusions.excludes(folder, path.file_name().unwrap(), is_folder)
        };
        for path in [
            ".auto-backup",
            "a/.auto-backup-1.part",
            "x/.DS_Store",
            "Thumbs.db",
            "a/b.tmp",
        ] {
            assert!(excludes(path, false), "{path}");
        }
        assert!(excludes("a/cache", true));
        for path in ["a.mov", "cache", ".hidden", "Auto-backup"] {
            assert!(!excludes(path, false), "{path}");
        }
    }

    #[test]
    fn a_broken_pattern_is_refused() {
        assert!(matches!(
            Exclusions::new(&["[z-a]".to_owned()]),
            Err(Error::Malformed { .. })
        ));
    }
}
