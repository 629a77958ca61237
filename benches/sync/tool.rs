//! The ways to send what changed that are held against each other.

use std::env;
use std::ffi::OsString;

use auto_backup::error::At as _;
use auto_backup::lexer::quote;

use crate::common::outcome::Outcome;
use crate::seed_sync;
use crate::side::Side;
use crate::tree::{CATEGORY, Tree};

/// The release build that is measured.
const PROGRAM: &str = env!("CARGO_BIN_EXE_auto-backup");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Ours.
    Sync,
    RcloneCopy,
    /// With eight files at the same time.
    RcloneCopyEight,
    RcloneSync,
    /// As the first program did it.
    Seed,
}

impl Tool {
    /// As the table calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sync => "`sync`",
            Self::RcloneCopy => "`rclone copy`",
            Self::RcloneCopyEight => "`rclone copy --transfers 8`",
            Self::RcloneSync => "`rclone sync`",
            Self::Seed => "a `stat` for each file, a `rclone sync` for each changed one; one run",
        }
    }

    /// As its destination is called.
    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Sync => "ours",
            Self::RcloneCopy => "copied",
            Self::RcloneCopyEight => "copied-by-eight",
            Self::RcloneSync => "synced",
            Self::Seed => "seed",
        }
    }

    /// Whether it takes so long that once is enough.
    pub(crate) const fn is_slow(self) -> bool {
        matches!(self, Self::Seed)
    }

    /// What it is called with to send a tree.
    pub(crate) fn command(self, tree: &Tree, side: &Side<'_>) -> Outcome<Vec<OsString>> {
        let rclone = |words: &[&str]| {
            let words = words.iter().map(OsString::from);
            let places = [tree.category().into(), side.category().into()];
            words.chain(places).collect()
        };
        Ok(match self {
            Self::Sync => ours(tree, side),
            Self::RcloneCopy => rclone(&["rclone", "copy"]),
            Self::RcloneCopyEight => rclone(&["rclone", "copy", "--transfers", "8"]),
            Self::RcloneSync => rclone(&["rclone", "sync"]),
            Self::Seed => vec![
                env::current_exe().at("find", "this program")?.into(),
                seed_sync::OPTION.into(),
                side.record().into(),
                tree.category().into(),
                side.category().into(),
            ],
        })
    }
}

/// auto-backup with the two databases and the category, and the sync from one to the other, as one process.
fn ours(tree: &Tree, side: &Side<'_>) -> Vec<OsString> {
    let mut line: Vec<OsString> = [PROGRAM, "--quiet", "--no-config", "--index"]
        .map(OsString::from)
        .into();
    line.push(side.index().into());
    for command in [
        format!("add database WORK {}", quote(tree.root.as_os_str())),
        format!("add database NAS {}", quote(side.root().as_ref())),
        format!("add category {CATEGORY} {CATEGORY}"),
        format!("sync all {CATEGORY} WORK NAS"),
    ] {
        line.extend(["-c".into(), command.into()]);
    }
    line
}
