//! The steps of the plans for a remote destination: renames, uploads with rclone, deletions, and the record of all.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use super::change::{RemoteChanges, outgoing_files};
use super::deletion::delete_missing;
use super::rename::rename_files;
use super::upload::{OutgoingFile, Upload, UploadEnd};
use super::upload_journal::settle_journal;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::copy::destination::find_replica;
use crate::copy::destination::{DestinationCopy, SourceReplica};
use crate::copy::emptied::emptied_client;
use crate::copy::executor::Executor;
use crate::copy::outcome::Outcome;
use crate::copy::plan::Plan;
use crate::index::{Index, RunId, SentFolder, SentRecord};
use crate::model::project::Scope;
use crate::rclone::UnmadeFolders;
use crate::snapshot::tree::Tree;
use crate::storage::lock::Lock;
use crate::storage::observation;
use crate::storage::{RemoteStorage, Storage};

impl Executor for RemoteStorage {
    fn begin(&self, index: &mut Index, source: &Storage, run: RunId) -> Result<Option<Lock>> {
        let lock = self.lock(run)?;
        settle_journal(index, self, source)?;
        Ok(Some(lock))
    }

    fn require_space(&self, _: &DestinationCopy<'_>, _: &[Plan]) -> Result<()> {
        // Remotes do not report their free space reliably; a full one fails the files that do not fit.
        Ok(())
    }

    fn execute(
        &self,
        copy: &mut DestinationCopy<'_>,
        plans: &[Plan],
        lock: Option<Lock>,
    ) -> Result<()> {
        if plans.iter().any(Plan::has_work) {
            self.ensure_identity()?;
        }
        copy.report_planned(&plans.iter().collect::<Vec<_>>());
        for plan in plans {
            copy.report_uncopied(plan);
        }
        let mut changes = RemoteChanges::new(outgoing_files(copy, self, plans)?, plans);
        rename_files(copy, self, plans, &mut changes)?;
        let end = send_all(copy, self, &changes.send)?;
        if end == UploadEnd::Answered {
            match tidy(copy, self, plans, &mut changes) {
                Ok(()) | Err(Error::LeaseLost { .. }) => {}
                Err(error) => return Err(error),
            }
        } else {
            copy.report_gone(&changes.missing);
        }
        let recorded = interrupt::with_grace_period(|| observe(copy, self, plans, &changes));
        copy.report_problems([recorded]);
        lock.as_ref().map_or(Ok(()), Lock::check)
    }
}

/// Sends files, first those with priority. After a lost connection the others fail with its error.
fn send_all(
    copy: &mut DestinationCopy<'_>,
    storage: &RemoteStorage,
    files: &[OutgoingFile],
) -> Result<UploadEnd> {
    let priority = &copy.spec.limits.priority;
    let is_first = |file: &&OutgoingFile| priority.contains(&file.path_below_root());
    let (first, rest): (Vec<_>, Vec<_>) = files.iter().partition(is_first);
    let mut end = UploadEnd::Answered;
    for part in [first, rest] {
        let part: Vec<OutgoingFile> = part.into_iter().cloned().collect();
        match &end {
            UploadEnd::Answered => end = send(copy, storage, &part)?,
            UploadEnd::Lost(why) => {
                for file in &part {
                    let outcome = Outcome::Failed(why.clone());
                    copy.report_outcome(&file.replica, &file.path, outcome);
                }
            }
        }
    }
    Ok(end)
}

fn send(
    copy: &mut DestinationCopy<'_>,
    storage: &RemoteStorage,
    files: &[OutgoingFile],
) -> Result<UploadEnd> {
    let spec = copy.spec;
    // Bytes count twice if they are verified; rclone reports progress for both passes at once.
    let (meter, passes) = (copy.meter, if spec.verify { 2 } else { 1 });
    let upload = Upload {
        source: &spec.source,
        destination: storage,
        limits: &spec.limits.transfer,
        verify: spec.verify,
        run: spec.run,
        on_progress: &|files, bytes| {
            meter.add_files(files);
            meter.add_bytes(bytes * passes);
        },
    };
    let (report, database) = (copy.report, copy.database);
    let mut kept = Vec::new();
    let sent = upload.send(&mut copy.index, files, &mut kept, &mut |file, outcome| {
        let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
        report.add(outcome, || database.path(&file.path_below_root()));
    });
    let kept = kept.iter().map(|versions| storage.remote.path(versions));
    copy.lock_report().version_folders.extend(kept);
    sent
}

/// Creates empty folders, and removes what is missing at the source.
fn tidy(
    copy: &mut DestinationCopy<'_>,
    storage: &RemoteStorage,
    plans: &[Plan],
    changes: &mut RemoteChanges,
) -> Result<()> {
    make_empty_folders(copy, storage, plans, changes)?;
    delete_missing(copy, storage, changes)?;
    remove_emptied(copy, storage, plans, changes)
}

/// True after a cancellation, or the loss of the lease.
fn must_stop(storage: &RemoteStorage) -> bool {
    interrupt::is_requested() || storage.remote.write_guard().is_lost()
}

