//! `list outside`: lists the entries of databases that are in no project.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::monitor::ProgressEvent;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::commands::workspace::Workspace;
use crate::model::outside::{OutsideEntry, OutsideTotals};
use crate::model::registry::Database;
use crate::os::stat::EntryKind;
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::page::{Borders, Page, TableBlock};
use crate::storage::{FolderTotals, Layout, Storage};

/// List what lies in no project: files beside clients and projects, and folders of no category
///
/// The entries are those of the last scan of the whole storage. A folder is one entry, with everything in it; its size is
/// counted only with `--sizes`, which reads the folders now.
#[derive(Debug, Args)]
#[command(
    override_usage = "list outside [in STORAGE] [--sizes]",
    after_help = "Examples:\n  list outside\n  list outside in NAS --sizes"
)]
pub(crate) struct OutsideArgs {
    #[arg(value_name = "in", value_parser = ["in"], requires = "database", hide = true)]
    on_database: Option<String>,
    /// Only this storage
    #[arg(value_name = "STORAGE")]
    database: Option<String>,
    /// Count the files and bytes of folders; this reads them
    #[arg(long)]
    sizes: bool,
}

/// The entries in no project.
#[derive(Debug, Serialize)]
pub(crate) struct OutsideAnswer {
    outside: Vec<OutsideRow>,
    databases: Vec<OutsideDatabase>,
    total: OutsideTotals,
    #[serde(skip)]
    sizes: bool,
    #[serde(skip)]
    setup_hint: Option<String>,
}

#[derive(Debug, Serialize)]
struct OutsideRow {
    database: String,
    path: Name,
    kind: &'static str,
    files: Option<u64>,
    bytes: Option<u64>,
    /// True if something in a folder could not be read: it holds at least this.
    incomplete: bool,
}

/// A database whose entries were asked for.
#[derive(Debug, Serialize)]
struct OutsideDatabase {
    database: String,
    /// The last scan of the whole database; without one nothing is known.
    scanned_at: Option<Timestamp>,
    /// Number of folders that the scan could not read.
    unread: u64,
}

const fn kind_word(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Folder => "folder",
        EntryKind::Link => "link",
        EntryKind::Special => "special",
    }
}

impl OutsideArgs {
    /// True if the sizes are read from the databases.
    pub(super) const fn reads_folders(&self) -> bool {
        self.sizes
    }

    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        let named = self.database.as_deref();
        named.map_or(Ok(()), |name| workspace.registry.database(name).map(drop))
    }

    pub(crate) fn run(self, workspace: &Workspace) -> Result<OutsideAnswer> {
        let registry = &workspace.registry;
        let databases = match &self.database {
            Some(name) => std::slice::from_ref(registry.database(name)?),
            None => registry.databases(),
        };
        let mut answer = OutsideAnswer {
            outside: Vec::new(),
            databases: Vec::new(),
            total: OutsideTotals::default(),
            sizes: self.sizes,
            setup_hint: workspace.setup_hint(),
        };
        for database in databases {
            answer.add_database(workspace, database)?;
        }
        Ok(answer)
    }
}

impl OutsideAnswer {
    fn add_database(&mut self, workspace: &Workspace, database: &Database) -> Result<()> {
        let index = &workspace.index;
        let id = index.database_id(&database.root)?;
        let known = id.map_or(Ok(None), |id| index.outside(id))?;
        self.databases.push(OutsideDatabase {
            database: database.name.clone(),
            scanned_at: known.as_ref().map(|known| known.scanned_at),
            unread: known.as_ref().map_or(0, |known| known.unread),
        });
        let entries = known.map(|known| known.entries).unwrap_or_default();
        let has_folders = entries.iter().any(|entry| entry.kind == EntryKind::Folder);
        let storage = if self.sizes && has_folders {
            let layout = Layout::new(&workspace.registry)?;
            Some(Storage::open(index, &layout, database)?)
        } else {
            None
        };
        for entry in &entries {
            let folder = storage
                .as_ref()
                .filter(|_| entry.kind == EntryKind::Folder)
                .map(|storage| count_folder(storage, &entry.path, workspace))
                .transpose()?;
            self.add_entry(database, entry, folder);
        }
        Ok(())
    }

