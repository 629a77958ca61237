//! The state of the copy to one destination, in a thread of its own, so that a slow or dead destination delays no other.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::outcome::Outcome;
use super::plan::{CopyRules, MissingFile, Omission, Plan, Rename};
use super::question;
use super::report::Report;
use super::shared_source::SeatGuard;
use super::source_root::SourceRoot;
use crate::base::confirmation::Question;
use crate::base::error::{Error, Result};
use crate::base::monitor::ProgressCounter;
use crate::index::{DatabaseId, Index, RunId, SentRow};
use crate::model::project::{ProjectId, Scope, path_within};
use crate::model::registry::{Category, Database};
use crate::rclone::TransferLimits;
use crate::seal::request::GivenHashes;
use crate::snapshot::tree::Tree;
use crate::storage::Storage;
use crate::storage::lock::Lock;

/// Source, scope and rules of a copy, shared by all its destinations.
#[derive(Debug)]
pub struct CopySpec {
    pub scope: Scope,
    pub source: Arc<Storage>,
    /// Replicas to copy, as scanned at the source.
    pub replicas: Vec<SourceReplica>,
    pub rules: CopyRules,
    /// Reads copies back.
    pub verify: bool,
    /// Plans and writes nothing.
    pub dry_run: bool,
    /// Requests confirmation before files are replaced, or by a sync, before they are deleted.
    pub confirm: bool,
    /// Id of the run.
    pub run: RunId,
    pub limits: CopyLimits,
    /// The meaning of the source's root.
    pub source_root: SourceRoot,
    /// The treatment of files that are missing at the source; `None` for a copy, which leaves them alone.
    pub sync: Option<SyncRules>,
}

impl CopySpec {
    /// Returns the row of the source in the index. An offloaded folder has one already.
    pub(super) fn source_id(&self, index: &mut Index) -> Result<Option<DatabaseId>> {
        match self.source_root {
            SourceRoot::Database => self.source.database_id(index),
            SourceRoot::Replica => index.database_id(&self.source.database().root),
        }
    }
}

/// The rules of a sync for files that are missing at the source.
#[derive(Clone, Copy, Debug)]
pub struct SyncRules {
    /// Moves them to the old versions; otherwise they are only reported.
    pub delete: bool,
}

/// Limits of a copy.
#[derive(Clone, Debug, Default)]
pub struct CopyLimits {
    /// Copies only these files; paths relative to both roots.
    pub only: Option<HashSet<PathBuf>>,
    /// Copies these files before all others; paths relative to both roots.
    pub priority: HashSet<PathBuf>,
    /// Maximum number of files.
    pub max_files: Option<u64>,
    /// Bandwidth, and the time after which no further file is started.
    pub transfer: TransferLimits,
}

/// A replica as scanned at the source.
#[derive(Debug)]
pub struct SourceReplica {
    pub category: Category,
    pub project: ProjectId,
    /// The folder of the replica that is copied, relative to the replica's folder; empty for the whole replica.
    pub inside: PathBuf,
    /// Its files and folders. Empty if the source no longer has the replica.
    pub tree: Tree,
    pub changes: SyncChanges,
}

/// Changes of a replica since the last sync; none for a copy.
#[derive(Debug, Default)]
pub struct SyncChanges {
    /// The tree at the destination by the record of sent files. The destination is then not scanned.
    pub recorded: Option<Tree>,
    /// The record of sent files.
    pub sent_rows: Vec<SentRow>,
    /// True if the client or project is spelled differently at the source since the last sync.
    pub renames_project: bool,
    /// Files that were renamed at the source.
    pub renames: Vec<Rename>,
    /// Files that the source no longer has.
    pub missing: Vec<MissingFile>,
    /// Folders that the source no longer has, the deepest first.
    pub emptied_folders: Vec<PathBuf>,
}

impl SourceReplica {
    /// Returns it as the index records it.
    pub(super) const fn as_tree(&self) -> (&Category, &ProjectId, &Tree) {
        (&self.category, &self.project, &self.tree)
    }

    /// Returns the folders that its client and project name, relative to the root, the topmost first.
    pub fn named_folders(&self) -> Vec<PathBuf> {
        self.category.layout.named_folders(&self.project)
    }

    /// Returns the folder that is copied, relative to the root.
    pub fn relative(&self) -> PathBuf {
        path_within(&self.whole(), &self.inside)
    }

    /// Returns the folder of the whole replica, relative to the root.
    pub fn whole(&self) -> PathBuf {
        self.category.replica_path(&self.project)
    }
}

/// A destination, which is opened by its copy unless it is open already.
#[derive(Debug)]
pub struct Destination {
    pub database: Database,
    pub opened: Option<(Storage, Option<Lock>)>,
}

impl Destination {
    pub const fn closed(database: Database) -> Self {
        Self {
            database,
            opened: None,
        }
    }

    pub fn open(storage: Storage, lock: Option<Lock>) -> Self {
        Self {
            database: storage.database().clone(),
            opened: Some((storage, lock)),
        }
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
        question: Question,
        /// Channel for the answer.
        answer: Sender<Result<()>>,
    },
    /// Information for the user that is not a failure.
    Notice(String),
    /// A failure that stops no file.
    Problem(Error),
    /// The end of the copy.
    Ended(Result<()>),
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
    /// Place in the read of the source that several destinations share.
    pub seat: Option<SeatGuard>,
    /// Hashes of copies that were read back, in the formats of histories, by path below the root.
    pub hashes: BTreeMap<PathBuf, GivenHashes>,
}

