//! `heal`: replaces damaged and missing files by intact copies from other storages.

use std::ffi::{OsStr, OsString};

use clap::Args;
use serde::Serialize;

use super::check::check_known;
use super::command::{RunCommand, rounded_seconds};
use super::run;
use super::run::{FinishedRun, RunOptions, RunReport};
use super::target::{Target, TargetForm};
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::escape::visible;
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::unit;
use crate::index::{OutcomeKind, RunEnd, RunId, RunItem, RunStart, RunState};
use crate::language::lexer::quote;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
use crate::storage::availability::Reach;
use crate::verify::heal::heal;
use crate::verify::heal::request::{HealReport, HealRequest};

const FORM: TargetForm = TargetForm {
    usage: "heal [OPTIONS] PROJECT [CATEGORY] STORAGE",
    keyword: None,
    is_optional: false,
    takes_list: false,
};

/// Replace damaged and missing files by intact copies
///
/// Damaged files are those that `verify` or a comparison of contents found; missing ones were verified before, and another
/// storage still has them. A copy is used only if it has the recorded content: it is read before it is copied, and the new
/// file is read back. The damaged file is kept in `.auto-backup/versions/`. Where no intact copy exists, nothing is touched.
#[derive(Debug, Args)]
#[command(
    override_usage = FORM.usage,
    after_help = "Examples:
  heal acme/spot footage NAS
  heal all NAS --dry-run"
)]
pub(crate) struct HealArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: OsString,
    /// The category, and the storage with the damaged files
    #[arg(value_name = "CATEGORY", num_args = 0..)]
    words: Vec<String>,
    /// Only show the files that would be healed
    #[arg(long)]
    dry_run: bool,
    /// Heal without asking at the prompt
    #[arg(long)]
    yes: bool,
}

/// The result of healing.
#[derive(Debug)]
pub(crate) struct HealAnswer {
    finished: FinishedRun<HealReport>,
    database: String,
    is_dry_run: bool,
}

impl HealArgs {
    fn target<'a>(&self, workspace: &'a Workspace) -> Result<Target<'a>> {
        let target = FORM.resolve(workspace, Some(&self.project), &self.words)?;
        target.without_rest(FORM)
    }

    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        check_known(&self.target(workspace)?.scope, workspace)
    }
}

impl RunReport for HealReport {
    fn end(&self) -> RunEnd {
        RunEnd {
            state: self.state(),
            files: self.healed.len() as u64,
            bytes: self.bytes,
            failed: self.failed.len() as u64,
            conflicts: 0,
            refused: 0,
        }
    }

    fn items(&self) -> Vec<RunItem<'_>> {
        let failed = self.failed.iter().map(|(path, why)| RunItem {
            path,
            outcome: OutcomeKind::Failed,
            reason: Some(why),
        });
        let healed = self.healed.iter().map(|file| RunItem {
            path: &file.path,
            outcome: OutcomeKind::Healed,
            reason: Some(&file.source),
        });
        failed.chain(healed).collect()
    }

    fn is_recorded(&self) -> bool {
        !self.healed.is_empty() || !self.failed.is_empty()
    }
}

impl RunCommand for HealArgs {
    type Answer = HealAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<HealAnswer> {
        workspace.adopt_moved_databases(Reach::All)?;
        let options = RunOptions::of(workspace, self.dry_run, self.yes);
        let target = self.target(workspace)?;
        check_known(&target.scope, workspace)?;
        let (scope, subject) = (target.scope.clone(), target.subject.clone());
        let name = target.database(FORM)?.name.clone();
        let categories: Vec<String> = target
            .categories
            .iter()
            .map(|one| one.name.clone())
            .collect();
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let all = registry.categories().iter();
        let request = HealRequest {
            scope,
            categories: all.filter(|one| categories.contains(&one.name)).collect(),
            target: registry.database(&name)?,
            dry_run: options.dry_run,
            confirmation: options.confirmation,
        };
        let start = RunStart {
            command: "heal",
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
            |index, run| heal(index, registry, &request, run, monitor),
        )?;
        Ok(HealAnswer {
            finished,
            is_dry_run: options.dry_run,
            database: name,
        })
    }
}