    fn add_entry(
        &mut self,
        database: &Database,
        entry: &OutsideEntry,
        folder: Option<FolderTotals>,
    ) {
        let own = OutsideTotals::of([entry]);
        self.total.files += own.files + folder.map_or(0, |folder| folder.files);
        self.total.folders += own.folders;
        let bytes = own
            .bytes
            .saturating_add(folder.map_or(0, |folder| folder.bytes));
        self.total.bytes = self.total.bytes.saturating_add(bytes);
        self.outside.push(OutsideRow {
            database: database.name.clone(),
            path: Name::from(entry.path.as_path()),
            kind: kind_word(entry.kind),
            files: folder.map(|folder| folder.files),
            bytes: folder.map_or(entry.bytes, |folder| Some(folder.bytes)),
            incomplete: folder.is_some_and(|folder| folder.unread > 0),
        });
    }

    /// Returns the last line: the totals.
    fn total_line(&self) -> String {
        let total = &self.total;
        let files = unit::format_counted(total.files, "file");
        let bytes = unit::format_bytes(total.bytes);
        let folders = unit::format_counted(total.folders, "folder");
        match (self.sizes, total.folders) {
            (_, 0) => format!("outside every project: {files}, {bytes}"),
            (true, _) => format!("outside every project: {files}, {bytes}, {folders} included"),
            (false, _) => format!(
                "outside every project: {files}, {bytes}, and {folders} (`--sizes` counts what is in them)"
            ),
        }
    }
}

/// Counts the files of a folder, and reports what cannot be read.
fn count_folder(storage: &Storage, folder: &Path, workspace: &Workspace) -> Result<FolderTotals> {
    let mut report = |error: &crate::base::error::Error| {
        workspace.monitor.on_event(&ProgressEvent::Problem(error));
    };
    storage.folder_totals(folder, &mut report)
}

impl Answer for OutsideAnswer {
    const COMMAND: &'static str = "list";

    fn write_page(&self, page: &mut Page) {
        let rows = self.outside.iter().map(|row| {
            let mut path = PathBuf::from(row.path.as_os_str());
            if row.kind == "folder" {
                path.push("");
            }
            let mut cells = vec![
                row.database.as_str().into(),
                Cell::from(&Name::from(path)),
                Cell::text(row.kind),
            ];
            if self.sizes {
                cells.push(Cell::optional(row.files, Cell::Count));
            }
            cells.push(Cell::optional(row.bytes, Cell::Bytes));
            cells
        });
        let mut headings = vec!["storage", "path", "kind"];
        headings.extend(self.sizes.then_some("files"));
        headings.push("size");
        // On a narrow terminal the slash after a folder tells the kind.
        page.table_block(TableBlock {
            headings: headings.into_iter().map(Cell::text).collect(),
            rows: rows.collect(),
            borders: Borders::Open,
            hidden_from: vec![usize::MAX, usize::MAX, 2],
            ..TableBlock::default()
        });
        if !self.outside.is_empty() {
            page.line(self.total_line());
        }
        for database in &self.databases {
            if database.scanned_at.is_none() {
                let name = &database.database;
                page.line(format!(
                    "`{name}` was never scanned as a whole: `load {name}` scans it"
                ));
            } else if database.unread > 0 {
                let folders = unit::format_counted(database.unread, "folder");
                page.line(format!(
                    "{folders} of `{}` could not be read, and may hold more",
                    database.database
                ));
            }
        }
        let is_known =
            |database: &OutsideDatabase| database.scanned_at.is_some() && database.unread == 0;
        if let Some(lacking) = &self.setup_hint {
            page.line(lacking);
        } else if self.outside.is_empty() && self.databases.iter().all(is_known) {
            page.line("everything is in a project");
        }
    }

    fn records(&self) -> Records {
        let rows = self.outside.iter().map(|row| {
            vec![
                row.database.as_str().into(),
                Cell::from(&row.path),
                Cell::text(row.kind),
                Cell::optional(row.files, Cell::Count),
                Cell::optional(row.bytes, Cell::Bytes),
            ]
        });
        Records {
            headings: &["database", "path", "kind", "files", "bytes"],
            rows: rows.collect(),
        }
    }

    fn exit_status(&self) -> ExitStatus {
        if self.outside.iter().any(|row| row.incomplete) {
            ExitStatus::Partial
        } else {
            ExitStatus::Done
        }
    }
}
