//! The result of a scan, as reported to users.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::absent::AbsentCategory;
use crate::base::error::Result;
use crate::index::{Index, ScanChanges};
use crate::model::outside::OutsideTotals;
use crate::model::registry::{Database, Registry};

/// Completeness of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanState {
    /// Everything was read.
    Complete,
    /// Some files or folders could not be read.
    Partial,
    /// The database could not be reached; the index keeps the previous scan.
    Offline,
    /// The database could not be reached, as is expected of it at times; the index keeps the previous scan.
    Away,
    /// The previous scan is recent enough, so that no scan was made.
    Fresh,
}

impl ScanState {
    /// The state in words for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Offline => "offline",
            Self::Away => "away",
            Self::Fresh => "fresh",
        }
    }
}

/// Contents of a database according to the index, and the changes since the previous scan.
#[derive(Debug)]
pub struct ScanSummary {
    /// Completeness of the scan.
    pub state: ScanState,
    /// Files and links in all tracked categories.
    pub files: u64,
    /// Apparent size of these files in bytes.
    pub bytes: u64,
    /// Number of projects.
    pub projects: u64,
    /// Changes since the previous scan.
    pub changes: ScanChanges,
    /// Files and folders that could not be read.
    pub unreadable: u64,
    /// What lies in no project; `None` before the first scan of the whole database.
    pub outside: Option<Box<OutsideTotals>>,
    /// Categories for which a scan of the whole database found no folder.
    pub absent: Vec<AbsentCategory>,
    /// Duration of the scan.
    pub elapsed: Duration,
}

/// Summarizes a database from the index alone.
pub fn stored_summary(
    index: &Index,
    registry: &Registry,
    database: &Database,
) -> Result<ScanSummary> {
    let mut projects = BTreeSet::new();
    let (mut files, mut bytes, mut unreadable) = (0, 0_u64, 0);
    let mut outside = None;
    if let Some(id) = index.database(&database.root)?.id {
        let known = index.outside(id)?;
        outside = known.map(|known| OutsideTotals::of(&known.entries).into());
        for category in registry.categories() {
            let replicas = index.replicas(id, category.key())?.into_iter();
            for replica in replicas.filter(|replica| replica.present) {
                files += replica.aggregate.files;
                bytes = bytes.saturating_add(replica.aggregate.bytes);
                unreadable += replica.aggregate.unreadable;
                projects.insert(replica.project);
            }
        }
    }
    Ok(ScanSummary {
        state: ScanState::Fresh,
        files,
        bytes,
        projects: projects.len() as u64,
        changes: ScanChanges::default(),
        unreadable,
        outside,
        absent: Vec::new(),
        elapsed: Duration::ZERO,
    })
}
