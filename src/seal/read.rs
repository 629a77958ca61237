//! Reading files whose hashes no evidence proves, with as many threads as suit the disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use super::file::SealFile;
use super::replica::ReplicaHistories;
use super::report::SealReport;
use super::request::SealRequest;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressEvent, Task};
use crate::base::name::Name;
use crate::index::{
    ContentOrigin, DatabaseId, FileEvidence, FolderEvidence, Index, NewEvidence, Proof,
};
use crate::model::path::split_path;
use crate::model::project::path_within;
use crate::os::file;
use crate::os::folder::Folder;
use crate::snapshot::content_hash::{ContentHashes, HashFormatSet};

/// Number of files after which evidence is written.
const MAX_UNWRITTEN: usize = 4096;

/// A file that was read.
struct ReadFile {
    hashes: ContentHashes,
    bytes: u64,
    proof: Proof,
}

/// Reads the files that must be read, and records evidence from the same read.
///
/// A file that cannot be read keeps the reason. After a cancellation the rest is not read.
pub(super) fn read_files(
    index: &mut Index,
    database: Option<DatabaseId>,
    request: &SealRequest<'_>,
    replica: &ReplicaHistories,
    files: &mut [SealFile],
    (report, monitor): (&mut SealReport, &dyn Monitor),
) -> Result<()> {
    let places = files
        .iter()
        .enumerate()
        .filter(|(_, file)| file.must_read());
    let places: Vec<usize> = places.map(|(place, _)| place).collect();
    let bytes = places.iter().map(|place| files[*place].bytes);
    let bytes = bytes.fold(0, u64::saturating_add);
    if request.dry_run {
        (report.read_files, report.read_bytes) = (places.len() as u64, bytes);
    }
    if places.is_empty() || request.dry_run {
        return Ok(());
    }
    monitor.on_event(&ProgressEvent::Started {
        task: Task::Verify,
        files: Some(places.len() as u64),
        bytes: Some(bytes),
    });
    let todo: Vec<(usize, String, HashFormatSet)> = places
        .iter()
        .map(|place| (*place, files[*place].path.clone(), files[*place].needed))
        .collect();
    let (sender, results) = mpsc::channel();
    let next = AtomicUsize::new(0);
    let recorded = thread::scope(|scope| {
        for number in 0..request.storage.read_threads().max(1) {
            let (sender, next, todo) = (sender.clone(), &next, &todo);
            let begun = thread::Builder::new().spawn_scoped(scope, move || {
                read_some(&replica.folder, todo, next, &sender);
            });
            match begun {
                Ok(_) => {}
                // The system refuses more threads; the existing ones do all the work.
                Err(_) if number > 0 => break,
                Err(error) => {
                    return Err(error).at("start a thread to read", replica.folder.path());
                }
            }
        }
        drop(sender);
        let mut recorder = Recorder {
            index,
            database,
            replica,
            unwritten: BTreeMap::new(),
            count: 0,
            failure: None,
        };
        take_results(results, files, &mut recorder, (report, monitor));
        recorder.flush();
        Ok(recorder.failure)
    });
    monitor.on_event(&ProgressEvent::Finished);
    let failure = recorded?;
    if let Some(error) = &failure {
        monitor.on_event(&ProgressEvent::Problem(error));
    }
    report.is_unrecorded = failure.is_some();
    Ok(())
}

/// Keeps the hashes of files as they are read, and records their evidence.
fn take_results(
    results: Receiver<(usize, Result<ReadFile>)>,
    files: &mut [SealFile],
    recorder: &mut Recorder<'_>,
    (report, monitor): (&mut SealReport, &dyn Monitor),
) {
    for (place, read) in results {
        monitor.on_event(&ProgressEvent::Files(1));
        let file = &mut files[place];
        match read {
            Ok(read) => {
                monitor.on_event(&ProgressEvent::Bytes(read.bytes));
                recorder.add(file, &read);
                report.read_files += 1;
                report.read_bytes = report.read_bytes.saturating_add(read.bytes);
                file.hashes = Some((read.hashes, read.proof.at));
            }
            Err(error) => {
                file.hashes = None;
                file.failure = Some(error.full_message());
            }
        }
    }
}

/// Reads files until there are no more.
fn read_some(
    replica: &Folder,
    todo: &[(usize, String, HashFormatSet)],
    next: &AtomicUsize,
    results: &Sender<(usize, Result<ReadFile>)>,
) {
    let mut buffer = Vec::new();
    let mut parent: Option<(PathBuf, Folder)> = None;
    while let Some((place, path, formats)) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
        if interrupt::is_requested() {
            return;
        }
        let (above, name) = split_path(Path::new(path));
        let known = parent.take().filter(|(known, _)| known == above);
        let opened = match known {
            Some((_, folder)) => Ok(folder),
            None => replica.open_descendant(above),
        };
        let read = opened.and_then(|folder| {
            let read = read_file(&folder, name, *formats, &mut buffer);
            parent = Some((above.to_owned(), folder));
            read
        });
        if matches!(read, Err(Error::Interrupted)) {
            return;
        }
        ignore(
            results.send((*place, read)),
            "the receiver outlives its readers",
        );
    }
}

fn read_file(
    folder: &Folder,
    name: &std::ffi::OsStr,
    formats: HashFormatSet,
    buffer: &mut Vec<u8>,
) -> Result<ReadFile> {
    let (opened, stat) = folder.open_file(name)?;
    let path = || folder.path().join(name);
    // So that the disk is read, and not memory.
    file::drop_from_cache(&opened);
    let read = ContentHashes::of_file(&opened, formats, buffer, &|_| {});
    if read.is_err() {
        interrupt::check()?;
    }
    let hashes = read.at("read", path())?;
    if !file::is_unchanged(&opened, &stat) {
        return Err(Error::SourceChanged { path: path() });
    }
    Ok(ReadFile {
        hashes,
        bytes: stat.bytes,
        proof: Proof::read_now(&stat, folder.has_reliable_file_system()),
    })
}

/// Writes evidence to the index while files are read.
struct Recorder<'a> {
    index: &'a mut Index,
    database: Option<DatabaseId>,
    replica: &'a ReplicaHistories,
    unwritten: BTreeMap<PathBuf, FolderEvidence>,
    count: usize,
    failure: Option<Error>,
}

impl Recorder<'_> {
    fn add(&mut self, file: &SealFile, read: &ReadFile) {
        // A file that grew since the walk has no evidence for the size that the index knows.
        if read.bytes != file.bytes {
            return;
        }
        let (above, name) = split_path(Path::new(&file.path));
        let folder = path_within(&self.replica.relative, above);
        let evidence = FileEvidence {
            bytes: file.bytes,
            modified: file.modified,
            digest: read.hashes.digest,
            proof: read.proof,
        };
        self.unwritten
            .entry(folder)
            .or_default()
            .insert(Name::from(name), evidence);
        self.count += 1;
        if self.count >= MAX_UNWRITTEN {
            self.flush();
        }
    }

    /// Writes what was added. After a failure nothing more is written.
    fn flush(&mut self) {
        self.count = 0;
        let unwritten = std::mem::take(&mut self.unwritten);
        let Some(database) = self.database.filter(|_| self.failure.is_none()) else {
            return;
        };
        let rows: Vec<NewEvidence<'_>> = unwritten
            .iter()
            .map(|(folder, files)| NewEvidence {
                database,
                folder,
                files,
                origin: ContentOrigin::Found,
            })
            .collect();
        if let Err(error) = self.index.add_evidence(&rows) {
            self.failure = Some(error);
        }
    }
}
