//! Scans of made-up files, written as every scan is, for benchmarks of indexes that no disk here could hold.

use std::path::{Path, PathBuf};

use super::Index;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::model::project::ProjectId;
use crate::snapshot::manifest::{ManifestBuilder, ManifestFile};
use crate::snapshot::tree::ScannedFolder;

/// A folder of made-up files.
#[derive(Debug)]
pub struct SampleFolder {
    path: PathBuf,
    files: ManifestBuilder,
}

impl SampleFolder {
    /// A folder without files. The path is below the project's folder.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            files: ManifestBuilder::default(),
        }
    }

    /// Adds the file with the next name. `seconds` is its modification time, UTC.
    pub fn add(&mut self, name: &str, bytes: u64, seconds: i64) {
        let modified = Timestamp {
            seconds,
            nanoseconds: 0,
        };
        let file = ManifestFile::regular(name.as_bytes(), bytes, modified);
        self.files.add(&file);
    }
}

/// A project of made-up files.
#[derive(Debug)]
pub struct SampleProject {
    /// The client.
    pub client: String,
    /// The project.
    pub project: String,
    /// Its folders.
    pub folders: Vec<SampleFolder>,
}

impl Index {
    /// Writes projects in a category of the database with this root as one scan.
    pub fn write_sample(
        &mut self,
        root: &Path,
        category: &str,
        projects: impl IntoIterator<Item = SampleProject>,
    ) -> Result<()> {
        let known = self.database(root)?;
        let category = Path::new(category);
        let mut staging = self.stage_scan(&known)?;
        for sample in projects {
            let project = ProjectId {
                client: Name::from(&*sample.client),
                project: Name::from(&*sample.project),
            };
            let replica = staging.begin_replica(category, &project)?;
            for folder in sample.folders {
                let seen = ScannedFolder::from_builder(&folder.path, folder.files);
                staging.add_folder(replica, seen)?;
            }
            staging.end_replica(replica)?;
        }
        let staged = staging.finish()?;
        let writer = self.write_scan(root, &known)?;
        writer.write_replicas(&staged)?;
        writer.record_category_scan(category)?;
        writer.finish(true)
    }
}
