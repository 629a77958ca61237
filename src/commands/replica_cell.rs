//! Words and signs for the state of replicas: `whole`, or the faults of a copy.

use std::fmt::Write as _;

use crate::base::unit;
use crate::index::overview::{ReplicaState, ReplicaSummary, UnionTotals};
use crate::output::cell::{Cell, Tone};

/// Returns the meaning of the signs in the short forms of cells. Damage is rare, and its sign is explained only then.
pub(super) fn legend(has_damage: bool) -> String {
    let damage = if has_damage { ", xN damaged" } else { "" };
    format!("= whole, -N lacks, ~N older, !N differ, ?N unreadable{damage}")
}

/// Sums over some replicas on one database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CopySum {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) faults: Faults,
    /// True if at least one replica is there.
    pub(super) is_present: bool,
    /// True if the database is offline.
    pub(super) is_offline: bool,
    /// True if at least one replica was never scanned.
    pub(super) is_unknown: bool,
}

/// Numbers of files in which replicas fall short of the union of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    pub(super) lacks: u64,
    pub(super) older: u64,
    pub(super) differs: u64,
    pub(super) unreadable: u64,
    pub(super) damaged: u64,
}

impl Faults {
    pub(super) fn is_none(self) -> bool {
        self == Self::default()
    }

    /// Returns words: `whole`, or `lacks 2, 1 older`.
    pub(super) fn words(self) -> String {
        if self.is_none() {
            return "whole".to_owned();
        }
        let lacks = (self.lacks > 0).then(|| format!("lacks {}", unit::format_count(self.lacks)));
        let rest = [
            (self.older, "older"),
            (self.differs, "differ"),
            (self.unreadable, "unreadable"),
            (self.damaged, "damaged"),
        ];
        let rest = rest.into_iter().filter(|(number, _)| *number > 0);
        let rest = rest.map(|(number, word)| format!("{} {word}", unit::format_count(number)));
        lacks.into_iter().chain(rest).collect::<Vec<_>>().join(", ")
    }

    /// Returns signs: `=`, or `-2~1`.
    fn signs(self) -> String {
        if self.is_none() {
            return "=".to_owned();
        }
        let faults = [
            ('-', self.lacks),
            ('~', self.older),
            ('!', self.differs),
            ('?', self.unreadable),
            ('x', self.damaged),
        ];
        let mut signs = String::new();
        for (sign, number) in faults.into_iter().filter(|(_, number)| *number > 0) {
            let number = unit::format_count_short(number).replace(' ', "");
            // Writing to a string never fails.
            let _infallible = write!(signs, "{sign}{number}");
        }
        signs
    }
}

impl CopySum {
    /// Sums one replica.
    pub(super) fn of(replica: &ReplicaSummary, union: UnionTotals) -> Self {
        let mut sum = Self::default();
        sum.add(replica, union);
        sum.is_unknown = replica.lacks.is_none();
        sum
    }

    /// Adds a replica of a category; one that is missing lacks all files of the union.
    pub(super) fn add(&mut self, replica: &ReplicaSummary, union: UnionTotals) {
        self.is_offline |= replica.state == ReplicaState::Offline;
        self.is_present |= replica.files.is_some();
        self.is_unknown |= replica.lacks.is_none() && union.files > 0;
        self.files += replica.files.unwrap_or_default();
        self.bytes = self.bytes.saturating_add(replica.bytes.unwrap_or_default());
        let faults = &mut self.faults;
        faults.lacks += replica.lacks.unwrap_or_default();
        faults.older += replica.older.unwrap_or_default();
        faults.differs += replica.differs.unwrap_or_default();
        faults.unreadable += replica.unreadable.unwrap_or_default();
        faults.damaged += replica.damaged.unwrap_or_default();
    }

    /// True if everything is there, as far as the last scan shows.
    pub(super) fn is_whole(&self) -> bool {
        self.is_present && !self.is_unknown && self.faults.is_none()
    }

    /// Returns the cell: `lacks 2, 13 files, 6.10 GB`, or shorter forms.
    pub(super) fn cell(&self) -> Cell {
        let offline = if self.is_offline { "offline, " } else { "" };
        if !self.is_present {
            return self.absent_cell();
        }
        let (words, signs) = if self.is_unknown && self.faults.is_none() {
            ("not all scanned".to_owned(), "?".to_owned())
        } else {
            (self.faults.words(), self.faults.signs())
        };
        let files = unit::format_counted(self.files, "file");
        let long = format!(
            "{offline}{words}, {files}, {}",
            unit::format_bytes(self.bytes)
        );
        let bytes = unit::format_bytes_short(self.bytes);
        let files = unit::format_count_short(self.files);
        let forms = [
            long,
            format!("{files} f {bytes} {signs}"),
            format!("{bytes} {signs}"),
            signs,
        ];
        let tone = match (self.is_offline, self.is_whole()) {
            (false, true) => Tone::Good,
            _ => Tone::Warning,
        };
        Cell::Elastic(forms, tone)
    }

    fn absent_cell(&self) -> Cell {
        let (words, tone) = match (self.is_offline, self.is_unknown) {
            (true, true) => ("offline, never scanned", Tone::Warning),
            (true, false) => ("offline, was missing", Tone::Warning),
            (false, true) => ("not scanned", Tone::Faint),
            (false, false) => ("missing", Tone::Bad),
        };
        let short = if self.is_unknown { "?" } else { "missing" };
        let sign = if self.is_unknown { "?" } else { "no" };
        Cell::Elastic([words, short, short, sign].map(str::to_owned), tone)
    }
}
