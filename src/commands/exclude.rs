//! `exclude`: leave files alone that match a pattern.

use clap::Args;
use serde::Serialize;

use super::command::RunCommand;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::model::exclusion::{ExclusionRules, Exclusions};
use crate::model::registry::RegistryChange;
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::page::Page;

/// Leave files and folders alone that match a pattern
///
/// They are neither looked at nor copied, on any database. PATTERN is written as in a gitignore file and matched against
/// paths below a project's folder; negations (`!`) are refused.
///
/// Always left alone are `.auto-backup/` and temporary files of auto-backup. What storages and desktops keep for themselves
/// is left alone too, in every folder: recycle bins, snapshots, thumbnails and search indexes (`@eaDir`, `#recycle`,
/// `.snapshot`, `.Trashes`, `lost+found` and the like), `.DS_Store`, `Thumbs.db`, `desktop.ini`, and files that begin with
/// `._`. `set housekeeping off` treats these as work; docs/exclusions.md lists
/// them all.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  exclude '*.tmp'
  exclude cache/
  exclude /proxies/")]
pub(crate) struct ExcludeArgs {
    /// The pattern
    #[arg(value_name = "PATTERN")]
    pattern: String,
}

/// What is left alone now.
#[derive(Debug, Serialize)]
pub(crate) struct ExcludeAnswer {
    pattern: String,
    change: RegistryChange,
}

impl RunCommand for ExcludeArgs {
    type Answer = ExcludeAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<ExcludeAnswer> {
        check_pattern(&self.pattern)?;
        Exclusions::new(&ExclusionRules {
            patterns: vec![self.pattern.clone()],
            ..ExclusionRules::default()
        })?;
        Ok(ExcludeAnswer {
            change: workspace.registry.add_exclusion(&self.pattern),
            pattern: self.pattern,
        })
    }
}

/// Refuses lines of a gitignore file that leave nothing alone.
fn check_pattern(pattern: &str) -> Result<()> {
    let why = match pattern.trim_start().chars().next() {
        None => "it is empty",
        Some('!') if pattern.starts_with('!') => {
            "with a `!` it would take others back; `remove exclusion PATTERN` does that, and `\\!` is the letter itself"
        }
        Some('#') if pattern.starts_with('#') => {
            "a line that begins with `#` is a comment in a gitignore file; `\\#` is the letter itself"
        }
        Some(_) => return Ok(()),
    };
    Err(Error::InvalidWord {
        noun: "pattern",
        word: pattern.into(),
        why,
    })
}

impl Answer for ExcludeAnswer {
    const COMMAND: &'static str = "exclude";

    fn write_page(&self, page: &mut Page) {
        let words = if self.change == RegistryChange::Unchanged {
            "already left alone: "
        } else {
            "`load` and `copy` now leave alone: "
        };
        page.cells(vec![Cell::text(words), self.pattern.as_str().into()]);
    }

    fn records(&self) -> Records {
        let row = vec![self.pattern.as_str().into(), Cell::text(self.change.word())];
        Records {
            headings: &["pattern", "change"],
            rows: vec![row],
        }
    }

    fn is_routine(&self) -> bool {
        true
    }
}
