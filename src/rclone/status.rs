//! Exit statuses of rclone and the ways in which its process ends.

use crate::base::error::{EXIT_DIRECTORY_NOT_FOUND, EXIT_FILE_NOT_FOUND};

/// An exit status (rclone's documentation, "Exit code").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RcloneStatus {
    Success,
    /// 1 and statuses without a meaning of their own: something failed, but rclone reached its end.
    Failure(i32),
    /// 2: wrong usage, or a panic of the program.
    Crash,
    DirectoryNotFound,
    FileNotFound,
    /// The time of `--max-duration` was over.
    DurationExceeded,
}

impl RcloneStatus {
    const CRASH: i32 = 2;
    const DURATION_EXCEEDED: i32 = 10;

    pub(super) const fn from_code(code: i32) -> Self {
        match code {
            0 => Self::Success,
            Self::CRASH => Self::Crash,
            EXIT_DIRECTORY_NOT_FOUND => Self::DirectoryNotFound,
            EXIT_FILE_NOT_FOUND => Self::FileNotFound,
            Self::DURATION_EXCEEDED => Self::DurationExceeded,
            other => Self::Failure(other),
        }
    }

    pub(super) const fn code(self) -> i32 {
        match self {
            Self::Success => 0,
            Self::Crash => Self::CRASH,
            Self::DirectoryNotFound => EXIT_DIRECTORY_NOT_FOUND,
            Self::FileNotFound => EXIT_FILE_NOT_FOUND,
            Self::DurationExceeded => Self::DURATION_EXCEEDED,
            Self::Failure(other) => other,
        }
    }
}

/// The end of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProcessEnd {
    Exited(RcloneStatus),
    /// A signal that we did not send ended it.
    Killed,
    /// It wrote nothing for longer than allowed.
    IdleTimeout,
    Timeout,
    /// It wrote more than any answer has.
    OutputLimit,
    /// The function that reads its lines ended it.
    Stopped,
}

impl ProcessEnd {
    pub(super) fn is_success(self) -> bool {
        self == Self::Exited(RcloneStatus::Success)
    }

    /// True if rclone reached its end, whether or not single files failed.
    pub(super) fn exited_normally(self) -> bool {
        matches!(self, Self::Exited(status) if status != RcloneStatus::Crash)
    }

    /// The reason why there is no answer; `None` after success.
    pub(super) fn failure(self) -> Option<String> {
        Some(match self {
            Self::Exited(RcloneStatus::Success) => return None,
            Self::Exited(status) => format!("rclone ended with exit status {}", status.code()),
            Self::Killed => "rclone was killed".to_owned(),
            Self::IdleTimeout | Self::Timeout => "rclone did not answer in time".to_owned(),
            Self::OutputLimit => "rclone's answer is far too long".to_owned(),
            Self::Stopped => "rclone was stopped".to_owned(),
        })
    }
}
