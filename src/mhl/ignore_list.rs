//! Ignore patterns: files that belong to no history.

use std::ffi::OsStr;
use std::path::Path;

use super::history::FOLDER_NAME;
use crate::base::error::Result;
use crate::model::exclusion::{ExclusionRules, Exclusions, housekeeping_patterns};

/// The patterns of one history, ready to match.
#[derive(Clone, Debug)]
pub struct IgnoreList {
    patterns: Vec<String>,
    matcher: Exclusions,
}

impl IgnoreList {
    /// Combines the default patterns with those of a history and with more; each is kept once.
    ///
    /// # Errors
    /// [`crate::base::error::Error::InvalidWord`] for a malformed pattern.
    pub fn new<'p>(more: impl IntoIterator<Item = &'p String>) -> Result<Self> {
        let defaults = [".DS_Store", FOLDER_NAME, "ascmhl/"].map(str::to_owned);
        let mut patterns: Vec<String> = defaults.into_iter().collect();
        let known = housekeeping_patterns();
        for pattern in known.into_iter().chain(more.into_iter().cloned()) {
            if !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
        }
        let matcher = matcher(&patterns)?;
        Ok(Self { patterns, matcher })
    }

    /// The patterns, as a hash list states them.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// True for an entry that is ignored; `folder` is its folder, below that of the history.
    pub fn ignores(&self, folder: &Path, name: &OsStr, is_folder: bool) -> bool {
        self.matcher.excludes(folder, name, is_folder)
    }
}

fn matcher(patterns: &[String]) -> Result<Exclusions> {
    Exclusions::new(&ExclusionRules {
        patterns: patterns.to_vec(),
        include_housekeeping: true,
    })
}

/// True for a pattern that can be used.
pub(super) fn is_valid(pattern: &str) -> bool {
    matcher(&[pattern.to_owned()]).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histories_and_housekeeping_files_are_ignored() {
        let more = ["*.tmp".to_owned(), ".DS_Store".to_owned()];
        let list = IgnoreList::new(&more).unwrap();
        let ignores =
            |name: &str, is_folder| list.ignores(Path::new("a/b"), OsStr::new(name), is_folder);
        for (name, is_folder) in [
            ("ascmhl", true),
            (".auto-backup", true),
            (".auto-backup-1.part", false),
            ("#recycle", true),
            ("@eaDir", true),
            ("$RECYCLE.BIN", true),
            (".DS_Store", false),
            ("._clip.mov", false),
            ("Thumbs.db", false),
            ("thumbs.DB", false),
            ("$Recycle.bin", true),
            ("x.tmp", false),
        ] {
            assert!(ignores(name, is_folder), "{name}");
        }
        for name in ["clip.mov", "#recycle", "recycle", ".hidden"] {
            assert!(!ignores(name, false), "{name}");
        }
        let stores = list.patterns().iter().filter(|known| *known == ".DS_Store");
        assert_eq!(stores.count(), 1);
    }

    #[test]
    fn malformed_patterns_are_refused() {
        assert!(IgnoreList::new(&["[z-a]".to_owned()]).is_err());
        assert!(is_valid("a/**/b") && !is_valid("[z-a]"));
    }
}
