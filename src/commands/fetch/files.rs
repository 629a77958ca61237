//! `fetch --files`: the files of every replica, found while they are written.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::Serialize;

use super::{FetchAnswer, add_table, location_cells, read_overview};
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::commands::search;
use crate::commands::search::Hit;
use crate::commands::workspace::Workspace;
use crate::index::overview::{ProjectSummary, ReplicaSummary};
use crate::index::{DatabaseId, Index, ReadTransaction};
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::Registry;
use crate::output::answer::Answer as _;
use crate::output::cell::Cell;
use crate::output::json::JsonWriter;
use crate::output::page::Page;
use crate::output::stream::{PageWriter, RowWriter, Stream};
use crate::snapshot::sequence::Sequence;

/// How the replicas compare, and all their files.
#[derive(Debug)]
pub(crate) struct FetchFilesAnswer<'a> {
    index: &'a Index,
    registry: &'a Registry,
    /// The numbers and the files are those of the same looks.
    _snapshot: ReadTransaction<'a>,
    fetched: FetchAnswer,
    /// The rows of the databases by their names.
    database_ids: BTreeMap<&'a str, DatabaseId>,
    group_sequences: bool,
}

/// A file of a replica; its path is relative to the replica's folder.
#[derive(Serialize)]
struct FetchFileItem {
    path: Name,
    bytes: u64,
    modified: Timestamp,
    sequence: Option<Name>,
}

#[derive(Serialize)]
struct FetchSequenceItem<'a> {
    path: Name,
    #[serde(flatten)]
    sequence: &'a Sequence,
}

/// Takes a file and the folder it is in, relative to the replica's.
type FileVisitor<'a> = &'a mut dyn FnMut(&Path, &Hit<'_>) -> Result<()>;

impl<'a> FetchFilesAnswer<'a> {
    pub(super) fn new(
        workspace: &'a Workspace,
        scope: &Scope,
        is_complete: bool,
        sequences: bool,
    ) -> Result<Self> {
        let (index, registry) = (&workspace.index, &workspace.registry);
        let snapshot = index.read_transaction()?;
        let mut database_ids = BTreeMap::new();
        for database in registry.databases() {
            if let Some(id) = index.database(&database.root)?.id {
                database_ids.insert(database.name.as_str(), id);
            }
        }
        Ok(Self {
            index,
            registry,
            _snapshot: snapshot,
            fetched: read_overview(workspace, scope, is_complete)?,
            database_ids,
            group_sequences: sequences,
        })
    }

    /// Hands every file of a replica to `take`.
    fn visit_files(
        &self,
        project: &ProjectId,
        replica: &ReplicaSummary,
        sequences: bool,
        on_file: FileVisitor<'_>,
    ) -> Result<()> {
        let Some(id) = self.database_ids.get(replica.database.as_str()) else {
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
                    on_file(folder.path, hit)?;
                    Ok(true)
                })
            })
    }

    /// The lines of a replica's files.
    fn write_files(
        &self,
        project: &ProjectId,
        replica: &ReplicaSummary,
        lines: &mut PageWriter<'_>,
    ) -> Result<()> {
        self.visit_files(
            project,
            replica,
            self.group_sequences,
            &mut |folder, hit| {
                if !hit.has_own_line() {
                    return Ok(());
                }
                let path = folder.join(hit.line_name().as_path());
                let mut cells = vec![Cell::text("    "), Cell::Name(path.into())];
                cells.extend(hit.detail_cells());
                lines.cells(cells)
            },
        )
    }

    /// The fields of a replica, and its files below them.
    fn write_replica(
        &self,
        project: &ProjectId,
        replica: &ReplicaSummary,
        json: &mut JsonWriter<'_>,
    ) -> Result<()> {
        json.fields(replica)?;
        if replica.files.is_none() {
            return json.field("listing", &None::<()>);
        }
        json.object("listing", |json| {
            json.list("files", |json| {
                self.visit_files(
                    project,
                    replica,
                    self.group_sequences,
                    &mut |folder, hit| {
                        json.item(&FetchFileItem {
                            path: file_path(folder, hit),
                            bytes: hit.file.bytes,
                            modified: hit.file.modified,
                            sequence: hit.sequence.map(Sequence::pattern),
                        })
                    },
                )
            })?;
            json.list("sequences", |json| {
                if !self.group_sequences {
                    return Ok(());
                }
                self.visit_files(project, replica, true, &mut |folder, hit| {
                    hit.sequence_if_first().map_or(Ok(()), |sequence| {
                        let path = folder.join(sequence.pattern().as_path()).into();
                        json.item(&FetchSequenceItem { path, sequence })
                    })
                })
            })
        })
    }
}

/// The path of a file, relative to the replica's folder.
fn file_path(folder: &Path, hit: &Hit<'_>) -> Name {
    folder.join(OsStr::from_bytes(hit.file.name)).into()
}

/// The replicas of a project of which files are known.
fn known_replicas(project: &ProjectSummary) -> impl Iterator<Item = &ReplicaSummary> {
    project.replicas.iter().filter(|one| one.files.is_some())
}

impl Stream for FetchFilesAnswer<'_> {
    const COMMAND: &'static str = FetchAnswer::COMMAND;

    const HEADINGS: &'static [&'static str] = &[
        "project", "category", "database", "path", "bytes", "modified",
    ];

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        if self.fetched.projects.is_empty() {
            lines.line(self.fetched.empty_message())?;
        }
        for state in &self.fetched.projects {
            let mut page = Page::default();
            add_table(state, &mut page);
            lines.page(&page)?;
            for replica in known_replicas(state) {
                lines.cells(location_cells(replica))?;
                self.write_files(&state.project, replica, lines)?;
            }
        }
        Ok(())
    }

    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        for state in &self.fetched.projects {
            for replica in known_replicas(state) {
                self.visit_files(&state.project, replica, false, &mut |folder, hit| {
                    rows.row(&[
                        Cell::Name(state.project.name()),
                        replica.category.as_str().into(),
                        replica.database.as_str().into(),
                        Cell::Name(file_path(folder, hit)),
                        Cell::Bytes(hit.file.bytes),
                        Cell::Timestamp(hit.file.modified),
                    ])
                })?;
            }
        }
        Ok(())
    }

    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        json.list("projects", |json| {
            self.fetched.projects.iter().try_for_each(|state| {
                json.object_item(|json| {
                    json.field("project", &state.project)?;
                    json.list("replicas", |json| {
                        state.replicas.iter().try_for_each(|replica| {
                            json.object_item(|json| {
                                self.write_replica(&state.project, replica, json)
                            })
                        })
                    })
                })
            })
        })
    }

    fn exit_status(&self) -> ExitStatus {
        self.fetched.exit_status()
    }
}
