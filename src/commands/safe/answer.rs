//! The answer of `safe`: yes or no for each copy, with the proof or with what is lacking.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;

use serde::Serialize;

use crate::base::exit_status::ExitStatus;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::commands::status::{Wants, age_words};
use crate::index::{EvidenceKind, HostId};
use crate::language::lexer::quote;
use crate::model::policy::Policy;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
use crate::trust::mend::Mend;
use crate::trust::place::Place;
use crate::trust::safe::SafeAnswer;

/// The verdict on each copy.
#[derive(Debug, Serialize)]
pub(crate) struct SafeReport {
    pub(super) project: Name,
    pub(super) database: String,
    pub(super) categories: Vec<SafeRow>,
    #[serde(skip)]
    /// Number of entries of the storage that are in no project.
    pub(super) outside: u64,
}

/// The verdict on one project in one category.
#[derive(Debug, Serialize)]
pub(super) struct SafeRow {
    pub(super) project: Name,
    category: String,
    pub(super) safe: bool,
    files: u64,
    bytes: u64,
    /// `None` if losing the category is acceptable.
    wants: Option<Wants>,
    witnesses: Vec<WitnessItem>,
    weakest: Option<WeakestItem>,
    short: Vec<ShortItem>,
    short_files: u64,
    short_bytes: u64,
    unreadable: u64,
    mend: Vec<Mend>,
}

#[derive(Debug, Serialize)]
struct WitnessItem {
    database: String,
    files: u64,
    evidence: &'static str,
    oldest: Option<Timestamp>,
    /// Names of the other workstations that know the proofs.
    hosts: Vec<String>,
    /// True if this workstation knows some of them itself.
    #[serde(skip)]
    has_own: bool,
    /// Time of the last scan, if the storage is offline.
    seen: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct WeakestItem {
    path: Name,
    database: String,
    evidence: &'static str,
    at: Option<Timestamp>,
    /// The other workstation that knows the proof.
    host: Option<String>,
}

#[derive(Debug, Serialize)]
struct ShortItem {
    path: Name,
    copies: u64,
}

fn kind_word(kind: Option<EvidenceKind>) -> &'static str {
    kind.map_or("listed", EvidenceKind::word)
}

/// A time for programs; `None` if it is unknown.
fn known_time(at: Timestamp) -> Option<Timestamp> {
    Some(at).filter(|at| *at != Timestamp::UNKNOWN)
}

/// Returns the name of another workstation.
fn host_name(host: HostId, names: &BTreeMap<HostId, String>) -> String {
    let name = names.get(&host).cloned();
    name.unwrap_or_else(|| "another workstation".to_owned())
}