#[derive(Serialize)]
struct HealDocument<'a> {
    run: Option<RunId>,
    state: RunState,
    seconds: f64,
    files: u64,
    bytes: u64,
    failed: u64,
    items: Vec<HealItem<'a>>,
    versions: Vec<Name>,
}

#[derive(Serialize)]
struct HealItem<'a> {
    path: Name,
    outcome: OutcomeKind,
    reason: Option<&'a str>,
    /// The storage with the intact copy.
    source: Option<&'a str>,
}

impl HealAnswer {
    const fn state(&self) -> RunState {
        if self.is_dry_run {
            RunState::Planned
        } else {
            self.finished.state
        }
    }

    fn items(&self) -> impl Iterator<Item = HealItem<'_>> {
        let outcome = if self.is_dry_run {
            OutcomeKind::Planned
        } else {
            OutcomeKind::Healed
        };
        let report = &self.finished.report;
        let failed = report.failed.iter().map(|(path, why)| HealItem {
            path: Name::from(path.as_path()),
            outcome: OutcomeKind::Failed,
            reason: Some(why),
            source: None,
        });
        let healed = report.healed.iter().map(move |file| HealItem {
            path: Name::from(file.path.as_path()),
            outcome,
            reason: None,
            source: Some(&file.source),
        });
        failed.chain(healed)
    }
}

impl Serialize for HealAnswer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = &self.finished.report;
        let versions = report.version_folders.iter();
        let document = HealDocument {
            run: self.finished.run,
            state: self.state(),
            seconds: rounded_seconds(report.elapsed),
            files: report.healed.len() as u64,
            bytes: report.bytes,
            failed: report.failed.len() as u64,
            items: self.items().collect(),
            versions: versions.map(|path| Name::from(path.as_path())).collect(),
        };
        document.serialize(serializer)
    }
}

impl Answer for HealAnswer {
    const COMMAND: &'static str = "heal";

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
        for file in &report.healed {
            let word = if self.is_dry_run {
                "would heal"
            } else {
                "healed"
            };
            let what = if file.is_missing {
                ", which was missing, from "
            } else {
                " from "
            };
            page.cells(vec![
                Cell::Styled(word.to_owned(), Tone::Good),
                Cell::text(" "),
                Cell::from(&Name::from(file.path.as_path())),
                Cell::text(what),
                file.source.as_str().into(),
            ]);
        }
        if report.healed.is_empty() && report.failed.is_empty() {
            page.line(format!(
                "nothing to heal: no file on {} is known to be damaged or missing; `verify in {}` looks",
                self.database,
                quote(OsStr::new(&self.database))
            ));
            return;
        }
        let verb = if self.is_dry_run {
            "would heal"
        } else {
            "healed"
        };
        let mut parts = vec![format!(
            "{verb} {}, {}",
            unit::format_counted(report.healed.len() as u64, "file"),
            unit::format_bytes(report.bytes)
        )];
        if !report.failed.is_empty() {
            let failed = unit::format_count(report.failed.len() as u64);
            parts.push(format!("{failed} not healed"));
        }
        page.line(parts.join("; "));
        for folder in &report.version_folders {
            page.cells(vec![
                Cell::text("damaged files are kept in "),
                Cell::from(&Name::from(folder.as_path())),
            ]);
        }
    }

    fn records(&self) -> Records {
        let rows = self.items().map(|item| {
            vec![
                Cell::from(&item.path),
                Cell::text(item.outcome.as_str()),
                Cell::optional(item.reason, Cell::text),
                Cell::optional(item.source, Cell::from),
            ]
        });
        Records {
            headings: &["path", "outcome", "reason", "source"],
            rows: rows.collect(),
        }
    }

    fn exit_status(&self) -> ExitStatus {
        match self.state() {
            RunState::Interrupted => interrupt::exit_status(),
            RunState::Complete => ExitStatus::Done,
            _ if self.finished.report.failed.is_empty() && self.is_dry_run => ExitStatus::Done,
            _ => ExitStatus::Partial,
        }
    }
}
