//! A file system that lies: in memory, mounted by FUSE, with faults that tests set one by one.
//!
//! [`FaultyMount::new`] mounts one on a folder of a studio and unmounts it when dropped, also while a test panics.
//! [`Faults`] lists its faults; the default has none. [`FaultyMount::set_faults`] changes them,
//! [`FaultyMount::contents`] returns the real content, and [`FaultyMount::calls`] counts requests. The kernel caches
//! nothing: every `stat` and `open` becomes a request.
//!
//! Two calls never reach a FUSE file system: `syncfs` succeeds and does nothing, and the kernel handles `flock` itself.
//!
//! | file | purpose |
//! |---|---|
//! | `fault` | the faults |
//! | `node`, `tree` | files and folders in memory |
//! | `state`, `optional_call` | operations on them, with the faults |
//! | `filesystem`, `reply` | the kernel's requests |
//! | `self_test` | tests: every fault is visible through system calls |
//! | `invariant` | tests: the laws of copies and syncs under random faults |

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

/// A mounted lying file system, unmounted when dropped.
#[derive(Debug)]
pub(crate) struct FaultyMount {
    path: PathBuf,
    state: Arc<Mutex<FaultyState>>,
    session: Option<BackgroundSession>,
}

impl FaultyMount {
    /// Mounts an empty file system on a folder. Reports a skip and returns `None` if FUSE is not permitted.
    pub(crate) fn new(studio: &Studio, path: impl AsRef<Path>, lies: Faults) -> Option<Self> {
        let state = Arc::new(Mutex::new(FaultyState::new(lies)));
        Self::with(state, studio.folder(&path).path(&path))
    }

    /// Mounts the same file system on another folder too.
    pub(crate) fn mount_also_at(&self, studio: &Studio, path: impl AsRef<Path>) -> Option<Self> {
        Self::with(Arc::clone(&self.state), studio.folder(&path).path(&path))
    }

    /// Mounts it anew with its content, so that the kernel has no data of it.
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

    /// Sets other faults and restarts the counts of calls.
    pub(crate) fn set_faults(&self, lies: Faults) {
        let mut state = self.state();
        state.lies = lies;
        state.calls.clear();
        state.rivals = 0;
        state.lookups[1] = state.lookups[0];
    }

    /// Returns the real content: every file and link by its path, with its content or target.
    pub(crate) fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.state().tree.contents()
    }

    /// Returns the number of calls of an operation since the faults were set.
    pub(crate) fn calls(&self, operation: FuseOperation) -> u64 {
        self.state().calls.get(&operation).copied().unwrap_or(0)
    }

    /// Returns the number of files that another machine wrote since the faults were set.
    pub(crate) fn foreign_writes(&self) -> usize {
        self.state().rivals
    }

    /// Returns the greatest number of lookups that waited for their replies at once since the faults were set.
    pub(crate) fn most_lookups_at_once(&self) -> usize {
        self.state().lookups[1]
    }

    fn state(&self) -> MutexGuard<'_, FaultyState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FaultyMount {
    fn drop(&mut self) {
        // A lazy unmount works even if a program still has a file open.
        let mut umount = Command::new("umount");
        umount.arg("-l").arg(&self.path).stderr(Stdio::null());
        let _ended = umount.status();
        drop(self.session.take());
    }
}
