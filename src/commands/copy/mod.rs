//! `copy`: copies projects from one database to others.
//!
//! Builds the request from the words of the line, runs it under the run recorder, and prints totals and items. Replacing
//! files needs `--overwrite`, and a confirmation at the prompt.

pub(super) mod answer;
mod destination;
mod item;

use std::ffi::{OsStr, OsString};

use clap::Args;

use self::answer::CopyAnswer;

use super::check::check_scope;
use super::command::database_names;
use super::endpoints::{Endpoints, LineForm};
use super::last_answer::scope_subject;
use super::run;
use super::run::RunOptions;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::copy;
use crate::copy::CopyRequest;
use crate::copy::plan::CopyRules;
use crate::index::RunStart;
use crate::language::lexer::quote;
use crate::model::project::Scope;
use crate::model::registry::Registry;
use crate::storage::availability::Reach;

const USAGE: &str = "copy [OPTIONS] PROJECT [CATEGORY] FROM TO[,TO...]";

const FORM: LineForm = LineForm {
    usage: USAGE,
    placeholders: ["FROM", "TO"],
    takes_list: true,
};

/// Copy projects from one storage to others
///
/// Files missing at the destination are copied. Older files there are replaced, and their old versions are kept in
/// `.auto-backup/versions/` at the root of that storage. Newer files there, and files that differ with the same time, are
/// conflicts: they are kept and reported. Files that only the destination has stay. A copy is written under a temporary
/// name, flushed, read back and compared, and only then gets its name. To continue after an interruption, run the same
/// line again.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the line"
)]
#[command(
    override_usage = USAGE,
    after_help = "Examples:
  copy acme/spot WORK NAS
  copy acme/spot footage WORK NAS,ARCHIVE
  copy acme render NAS ARCHIVE --no-update
  copy acme/spot footage WORK NAS --checksum --dry-run
  copy all WORK NAS --count
  copy -- -odd-/name footage WORK NAS"
)]
pub(crate) struct CopyArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: OsString,
    /// The category; all categories if left out
    #[arg(value_name = "CATEGORY")]
    first: String,
    /// The storage to copy from
    #[arg(value_name = "FROM")]
    second: Option<String>,
    /// The storages to copy to, separated by commas
    #[arg(value_name = "TO", num_args = 0..)]
    rest: Vec<String>,
    /// Only count the files and bytes that would be copied
    #[arg(long, conflicts_with = "dry_run")]
    count: bool,
    /// Only show the files that would be copied
    #[arg(long)]
    dry_run: bool,
    /// List every frame of an image sequence
    #[arg(long)]
    no_sequences: bool,
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
    /// Resolves the words after the project.
    fn endpoints<'a>(&self, registry: &'a Registry) -> Result<Endpoints<'a>> {
        let words = [&self.first].into_iter().chain(&self.second);
        let words: Vec<&str> = words.chain(&self.rest).map(String::as_str).collect();
        FORM.resolve(registry, &words)
    }

    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        let options = RunOptions::of(workspace, true, self.yes);
        let scope = workspace.last_answer.scope(&self.project)?;
        let endpoints = self.endpoints(&workspace.registry)?;
        self.request(endpoints, scope, true, &options)?;
        check_scope(&self.project, workspace)
    }

    /// Does the work and prints nothing. The answer is a stream because a dry run may list a million files.
    pub(crate) fn execute(self, workspace: &mut Workspace) -> Result<CopyAnswer> {
        workspace.adopt_moved_databases(Reach::All)?;
        let options = RunOptions::of(workspace, self.dry_run || self.count, self.yes);
        let verify = self.verify || (workspace.settings.verify && !self.no_verify);
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let endpoints = self.endpoints(registry)?;
        let scope = workspace.last_answer.scope(&self.project)?;
        let subject = scope_subject(&self.project, &scope);
        let subject = format!("{subject} {}", quote(OsStr::new(&endpoints.category)));
        let request = self.request(endpoints, scope, verify, &options)?;
        let to = database_names(request.destinations.iter().copied());
        let start = RunStart {
            command: "copy",
            subject: &subject,
            source: Some(&request.source.name),
            destination: Some(&to),
        };
        let monitor = workspace.monitor.as_ref();
        let finished = run::execute(
            (index, registry),
            &start,
            &options,
            monitor,
            |index, run| copy::copy(index, registry, &request, run, monitor),
        )?;
        Ok(CopyAnswer {
            finished,
            count_only: self.count,
            group_sequences: !self.no_sequences,
        })
    }

    fn request<'a>(
        &self,
        endpoints: Endpoints<'a>,
        scope: Scope,
        verify: bool,
        options: &RunOptions,
    ) -> Result<CopyRequest<'a>> {
        if endpoints.destinations.contains(&endpoints.source) {
            return Err(Error::SameDatabase {
                database: endpoints.source.name.clone(),
            });
        }
        Ok(CopyRequest {
            scope,
            categories: endpoints.categories,
            source: endpoints.source,
            destinations: endpoints.destinations,
            rules: CopyRules {
                overwrite: self.overwrite,
                only_add: self.no_update,
                checksum: self.checksum,
                is_offload: false,
            },
            verify,
            dry_run: options.dry_run,
            confirmation: options.confirmation,
            only: None,
        })
    }
}
