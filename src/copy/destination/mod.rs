//! The copy to one destination, in a thread of its own, so that a slow or dead destination delays no other.
//!
//! A copy takes the trees of the source replicas, scans the destination, plans, checks for space and overlaps, transfers,
//! and records the result in the index. A local destination receives its files through `copy::local`, a remote one through
//! `copy::remote`. The files of a remote source are first fetched into a private folder at the destination.
//!
//! All writes happen under the database's lock. A replica in which a run was interrupted is finished by the next run.

mod case_rename;
mod cleanup;
mod content;
mod execute;
mod fetch;
mod fetch_folder;
mod from_remote;
mod plan;
mod record;
mod time;
mod to_remote;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub use self::record::record_replicas;

use super::local::Job;
use super::plan::CopyRules;
use super::report::Report;
use crate::base::error::{Error, Result};
use crate::base::monitor::ProgressCounter;
use crate::base::name::Name;
use crate::base::unit;
use crate::index::{Index, RunId};
use crate::model::exclusion::Exclusions;
use crate::model::project::{ProjectId, Scope, path_within, replica_path};
use crate::model::registry::{Category, Database, Registry};
use crate::os::disk::Disk;
use crate::snapshot::tree::Tree;
use crate::storage::lock::Lock;
use crate::storage::{LocalStorage, Storage, StorageRef};

/// Source, scope and rules of a copy, shared by all its destinations.
#[derive(Debug)]
pub struct CopySpec {
    pub registry: Registry,
    pub scope: Scope,
    pub exclusions: Arc<Exclusions>,
    pub source: Arc<Storage>,
    /// Replicas to copy, as scanned at the source.
    pub replicas: Vec<SourceReplica>,
    pub rules: CopyRules,
    /// Reads copies back.
    pub verify: bool,
    /// Plans and writes nothing.
    pub dry_run: bool,
    /// Requests confirmation before files are replaced.
    pub confirm_replacements: bool,
    /// Id of the run.
    pub run: RunId,
    pub limits: CopyLimits,
}

/// Limits of a copy. Only a copy to a local destination applies them; a sync to a remote has limits of its own.
#[derive(Clone, Debug, Default)]
pub struct CopyLimits {
    /// Copies only these files; paths relative to both roots.
    pub only: Option<HashSet<PathBuf>>,
    /// Copies these files before all others; paths relative to both roots.
    pub priority: HashSet<PathBuf>,
    /// Maximum number of files.
    pub max_files: Option<u64>,
    /// Time after which no further file is started.
    pub deadline: Option<Instant>,
    /// Replicas whose client or project changed in case since the last sync; folders relative to both roots.
    pub renamed_replicas: HashSet<PathBuf>,
}

/// A replica as scanned at the source.
#[derive(Debug)]
pub struct SourceReplica {
    pub category: Category,
    pub project: ProjectId,
    pub tree: Tree,
}

impl SourceReplica {
    /// Returns its folder relative to the root.
    pub fn relative(&self) -> PathBuf {
        replica_path(&self.category.path, &self.project)
    }
}

/// Progress and requests of the copy to one destination.
#[derive(Debug)]
pub enum CopyEvent {
    /// Additional files whose content will be compared, unless it is known.
    Comparing {
        files: u64,
        /// Bytes of the source alone.
        bytes: u64,
    },
    /// Additional files and links that will be copied.
    Planned { files: u64, bytes: u64 },
    /// Request for confirmation.
    Confirm {
        question: String,
        /// Channel for the answer.
        answer: Sender<Result<()>>,
    },
    /// Information for the user that is not a failure.
    Notice(String),
    /// A failure that stops no file.
    Problem(Error),
    /// The end of the copy to the destination with this index.
    Ended(usize, Result<()>),
}

/// The copy to one destination.
pub struct DestinationCopy<'a> {
    pub spec: &'a CopySpec,
    pub database: &'a Database,
    /// Index connection of this copy alone.
    pub index: Index,
    pub report: &'a Mutex<Report>,
    /// Counts copied files and bytes; bytes count twice if copies are read back.
    pub meter: &'a ProgressCounter,
    /// Counts bytes of the source whose content was compared.
    pub compare_meter: &'a ProgressCounter,
    pub on_event: &'a dyn Fn(CopyEvent),
}

