//! `remove`: stops tracking a database, a category or an exclusion.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::command::RunCommand;
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::model::registry::RegistryKind;
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::page::Page;

/// Stop tracking a storage, a category or an exclusion
///
/// No file is touched. The index keeps the last scan, so adding the same again restores it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  remove database NAS
  remove category render
  remove exclusion '*.tmp'")]
pub(crate) struct RemoveArgs {
    #[command(subcommand)]
    subcommand: RemoveSubcommand,
}

#[derive(Debug, Subcommand)]
enum RemoveSubcommand {
    /// Stop tracking a storage
    #[command(alias = "storage", after_help = "Examples:\n  remove database NAS")]
    Database {
        /// The storage
        #[arg(value_name = "STORAGE")]
        name: String,
    },
    /// Stop tracking a category
    #[command(after_help = "Examples:\n  remove category render")]
    Category {
        /// The category
        #[arg(value_name = "CATEGORY")]
        name: String,
    },
    /// Include files again that `exclude` excluded
    #[command(after_help = "Examples:\n  remove exclusion '*.tmp'")]
    Exclusion {
        /// The pattern
        #[arg(value_name = "PATTERN")]
        name: String,
    },
}

/// The removed database, category or exclusion.
#[derive(Debug, Serialize)]
pub(crate) struct RemoveAnswer {
    kind: RegistryKind,
    name: String,
}

impl RunCommand for RemoveArgs {
    type Answer = RemoveAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<RemoveAnswer> {
        let registry = &mut workspace.registry;
        let (kind, name) = match self.subcommand {
            RemoveSubcommand::Database { name } => {
                registry.remove_database(&name)?;
                (RegistryKind::Database, name)
            }
            RemoveSubcommand::Category { name } => {
                registry.remove_category(&name)?;
                (RegistryKind::Category, name)
            }
            RemoveSubcommand::Exclusion { name } => {
                registry.remove_exclusion(&name)?;
                (RegistryKind::Exclusion, name)
            }
        };
        Ok(RemoveAnswer { kind, name })
    }
}

impl Answer for RemoveAnswer {
    const COMMAND: &'static str = "remove";

    fn write_page(&self, page: &mut Page) {
        let words = if self.kind == RegistryKind::Exclusion {
            " was removed; its files are included from the next scan on"
        } else {
            " is no longer tracked; its files are untouched"
        };
        page.cells(vec![
            Cell::text(format!("{} ", self.kind.noun())),
            self.name.as_str().into(),
            Cell::text(words),
        ]);
    }

    fn records(&self) -> Records {
        let row = vec![Cell::text(self.kind.keyword()), self.name.as_str().into()];
        Records {
            headings: &["kind", "name"],
            rows: vec![row],
        }
    }

    fn is_routine(&self) -> bool {
        true
    }
}