/// Creates the empty folders of the plans if the storage supports them, and adds them to the sync record.
fn make_empty_folders(
    copy: &mut DestinationCopy<'_>,
    storage: &RemoteStorage,
    plans: &[Plan],
    changes: &mut RemoteChanges,
) -> Result<()> {
    let empty = |plan: &Plan| {
        let folders = plan.empty_folders().map(|path| plan.replica.join(path));
        folders.collect::<Vec<_>>()
    };
    let folders: Vec<PathBuf> = plans.iter().flat_map(empty).collect();
    if folders.is_empty() || must_stop(storage) {
        return Ok(());
    }
    let mut unmade = BTreeSet::new();
    if storage.features.keeps_empty_folders()
        && let Some(failed) = create_folders(storage, &folders)?
    {
        for path in &failed.paths {
            let outcome = Outcome::Failed(failed.error.full_message());
            copy.report_outcome(path, Path::new(""), outcome);
        }
        unmade = failed.paths;
    }
    let mut record = SentRecord::new();
    for plan in plans {
        let sent = record.entry(plan.replica.clone()).or_default();
        for path in plan.empty_folders() {
            if unmade.contains(&plan.replica.join(path)) {
                let folder = (plan.replica.clone(), path.to_owned());
                changes.removed_folders.push(folder);
            } else {
                sent.add_folder(path, SentFolder::new());
            }
        }
    }
    let source = &copy.spec.source.database().root;
    copy.index.update_sent(&copy.database.root, source, &record)
}

fn create_folders(storage: &RemoteStorage, folders: &[PathBuf]) -> Result<Option<UnmadeFolders>> {
    let permit = storage.remote.permit()?;
    storage
        .remote
        .create_folders(folders, &storage.features, &permit)
}

/// Removes the emptied folders from the storage and from the record. Folders that cannot be removed are kept.
fn remove_emptied(
    copy: &mut DestinationCopy<'_>,
    storage: &RemoteStorage,
    plans: &[Plan],
    changes: &mut RemoteChanges,
) -> Result<()> {
    let emptied = plans.iter().flat_map(|plan| {
        let folders = plan.emptied_folders.iter();
        folders.map(|path| (plan.replica.clone(), path.clone()))
    });
    let mut folders: Vec<(PathBuf, PathBuf)> = emptied.collect();
    if folders.is_empty() || must_stop(storage) {
        return Ok(());
    }
    if storage.features.keeps_empty_folders() {
        // Without the trailing slash of a replica's own folder.
        let whole =
            |(replica, path): &(PathBuf, PathBuf)| replica.join(path).components().collect();
        let paths: Vec<PathBuf> = folders.iter().map(whole).collect();
        let removed = storage.remote.remove_empty_folders(&paths)?;
        folders.retain(|folder| removed.contains(&whole(folder)));
        let mut clients = BTreeSet::new();
        for (replica, path) in &folders {
            clients.extend(emptied_client(&copy.spec.source, replica, path)?);
        }
        let clients: Vec<PathBuf> = clients.into_iter().collect();
        // A client's folder with another project is not empty and is kept.
        storage.remote.remove_empty_folders(&clients)?;
    }
    copy.index
        .forget_sent_folders(&copy.database.root, &folders)?;
    changes.removed_folders = folders;
    Ok(())
}

/// Records the replicas that changed: as the index knows them, with the changes of this run.
fn observe(
    copy: &mut DestinationCopy<'_>,
    storage: &RemoteStorage,
    plans: &[Plan],
    changes: &RemoteChanges,
) -> Result<()> {
    let others = changes.replicas();
    let mut trees = Vec::new();
    for plan in plans {
        // A respelled replica was recorded before the copy, with the storage's own names.
        if (plan.has_work() || others.contains(plan.replica.as_path()))
            && !plan.is_respelled
            && let Some(replica) = find_replica(&copy.spec.replicas, plan)
        {
            trees.push((
                replica,
                tree_after(copy, storage, (plan, replica), changes)?,
            ));
        }
    }
    if trees.is_empty() {
        return Ok(());
    }
    let root = storage.observed_root();
    observation::record(&mut copy.index, copy.database, root, |builder| {
        trees
            .iter()
            .try_for_each(|(replica, tree)| builder.add(&replica.category, &replica.project, tree))
    })
}

fn tree_after(
    copy: &DestinationCopy<'_>,
    storage: &RemoteStorage,
    (plan, replica): (&Plan, &SourceReplica),
    changes: &RemoteChanges,
) -> Result<Tree> {
    let before = stored_tree(copy, replica)?;
    let rows = copy.index.sent_rows(&copy.database.root, &plan.replica)?;
    let made: Vec<PathBuf> = plan.empty_folders().map(Path::to_owned).collect();
    let mut tree = storage.tree_after_upload(before, &rows, &made);
    let is_own = |(replica, _): &&(PathBuf, PathBuf)| *replica == plan.replica;
    for (_, path) in changes.removed.iter().filter(is_own) {
        tree.remove_file(path);
    }
    for (_, path) in changes.removed_folders.iter().filter(is_own) {
        tree.drop_empty_folder(path);
    }
    Ok(tree)
}

/// Returns the tree of a replica at the destination according to the index.
fn stored_tree(copy: &DestinationCopy<'_>, replica: &SourceReplica) -> Result<Tree> {
    let mut tree = Tree::default();
    let Some(id) = copy.index.database_id(&copy.database.root)? else {
        return Ok(tree);
    };
    let scope = Scope::Project(replica.project.clone());
    copy.index
        .visit_folders(id, replica.category.key(), &scope, &mut |folder| {
            tree.add_folder(folder.path, folder.files());
            Ok(true)
        })?;
    Ok(tree)
}
