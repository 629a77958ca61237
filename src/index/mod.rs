//! The index: one `SQLite` file with the last scan of every replica, the record of sent files, and the history of runs.
//!
//! Scans, copies and syncs write to it; `list`, `find`, `fetch` and the overview read it without touching a disk. It may be
//! deleted at any time: `load` rebuilds the scans from the disks, and no file of a studio is lost with it. The sent record
//! and the history are lost.
//!
//! Databases are identified by their root, categories by their folder, not by the names of a start-up file: a database
//! that is renamed keeps its scan. Paths are stored as bytes. Checksums guard the rows that answers are made from.

mod cache;
mod card;
mod catalog_epoch;
mod category_scan;
mod change_counter;
mod checksum;
mod content_difference;
pub mod duplicate;
mod evidence;
mod failure;
mod fetch_folder;
#[cfg(test)]
mod fixture;
mod folder;
mod folder_change;
mod folder_record;
mod foreign;
mod generation;
mod host;
mod id;
mod in_progress;
mod medium;
mod migration;
mod name_check;
mod name_index;
mod open;
mod outside;
pub mod overview;
mod pending_upload;
mod publication;
mod read_transaction;
mod relocation;
mod remote_feature;
mod replica;
mod replica_origin;
mod replica_row;
mod reseal;
mod run;
mod run_item;
pub mod run_log;
mod run_state;
mod sample;
mod scan;
mod schema;
mod sent_file;
mod shared;
mod size_limit;
mod size_record;
mod size_series;
mod sql;
mod sqlite_error;
mod staged_scan;
mod studio;
mod sync_record;
mod taken_replica;
mod time_alias;
mod union;
mod verify;
mod workstation_tables;

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

pub use self::cache::ChangeCounter;
pub use self::card::{CardTarget, KnownCard, SeenCard};
pub use self::content_difference::DifferingFolder;
pub use self::evidence::{
    ContentOrigin, Coverage, CoverageTable, EvidenceKind, EvidenceReader, FileEvidence,
    FolderEvidence, KnownContent, NewEvidence, Proof, ProvenFolder, StoredCoverage, state_tag,
};
pub use self::failure::{KnownFailure, NewFailure};
pub use self::fetch_folder::FetchFolderRecord;
pub use self::folder::{FolderFiles, PresentReplica};
pub use self::folder_change::ScanChanges;
pub use self::foreign::ForeignFailure;
pub use self::generation::KnownGeneration;
pub use self::host::{ForeignHosts, HostScans, KnownHost};
pub use self::id::{DatabaseId, HostId, RunId};
pub use self::medium::SeenMedium;
pub use self::name_check::{is_possible_name, possible_path};
pub use self::name_index::{NameCandidates, NameQuery, QueryText};
pub use self::open::{OpenedIndex, SetAside};
pub use self::outside::KnownOutside;
pub use self::pending_upload::{ListedVersion, SentPath, UnverifiedUpload};
pub use self::publication::{
    ChangeCount, FileSignature, Publication, PublicationHeader, PublicationName, SeenPublication,
    TakenOver,
};
pub use self::read_transaction::ReadTransaction;
pub use self::replica::{KnownDatabase, KnownReplica, ReplicasByCategory};
pub use self::run::{Run, RunEnd, RunStart};
pub use self::run_item::{RunFiles, RunItem};
pub use self::run_state::{OutcomeKind, RunState};
pub use self::sample::{SampleFolder, SampleProject};
pub use self::scan::ScanWriter;
pub use self::sent_file::{SentFile, SentFolder, SentRow, link_digest};
pub use self::shared::{
    IncomingEvidence, IncomingScan, MarkExtent, OutgoingEvidence, OutgoingFolder, PulledChanges,
    SharedReplica, SharedReplicaKey, SharedRevisions, StagedIncoming, Unshared, UnsharedReplica,
    WaitingChanges, WrittenPull, pack_aggregate, shared_checksum, unpack_aggregate,
};
pub use self::size_series::{SizePoint, SizeSeries};
pub use self::staged_scan::{ScanStaging, StagedScan};
pub use self::studio::{
    CardOrigin, FailureKey, IncomingStudio, KEPT_RUNS, SharedCard, SharedCardFolder, SharedFailure,
    SharedPolicy, SharedRun, UnsharedFailure, UnsharedStudio,
};
pub use self::sync_record::{SentChanges, SentRecord};
pub use self::union::{FolderPrints, StoredUnion};

use crate::base::error::{Error, IndexProblem, Result};
use crate::os::stat::FileId;

/// An open index.
#[derive(Debug)]
pub struct Index {
    connection: Connection,
    path: PathBuf,
    /// Identity of the open file, to detect that the path leads to another one.
    file_id: Option<FileId>,
    read_only: bool,
    verified: cache::VerifiedCache,
}

/// Returns the identity of the file with this path, if it exists.
fn file_id(path: &Path) -> Option<FileId> {
    fs::metadata(path)
        .ok()
        .map(|metadata| FileId::of(&metadata))
}

impl Index {
    /// True if the index cannot be written.
    pub const fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Opens the index once more, for another thread.
    ///
    /// # Errors
    /// The conditions of [`Self::open`]; a damaged or outdated index is an error here.
    pub fn try_clone(&self) -> Result<Self> {
        Self::open_strict(&self.path)
    }

    /// Opens the index again if its file was deleted or replaced, which may happen at any time.
    ///
    /// # Errors
    /// The conditions of [`Self::open`].
    pub fn reopen_if_replaced(&mut self) -> Result<()> {
        if !self.read_only && file_id(&self.path) != self.file_id {
            *self = Self::open(&self.path)?.index;
        }
        Ok(())
    }

    /// Fails unless the index can be written. Called before work that must be recorded.
    ///
    /// # Errors
    /// [`IndexProblem::ReadOnly`].
    pub fn require_writable(&self) -> Result<()> {
        if self.read_only {
            Err(Error::index(IndexProblem::ReadOnly, self.path.clone()))
        } else {
            Ok(())
        }
    }
}
