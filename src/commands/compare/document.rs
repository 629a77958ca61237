//! The JSON document of `compare`.

use serde::Serialize;

use super::answer::CompareAnswer;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::commands::outcome_sequence::{GroupedItem, SequenceNumbers};
use crate::compare::CompareCounts;
use crate::model::project::ProjectId;
use crate::output::json::JsonWriter;
use crate::snapshot::sequence::Sequence;

/// The totals, as JSON.
#[derive(Debug, Serialize)]
struct CompareTotals {
    only_a: u64,
    only_b: u64,
    differs: u64,
    same: u64,
    failed: u64,
    only_a_bytes: u64,
    only_b_bytes: u64,
    differs_bytes: u64,
    same_bytes: u64,
}

impl From<&CompareCounts> for CompareTotals {
    fn from(counts: &CompareCounts) -> Self {
        Self {
            only_a: counts.only_a.files,
            only_b: counts.only_b.files,
            differs: counts.differs.files,
            same: counts.same.files,
            failed: counts.failed,
            only_a_bytes: counts.only_a.bytes,
            only_b_bytes: counts.only_b.bytes,
            differs_bytes: counts.differs.bytes,
            same_bytes: counts.same.bytes,
        }
    }
}

/// A project that differs, as JSON.
#[derive(Debug, Serialize)]
struct ProjectTotals<'a> {
    project: &'a ProjectId,
    #[serde(flatten)]
    totals: CompareTotals,
}

/// The last scan of a database, as JSON.
#[derive(Debug, Serialize)]
struct DatabaseScan<'a> {
    name: &'a str,
    scanned_at: Option<Timestamp>,
}

/// An item, as JSON.
#[derive(Debug, Serialize)]
struct CompareItem<'a> {
    category: &'a str,
    path: Name,
    outcome: &'static str,
    reason: Option<&'a str>,
    sequence: Option<Name>,
}

/// A sequence of items with one outcome, as JSON.
#[derive(Debug, Serialize)]
struct CompareSequence<'a> {
    category: &'a str,
    path: Name,
    outcome: &'static str,
    reason: Option<String>,
    #[serde(flatten)]
    numbers: SequenceNumbers<'a>,
}

impl CompareAnswer {
    /// Writes the fields of the document.
    pub(super) fn write_document(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        json.field("known", &self.comparison.scanned_at.is_some())?;
        json.fields(&CompareTotals::from(&self.total()))?;
        let known = &self.comparison.known;
        json.field("files_read", &self.comparison.files_read)?;
        json.field("files_known", &known.files)?;
        let oldest = known.oldest.filter(|at| *at != Timestamp::UNKNOWN);
        json.field("oldest_digest", &oldest)?;
        json.list("scans", |json| {
            let scanned_at = self.comparison.scanned_at.iter().flatten();
            let mut scans = self.database_names.iter().zip(scanned_at);
            scans.try_for_each(|(name, scanned_at)| {
                json.item(&DatabaseScan {
                    name,
                    scanned_at: *scanned_at,
                })
            })
        })?;
        json.list("projects", |json| {
            let mut projects = self.differing_projects();
            projects.try_for_each(|(project, counts)| {
                json.item(&ProjectTotals {
                    project,
                    totals: counts.into(),
                })
            })
        })?;
        json.list("items", |json| {
            self.visit(self.group_sequences, &mut |item, folder, grouped| {
                json.item(&CompareItem {
                    category: &self.category_names[item.category],
                    path: GroupedItem::single(grouped.item).line_path(folder),
                    outcome: grouped.item.outcome.word(),
                    reason: grouped.item.reason,
                    sequence: grouped.sequence.map(Sequence::pattern),
                })
            })
        })?;
        json.list("sequences", |json| self.write_json_sequences(json))
    }

    fn write_json_sequences(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        if !self.group_sequences {
            return Ok(());
        }
        self.visit(true, &mut |item, folder, grouped| {
            grouped.numbers().map_or(Ok(()), |numbers| {
                json.item(&CompareSequence {
                    category: &self.category_names[item.category],
                    path: grouped.line_path(folder),
                    outcome: grouped.item.outcome.word(),
                    reason: grouped.line_reason(),
                    numbers,
                })
            })
        })
    }
}
