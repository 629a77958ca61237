//! `free`: removes a copy that is proven to be elsewhere.

use std::ffi::{OsStr, OsString};

use clap::Args;
use serde::Serialize;

use super::check::check_known;
use super::command::{RunCommand, rounded_seconds};
use super::run;
use super::run::{FinishedRun, RunOptions, RunReport};
use super::target::{Target, TargetForm};
use super::workspace::Workspace;
use crate::base::confirmation::Question;
use crate::base::error::Result;
use crate::base::escape::visible;
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::unit;
use crate::free::proposal::propose;
use crate::free::{FreeReport, FreeRequest, FreedReplica, free};
use crate::index::{OutcomeKind, RunEnd, RunId, RunItem, RunStart, RunState};
use crate::language::lexer::quote;
use crate::model::project::{ProjectId, Scope};
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
use crate::storage::availability::Reach;

const FORM: TargetForm = TargetForm {
    usage: "free [OPTIONS] PROJECT [CATEGORY] STORAGE | free --to-win SIZE on STORAGE",
    keyword: None,
    is_optional: false,
    takes_list: false,
};

/// The form of a line with `--to-win`.
const WIN_FORM: TargetForm = TargetForm {
    keyword: Some("on"),
    ..FORM
};

/// Remove a copy that is proven to be elsewhere
///
/// The storages are scanned first, and files elsewhere that were only listed are read. The copy is removed only if every
/// file of it has as many proven copies on other media as the policy of its category demands; otherwise nothing is touched,
/// and the answer says what is lacking. A storage that is offline counts only with `--trust-offline`. While a copy is being
/// removed, it is no proof for another machine.
///
/// The files are moved to `.auto-backup/versions/` there: `undo` brings them back, `prune` wins their space. With `--erase`
/// they are removed at once. `--to-win` proposes the copies whose newest file is the oldest.
#[derive(Debug, Args)]
#[command(
    override_usage = FORM.usage,
    after_help = "Examples:
  free acme/spot footage WORK
  free acme/spot WORK --dry-run
  free acme/spot WORK --erase --yes
  free acme/spot WORK --trust-offline SHELF
  free --to-win 4T on WORK"
)]
pub(crate) struct FreeArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT", required_unless_present = "to_win")]
    project: Option<OsString>,
    /// The category, and the storage with the copy
    #[arg(value_name = "CATEGORY", num_args = 0..)]
    words: Vec<String>,
    /// Propose the oldest copies that may go, until this much is won
    #[arg(long, value_name = "SIZE", value_parser = unit::parse_bytes)]
    to_win: Option<u64>,
    /// Erase the files instead of keeping them as old versions
    #[arg(long)]
    erase: bool,
    /// Count an offline storage as it was last seen
    #[arg(long, value_name = "STORAGE")]
    trust_offline: Vec<String>,
    /// Only show what would be removed, as far as the index shows
    #[arg(long)]
    dry_run: bool,
    /// Remove without asking
    #[arg(long)]
    yes: bool,
}

/// The result of freeing.
#[derive(Debug)]
pub(crate) struct FreeAnswer {
    finished: FinishedRun<FreeReport>,
    database: String,
    is_dry_run: bool,
    is_erased: bool,
    /// Bytes that were to be won, if a number was given.
    to_win: Option<u64>,
}

impl FreeArgs {
    fn target<'a>(&self, workspace: &'a Workspace) -> Result<Target<'a>> {
        let form = if self.to_win.is_some() {
            WIN_FORM
        } else {
            FORM
        };
        let target = form.resolve(workspace, self.project.as_deref(), &self.words)?;
        target.without_rest(form)
    }

    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        for name in &self.trust_offline {
            workspace.registry.database(name)?;
        }
        check_known(&self.target(workspace)?.scope, workspace)
    }

    /// Returns the replicas to remove, by category and project.
    fn replicas(&self, workspace: &Workspace) -> Result<Vec<(String, ProjectId)>> {
        let (index, registry) = (&workspace.index, &workspace.registry);
        let target = self.target(workspace)?;
        let database = target.database(FORM)?;
        if let Some(bytes) = self.to_win {
            let proposed = propose(index, registry, database, bytes)?.into_iter();
            return Ok(proposed
                .map(|one| (one.category.name.clone(), one.project))
                .collect());
        }
        let mut replicas = Vec::new();
        if let Some(id) = index.database_id(&database.root)? {
            for category in &target.categories {
                let found = index.present_replicas(id, category.key())?.into_iter();
                let found = found.map(|replica| replica.project().clone());
                let found = found.filter(|project| target.scope.contains(project));
                replicas.extend(found.map(|project| (category.name.clone(), project)));
            }
        }
        if replicas.is_empty() {
            // A replica that no scan has seen yet.
            if let Scope::Project(project) = &target.scope {
                let categories = target.categories.iter();
                let storable = categories.filter(|category| !category.leaves_out(project));
                let project = project.clone();
                return Ok(storable
                    .map(|category| (category.name.clone(), project.clone()))
                    .collect());
            }
        }
        Ok(replicas)
    }

    /// Shows the proposals of `--to-win`, and asks whether they are to be removed.
    fn confirm_proposals(&self, workspace: &Workspace, options: &RunOptions) -> Result<()> {
        let Some(bytes) = self.to_win else {
            return Ok(());
        };
        let (index, registry) = (&workspace.index, &workspace.registry);
        let target = self.target(workspace)?;
        let database = target.database(WIN_FORM)?;
        let proposals = propose(index, registry, database, bytes)?;
        if options.dry_run || proposals.is_empty() {
            return Ok(());
        }
        let sum: u64 = proposals.iter().map(|one| one.bytes).sum();
        let list = proposals.iter().map(|one| {
            let newest = one
                .newest
                .map_or_else(String::new, |at| format!(", newest {}", at.ago()));
            format!(
                "  {} {}: {}, {}{newest}",
                one.project.name(),
                one.category.name,
                unit::format_counted(one.files, "file"),
                unit::format_bytes(one.bytes)
            )
        });
        options.confirmation.require(&Question {
            text: format!(
                "Remove {} from {}: {}, where {} are wanted?",
                unit::format_counted(proposals.len() as u64, "copy"),
                database.name,
                unit::format_bytes(sum),
                unit::format_bytes(bytes)
            ),
            list: list.collect(),
        })
    }
}

