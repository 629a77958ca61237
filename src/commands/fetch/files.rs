//! `fetch --files`: the files of every replica, found while they are written.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::Serialize;

use super::{Fetched, fetched, location, table};
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::name::Name;
use crate::base::timestamp::Moment;
use crate::commands::search;
use crate::commands::search::Hit;
use crate::commands::workspace::Workspace;
use crate::index::overview::{ProjectState, ReplicaState};
use crate::index::{Index, Snapshot};
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::Registry;
use crate::output::answer::Answer as _;
use crate::output::cell::Cell;
use crate::output::json::Json;
use crate::output::page::Page;
use crate::output::stream::{Lines, Rows, Stream};
use crate::snapshot::sequence::Sequence;

/// How the replicas compare, and all their files.
#[derive(Debug)]
pub(crate) struct ListedFiles<'a> {
    index: &'a Index,
    registry: &'a Registry,
    /// The numbers and the files are those of the same looks.
    _snapshot: Snapshot<'a>,
    fetched: Fetched,
    /// The rows of the databases by their names.
    databases: BTreeMap<&'a str, i64>,
    sequences: bool,
}

/// A file of a replica; its path is relative to the replica's folder.
#[derive(Serialize)]
struct FileEntry {
    path: Name,
    bytes: u64,
    modified: Moment,
    sequence: Option<Name>,
}

#[derive(Serialize)]
struct SequenceEntry<'a> {
    path: Name,
    #[serde(flatten)]
    sequence: &'a Sequence,
}

/// Takes a file and the folder it is in, relative to the replica's.
type Take<'a> = &'a mut dyn FnMut(&Path, &Hit<'_>) -> Result<()>;

impl<'a> ListedFiles<'a> {
    pub(super) fn new(
        workspace: &'a Workspace,
        scope: &Scope,
        seen_all: bool,
        sequences: bool,
    ) -> Result<Self> {
        let (index, registry) = (&workspace.index, &workspace.registry);
        let snapshot = index.snapshot()?;
        let mut databases = BTreeMap::new();
        for database in registry.databases() {
            if let Some(id) = index.database(&database.root)?.id {
                databases.insert(database.name.as_str(), id);
            }
        }
        Ok(Self {
            index,
            registry,
            _snapshot: snapshot,
            fetched: fetched(workspace, scope, seen_all)?,
            databases,
            sequences,
        })
    }

    /// Hands every file of a replica to `take`.
    fn visit(
        &self,
        project: &ProjectId,
        replica: &ReplicaState,
        sequences: bool,
        take: Take<'_>,
    ) -> Result<()> {
        let Some(id) = self.databases.get(replica.database.as_str()) else {
            return Ok(());
        };
        let category = &self.registry.category(&replica.category)?.path;
        let visit = if sequences {
            search::visit_sequences
        } else {
            search::visit
        };
        let scope = Scope::Project(project.clone());
        self.index
            .visit_folders(*id, category, &scope, &mut |folder| {
                visit(self.index, folder, &mut |_| true, &mut |hit| {
                    take(folder.path, hit)?;
                    Ok(true)
                })
            })
    }

    /// The lines of a replica's files.
    fn list(
        &self,
        project: &ProjectId,
        replica: &ReplicaState,
        lines: &mut Lines<'_>,
    ) -> Result<()> {
        self.visit(project, replica, self.sequences, &mut |folder, hit| {
            if !hit.is_line() {
                return Ok(());
            }
            let path = folder.join(hit.name().as_path());
            let mut cells = vec![Cell::text("    "), Cell::Name(path.into())];
            cells.extend(hit.cells());
            lines.cells(cells)
        })
    }

    /// The fields of a replica, and its files below them.
    fn describe(
        &self,
        project: &ProjectId,
        replica: &ReplicaState,
        json: &mut Json<'_>,
    ) -> Result<()> {
        json.fields(replica)?;
        if replica.files.is_none() {
            return json.field("listing", &None::<()>);
        }
        json.object("listing", |json| {
            json.list("files", |json| {
                self.visit(project, replica, self.sequences, &mut |folder, hit| {
                    json.item(&FileEntry {
                        path: own_path(folder, hit),
                        bytes: hit.file.bytes,
                        modified: hit.file.modified,
                        sequence: hit.sequence.map(Sequence::pattern),
                    })
                })
            })?;
            json.list("sequences", |json| {
                if !self.sequences {
                    return Ok(());
                }
                self.visit(project, replica, true, &mut |folder, hit| {
                    hit.led().map_or(Ok(()), |sequence| {
                        let path = folder.join(sequence.pattern().as_path()).into();
                        json.item(&SequenceEntry { path, sequence })
                    })
                })
            })
        })
    }
}

/// The path of a file, relative to the replica's folder.
fn own_path(folder: &Path, hit: &Hit<'_>) -> Name {
    folder.join(OsStr::from_bytes(hit.file.name)).into()
}

/// The replicas of a project of which files are known.
fn there(project: &ProjectState) -> impl Iterator<Item = &ReplicaState> {
    project.replicas.iter().filter(|one| one.files.is_some())
}

impl Stream for ListedFiles<'_> {
    const COMMAND: &'static str = Fetched::COMMAND;

    const HEADINGS: &'static [&'static str] = &[
        "project", "category", "database", "path", "bytes", "modified",
    ];

    fn page(&self, lines: &mut Lines<'_>) -> Result<()> {
        if self.fetched.projects.is_empty() {
            lines.line(self.fetched.nothing())?;
        }
        for state in &self.fetched.projects {
            let mut page = Page::default();
            table(state, &mut page);
            lines.page(&page)?;
            for replica in there(state) {
                lines.cells(location(replica))?;
                self.list(&state.project, replica, lines)?;
            }
        }
        Ok(())
    }

    fn records(&self, rows: &mut Rows<'_>) -> Result<()> {
        for state in &self.fetched.projects {
            for replica in there(state) {
                self.visit(&state.project, replica, false, &mut |folder, hit| {
                    rows.row(&[
                        Cell::Name(state.project.name()),
                        replica.category.as_str().into(),
                        replica.database.as_str().into(),
                        Cell::Name(own_path(folder, hit)),
                        Cell::Bytes(hit.file.bytes),
                        Cell::Moment(hit.file.modified),
                    ])
                })?;
            }
        }
        Ok(())
    }

    fn document(&self, json: &mut Json<'_>) -> Result<()> {
        json.list("projects", |json| {
            self.fetched.projects.iter().try_for_each(|state| {
                json.object_item(|json| {
                    json.field("project", &state.project)?;
                    json.list("replicas", |json| {
                        state.replicas.iter().try_for_each(|replica| {
                            json.object_item(|json| self.describe(&state.project, replica, json))
                        })
                    })
                })
            })
        })
    }

    fn status(&self) -> ExitStatus {
        self.fetched.status()
    }
}
