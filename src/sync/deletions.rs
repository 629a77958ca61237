//! What is gone from the source: reported, or moved among the old versions at the destination; never erased.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::SyncRun;
use super::changes::MissingFile;
use super::work::SyncWork;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::unit;
use crate::copy::outcome::Outcome;
use crate::copy::report::Report;
use crate::index::{Index, SentRecord};
use crate::model::project::Scope;
use crate::model::registry::Category;
use crate::rclone::{ListTarget, TimeSource, TransferBatch, TransferEvent, TransferLimits};
use crate::storage::RemoteStorage;
use crate::storage::version;

impl SyncRun<'_> {
    /// Refuses to delete where more than half of what was sent, or all of it, seems gone.
    pub(super) fn check_mass_deletion(&self, work: &SyncWork) -> Result<()> {
        self.refuse_mass_deletion(&work.missing, work.sent_files)
    }

    /// The same for these files of so many; also where a category holds no project any more, for then it is more likely
    /// that its disk is not mounted.
    pub(super) fn refuse_mass_deletion(
        &self,
        gone: &[(PathBuf, MissingFile)],
        known: u64,
    ) -> Result<()> {
        if !self.request.delete || self.request.force || gone.is_empty() {
            return Ok(());
        }
        let all = gone.len() as u64;
        if all * 2 > known {
            return Err(self.mass_deletion_error(all, known));
        }
        for category in &self.request.categories {
            let of = |replica: &Path| {
                self.match_replica(replica)
                    .map(|(category, _)| &category.path)
            };
            let inside = gone
                .iter()
                .filter(|(replica, _)| of(replica) == Some(&category.path));
            let inside = inside.count() as u64;
            if inside > 0 && self.is_category_empty(category)? {
                return Err(self.mass_deletion_error(inside, inside));
            }
        }
        Ok(())
    }

    /// Whether the source holds no project in a category.
    pub(super) fn is_category_empty(&self, category: &Category) -> Result<bool> {
        let listing = self
            .source
            .list_projects(self.registry, category, &Scope::All)?;
        Ok(listing.projects.is_empty()
            && !listing.is_unreadable
            && listing.unreadable_clients.is_empty())
    }

    fn mass_deletion_error(&self, gone: u64, known: u64) -> Error {
        Error::TooManyMissing {
            database: self.request.destination.name.clone(),
            source_root: self.request.source.root.clone(),
            missing: unit::format_count(gone),
            known: unit::format_count(known),
        }
    }

    /// Asks a person whether so many files are to be deleted.
    ///
    /// # Errors
    /// [`Error::Declined`], or there is nobody to answer.
    pub(super) fn confirm_deletion(&self, files: u64) -> Result<()> {
        if !self.request.confirmation.is_interactive() || files == 0 {
            return Ok(());
        }
        let question = format!(
            "move {} at `{}`, gone from `{}`, among the old versions?",
            unit::format_counted(files, "file"),
            self.request.destination.name,
            self.request.source.name,
        );
        self.request.confirmation.require(&question)
    }

    /// Moves what is gone among the old versions, if that is asked for: into a folder of its own, which the report names.
    /// Says whether it was asked for.
    pub(super) fn delete_remote(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        work: &mut SyncWork,
        report: &mut Report,
    ) -> Result<bool> {
        let whole = missing_paths(work);
        let declined = || {
            matches!(
                self.confirm_deletion(whole.len() as u64),
                Err(Error::Declined)
            )
        };
        if !self.request.delete || interrupt::is_requested() || declined() {
            for path in &whole {
                report.add(self.missing_outcome(), || self.destination_path(path));
            }
            return Ok(false);
        }
        self.keep_changed(storage, work, report)?;
        let whole = missing_paths(work);
        if whole.is_empty() {
            return Ok(true);
        }
        let versions = version::remote_version_folder(self.run)?;
        let mut moved = move_to_versions(storage, &whole, &versions)?;
        if !moved.moved.is_empty() {
            report.version_folders.push(storage.remote.path(&versions));
        }
        let checked = remaining_files(storage, &whole, &moved.moved)
            .and_then(|still| Ok((still, missing_versions(storage, &moved.moved, &versions)?)));
        match checked {
            Ok((still, lost)) => (moved.remaining, moved.lost) = (still, lost),
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                for path in &whole {
                    report.add(Outcome::Failed(error.full_message()), || {
                        self.destination_path(path)
                    });
                }
                return Ok(true);
            }
        }
        let mut record = SentRecord::new();
        for ((replica, gone), path) in work.missing.iter().zip(&whole) {
            let outcome = moved.outcome(path);
            if !matches!(outcome, Outcome::Failed(_)) {
                work.removed.push((replica.clone(), gone.path.clone()));
                let changes = record.entry(replica.clone()).or_default();
                changes.remove(&gone.path);
            }
            report.add(outcome, || self.destination_path(path));
        }
        let (source, destination) = self.roots();
        index.update_sent(destination, source, &record)?;
        Ok(true)
    }

    /// Takes out of what is gone the files that somebody else changed at the destination since they were sent.
    fn keep_changed(
        &self,
        storage: &RemoteStorage,
        work: &mut SyncWork,
        report: &mut Report,
    ) -> Result<()> {
        let files = missing_paths(work);
        if files.is_empty() {
            return Ok(());
        }
        let wanted = ListTarget::Files(&files);
        let listed = storage
            .remote
            .list(wanted, &storage.features, TimeSource::Cheap)?;
        let listed = listed.unwrap_or_default();
        work.missing.retain(|(replica, gone)| {
            let path = replica.join(&gone.path);
            let sent = &gone.sent;
            let is_other = listed.file(&path).is_some_and(|there| {
                let is_marked = sent.tag == 0 || there.tag == sent.tag;
                !is_marked || there.bytes.is_some_and(|bytes| bytes != sent.bytes)
            });
            if is_other {
                report.add(self.changed_outcome(), || self.destination_path(&path));
            }
            !is_other
        });
        Ok(())
    }
}

