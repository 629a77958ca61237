//! The means by which a session reaches its databases.

use std::num::{NonZero, NonZeroUsize};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use crate::base::lease::Leases;
use crate::os::disk::{Disk, WalkPace};
use crate::os::io_priority;

/// Settings that every request carries with its databases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Number of threads on each disk; `None` lets the kind of disk decide.
    pub jobs: Option<NonZeroUsize>,
    /// Walks leave the disk to other programs as soon as these use it.
    pub polite: bool,
    /// The rclone program; `None` for the first one on PATH.
    pub rclone: Option<PathBuf>,
    /// Warning about the version of that program, once a request has found it.
    pub rclone_warning: OnceLock<String>,
    /// Warning that polite walks keep the normal priority for the disk, once one has tried to lower it.
    pub priority_warning: Arc<OnceLock<Option<&'static str>>>,
    /// The source of the leases that runs hold while they write.
    pub leases: Leases,
}

/// The warning if a thread cannot lower its priority for the disk.
const PRIORITY_WARNING: &str = if cfg!(target_os = "linux") {
    "the program `ionice` is missing or refuses; polite scans keep the normal priority for the disk, and only pause while \
     other programs use it"
} else {
    "this system does not report how much other programs use a disk; polite scans pause for three quarters of the time"
};

impl Access {
    pub fn new(jobs: Option<NonZeroUsize>, rclone: Option<PathBuf>) -> Self {
        Self {
            jobs,
            polite: false,
            rclone,
            rclone_warning: OnceLock::new(),
            priority_warning: Arc::default(),
            leases: Leases::default(),
        }
    }

    /// Returns the same access with polite walks, or without them.
    #[must_use]
    pub fn with_polite(&self, polite: bool) -> Self {
        Self {
            polite,
            ..self.clone()
        }
    }

    /// Returns the pace of a walk of this disk.
    pub fn walk_pace(&self, disk: &Disk) -> WalkPace {
        if self.polite {
            self.priority_warning
                .get_or_init(|| (!io_priority::can_set_idle()).then_some(PRIORITY_WARNING));
            return disk.polite_walk_pace();
        }
        self.jobs
            .map_or_else(|| disk.walk_pace(), |jobs| disk.fixed_walk_pace(jobs.get()))
    }

    /// Returns the number of threads that read files of this disk.
    pub fn read_threads(&self, disk: &Disk) -> usize {
        self.jobs.map_or_else(|| disk.read_threads(), NonZero::get)
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
    fn polite_walk_has_one_thread() {
        let temporary = tempfile::tempdir().unwrap();
        let disk = Disk::of(&Folder::open(temporary.path()).unwrap());
        let access = Access::new(NonZeroUsize::new(37), None).with_polite(true);
        let pace = access.walk_pace(&disk);
        assert_eq!((pace.first, pace.most), (1, 1));
        assert!(pace.polite.is_some());
        assert!(access.priority_warning.get().is_some());
        // Reading files is not polite by this setting.
        assert_eq!(access.read_threads(&disk), 37);
    }

    #[test]
    fn jobs_replace_the_choice_by_disk() {
        let temporary = tempfile::tempdir().unwrap();
        let disk = Disk::of(&Folder::open(temporary.path()).unwrap());
        let access = Access::new(NonZeroUsize::new(37), None);
        assert_eq!(access.read_threads(&disk), 37);
        assert_eq!(access.copy_threads([&disk, &disk]), 37);
        assert_eq!(access.walk_pace(&disk), disk.fixed_walk_pace(37));
        let default = Access::default();
        assert_eq!(default.read_threads(&disk), disk.read_threads());
        assert_eq!(default.walk_pace(&disk), disk.walk_pace());
    }
}
