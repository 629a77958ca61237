//! Settings and callbacks that the threads of a transfer share.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::base::interrupt;
use crate::base::monitor::ProgressCounter;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::copy::outcome::Outcome;
use crate::copy::shared_source::Subscription;
use crate::copy::source_root::SourceRoot;
use crate::index::Proof;
use crate::os::folder::Folder;
use crate::snapshot::content_hash::{ContentHashes, HashFormatSet};
use crate::storage::version::Versions;

/// A copied file whose content was read back and equals the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedFile {
    /// Index of the plan.
    pub plan: usize,
    /// The file's folder, relative to the replica.
    pub folder: PathBuf,
    pub name: Name,
    pub bytes: u64,
    pub modified: Timestamp,
    /// The hashes of its content, in the formats of its plan.
    pub hashes: ContentHashes,
    /// The proofs of source and copy.
    pub proofs: [Proof; 2],
}

/// A copied file for which the destination reports another mtime than was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeMismatch {
    /// Index of the plan.
    pub plan: usize,
    /// The file's folder, relative to the replica.
    pub folder: PathBuf,
    pub name: Name,
    pub bytes: u64,
    /// The mtime at the source.
    pub modified: Timestamp,
    /// The mtime that the destination reports.
    pub shown: Timestamp,
}

/// Receives the outcome of an item: index of the plan, folder relative to the replica, and name. An empty folder and name denote the
/// replica's own folder.
pub type OutcomeFn<'a> = dyn Fn(usize, &Path, &OsStr, Outcome) + Sync + 'a;

/// Receives verified files in batches.
pub type VerifiedFn<'a> = dyn Fn(&[VerifiedFile]) + Sync + 'a;

/// Receives time mismatches in batches.
pub type TimeMismatchFn<'a> = dyn Fn(&[TimeMismatch]) + Sync + 'a;

/// Receives the name of another destination and the number of bytes of a file that was copied from there.
pub type RelayedFn<'a> = dyn Fn(&str, u64) + Sync + 'a;

/// Roots, settings and callbacks of a transfer.
pub struct TransferContext<'a> {
    /// Root of the source.
    pub source: &'a Arc<Folder>,
    /// Places of the replicas at the source.
    pub source_root: SourceRoot,
    /// The shared read of the source, if there is one.
    pub subscription: Option<&'a Subscription<'a>>,
    /// Moves files instead of copying them where the file system allows it; for fetched files, which nothing else needs.
    pub move_source: bool,
    /// Root of the destination.
    pub destination: &'a Arc<Folder>,
    /// Store of the old versions of replaced files.
    pub versions: &'a Versions<'a>,
    /// Reads copies back.
    pub verify: bool,
    /// By plan, the formats of hashes that are computed when a copy is read back.
    pub formats: &'a [HashFormatSet],
    /// Time after which no further file is started.
    pub deadline: Option<Instant>,
    /// True if the run holds the database's lock. Without it, temporary files may belong to another run, and the metadata of
    /// existing folders stays as it is.
    pub is_locked: bool,
    /// Folders of replicas in which an earlier run ended before it set the times and permissions of folders.
    pub unfinished: &'a BTreeSet<PathBuf>,
    /// Planned files that cannot be copied, by the index of the plan and the path relative to the replica.
    pub unavailable: &'a HashMap<(usize, PathBuf), Outcome>,
    /// Number of copying threads.
    pub workers: usize,
    pub meter: &'a ProgressCounter,
    pub on_outcome: &'a OutcomeFn<'a>,
    pub on_verified: &'a VerifiedFn<'a>,
    pub on_time_mismatch: &'a TimeMismatchFn<'a>,
    /// Receives the copies that were made from another destination.
    pub on_relayed: &'a RelayedFn<'a>,
}

impl TransferContext<'_> {
    /// True if nothing more may be written: after a cancellation, or the loss of the lease.
    pub fn must_stop(&self) -> bool {
        interrupt::check().is_err() || self.destination.write_guard().is_lost()
    }
}