impl RunReport for FreeReport {
    fn end(&self) -> RunEnd {
        RunEnd {
            state: self.state(),
            files: self.files(),
            bytes: self.bytes(),
            failed: self.failed.len() as u64,
            conflicts: 0,
            refused: self.refused(),
        }
    }

    fn items(&self) -> Vec<RunItem<'_>> {
        let failed = self.failed.iter().map(|(path, why)| RunItem {
            path,
            outcome: OutcomeKind::Failed,
            reason: Some(why),
        });
        let replicas = self.replicas.iter().map(|replica| RunItem {
            path: &replica.path,
            outcome: match replica.refusal {
                Some(_) => OutcomeKind::Refused,
                None => OutcomeKind::Deleted,
            },
            reason: replica.refusal.as_deref(),
        });
        failed.chain(replicas).collect()
    }
}

impl RunCommand for FreeArgs {
    type Answer = FreeAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<FreeAnswer> {
        workspace.adopt_moved_databases(Reach::All)?;
        self.check(workspace)?;
        let mut options = RunOptions::of(workspace, self.dry_run, self.yes);
        self.confirm_proposals(workspace, &options)?;
        if self.to_win.is_some() {
            options.confirmation = options.confirmation.or_granted(true);
        }
        let replicas = self.replicas(workspace)?;
        let target = self.target(workspace)?;
        let name = target.database(FORM)?.name.clone();
        let subject = match self.to_win {
            Some(bytes) => format!("--to-win {}", unit::format_bytes(bytes)),
            None => target.subject.clone(),
        };
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let replicas = replicas.into_iter().map(|(category, project)| {
            let category = registry.category(&category)?;
            Ok((category, project))
        });
        let request = FreeRequest {
            replicas: replicas.collect::<Result<_>>()?,
            target: registry.database(&name)?,
            erase: self.erase,
            trusted: self.trust_offline.clone(),
            dry_run: options.dry_run,
            confirmation: options.confirmation,
        };
        let start = RunStart {
            command: "free",
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
            |index, run| free(index, registry, &request, run, monitor),
        )?;
        Ok(FreeAnswer {
            finished,
            is_dry_run: options.dry_run,
            is_erased: self.erase,
            database: name,
            to_win: self.to_win,
        })
    }
}

#[derive(Serialize)]
struct FreeDocument<'a> {
    run: Option<RunId>,
    state: RunState,
    seconds: f64,
    database: &'a str,
    files: u64,
    bytes: u64,
    replicas: Vec<FreeItem<'a>>,
    failed: Vec<FailedItem<'a>>,
    versions: Vec<Name>,
}

#[derive(Serialize)]
struct FreeItem<'a> {
    project: Name,
    category: &'a str,
    freed: bool,
    files: u64,
    bytes: u64,
    left: u64,
    reason: Option<&'a str>,
    mend: Vec<String>,
}

#[derive(Serialize)]
struct FailedItem<'a> {
    path: Name,
    reason: &'a str,
}

fn free_item(replica: &FreedReplica) -> FreeItem<'_> {
    let mend = replica.answer.iter().flat_map(|answer| &answer.mend);
    FreeItem {
        project: replica.project.name(),
        category: &replica.category,
        freed: replica.refusal.is_none(),
        files: replica.files,
        bytes: replica.bytes,
        left: replica.left,
        reason: replica.refusal.as_deref(),
        mend: mend.map(ToString::to_string).collect(),
    }
}

impl FreeAnswer {
    const fn state(&self) -> RunState {
        if self.is_dry_run {
            RunState::Planned
        } else {
            self.finished.state
        }
    }

