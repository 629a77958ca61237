//! Exit statuses of rclone and the ways in which its process ends.

/// An exit status (rclone's documentation, "Exit code").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RcloneStatus(pub(super) i32);

impl RcloneStatus {
    pub(super) const SUCCESS: Self = Self(0);
    /// Something failed, but rclone reached its end.
    pub(super) const FAILURE: Self = Self(1);
    /// Wrong usage, or a panic of the program.
    pub(super) const CRASH: Self = Self(2);
    pub(super) const DIRECTORY_NOT_FOUND: Self = Self(3);
    pub(super) const FILE_NOT_FOUND: Self = Self(4);
    /// The time of `--max-duration` was over.
    pub(super) const DURATION_EXCEEDED: Self = Self(10);
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
        self == Self::Exited(RcloneStatus::SUCCESS)
    }

    /// True if rclone reached its end, whether or not single files failed.
    pub(super) fn exited_normally(self) -> bool {
        matches!(self, Self::Exited(status) if status != RcloneStatus::CRASH)
    }

    /// The reason why there is no answer; `None` after success.
    pub(super) fn failure(self) -> Option<String> {
        Some(match self {
            Self::Exited(RcloneStatus::SUCCESS) => return None,
            Self::Exited(status) => format!("rclone ended with exit status {}", status.0),
            Self::Killed => "rclone was killed".to_owned(),
            Self::IdleTimeout | Self::Timeout => "rclone did not answer in time".to_owned(),
            Self::OutputLimit => "rclone's answer is far too long".to_owned(),
            Self::Stopped => "rclone was stopped".to_owned(),
        })
    }
}
