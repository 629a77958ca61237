//! Databases behind rclone: every question and every transfer is one rclone process, whatever the number of files.
//!
//! rclone's exit status proves nothing of a single file: what is there is what a listing afterwards shows.

mod absence;
mod bandwidth;
mod batch;
mod check;
mod connection;
mod daemon;
mod entry;
mod feature;
mod folder;
mod identity;
mod line;
mod list;
mod list_reader;
mod log;
mod message;
mod name;
mod process;
mod program;
mod rename;
mod socket;
mod token;
mod transfer;
mod transfer_log;
mod unicode;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

pub use self::bandwidth::is_rate;
pub use self::batch::{TransferBatch, TransferEvent, TransferLimits};
pub use self::check::{CheckMethod, CheckVerdict};
pub use self::connection::ConnectionCheck;
pub use self::feature::RemoteFeatures;
pub use self::list::{ListTarget, ListedFile, RemoteListing, TimeSource};
pub use self::name::unsupported_reason;
pub use self::program::{RcloneVersion, VersionLookup, set_program, take_version_notice};
pub use self::unicode::UnicodeLookup;

use self::daemon::Daemon;
use self::program::Program;
use crate::base::error::{Error, Result};
use crate::model::address;

/// A folder on a remote, and the program that reaches it.
#[derive(Debug)]
pub struct Remote {
    root: PathBuf,
    program: Program,
    /// The process that is asked everything, once it was started.
    daemon: OnceLock<Option<Daemon>>,
    /// How long it took to answer the first question, in milliseconds; 0 before that.
    latency_ms: AtomicU64,
}

impl Remote {
    /// The remote with this address; `recall` may remember the version of the program, so that it need not be asked.
    ///
    /// # Errors
    /// [`Error::RcloneNotFound`] or [`Error::RcloneTooOld`].
    pub fn open(root: &Path, lookup: &VersionLookup<'_>) -> Result<Self> {
        Ok(Self {
            root: root.to_owned(),
            program: Program::find(lookup)?,
            daemon: OnceLock::new(),
            latency_ms: AtomicU64::new(0),
        })
    }

    /// Its address.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The version of the program.
    pub const fn version(&self) -> RcloneVersion {
        self.program.version
    }

    /// Starts one process that is asked everything from now on, where the program can do that. It ends with this, or with
    /// the thread that starts it.
    pub fn keep_connected(&self) {
        if self.version().supports_unix_socket() {
            // Without it there is a process for each question.
            self.daemon
                .get_or_init(|| Daemon::start(&self.program).ok());
        }
    }

    /// Says what it can do, before it is listed.
    ///
    /// # Errors
    /// An interruption.
    pub fn configure_mod_times(&self, features: &RemoteFeatures) -> Result<()> {
        match self.daemon().filter(|_| features.has_slow_mod_times()) {
            Some(daemon) => {
                daemon.set_server_mod_times(self.root.to_str().unwrap_or_default(), true)
            }
            None => Ok(()),
        }
    }

    /// The process that is asked everything, if there is one.
    fn daemon(&self) -> Option<&Daemon> {
        // One that was killed listens no more.
        // What is said through the socket is text: another address would be taken for none.
        self.root.to_str()?;
        self.daemon
            .get()?
            .as_ref()
            .filter(|daemon| daemon.is_ready())
    }

    /// How many of so many files are sent at once, and how many questions are asked at once. Where the storage is near, a
    /// further connection costs more than waiting for one that is there.
    fn concurrency(&self, files: usize) -> (usize, usize) {
        const FEW: usize = 500;
        match (self.is_near(), files) {
            (true, ..=FEW) => (2, 1),
            (true, _) => (6, 2),
            (false, _) => (8, 8),
        }
    }

    /// Whether it answered within what some milliseconds of way take.
    fn is_near(&self) -> bool {
        const NEAR: u64 = 250;
        (1..NEAR).contains(&self.latency_ms.load(Ordering::Relaxed))
    }

    /// What tells the program from another.
    pub fn program_fingerprint(&self) -> String {
        self.program.fingerprint()
    }

    /// The address of something below it.
    pub fn path(&self, below: &Path) -> PathBuf {
        address::join(&self.root, below)
    }

    /// The same, as rclone writes it.
    fn rclone_path(&self, below: &Path) -> Result<OsString> {
        let encoded = name::encode_path(below).map_err(|why| Error::Rclone {
            action: "name",
            path: self.path(below),
            why: why.to_owned(),
        })?;
        Ok(address::join(&self.root, Path::new(OsStr::new(&encoded))).into())
    }
}
