//! A small studio on two disks, for tests in process.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::plan::CopyRules;
use super::report::Report;
use super::{CopyRequest, copy};
use crate::base::confirmation::Confirmation;
use crate::base::error::Result;
use crate::base::fixture::{RecordedMessages, temporary_folder};
use crate::index::{Index, RunId, RunStart};
use crate::model::layout::IN_HOUSE;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::Registry;

/// The replica of every test.
pub(crate) const REPLICA: &str = "footage/acme/spot";

/// The databases `WORK` and `NAS` with one project, and an index.
pub(crate) struct Studio {
    pub(crate) index: Index,
    pub(crate) registry: Registry,
    pub(crate) messages: RecordedMessages,
    temporary: tempfile::TempDir,
}

/// Layouts of the tests, some of which lie inside others or leave each other's folders out.
const LAYOUTS: [&str; 13] = [
    "footage",
    ".",
    "{client}/{project}/footage",
    "{client}/{project}/render",
    "{project}/{client}/comp",
    "{project}/notes",
    "footage/{project}",
    "2026/{client}/{project}",
    "{client}/plates/{project}",
    "footage/acme",
    "footage/acme/spot/cache",
    "footage/acme/spot/d/cache",
    "scratch/{client}/shots/{project}/render",
];

/// One to three layouts that no two categories share.
pub(crate) fn layouts() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(&LAYOUTS[..], 1..4)
}

impl Studio {
    pub(crate) fn new() -> Self {
        Self::with_layouts(&["footage"])
    }

    /// A studio whose categories have these layouts.
    pub(crate) fn with_layouts(layouts: &[&str]) -> Self {
        let temporary = temporary_folder();
        let index = Index::open(&temporary.path().join("index")).unwrap().index;
        let mut studio = Self {
            index,
            registry: Registry::default(),
            messages: RecordedMessages::default(),
            temporary,
        };
        for (number, layout) in layouts.iter().enumerate() {
            let name = format!("c{number}");
            let added = studio.registry.add_category(&name, layout.as_ref(), false);
            added.unwrap();
        }
        for name in ["WORK", "NAS"] {
            studio.add_database(name);
        }
        studio
    }

    /// Returns the folder of the project in each category that can hold it, below a root.
    pub(crate) fn replicas(&self) -> Vec<PathBuf> {
        let categories = self.registry.categories().iter();
        let replicas = categories.filter_map(|category| {
            let projects = ["acme", IN_HOUSE].map(|client| ProjectId {
                client: client.into(),
                project: "spot".into(),
            });
            let project = projects.into_iter().find(|one| !category.leaves_out(one));
            project.map(|project| category.replica_path(&project))
        });
        replicas.collect()
    }

    /// Adds a database with the folders of the project.
    pub(crate) fn add_database(&mut self, name: &str) {
        let root = self.temporary.path().join(name);
        for replica in self.replicas() {
            fs::create_dir_all(root.join(replica)).unwrap();
        }
        self.registry.add_database(name, &root, false).unwrap();
    }

    /// Returns the full path of a file of the project.
    pub(crate) fn path(&self, database: &str, path: &str) -> PathBuf {
        self.root(database).join(REPLICA).join(path)
    }

    pub(crate) fn root(&self, database: &str) -> PathBuf {
        self.temporary.path().join(database)
    }

    /// Writes a file of the project with this mtime in seconds.
    pub(crate) fn write(&self, database: &str, path: &str, content: &[u8], seconds: u64) {
        Self::write_at(&self.path(database, path), content, seconds);
    }

    /// Writes a file with this mtime in seconds.
    pub(crate) fn write_at(path: &Path, content: &[u8], seconds: u64) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        let file = fs::File::options().write(true).open(path).unwrap();
        let time = UNIX_EPOCH + Duration::from_secs(seconds);
        file.set_modified(time).unwrap();
    }

    /// Returns the contents of all files of a database, old versions included, by their paths.
    pub(crate) fn contents(&self, database: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.root(database)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let content = fs::read(&path).unwrap();
                    found.insert(path, content);
                }
            }
        }
        found
    }

    /// Returns the contents of the old versions of a database, sorted.
    pub(crate) fn versions(&self, database: &str) -> Vec<Vec<u8>> {
        let versions = self.root(database).join(".auto-backup/versions");
        let files = self.contents(database).into_iter();
        let files = files.filter(|(path, _)| path.starts_with(&versions));
        let mut contents: Vec<_> = files.map(|(_, content)| content).collect();
        contents.sort();
        contents
    }

    pub(crate) fn begin_run(&mut self, command: &str) -> RunId {
        self.begin_run_of(command, "acme/spot footage")
    }

    /// Begins a run with these arguments, which writes to `NAS`.
    pub(crate) fn begin_run_of(&mut self, command: &str, subject: &str) -> RunId {
        let start = RunStart {
            command,
            subject,
            source: None,
            destination: Some("NAS"),
        };
        self.index.begin_run(&start).unwrap()
    }

    /// Copies from `WORK` to these databases, after changes to the request.
    pub(crate) fn copy_to(
        &mut self,
        destinations: &[&str],
        change: impl FnOnce(&mut CopyRequest<'_>),
    ) -> Result<Report> {
        let run = self.begin_run("copy");
        let registry = &self.registry;
        let database = |name: &&str| registry.database(name).unwrap();
        let mut request = CopyRequest {
            scope: Scope::All,
            categories: registry.categories().iter().collect(),
            source: database(&"WORK"),
            destinations: destinations.iter().map(database).collect(),
            rules: CopyRules::default(),
            verify: true,
            dry_run: false,
            confirmation: Confirmation::NonInteractive,
            only: None,
        };
        change(&mut request);
        copy(&mut self.index, registry, &request, run, &self.messages)
    }
}
