//! The answer of `status`: a line for each project that falls short, and the state of the storages.

use std::ffi::OsStr;

use serde::Serialize;

use super::verified::VerifiedItem;
use super::words::{gap_words, last_seen_words};
use crate::base::exit_status::ExitStatus;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::language::lexer::quote;
use crate::model::policy::Demand;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
use crate::trust::mend::Mend;
use crate::trust::place::Place;
use crate::trust::status::{Gap, GapKind, StudioStatus};

/// The projects that fall short.
#[derive(Debug, Serialize)]
pub(crate) struct StatusAnswer {
    short: Vec<StatusRow>,
    judged: u64,
    #[serde(skip)]
    expendable: u64,
    verified: VerifiedItem,
    unscanned: Vec<String>,
    offline: Vec<String>,
    /// Damaged files of projects that meet their policies all the same.
    damaged: Vec<DamagedItem>,
    #[serde(skip)]
    outside: Vec<String>,
    #[serde(skip)]
    setup_hint: Option<String>,
    #[serde(skip)]
    offline_ages: Vec<String>,
}

/// A project that falls short in one category.
#[derive(Debug, Serialize)]
struct StatusRow {
    project: Name,
    category: String,
    why: &'static str,
    copies: u64,
    offsite: u64,
    wants: Wants,
    /// The storages with whole copies.
    databases: Vec<String>,
    damaged: u64,
    oldest: Option<Timestamp>,
    mend: Vec<Mend>,
    #[serde(skip)]
    words: String,
    #[serde(skip)]
    kind: GapKind,
}

/// The copies that a policy demands, as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Wants {
    pub(crate) copies: u64,
    pub(crate) offsite: u64,
    verified_seconds: Option<u64>,
}

/// Damaged files of a storage, as JSON.
#[derive(Debug, Serialize)]
struct DamagedItem {
    database: String,
    files: u64,
}

impl StatusAnswer {
    pub(super) fn new(status: StudioStatus, places: &[Place], setup_hint: Option<String>) -> Self {
        let names = |numbers: &[usize]| -> Vec<String> {
            let names = numbers.iter().map(|number| places[*number].name());
            names.map(str::to_owned).collect()
        };
        let ages = status.offline.iter();
        let ages = ages.map(|number| last_seen_words(&places[*number]));
        let outside = status.outside.iter().map(|(number, entries)| {
            let entries = unit::format_counted(*entries, "entry");
            format!("{entries} on {}", places[*number].name())
        });
        let damaged = status.damaged.iter().map(|(number, files)| DamagedItem {
            database: places[*number].name().to_owned(),
            files: *files,
        });
        Self {
            judged: status.judged,
            expendable: status.expendable,
            verified: VerifiedItem::new(&status.verified),
            unscanned: names(&status.unscanned),
            offline: names(&status.offline),
            offline_ages: ages.collect(),
            outside: outside.collect(),
            damaged: damaged.collect(),
            setup_hint,
            short: status
                .gaps
                .into_iter()
                .map(|gap| StatusRow::new(gap, places))
                .collect(),
        }
    }
}

impl Wants {
    pub(crate) fn of(demand: &Demand) -> Self {
        Self {
            copies: demand.copies,
            offsite: demand.offsite,
            verified_seconds: demand.verified_within.map(|within| within.as_secs()),
        }
    }
}
impl StatusRow {
    fn new(gap: Gap, places: &[Place]) -> Self {
        let words = gap_words(&gap, places);
        let names = gap.holders.iter().map(|number| places[*number].name());
        Self {
            project: gap.project.name(),
            category: gap.category.clone(),
            why: gap.kind.word(),
            copies: gap.copies,
            offsite: gap.offsite,
            wants: Wants::of(&gap.demand),
            databases: names.map(str::to_owned).collect(),
            damaged: gap.damaged.iter().map(|(_, files)| files).sum(),
            oldest: gap.oldest,
            mend: gap.mend,
            words,
            kind: gap.kind,
        }
    }

    fn tone(&self) -> Tone {
        match self.kind {
            GapKind::NoCopy | GapKind::OneCopy => Tone::Bad,
            _ => Tone::Warning,
        }
    }
}

impl Answer for StatusAnswer {
    const COMMAND: &'static str = "status";

    fn write_page(&self, page: &mut Page) {
        if let (0, Some(hint)) = (self.judged, &self.setup_hint) {
            page.line(hint.clone());
            return;
        }
        for row in &self.short {
            page.cells(vec![
                Cell::from(&row.project),
                Cell::text(" "),
                row.category.as_str().into(),
                Cell::text(": "),
                Cell::Styled(row.words.clone(), row.tone()),
            ]);
            for mend in &row.mend {
                page.cells(vec![Cell::Styled(format!("    {mend}"), Tone::Faint)]);
            }
        }
        match self.short.len() as u64 {
            0 if self.judged == 0 && self.expendable > 0 => {
                page.line("no policy demands a copy; `policy` lists them");
            }
            0 if self.judged == 0 => page.line("no files are known; `load` scans the storages"),
            0 => page.cells(vec![Cell::Styled(
                "every project meets the policies of its categories".to_owned(),
                Tone::Good,
            )]),
            short => page.line(format!(
                "short of policy: {} of {}, counted by project and category",
                unit::format_count(short),
                unit::format_count(self.judged)
            )),
        }
        for DamagedItem { database, files } in &self.damaged {
            let files = unit::format_counted(*files, "file");
            page.line(format!(
                "{files} damaged on {database}: `heal all {}`",
                quote(OsStr::new(database))
            ));
        }
        for name in &self.unscanned {
            let quoted = quote(OsStr::new(name));
            page.line(format!("{name} was never scanned: `load {quoted}`"));
        }
        if !self.offline_ages.is_empty() {
            page.line(format!(
                "offline, counted: {}",
                self.offline_ages.join("; ")
            ));
        }
        if !self.outside.is_empty() {
            page.line(format!(
                "in no project, and not judged: {}; `list outside`",
                self.outside.join(", ")
            ));
        }
        if let Some(words) = self.verified.words() {
            page.line(words);
        }
    }

    fn records(&self) -> Records {
        let rows = self.short.iter().map(|row| {
            let mend: Vec<String> = row.mend.iter().map(ToString::to_string).collect();
            vec![
                Cell::from(&row.project),
                row.category.as_str().into(),
                Cell::text(row.why),
                Cell::Count(row.copies),
                Cell::Count(row.offsite),
                Cell::Count(row.wants.copies),
                Cell::Count(row.wants.offsite),
                Cell::optional(row.wants.verified_seconds, Cell::Count),
                Cell::text(row.databases.join(",")),
                Cell::Count(row.damaged),
                Cell::optional(row.oldest, Cell::Timestamp),
                Cell::text(mend.join("; ")),
            ]
        });
        Records {
            headings: &[
                "project",
                "category",
                "why",
                "copies",
                "offsite",
                "wants_copies",
                "wants_offsite",
                "wants_verified_seconds",
                "databases",
                "damaged",
                "oldest",
                "mend",
            ],
            rows: rows.collect(),
        }
    }

    fn is_routine(&self) -> bool {
        self.short.is_empty() && self.judged > 0
    }

    fn exit_status(&self) -> ExitStatus {
        if self.short.is_empty() {
            ExitStatus::Done
        } else {
            ExitStatus::Partial
        }
    }
}
