//! The answer of `fetch --files`. It reads the files from the index while they are printed.

use std::collections::BTreeMap;
use std::path::Path;

use super::answer::FetchAnswer;
use super::evidence::FolderKnowledge;
use super::table::{add_table, path_cells};
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::commands::search;
use crate::commands::search::Hit;
use crate::commands::workspace::Workspace;
use crate::index::overview;
use crate::index::overview::ReplicaSummary;
use crate::index::{DatabaseId, FolderFiles, Index, ReadTransaction};
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::Registry;
use crate::output::answer::Answer as _;
use crate::output::cell::Cell;
use crate::output::json::JsonWriter;
use crate::output::page::Page;
use crate::output::stream::{PageWriter, RowWriter, Stream};

/// The replicas of projects with all their files.
#[derive(Debug)]
pub(crate) struct FetchFilesAnswer<'a> {
    index: &'a Index,
    registry: &'a Registry,
    /// Keeps totals and files consistent while a scan writes to the index.
    _snapshot: ReadTransaction<'a>,
    fetched: FetchAnswer,
    /// Ids of the scanned databases, by name.
    database_ids: BTreeMap<&'a str, DatabaseId>,
    options: ListingOptions,
}

/// The options of the list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListingOptions {
    pub(super) group_sequences: bool,
    /// True to show how the content of each file is known.
    pub(super) evidence: bool,
}

/// Receives a file, its folder relative to the replica's folder, and what is known of the contents in that folder.
type FileVisitor<'a> = &'a mut dyn FnMut(&Path, &Hit<'_>, &FolderKnowledge) -> Result<()>;

impl<'a> FetchFilesAnswer<'a> {
    pub(super) fn new(
        workspace: &'a Workspace,
        mut fetched: FetchAnswer,
        scope: &Scope,
        options: ListingOptions,
    ) -> Result<Self> {
        let (index, registry) = (&workspace.index, &workspace.registry);
        let snapshot = index.read_transaction()?;
        // Read once more: the totals must be of the same state as the files.
        fetched.projects = overview::read(index, registry, scope)?.projects;
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
            fetched,
            database_ids,
            options,
        })
    }

    /// Visits every file of a replica.
    fn visit_files(
        &self,
        project: &ProjectId,
        replica: &ReplicaSummary,
        group_sequences: bool,
        on_file: FileVisitor<'_>,
    ) -> Result<()> {
        let Some(id) = self.database_ids.get(replica.database.as_str()) else {
            return Ok(());
        };
        let category = self.registry.category(&replica.category)?;
        let scope = Scope::Project(project.clone());
        let visit = &mut |folder: &FolderFiles<'_>| {
            let knowledge = if self.options.evidence {
                FolderKnowledge::read(self.index, *id, category, folder)?
            } else {
                FolderKnowledge::none()
            };
            search::visit(folder, group_sequences, &mut |_| true, &mut |hit| {
                on_file(folder.path, hit, &knowledge)?;
                Ok(true)
            })
        };
        self.index.visit_folders(*id, category.key(), &scope, visit)
    }

    /// Writes the lines of a replica's files.
    fn write_files(
        &self,
        project: &ProjectId,
        replica: &ReplicaSummary,
        lines: &mut PageWriter<'_>,
    ) -> Result<()> {
        let group_sequences = self.options.group_sequences;
        self.visit_files(
            project,
            replica,
            group_sequences,
            &mut |folder, hit, known| {
                if !hit.has_own_line() {
                    return Ok(());
                }
                let mut cells = vec![Cell::text("    "), Cell::Name(hit.line_path(folder))];
                cells.extend(hit.detail_cells());
                if self.options.evidence {
                    cells.push(known.line_cell(hit));
                }
                lines.cells(cells)
            },
        )
    }

    /// Writes a replica as JSON fields, with its files in `listing`.
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
                let group_sequences = self.options.group_sequences;
                self.visit_files(
                    project,
                    replica,
                    group_sequences,
                    &mut |folder, hit, known| {
                        let file = hit.file_item(folder);
                        if self.options.evidence {
                            json.item(&known.file_item(file, hit))
                        } else {
                            json.item(&file)
                        }
                    },
                )
            })?;
            json.list("sequences", |json| {
                if !self.options.group_sequences {
                    return Ok(());
                }
                self.visit_files(project, replica, true, &mut |folder, hit, _| {
                    let item = hit.sequence_item(folder);
                    item.map_or(Ok(()), |item| json.item(&item))
                })
            })
        })
    }
}

impl Stream for FetchFilesAnswer<'_> {
    const COMMAND: &'static str = FetchAnswer::COMMAND;

    const HEADINGS: &'static [&'static str] = &[
        "project", "category", "database", "path", "bytes", "modified",
    ];

    fn headings(&self) -> &'static [&'static str] {
        const WITH_EVIDENCE: &[&str] = &[
            "project", "category", "database", "path", "bytes", "modified", "evidence", "known_at",
            "digest",
        ];
        if self.options.evidence {
            WITH_EVIDENCE
        } else {
            Self::HEADINGS
        }
    }

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        if self.fetched.projects.is_empty() {
            lines.line(self.fetched.empty_message())?;
        }
        for state in &self.fetched.projects {
            let mut page = Page::default();
            add_table(state, &mut page);
            lines.page(&page)?;
            for replica in state.known_replicas() {
                lines.cells(path_cells(replica))?;
                self.write_files(&state.project, replica, lines)?;
            }
        }
        Ok(())
    }

    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        for state in &self.fetched.projects {
            for replica in state.known_replicas() {
                self.visit_files(&state.project, replica, false, &mut |folder, hit, known| {
                    let mut cells = vec![
                        Cell::Name(state.project.name()),
                        replica.category.as_str().into(),
                        replica.database.as_str().into(),
                        Cell::Name(hit.file_path(folder)),
                        Cell::Bytes(hit.file.bytes),
                        Cell::Timestamp(hit.file.modified),
                    ];
                    if self.options.evidence {
                        cells.extend(known.row_cells(hit));
                    }
                    rows.row(&cells)
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
