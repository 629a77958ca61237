//! What a verification found.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::batch::BatchResult;
use super::file::{DamageCause, Verdict};
use crate::base::error::{Error, Result};
use crate::base::timestamp::Timestamp;
use crate::index::overview;
use crate::index::{Index, OutcomeKind, RunState};
use crate::model::address;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Category, Database, Registry};
use crate::seal::report::{SealFindingKind, SealReport};

/// Result of a verification.
#[derive(Debug, Default)]
pub struct VerifyReport {
    /// Number of files that were to be read.
    pub due_files: u64,
    pub due_bytes: u64,
    /// One for each database of the request.
    pub databases: Vec<DatabaseCheck>,
    /// The files that are not simply intact.
    pub findings: Vec<FoundItem>,
    /// What ASC MHL histories state of the files that were read.
    pub histories: HistoryTotals,
    /// True if the system cannot lower the priority of reads.
    pub has_normal_priority: bool,
    pub is_interrupted: bool,
    /// True if the evidence could not be written.
    pub is_unrecorded: bool,
    pub elapsed: Duration,
}

/// Totals of a comparison with ASC MHL histories.
#[derive(Clone, Copy, Debug, Default)]
pub struct HistoryTotals {
    /// Number of files whose recorded hash was found again.
    pub verified: u64,
    /// Number of generations that were written.
    pub generations: u64,
}

/// Result of a verification on one database.
#[derive(Clone, Debug, Default)]
pub struct DatabaseCheck {
    pub name: String,
    /// Number of files that were read.
    pub files: u64,
    pub bytes: u64,
    /// Number of them whose content was not known before.
    pub first_files: u64,
    pub damaged: u64,
    pub edited: u64,
    pub missing: u64,
    pub unreadable: u64,
    /// Number of files that no ASC MHL history records.
    pub new: u64,
    /// Number of files that no digest is known of, and that were therefore not compared.
    pub unknown: u64,
    /// The oldest proof of any of its files now; `None` without one.
    pub oldest: Option<Timestamp>,
    /// Number of its files without proof.
    pub unproven: u64,
    /// Why it was not read.
    pub error: Option<String>,
    /// True if it is a shelf database that is away.
    pub is_away: bool,
}

/// A file that is not simply intact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundItem {
    pub path: PathBuf,
    /// The number of the database in the request.
    pub database: usize,
    pub kind: FindingKind,
    pub reason: Option<String>,
}

/// The kind of a finding, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    Damaged,
    Missing,
    Unreadable,
    Edited,
    /// No ASC MHL history records it.
    New,
    /// An ASC MHL history records it under another name.
    Renamed,
}

impl FindingKind {
    /// The outcome in the history.
    pub const fn outcome(self) -> OutcomeKind {
        match self {
            Self::Damaged => OutcomeKind::Damaged,
            Self::Missing => OutcomeKind::Missing,
            Self::Unreadable => OutcomeKind::Unreadable,
            Self::Edited => OutcomeKind::Edited,
            Self::New => OutcomeKind::New,
            Self::Renamed => OutcomeKind::Moved,
        }
    }
}

impl DatabaseCheck {
    pub(super) fn of(database: &Database) -> Self {
        Self {
            name: database.name.clone(),
            ..Self::default()
        }
    }

    /// Records that it was offline.
    pub(super) fn set_offline(&mut self, database: &Database, error: &Error) {
        self.is_away = database.attributes.is_shelf;
        self.error = Some(error.full_message());
    }
}

impl VerifyReport {
    /// Number of files that were read.
    pub fn files(&self) -> u64 {
        self.databases.iter().map(|one| one.files).sum()
    }

    pub fn bytes(&self) -> u64 {
        let bytes = self.databases.iter().map(|one| one.bytes);
        bytes.fold(0, u64::saturating_add)
    }

    /// Number of files that the budget or a cancellation left for a later run.
    pub fn left_files(&self) -> u64 {
        let handled = self.databases.iter();
        let handled: u64 = handled
            .map(|one| one.files + one.missing + one.unreadable + one.unknown)
            .sum();
        self.due_files.saturating_sub(handled)
    }

    /// Adds the results of a batch.
    pub(super) fn add(&mut self, batch: &BatchResult) {
        let check = &mut self.databases[batch.database];
        for (name, verdict) in &batch.files {
            if let Some(evidence) = verdict.evidence() {
                check.files += 1;
                check.bytes = check.bytes.saturating_add(evidence.bytes);
            }
            let (kind, reason) = match verdict {
                Verdict::Intact(_) => continue,
                Verdict::FirstRead(_) => {
                    check.first_files += 1;
                    continue;
                }
                Verdict::Damaged {
                    found,
                    known,
                    known_at,
                    cause,
                } => {
                    check.damaged += 1;
                    let since = match *known_at {
                        Timestamp::UNKNOWN => "at an unknown time".to_owned(),
                        at => at.ago(),
                    };
                    let words = cause.words();
                    let reason = if *cause == DamageCause::Known {
                        format!(
                            "XXH3-128 is {}, and should be {known}; found damaged {since}",
                            found.digest
                        )
                    } else if *cause == DamageCause::StatedBefore {
                        format!("XXH3-128 should be {known}; found damaged {since}, and {words}")
                    } else if *cause == DamageCause::Stated {
                        format!("XXH3-128 was {known} {since}; {words}")
                    } else {
                        format!(
                            "XXH3-128 is {}, and was {known} {since}; {words}",
                            found.digest
                        )
                    };
                    (FindingKind::Damaged, Some(reason))
                }
                Verdict::Edited(read) => {
                    check.edited += 1;
                    check.unknown += u64::from(read.is_none());
                    let reason = "its size or time changed since the last scan".to_owned();
                    (FindingKind::Edited, Some(reason))
                }
                Verdict::Unknown => {
                    check.unknown += 1;
                    continue;
                }
                Verdict::Missing => {
                    check.missing += 1;
                    (FindingKind::Missing, None)
                }
                Verdict::Unreadable(why) => {
                    check.unreadable += 1;
                    (FindingKind::Unreadable, Some(why.clone()))
                }
            };
            self.findings.push(FoundItem {
                path: batch.path.join(name.as_path()),
                database: batch.database,
                kind,
                reason,
            });
        }
    }