impl DestinationCopy<'_> {
    /// Returns the absolute path of an entry of a replica.
    pub(super) fn path(&self, replica: &Path, path: &Path) -> PathBuf {
        path_within(&self.database.path(replica), path)
    }

    pub(super) fn lock_report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports the outcome of an entry of a replica.
    pub(super) fn report_outcome(&self, replica: &Path, path: &Path, outcome: Outcome) {
        self.lock_report().add(outcome, || self.path(replica, path));
    }

    pub(super) fn report_problem(&self, error: Error) {
        self.lock_report().unrecorded = true;
        (self.on_event)(CopyEvent::Problem(error));
    }

    /// Reports failures that stop no file.
    pub(super) fn report_problems(&self, results: impl IntoIterator<Item = Result<()>>) {
        for error in results.into_iter().filter_map(Result::err) {
            self.report_problem(error);
        }
    }

    pub(super) fn notify(&self, notice: String) {
        (self.on_event)(CopyEvent::Notice(notice));
    }

    pub(super) fn report_planned(&self, plans: &[&Plan]) {
        let files = plans.iter().map(|plan| plan.files).sum();
        let bytes = plans.iter().map(|plan| plan.bytes).sum();
        (self.on_event)(CopyEvent::Planned { files, bytes });
    }

    /// Reports the items of a plan that are not copied.
    pub(super) fn report_uncopied(&self, plan: &Plan) {
        self.lock_report().add_same(plan.same_files);
        for Omission { path, reason } in &plan.omissions {
            self.report_outcome(&plan.replica, path, reason.clone().into());
        }
    }

    /// Reports the plan of a dry run.
    pub(super) fn report_dry_run(&self, plan: Plan) {
        self.report_uncopied(&plan);
        for rename in &plan.renames {
            let outcome = Outcome::Moved(rename.reason());
            self.report_outcome(&plan.replica, &rename.path, outcome);
        }
        self.report_gone(plan.missing.iter().filter(|file| file.respelled.is_none()));
        let base = self.path(&plan.replica, Path::new(""));
        let mut report = self.lock_report();
        report.planned_files += plan.files;
        report.dry_run_plans.push((base, plan));
    }

    /// Reports files that are missing at the source and kept at the destination.
    pub(super) fn report_gone<'f>(&self, missing: impl IntoIterator<Item = &'f MissingFile>) {
        let source = &self.spec.source.database().name;
        let reason = if self.deletes() {
            format!("no longer on {source}, to be moved to the old versions")
        } else {
            format!("no longer on {source}")
        };
        for file in missing {
            self.report_outcome(&file.replica, &file.path, Outcome::Gone(reason.clone()));
        }
    }

    /// Returns the outcome of a file that is missing at the source and that another program changed at the destination.
    pub(super) fn changed_outcome(&self) -> Outcome {
        let source = &self.spec.source.database().name;
        Outcome::Gone(format!(
            "no longer on {source}; kept, because it was changed at the destination since it was sent"
        ))
    }

    /// True if files that are missing at the source are moved to the old versions.
    pub(super) fn deletes(&self) -> bool {
        self.spec.sync.is_some_and(|sync| sync.delete)
    }

    /// Requests confirmation if a copy replaces files.
    pub(super) fn confirm_replacements(&self, plans: &[Plan]) -> Result<()> {
        let replaces = plans.iter().any(|plan| plan.replacement_count() > 0);
        if !replaces || !self.spec.confirm || self.spec.sync.is_some() {
            return Ok(());
        }
        self.confirm(question::of_replacements(
            &self.spec.scope,
            &self.database.name,
            plans,
        ))
    }

    /// True if missing files are to be deleted and the user, if one is there to ask, does not decline.
    pub(super) fn confirm_deletion<'f>(
        &self,
        missing: impl IntoIterator<Item = &'f MissingFile>,
    ) -> Result<bool> {
        if !self.deletes() {
            return Ok(false);
        }
        let missing = missing.into_iter().map(MissingFile::path_below_root);
        let missing: Vec<PathBuf> = missing.collect();
        if missing.is_empty() || !self.spec.confirm {
            return Ok(true);
        }
        let (source, name) = (&self.spec.source.database().name, &self.database.name);
        match self.confirm(question::of_deletions(
            &self.spec.scope,
            [source, name],
            &missing,
        )) {
            Err(Error::Declined) => Ok(false),
            confirmed => confirmed.map(|()| true),
        }
    }

    fn confirm(&self, question: Question) -> Result<()> {
        let (answer, answered) = mpsc::channel();
        let set_asking = |is_asking| {
            if let Some(seat) = &self.seat {
                seat.set_asking(is_asking);
            }
        };
        set_asking(true);
        (self.on_event)(CopyEvent::Confirm { question, answer });
        // The channel closes without an answer once this copy is abandoned.
        let answer = answered.recv().unwrap_or(Err(Error::Interrupted));
        set_asking(false);
        answer
    }
}

/// Returns the replica of a plan.
pub(super) fn find_replica<'r>(
    replicas: &'r [SourceReplica],
    plan: &Plan,
) -> Option<&'r SourceReplica> {
    let mut replicas = replicas.iter();
    replicas.find(|replica| replica.relative() == plan.replica)
}
