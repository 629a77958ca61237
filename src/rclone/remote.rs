//! One remote: its address, the rclone program and the daemon that serves it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::command::RcloneCommand;
use super::daemon::Daemon;
use super::message;
use super::name;
use super::program::{Program, RcloneVersion, VersionLookup, configuration_fingerprint};
use crate::base::error::{Error, Result};
use crate::base::lease::{WriteGuard, WritePermit};
use crate::model::access::Access;
use crate::model::address;

/// Response time below which a remote counts as near, in milliseconds.
const NEAR_MS: u64 = 250;

/// Greatest number of files for which a near remote is served with as few connections as possible.
const FEW_FILES: usize = 500;

/// A folder on a remote, and the program that reaches it.
#[derive(Debug)]
pub struct Remote {
    root: PathBuf,
    pub(super) program: Program,
    /// Set once [`Self::keep_connected`] ran; `None` if the daemon could not be started.
    daemon: OnceLock<Option<Daemon>>,
    /// Response time of the first request, in milliseconds; 0 before it.
    latency_ms: AtomicU64,
    /// The check before writes.
    guard: WriteGuard,
}

/// Numbers of parallel operations of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Concurrency {
    /// Files transferred at once.
    pub(super) transfers: usize,
    /// Files compared or listed at once.
    pub(super) checkers: usize,
}

impl Remote {
    /// Opens the remote with this address by the program that `access` names. `lookup` may return a stored version of the program, which saves a process.
    ///
    /// # Errors
    /// [`Error::RcloneNotFound`] or [`Error::RcloneTooOld`].
    pub fn open(root: &Path, access: &Access, lookup: &VersionLookup<'_>) -> Result<Self> {
        Ok(Self {
            root: root.to_owned(),
            program: Program::find(access, lookup)?,
            daemon: OnceLock::new(),
            latency_ms: AtomicU64::new(0),
            guard: WriteGuard::default(),
        })
    }

    /// The check before writes to this remote.
    pub const fn write_guard(&self) -> &WriteGuard {
        &self.guard
    }

    /// Returns the permit for one operation.
    ///
    /// # Errors
    /// [`Error::LeaseLost`].
    pub fn permit(&self) -> Result<WritePermit> {
        self.guard.permit()
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The address as text, for requests in JSON. Empty if it is not UTF-8, for which [`Self::daemon`] returns `None`.
    pub(super) fn root_text(&self) -> &str {
        self.root.to_str().unwrap_or_default()
    }

    pub const fn version(&self) -> RcloneVersion {
        self.program.version
    }

    /// Starts the daemon if the program supports it. It ends when this remote is dropped, or with the starting thread.
    pub fn keep_connected(&self) {
        if self.version().supports_unix_socket() {
            // Without a daemon each request starts a process of its own.
            self.daemon
                .get_or_init(|| Daemon::start(&self.program.path).ok());
        }
    }

    /// The daemon, if it was started and accepts requests.
    pub(super) fn daemon(&self) -> Option<&Daemon> {
        // Requests are JSON: an address that is not UTF-8 would be sent as another one.
        self.root.to_str()?;
        self.daemon
            .get()?
            .as_ref()
            .filter(|daemon| daemon.is_ready())
    }

    pub(super) fn command(&self, words: &[&str]) -> RcloneCommand<'_> {
        RcloneCommand::new(&self.program.path, words)
    }

    /// Returns the parallel operations that suit a request for this number of files. On a near remote, opening another
    /// connection takes longer than waiting for an open one.
    pub(super) fn concurrency(&self, files: usize) -> Concurrency {
        let is_near = (1..NEAR_MS).contains(&self.latency_ms.load(Ordering::Relaxed));
        let (transfers, checkers) = match (is_near, files) {
            (true, ..=FEW_FILES) => (2, 1),
            (true, _) => (6, 2),
            (false, _) => (8, 8),
        };
        Concurrency {
            transfers,
            checkers,
        }
    }

    /// Stores the response time of a request that began at `start`.
    pub(super) fn record_latency(&self, start: Instant) {
        let latency_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.latency_ms.store(latency_ms.max(1), Ordering::Relaxed);
    }

    /// Identifies the program's file and version.
    pub fn program_fingerprint(&self) -> String {
        self.program.fingerprint()
    }

    /// Identifies program and configuration: stored answers about this remote are valid while it stays the same.
    pub fn cache_key(&self) -> String {
        let configuration = configuration_fingerprint();
        format!("{} {configuration}", self.program.fingerprint())
    }

    /// The address of a path below the root.
    pub fn path(&self, below: &Path) -> PathBuf {
        address::join(&self.root, below)
    }

    /// The address of a path below the root in rclone's encoding.
    pub(super) fn rclone_path(&self, below: &Path) -> Result<OsString> {
        let encoded =
            name::encode_path(below).map_err(|why| remote_error("name", &self.path(below), why))?;
        Ok(address::join(&self.root, Path::new(OsStr::new(&encoded))).into())
    }
}

/// The error of a failed operation on the remote.
pub(super) fn remote_error(action: &'static str, path: &Path, why: impl Into<String>) -> Error {
    let why = why.into();
    Error::Rclone {
        action,
        path: path.to_owned(),
        why: message::explain(&why, None, path),
    }
}
