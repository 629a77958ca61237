//! `exclude`: excludes files that match a pattern.

use clap::Args;
use serde::Serialize;

use super::command::RunCommand;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::noun::Noun;
use crate::model::exclusion::{ExclusionRules, Exclusions};
use crate::model::registry::RegistryChange;
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::page::Page;

/// Exclude files and folders that match a pattern
///
/// Excluded files are neither scanned nor copied, on any storage. PATTERN has the syntax of a gitignore file
/// and is matched against paths below the project's folder. Negations (`!`) are refused.
///
/// `.auto-backup/` and temporary files of auto-backup are always excluded. Files that storages and desktops keep for
/// themselves are excluded in every folder: recycle bins, snapshots, thumbnails and search indexes (`@eaDir`, `#recycle`,
/// `.snapshot`, `.Trashes`, `lost+found` and others), `.DS_Store`, `Thumbs.db`, `desktop.ini`, and files that begin with
/// `._`. `set housekeeping off` includes them; docs/exclusions.md lists all.
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

/// The excluded pattern.
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

/// Refuses lines that are valid in a gitignore file but exclude nothing.
fn check_pattern(pattern: &str) -> Result<()> {
    let why = match pattern.trim_start().chars().next() {
        None => "it is empty",
        Some('!') if pattern.starts_with('!') => {
            "a `!` would include files again; `remove exclusion PATTERN` does that, and `\\!` matches a `!` itself"
        }
        Some('#') if pattern.starts_with('#') => {
            "a pattern that begins with `#` is a comment in a gitignore file; `\\#` matches a `#` itself"
        }
        Some(_) => return Ok(()),
    };
    Err(Error::InvalidWord {
        noun: Noun::Pattern,
        word: pattern.into(),
        why,
    })
}

impl Answer for ExcludeAnswer {
    const COMMAND: &'static str = "exclude";

    fn write_page(&self, page: &mut Page) {
        let words = if self.change == RegistryChange::Unchanged {
            "already excluded: "
        } else {
            "excluded from now on: "
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
