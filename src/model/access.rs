//! The means by which a session reaches its databases.

use std::num::{NonZero, NonZeroUsize};
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::os::disk::Disk;

/// Settings that every request carries with its databases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Number of threads on each disk; `None` lets the kind of disk decide.
    pub jobs: Option<NonZeroUsize>,
    /// The rclone program; `None` for the first one on PATH.
    pub rclone: Option<PathBuf>,
    /// Warning about the version of that program, once a request has found it.
    pub rclone_warning: OnceLock<String>,
}

impl Access {
    pub fn new(jobs: Option<NonZeroUsize>, rclone: Option<PathBuf>) -> Self {
        Self {
            jobs,
            rclone,
            rclone_warning: OnceLock::new(),
        }
    }

    /// Returns the number of threads for a walk of this disk.
    pub fn walk_threads(&self, disk: &Disk) -> usize {
        self.jobs.map_or_else(|| disk.walk_threads(), NonZero::get)
    }

    /// Returns the number of threads for copies between these disks.
    pub fn copy_threads(&self, [a, b]: [&Disk; 2]) -> usize {
        self.jobs.map_or_else(|| a.copy_threads(b), NonZero::get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::folder::Folder;

    #[test]
    fn jobs_replace_the_choice_by_disk() {
        let temporary = tempfile::tempdir().unwrap();
        let disk = Disk::of(&Folder::open(temporary.path()).unwrap());
        let access = Access::new(NonZeroUsize::new(37), None);
        assert_eq!(access.walk_threads(&disk), 37);
        assert_eq!(access.copy_threads([&disk, &disk]), 37);
        assert_eq!(Access::default().walk_threads(&disk), disk.walk_threads());
    }
}
