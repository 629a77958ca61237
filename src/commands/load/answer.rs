//! The answer of `load`: one row for each database.

use std::ffi::OsStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::base::exit_status::ExitStatus;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::commands::command::rounded_seconds;
use crate::index::{KnownHost, RunId, RunState};
use crate::language::lexer::quote;
use crate::model::outside::OutsideTotals;
use crate::model::registry::Database;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
use crate::scan::{ScanState, ScanSummary};

/// The scanned or forgotten databases.
#[derive(Debug, Serialize)]
pub(crate) struct LoadAnswer {
    /// `None` for a run that is not recorded: a dry run, or one that scanned nothing.
    pub(super) run: Option<RunId>,
    pub(super) state: RunState,
    pub(super) databases: Vec<LoadedDatabase>,
    /// Categories whose folders look misplaced, with the lines that correct them.
    pub(super) notices: Vec<String>,
    #[serde(skip)]
    pub(super) setup_hint: Option<String>,
    /// True if `save` would change the start-up file.
    #[serde(skip)]
    pub(super) has_unsaved_entries: bool,
    /// Wall time of the run. Databases are scanned at the same time, so it is less than the sum of theirs.
    #[serde(skip)]
    pub(super) elapsed: Duration,
}

/// Outcome of `load` for a database, or the planned one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DatabaseState {
    Scanned(ScanState),
    Forgotten,
    TakenOver,
    NotTakenOver,
    WouldScan,
    WouldForget,
}

impl DatabaseState {
    const fn word(self) -> &'static str {
        match self {
            Self::Scanned(state) => state.word(),
            Self::Forgotten => "forgotten",
            Self::TakenOver => "taken over",
            Self::NotTakenOver => "not taken over",
            Self::WouldScan => "would be scanned",
            Self::WouldForget => "would be forgotten",
        }
    }
}

impl Serialize for DatabaseState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

#[derive(Debug, Serialize)]
pub(super) struct LoadedDatabase {
    name: String,
    state: DatabaseState,
    pub(super) files: u64,
    pub(super) bytes: u64,
    projects: u64,
    added: u64,
    changed: u64,
    pub(super) gone: u64,
    pub(super) unreadable: u64,
    /// What lies in no project; unknown before the first scan of the whole database.
    pub(super) outside: Option<OutsideTotals>,
    seconds: f64,
    /// The workstation whose published index was taken over.
    published: Option<Publisher>,
    /// Time of the last scan of the whole database.
    #[serde(skip)]
    last_scan: Option<Timestamp>,
}

/// The workstation that published an index, and when.
#[derive(Debug, Serialize)]
struct Publisher {
    host: String,
    at: Timestamp,
}

impl LoadAnswer {
    /// Returns the line below the table; `None` if no database was scanned.
    fn headline(&self) -> Option<String> {
        let is_scanned = |database: &&LoadedDatabase| {
            let state = database.state;
            matches!(
                state,
                DatabaseState::Scanned(ScanState::Complete | ScanState::Partial)
            )
        };
        let scanned: Vec<_> = self.databases.iter().filter(is_scanned).collect();
        let (number, all) = (scanned.len() as u64, self.databases.len() as u64);
        let databases = match (number, all) {
            (0, _) => return None,
            _ if number == all => unit::format_counted(all, "storage"),
            _ => format!(
                "{} of {}",
                unit::format_count(number),
                unit::format_counted(all, "storage")
            ),
        };
        let files =
            unit::format_counted(scanned.iter().map(|database| database.files).sum(), "file");
        let bytes = unit::format_bytes(scanned.iter().map(|database| database.bytes).sum());
        let time = unit::format_duration(self.elapsed);
        Some(format!("scanned {databases}, {files}, {bytes} in {time}"))
    }
}

