//! `status`: the projects that fall short of their policy, and what to type to mend it.

use std::ffi::{OsStr, OsString};

use clap::Args;
use serde::Serialize;

use super::check::check_known;
use super::command::RunCommand;
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::overview;
use crate::language::lexer::quote;
use crate::model::project::Scope;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
use crate::trust::mend::Mend;
use crate::trust::place::{self, Place};
use crate::trust::status::{self, AGES, Gap, GapKind, StudioStatus};

/// List the projects that fall short of their policy, and what to type
///
/// A project falls short if it has fewer whole copies on different media than its category demands, fewer off-site, or if
/// they were not read within the time that is demanded. Without a policy, a category demands two copies. The worst come
/// first. The last lines say how much was verified, and when. Storages that are offline count as they were last seen.
#[derive(Debug, Args)]
#[command(
    override_usage = "status [PROJECT]",
    after_help = "Examples:
  status
  status acme
  status acme/spot"
)]
pub(crate) struct StatusArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: Option<OsString>,
}

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
pub(super) struct Wants {
    pub(super) copies: u64,
    pub(super) offsite: u64,
    pub(super) verified_seconds: Option<u64>,
}

/// Damaged files of a storage, as JSON.
#[derive(Debug, Serialize)]
struct DamagedItem {
    database: String,
    files: u64,
}

/// How much was verified, as JSON.
#[derive(Debug, Serialize)]
struct VerifiedItem {
    bytes: u64,
    within: Vec<VerifiedWithin>,
    never_bytes: u64,
}

#[derive(Debug, Serialize)]
struct VerifiedWithin {
    days: u64,
    bytes: u64,
}

/// Reads the status of a scope.
pub(super) fn read_status(
    workspace: &mut Workspace,
    scope: &Scope,
) -> Result<(StudioStatus, Vec<Place>)> {
    let (index, registry) = (&mut workspace.index, &workspace.registry);
    let overview = overview::read_and_store(index, registry, scope)?;
    let places = place::places(index, registry)?;
    let now = Timestamp::now();
    let status = status::measure(index, registry, &places, &overview, now)?;
    Ok((status, places))
}

/// Returns what `status` would answer, in one line, for the greeting; `None` if no files are known.
pub(crate) fn status_line(workspace: &Workspace) -> Result<Option<String>> {
    let (index, registry) = (&workspace.index, &workspace.registry);
    let overview = overview::read(index, registry, &Scope::All)?;
    let places = place::places(index, registry)?;
    let status = status::measure(index, registry, &places, &overview, Timestamp::now())?;
    if status.judged == 0 {
        return Ok(None);
    }
    let line = match status.gaps.len() as u64 {
        0 => "Every project meets its policies".to_owned(),
        short => format!(
            "{} of {} short of policy (`status`)",
            unit::format_count(short),
            unit::format_count(status.judged)
        ),
    };
    let [_, within, _] = status.verified.within;
    if status.verified.total == 0 {
        return Ok(Some(line + "."));
    }
    let percent = percent(within, status.verified.total);
    Ok(Some(format!(
        "{line}, {percent} verified within {} days.",
        AGES[1]
    )))
}

impl StatusArgs {
    fn scope(&self, workspace: &Workspace) -> Result<Scope> {
        match &self.project {
            Some(word) => workspace.last_answer.scope(word),
            None => Ok(Scope::All),
        }
    }

    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        check_known(&self.scope(workspace)?, workspace)?;
        workspace.last_answer.assume();
        Ok(())
    }
}

impl RunCommand for StatusArgs {
    type Answer = StatusAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<StatusAnswer> {
        let setup_hint = workspace.setup_hint();
        let scope = self.scope(workspace)?;
        let (status, places) = read_status(workspace, &scope)?;
        workspace
            .last_answer
            .keep(status.gaps.iter().map(|gap| &gap.project));
        let names = |numbers: &[usize]| -> Vec<String> {
            let names = numbers.iter().map(|number| places[*number].name());
            names.map(str::to_owned).collect()
        };
        let ages = status.offline.iter().map(|number| {
            let place = &places[*number];
            format!(
                "{} as last seen {}",
                place.name(),
                age_words(place.scanned_at)
            )
        });
        let outside = status.outside.iter().map(|(number, entries)| {
            let entries = unit::format_counted(*entries, "entry");
            format!("{entries} on {}", places[*number].name())
        });
        let damaged = status.damaged.iter().map(|(number, files)| DamagedItem {
            database: places[*number].name().to_owned(),
            files: *files,
        });
        Ok(StatusAnswer {
            judged: status.judged,
            expendable: status.expendable,
            verified: VerifiedItem {
                bytes: status.verified.total,
                within: AGES
                    .into_iter()
                    .zip(status.verified.within)
                    .map(|(days, bytes)| VerifiedWithin { days, bytes })
                    .collect(),
                never_bytes: status.verified.never,
            },
            unscanned: names(&status.unscanned),
            offline: names(&status.offline),
            offline_ages: ages.collect(),
            outside: outside.collect(),
            damaged: damaged.collect(),
            setup_hint,
            short: status
                .gaps
                .into_iter()
                .map(|gap| StatusRow::new(gap, &places))
                .collect(),
        })
    }
}

