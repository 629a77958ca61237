//! Names that the prompt completes: tracked names, the projects in the index, and rclone's remotes.
//!
//! Projects are read on a separate thread, so that the prompt appears at once even with a large index.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::project_names::ProjectNames;
use super::remotes::RemoteCache;
use super::word_source::WordSource;
use crate::base::error::Result;
use crate::commands::settings::Setting;
use crate::commands::workspace::Workspace;
use crate::index::{ChangeCounter, Index};
use crate::language::variable::Variables;
use crate::model::access::Access;
use crate::model::registry::Registry;

/// Names of tracked items.
#[derive(Debug, Default)]
pub(in crate::shell) struct TrackedNames {
    pub(super) databases: WordSource,
    pub(super) categories: WordSource,
    pub(super) exclusions: WordSource,
    pub(super) settings: WordSource,
    /// Variable names with their `$`.
    pub(super) variables: WordSource,
    /// Roots of all databases.
    pub(super) roots: Vec<PathBuf>,
    /// Folder that relative paths start from.
    pub(super) base: PathBuf,
}

/// All names that the prompt completes.
#[derive(Debug, Default)]
pub(in crate::shell) struct StudioNames {
    pub(super) tracked: TrackedNames,
    project_cache: Arc<ProjectCache>,
    remote_cache: Arc<RemoteCache>,
    access: Access,
    /// State of index and registry when the projects were read.
    loaded_from: Option<(ChangeCounter, Registry)>,
}

/// Projects, shared with the thread that reads them.
#[derive(Debug, Default)]
struct ProjectCache {
    state: Mutex<ProjectCacheState>,
    loaded_signal: Condvar,
}

#[derive(Debug, Default)]
struct ProjectCacheState {
    projects: Arc<ProjectNames>,
    /// Numbers of the latest requested and the latest finished read.
    requested: u64,
    loaded: u64,
}

impl StudioNames {
    /// True if a database has this name.
    pub(in crate::shell) fn is_database(&self, word: &OsStr) -> bool {
        self.tracked.databases.names.contains(word)
    }

    /// True if a category has this name.
    pub(in crate::shell) fn is_category(&self, word: &OsStr) -> bool {
        self.tracked.categories.names.contains(word)
    }

    /// Refreshes the names. Projects are read in the background.
    pub(in crate::shell) fn refresh(&mut self, workspace: &Workspace) -> Result<()> {
        self.tracked = TrackedNames::from_workspace(workspace);
        let registry = &workspace.registry;
        let access = registry.access();
        self.access = Access::new(access.jobs, access.rclone.clone());
        let stamp = workspace.index.change_counter()?;
        let is_same = |(read, from): &(ChangeCounter, Registry)| *read == stamp && from == registry;
        if !self.loaded_from.as_ref().is_some_and(is_same) {
            ProjectCache::reload(
                &self.project_cache,
                workspace.index.try_clone()?,
                registry.clone(),
            );
            self.loaded_from = Some((stamp, registry.clone()));
        }
        Ok(())
    }

    /// Returns the projects read so far; `None` before the first read has finished. Waits up to `timeout` for a current read.
    pub(super) fn projects(&self, timeout: Duration) -> Option<Arc<ProjectNames>> {
        let state = self.project_cache.state();
        let is_reading = |state: &mut ProjectCacheState| state.loaded < state.requested;
        let waited = self
            .project_cache
            .loaded_signal
            .wait_timeout_while(state, timeout, is_reading);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (state.loaded > 0).then(|| Arc::clone(&state.projects))
    }

    /// Returns the remotes of rclone's configuration. Waits up to `timeout` for rclone.
    pub(super) fn remotes(&self, timeout: Duration) -> WordSource {
        RemoteCache::get(&self.remote_cache, &self.access, timeout)
    }
}

impl ProjectCache {
    /// Starts a background read of the projects.
    fn reload(cache: &Arc<Self>, index: Index, registry: Registry) {
        let generation = {
            let mut state = cache.state();
            state.requested += 1;
            state.requested
        };
        let cache = Arc::clone(cache);
        // Without a thread the previous names stay.
        let _begun = thread::Builder::new().spawn(move || {
            // Unreadable names are not offered; a command reports the error when it needs them.
            let projects = ProjectNames::read(&index, &registry).unwrap_or_default();
            let mut state = cache.state();
            if generation > state.loaded {
                state.projects = Arc::new(projects);
                state.loaded = generation;
                cache.loaded_signal.notify_all();
            }
        });
    }

    fn state(&self) -> MutexGuard<'_, ProjectCacheState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TrackedNames {
    fn from_workspace(workspace: &Workspace) -> Self {
        let registry = &workspace.registry;
        let databases = registry.databases().iter();
        let categories = registry.categories().iter();
        Self {
            databases: WordSource::described(
                databases
                    .map(|known| (known.name.clone().into(), known.root.display().to_string())),
            ),
            categories: WordSource::described(categories.map(|known| {
                (
                    known.name.clone().into(),
                    known.display_path().display().to_string(),
                )
            })),
            exclusions: WordSource::plain(registry.exclusions().iter().map(OsString::from)),
            settings: settings(),
            variables: variables(&workspace.variables),
            roots: registry
                .databases()
                .iter()
                .map(|known| known.root.clone())
                .collect(),
            base: workspace.base.clone(),
        }
    }
}

fn settings() -> WordSource {
    WordSource::described(
        Setting::ALL.map(|setting| (setting.name().into(), setting.about().to_owned())),
    )
}

/// Returns the names of defined and environment variables.
fn variables(defined: &Variables) -> WordSource {
    let environment = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let all = environment.chain(defined.defined_names().map(str::to_owned));
    WordSource {
        is_verbatim: true,
        ..WordSource::plain(all.map(|name| OsString::from(format!("${name}"))))
    }
}

#[cfg(test)]
impl StudioNames {
    /// A small studio.
    pub(in crate::shell) fn example() -> Self {
        let projects = ["acme/spot", "acme/long film", "Bob's/film", "nova/über"];
        Self::with_projects(projects.map(str::to_owned))
    }

    /// A studio with these projects.
    pub(in crate::shell) fn with_projects(projects: impl IntoIterator<Item = String>) -> Self {
        Self::with(ProjectNames::of_names(projects))
    }

    pub(super) fn with(projects: ProjectNames) -> Self {
        let list = |names: &[&str]| WordSource::plain(names.iter().map(OsString::from));
        let known = Self {
            tracked: TrackedNames {
                databases: WordSource::described(
                    ["WORK", "NAS", "NAS 2"].map(|name| (name.into(), format!("/mnt/{name}"))),
                ),
                categories: list(&["footage", "render"]),
                exclusions: list(&["*.tmp"]),
                settings: settings(),
                variables: WordSource {
                    is_verbatim: true,
                    ..list(&["$HOME", "$NAS_MOUNT"])
                },
                ..TrackedNames::default()
            },
            ..Self::default()
        };
        let mut state = known.project_cache.state();
        state.projects = Arc::new(projects);
        (state.requested, state.loaded) = (1, 1);
        drop(state);
        known
    }
}
