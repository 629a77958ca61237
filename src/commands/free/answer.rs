//! The answer of `free`: the copies that were removed, or would be, and what the others lack.

use std::ffi::OsStr;

use serde::Serialize;

use crate::base::error::Result;
use crate::base::escape::visible;
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::unit;
use crate::commands::command::rounded_seconds;
use crate::commands::run::FinishedRun;
use crate::free::request::{FreeReport, FreedReplica};
use crate::index::{RunId, RunState};
use crate::language::lexer::quote;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;

/// The result of freeing.
#[derive(Debug)]
pub(crate) struct FreeAnswer {
    pub(super) finished: FinishedRun<FreeReport>,
    pub(super) database: String,
    pub(super) is_dry_run: bool,
    pub(super) is_erased: bool,
    /// Bytes that were to be won, if a number was given.
    pub(super) to_win: Option<u64>,
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