/// `3 days ago`, or `never`.
pub(super) fn age_words(at: Option<Timestamp>) -> String {
    match at {
        None => "never".to_owned(),
        Some(Timestamp::UNKNOWN) => "at an unknown time".to_owned(),
        Some(at) => at.ago(),
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
            wants: Wants {
                copies: gap.demand.copies,
                offsite: gap.demand.offsite,
                verified_seconds: gap.demand.verified_within.map(|within| within.as_secs()),
            },
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

/// Returns what a project has and what it lacks: `1 of 2 copies, on WORK`.
pub(super) fn gap_words(gap: &Gap, places: &[Place]) -> String {
    let holders: Vec<String> = gap
        .holders
        .iter()
        .map(|number| {
            let place = &places[*number];
            if place.is_offline {
                format!(
                    "{} (as last seen {})",
                    place.name(),
                    age_words(place.scanned_at)
                )
            } else {
                place.name().to_owned()
            }
        })
        .collect();
    let on = if holders.is_empty() {
        String::new()
    } else {
        format!(", on {}", holders.join(", "))
    };
    let copies = |number: u64| unit::format_counted(number, "copy");
    let mut words = match gap.kind {
        GapKind::NoCopy => format!("no whole copy of {}", gap.demand.copies),
        GapKind::OneCopy | GapKind::TooFew => {
            format!("{} of {}{on}", gap.copies, copies(gap.demand.copies))
        }
        GapKind::NotOffsite => format!(
            "{} of {} off-site{on}",
            gap.offsite,
            copies(gap.demand.offsite)
        ),
        GapKind::NotVerified => {
            let since = match gap.oldest {
                None => "some files were never read".to_owned(),
                at => format!("oldest proof {}", age_words(at)),
            };
            format!("not verified in time: {since}{on}")
        }
        GapKind::Unknown => format!(
            "{} of {} known{on}; a storage was never scanned",
            gap.copies,
            copies(gap.demand.copies)
        ),
    };
    let shared = gap.holders.len() as u64 > gap.copies && gap.copies > 0;
    if shared && gap.kind != GapKind::NotVerified {
        words += " (one medium)";
    }
    let needs_medium = gap
        .mend
        .iter()
        .any(|mend| matches!(mend, Mend::AddDatabase { .. }));
    let same = gap.same_medium.iter().map(|number| places[*number].name());
    let same: Vec<&str> = same.filter(|_| needs_medium).collect();
    let same = (!same.is_empty()).then(|| {
        let verb = match same.len() {
            1 => "shares",
            _ => "share",
        };
        format!(
            "{} {verb} its medium; `--medium` of `add database` states media",
            same.join(", ")
        )
    });
    let damaged = gap.damaged.iter().map(|(number, files)| {
        let files = unit::format_counted(*files, "file");
        format!("{files} damaged on {}", places[*number].name())
    });
    [words]
        .into_iter()
        .chain(same)
        .chain(damaged)
        .collect::<Vec<_>>()
        .join("; ")
}

impl VerifiedItem {
    /// `verified: 71 % of 12.3 TB within 90 days, 80 % within 365 days; 20 % never`.
    fn words(&self) -> Option<String> {
        if self.bytes == 0 {
            return None;
        }
        let mut parts = Vec::new();
        let mut before = 0;
        for row in &self.within {
            // A longer time that adds nothing is left out.
            if row.bytes > before {
                let percent = percent(row.bytes, self.bytes);
                parts.push(format!("{percent} within {} days", row.days));
                before = row.bytes;
            }
        }
        if self.never_bytes > 0 || parts.is_empty() {
            parts.push(format!(
                "{} never",
                percent_up(self.never_bytes, self.bytes)
            ));
        }
        let bytes = unit::format_bytes(self.bytes);
        Some(format!(
            "verified, of {bytes} in all copies: {}",
            parts.join(", ")
        ))
    }
}

/// Rounds up, so that a part is never 0 %.
fn percent_up(part: u64, whole: u64) -> String {
    let percent = (u128::from(part) * 100).div_ceil(u128::from(whole.max(1)));
    format!("{percent} %")
}

/// Rounds down, so that 100 % is all; what is there is never 0 %.
fn percent(part: u64, whole: u64) -> String {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    match percent {
        0 if part > 0 => "under 1 %".to_owned(),
        percent => format!("{percent} %"),
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