impl LoadedDatabase {
    pub(super) fn new(database: &Database, state: DatabaseState, scan: &ScanSummary) -> Self {
        Self {
            name: database.name.clone(),
            state,
            files: scan.files,
            bytes: scan.bytes,
            projects: scan.projects,
            added: scan.changes.added,
            changed: scan.changes.changed,
            gone: scan.changes.missing,
            unreadable: scan.unreadable,
            outside: scan.outside.as_deref().copied(),
            seconds: rounded_seconds(scan.elapsed),
            published: None,
            last_scan: None,
        }
    }

    /// Sets the workstation whose published index was taken over.
    pub(super) fn published(mut self, host: Option<KnownHost>) -> Self {
        self.published = host.map(|host| Publisher {
            host: host.name,
            at: host.seen_at,
        });
        self
    }

    /// Sets the time of the last scan of the whole database.
    pub(super) const fn scanned_at(mut self, last_scan: Option<Timestamp>) -> Self {
        self.last_scan = last_scan;
        self
    }

    /// True for a database that this run did not read.
    pub(super) const fn is_unread(&self) -> bool {
        matches!(
            self.state,
            DatabaseState::Scanned(ScanState::Offline | ScanState::Away | ScanState::Fresh)
                | DatabaseState::NotTakenOver
        )
    }

    /// `SHELF is away, as expected: last scanned 40 days ago`, for a database that is.
    fn away_sentence(&self) -> Option<Vec<Cell>> {
        if self.state != DatabaseState::Scanned(ScanState::Away) {
            return None;
        }
        let when = self.last_scan.map_or_else(
            || "it was never scanned".to_owned(),
            |at| format!("last scanned {}", at.ago()),
        );
        let words = Cell::text(format!(" is away, as expected: {when}"));
        Some(vec![self.name.as_str().into(), words])
    }

    /// True for a database that a dry run leaves as it is.
    pub(super) const fn is_planned(&self) -> bool {
        matches!(
            self.state,
            DatabaseState::WouldScan | DatabaseState::WouldForget
        )
    }

    pub(super) fn needs_attention(&self) -> bool {
        matches!(
            self.state,
            DatabaseState::Scanned(ScanState::Partial | ScanState::Offline)
                | DatabaseState::NotTakenOver
        )
    }

    /// `NAS: the index that ws1 published 2 h ago`, for an index that was taken over.
    fn publisher_sentence(&self) -> Option<Vec<Cell>> {
        let Publisher { host, at } = self.published.as_ref()?;
        let words = Cell::text(format!(": the index that {host} published {}", at.ago()));
        Some(vec![self.name.as_str().into(), words])
    }

    /// `WORK: complete, 3 projects, 5 files, 25 B, 5 added`, for a screen that is too narrow for a table.
    fn sentence(&self) -> Vec<Cell> {
        let mut parts = vec![
            String::new(),
            unit::format_counted(self.projects, "project"),
            unit::format_counted(self.files, "file"),
            unit::format_bytes(self.bytes),
        ];
        let counts = OPTIONAL_COLUMNS.map(|(heading, count)| (heading, count(self)));
        let counts = counts.into_iter().filter(|(_, count)| *count > 0);
        parts.extend(counts.map(|(heading, count)| {
            let count = unit::format_count(count);
            format!("{count} {heading}")
        }));
        let (name, parts) = (Cell::from(self.name.as_str()), parts.join(", "));
        vec![name, Cell::text(": "), self.state_cell(), Cell::text(parts)]
    }

    fn state_cell(&self) -> Cell {
        let tone = if self.needs_attention() {
            Tone::Warning
        } else {
            Tone::Good
        };
        let word = match self.state {
            DatabaseState::Scanned(ScanState::Partial) => "not all readable",
            state => state.word(),
        };
        Cell::Styled(word.to_owned(), tone)
    }
}

/// Returns the line about what lies in no project, if anything does.
fn outside_line(database: &str, outside: Option<OutsideTotals>) -> Option<String> {
    let totals = outside.filter(|totals| totals.files + totals.folders > 0)?;
    let files = (totals.files > 0).then(|| {
        let files = unit::format_counted(totals.files, "file");
        format!("{files}, {}", unit::format_bytes(totals.bytes))
    });
    let folders = (totals.folders > 0).then(|| unit::format_counted(totals.folders, "folder"));
    let found: Vec<String> = files.into_iter().chain(folders).collect();
    let found = found.join(", and ");
    let name = quote(OsStr::new(database));
    Some(format!(
        "outside every project on {database}: {found}: `list outside in {name}` lists them"
    ))
}

