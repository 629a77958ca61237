//! Appends generations to the ASC MHL histories of a replica: from a copy, a verification, or what lies there.
//!
//! A replica comes in. `file` lists its files beside their records and evidence, and decides what to hash; `read` hashes
//! what no evidence proves; `entry` compares with the records; `draft` makes the hash lists; and the innermost history is
//! written first. `import` takes the hashes of a history that arrived with a drive as evidence `claimed`.
//!
//! Rule: a hash is recorded only if the bytes were read from this storage, and nothing is added to a damaged history.

mod draft;
mod entry;
mod file;
pub mod import;
pub mod in_place;
mod missing;
mod read;
pub mod report;
pub mod request;
mod write;

use std::path::PathBuf;

use self::draft::Drafts;
use self::entry::EntryBuilder;
use self::file::list_files;
use self::missing::MissingRecords;
use self::read::read_files;
use self::report::{SealFindingKind, SealReport};
use self::request::{SealRequest, SealScope};
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::interrupt;
use crate::base::monitor::Monitor;
use crate::index::Index;
use crate::mhl::history_set::HistorySet;
use crate::os::folder::Folder;
use crate::snapshot::tree::Tree;

/// A replica with its files and histories.
pub(crate) struct ReplicaHistories {
    /// The folder of the replica.
    pub(crate) folder: Folder,
    /// Its path below the root.
    pub(crate) relative: PathBuf,
    pub(crate) tree: Tree,
    pub(crate) histories: HistorySet,
}

impl ReplicaHistories {
    /// Walks a replica and loads its histories.
    ///
    /// # Errors
    /// The replica cannot be read, or does not exist.
    pub(crate) fn load(request: &SealRequest<'_>) -> Result<Self> {
        let storage = request.storage;
        let project = storage.stored_spelling(request.category, request.project);
        let relative: PathBuf = request
            .category
            .replica_path(&project)
            .components()
            .collect();
        let mut tree = storage.tree(request.category, &project)?;
        let whole = tree
            .problems
            .iter()
            .position(|problem| problem.path.as_os_str().is_empty());
        if let Some(place) = whole {
            return Err(tree.problems.swap_remove(place).error);
        }
        let path = storage.root.path().join(&relative);
        if tree.folders.is_empty() {
            let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(missing).at("open", path);
        }
        let folder = storage.root.open_descendant(&relative)?;
        let histories = HistorySet::load(&folder, file::history_folders(&tree))?;
        Ok(Self {
            folder,
            relative,
            tree,
            histories,
        })
    }
}

/// Appends a generation to each history of a replica that has something to record, the innermost first. If one of them is
/// damaged, nothing is recorded in any, and the report says what is wrong.
///
/// The caller holds the lock of the storage.
///
/// # Errors
/// The replica cannot be read; [`Error::Interrupted`], in which case no generation was written.
pub fn seal(
    index: &mut Index,
    request: &SealRequest<'_>,
    monitor: &dyn Monitor,
) -> Result<SealReport> {
    let replica = ReplicaHistories::load(request)?;
    let mut report = SealReport::default();
    if report.add_damage(&replica) {
        return Ok(report);
    }
    let database = request.storage.database_id(index)?;
    let mut files = list_files(index, database, request, &replica, &mut report)?;
    let mut missing = MissingRecords::find(&replica, &files)?;
    missing.match_names(&mut files, request);
    let progress = (&mut report, monitor);
    read_files(index, database, request, &replica, &mut files, progress)?;
    interrupt::check()?;
    let mut builder = EntryBuilder::new(request, &replica, missing);
    let entries = builder.build(files, &mut report);
    let missing = builder.into_missing();
    if !matches!(request.scope, SealScope::Copied(_)) {
        missing.report(&mut report);
    }
    let drafts = Drafts::new(request, &replica, entries)?;
    let written = interrupt::with_grace_period(|| {
        write::write(index, database, &replica, drafts, &mut report)
    });
    if report.generations.is_empty() && !matches!(request.scope, SealScope::Whole) {
        // What a history cannot hold is said once, with the generation that leaves it out.
        report
            .findings
            .retain(|found| found.kind != SealFindingKind::Unrepresentable);
    }
    report.findings.sort();
    match written {
        Err(Error::Interrupted) => Err(Error::Interrupted),
        written => {
            report.unwritten.extend(written.err());
            Ok(report)
        }
    }
}
