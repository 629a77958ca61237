//! `verify`: reads files again and compares them with what is known of them.

mod answer;

use std::ffi::OsString;
use std::time::{Duration, Instant};

use clap::Args;

use self::answer::VerifyAnswer;
use super::check::check_known;
use super::command::database_names;
use super::run;
use super::run::{RunOptions, RunReport};
use super::target::{Target, TargetForm};
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::monitor::ProgressEvent;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::{Index, RunEnd, RunItem, RunStart, RunState};
use crate::storage::availability::Reach;
use crate::verify::report::VerifyReport;
use crate::verify::{self, Budget, VerifyRequest};

/// Number of runs among which an interrupted verification is looked for.
const MAX_CONTINUED_RUNS: u64 = 100;

const FORM: TargetForm = TargetForm {
    usage: "verify [OPTIONS] [PROJECT [CATEGORY]] [in STORAGE[,STORAGE...]]",
    keyword: Some("in"),
    is_optional: true,
    takes_list: true,
};

/// Read files again and compare them with what is known of them
///
/// What was proven longest ago is read first, on all storages at once, at the lowest priority of I/O. Each file that was
/// read is recorded at once: a run that is interrupted, or whose budget ends, is continued by the next one.
///
/// A file is damaged if its content is not the known one while its size and time are; `heal` replaces it. A file with
/// another size or time was edited, which is no error. A remote is verified by the digests that it states; `--download`
/// reads it.
///
/// `--mhl` compares the files with their ASC MHL histories as well, in the recorded formats and from the same read, and
/// appends a generation with the results. Files that no history records are listed as new, which is no error.
#[derive(Debug, Args)]
#[command(
    override_usage = FORM.usage,
    after_help = "Examples:
  verify
  verify acme/spot
  verify all footage in NAS,SHELF
  verify --for 2h --older-than 90d
  verify in CLOUD --download --bytes 500G
  verify acme footage in SHELF --mhl"
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the line"
)]
pub(crate) struct VerifyArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: Option<OsString>,
    /// The category, `in`, and the storages
    #[arg(value_name = "CATEGORY", num_args = 0..)]
    words: Vec<String>,
    /// Begin no file after this time: `30m`, `2h`
    #[arg(long = "for", value_name = "DURATION", value_parser = unit::parse_duration)]
    duration: Option<Duration>,
    /// Read at most this much: `500G`
    #[arg(long, value_name = "SIZE", value_parser = unit::parse_bytes)]
    bytes: Option<u64>,
    /// Only files that were not proven within this time: `90d`
    #[arg(long, value_name = "AGE", value_parser = unit::parse_duration)]
    older_than: Option<Duration>,
    /// Read remotes instead of the digests that they state
    #[arg(long)]
    download: bool,
    /// Compare with the ASC MHL histories too, and append a generation to each
    #[arg(long)]
    mhl: bool,
    /// Only count the files that would be read
    #[arg(long)]
    dry_run: bool,
    /// List every frame of an image sequence
    #[arg(long)]
    no_sequences: bool,
}

impl VerifyArgs {
    fn target<'a>(&self, workspace: &'a Workspace) -> Result<Target<'a>> {
        let target = FORM.resolve(workspace, self.project.as_deref(), &self.words)?;
        target.without_rest(FORM)
    }

    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        check_known(&self.target(workspace)?.scope, workspace)
    }

    /// Returns the time since which a file must have been proven not to be read again: that of `--older-than`, or the start of
    /// the first of the interrupted runs with the same words, which this run continues.
    fn proven_since(&self, index: &Index, subject: &str) -> Result<Option<Timestamp>> {
        if let Some(age) = self.older_than {
            return Ok(Some(Timestamp::at_age(age)));
        }
        let mut since = None;
        for run in index.runs(Some(MAX_CONTINUED_RUNS))? {
            if run.command != "verify" || run.subject.as_deref() != Some(subject) {
                continue;
            }
            if run.state != RunState::Interrupted {
                break;
            }
            since = Some(run.started);
        }
        Ok(since)
    }

    /// Reads the files.
    pub(crate) fn execute(self, workspace: &mut Workspace) -> Result<VerifyAnswer> {
        workspace.adopt_moved_databases(Reach::All)?;
        self.check(workspace)?;
        let options = RunOptions::of(workspace, self.dry_run, false);
        let target = self.target(workspace)?;
        let (scope, mut subject) = (target.scope.clone(), target.subject.clone());
        let names: Vec<String> = target
            .databases
            .iter()
            .map(|one| one.name.clone())
            .collect();
        if self.download {
            subject += " --download";
        }
        if self.mhl {
            subject += " --mhl";
        }
        let since = self.proven_since(&workspace.index, &subject)?;
        let categories: Vec<String> = target
            .categories
            .iter()
            .map(|one| one.name.clone())
            .collect();
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let mut databases: Vec<_> = registry.databases().iter().collect();
        databases.retain(|database| names.is_empty() || names.contains(&database.name));
        let all = registry.categories().iter();
        let deadline = self
            .duration
            .and_then(|duration| Instant::now().checked_add(duration));
        let mut request = VerifyRequest {
            scope,
            categories: all.filter(|one| categories.contains(&one.name)).collect(),
            databases,
            budget: Budget::new(deadline, self.bytes),
            proven_since: since,
            download: self.download,
            histories: None,
            dry_run: options.dry_run,
        };
        let destination = database_names(request.databases.iter().copied());
        let start = RunStart {
            command: "verify",
            subject: &subject,
            source: None,
            destination: Some(&destination),
        };
        let monitor = workspace.monitor.as_ref();
        let finished = run::execute(
            (index, registry),
            &start,
            &options,
            monitor,
            |index, run| {
                request.histories = self.mhl.then_some(run);
                verify::verify(index, registry, &request, monitor)
            },
        )?;
        if finished.report.has_normal_priority {
            let notice = "this system cannot lower the priority of reads (`ionice`): they were read at the usual one";
            monitor.on_event(&ProgressEvent::Notice(notice));
        }
        Ok(VerifyAnswer {
            finished,
            is_dry_run: options.dry_run,
            group_sequences: !self.no_sequences,
        })
    }
}

impl RunReport for VerifyReport {
    fn end(&self) -> RunEnd {
        RunEnd {
            state: self.state(),
            files: self.files(),
            bytes: self.bytes(),
            failed: self.failures(),
            conflicts: 0,
            refused: 0,
        }
    }

    fn items(&self) -> Vec<RunItem<'_>> {
        let items = self.findings.iter().map(|found| RunItem {
            path: &found.path,
            outcome: found.kind.outcome(),
            reason: found.reason.as_deref(),
        });
        items.collect()
    }
}
