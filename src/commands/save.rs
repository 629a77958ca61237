//! `save`: write what this session changed into the start-up file.

use clap::Args;
use serde::Serialize;

use super::Run;
use crate::error::{Error, Result};
use crate::name::Name;
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::page::Page;
use crate::startup::{self, Changes};
use crate::units;
use crate::workspace::Workspace;

/// Write what this session changed into the start-up file
///
/// What was added gets an `add` or `exclude` line, the lines of what was removed or replaced go, and every other line
/// stays as it is, also those that another session saved meanwhile. The file as it was is kept beside it. A name that
/// the file gives another place by now is an error, unless it was added with `--replace`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  save")]
pub(crate) struct Save {}

/// What was written.
#[derive(Debug, Serialize)]
pub(crate) struct Saved {
    path: Name,
    kept: Option<Name>,
    changed: bool,
    added: usize,
    removed: usize,
}

impl Run for Save {
    type Answer = Saved;

    fn run(self, workspace: &mut Workspace) -> Result<Saved> {
        let no_home = Error::NoHome {
            what: "place for the start-up file",
            option: "--config FILE",
        };
        let path = workspace.startup.as_ref().ok_or(no_home)?;
        let changes = Changes {
            before: &workspace.saved,
            now: &workspace.registry,
            replaced: &workspace.replaced,
        };
        let saved = startup::save(path, &changes)?;
        workspace.saved.clone_from(&workspace.registry);
        workspace.replaced.clear();
        Ok(Saved {
            path: saved.path.into(),
            kept: saved.kept.map(Name::from),
            changed: saved.added + saved.removed > 0,
            added: saved.added,
            removed: saved.removed,
        })
    }
}

impl Answer for Saved {
    const COMMAND: &'static str = "save";

    fn page(&self, page: &mut Page) {
        if self.changed {
            let added = units::counted(self.added as u64, "line");
            page.cells(vec![
                Cell::text("saved in "),
                Cell::from(&self.path),
                Cell::text(format!(": {added} added, {} removed", self.removed)),
            ]);
        } else {
            let words = "nothing to save: no change of this session is missing in ";
            page.cells(vec![Cell::text(words), Cell::from(&self.path)]);
        }
        if let Some(kept) = &self.kept {
            page.cells(vec![Cell::text("as it was: "), Cell::from(kept)]);
        }
    }

    fn records(&self) -> Records {
        let row = vec![
            Cell::from(&self.path),
            Cell::known(self.kept.as_ref(), Cell::from),
            Cell::text(if self.changed { "changed" } else { "unchanged" }),
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
