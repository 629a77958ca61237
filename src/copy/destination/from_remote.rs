//! Copies from a remote source: files are fetched into a private folder, verified there, and then moved like local copies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::DestinationCopy;
use super::fetch::{FetchState, RemoteFetch, RequestedFile};
use super::fetch_folder::FetchFolder;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::copy::local::Job;
use crate::copy::outcome::VANISHED;
use crate::storage::{LocalStorage, Storage};

impl DestinationCopy<'_> {
    /// Fetches the files of all plans and copies them. Files that could not be fetched fail with the reason.
    pub(super) fn fetch(&mut self, storage: &LocalStorage, jobs: &mut [Job]) -> Result<()> {
        let spec = self.spec;
        let Storage::Remote(source) = &*spec.source else {
            return Ok(());
        };
        let requested = requested_files(jobs);
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
            files: &requested,
            verify: spec.verify,
            on_progress: &|bytes| self.meter.add_bytes(bytes),
        };
        let (states, is_complete) = fetch.run()?;
        let mut failed: Vec<BTreeMap<PathBuf, String>> = vec![BTreeMap::new(); jobs.len()];
        let mut missing: Vec<BTreeSet<PathBuf>> = vec![BTreeSet::new(); jobs.len()];
        for (file, state) in requested.into_iter().zip(states) {
            match state {
                FetchState::Failed(why) => {
                    failed[file.job].insert(file.path, why);
                }
                FetchState::Missing => {
                    missing[file.job].insert(file.path);
                }
                FetchState::Unreported | FetchState::ReportedDone | FetchState::Verified => {}
            }
        }
        for ((job, failed), missing) in jobs.iter_mut().zip(failed).zip(missing) {
            job.plan.reject(&failed);
            job.plan.skip(&missing, VANISHED);
        }
        self.transfer_jobs(&staging.folder, true, storage, jobs);
        // After cancellation the fetched files stay, and the next run verifies them.
        if is_complete
            && !interrupt::is_requested()
            && let Err(error) = staging.remove(&mut self.index)
        {
            self.report_problem(error);
        }
        Ok(())
    }
}

/// Returns all files that the plans copy.
fn requested_files(jobs: &[Job]) -> Vec<RequestedFile> {
    let mut requested = Vec::new();
    for (job, Job { relative, plan, .. }) in jobs.iter().enumerate() {
        for folder in &plan.folders {
            requested.extend(folder.files().map(|file| {
                let path = folder.path.join(file.name.as_path());
                RequestedFile {
                    job,
                    path_below_root: relative.join(&path),
                    path,
                    bytes: file.bytes,
                    modified: file.modified,
                }
            }));
        }
    }
    requested
}
