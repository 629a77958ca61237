//! The compared ways to send changes.

use std::ffi::OsString;
use std::fs;

use auto_backup::base::error::IoResultExt as _;
use auto_backup::language::lexer::quote;

use crate::common::outcome::Outcome;
use crate::seed_sync;
use crate::side::Side;
use crate::tree::{CATEGORY, Tree};

/// The measured release build.
const PROGRAM: &str = env!("CARGO_BIN_EXE_auto-backup");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Sync,
    RcloneCopy,
    /// rclone with eight files at a time.
    RcloneCopyEight,
    RcloneSync,
    /// The first program.
    Seed,
}

impl Tool {
    /// Returns the name in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sync => "`sync`",
            Self::RcloneCopy => "`rclone copy`",
            Self::RcloneCopyEight => "`rclone copy --transfers 8`",
            Self::RcloneSync => "`rclone sync`",
            Self::Seed => "a `stat` for each file, a `rclone sync` for each changed one; one run",
        }
    }

    /// Returns the name of its destination.
    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Sync => "ours",
            Self::RcloneCopy => "copied",
            Self::RcloneCopyEight => "copied-by-eight",
            Self::RcloneSync => "synced",
            Self::Seed => "seed",
        }
    }

    /// True if one run takes long enough.
    pub(crate) const fn is_slow(self) -> bool {
        matches!(self, Self::Seed)
    }

    /// Returns the command that sends a tree.
    pub(crate) fn command(self, tree: &Tree, side: &Side<'_>) -> Outcome<Vec<OsString>> {
        let rclone = |words: &[&str]| {
            let words = words.iter().map(OsString::from);
            let places = [tree.category().into(), side.category().into()];
            words.chain(places).collect()
        };
        Ok(match self {
            Self::Sync => ours(tree, side)?,
            Self::RcloneCopy => rclone(&["rclone", "copy"]),
            Self::RcloneCopyEight => rclone(&["rclone", "copy", "--transfers", "8"]),
            Self::RcloneSync => rclone(&["rclone", "sync"]),
            Self::Seed => seed_sync::line(&side.record(), tree, &side.category()),
        })
    }
}

/// Returns auto-backup, which reads the two databases and the category from its start-up file, and syncs from one to
/// the other.
fn ours(tree: &Tree, side: &Side<'_>) -> Outcome<Vec<OsString>> {
    let startup = side.startup();
    let lines = format!(
        "add database WORK {}\nadd database NAS {}\nadd category {CATEGORY} {CATEGORY}\n",
        quote(tree.root.as_os_str()),
        quote(side.root().as_ref()),
    );
    fs::write(&startup, lines).at("write", &startup)?;
    Ok(vec![
        PROGRAM.into(),
        "--quiet".into(),
        "--config".into(),
        startup.into(),
        "--index".into(),
        side.index().into(),
        "-c".into(),
        format!("sync all {CATEGORY} WORK NAS").into(),
    ])
}
