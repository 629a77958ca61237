//! The exit statuses of the process, and which of several wins.

use std::process::{ExitCode, Termination};

/// How a line, a script or the process ended. The worst of several is the last in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitStatus {
    /// 0: everything was done.
    #[default]
    Done,
    /// 3: a run finished, but some items failed, or a check found differences.
    Partial,
    /// 1: a command failed.
    Failed,
    /// 5: another run holds the lock.
    Locked,
    /// 2: wrong usage or syntax.
    Usage,
    /// 130: stopped by Ctrl-C.
    Interrupted,
    /// 143: stopped by SIGTERM or SIGHUP.
    Terminated,
}

impl ExitStatus {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Partial,
        Self::Locked,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The number the process ends with.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partial => 3,
            Self::Locked => 5,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// What it tells whoever started the process.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "all done",
            Self::Failed => "a command failed",
            Self::Usage => "wrong usage or syntax",
            Self::Partial => {
                "some items failed, are in conflict or differ, or a database to be looked at is offline"
            }
            Self::Locked => "another run has locked the database",
            Self::Interrupted => "stopped by Ctrl-C",
            Self::Terminated => "stopped by SIGTERM or SIGHUP",
        }
    }

    /// Whether somebody asked for everything to stop.
    pub const fn is_cancellation(self) -> bool {
        matches!(self, Self::Interrupted | Self::Terminated)
    }

    /// Whether a script stops here. A run that left items behind has done all the rest, so the script goes on.
    pub const fn stops_script(self) -> bool {
        !matches!(self, Self::Done | Self::Partial)
    }
}

impl Termination for ExitStatus {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}
