//! `copy`: copies projects from one database to others.
//!
//! Builds the request from the words of the line, runs it under the run recorder, and prints totals and items. Replacing
//! files needs `--overwrite`, and a confirmation at the prompt.

pub(super) mod answer;

use std::ffi::OsString;

use clap::Args;

use self::answer::CopyAnswer;

use super::check::check_scope;
use super::command::database_names;
use super::last_answer::scope_subject;
use super::run;
use super::run::RunOptions;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::copy;
use crate::copy::CopyRequest;
use crate::copy::plan::CopyRules;
use crate::index::RunStart;
use crate::model::project::Scope;
use crate::model::registry::{Database, Registry};
use crate::storage::availability::Reach;

/// Copy a category of a project from one database to others
///
/// Files missing at the destination are copied. Older files there are replaced, and their old versions are kept in
/// `.auto-backup/versions/` at the root of that database. Newer files there, and files that differ with the same time, are
/// conflicts: they are kept and reported. Files that only the destination has stay. A copy is written under a temporary
/// name, flushed, read back and compared, and only then gets its name. To continue after an interruption, run the same
/// line again.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the line"
)]
#[command(
    override_usage = "copy [OPTIONS] PROJECT CATEGORY FROM TO[,TO...]",
    after_help = "Examples:
  copy acme/spot footage WORK NAS
  copy acme/spot all WORK NAS,ARCHIVE
  copy acme render NAS ARCHIVE --no-update
  copy acme/spot footage WORK NAS --checksum --dry-run
  copy all all WORK NAS --dry-run
  copy -- -odd-/name footage WORK NAS"
)]
pub(crate) struct CopyArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: OsString,
    /// The category, or `all`
    #[arg(value_name = "CATEGORY")]
    category: String,
    /// The database to copy from
    #[arg(value_name = "FROM")]
    from: String,
    /// The databases to copy to, separated by commas
    #[arg(
        value_name = "TO",
        value_delimiter = ',',
        num_args = 1,
        required = true
    )]
    to: Vec<String>,
    /// Only show the files that would be copied
    #[arg(long)]
    dry_run: bool,
    /// Replace newer files too; the old versions are kept
    #[arg(long, conflicts_with = "no_update")]
    overwrite: bool,
    /// Only add missing files
    #[arg(long)]
    no_update: bool,
    /// Compare files of equal size by content instead of time
    #[arg(long)]
    checksum: bool,
    /// Read copies back, even after `set verify off`
    #[arg(long)]
    verify: bool,
    /// Do not read copies back
    #[arg(long, conflicts_with = "verify")]
    no_verify: bool,
    /// Replace older files without asking at the prompt
    #[arg(long)]
    yes: bool,
}

impl CopyArgs {
    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        let options = RunOptions::of(workspace, true, self.yes);
        let scope = workspace.last_answer.scope(&self.project)?;
        self.request(&workspace.registry, scope, true, &options)?;
        check_scope(&self.project, workspace)
    }

    /// Does the work and prints nothing. The answer is a stream because a dry run may list a million files.
    pub(crate) fn execute(self, workspace: &mut Workspace) -> Result<CopyAnswer> {
        workspace.adopt_moved_databases(Reach::All)?;
        let options = RunOptions::of(workspace, self.dry_run, self.yes);
        let verify = self.verify || (workspace.settings.verify && !self.no_verify);
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let scope = workspace.last_answer.scope(&self.project)?;
        let subject = scope_subject(&self.project, &scope);
        let subject = format!("{subject} {}", self.category);
        let request = self.request(registry, scope, verify, &options)?;
        let to = database_names(request.destinations.iter().copied());
        let start = RunStart {
            command: "copy",
            subject: &subject,
            source: Some(&request.source.name),
            destination: Some(&to),
        };
        let monitor = workspace.monitor.as_ref();
        run::execute(
            (index, registry),
            &start,
            &options,
            monitor,
            |index, run| copy::copy(index, registry, &request, run, monitor),
        )
    }

    /// Looks up the names of the line in the registry.
    fn request<'a>(
        &self,
        registry: &'a Registry,
        scope: Scope,
        verify: bool,
        options: &RunOptions,
    ) -> Result<CopyRequest<'a>> {
        let source = registry.database(&self.from)?;
        let mut destinations: Vec<&Database> = Vec::new();
        for name in &self.to {
            let database = registry.database(name)?;
            if database == source {
                return Err(Error::SameDatabase {
                    database: name.clone(),
                });
            }
            if !destinations.contains(&database) {
                destinations.push(database);
            }
        }
        Ok(CopyRequest {
            scope,
            categories: registry.select_categories(&self.category)?,
            source,
            destinations,
            rules: CopyRules {
                overwrite: self.overwrite,
                only_add: self.no_update,
                checksum: self.checksum,
            },
            verify,
            dry_run: options.dry_run,
            confirmation: options.confirmation,
        })
    }
}
