//! `cards`: lists every folder that was offloaded, and whether it may be formatted.

use clap::Args;
use serde::Serialize;

use super::command::RunCommand;
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::model::policy::Policy;
use crate::model::registry::Registry;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
use crate::trust::card::{CardStanding, CardState, judge_card};
use crate::trust::place::places;

/// List every card that was offloaded, and whether it may be formatted
///
///   do not format   something is not copied
///   copied          everything is copied, but not yet as the policy of its category wants
///   safe to format  every file has as many proven copies on other media as the policy wants
///
/// The answer comes from the index alone, also while a card is away: it is about the
/// files that the card had when it was seen last. A copy that a later scan does not
/// show any more does not count. Cards that other workstations offloaded are listed with
/// the workstation, and judged by the same rules, by what is known here of their copies.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:\n  cards\n  cards | grep 'do not format'"
)]
pub(crate) struct CardsArgs {}

/// All cards.
#[derive(Debug, Serialize)]
pub(crate) struct CardsAnswer {
    cards: Vec<CardItem>,
}

/// A card and its state.
#[derive(Debug, Serialize)]
pub(crate) struct CardItem {
    name: String,
    serial: Option<String>,
    state: &'static str,
    files: u64,
    bytes: u64,
    /// Number of files without a proven copy.
    missing_files: u64,
    /// Number of entries that cannot be copied, such as pipes and unreadable folders.
    unread_entries: u64,
    /// Number of files with fewer proven copies than the policy wants.
    short_files: u64,
    first_short: Option<Name>,
    /// Number of proven copies of every file.
    copies: u64,
    offsite: u64,
    wants: Option<CardDemand>,
    /// The storages that hold a proven copy of every file.
    databases: Vec<String>,
    /// The storages on the medium of the card: what they hold does not count.
    own_databases: Vec<String>,
    project: Option<String>,
    into: Option<Name>,
    path: Name,
    seen_at: Option<String>,
    /// The workstation that offloaded it; `None` for this one.
    pub(super) host: Option<String>,
    #[serde(skip)]
    seen: Timestamp,
    #[serde(skip)]
    kind: CardState,
}

/// What the policy wants.
#[derive(Debug, Serialize)]
struct CardDemand {
    copies: u64,
    offsite: u64,
    verified_seconds: Option<u64>,
}

impl CardItem {
    pub(super) fn new(standing: &CardStanding, registry: &Registry) -> Self {
        let card = &standing.card;
        let seen = Timestamp {
            nanoseconds: 0,
            ..card.seen_at
        };
        let target = standing.targets.first();
        let names = |places: &[usize]| -> Vec<String> {
            let databases = places
                .iter()
                .filter_map(|place| registry.databases().get(*place));
            databases.map(|database| database.name.clone()).collect()
        };
        Self {
            name: card.name.clone(),
            serial: card.serial.clone(),
            state: standing.state.words(),
            files: card.files,
            bytes: card.bytes,
            missing_files: standing.missing_files,
            unread_entries: card.unread,
            short_files: standing.short_files,
            first_short: standing.first_short.clone(),
            copies: standing.copies.0,
            offsite: standing.copies.1,
            wants: match standing.policy {
                Policy::Expendable => None,
                Policy::Keep(demand) => Some(CardDemand {
                    copies: demand.copies,
                    offsite: demand.offsite,
                    verified_seconds: demand.verified_within.map(|within| within.as_secs()),
                }),
            },
            databases: names(&standing.holders),
            own_databases: names(&standing.own_places),
            project: target.map(|target| target.project.name().to_string()),
            into: target.map(|target| target.inside.as_path().into()),
            path: card.path.as_path().into(),
            seen_at: seen.rfc3339(),
            host: None,
            seen,
            kind: standing.state,
        }
    }

    const fn tone(&self) -> Tone {
        match self.kind {
            CardState::DoNotFormat => Tone::Bad,
            CardState::Copied => Tone::Warning,
            CardState::SafeToFormat => Tone::Good,
        }
    }

    /// Returns why the card is in its state.
    fn reason(&self) -> String {
        let first = self.first_short.as_ref();
        let first = first.map_or_else(String::new, |name| format!(", first `{name}`"));
        let files = unit::format_counted(self.files, "file");
        match self.kind {
            CardState::DoNotFormat => self.missing_parts(&files, &first).join("; "),
            CardState::Copied => {
                let wants = self.wants.as_ref();
                let (copies, offsite) = wants.map_or((1, 0), |wants| (wants.copies, wants.offsite));
                let mut wanted = unit::format_counted(copies, "proven copy");
                if offsite > 0 {
                    wanted = format!("{wanted}, {offsite} of them off-site");
                }
                let short = unit::format_count(self.short_files);
                let holders = self.holders();
                format!("{short} of {files} with fewer than {wanted}{first}; {holders}")
            }
            CardState::SafeToFormat => {
                let copies = unit::format_counted(self.copies, "proven copy");
                let names = self.databases.join(" and ");
                let on = if names.is_empty() {
                    names
                } else {
                    format!(", on {names}")
                };
                format!("{copies} of every file{on}")
            }
        }
    }

