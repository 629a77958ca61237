//! One run as a row of `history`.

use std::time::Duration;

use serde::Serialize;

use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index;
use crate::index::{RunId, RunState};
use crate::language::lexer::lex;
use crate::output::cell::{Cell, Tone};

/// A run, as JSON and as a row.
#[derive(Debug, Serialize)]
pub(super) struct RunRow {
    pub(super) run: RunId,
    pub(super) command: String,
    what: Option<String>,
    /// The scope of a copy or sync: a project, a client or `all`.
    project: Option<String>,
    category: Option<String>,
    from: Option<String>,
    to: Option<String>,
    started: Timestamp,
    ended: Option<Timestamp>,
    /// Duration; `None` while the run is in progress.
    seconds: Option<u64>,
    files: u64,
    bytes: u64,
    failed: u64,
    conflicts: u64,
    refused: u64,
    state: RunState,
    /// The workstation; `None` for this one.
    host: Option<String>,
}

impl From<index::Run> for RunRow {
    fn from(run: index::Run) -> Self {
        let elapsed = run.ended.map(|ended| ended.seconds - run.started.seconds);
        let (project, category) = split_subject(&run).unzip();
        Self {
            run: run.id,
            command: run.command,
            what: run.subject,
            project,
            category,
            from: run.source,
            to: run.destination,
            started: run.started,
            ended: run.ended,
            // Negative if the clock was set back during the run.
            seconds: elapsed.map(|took| u64::try_from(took).unwrap_or_default()),
            files: run.files,
            bytes: run.bytes,
            failed: run.failed,
            conflicts: run.conflicts,
            refused: run.refused,
            state: run.state,
            host: None,
        }
    }
}

impl RunRow {
    /// A run of another workstation.
    pub(super) fn elsewhere(run: index::Run, host: Option<String>) -> Self {
        Self {
            host,
            ..Self::from(run)
        }
    }

    /// The start time, to sort by.
    pub(super) const fn started(&self) -> Timestamp {
        self.started
    }
}

/// Returns the project and the category of a copy or sync, which are recorded as on a line.
fn split_subject(run: &index::Run) -> Option<(String, String)> {
    run.source.as_ref()?;
    let words = lex(run.subject.as_deref()?).ok()?;
    // Several projects are described: `12 projects footage`.
    let (category, project) = words
        .split_last()
        .filter(|(_, project)| !project.is_empty())?;
    let project = project.iter().map(|word| word.text.to_str());
    let project = project.collect::<Option<Vec<_>>>()?.join(" ");
    Some((project, category.text.to_str()?.to_owned()))
}

/// Headings for programs: JSON keys and CSV columns.
pub(super) const CSV_HEADINGS: &[&str] = &[
    "run",
    "started",
    "ended",
    "seconds",
    "command",
    "what",
    "from",
    "to",
    "files",
    "bytes",
    "failed",
    "state",
    "project",
    "category",
    "conflicts",
    "refused",
    "host",
];

impl RunRow {
    /// Returns the cells of the run, with exact values.
    pub(super) fn row(&self) -> Vec<Cell> {
        let name = |name: &Option<String>| Cell::optional(name.as_deref(), Cell::from);
        vec![
            Cell::text(self.run.to_string()),
            Cell::Timestamp(self.started),
            Cell::optional(self.ended, Cell::Timestamp),
            Cell::optional(self.seconds, |seconds| Cell::text(seconds.to_string())),
            Cell::text(&*self.command),
            name(&self.what),
            name(&self.from),
            name(&self.to),
            Cell::Count(self.files),
            Cell::Bytes(self.bytes),
            Cell::Count(self.failed),
            Cell::text(self.state.as_str()),
            name(&self.project),
            name(&self.category),
            Cell::Count(self.conflicts),
            Cell::Count(self.refused),
            name(&self.host),
        ]
    }

    /// Returns the line of the run: `8  just now  copy acme/spot footage WORK -> NAS  2 files 6.0 kB  1 conflict`. The
    /// number is padded to `width` columns.
    pub(super) fn line(&self, width: usize) -> Vec<Cell> {
        let number = format!("{:>width$}  ", self.run.to_string());
        let mut cells = vec![Cell::text(number), Cell::Timestamp(self.started)];
        cells.extend([Cell::text("  "), Cell::from(&*self.command)]);
        if let Some(what) = &self.what {
            cells.extend([Cell::text(" "), Cell::from(&**what)]);
        }
        let places = [
            (" ", &self.from),
            (if self.from.is_some() { " -> " } else { " " }, &self.to),
        ];
        for (before, name) in places {
            if let Some(name) = name {
                cells.extend([Cell::text(before), Cell::from(&**name)]);
            }
        }
        if let Some(host) = &self.host {
            cells.push(Cell::Styled(format!("  on {host}"), Tone::Faint));
        }
        let files = unit::format_counted(self.files, "file");
        let bytes = unit::format_bytes(self.bytes);
        cells.push(Cell::text(format!("  {files} {bytes}")));
        if let Some(seconds) = self.seconds.filter(|seconds| *seconds > 0) {
            let took = unit::format_duration(Duration::from_secs(seconds));
            cells.push(Cell::Styled(format!("  in {took}"), Tone::Faint));
        }
        for (words, tone) in self.remarks() {
            cells.extend([Cell::text("  "), Cell::Styled(words, tone)]);
        }
        cells
    }

    /// Returns what was not simply done.
    fn remarks(&self) -> Vec<(String, Tone)> {
        let mut remarks = Vec::new();
        for (number, noun, tone) in [
            (self.failed, "failure", Tone::Bad),
            (self.conflicts, "conflict", Tone::Warning),
        ] {
            if number > 0 {
                remarks.push((unit::format_counted(number, noun), tone));
            }
        }
        if self.refused > 0 {
            let refused = format!("{} refused", unit::format_count(self.refused));
            remarks.push((refused, Tone::Warning));
        }
        let words = match self.state {
            RunState::Complete => return remarks,
            // The counts say of what.
            RunState::Partial if !remarks.is_empty() => return remarks,
            RunState::Partial if self.command == "load" => "a storage was offline",
            RunState::Partial => "with warnings",
            RunState::Unreachable => "storage offline",
            RunState::Refused => "not started",
            state => state.as_str(),
        };
        let tone = match self.state {
            RunState::Unreachable | RunState::Refused => Tone::Bad,
            _ => Tone::Warning,
        };
        remarks.push((words.to_owned(), tone));
        remarks
    }
}
