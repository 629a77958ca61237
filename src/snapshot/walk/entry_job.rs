//! Entries of a long folder, shared out in parts: on a disk that answers late, one walker would wait for each alone.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::folder::{EntrySource, FolderContents};
use crate::model::exclusion::Exclusions;
use crate::os::folder::Folder;
use crate::os::reader::EntryNames;

/// Number of entries in a part: on a disk that answers late, a walker takes a second or more for it.
const PART_ENTRIES: usize = 128;

/// Number of parts from which a folder is shared.
const MIN_PARTS: usize = 8;

/// Longest wait between two checks for the end of the walk.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A long folder that was listed. Every walker that has nothing else to do reads parts of it.
#[derive(Debug)]
pub(super) struct EntryJob {
    folder: Arc<Folder>,
    /// Path below the replica's folder.
    path: PathBuf,
    list: EntryNames,
    exclusions: Arc<Exclusions>,
    /// Number of parts taken.
    taken: AtomicUsize,
    read: Mutex<ReadParts>,
    /// Notified when the last part was read.
    complete: Condvar,
}

#[derive(Debug, Default)]
struct ReadParts {
    count: usize,
    contents: FolderContents,
}

impl EntryJob {
    /// True if a folder has enough entries to share.
    pub(super) const fn is_worthwhile(entries: usize) -> bool {
        entries >= MIN_PARTS * PART_ENTRIES
    }

    pub(super) fn new(
        folder: Arc<Folder>,
        path: PathBuf,
        list: EntryNames,
        exclusions: Arc<Exclusions>,
    ) -> Self {
        Self {
            folder,
            path,
            list,
            exclusions,
            taken: AtomicUsize::new(0),
            read: Mutex::default(),
            complete: Condvar::new(),
        }
    }

    fn parts(&self) -> usize {
        self.list.len().div_ceil(PART_ENTRIES)
    }

    /// True if every part is taken.
    pub(super) fn is_taken(&self) -> bool {
        self.taken.load(Ordering::Relaxed) >= self.parts()
    }

    fn read(&self) -> MutexGuard<'_, ReadParts> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads parts until all are taken, or `proceed`, which is called after each entry, returns false. `part` is memory for
    /// one.
    pub(super) fn work(&self, part: &mut FolderContents, mut proceed: impl FnMut() -> bool) {
        let mut goes_on = true;
        let source = EntrySource {
            folder: &self.folder,
            path: &self.path,
            exclusions: &self.exclusions,
        };
        while goes_on {
            let number = self.taken.fetch_add(1, Ordering::Relaxed);
            if number >= self.parts() {
                return;
            }
            let start = number * PART_ENTRIES;
            part.clear();
            let end = (start + PART_ENTRIES).min(self.list.len());
            part.add_listed(&source, &self.list, start..end, || {
                goes_on = proceed();
                goes_on
            });
            let mut read = self.read();
            read.contents.append(part);
            read.count += 1;
            if read.count == self.parts() {
                self.complete.notify_all();
            }
        }
    }

    /// Waits for the parts that others read, and returns all entries. Incomplete if `stop` is set.
    pub(super) fn finish(&self, stop: &AtomicBool) -> FolderContents {
        let mut read = self.read();
        while read.count < self.parts() && !stop.load(Ordering::Relaxed) {
            let woken = self.complete.wait_timeout(read, POLL_INTERVAL);
            read = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::take(&mut read.contents)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::model::exclusion::ExclusionRules;
    use crate::os::reader::FolderReader;

    #[test]
    fn parts_become_one_sorted_folder() {
        const FILES: usize = MIN_PARTS * PART_ENTRIES + 1;
        let temporary = tempfile::tempdir().unwrap();
        for number in 0..FILES {
            std::fs::write(temporary.path().join(format!("{number:06}")), "x").unwrap();
        }
        let mut list = EntryNames::default();
        let folder = Arc::new(Folder::open(temporary.path()).unwrap());
        let mut reader = FolderReader::default();
        reader.list(&folder, &mut list, || true).unwrap();
        assert!(EntryJob::is_worthwhile(list.len()));
        let exclusions = Arc::new(Exclusions::new(&ExclusionRules::default()).unwrap());
        let job = EntryJob::new(folder, PathBuf::new(), list, exclusions);
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| job.work(&mut FolderContents::default(), || true));
            }
        });
        assert!(job.is_taken());
        let mut contents = job.finish(&stop);
        contents.sort();
        let names = contents.entries().map(|entry| entry.name.to_owned());
        let expected = (0..FILES).map(|number| format!("{number:06}").into());
        assert!(names.eq(expected.collect::<Vec<std::ffi::OsString>>()));
    }

    #[test]
    fn stopped_job_waits_for_nobody() {
        let temporary = tempfile::tempdir().unwrap();
        std::fs::write(temporary.path().join("file"), "x").unwrap();
        let mut list = EntryNames::default();
        let folder = Arc::new(Folder::open(temporary.path()).unwrap());
        let listed = FolderReader::default().list(&folder, &mut list, || true);
        listed.unwrap();
        let exclusions = Arc::new(Exclusions::new(&ExclusionRules::default()).unwrap());
        let job = EntryJob::new(folder, PathBuf::new(), list, exclusions);
        assert_eq!(job.finish(&AtomicBool::new(true)).len(), 0);
    }
}
