//! The compared ways to copy a folder.

use crate::common::installed::is_installed;

pub(crate) const VERIFIED: Tool = Tool::ours("`copy`", "");
pub(crate) const UNVERIFIED: Tool = Tool::ours("`copy --no-verify`", " --no-verify");
pub(crate) const DRY_RUN: Tool =
    Tool::ours("`copy --no-verify --dry-run`", " --no-verify --dry-run");

pub(crate) const CP: Tool = Tool::peer("`cp -a`", "cp", r#"cp -a "$1/." "$2""#);

/// `cp` without shared blocks: every byte is copied.
pub(crate) const CP_BYTES: Tool = Tool::peer(
    "`cp -a --reflink=never`",
    "cp",
    r#"cp -a --reflink=never "$1/." "$2""#,
);

pub(crate) const RSYNC: Tool = Tool::peer("`rsync -a`", "rsync", r#"rsync -a "$1/" "$2/""#);

/// A copy that rsync checks by reading both sides.
pub(crate) const RSYNC_CHECKED: Tool = Tool::peer(
    "`rsync -a`, then `rsync -ac`",
    "rsync",
    r#"rsync -a "$1/" "$2/" && rsync -ac "$1/" "$2/""#,
);

pub(crate) const XCP: Tool = Tool::peer(
    "`xcp --recursive`",
    "xcp",
    r#"xcp --recursive --no-target-directory --no-progress "$1" "$2""#,
);

/// It creates its destination itself.
pub(crate) const CPZ: Tool = Tool::peer("`cpz`", "cpz", r#"rmdir "$2" && cpz "$1" "$2""#);

/// It creates its destination itself, and keeps times and permissions as we do.
pub(crate) const RCP: Tool = Tool::peer(
    "`rcp --preserve`",
    "rcp",
    r#"rmdir "$2" && rcp --preserve "$1" "$2""#,
);

pub(crate) const RCLONE: Tool = Tool::peer("`rclone copy`", "rclone", r#"rclone copy "$1/" "$2/""#);

/// Our program with some options, or a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tool {
    /// Name in the table.
    pub(crate) name: &'static str,
    pub(crate) how: How,
}

/// Command of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// Our `copy` with these options, each with a space before it.
    Ours(&'static str),
    /// A line for the shell; `$1` is the source folder and `$2` the destination folder.
    Peer {
        program: &'static str,
        script: &'static str,
    },
}

impl Tool {
    const fn ours(name: &'static str, options: &'static str) -> Self {
        let how = How::Ours(options);
        Self { name, how }
    }

    const fn peer(name: &'static str, program: &'static str, script: &'static str) -> Self {
        let how = How::Peer { program, script };
        Self { name, how }
    }

    /// Returns the name in the table if a flush follows.
    pub(crate) fn title(self, is_flushed: bool) -> String {
        let flush = if is_flushed { ", then `sync -f`" } else { "" };
        format!("{}{flush}", self.name)
    }

    pub(crate) const fn is_ours(self) -> bool {
        matches!(self.how, How::Ours(_))
    }

    pub(crate) fn is_there(self) -> bool {
        match self.how {
            How::Ours(_) => true,
            How::Peer { program, .. } => is_installed(program),
        }
    }
}
