//! The storages of one disk, read by as many threads as suit it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::batch::BatchResult;
use super::budget::RemainingBudget;
use super::file::{CheckedFile, ExpectedFile, Verdict, check_file};
use super::history::HistoryChecks;
use super::queue::{DueFolder, DueFolders, is_due};
use super::request::VerifyRequest;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::index::{DatabaseId, Index};
use crate::model::project::path_within;
use crate::os::disk::Disk;
use crate::os::folder::is_not_found;
use crate::os::io_priority;
use crate::snapshot::manifest::ManifestRef;
use crate::storage::LocalStorage;

/// Largest number of files that one thread reads at a time.
const MAX_BATCH_FILES: usize = 256;

/// Largest number of their bytes, unless one file has more: 32 MiB.
const MAX_BATCH_BYTES: u64 = 32 << 20;

/// Largest number of batches that wait for a thread.
const MAX_QUEUED_BATCHES: usize = 8;

/// The storages of one disk with their folders to read.
#[derive(Debug)]
pub(super) struct DiskGroup {
    pub(super) disk: Disk,
    storages: Vec<GroupStorage>,
    folders: Vec<(usize, DueFolder)>,
}

#[derive(Debug)]
struct GroupStorage {
    storage: LocalStorage,
    id: Option<DatabaseId>,
    /// The number of the database in the request.
    database: usize,
}

/// Files of one folder, read by one thread.
struct FileBatch {
    storage: usize,
    /// The folder below the root.
    folder: PathBuf,
    files: Vec<ExpectedFile>,
}

impl DiskGroup {
    pub(super) const fn new(disk: Disk) -> Self {
        Self {
            disk,
            storages: Vec::new(),
            folders: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, storage: LocalStorage, due: DueFolders) {
        let number = self.storages.len();
        self.folders
            .extend(due.folders.into_iter().map(|folder| (number, folder)));
        self.storages.push(GroupStorage {
            storage,
            id: due.id,
            database: due.database,
        });
    }

    /// Sorts the folders: oldest proof first, then in the order of the disk as far as paths show it.
    pub(super) fn sort(&mut self) {
        self.folders.sort_by(|(a_storage, a), (b_storage, b)| {
            let key = |folder: &DueFolder| folder.oldest;
            key(a).cmp(&key(b)).then_with(|| a_storage.cmp(b_storage))
        });
    }

    /// Numbers of files and bytes to read.
    pub(super) fn totals(&self) -> (u64, u64) {
        let folders = self.folders.iter();
        folders.fold((0, 0_u64), |(files, bytes), (_, folder)| {
            (files + folder.files, bytes.saturating_add(folder.bytes))
        })
    }

    /// The root of its first storage, for messages.
    pub(super) fn path(&self) -> PathBuf {
        let root = self
            .storages
            .first()
            .map(|one| one.storage.root.path().to_owned());
        root.unwrap_or_default()
    }
}

/// Reads the folders of a group until the budget is used up, and sends the results. Returns true if the reads have the
/// lowest priority.
pub(super) fn read_group(
    index: &Index,
    group: &DiskGroup,
    (request, histories): (&VerifyRequest<'_>, Option<&HistoryChecks>),
    budget: &RemainingBudget,
    results: &Sender<BatchResult>,
) -> Result<bool> {
    let has_low_priority = io_priority::set_idle_for_this_thread();
    let threads = group
        .storages
        .iter()
        .map(|one| one.storage.read_threads())
        .max();
    let (sender, waiting) = mpsc::sync_channel(MAX_QUEUED_BATCHES);
    let waiting = Mutex::new(waiting);
    thread::scope(|scope| {
        // Dropped when this closure ends, also by an error, so that the readers end.
        let sender = sender;
        for number in 0..threads.unwrap_or(1).max(1) {
            let (waiting, results) = (&waiting, results.clone());
            let begun = thread::Builder::new().spawn_scoped(scope, move || {
                read_batches(&group.storages, waiting, &results);
            });
            match begun {
                Ok(_) => {}
                // The system refuses more threads; the existing ones do all the work.
                Err(_) if number > 0 => break,
                Err(error) => return Err(error).at("start a thread to read", group.path()),
            }
        }
        let mut dispatcher = Dispatcher {
            index,
            group,
            request,
            histories,
            budget,
            is_stopped: false,
        };
        for (number, folder) in &group.folders {
            dispatcher.dispatch(*number, folder, &mut |batch| {
                ignore(sender.send(batch), "the readers outlive this loop");
            })?;
        }
        Ok(has_low_priority)
    })
}

/// Divides folders into batches, within the budget.
struct Dispatcher<'a> {
    index: &'a Index,
    group: &'a DiskGroup,
    request: &'a VerifyRequest<'a>,
    histories: Option<&'a HistoryChecks>,
    budget: &'a RemainingBudget,
    /// True once the budget was used up, or the run was canceled.
    is_stopped: bool,
}

impl Dispatcher<'_> {
    fn dispatch(
        &mut self,
        number: usize,
        folder: &DueFolder,
        send: &mut dyn FnMut(FileBatch),
    ) -> Result<()> {
        self.is_stopped |= interrupt::is_requested();
        if self.is_stopped {
            return Ok(());
        }
        let place = {
            let base = folder
                .replica
                .category
                .replica_path(folder.replica.replica.project());
            path_within(&base, &folder.path)
        };
        let mut batch = Vec::new();
        let mut bytes = 0_u64;
        for file in self.expected_files(number, folder)? {
            self.is_stopped |= interrupt::is_requested() || !self.budget.take(file.bytes);
            if self.is_stopped {
                break;
            }
            bytes = bytes.saturating_add(file.bytes);
            batch.push(file);
            if batch.len() >= MAX_BATCH_FILES || bytes >= MAX_BATCH_BYTES {
                send(FileBatch {
                    storage: number,
                    folder: place.clone(),
                    files: std::mem::take(&mut batch),
                });
                bytes = 0;
            }
        }
        if !batch.is_empty() {
            send(FileBatch {
                storage: number,
                folder: place,
                files: batch,
            });
        }
        Ok(())
    }

