//! The ASC MHL histories of what is verified: the formats that are compared, the hashes of the files that were read, and the
//! generation that records the results.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::batch::BatchResult;
use super::queue::DueFolders;
use super::report::VerifyReport;
use crate::base::error::{Error, Result};
use crate::base::hash_format::{HashFormat, HashFormatSet};
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::{Index, RunId};
use crate::mhl::hash_list::Process;
use crate::mhl::history::FOLDER_NAME;
use crate::mhl::history_set::{HistorySet, join};
use crate::model::project::ProjectId;
use crate::model::registry::Category;
use crate::os::folder::is_not_found;
use crate::seal::in_place::rescan;
use crate::seal::report::SealReport;
use crate::seal::request::{GivenHashes, SealRequest, SealScope};
use crate::seal::seal;
use crate::storage::LocalStorage;

/// The histories of one replica.
#[derive(Debug)]
struct ReplicaCheck {
    /// The number of the database in the request.
    database: usize,
    storage: LocalStorage,
    category: Category,
    project: ProjectId,
    /// The folder of the replica below the root.
    base: PathBuf,
    histories: HistorySet,
    /// The files that were read, by path below the replica.
    checked: Mutex<BTreeMap<String, GivenHashes>>,
}

/// The histories of all replicas that are verified.
#[derive(Debug)]
pub(super) struct HistoryChecks {
    replicas: Vec<ReplicaCheck>,
    /// Folders of replicas without a history.
    unsealed: Vec<PathBuf>,
    started: Timestamp,
}

impl HistoryChecks {
    pub(super) fn new() -> Self {
        Self {
            replicas: Vec::new(),
            unsealed: Vec::new(),
            started: Timestamp::now(),
        }
    }

    /// Loads the histories of the replicas with files to read.
    pub(super) fn load(
        &mut self,
        index: &Index,
        storage: &LocalStorage,
        due: &DueFolders,
    ) -> Result<()> {
        let Some(id) = due.id else { return Ok(()) };
        let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
        for folder in &due.folders {
            let category = &folder.replica.category;
            let project = folder.replica.replica.project();
            let base: PathBuf = category.replica_path(project).components().collect();
            if !seen.insert(base.clone()) {
                continue;
            }
            let scope = match storage.root.open_descendant(&base) {
                // The files in it are reported as missing or unreadable.
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Err(_) => continue,
                Ok(scope) => scope,
            };
            let known = index.folder_prints(id, category.key(), project)?;
            let nested = known.iter().map(|folder| folder.path.as_path());
            let nested = nested.filter(|path| path.file_name() == Some(OsStr::new(FOLDER_NAME)));
            // A folder that is gone since the last scan holds no history.
            let nested: Vec<&Path> = nested
                .filter_map(Path::parent)
                .filter(|path| scope.open_descendant(path).is_ok())
                .collect();
            let histories = HistorySet::load(&scope, nested)?;
            if histories.iter().next().is_none() {
                self.unsealed.push(scope.path().to_owned());
                continue;
            }
            self.replicas.push(ReplicaCheck {
                database: due.database,
                storage: storage.clone(),
                category: category.clone(),
                project: project.clone(),
                base,
                histories,
                checked: Mutex::default(),
            });
        }
        Ok(())
    }

    /// Returns the check of the replica that a folder belongs to, and the path of the folder below it.
    fn find(&self, database: usize, folder: &Path) -> Option<(&ReplicaCheck, String)> {
        let mut replicas = self.replicas.iter();
        replicas.find_map(|replica| {
            let below = folder.strip_prefix(&replica.base).ok()?;
            (replica.database == database).then_some((replica, below.to_str()?.to_owned()))
        })
    }

