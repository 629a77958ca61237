//! A studio that is equal on every machine: two databases, two categories, twenty projects of five clients.

use std::path::{Path, PathBuf};
use std::thread;

use auto_backup::base::error::IoResultExt as _;
use tempfile::TempDir;

use crate::common::dice::mix;
use crate::common::outcome::Outcome;
use crate::replica::{Kind, Replica};

/// Names of the databases and of their folders. The second is an incomplete copy.
pub(crate) const DATABASES: [&str; 2] = ["WORK", "NAS"];

/// Categories and their folders.
pub(crate) const CATEGORIES: [(&str, &str); 2] =
    [("footage", "footage"), ("render", "scratch/render")];

const KINDS: [Kind; 2] = [Kind::Footage, Kind::Render];
const CLIENTS: [&str; 5] = ["acme", "globex", "initech", "nova", "umbrella"];
const PROJECTS: usize = 20;

/// Projects differ in size; the largest has four times the files of the smallest.
const WEIGHTS: [usize; 4] = [1, 2, 3, 4];
const WEIGHT_OF_ALL: usize = DATABASES.len() * CATEGORIES.len() * PROJECTS / 4 * 10;

/// A studio on disk, removed when dropped.
#[derive(Debug)]
pub(crate) struct Studio {
    folder: TempDir,
    pub(crate) files: usize,
}

impl Studio {
    /// Returns a studio for this number of files, still empty, in a new folder below `at`.
    pub(crate) fn new(at: &Path, files: usize) -> Outcome<Self> {
        let mut folder = tempfile::Builder::new();
        let folder = folder
            .prefix("auto-backup-bench-")
            .tempdir_in(at)
            .at("create a folder in", at)?;
        Ok(Self { folder, files })
    }

    /// Creates the files.
    pub(crate) fn fill(&self) -> Outcome<()> {
        // One thread for each database, which fills two cores.
        let mut parts: Vec<Vec<Replica>> = vec![Vec::new(), Vec::new()];
        for (number, replica) in self.replicas() {
            parts[number].push(replica);
        }
        thread::scope(|scope| {
            let threads: Vec<_> = parts
                .into_iter()
                .map(|replicas| scope.spawn(|| replicas.into_iter().try_for_each(Replica::fill)))
                .collect();
            threads.into_iter().try_for_each(|thread| {
                let filled = thread.join();
                filled.unwrap_or_else(|_| Err("a thread that makes files panicked".into()))
            })
        })
    }

    /// Returns every replica with the number of its database; their files sum up to the requested number.
    fn replicas(&self) -> Vec<(usize, Replica)> {
        let (mut replicas, mut weight, mut given) = (Vec::new(), 0, 0);
        for (database, root) in self.roots().into_iter().enumerate() {
            for (kind, (_, category)) in KINDS.into_iter().zip(CATEGORIES) {
                for project in 0..PROJECTS {
                    weight += WEIGHTS[project % WEIGHTS.len()];
                    let files = self.files * weight / WEIGHT_OF_ALL - given;
                    given += files;
                    let client = CLIENTS[project % CLIENTS.len()];
                    let folder = format!("{category}/{client}/spot{project:02}");
                    let seed = mix((project as u64) << 8 | kind as u64);
                    let replica = Replica::new(root.join(folder), kind, files, seed, database > 0);
                    replicas.push((database, replica));
                }
            }
        }
        replicas
    }

    /// Returns a path for other files of the benchmark on the same file system.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the roots of the databases.
    pub(crate) fn roots(&self) -> [PathBuf; 2] {
        DATABASES.map(|name| self.path(name))
    }

    /// Removes it, and reports a failure.
    pub(crate) fn remove(self) -> Outcome<()> {
        let path = self.folder.path().to_owned();
        Ok(self.folder.close().at("remove", path)?)
    }
}
