//! Exit statuses of the process, and their order of severity.

use std::process::{ExitCode, Termination};

/// Result of a line, a script or the process. The maximum of several statuses is the worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitStatus {
    /// 0: success.
    #[default]
    Done,
    /// 3: the run finished, but some items failed, or a comparison found differences.
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
    /// All statuses, ordered by their numbers.
    pub const ALL: [Self; 7] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Partial,
        Self::Locked,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// Returns the number that the process ends with.
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

    /// Returns the status with this number.
    pub fn from_code(code: i32) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|status| i32::from(status.code()) == code)
    }

    /// Returns the meaning, for the help text.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "all done",
            Self::Failed => "a command failed",
            Self::Usage => "wrong usage or syntax",
            Self::Partial => {
                "some items failed, are in conflict or differ, or a storage to scan is offline"
            }
            Self::Locked => "another run has locked the storage",
            Self::Interrupted => "stopped by Ctrl-C",
            Self::Terminated => "stopped by SIGTERM or SIGHUP",
        }
    }

    /// True for an end by Ctrl-C or a signal.
    pub const fn is_cancellation(self) -> bool {
        matches!(self, Self::Interrupted | Self::Terminated)
    }

    /// True if a script stops here. It continues after [`Self::Partial`]: such a run processed all other items.
    pub const fn stops_script(self) -> bool {
        !matches!(self, Self::Done | Self::Partial)
    }
}

impl Termination for ExitStatus {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}