    fn write_replica(&self, replica: &FreedReplica, page: &mut Page) {
        let (word, tone) = match (&replica.refusal, self.is_dry_run) {
            (Some(_), _) => ("no", Tone::Bad),
            (None, true) => ("would remove", Tone::Good),
            (None, false) if self.is_erased => ("erased", Tone::Good),
            (None, false) => ("removed", Tone::Good),
        };
        let mut cells = vec![
            Cell::Styled(word.to_owned(), tone),
            Cell::text(" "),
            Cell::from(&replica.project.name()),
            Cell::text(" "),
            replica.category.as_str().into(),
        ];
        match &replica.refusal {
            Some(why) => cells.push(Cell::text(format!(": {}", visible(why.as_bytes())))),
            None => cells.push(Cell::text(format!(
                ": {}, {}",
                unit::format_counted(replica.files, "file"),
                unit::format_bytes(replica.bytes)
            ))),
        }
        page.cells(cells);
        if replica.left > 0 && replica.refusal.is_none() {
            let left = unit::format_counted(replica.left, "entry");
            let verb = if replica.left == 1 { "stays" } else { "stay" };
            page.cells(vec![
                Cell::text(format!("    {left} {verb} in ")),
                Cell::from(&Name::from(replica.path.as_path())),
                Cell::text(": excluded from scans, or not the proven file"),
            ]);
        }
        if let Some(answer) = replica
            .answer
            .as_ref()
            .filter(|_| replica.refusal.is_some())
        {
            for file in &answer.short {
                page.cells(vec![
                    Cell::text("    "),
                    Cell::from(&file.path),
                    Cell::text(format!(
                        ": {} proven elsewhere",
                        unit::format_counted(file.copies, "copy")
                    )),
                ]);
            }
            for mend in &answer.mend {
                page.cells(vec![Cell::Styled(format!("    {mend}"), Tone::Faint)]);
            }
        }
    }
}

impl Serialize for FreeAnswer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = &self.finished.report;
        let failed = report.failed.iter().map(|(path, why)| FailedItem {
            path: Name::from(path.as_path()),
            reason: why,
        });
        let versions = report.version_folders.iter();
        let document = FreeDocument {
            run: self.finished.run,
            state: self.state(),
            seconds: rounded_seconds(report.elapsed),
            database: &self.database,
            files: report.files(),
            bytes: report.bytes(),
            replicas: report.replicas.iter().map(free_item).collect(),
            failed: failed.collect(),
            versions: versions.map(|path| Name::from(path.as_path())).collect(),
        };
        document.serialize(serializer)
    }
}

impl Answer for FreeAnswer {
    const COMMAND: &'static str = "free";

    fn write_page(&self, page: &mut Page) {
        let report = &self.finished.report;
        for (path, why) in &report.failed {
            page.cells(vec![
                Cell::Styled("failed".to_owned(), Tone::Bad),
                Cell::text(" "),
                Cell::from(&Name::from(path.as_path())),
                Cell::text(format!(": {}", visible(why.as_bytes()))),
            ]);
        }
        for replica in &report.replicas {
            self.write_replica(replica, page);
        }
        if report.replicas.is_empty() {
            let database = quote(OsStr::new(&self.database));
            page.line(format!(
                "no copy on {} may be removed; `safe all on {database}` says why",
                self.database
            ));
            return;
        }
        let verb = if self.is_dry_run {
            "would remove"
        } else {
            "removed"
        };
        page.line(format!(
            "{verb} {}, {} from {}",
            unit::format_counted(report.files(), "file"),
            unit::format_bytes(report.bytes()),
            self.database
        ));
        if let Some(bytes) = self.to_win.filter(|bytes| report.bytes() < *bytes) {
            let bytes = unit::format_bytes(bytes);
            page.line(format!("less than {bytes}: no other copy may go"));
        }
        if !report.version_folders.is_empty() {
            let database = quote(OsStr::new(&self.database));
            let run = self
                .finished
                .run
                .map(|run| run.to_string())
                .unwrap_or_default();
            page.line(format!(
                "the files are kept as old versions: `undo {run}` brings them back, `prune {database} --keep 0d` wins their space"
            ));
        }
    }

    fn records(&self) -> Records {
        let rows = self.finished.report.replicas.iter().map(|replica| {
            vec![
                Cell::from(&replica.project.name()),
                replica.category.as_str().into(),
                self.database.as_str().into(),
                Cell::text(if replica.refusal.is_none() {
                    "yes"
                } else {
                    "no"
                }),
                Cell::Count(replica.files),
                Cell::Bytes(replica.bytes),
                Cell::Count(replica.left),
                Cell::optional(replica.refusal.as_deref(), Cell::text),
            ]
        });
        Records {
            headings: &[
                "project", "category", "database", "freed", "files", "bytes", "left", "reason",
            ],
            rows: rows.collect(),
        }
    }

    fn exit_status(&self) -> ExitStatus {
        let report = &self.finished.report;
        match self.state() {
            RunState::Interrupted => interrupt::exit_status(),
            _ if report.replicas.is_empty() => ExitStatus::Partial,
            RunState::Complete => ExitStatus::Done,
            RunState::Planned if report.refused() == 0 => ExitStatus::Done,
            _ => ExitStatus::Partial,
        }
    }
}