    /// Returns the formats in which a file is compared with its record; none without one.
    pub(super) fn formats(&self, database: usize, folder: &Path, name: &Name) -> HashFormatSet {
        let found = self.find(database, folder);
        let Some((replica, below)) = found else {
            return HashFormatSet::EMPTY;
        };
        let Some(name) = name.as_os_str().to_str() else {
            return HashFormatSet::EMPTY;
        };
        let path = join(&below, name);
        let own = replica.format();
        let record = replica.histories.record(&path);
        let verified = record.and_then(|record| record.format_to_verify(own));
        match verified {
            Some(format) => HashFormatSet::EMPTY.with(own).with(format),
            // Recorded under another normal form, or not at all.
            None => HashFormatSet::EMPTY.with(HashFormat::Xxh128),
        }
    }

    /// Keeps the hashes of files that were read.
    pub(super) fn add(&self, done: &BatchResult) {
        let Some((replica, below)) = self.find(done.database, &done.folder) else {
            return;
        };
        let at = Timestamp {
            nanoseconds: 0,
            ..Timestamp::now()
        };
        let mut checked = replica
            .checked
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (name, hashes) in &done.hashes {
            if let Some(name) = name.as_os_str().to_str() {
                let hashes = hashes.clone();
                checked.insert(join(&below, name), GivenHashes { hashes, at });
            }
        }
    }

    /// Appends a generation to each history of which files were read, and adds what they show to the report.
    pub(super) fn append(
        self,
        index: &mut Index,
        run: RunId,
        report: &mut VerifyReport,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        for folder in &self.unsealed {
            let notice = format!(
                "`{}` has no ASC MHL history; `mhl` writes one",
                Name::from(folder.as_path())
            );
            monitor.on_event(&ProgressEvent::Notice(&notice));
        }
        for replica in self.replicas {
            let database = replica.database;
            match replica.append(index, run, self.started, monitor) {
                Ok(sealed) => {
                    for error in &sealed.unwritten {
                        report_unwritten(error, report, monitor);
                    }
                    report.add_histories(database, sealed);
                }
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                // It went away since it was read: its files are reported as missing or unreadable.
                Err(error) if is_not_found(&error) => {}
                Err(error) => {
                    monitor.on_event(&ProgressEvent::Problem(&error));
                    report.is_unrecorded = true;
                }
            }
        }
        Ok(())
    }
}

impl ReplicaCheck {
    fn format(&self) -> HashFormat {
        self.category
            .attributes
            .history_format()
            .unwrap_or_default()
    }

    fn append(
        self,
        index: &mut Index,
        run: RunId,
        started: Timestamp,
        monitor: &dyn Monitor,
    ) -> Result<SealReport> {
        let format = self.format();
        let (lock, refused) = match self.storage.lock(run) {
            Ok(lock) => (Some(lock), None),
            Err(error) => (None, Some(error)),
        };
        let checked = self
            .checked
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let request = SealRequest {
            storage: &self.storage,
            category: &self.category,
            project: &self.project,
            process: Process::InPlace,
            format,
            scope: SealScope::Checked(checked),
            started,
            comment: None,
            // Without the lock nothing is written, and the files are compared all the same.
            dry_run: lock.is_none(),
        };
        let mut sealed = seal(index, &request, monitor)?;
        sealed.unwritten.extend(refused);
        if !sealed.generations.is_empty() {
            let replicas = [(&self.category, self.project.clone())];
            sealed
                .unwritten
                .extend(rescan(index, &self.storage, &replicas, monitor).err());
        }
        Ok(sealed)
    }
}

/// Says that a history was not appended to. On a read-only medium nothing else can be expected.
fn report_unwritten(error: &Error, report: &mut VerifyReport, monitor: &dyn Monitor) {
    let is_read_only = matches!(
        error,
        Error::Io { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem
    );
    if is_read_only {
        let notice = format!(
            "the files were compared with their ASC MHL history, which could not be written: {}",
            error.full_message()
        );
        monitor.on_event(&ProgressEvent::Warning(&notice));
    } else {
        monitor.on_event(&ProgressEvent::Problem(error));
        report.is_unrecorded = true;
    }
}
