//! `save`: writes the changes of this session into the start-up file.

use clap::Args;
use serde::Serialize;

use super::command::RunCommand;
use super::startup;
use super::startup::SessionChanges;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::unit;
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::page::Page;

/// Save the changes of this session in the start-up file
///
/// Each added storage, category or exclusion gets an `add` or `exclude` line. Lines of removed or replaced ones are
/// deleted. Of the settings, `publish` and `catalog` are saved. All other lines stay as they are, including those that another session has saved. A backup of the file is kept
/// beside it. If the file now gives a name another location, `save` fails, unless the name was added with `--replace`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  save")]
pub(crate) struct SaveArgs {}

/// The changes to the start-up file.
#[derive(Debug, Serialize)]
pub(crate) struct SaveAnswer {
    path: Name,
    kept: Option<Name>,
    changed: bool,
    added: usize,
    removed: usize,
    #[serde(skip)]
    dry_run: bool,
}

impl RunCommand for SaveArgs {
    type Answer = SaveAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<SaveAnswer> {
        let no_home = Error::NoHome {
            what: "place for the start-up file",
            option: "--config FILE",
        };
        let path = workspace.startup_path.as_ref().ok_or(no_home)?;
        let settings = workspace.settings.changed_since(&workspace.saved_settings);
        let changes = SessionChanges {
            settings: &settings,
            before: &workspace.saved_registry,
            now: &workspace.registry,
            replaced_keys: &workspace.replaced_keys,
            variables: &workspace.variables,
        };
        let saved = if workspace.dry_run {
            startup::dry_run(path, &changes)?
        } else {
            startup::save(path, &changes)?
        };
        if !workspace.dry_run {
            workspace.saved_registry.clone_from(&workspace.registry);
            workspace.replaced_keys.clear();
            workspace.saved_settings.clone_from(&workspace.settings);
        }
        Ok(SaveAnswer {
            path: saved.path.into(),
            kept: saved.backup.map(Name::from),
            changed: saved.added_lines + saved.removed_lines > 0,
            added: saved.added_lines,
            removed: saved.removed_lines,
            dry_run: workspace.dry_run,
        })
    }
}

impl Answer for SaveAnswer {
    const COMMAND: &'static str = "save";

    fn write_page(&self, page: &mut Page) {
        if self.changed {
            let added = unit::format_counted(self.added as u64, "line");
            page.cells(vec![
                Cell::text(if self.dry_run {
                    "would be saved in "
                } else {
                    "saved in "
                }),
                Cell::from(&self.path),
                Cell::text(format!(": {added} added, {} removed", self.removed)),
            ]);
        } else {
            let words = "nothing to save: all changes of this session are already in ";
            page.cells(vec![Cell::text(words), Cell::from(&self.path)]);
        }
        if let Some(kept) = &self.kept {
            page.cells(vec![Cell::text("backup: "), Cell::from(kept)]);
        }
    }

    fn records(&self) -> Records {
        let row = vec![
            Cell::from(&self.path),
            Cell::optional(self.kept.as_ref(), Cell::from),
            Cell::text(match (self.changed, self.dry_run) {
                (false, _) => "unchanged",
                (true, false) => "changed",
                (true, true) => "planned",
            }),
            Cell::Count(self.added as u64),
            Cell::Count(self.removed as u64),
        ];
        Records {
            headings: &["path", "kept", "change", "added", "removed"],
            rows: vec![row],
        }
    }

    fn is_routine(&self) -> bool {
        true
    }
}