impl std::fmt::Debug for DestinationCopy<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("DestinationCopy")
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl DestinationCopy<'_> {
    /// Executes the copy. Replicas and files that fail are reported, and the others are copied.
    ///
    /// # Errors
    /// Nothing could be started: the database is offline, locked or lacks space.
    pub fn run(mut self) -> Result<()> {
        match Storage::open(&self.index, self.database)? {
            Storage::Local(storage) => self.run_local(&storage),
            Storage::Remote(storage) => self.run_remote(&storage),
        }
    }

    fn run_local(&mut self, storage: &LocalStorage) -> Result<()> {
        self.spec.source.refuse_overlap(storage)?;
        let lock = if self.spec.dry_run {
            None
        } else {
            Lock::acquire(&storage.root, &self.database.name, self.spec.run)?
        };
        let mut jobs = self.plan_local(storage)?;
        self.apply_limits(&mut jobs);
        let bytes = jobs.iter().map(|job| job.plan.bytes).sum();
        self.lock_report().planned_bytes = bytes;
        if self.spec.dry_run {
            // A dry run reports missing space and prints the plans all the same.
            if let Err(error) = self.require_space(storage, &jobs) {
                self.report_problem(error);
            }
            for job in jobs {
                self.report_dry_run(job);
            }
            return Ok(());
        }
        let writes = jobs.iter().any(|job| job.plan.has_work());
        let source = &self.spec.source;
        source.refuse_same_place(StorageRef::Local(storage), writes)?;
        if self.spec.confirm_replacements {
            self.confirm_replacements(&jobs)?;
        }
        self.execute(storage, jobs, lock)
    }

    /// Removes the files that the limits exclude from the plans.
    fn apply_limits(&self, jobs: &mut [Job]) {
        let CopyLimits {
            only,
            priority,
            max_files,
            ..
        } = &self.spec.limits;
        if let Some(only) = only {
            for job in &mut *jobs {
                job.plan
                    .retain(|path| only.contains(&job.relative.join(path)));
            }
        }
        let Some(max_files) = max_files else { return };
        let paths = |job: &Job| {
            let paths = job.plan.paths().map(|(path, _)| job.relative.join(path));
            paths.collect::<Vec<_>>()
        };
        let all: Vec<PathBuf> = jobs.iter().flat_map(paths).collect();
        let (mut now, rest): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|path| priority.contains(path));
        now.extend(rest);
        now.truncate(usize::try_from(*max_files).unwrap_or(usize::MAX));
        let now: HashSet<PathBuf> = now.into_iter().collect();
        for job in jobs {
            job.plan
                .postpone(|path| !now.contains(&job.relative.join(path)));
        }
    }

    /// Returns the absolute path of an entry of a replica.
    fn destination_path(&self, replica: &Path, path: &Path) -> PathBuf {
        path_within(&self.database.path(replica), path)
    }

    /// Requests confirmation if the plans replace files.
    fn confirm_replacements(&self, jobs: &[Job]) -> Result<()> {
        let replaced: usize = jobs.iter().map(|job| job.plan.replacement_count()).sum();
        if replaced == 0 {
            return Ok(());
        }
        let files = jobs.iter().map(|job| job.plan.files).sum();
        let bytes = jobs.iter().map(|job| job.plan.bytes).sum();
        let question = format!(
            "copy {}, {}, to `{}` at `{}`, and replace {} there, whose old versions are kept?",
            unit::format_counted(files, "file"),
            unit::format_bytes(bytes),
            self.database.name,
            Name::from(self.database.root.as_path()),
            unit::format_counted(replaced as u64, "file"),
        );
        let (answer, answered) = mpsc::channel();
        (self.on_event)(CopyEvent::Confirm { question, answer });
        // The channel closes without an answer once this copy is abandoned.
        answered.recv().unwrap_or(Err(Error::Interrupted))
    }

    fn lock_report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report_problem(&self, error: Error) {
        self.lock_report().unrecorded = true;
        (self.on_event)(CopyEvent::Problem(error));
    }

    /// Returns the number of threads that copy between the two disks.
    fn worker_count(&self, storage: &LocalStorage) -> usize {
        let destination = Disk::of(&storage.root);
        // Fetched files are moved within the destination disk.
        let source = self.spec.source.root_folder().map(|root| Disk::of(root));
        let disks = [source.as_ref().unwrap_or(&destination), &destination];
        storage.database.access.copy_threads(disks)
    }
}