    /// Returns the files of a folder that are to be read.
    fn expected_files(&self, number: usize, folder: &DueFolder) -> Result<Vec<ExpectedFile>> {
        let Some(id) = self.group.storages[number].id else {
            return Ok(Vec::new());
        };
        let due = &folder.replica;
        let key = due.category.key();
        let base = due.category.replica_path(due.replica.project());
        let altered = self
            .index
            .altered_times_in(id, &path_within(&base, &folder.path))?;
        let mut files = Vec::new();
        let place = (folder.path.as_path(), due.precision);
        let database = self.group.storages[number].database;
        let within = path_within(&base, &folder.path);
        let formats = |name: &Name| {
            let histories = self.histories;
            histories
                .map(|known| known.formats(database, &within, name))
                .unwrap_or_default()
        };
        self.index.visit_proven_folder(
            id,
            key,
            &due.replica,
            place,
            ManifestRef::default(),
            &mut |found| {
                found.visit(&mut |file, content| {
                    if !is_due(file, content, self.request.proven_since) {
                        return;
                    }
                    let name = Name::from_bytes(file.name.to_vec());
                    files.push(ExpectedFile {
                        altered: altered.get(&name).copied(),
                        formats: formats(&name),
                        name,
                        bytes: file.bytes,
                        modified: file.modified,
                        precision: due.precision,
                        known: content.copied(),
                    });
                });
            },
        )?;
        Ok(files)
    }
}

/// Reads batches until there are no more.
fn read_batches(
    storages: &[GroupStorage],
    waiting: &Mutex<Receiver<FileBatch>>,
    results: &Sender<BatchResult>,
) {
    let mut buffer = Vec::new();
    loop {
        let next = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(batch) = next else { return };
        let one = &storages[batch.storage];
        let result = read_batch(one, batch, &mut buffer);
        ignore(results.send(result), "the receiver outlives its readers");
    }
}

fn read_batch(one: &GroupStorage, batch: FileBatch, buffer: &mut Vec<u8>) -> BatchResult {
    let root = &one.storage.root;
    let folder = root.open_descendant(&batch.folder);
    let mut files = Vec::with_capacity(batch.files.len());
    let mut hashes = Vec::new();
    for expected in batch.files {
        if interrupt::is_requested() {
            break;
        }
        let verdict = match &folder {
            Ok(folder) => match check_file(folder, &expected, buffer, &|_| {}) {
                Ok(CheckedFile { verdict, read }) => {
                    let read = read.filter(|_| !expected.formats.is_empty());
                    hashes.extend(read.map(|read| (expected.name.clone(), read)));
                    verdict
                }
                // Interrupted: the rest was not read.
                Err(_) => break,
            },
            Err(error) => absent_verdict(&one.storage, &batch.folder, error),
        };
        files.push((expected.name, verdict));
    }
    BatchResult {
        database: one.database,
        id: one.id,
        path: root.path().join(&batch.folder),
        folder: batch.folder,
        files,
        hashes,
    }
}

/// Returns the verdict on the files of a folder that could not be opened: missing only if no mount is.
fn absent_verdict(storage: &LocalStorage, folder: &Path, error: &Error) -> Verdict {
    match storage.missing_mount(folder) {
        Some(mount) => Verdict::Unreadable(mount.full_message()),
        None if is_not_found(error) => Verdict::Missing,
        None => Verdict::Unreadable(error.full_message()),
    }
}