    /// Returns what is missing, part by part.
    fn missing_parts(&self, files: &str, first: &str) -> Vec<String> {
        let mut parts = Vec::new();
        if self.missing_files > 0 {
            let missing = unit::format_count(self.missing_files);
            parts.push(format!("{missing} of {files} without a proven copy{first}"));
        }
        match self.unread_entries {
            0 => {}
            1 => parts.push("1 entry that cannot be copied".to_owned()),
            many => parts.push(format!(
                "{} entries that cannot be copied",
                unit::format_count(many)
            )),
        }
        if !self.own_databases.is_empty() {
            let names = self.own_databases.join(" and ");
            parts.push(format!(
                "copies on {names} do not count: they are on the medium of the card"
            ));
        }
        parts
    }

    fn holders(&self) -> String {
        if self.databases.is_empty() {
            "no storage has all files".to_owned()
        } else {
            format!("all files are on {}", self.databases.join(" and "))
        }
    }
}

/// Returns the line about a card: its state and why.
pub(super) fn standing_cells(card: &CardItem) -> Vec<Cell> {
    vec![
        Cell::text(format!("{}: ", card.name)),
        Cell::Styled(card.state.to_owned(), card.tone()),
        Cell::text(format!(": {}", card.reason())),
    ]
}

impl RunCommand for CardsArgs {
    type Answer = CardsAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<CardsAnswer> {
        let (index, registry) = (&workspace.index, &workspace.registry);
        let places = places(index, registry)?;
        let now = Timestamp::now();
        let names = index.host_names()?;
        let cards = index.cards()?.into_iter().map(|card| {
            let standing = judge_card(index, registry, &places, card, now)?;
            let host = standing.host.and_then(|host| names.get(&host).cloned());
            Ok(CardItem {
                host,
                ..CardItem::new(&standing, registry)
            })
        });
        Ok(CardsAnswer {
            cards: cards.collect::<Result<_>>()?,
        })
    }
}

impl Answer for CardsAnswer {
    const COMMAND: &'static str = "cards";

    fn write_page(&self, page: &mut Page) {
        if self.cards.is_empty() {
            page.line(
                "no card was offloaded yet; `offload FOLDER PROJECT CATEGORY STORAGE` copies one",
            );
            return;
        }
        let has_others = self.cards.iter().any(|card| card.host.is_some());
        let rows = self.cards.iter().map(|card| {
            let mut cells = vec![
                card.name.as_str().into(),
                Cell::Styled(card.state.to_owned(), card.tone()),
                Cell::Count(card.files),
                Cell::Bytes(card.bytes),
                Cell::optional(card.project.as_deref(), Cell::from),
                Cell::text(card.seen.ago()),
            ];
            if has_others {
                cells.push(Cell::optional(card.host.as_deref(), Cell::from));
            }
            cells
        });
        let headings = ["card", "state", "files", "size", "project", "seen", "on"];
        let shown = headings.len() - usize::from(!has_others);
        page.table(&headings[..shown], rows.collect());
        for card in self
            .cards
            .iter()
            .filter(|card| card.kind != CardState::SafeToFormat)
        {
            page.cells(standing_cells(card));
        }
    }

    fn records(&self) -> Records {
        let row = |card: &CardItem| {
            vec![
                card.name.as_str().into(),
                Cell::optional(card.serial.as_deref(), Cell::from),
                Cell::text(card.state),
                Cell::Count(card.files),
                Cell::Bytes(card.bytes),
                Cell::Count(card.missing_files),
                Cell::Count(card.unread_entries),
                Cell::Count(card.short_files),
                Cell::Count(card.copies),
                Cell::optional(card.project.as_deref(), Cell::from),
                Cell::optional(card.into.as_ref(), Cell::from),
                Cell::Name(card.path.clone()),
                Cell::Timestamp(card.seen),
                Cell::optional(card.host.as_deref(), Cell::from),
            ]
        };
        Records {
            headings: &[
                "name",
                "serial",
                "state",
                "files",
                "bytes",
                "missing_files",
                "unread_entries",
                "short_files",
                "copies",
                "project",
                "into",
                "path",
                "seen_at",
                "host",
            ],
            rows: self.cards.iter().map(row).collect(),
        }
    }
}