/// The paths of what is gone, below both roots.
fn missing_paths(work: &SyncWork) -> Vec<PathBuf> {
    let gone = work.missing.iter();
    gone.map(|(replica, gone)| replica.join(&gone.path))
        .collect()
}

/// What came of moving files among the old versions.
#[derive(Default)]
struct VersionMoves {
    /// Those that rclone says it moved.
    moved: HashSet<PathBuf>,
    /// Those it says it could not move, and why.
    failed: HashMap<PathBuf, String>,
    /// What it said of none of them.
    message: Option<String>,
    /// Those that may be where they were, whatever it says.
    remaining: HashSet<PathBuf>,
    /// Those it says it moved that are not among the old versions.
    lost: HashSet<PathBuf>,
}

impl VersionMoves {
    fn outcome(&self, path: &Path) -> Outcome {
        let failed = self.failed.get(path);
        if failed.is_some() || self.remaining.contains(path) {
            let said = failed.or(self.message.as_ref());
            let why = said.map_or("it is still there", String::as_str);
            return Outcome::Failed(format!(
                "it could not be moved among the old versions: {why}"
            ));
        }
        if self.lost.contains(path) {
            let why = "rclone says that it was moved among the old versions, and it is not there";
            Outcome::Failed(why.to_owned())
        } else if self.moved.contains(path) {
            Outcome::Deleted
        } else {
            Outcome::Skipped("it was not there any more".to_owned())
        }
    }
}

/// Moves files among the old versions.
fn move_to_versions(
    storage: &RemoteStorage,
    files: &[PathBuf],
    versions: &Path,
) -> Result<VersionMoves> {
    let limits = TransferLimits::default();
    let mut moved = VersionMoves::default();
    let batch = TransferBatch::move_to_versions(&storage.remote, files, versions, &limits);
    moved.message = batch
        .run(&mut |news| match news {
            TransferEvent::Failed(path, said) => {
                moved.failed.insert(path.to_owned(), said.to_owned());
            }
            TransferEvent::Done(path) => {
                moved.moved.insert(path.to_owned());
            }
            TransferEvent::Bytes(_) | TransferEvent::VersionKept => {}
        })?
        .error;
    Ok(moved)
}

/// Those of the files that were moved that a listing does not show among the old versions.
fn missing_versions(
    storage: &RemoteStorage,
    moved: &HashSet<PathBuf>,
    versions: &Path,
) -> Result<HashSet<PathBuf>> {
    let kept: Vec<PathBuf> = moved.iter().map(|path| versions.join(path)).collect();
    if kept.is_empty() {
        return Ok(HashSet::new());
    }
    let listed = storage.remote.list(
        ListTarget::Files(&kept),
        &storage.features,
        TimeSource::Cheap,
    )?;
    let listed = listed.unwrap_or_default();
    let lost = moved.iter().zip(&kept);
    let lost = lost.filter(|(_, kept)| listed.file(kept).is_none());
    Ok(lost.map(|(path, _)| path.clone()).collect())
}

/// Those of these files that are not surely gone from where they were.
fn remaining_files(
    storage: &RemoteStorage,
    files: &[PathBuf],
    moved: &HashSet<PathBuf>,
) -> Result<HashSet<PathBuf>> {
    let listed = storage.remote.list(
        ListTarget::Files(files),
        &storage.features,
        TimeSource::Cheap,
    )?;
    let listed = listed.unwrap_or_default();
    let unmoved = files.iter().filter(|path| !moved.contains(*path));
    let mut still = storage.possibly_present(unmoved.cloned().collect())?;
    let closed = |path: &Path| {
        listed
            .problems
            .iter()
            .any(|(closed, _)| path.starts_with(closed))
    };
    let shown = files
        .iter()
        .filter(|path| listed.file(path).is_some() || closed(path));
    still.extend(shown.cloned());
    Ok(still)
}
