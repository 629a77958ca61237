//! A file system that lies: in memory, mounted by FUSE, with answers that can be bent one by one.
//!
//! [`LyingMount::new`] mounts one on a folder of a studio and unmounts it when it is dropped, also while a test panics.
//! [`Lies`] says what it lies about; the default is honest. Each test mounts its own. [`LyingMount::lie`] changes the lies
//! of one that is mounted, [`LyingMount::contents`] is what it holds in truth, and [`LyingMount::calls`] counts what was
//! asked for. The kernel remembers nothing between two looks: `stat` and `open` always ask.
//!
//! Two calls never reach a FUSE file system: `syncfs` succeeds and does nothing, and `flock` is the kernel's own.
//!
//! | file | purpose |
//! |---|---|
//! | `lies` | the lies |
//! | `node`, `tree` | files and folders in memory |
//! | `state`, `extras` | operations on them, with the lies |
//! | `answers`, `replies` | the kernel's requests |
//! | `seen` | tests: every lie is seen through system calls |
//! | `laws` | tests: the laws of copies and syncs under random lies |

mod fault;
mod filesystem;
mod invariant;
mod node;
mod optional_call;
mod reply;
mod self_test;
mod state;
mod tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fuser::{BackgroundSession, Config, MountOption, SessionACL};

use crate::studio::{Studio, report_skip};
pub(crate) use fault::{
    BlockFault, FAT_YEARS, Faults, FuseOperation, InjectedFailure, InodeFault, NameFault,
    RenameFlagFault, ReportedSpace, TimeFaults, UNIX_32_BIT,
};
use filesystem::FaultyFs;
use state::FaultyState;

/// A lying file system that is mounted, and no longer when this is dropped.
#[derive(Debug)]
pub(crate) struct FaultyMount {
    path: PathBuf,
    state: Arc<Mutex<FaultyState>>,
    session: Option<BackgroundSession>,
}

impl FaultyMount {
    /// Mounts an empty one on a folder; says so and gives `None` where FUSE is not allowed.
    pub(crate) fn new(studio: &Studio, path: impl AsRef<Path>, lies: Faults) -> Option<Self> {
        let state = Arc::new(Mutex::new(FaultyState::new(lies)));
        Self::with(state, studio.folder(&path).path(&path))
    }

    /// Mounts the same file system on another folder too.
    pub(crate) fn mount_also_at(&self, studio: &Studio, path: impl AsRef<Path>) -> Option<Self> {
        Self::with(Arc::clone(&self.state), studio.folder(&path).path(&path))
    }

    /// Mounts it anew with what it holds, so that nothing of it is in the kernel's memory.
    pub(crate) fn remount(self) -> Self {
        let (path, state) = (self.path.clone(), Arc::clone(&self.state));
        drop(self);
        Self::with(state, path).unwrap()
    }

    fn with(state: Arc<Mutex<FaultyState>>, path: PathBuf) -> Option<Self> {
        let mut config = Config::default();
        config.mount_options = vec![
            MountOption::FSName("lying".to_owned()),
            MountOption::DefaultPermissions,
        ];
        if rustix::process::geteuid().is_root() {
            config.acl = SessionACL::All;
        }
        let session = match fuser::spawn_mount(FaultyFs(Arc::clone(&state)), &path, &config) {
            Ok(session) => Some(session),
            Err(error) => {
                report_skip(&format!("FUSE cannot be mounted here: {error}"));
                return None;
            }
        };
        Some(Self {
            path,
            state,
            session,
        })
    }

    /// Tells other lies from now on, and counts calls from the beginning.
    pub(crate) fn set_faults(&self, lies: Faults) {
        let mut state = self.state();
        state.lies = lies;
        state.calls.clear();
        state.rivals = 0;
    }

    /// Every file and link that it holds in truth, with its content or target, by its path.
    pub(crate) fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.state().tree.contents()
    }

    /// Number of calls of an operation since the lies were told.
    pub(crate) fn calls(&self, operation: FuseOperation) -> u64 {
        self.state().calls.get(&operation).copied().unwrap_or(0)
    }

    /// Number of files that another machine wrote since the lies were told.
    pub(crate) fn foreign_writes(&self) -> usize {
        self.state().rivals
    }

    fn state(&self) -> MutexGuard<'_, FaultyState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FaultyMount {
    fn drop(&mut self) {
        // Lazily, so that a program that still has a file open does not keep it mounted.
        let mut umount = Command::new("umount");
        umount.arg("-l").arg(&self.path).stderr(Stdio::null());
        let _ended = umount.status();
        drop(self.session.take());
    }
}
