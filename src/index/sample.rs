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
    files: Vec<SampleFile>,
}

#[derive(Debug)]
struct SampleFile {
    name: String,
    bytes: u64,
    /// Seconds UTC.
    modified: i64,
}

impl SampleFolder {
    /// A folder without files. The path is below the project's folder.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            files: Vec::new(),
        }
    }

    /// Adds the file with the next name. `modified` is its time in seconds UTC.
    pub fn add(&mut self, name: String, bytes: u64, modified: i64) {
        self.files.push(SampleFile {
            name,
            bytes,
            modified,
        });
    }

    /// The path below the project's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| &*file.name)
    }

    fn scanned(&self) -> ScannedFolder {
        let mut builder = ManifestBuilder::with_capacity(self.files.len());
        for file in &self.files {
            let modified = Timestamp {
                seconds: file.modified,
                nanoseconds: 0,
            };
            let name = file.name.as_bytes();
            builder.add(&ManifestFile::regular(name, file.bytes, modified));
        }
        ScannedFolder::from_builder(&self.path, builder)
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
            for folder in &sample.folders {
                staging.add_folder(replica, folder.scanned())?;
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
