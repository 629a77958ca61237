//! `versions`: lists the old versions of files.

use std::ffi::OsString;

use clap::Args;
use serde::Serialize;

use super::check::check_known;
use super::target::{Target, TargetForm};
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::RunId;
use crate::model::registry::Registry;
use crate::output::cell::{Cell, Tone};
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};
use crate::storage::availability::Reach;
use crate::versions::list::{self, KeptVersion, VersionList, VersionScope};

const FORM: TargetForm = TargetForm {
    usage: "versions [PROJECT [CATEGORY]] [in STORAGE]",
    keyword: Some("in"),
    is_optional: true,
    takes_list: true,
};

/// List the old versions of files
///
/// Every copy, sync, heal and `free` keeps the files that it replaces or removes, in `.auto-backup/versions/` of the storage.
/// `restore` and `undo` bring them back, `prune` removes them.
#[derive(Debug, Args)]
#[command(
    override_usage = FORM.usage,
    after_help = "Examples:
  versions
  versions acme/spot footage
  versions acme in NAS"
)]
pub(crate) struct VersionsArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: Option<OsString>,
    /// The category, `in`, and the storage
    #[arg(value_name = "CATEGORY", num_args = 0..)]
    words: Vec<String>,
}

/// The old versions; they are listed while they are printed.
#[derive(Debug)]
pub(crate) struct VersionsAnswer<'a> {
    versions: VersionList,
    registry: &'a Registry,
    scope: VersionScope<'a>,
}

/// One version, as JSON.
#[derive(Serialize)]
struct VersionRow<'a> {
    database: &'a str,
    path: Name,
    run: RunId,
    host: &'a str,
    at: Timestamp,
    bytes: u64,
    modified: Timestamp,
}

impl VersionsArgs {
    fn target<'a>(&self, workspace: &'a Workspace) -> Result<Target<'a>> {
        let target = FORM.resolve(workspace, self.project.as_deref(), &self.words)?;
        target.without_rest(FORM)
    }

    /// Resolves the names of the line. A project may exist only among the versions.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        self.target(workspace).map(drop)
    }

    /// Reads the folders of old versions.
    pub(crate) fn execute(self, workspace: &mut Workspace) -> Result<VersionsAnswer<'_>> {
        workspace.adopt_moved_databases(Reach::All)?;
        let workspace = &*workspace;
        let target = self.target(workspace)?;
        let registry = &workspace.registry;
        let databases = if target.databases.is_empty() {
            registry.databases().iter().collect()
        } else {
            target.databases
        };
        let versions = list::read(&workspace.index, registry, &databases)?;
        let scope = VersionScope {
            scope: target.scope,
            categories: target.categories,
        };
        if !versions.holds_any(registry, &scope)? {
            check_known(&scope.scope, workspace)?;
        }
        Ok(VersionsAnswer {
            versions,
            registry,
            scope,
        })
    }
}

fn path_of(version: &KeptVersion<'_>) -> Name {
    Name::from(version.place.join(version.name.as_path()))
}

impl Stream for VersionsAnswer<'_> {
    const COMMAND: &'static str = "versions";

    const HEADINGS: &'static [&'static str] =
        &["database", "path", "run", "host", "at", "bytes", "modified"];

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        let (mut versions, mut bytes) = (0_u64, 0_u64);
        let mut last = None;
        self.versions
            .visit(self.registry, &self.scope, &mut |version| {
                versions += 1;
                bytes = bytes.saturating_add(version.bytes);
                let path = path_of(version);
                if last.as_ref() != Some(&path) {
                    lines.cells(vec![Cell::from(&path)])?;
                    last = Some(path);
                }
                lines.cells(vec![
                    Cell::text("    "),
                    version.database.into(),
                    Cell::text(format!(", run {}", version.folder.run)),
                    Cell::text(", kept "),
                    Cell::Timestamp(version.folder.at),
                    Cell::text(": "),
                    Cell::Bytes(version.bytes),
                    Cell::Styled(format!(", changed {}", version.modified.ago()), Tone::Faint),
                ])
            })?;
        for (name, why) in &self.versions.unread {
            lines.line(format!("{name} is not read: {why}"))?;
        }
        if versions == 0 {
            return lines.line("no old versions");
        }
        lines.line(format!(
            "{}, {}",
            unit::format_counted(versions, "old version"),
            unit::format_bytes(bytes)
        ))
    }

    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        self.versions
            .visit(self.registry, &self.scope, &mut |version| {
                rows.row(&[
                    version.database.into(),
                    Cell::from(&path_of(version)),
                    Cell::text(version.folder.run.to_string()),
                    Cell::text(&*version.folder.host),
                    Cell::Timestamp(version.folder.at),
                    Cell::Bytes(version.bytes),
                    Cell::Timestamp(version.modified),
                ])
            })
    }

    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        json.list("versions", |json| {
            self.versions
                .visit(self.registry, &self.scope, &mut |version| {
                    json.item(&VersionRow {
                        database: version.database,
                        path: path_of(version),
                        run: version.folder.run,
                        host: &version.folder.host,
                        at: version.folder.at,
                        bytes: version.bytes,
                        modified: version.modified,
                    })
                })
        })
    }

    fn exit_status(&self) -> ExitStatus {
        if self.versions.unread.is_empty() {
            ExitStatus::Done
        } else {
            ExitStatus::Partial
        }
    }
}