type CountFn = fn(&LoadedDatabase) -> u64;

/// Columns that people see only if a value is not zero.
const OPTIONAL_COLUMNS: [(&str, CountFn); 4] = [
    ("added", |database| database.added),
    ("changed", |database| database.changed),
    ("gone", |database| database.gone),
    ("unreadable", |database| database.unreadable),
];

impl Answer for LoadAnswer {
    const COMMAND: &'static str = "load";

    fn write_page(&self, page: &mut Page) {
        let has_time = self.run.is_some();
        let shown = |count: CountFn| self.databases.iter().any(|database| count(database) > 0);
        let counts: Vec<_> = OPTIONAL_COLUMNS
            .into_iter()
            .filter(|(_, count)| shown(*count))
            .collect();
        let rows = self.databases.iter().map(|database| {
            let mut row = vec![
                database.name.as_str().into(),
                database.state_cell(),
                Cell::Count(database.projects),
                Cell::Count(database.files),
                Cell::Bytes(database.bytes),
            ];
            row.extend(counts.iter().map(|(_, count)| Cell::Count(count(database))));
            let seconds = Duration::from_secs_f64(database.seconds);
            row.extend(has_time.then(|| Cell::text(unit::format_duration(seconds))));
            row
        });
        let mut headings = vec!["storage", "state", "projects", "files", "size"];
        headings.extend(counts.iter().map(|(heading, _)| heading));
        headings.extend(has_time.then_some("time"));
        let lines = self.databases.iter().map(LoadedDatabase::sentence);
        page.table_or_lines(&headings, rows.collect(), lines.collect());
        for sentence in self
            .databases
            .iter()
            .filter_map(|database| database.away_sentence().or(database.publisher_sentence()))
        {
            page.cells(sentence);
        }
        if let Some(line) = self.headline() {
            page.line(line);
        }
        for database in &self.databases {
            if let Some(line) = outside_line(&database.name, database.outside) {
                page.line(line);
            }
        }
        for notice in &self.notices {
            page.line(notice);
        }
        if let Some(lacking) = &self.setup_hint {
            page.line(lacking);
        }
    }

    fn records(&self) -> Records {
        let rows = self.databases.iter().map(|database| {
            vec![
                database.name.as_str().into(),
                Cell::text(database.state.word()),
                Cell::Count(database.files),
                Cell::Bytes(database.bytes),
                Cell::Count(database.projects),
                Cell::Count(database.added),
                Cell::Count(database.changed),
                Cell::Count(database.gone),
                Cell::Count(database.unreadable),
                Cell::text(database.seconds.to_string()),
            ]
        });
        let headings = &[
            "database",
            "state",
            "files",
            "bytes",
            "projects",
            "added",
            "changed",
            "gone",
            "unreadable",
            "seconds",
        ];
        Records {
            headings,
            rows: rows.collect(),
        }
    }

    fn exit_status(&self) -> ExitStatus {
        if matches!(self.state, RunState::Complete | RunState::Planned) {
            ExitStatus::Done
        } else {
            ExitStatus::Partial
        }
    }

    fn next_step(&self) -> Option<String> {
        let is_first_scan = |database: &LoadedDatabase| database.files == database.added;
        let has_files = self.databases.iter().any(|database| database.added > 0);
        let save = if self.has_unsaved_entries {
            "; `save` keeps what you added"
        } else {
            ""
        };
        (has_files && self.databases.iter().all(is_first_scan))
            .then(|| format!("`fetch all` shows where every project is{save}"))
    }

    fn is_routine(&self) -> bool {
        self.exit_status() == ExitStatus::Done
    }
}
