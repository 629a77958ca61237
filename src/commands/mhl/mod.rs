//! `mhl`: writes ASC MHL histories for what lies on a storage.

mod answer;

use std::ffi::OsString;

use clap::Args;

use self::answer::MhlAnswer;
use super::add::MHL_FORMATS;
use super::check::check_known;
use super::run;
use super::run::{RunOptions, RunReport};
use super::target::{Target, TargetForm};
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::hash_format::HashFormat;
use crate::index::{OutcomeKind, RunEnd, RunItem, RunStart};
use crate::seal::in_place::{InPlaceReport, InPlaceRequest, seal_in_place};
use crate::storage::availability::Reach;

const FORM: TargetForm = TargetForm {
    usage: "mhl [OPTIONS] PROJECT [CATEGORY] STORAGE",
    keyword: None,
    is_optional: false,
    takes_list: false,
};

/// Write an ASC MHL history for what lies on a storage
///
/// Appends a generation to the history in the folder `ascmhl` of each project, or begins one. New files are added with
/// their hash, and recorded files are verified. The digests of the index are used while files keep size, time and state,
/// so that only files without evidence are read; with other formats than `xxh128`, all are. Without anything new, no
/// generation is written. A damaged history is reported and never continued.
#[derive(Debug, Args)]
#[command(
    override_usage = FORM.usage,
    after_help = "Examples:
  mhl acme/spot footage SHELF
  mhl acme footage NAS --hash md5
  mhl all footage NAS --dry-run"
)]
pub(crate) struct MhlArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: OsString,
    /// The category, and the storage
    #[arg(value_name = "CATEGORY", num_args = 0..)]
    words: Vec<String>,
    /// The hash format of new files; without it that of the category, or `xxh128`
    #[arg(long, value_name = "FORMAT", value_parser = MHL_FORMATS)]
    hash: Option<String>,
    /// Only show what would be recorded from the evidence of the index; no file is read
    #[arg(long)]
    dry_run: bool,
    /// List every frame of an image sequence
    #[arg(long)]
    no_sequences: bool,
}

impl MhlArgs {
    fn target<'a>(&self, workspace: &'a Workspace) -> Result<Target<'a>> {
        let target = FORM.resolve(workspace, Some(&self.project), &self.words)?;
        target.without_rest(FORM)
    }

    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        check_known(&self.target(workspace)?.scope, workspace)
    }

    /// Writes the histories.
    pub(crate) fn execute(self, workspace: &mut Workspace) -> Result<MhlAnswer> {
        workspace.adopt_moved_databases(Reach::All)?;
        let options = RunOptions::of(workspace, self.dry_run, false);
        let target = self.target(workspace)?;
        let (scope, subject) = (target.scope.clone(), target.subject.clone());
        let name = target.database(FORM)?.name.clone();
        let names = target.categories.iter().map(|one| one.name.clone());
        let names: Vec<String> = names.collect();
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let all = registry.categories().iter();
        let request = InPlaceRequest {
            scope,
            categories: all.filter(|one| names.contains(&one.name)).collect(),
            database: registry.database(&name)?,
            format: self.hash.as_deref().and_then(HashFormat::from_tag),
            dry_run: options.dry_run,
        };
        let start = RunStart {
            command: "mhl",
            subject: &subject,
            source: None,
            destination: Some(&name),
        };
        let monitor = workspace.monitor.as_ref();
        let finished = run::execute(
            (index, registry),
            &start,
            &options,
            monitor,
            |index, run| seal_in_place(index, registry, &request, run, monitor),
        )?;
        Ok(MhlAnswer {
            finished,
            database: name,
            is_dry_run: options.dry_run,
            group_sequences: !self.no_sequences,
        })
    }
}

impl RunReport for InPlaceReport {
    fn end(&self) -> RunEnd {
        RunEnd {
            state: self.state(),
            files: self.sealed.original + self.sealed.verified,
            bytes: self.sealed.read_bytes,
            failed: self.failures(),
            conflicts: 0,
            refused: 0,
        }
    }

    fn items(&self) -> Vec<RunItem<'_>> {
        let findings = self.sealed.findings.iter().map(|found| RunItem {
            path: &found.path,
            outcome: found.kind.outcome(),
            reason: found.reason.as_deref(),
        });
        let failed = self.failed.iter().map(|(path, why)| RunItem {
            path,
            outcome: OutcomeKind::Failed,
            reason: Some(why),
        });
        findings.chain(failed).collect()
    }

    fn is_recorded(&self) -> bool {
        let sealed = &self.sealed;
        !sealed.generations.is_empty()
            || !sealed.listed.is_empty()
            || sealed.read_files > 0
            || self.failures() > 0
    }
}
