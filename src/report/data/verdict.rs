//! The answer to "is everything safe?".

use serde::Serialize;

use super::gap::on_date;
use crate::base::unit;
use crate::trust::place::Place;
use crate::trust::status::{AGES, GapKind, StudioStatus};

/// The answer in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictState {
    /// Every project meets its policies.
    Met,
    /// Some fall short.
    Short,
    /// A storage that was never scanned may hold what is lacking.
    Unknown,
    /// No policy demands a copy.
    Unjudged,
}

impl VerdictState {
    /// The word for programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Short => "short",
            Self::Unknown => "unknown",
            Self::Unjudged => "unjudged",
        }
    }
}

/// The answer, and what it rests on.
#[derive(Debug, Serialize)]
pub struct ReportVerdict {
    pub state: VerdictState,
    /// The answer in a sentence.
    pub sentence: String,
    /// Number of projects and categories that were judged.
    pub judged: u64,
    /// Number of those that fall short.
    pub short: u64,
    pub remarks: Vec<StorageRemark>,
    /// Bytes of all copies that a policy protects.
    pub copied_bytes: u64,
    /// Those that were read, or stated by their storage, within some days.
    pub verified: Vec<VerifiedAge>,
    pub never_verified_bytes: u64,
}

/// A remark about a storage.
#[derive(Debug, Serialize)]
pub struct StorageRemark {
    pub database: String,
    pub remark: String,
}

/// Bytes that were verified within a number of days.
#[derive(Debug, Serialize)]
pub struct VerifiedAge {
    pub days: u64,
    pub bytes: u64,
}

impl ReportVerdict {
    pub(super) fn of(status: &StudioStatus, places: &[Place], projects: usize) -> Self {
        let state = match status.gaps.as_slice() {
            [] if status.judged == 0 => VerdictState::Unjudged,
            [] => VerdictState::Met,
            gaps if gaps.iter().all(|gap| gap.kind == GapKind::Unknown) => VerdictState::Unknown,
            _ => VerdictState::Short,
        };
        let ages = AGES.into_iter().zip(status.verified.within);
        Self {
            state,
            sentence: sentence(state, status, projects),
            judged: status.judged,
            short: status.gaps.len() as u64,
            remarks: remarks(status, places),
            copied_bytes: status.verified.total,
            verified: ages
                .map(|(days, bytes)| VerifiedAge { days, bytes })
                .collect(),
            never_verified_bytes: status.verified.never,
        }
    }
}

fn sentence(state: VerdictState, status: &StudioStatus, projects: usize) -> String {
    let short = status.gaps.len() as u64;
    let of_judged = || {
        let (short, judged) = (unit::format_count(short), unit::format_count(status.judged));
        format!("{short} of {judged}")
    };
    let verb = if short == 1 { "falls" } else { "fall" };
    match state {
        VerdictState::Met if projects == 1 => {
            "Yes: the project has the copies that its policies demand.".to_owned()
        }
        VerdictState::Met => {
            "Yes: every project has the copies that its policies demand.".to_owned()
        }
        VerdictState::Unjudged => {
            "There is nothing to judge: no policy demands a copy of these files.".to_owned()
        }
        VerdictState::Unknown => format!(
            "Not known: a storage that was never scanned may hold the copies that {} lack, counted by project and category.",
            of_judged()
        ),
        VerdictState::Short => format!(
            "No: {} {verb} short of policy, counted by project and category.",
            of_judged()
        ),
    }
}

/// Returns what `status` says of the storages.
fn remarks(status: &StudioStatus, places: &[Place]) -> Vec<StorageRemark> {
    let remark = |number: usize, remark: String| StorageRemark {
        database: places[number].name().to_owned(),
        remark,
    };
    let damaged = status.damaged.iter().map(|(number, files)| {
        let files = unit::format_counted(*files, "file");
        remark(
            *number,
            format!("{files} damaged, of projects that meet their policies"),
        )
    });
    let unscanned = status.unscanned.iter();
    let unscanned = unscanned.map(|number| remark(*number, "never scanned".to_owned()));
    let offline = status.offline.iter().map(|number| {
        let seen = on_date(places[*number].scanned_at);
        remark(*number, format!("offline, counted as last seen {seen}"))
    });
    let outside = status.outside.iter().map(|(number, entries)| {
        let entries = unit::format_counted(*entries, "entry");
        remark(*number, format!("{entries} in no project, and not judged"))
    });
    let remarks = damaged.chain(unscanned).chain(offline).chain(outside);
    remarks.collect()
}
