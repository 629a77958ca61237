//! A copy whose source is behind rclone: its files are fetched into a private folder, proven there, and go from there the way
//! of every copy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::Lane;
use super::fetch::{Fetch, State};
use super::fetch_folder::Staging;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::timestamp::Moment;
use crate::copy::local::Job;
use crate::copy::outcome::VANISHED;
use crate::storage::{DiskSide, Side};

/// A file that is to be fetched: its job, its path below the replica and below both roots, its size and its time.
pub(super) struct Wanted {
    pub(super) job: usize,
    pub(super) path: PathBuf,
    pub(super) whole: PathBuf,
    pub(super) bytes: u64,
    pub(super) modified: Moment,
}

impl Lane<'_> {
    /// Fetches what the plans need, and copies it. What could not be fetched is refused with the reason.
    pub(super) fn receive(&mut self, side: &DiskSide, jobs: &mut [Job]) -> Result<()> {
        let errand = self.errand;
        let Side::Remote(source) = &*errand.source else {
            return Ok(());
        };
        let wanted = wanted(jobs);
        let mut staging = Staging::open(&mut self.index, &side.root, &source.database.root)?;
        if let Some(error) = staging.unnoted.take() {
            self.problem(error);
        }
        for job in &*jobs {
            staging.make_folder(&job.relative)?;
        }
        let fetch = Fetch {
            source,
            staging: &staging,
            files: &wanted,
            verify: errand.verify,
            told: &|bytes| self.meter.bytes(bytes),
        };
        let (states, is_whole) = fetch.run()?;
        let mut failed: Vec<BTreeMap<PathBuf, String>> = vec![BTreeMap::new(); jobs.len()];
        let mut gone: Vec<BTreeSet<PathBuf>> = vec![BTreeSet::new(); jobs.len()];
        for (file, state) in wanted.into_iter().zip(states) {
            match state {
                State::Failed(why) => {
                    failed[file.job].insert(file.path, why);
                }
                State::Gone => {
                    gone[file.job].insert(file.path);
                }
                State::Unsaid | State::Said | State::Proven => {}
            }
        }
        for ((job, failed), gone) in jobs.iter_mut().zip(failed).zip(gone) {
            job.plan.refuse(&failed);
            job.plan.skip(&gone, VANISHED);
        }
        self.transfer(&staging.folder, true, side, jobs);
        // After a stop the next run proves what is there.
        if is_whole
            && !interrupt::requested()
            && let Err(error) = staging.remove(&mut self.index)
        {
            self.problem(error);
        }
        Ok(())
    }
}

/// Everything that plans would copy.
fn wanted(jobs: &[Job]) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (job, Job { relative, plan, .. }) in jobs.iter().enumerate() {
        let mut want = |path: PathBuf, bytes, modified| {
            wanted.push(Wanted {
                job,
                whole: relative.join(&path),
                path,
                bytes,
                modified,
            });
        };
        for folder in &plan.folders {
            let mut files = folder.add.files();
            while let Ok(Some(file)) = files.next() {
                let name = crate::base::name::Name::from_bytes(file.name.to_vec());
                want(folder.path.join(name.as_path()), file.bytes, file.modified);
            }
            for new in &folder.replace {
                let path = folder.path.join(new.name.as_path());
                want(path, new.new.bytes, new.new.modified);
            }
        }
    }
    wanted
}
