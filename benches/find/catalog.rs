//! A generated index of two storages with equal projects, and the same names for plocate.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use auto_backup::base::error::IoResultExt as _;
use auto_backup::index::Index;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::common::installed::is_installed;
use crate::common::interrupted;
use crate::common::outcome::Outcome;
use crate::names::{self, FILES_PER_PROJECT};

/// The storages. They hold the same projects.
pub(crate) const STORAGES: [(&str, &str); 2] = [("NAS", "/mnt/nas"), ("ARCHIVE", "/mnt/archive")];

/// Number of projects that one scan writes.
const PROJECTS_PER_SCAN: u64 = 40;

/// The path of the category below the roots.
pub(crate) const CATEGORY: &str = "footage";

/// A generated index, removed when dropped.
#[derive(Debug)]
pub(crate) struct Catalog {
    folder: TempDir,
    projects: u64,
}

impl Catalog {
    /// Generates an index of about this number of files below `at`.
    pub(crate) fn make(at: &Path, files: u64) -> Outcome<Self> {
        let mut folder = tempfile::Builder::new();
        let folder = folder
            .prefix("auto-backup-bench-")
            .tempdir_in(at)
            .at("create a folder in", at)?;
        let projects = files.div_ceil(STORAGES.len() as u64 * FILES_PER_PROJECT);
        let catalog = Self { folder, projects };
        let mut index = Index::open(&catalog.index())?.index;
        for (_, root) in STORAGES {
            for first in (0..projects).step_by(usize::try_from(PROJECTS_PER_SCAN)?) {
                interrupted::check()?;
                let last = projects.min(first + PROJECTS_PER_SCAN);
                let made = (first..last).map(names::project);
                index.write_sample(Path::new(root), CATEGORY, made)?;
            }
        }
        Ok(catalog)
    }

    /// Returns the file of the index.
    pub(crate) fn index(&self) -> PathBuf {
        self.path("index.sqlite")
    }

    /// Returns a path in the folder of the index.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the bytes of the name index for each file.
    pub(crate) fn name_bytes(&self) -> Outcome<f64> {
        let index = Connection::open_with_flags(self.index(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let sql = "SELECT (SELECT sum(pgsize) FROM dbstat WHERE name GLOB 'name_*')
                          / (SELECT sum(files) + 0.0 FROM replicas)";
        Ok(index.query_row(sql, [], |row| row.get(0))?)
    }

    /// Builds a database of plocate with the same paths. `None` if it is not installed.
    pub(crate) fn plocate(&self) -> Outcome<Option<PathBuf>> {
        if !is_installed("plocate") {
            return Ok(None);
        }
        let (list, database) = (self.path("names"), self.path("plocate.db"));
        let mut file = BufWriter::new(File::create(&list).at("create", &list)?);
        for (_, root) in STORAGES {
            for number in 0..self.projects {
                interrupted::check()?;
                write_paths(&mut file, root, number).at("write", &list)?;
            }
        }
        file.flush().at("write", &list)?;
        let built = Command::new("/usr/sbin/plocate-build")
            .arg("-p")
            // The paths do not exist.
            .args(["-l", "no"])
            .args([&list, &database])
            .status()
            .at("run", "plocate-build")?;
        if built.success() {
            Ok(Some(database))
        } else {
            Err(format!("plocate-build ended with {built}").into())
        }
    }

    /// Removes it, and reports a failure.
    pub(crate) fn remove(self) -> Outcome<()> {
        let path = self.folder.path().to_owned();
        Ok(self.folder.close().at("remove", path)?)
    }
}

fn write_paths(file: &mut impl Write, root: &str, number: u64) -> std::io::Result<()> {
    let project = names::project(number);
    let base = format!("{root}/{CATEGORY}/{}/{}", project.client, project.project);
    for folder in &project.folders {
        for name in folder.names() {
            writeln!(file, "{base}/{}/{name}", folder.path().display())?;
        }
    }
    Ok(())
}
