//! The old versions of a scope on several storages, sorted by file and time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::Index;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Category, Database, Registry};
use crate::storage::version::run_folder::{RunVersions, VersionFolder, read_versions};
use crate::storage::{Layout, Storage};

/// The old versions on some storages.
#[derive(Debug, Default)]
pub struct VersionList {
    runs: Vec<(String, Arc<RunVersions>)>,
    /// Storages and folders that could not be read, with the reasons.
    pub unread: Vec<(String, String)>,
}

/// Projects and categories whose versions are meant.
#[derive(Clone, Debug)]
pub struct VersionScope<'a> {
    pub scope: Scope,
    pub categories: Vec<&'a Category>,
}

/// One old version.
#[derive(Clone, Copy, Debug)]
pub struct KeptVersion<'a> {
    /// The name of the database.
    pub database: &'a str,
    pub folder: &'a VersionFolder,
    /// The original folder below the root.
    pub place: &'a Path,
    pub name: &'a Name,
    pub bytes: u64,
    pub modified: Timestamp,
    pub is_link: bool,
}

impl VersionScope<'_> {
    /// True if versions of every place are meant, also of files in no project.
    fn is_all(&self, registry: &Registry) -> bool {
        self.scope == Scope::All && self.categories.len() == registry.categories().len()
    }

    /// Returns the project of a folder below the root, if it is meant.
    pub fn locate(&self, folder: &Path) -> Option<(ProjectId, &Category)> {
        self.categories.iter().find_map(|category| {
            let (project, _) = category.locate(folder)?;
            self.scope
                .contains(&project)
                .then_some((project, *category))
        })
    }
}

/// Reads the old versions on storages. One that is offline is reported, and the others are read.
///
/// # Errors
/// A storage cannot be listed; interruption.
pub fn read(index: &Index, registry: &Registry, databases: &[&Database]) -> Result<VersionList> {
    let layout = Layout::new(registry)?;
    let mut list = VersionList::default();
    for database in databases {
        match Storage::open(index, &layout, database) {
            Ok(storage) => list.add(&storage)?,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                list.unread
                    .push((database.name.clone(), error.full_message()));
            }
        }
    }
    Ok(list)
}

impl VersionList {
    /// Reads the old versions on one storage.
    pub fn of_storage(storage: &Storage) -> Result<Self> {
        let mut list = Self::default();
        list.add(storage)?;
        Ok(list)
    }

    /// Adds the old versions on a storage.
    fn add(&mut self, storage: &Storage) -> Result<()> {
        let database = storage.database();
        let stored = read_versions(storage)?;
        let runs = stored.runs.into_iter();
        self.runs
            .extend(runs.map(|run| (database.name.clone(), Arc::new(run))));
        let unread = stored.unread.into_iter().map(|(path, why)| {
            let path = Name::from(database.path(&path));
            (path.to_string(), why)
        });
        self.unread.extend(unread);
        Ok(())
    }

    /// Fails if a folder could not be read, because there may be a version that is meant.
    ///
    /// # Errors
    /// [`Error::VersionsUnread`].
    pub fn require_complete(&self) -> Result<()> {
        match self.unread.first() {
            None => Ok(()),
            Some((place, why)) => Err(Error::VersionsUnread {
                place: place.clone(),
                why: why.clone(),
            }),
        }
    }

    /// True if a scope has versions.
    pub fn holds_any(&self, registry: &Registry, scope: &VersionScope<'_>) -> Result<bool> {
        let mut holds_any = false;
        self.visit(registry, scope, &mut |_| {
            holds_any = true;
            Ok(())
        })?;
        Ok(holds_any)
    }

    /// Passes the versions of a scope to `visit`, sorted by folder, file, storage and time.
    pub fn visit(
        &self,
        registry: &Registry,
        scope: &VersionScope<'_>,
        visit: &mut dyn FnMut(&KeptVersion<'_>) -> Result<()>,
    ) -> Result<()> {
        let is_all = scope.is_all(registry);
        let folders: BTreeSet<&PathBuf> = self
            .runs
            .iter()
            .flat_map(|(_, run)| run.tree.folders.keys())
            .collect();
        for place in folders {
            if !is_all && scope.locate(place).is_none() {
                continue;
            }
            let mut files: BTreeMap<Name, Vec<(usize, u64, Timestamp, bool)>> = BTreeMap::new();
            for (number, (_, run)) in self.runs.iter().enumerate() {
                let Some(folder) = run.tree.folders.get(place) else {
                    continue;
                };
                let mut found = folder.manifest().files();
                while let Some(file) = found.next() {
                    let name = Name::from_bytes(file.name.to_vec());
                    let version = (number, file.bytes, file.modified, file.target.is_some());
                    files.entry(name).or_default().push(version);
                }
            }
            for (name, versions) in &files {
                for (number, bytes, modified, is_link) in versions {
                    let (database, run) = &self.runs[*number];
                    visit(&KeptVersion {
                        database,
                        folder: &run.folder,
                        place,
                        name,
                        bytes: *bytes,
                        modified: *modified,
                        is_link: *is_link,
                    })?;
                }
            }
        }
        Ok(())
    }
}
