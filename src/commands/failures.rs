//! `failures`: lists the files that `sync` has failed to copy and will try again.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::check::check_scope;
use super::command::RunCommand;
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::escape::visible;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::overview;
use crate::index::{HostId, Index, KnownFailure, RunId, SharedFailure};
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::Registry;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;

/// List the files that `sync` could not copy yet
///
/// A file is listed until a later sync succeeds, with its last error and the number of attempts. Each path is relative to
/// the roots of both storages. A file that is refused because of its name is listed until it is renamed or excluded.
///
/// Failures of other workstations that share a catalog are listed with the workstation. Only its own syncs try them again.
#[derive(Debug, Args)]
#[command(
    override_usage = "failures [PROJECT] [--to STORAGE] [--permanent]",
    after_help = "Examples:
  failures
  failures acme/spot
  failures acme --to NAS
  failures --permanent"
)]
pub(crate) struct FailuresArgs {
    /// Only files of this project or client, or `all`
    #[arg(value_name = "PROJECT")]
    project: Option<OsString>,
    /// Only files for this storage
    #[arg(long, value_name = "STORAGE")]
    to: Option<String>,
    /// Only files that the destination can never hold under their names
    #[arg(long)]
    permanent: bool,
}

/// The failed files.
#[derive(Debug, Serialize)]
pub(crate) struct FailuresAnswer {
    failures: Vec<FailureRow>,
}

#[derive(Debug, Serialize)]
struct FailureRow {
    path: Name,
    from: Name,
    to: Name,
    error: String,
    attempts: u64,
    first: Timestamp,
    last: Timestamp,
    run: RunId,
    /// True if the destination can never hold the file under its name.
    permanent: bool,
    /// The workstation; `None` for this one.
    host: Option<String>,
    /// The destination here, if this workstation tracks it.
    #[serde(skip)]
    destination: Option<PathBuf>,
}

impl FailureRow {
    fn new(registry: &Registry, known: KnownFailure) -> Self {
        // A database that is no longer tracked has no name, only a root.
        let name = |root: &Path| {
            let mut databases = registry.databases().iter();
            let database = databases.find(|database| database.root == root);
            database.map_or_else(|| Name::from(root), |database| (*database.name).into())
        };
        Self {
            from: name(&known.source),
            to: name(&known.destination),
            path: known.path.into(),
            error: known.error,
            attempts: known.attempts,
            first: known.first_at,
            last: known.last_at,
            run: known.run,
            permanent: known.is_permanent,
            host: None,
            destination: Some(known.destination),
        }
    }

    /// A failure of another workstation, with the names of the storages on this one, as far as they have any.
    fn elsewhere(studio: &KnownStudio<'_>, shared: SharedFailure) -> Self {
        let name = |identity: &str, name_there: String| match studio.name_here(identity) {
            Some(name) => Name::from(name),
            None if name_there.is_empty() => Name::from(identity),
            None => Name::from(&*name_there),
        };
        let destination = studio.roots.get(&shared.key.destination);
        Self {
            from: name(&shared.key.source, shared.source_name),
            to: name(&shared.key.destination, shared.destination_name),
            path: shared.key.path.into(),
            error: shared.error,
            attempts: shared.attempts,
            first: shared.first_at,
            last: shared.last_at,
            run: shared.run,
            permanent: shared.is_permanent,
            host: studio.host_names.get(&shared.key.host).cloned(),
            destination: destination.cloned(),
        }
    }

    /// Returns the line of the file: `footage/acme/spot/a.mov  WORK -> NAS  3 attempts, last 2 h ago: ERROR`.
    fn line(&self) -> Vec<Cell> {
        let attempts = unit::format_counted(self.attempts, "attempt");
        let on = self.host.as_ref();
        let on = on.map_or_else(String::new, |host| format!(" on {host}"));
        let (kind, tone) = if self.permanent {
            ("refused", Tone::Warning)
        } else {
            ("failed", Tone::Bad)
        };
        vec![
            Cell::Styled(kind.to_owned(), tone),
            Cell::text(" "),
            Cell::from(&self.path),
            Cell::text("  "),
            Cell::from(&self.from),
            Cell::text(" -> "),
            Cell::from(&self.to),
            Cell::text(on),
            Cell::Styled(format!("  {attempts}, last "), Tone::Faint),
            Cell::Timestamp(self.last),
            // The error may come from another program and contain control characters.
            Cell::text(format!(": {}", visible(self.error.as_bytes()))),
        ]
    }

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::from(&self.path),
            Cell::from(&self.from),
            Cell::from(&self.to),
            Cell::Count(self.attempts),
            Cell::Timestamp(self.first),
            Cell::Timestamp(self.last),
            Cell::text(&*self.error),
            Cell::text(self.run.to_string()),
            Cell::text(self.permanent.to_string()),
            Cell::optional(self.host.as_deref(), Cell::from),
        ]
    }
}

