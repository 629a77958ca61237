//! `save`: write what is tracked into the start-up file.

use clap::Args;
use serde::Serialize;

use super::Run;
use crate::error::{Error, Result};
use crate::name::Name;
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::page::Page;
use crate::startup;
use crate::workspace::Workspace;

/// Write what is tracked into the start-up file
///
/// As `add` and `exclude` lines; every other line of the file stays as it is, and the file as it was is kept beside it.
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
}

impl Run for Save {
    type Answer = Saved;

    fn run(self, workspace: &mut Workspace) -> Result<Saved> {
        let no_home = Error::NoHome {
            what: "place for the start-up file",
            option: "--config FILE",
        };
        let path = workspace.startup.as_ref().ok_or(no_home)?;
        let saved = startup::save(path, &workspace.registry)?;
        workspace.saved.clone_from(&workspace.registry);
        Ok(Saved {
            path: saved.path.into(),
            kept: saved.kept.map(Name::from),
            changed: saved.changed,
        })
    }
}

impl Answer for Saved {
    const COMMAND: &'static str = "save";

    fn page(&self, page: &mut Page) {
        let words = if self.changed {
            "saved in "
        } else {
            "nothing to save: it all stands in "
        };
        page.cells(vec![Cell::text(words), Cell::from(&self.path)]);
        if let Some(kept) = &self.kept {
            page.cells(vec![Cell::text("as it was: "), Cell::from(kept)]);
        }
    }

    fn records(&self) -> Records {
        let row = vec![
            Cell::from(&self.path),
            Cell::known(self.kept.as_ref(), Cell::from),
            Cell::text(if self.changed { "changed" } else { "unchanged" }),
        ];
        Records {
            headings: &["path", "kept", "change"],
            rows: vec![row],
        }
    }

    fn is_routine(&self) -> bool {
        true
    }
}
