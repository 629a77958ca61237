//! The names of a studio that the prompt knows: what is tracked, and the projects that the index holds. Those are read on
//! a thread of their own, so that the prompt is there at once, also with very many of them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::name_list::List;
use crate::base::error::Result;
use crate::commands::setting::Setting;
use crate::commands::workspace::Workspace;
use crate::index::overview;
use crate::index::{Index, Stamp};
use crate::language::variable::Variables;
use crate::model::registry::Registry;

/// What is tracked.
#[derive(Debug, Default)]
pub(in crate::shell) struct Tracked {
    pub(in crate::shell) databases: List,
    pub(in crate::shell) categories: List,
    pub(in crate::shell) exclusions: List,
    pub(in crate::shell) settings: List,
    /// Names of variables, with their `$`.
    pub(in crate::shell) variables: List,
    /// The roots of all databases.
    pub(in crate::shell) roots: Vec<std::path::PathBuf>,
    /// The folder that relative paths are relative to.
    pub(in crate::shell) base: std::path::PathBuf,
}

/// Clients and projects.
#[derive(Debug, Default)]
pub(in crate::shell) struct Projects {
    pub(in crate::shell) clients: List,
    pub(in crate::shell) projects: List,
}

/// Everything the prompt knows.
#[derive(Debug, Default)]
pub(in crate::shell) struct Known {
    pub(in crate::shell) tracked: Tracked,
    projects: Arc<Shelf>,
    /// What the projects were read from.
    read: Option<(Stamp, Registry)>,
}

/// Where the projects are laid when they have been read.
#[derive(Debug, Default)]
struct Shelf {
    state: Mutex<State>,
    laid: Condvar,
}

#[derive(Debug, Default)]
struct State {
    projects: Arc<Projects>,
    /// The number of the newest reading that was begun, and of the one that is laid here.
    begun: u64,
    laid: u64,
}

impl Known {
    /// Brings everything up to date; projects follow in a moment.
    ///
    /// # Errors
    /// The index cannot be read.
    pub(in crate::shell) fn refresh(&mut self, workspace: &Workspace) -> Result<()> {
        self.tracked = Tracked::of(workspace);
        let registry = &workspace.registry;
        let stamp = workspace.index.stamp()?;
        let is_same = |(read, from): &(Stamp, Registry)| *read == stamp && from == registry;
        if !self.read.as_ref().is_some_and(is_same) {
            Shelf::fill(
                &self.projects,
                workspace.index.open_again()?,
                registry.clone(),
            );
            self.read = Some((stamp, registry.clone()));
        }
        Ok(())
    }

    /// The projects, as far as they are read; `None` while they are read for the first time. Waits for those that are
    /// being read only so long.
    pub(in crate::shell) fn projects(&self, patience: Duration) -> Option<Arc<Projects>> {
        let state = self.projects.state();
        let is_reading = |state: &mut State| state.laid < state.begun;
        let waited = self
            .projects
            .laid
            .wait_timeout_while(state, patience, is_reading);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (state.laid > 0).then(|| Arc::clone(&state.projects))
    }
}

impl Shelf {
    /// Has the projects read.
    fn fill(shelf: &Arc<Self>, index: Index, registry: Registry) {
        let own = {
            let mut state = shelf.state();
            state.begun += 1;
            state.begun
        };
        let shelf = Arc::clone(shelf);
        // Without a thread the names are those that were read before.
        let _begun = thread::Builder::new().spawn(move || {
            // Names that cannot be read are not offered; a command says why when it needs them.
            let projects = Projects::read(&index, &registry).unwrap_or_default();
            let mut state = shelf.state();
            if own > state.laid {
                state.projects = Arc::new(projects);
                state.laid = own;
                shelf.laid.notify_all();
            }
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Projects {
    fn read(index: &Index, registry: &Registry) -> Result<Self> {
        let (mut clients, mut projects) = (Vec::<OsString>::new(), Vec::new());
        overview::each_project(index, registry, |client, project| {
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

impl Tracked {
    fn of(workspace: &Workspace) -> Self {
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

/// The names of all variables that have one.
fn variables(defined: &Variables) -> List {
    let environment = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let all = environment.chain(defined.names().map(str::to_owned));
    all.map(|name| OsString::from(format!("${name}"))).collect()
}

#[cfg(test)]
impl Known {
    /// A small studio.
    pub(in crate::shell) fn example() -> Self {
        let list = |names: &[&str]| names.iter().map(OsString::from).collect::<List>();
        let projects = ["acme/spot", "acme/long film", "Bob's/film", "nova/über"];
        Self::with(list(&projects), list(&["acme", "Bob's", "nova"]))
    }

    /// A studio with these projects and clients.
    pub(in crate::shell) fn with(projects: List, clients: List) -> Self {
        let list = |names: &[&str]| names.iter().map(OsString::from).collect::<List>();
        let known = Self {
            tracked: Tracked {
                databases: list(&["WORK", "NAS", "NAS 2"]),
                categories: list(&["footage", "render"]),
                exclusions: list(&["*.tmp"]),
                settings: list(&Setting::ALL.map(Setting::name)),
                variables: list(&["$HOME", "$NAS_MOUNT"]),
                ..Tracked::default()
            },
            ..Self::default()
        };
        let mut state = known.projects.state();
        state.projects = Arc::new(Projects { clients, projects });
        (state.begun, state.laid) = (1, 1);
        drop(state);
        known
    }
}