    /// Adds what the histories of a replica show. A file that was reported before is not reported again.
    pub(super) fn add_histories(&mut self, database: usize, sealed: SealReport) {
        self.is_unrecorded |= sealed.is_unrecorded;
        let (verified, number) = (sealed.verified, sealed.generations.len() as u64);
        self.histories.verified += verified;
        self.histories.generations += number;
        for found in sealed.findings {
            let kind = match found.kind {
                SealFindingKind::DamagedHistory | SealFindingKind::Damaged => FindingKind::Damaged,
                SealFindingKind::Missing => FindingKind::Missing,
                SealFindingKind::Unreadable => FindingKind::Unreadable,
                SealFindingKind::New => FindingKind::New,
                SealFindingKind::Renamed => FindingKind::Renamed,
                SealFindingKind::Unrepresentable => continue,
            };
            let is_known = |known: &FoundItem| known.kind == kind && known.path == found.path;
            if self.findings.iter().any(is_known) {
                continue;
            }
            let check = &mut self.databases[database];
            match kind {
                FindingKind::Damaged => check.damaged += 1,
                FindingKind::Missing => check.missing += 1,
                FindingKind::Unreadable => check.unreadable += 1,
                FindingKind::New => check.new += 1,
                FindingKind::Edited | FindingKind::Renamed => {}
            }
            self.findings.push(FoundItem {
                path: found.path,
                database,
                kind,
                reason: found.reason,
            });
        }
    }

    /// Returns the replicas of a database whose files are not those of the last scan.
    pub(super) fn outdated_replicas<'c>(
        &self,
        number: usize,
        database: &Database,
        categories: &[&'c Category],
    ) -> Vec<(&'c Category, ProjectId)> {
        let mut replicas: Vec<(&Category, ProjectId)> = Vec::new();
        let findings = self
            .findings
            .iter()
            .filter(|found| found.database == number);
        for found in findings {
            if !matches!(found.kind, FindingKind::Missing | FindingKind::Edited) {
                continue;
            }
            let Some(path) = address::strip(&database.root, &found.path) else {
                continue;
            };
            let mut located = categories.iter().filter_map(|category| {
                let (project, _) = category.locate(&path)?;
                Some((*category, project))
            });
            replicas.extend(located.next());
        }
        replicas.sort_by(|a, b| (&a.0.name, &a.1).cmp(&(&b.0.name, &b.1)));
        replicas.dedup();
        replicas
    }

    /// Adds the age of the evidence that each database has now.
    pub(super) fn add_ages(&mut self, index: &mut Index, registry: &Registry) -> Result<()> {
        let overview = overview::read_and_store(index, registry, &Scope::All)?;
        let mut ages: BTreeMap<&str, (Option<Timestamp>, u64)> = BTreeMap::new();
        for replica in overview
            .projects
            .iter()
            .flat_map(|project| &project.replicas)
        {
            let Some(coverage) = &replica.coverage else {
                continue;
            };
            let (oldest, unproven) = ages.entry(&replica.database).or_default();
            *unproven += coverage.unproven_files;
            *oldest = match (*oldest, coverage.oldest) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        for check in &mut self.databases {
            if let Some((oldest, unproven)) = ages.get(check.name.as_str()) {
                (check.oldest, check.unproven) = (*oldest, *unproven);
            }
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, elapsed: Duration) {
        self.elapsed = elapsed;
        self.findings.sort();
    }

    /// Numbers of findings that are errors.
    pub fn failures(&self) -> u64 {
        let checks = self.databases.iter();
        checks
            .map(|one| one.damaged + one.missing + one.unreadable)
            .sum()
    }

    /// True if a storage that should be there was not read.
    pub fn has_unread_database(&self) -> bool {
        let mut databases = self.databases.iter();
        databases.any(|one| one.error.is_some() && !one.is_away)
    }

    /// The state of the run.
    pub fn state(&self) -> RunState {
        let all_offline = self.databases.iter().all(|one| one.error.is_some());
        if self.is_interrupted {
            RunState::Interrupted
        } else if all_offline && !self.databases.is_empty() {
            RunState::Unreachable
        } else if self.failures() > 0 || self.has_unread_database() || self.is_unrecorded {
            RunState::Partial
        } else {
            RunState::Complete
        }
    }
}
