//! A copy to one destination, from looking at it to looking again: each destination has a thread of its own, so that a
//! slow or dead one holds up none of the others.

mod case_rename;
mod cleanup;
mod execute;
mod fetch;
mod fetch_folder;
mod from_remote;
mod plan;
mod time;
mod to_remote;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::local::Job;
use super::plan::CopyRules;
use super::report::Report;
use crate::base::error::{Error, Result};
use crate::base::monitor::ProgressCounter;
use crate::base::name::Name;
use crate::base::unit;
use crate::index::{Index, RunId};
use crate::model::exclusion::Exclusions;
use crate::model::project::{ProjectId, Scope, replica_path};
use crate::model::registry::{Category, Database, Registry};
use crate::os::disk::Disk;
use crate::snapshot::tree::Tree;
use crate::storage::lock::Lock;
use crate::storage::{LocalStorage, Storage, StorageRef};

/// What all destinations of a copy have in common.
#[derive(Debug)]
pub struct CopySpec {
    /// What is tracked.
    pub registry: Registry,
    /// The projects that are meant.
    pub scope: Scope,
    /// What is left alone.
    pub exclusions: Arc<Exclusions>,
    /// The database that is copied from.
    pub source: Arc<Storage>,
    /// The replicas that are copied, as the source holds them.
    pub replicas: Vec<SourceReplica>,
    /// How differing files are handled.
    pub rules: CopyRules,
    /// Whether copies are read back.
    pub verify: bool,
    /// Only plan.
    pub dry_run: bool,
    /// Whether somebody is asked before files are replaced.
    pub confirm_replacements: bool,
    /// The run's number.
    pub run: RunId,
    /// What bounds it.
    pub limits: CopyLimits,
}

/// What bounds a copy.
#[derive(Clone, Debug, Default)]
pub struct CopyLimits {
    /// Only these files, by their paths below both roots.
    pub only: Option<HashSet<PathBuf>>,
    /// These before all others, likewise.
    pub priority: HashSet<PathBuf>,
    /// So many files at most.
    pub max_files: Option<u64>,
    /// When no further file is begun.
    pub deadline: Option<Instant>,
    /// Replicas whose client or project was renamed in case since they were sent, by their folders below both roots.
    pub renamed_replicas: HashSet<PathBuf>,
}

/// One replica as the source holds it.
#[derive(Debug)]
pub struct SourceReplica {
    /// Its category.
    pub category: Category,
    /// Its project.
    pub project: ProjectId,
    /// What is there.
    pub tree: Tree,
}

impl SourceReplica {
    /// Its folder below the root.
    pub fn relative(&self) -> PathBuf {
        replica_path(&self.category.path, &self.project)
    }
}

/// What a lane tells while it works.
#[derive(Debug)]
pub enum CopyEvent {
    /// So many more files and bytes will have their content compared, as far as it is not known.
    Comparing {
        /// Files.
        files: u64,
        /// Bytes, of the source alone.
        bytes: u64,
    },
    /// So many more files and bytes will be copied.
    Planned {
        /// Files and links.
        files: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// A person is to be asked, and the answer to be sent.
    Confirm {
        /// The question.
        question: String,
        /// Where its answer is waited for.
        answer: Sender<Result<()>>,
    },
    /// Something a person should know that is no failure.
    Notice(String),
    /// Something went wrong that holds up no file.
    Problem(Error),
    /// The lane of this place among the destinations has ended.
    Ended(usize, Result<()>),
}

/// The copy to one destination.
pub struct DestinationCopy<'a> {
    /// What is to be done.
    pub spec: &'a CopySpec,
    /// The destination.
    pub database: &'a Database,
    /// The index by a handle of its own.
    pub index: Index,
    /// What it came to.
    pub report: &'a Mutex<Report>,
    /// Counts files, and bytes twice where they are read back too.
    pub meter: &'a ProgressCounter,
    /// Counts bytes of the source whose content was compared.
    pub compare_meter: &'a ProgressCounter,
    /// Takes what is told.
    pub on_event: &'a dyn Fn(CopyEvent),
}

impl std::fmt::Debug for DestinationCopy<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Lane")
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl DestinationCopy<'_> {
    /// Copies. Replicas and files that fail are in the report; the rest is copied all the same.
    ///
    /// # Errors
    /// Nothing could be begun: the database is offline, locked or has no room.
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
            // What would be refused is told all the same, and what it is that does not fit.
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

    /// Takes out of the plans what is not to be done now.
    fn apply_limits(&self, jobs: &mut [Job]) {
        let CopyLimits {
            only,
            priority: first,
            max_files: most,
            ..
        } = &self.spec.limits;
        if let Some(only) = only {
            for job in &mut *jobs {
                job.plan
                    .retain(|path| only.contains(&job.relative.join(path)));
            }
        }
        let Some(most) = most else { return };
        let paths = |job: &Job| {
            let paths = job.plan.paths().map(|(path, _)| job.relative.join(path));
            paths.collect::<Vec<_>>()
        };
        let all: Vec<PathBuf> = jobs.iter().flat_map(paths).collect();
        let (mut now, rest): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|path| first.contains(path));
        now.extend(rest);
        now.truncate(usize::try_from(*most).unwrap_or(usize::MAX));
        let now: HashSet<PathBuf> = now.into_iter().collect();
        for job in jobs {
            job.plan
                .postpone(|path| !now.contains(&job.relative.join(path)));
        }
    }

    /// The path of something of a replica at the destination; the replica's own folder has no slash at its end.
    fn destination_path(&self, replica: &Path, path: &Path) -> PathBuf {
        let base = self.database.path(replica);
        if path == Path::new("") {
            base
        } else {
            base.join(path)
        }
    }

    /// Has a person asked whether files may be replaced, if any are to be.
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
        // Nobody answers any more once the lane was given up.
        answered.recv().unwrap_or(Err(Error::Interrupted))
    }

    fn lock_report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report_problem(&self, error: Error) {
        self.lock_report().unrecorded = true;
        (self.on_event)(CopyEvent::Problem(error));
    }

    /// How many threads copy between the two disks.
    fn worker_count(&self, storage: &LocalStorage) -> usize {
        let there = Disk::of(&storage.root);
        match self.spec.source.root_folder() {
            Some(source) => Disk::of(source).copy_threads(&there),
            // What was fetched is on the same disk by then.
            None => there.copy_threads(&there),
        }
    }
}