/// The names by which this workstation knows storages and workstations.
struct KnownStudio<'a> {
    registry: &'a Registry,
    /// The roots of storages by their identities.
    roots: BTreeMap<String, PathBuf>,
    host_names: BTreeMap<HostId, String>,
}

impl KnownStudio<'_> {
    fn name_here(&self, identity: &str) -> Option<&str> {
        let root = self.roots.get(identity)?;
        let mut databases = self.registry.databases().iter();
        let database = databases.find(|database| database.root == *root)?;
        Some(&database.name)
    }
}

/// Returns the failures of other workstations.
fn failures_elsewhere(index: &Index, registry: &Registry) -> Result<Vec<FailureRow>> {
    let shared = index.shared_failures()?;
    if shared.is_empty() {
        return Ok(Vec::new());
    }
    let roots = index.identified_roots()?.into_iter();
    let studio = KnownStudio {
        registry,
        roots: roots.map(|(root, identity)| (identity, root)).collect(),
        host_names: index.host_names()?,
    };
    let rows = shared.into_iter();
    Ok(rows
        .map(|shared| FailureRow::elsewhere(&studio, shared))
        .collect())
}

/// Returns the project that contains a path below a root; `None` outside all tracked categories.
fn project_of(registry: &Registry, path: &Path) -> Option<ProjectId> {
    let mut categories = registry.categories().iter();
    let located = categories.find_map(|category| category.locate(path));
    located.map(|(project, _)| project)
}

impl FailuresArgs {
    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        if let Some(to) = &self.to {
            workspace.registry.database(to)?;
        }
        self.project
            .as_deref()
            .map_or(Ok(()), |word| check_scope(word, workspace))?;
        workspace.last_answer.assume();
        Ok(())
    }
}

impl RunCommand for FailuresArgs {
    type Answer = FailuresAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<FailuresAnswer> {
        let (index, registry) = (&workspace.index, &workspace.registry);
        let project = self.project.as_deref();
        let last = &workspace.last_answer;
        let scope = project.map_or(Ok(Scope::All), |word| last.scope(word))?;
        let to = self.to.as_deref().map(|name| registry.database(name));
        let to = to.transpose()?;
        let own = index.failures()?.into_iter();
        let mut failures: Vec<FailureRow> =
            own.map(|known| FailureRow::new(registry, known)).collect();
        failures.extend(failures_elsewhere(index, registry)?);
        failures.retain(|row| {
            let is_meant = || project_of(registry, row.path.as_path());
            (!self.permanent || row.permanent)
                && to.is_none_or(|to| row.destination.as_ref() == Some(&to.root))
                && (scope == Scope::All || is_meant().is_some_and(|of| scope.contains(&of)))
        });
        if failures.is_empty() {
            // Reports a misspelled project as an error instead of as a project without failures.
            overview::known_projects(index, registry, &scope)?;
        }
        let projects = failures
            .iter()
            .filter_map(|row| project_of(registry, row.path.as_path()))
            .collect::<BTreeSet<_>>();
        last.keep(&projects);
        Ok(FailuresAnswer { failures })
    }
}

impl Answer for FailuresAnswer {
    const COMMAND: &'static str = "failures";

    fn write_page(&self, page: &mut Page) {
        if self.failures.is_empty() {
            page.line("no failures: no file waits for a retry");
        }
        for failure in &self.failures {
            page.cells(failure.line());
        }
        let permanent = self.failures.iter().filter(|failure| failure.permanent);
        let permanent = permanent.count() as u64;
        if permanent > 0 {
            let files = unit::format_counted(permanent, "file");
            page.line(format!(
                "refused because of its name: {files}; rename or `exclude` it"
            ));
        }
    }

    fn records(&self) -> Records {
        let rows = self.failures.iter().map(FailureRow::row);
        Records {
            headings: &[
                "path",
                "from",
                "to",
                "attempts",
                "first",
                "last",
                "error",
                "run",
                "permanent",
                "host",
            ],
            rows: rows.collect(),
        }
    }
}