/// Returns the names of the workstations besides this one, each once.
fn other_hosts(hosts: &BTreeSet<Option<HostId>>, names: &BTreeMap<HostId, String>) -> Vec<String> {
    let names = hosts.iter().flatten().map(|host| host_name(*host, names));
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

impl WitnessItem {
    /// ` by ws2`, if other workstations know the proofs.
    fn by_words(&self) -> String {
        if self.hosts.is_empty() {
            return String::new();
        }
        let partly = if self.has_own { ", partly" } else { "" };
        format!("{partly} by {}", self.hosts.join(" and "))
    }
}

impl SafeRow {
    pub(super) fn new(
        answer: SafeAnswer,
        places: &[Place],
        host_names: &BTreeMap<HostId, String>,
    ) -> Self {
        let name = |number: usize| places[number].name().to_owned();
        let witnesses = answer.witnesses.iter().map(|witness| {
            let place = &places[witness.place];
            WitnessItem {
                database: name(witness.place),
                files: witness.files,
                evidence: kind_word(witness.kind),
                oldest: witness.oldest,
                hosts: other_hosts(&witness.hosts, host_names),
                has_own: witness.hosts.contains(&None),
                seen: place.scanned_at.filter(|_| place.is_offline),
            }
        });
        let weakest = answer.weakest.as_ref().map(|weakest| WeakestItem {
            path: weakest.path.clone(),
            database: name(weakest.place),
            evidence: weakest.proof.kind.word(),
            at: known_time(weakest.proof.at),
            host: weakest.proof.host.map(|host| host_name(host, host_names)),
        });
        let short = answer.short.iter().map(|file| ShortItem {
            path: file.path.clone(),
            copies: file.copies,
        });
        Self {
            project: answer.project.name(),
            category: answer.category.clone(),
            safe: answer.is_safe(),
            files: answer.files,
            bytes: answer.bytes,
            wants: match answer.policy {
                Policy::Expendable => None,
                Policy::Keep(demand) => Some(Wants::of(&demand)),
            },
            witnesses: witnesses.collect(),
            weakest,
            short: short.collect(),
            short_files: answer.short_files,
            short_bytes: answer.short_bytes,
            unreadable: answer.unreadable,
            mend: answer.mend,
        }
    }

    /// Returns who holds the files, how that is proven and since when: `NAS (read 3 days ago), CLOUD (stored 2 h ago)`.
    fn witness_words(&self) -> String {
        let words = self.witnesses.iter().map(|witness| {
            let proof = match witness.oldest {
                None => witness.evidence.to_owned(),
                oldest => format!("{} {}", witness.evidence, age_words(oldest)),
            };
            let files = if witness.files == self.files {
                String::new()
            } else {
                format!("{} of them, ", unit::format_count(witness.files))
            };
            let seen = match witness.seen {
                None => String::new(),
                seen => format!("; offline, as last seen {}", age_words(seen)),
            };
            let by = witness.by_words();
            format!("{} ({files}{proof}{by}{seen})", witness.database)
        });
        words.collect::<Vec<_>>().join(", ")
    }

    fn write(&self, page: &mut Page) {
        let (verdict, tone) = if self.safe {
            ("yes", Tone::Good)
        } else {
            ("no ", Tone::Bad)
        };
        let files = unit::format_counted(self.files, "file");
        let size = format!(": {files}, {}", unit::format_bytes(self.bytes));
        let mut line = vec![
            Cell::Styled(format!("{verdict}  "), tone),
            Cell::from(&self.project),
            Cell::text(" "),
            self.category.as_str().into(),
            Cell::text(size),
        ];
        if self.wants.is_none() {
            line.push(Cell::text(
                "; losing it is acceptable: its policy is `none`",
            ));
        } else if self.safe && !self.witnesses.is_empty() {
            line.push(Cell::text(format!("; on {}", self.witness_words())));
        }
        page.cells(line);
        if self.safe {
            if let Some(weakest) = self.weakest.as_ref().filter(|_| self.wants.is_some()) {
                page.cells(vec![
                    Cell::text("     weakest: "),
                    Cell::from(&weakest.path),
                    Cell::text(" on "),
                    weakest.database.as_str().into(),
                    Cell::text(format!(
                        ", {} {}",
                        weakest.evidence,
                        weakest
                            .at
                            .map_or_else(|| "at an unknown time".to_owned(), Timestamp::ago)
                    )),
                    Cell::text(
                        weakest
                            .host
                            .as_ref()
                            .map_or_else(String::new, |host| format!(" by {host}")),
                    ),
                ]);
            }
            return;
        }
        self.write_no(page);
    }

    /// Writes what is lacking, the first files, and what to type.
    fn write_no(&self, page: &mut Page) {
        if self.short_files > 0 {
            let wants = self.wants.as_ref().map_or(0, |wants| wants.copies);
            let offsite = self.wants.as_ref().map_or(0, |wants| wants.offsite);
            let offsite = if offsite > 0 {
                format!(", {offsite} off-site")
            } else {
                String::new()
            };
            let files = unit::format_counted(self.short_files, "file");
            page.line(format!(
                "     {files}, {}, without {wants} proven {} on other media{offsite}",
                unit::format_bytes(self.short_bytes),
                if wants == 1 { "copy" } else { "copies" },
            ));
        }
        if self.unreadable > 0 {
            let entries = unit::format_counted(self.unreadable, "file or folder");
            page.line(format!(
                "     {entries} could not be read there: they may be the only copies"
            ));
        }
        for file in &self.short {
            page.cells(vec![
                Cell::text("       "),
                Cell::from(&file.path),
                Cell::text(format!(
                    ": {} proven elsewhere",
                    unit::format_counted(file.copies, "copy")
                )),
            ]);
        }
        let named = self.short.len() as u64;
        if self.short_files > named {
            let more = unit::format_count(self.short_files - named);
            page.line(format!("       and {more} more"));
        }
        for mend in &self.mend {
            page.cells(vec![Cell::Styled(format!("     {mend}"), Tone::Faint)]);
        }
    }
}

impl Answer for SafeReport {
    const COMMAND: &'static str = "safe";

    fn write_page(&self, page: &mut Page) {
        for row in &self.categories {
            row.write(page);
        }
        if self.categories.len() > 1 {
            let safe: Vec<&SafeRow> = self.categories.iter().filter(|row| row.safe).collect();
            let bytes = safe
                .iter()
                .map(|row| row.bytes)
                .fold(0, u64::saturating_add);
            page.line(format!(
                "{} of {} may be removed from {}, {}",
                unit::format_count(safe.len() as u64),
                unit::format_counted(self.categories.len() as u64, "copy"),
                self.database,
                unit::format_bytes(bytes)
            ));
        }
        if self.outside > 0 {
            let entries = unit::format_counted(self.outside, "entry");
            page.line(format!(
                "not judged: {entries} on {} in no project; `list outside in {}`",
                self.database,
                quote(OsStr::new(&self.database))
            ));
        }
    }

    fn records(&self) -> Records {
        let rows = self.categories.iter().map(|row| {
            let names: Vec<&str> = row
                .witnesses
                .iter()
                .map(|one| one.database.as_str())
                .collect();
            let weakest = row.weakest.as_ref();
            vec![
                Cell::from(&row.project),
                row.category.as_str().into(),
                self.database.as_str().into(),
                Cell::text(if row.safe { "yes" } else { "no" }),
                Cell::Count(row.files),
                Cell::Bytes(row.bytes),
                Cell::text(names.join(",")),
                Cell::optional(weakest, |weakest| Cell::text(weakest.evidence)),
                Cell::optional(weakest.and_then(|weakest| weakest.at), Cell::Timestamp),
                Cell::Count(row.short_files),
            ]
        });
        Records {
            headings: &[
                "project",
                "category",
                "database",
                "safe",
                "files",
                "bytes",
                "witnesses",
                "weakest",
                "weakest_at",
                "short_files",
            ],
            rows: rows.collect(),
        }
    }

    fn exit_status(&self) -> ExitStatus {
        if self.categories.iter().all(|row| row.safe) {
            ExitStatus::Done
        } else {
            ExitStatus::Partial
        }
    }
}
