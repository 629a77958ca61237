//! Names that the prompt completes: tracked names and the projects in the index.
//!
//! Projects are read on a separate thread, so that the prompt appears at once even with a large index.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::name_list::NameList;
use crate::base::error::Result;
use crate::commands::settings::Setting;
use crate::commands::workspace::Workspace;
use crate::index::overview;
use crate::index::{ChangeCounter, Index};
use crate::language::variable::Variables;
use crate::model::registry::Registry;

/// Names of tracked items.
#[derive(Debug, Default)]
pub(in crate::shell) struct TrackedNames {
    pub(in crate::shell) databases: NameList,
    pub(in crate::shell) categories: NameList,
    pub(in crate::shell) exclusions: NameList,
    pub(in crate::shell) settings: NameList,
    /// Variable names with their `$`.
    pub(in crate::shell) variables: NameList,
    /// Roots of all databases.
    pub(in crate::shell) roots: Vec<std::path::PathBuf>,
    /// Folder that relative paths start from.
    pub(in crate::shell) base: std::path::PathBuf,
}

/// Names of clients and projects.
#[derive(Debug, Default)]
pub(in crate::shell) struct ProjectNames {
    pub(in crate::shell) clients: NameList,
    pub(in crate::shell) projects: NameList,
}

/// All names that the prompt completes.
#[derive(Debug, Default)]
pub(in crate::shell) struct StudioNames {
    pub(in crate::shell) tracked: TrackedNames,
    project_cache: Arc<ProjectCache>,
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
    /// Refreshes the names. Projects are read in the background.
    pub(in crate::shell) fn refresh(&mut self, workspace: &Workspace) -> Result<()> {
        self.tracked = TrackedNames::from_workspace(workspace);
        let registry = &workspace.registry;
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
    pub(in crate::shell) fn projects(&self, timeout: Duration) -> Option<Arc<ProjectNames>> {
        let state = self.project_cache.state();
        let is_reading = |state: &mut ProjectCacheState| state.loaded < state.requested;
        let waited = self
            .project_cache
            .loaded_signal
            .wait_timeout_while(state, timeout, is_reading);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (state.loaded > 0).then(|| Arc::clone(&state.projects))
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

impl ProjectNames {
    fn read(index: &Index, registry: &Registry) -> Result<Self> {
        let (mut clients, mut projects) = (Vec::<OsString>::new(), Vec::new());
        overview::visit_projects(index, registry, |client, project| {
            if clients.last().is_none_or(|last| last.as_bytes() != client) {
                clients.push(OsStr::from_bytes(client).to_owned());
            }
            projects.push(OsString::from_vec([client, b"/", project].concat()));
        })?;
        Ok(Self {
            clients: clients.into_iter().collect(),
            projects: projects.into_iter().collect(),
        })
    }
}

impl TrackedNames {
    fn from_workspace(workspace: &Workspace) -> Self {
        let registry = &workspace.registry;
        let names = |list: &[String]| list.iter().map(OsString::from).collect();
        Self {
            databases: registry
                .databases()
                .iter()
                .map(|known| OsString::from(&known.name))
                .collect(),
            categories: registry
                .categories()
                .iter()
                .map(|known| OsString::from(&known.name))
                .collect(),
            exclusions: names(registry.exclusions()),
            settings: Setting::ALL
                .iter()
                .map(|setting| OsString::from(setting.name()))
                .collect(),
            variables: variable_names(&workspace.variables),
            roots: registry
                .databases()
                .iter()
                .map(|known| known.root.clone())
                .collect(),
            base: workspace.base.clone(),
        }
    }
}

/// Returns the names of defined and environment variables.
fn variable_names(defined: &Variables) -> NameList {
    let environment = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let all = environment.chain(defined.defined_names().map(str::to_owned));
    all.map(|name| OsString::from(format!("${name}"))).collect()
}

#[cfg(test)]
impl StudioNames {
    /// A small studio.
    pub(in crate::shell) fn example() -> Self {
        let list = |names: &[&str]| names.iter().map(OsString::from).collect::<NameList>();
        let projects = ["acme/spot", "acme/long film", "Bob's/film", "nova/über"];
        Self::with(list(&projects), list(&["acme", "Bob's", "nova"]))
    }

    /// A studio with these projects and clients.
    pub(in crate::shell) fn with(projects: NameList, clients: NameList) -> Self {
        let list = |names: &[&str]| names.iter().map(OsString::from).collect::<NameList>();
        let known = Self {
            tracked: TrackedNames {
                databases: list(&["WORK", "NAS", "NAS 2"]),
                categories: list(&["footage", "render"]),
                exclusions: list(&["*.tmp"]),
                settings: list(&Setting::ALL.map(Setting::name)),
                variables: list(&["$HOME", "$NAS_MOUNT"]),
                ..TrackedNames::default()
            },
            ..Self::default()
        };
        let mut state = known.project_cache.state();
        state.projects = Arc::new(ProjectNames { clients, projects });
        (state.requested, state.loaded) = (1, 1);
        drop(state);
        known
    }
}
