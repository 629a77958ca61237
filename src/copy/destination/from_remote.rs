//! A copy whose source is behind rclone: its files are fetched into a private folder, proven there, and go from there the way
//! of every copy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::DestinationCopy;
use super::fetch::{FetchState, RemoteFetch};
use super::fetch_folder::FetchFolder;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::timestamp::Timestamp;
use crate::copy::local::Job;
use crate::copy::outcome::VANISHED;
use crate::storage::{LocalStorage, Storage};

/// A file that is to be fetched: its job, its path below the replica and below both roots, its size and its time.
pub(super) struct RequestedFile {
    pub(super) job: usize,
    pub(super) path: PathBuf,
    pub(super) path_below_root: PathBuf,
    pub(super) bytes: u64,
    pub(super) modified: Timestamp,
}

impl DestinationCopy<'_> {
    /// Fetches what the plans need, and copies it. What could not be fetched is refused with the reason.
    pub(super) fn fetch(&mut self, storage: &LocalStorage, jobs: &mut [Job]) -> Result<()> {
        let spec = self.spec;
        let Storage::Remote(source) = &*spec.source else {
            return Ok(());
        };
        let wanted = requested_files(jobs);
        let mut staging = FetchFolder::open(&mut self.index, &storage.root, &source.database.root)?;
        if let Some(error) = staging.record_error.take() {
            self.report_problem(error);
        }
        for job in &*jobs {
            staging.make_folder(&job.relative)?;
        }
        let fetch = RemoteFetch {
            source,
            staging: &staging,
            files: &wanted,
            verify: spec.verify,
            on_progress: &|bytes| self.meter.add_bytes(bytes),
        };
        let (states, is_whole) = fetch.run()?;
        let mut failed: Vec<BTreeMap<PathBuf, String>> = vec![BTreeMap::new(); jobs.len()];
        let mut gone: Vec<BTreeSet<PathBuf>> = vec![BTreeSet::new(); jobs.len()];
        for (file, state) in wanted.into_iter().zip(states) {
            match state {
                FetchState::Failed(why) => {
                    failed[file.job].insert(file.path, why);
                }
                FetchState::Missing => {
                    gone[file.job].insert(file.path);
                }
                FetchState::Unreported | FetchState::ReportedDone | FetchState::Verified => {}
            }
        }
        for ((job, failed), gone) in jobs.iter_mut().zip(failed).zip(gone) {
            job.plan.reject(&failed);
            job.plan.skip(&gone, VANISHED);
        }
        self.transfer_jobs(&staging.folder, true, storage, jobs);
        // After a stop the next run proves what is there.
        if is_whole
            && !interrupt::is_requested()
            && let Err(error) = staging.remove(&mut self.index)
        {
            self.report_problem(error);
        }
        Ok(())
    }
}

/// Everything that plans would copy.
fn requested_files(jobs: &[Job]) -> Vec<RequestedFile> {
    let mut wanted = Vec::new();
    for (job, Job { relative, plan, .. }) in jobs.iter().enumerate() {
        let mut request = |path: PathBuf, bytes, modified| {
            wanted.push(RequestedFile {
                job,
                path_below_root: relative.join(&path),
                path,
                bytes,
                modified,
            });
        };
        for folder in &plan.folders {
            let mut files = folder.add.files();
            while let Ok(Some(file)) = files.next() {
                let name = crate::base::name::Name::from_bytes(file.name.to_vec());
                request(folder.path.join(name.as_path()), file.bytes, file.modified);
            }
            for new in &folder.replace {
                let path = folder.path.join(new.name.as_path());
                request(path, new.new.bytes, new.new.modified);
            }
        }
    }
    wanted
}
