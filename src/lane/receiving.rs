//! What a lane does where its source is behind rclone: the files are fetched into our own folder, all in one process, and
//! from there they go the way of every copy.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Lane;
use crate::error::{At as _, Error, Result};
use crate::exclusions::OWN_FOLDER;
use crate::interrupt;
use crate::moment::Moment;
use crate::os::folder::Folder;
use crate::remote::{self, Batch, Limits, Sent};
use crate::sides::{DiskSide, RemoteSide, Side};
use crate::transfer::Job;

/// The folder within our own where fetched files wait.
const INCOMING: &str = "incoming";

/// A file that is to be fetched: its job, its path below the replica, its size and its time.
struct Wanted {
    job: usize,
    path: PathBuf,
    bytes: u64,
    modified: Moment,
}

impl Lane<'_> {
    /// Fetches what the plans need, and copies it. What could not be fetched is refused with the reason.
    pub(super) fn receive(&mut self, side: &DiskSide, jobs: &mut [Job]) -> Result<()> {
        let Side::Remote(source) = &*self.errand.source else {
            return Ok(());
        };
        let wanted = wanted(jobs);
        let incoming = incoming(side)?;
        for job in &*jobs {
            let folder = incoming.join(&job.relative);
            fs::create_dir_all(&folder).at("create", &folder)?;
        }
        let failed = self.fetch(source, &incoming, jobs, &wanted)?;
        for (number, job) in jobs.iter_mut().enumerate() {
            let refused = failed.iter().filter(|((job, _), _)| *job == number);
            let refused: BTreeMap<_, _> = refused
                .map(|((_, path), why)| (path.clone(), why.clone()))
                .collect();
            job.plan.refuse(&refused);
        }
        let from = Arc::new(Folder::open(&incoming)?);
        self.transfer(&from, true, side, jobs);
        // After a stop what was fetched is there for the next run.
        if !interrupt::requested() {
            fs::remove_dir_all(&incoming).at("remove", &incoming)?;
        }
        Ok(())
    }

    /// Fetches files; gives those that are not there whole, and why.
    fn fetch(
        &self,
        source: &RemoteSide,
        incoming: &Path,
        jobs: &[Job],
        wanted: &[Wanted],
    ) -> Result<HashMap<(usize, PathBuf), String>> {
        let whole = |file: &Wanted| jobs[file.job].relative.join(&file.path);
        let mut why: HashMap<PathBuf, String> = HashMap::new();
        let files: Vec<PathBuf> = wanted.iter().map(whole).collect();
        for file in &files {
            if let Some(refusal) = remote::refusal(file) {
                why.insert(file.clone(), refusal.to_owned());
            }
        }
        let limits = Limits::default();
        // Where times tell versions apart, what an earlier run fetched is not fetched again.
        let batch = Batch::from(&source.remote, incoming, &files, &limits)
            .again(!source.tells_versions_apart());
        let said = batch.run(&mut |news| match news {
            Sent::Bytes(bytes) => self.meter.bytes(bytes),
            Sent::Done(_) => {}
            Sent::Failed(path, said) => {
                why.insert(path.to_owned(), said.to_owned());
            }
        });
        let said = match said {
            Err(Error::Interrupted) => None,
            said => said?,
        };
        let mut failed = HashMap::new();
        for (file, path) in wanted.iter().zip(files) {
            let staged = incoming.join(&path);
            let is_there = fs::symlink_metadata(&staged)
                .is_ok_and(|found| found.is_file() && found.len() == file.bytes);
            if is_there {
                set_time(&staged, file.modified)?;
            } else if !interrupt::requested() {
                let unsaid = || {
                    said.clone()
                        .unwrap_or_else(|| "rclone did not fetch it whole".to_owned())
                };
                let reason = why.remove(&path).unwrap_or_else(unsaid);
                failed.insert((file.job, file.path.clone()), reason);
            }
        }
        Ok(failed)
    }
}

/// Everything that plans would copy.
fn wanted(jobs: &[Job]) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (job, Job { plan, .. }) in jobs.iter().enumerate() {
        for folder in &plan.folders {
            let mut files = folder.add.files();
            while let Ok(Some(file)) = files.next() {
                let name = crate::name::Name::from_bytes(file.name.to_vec());
                wanted.push(Wanted {
                    job,
                    path: folder.path.join(name.as_path()),
                    bytes: file.bytes,
                    modified: file.modified,
                });
            }
            wanted.extend(folder.replace.iter().map(|new| Wanted {
                job,
                path: folder.path.join(new.name.as_path()),
                bytes: new.new.bytes,
                modified: new.new.modified,
            }));
        }
    }
    wanted
}

/// The folder where fetched files wait, made where it is not there.
fn incoming(side: &DiskSide) -> Result<PathBuf> {
    side.root.own_folder()?;
    let path = side.root.path().join(OWN_FOLDER).join(INCOMING);
    fs::create_dir_all(&path).at("create", &path)?;
    Ok(path)
}

/// Gives a fetched file the time that it has at its source, which its storage may keep coarsely.
fn set_time(path: &Path, modified: Moment) -> Result<()> {
    let since =
        u64::try_from(modified.seconds).map(|seconds| Duration::new(seconds, modified.nanoseconds));
    let Ok(since) = since else {
        // It has none there, or one before 1970 that rclone has set.
        return Ok(());
    };
    let time: SystemTime = UNIX_EPOCH + since;
    let file = File::options().read(true).open(path).at("open", path)?;
    file.set_times(FileTimes::new().set_modified(time))
        .at("set the time of", path)
}
