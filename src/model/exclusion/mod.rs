//! Exclusions: the program's own files, the files that storages and desktops create for themselves, and the patterns of
//! `exclude`.
//!
//! Rules in gitignore syntax come in; for each name the decision whether it is excluded goes out. An excluded file is neither
//! scanned nor copied, and never counts as deleted.

mod system_name;

use std::ffi::OsStr;
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::base::error::{Error, Result};
use crate::base::noun::Noun;
use crate::base::own_name::{OWN_FOLDER, is_own};

/// The exclusions that users control.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExclusionRules {
    /// Patterns in gitignore syntax, relative to a project's folder.
    pub patterns: Vec<String>,
    /// True if the files that storages and desktops create for themselves are not excluded.
    pub include_housekeeping: bool,
}

/// Decides which entries are excluded.
#[derive(Clone, Debug)]
pub struct Exclusions {
    patterns: Gitignore,
    include_housekeeping: bool,
}

impl Exclusions {
    /// Compiles the rules.
    ///
    /// # Errors
    /// [`Error::InvalidWord`] for a pattern that is not in gitignore syntax.
    pub fn new(rules: &ExclusionRules) -> Result<Self> {
        let patterns = &rules.patterns;
        let malformed = |word: &str| Error::InvalidWord {
            noun: Noun::Pattern,
            word: word.into(),
            why: "it is not in gitignore syntax, like `*.tmp` or `cache/`",
        };
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            if nests_too_deep(pattern) {
                return Err(malformed(pattern));
            }
            builder
                .add_line(None, pattern)
                .map_err(|_| malformed(pattern))?;
        }
        let patterns = builder
            .build()
            .map_err(|_| malformed(&patterns.join(" ")))?;
        Ok(Self {
            patterns,
            include_housekeeping: rules.include_housekeeping,
        })
    }

    /// True if an entry is excluded. `path` is its folder, relative to the project's folder.
    pub fn excludes(&self, path: &Path, name: &OsStr, is_folder: bool) -> bool {
        is_own(name)
            || (!self.include_housekeeping && is_housekeeping_entry(name, is_folder))
            || (!self.patterns.is_empty()
                && self
                    .patterns
                    .matched(path.join(name), is_folder)
                    .is_ignore())
    }

    /// True if a folder is excluded or is below an excluded folder. `path` is relative to the project's folder.
    pub fn excludes_folder(&self, path: &Path) -> bool {
        path.ancestors().any(|path| {
            let (above, name) = (path.parent(), path.file_name());
            above
                .zip(name)
                .is_some_and(|(above, name)| self.excludes(above, name, true))
        })
    }
}

/// True if a pattern nests more than 32 levels of braces: compiling it may overflow the stack.
pub fn nests_too_deep(pattern: &str) -> bool {
    const MAX_DEPTH: usize = 32;
    let mut depth: usize = 0;
    pattern.bytes().any(|byte| {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_DEPTH
    })
}

/// True if storages or desktops create entries of this name for themselves.
fn is_housekeeping_entry(name: &OsStr, is_folder: bool) -> bool {
    if is_folder {
        system_name::is_folder(name)
    } else {
        system_name::is_file(name)
    }
}

/// Returns patterns in the syntax of gitignore for the program's own files, and for those that storages and desktops create for
/// themselves.
pub fn housekeeping_patterns() -> Vec<String> {
    let own = [format!("{OWN_FOLDER}/"), format!("{OWN_FOLDER}-*.part")];
    own.into_iter().chain(system_name::patterns()).collect()
}

/// True if a folder of this name is never a client or project. No setting changes that.
pub fn is_housekeeping_folder(name: &OsStr) -> bool {
    is_own(name) || is_housekeeping_entry(name, true)
}

/// True if systems create files of this name for themselves, and for this program's own files.
pub fn is_housekeeping_file(name: &OsStr) -> bool {
    is_own(name) || is_housekeeping_entry(name, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_patterns_are_excluded() {
        let rules = ExclusionRules {
            patterns: vec!["*.tmp".to_owned(), "cache/".to_owned()],
            include_housekeeping: false,
        };
        let exclusions = Exclusions::new(&rules).unwrap();
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
    fn invalid_pattern_is_refused() {
        let rules = ExclusionRules {
            patterns: vec!["[z-a]".to_owned()],
            ..ExclusionRules::default()
        };
        assert!(matches!(
            Exclusions::new(&rules),
            Err(Error::InvalidWord { .. })
        ));
    }

    #[test]
    fn housekeeping_can_be_included() {
        let excludes = |with_housekeeping| {
            let rules = ExclusionRules {
                patterns: Vec::new(),
                include_housekeeping: with_housekeeping,
            };
            let exclusions = Exclusions::new(&rules).unwrap();
            [("@eaDir", true), ("._a.mov", false), (".auto-backup", true)].map(
                |(name, is_folder)| {
                    exclusions.excludes(Path::new("a"), OsStr::new(name), is_folder)
                },
            )
        };
        assert_eq!(excludes(false), [true, true, true]);
        assert_eq!(excludes(true), [false, false, true]);
    }

    #[test]
    fn deeply_nested_patterns_are_refused() {
        for levels in [33, 20_000] {
            let braces = format!("{}b{}", "{a,".repeat(levels), "}".repeat(levels));
            let rules = ExclusionRules {
                patterns: vec![braces],
                ..ExclusionRules::default()
            };
            assert!(Exclusions::new(&rules).is_err(), "{levels}");
        }
    }
}
