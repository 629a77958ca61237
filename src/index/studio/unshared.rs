//! The policies, runs and failed files of this workstation that the catalog lacks.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rusqlite::params;

use super::policy::SharedPolicy;
use crate::base::error::Result;
use crate::index::sql::read_path;
use crate::index::{Index, KnownCard, KnownFailure, Run, RunId};

/// What the catalog lacks of the studio.
#[derive(Clone, Debug, Default)]
pub struct UnsharedStudio {
    /// The revision of the catalog up to which this index knows the studio.
    pub revision: i64,
    /// The highest mark of it.
    pub(super) mark: i64,
    /// Policies that were set here, or that the catalog lost.
    pub policies: Vec<SharedPolicy>,
    /// Runs that began or changed.
    pub runs: Vec<Run>,
    /// Runs that did nothing and left no trace.
    pub discarded_runs: Vec<RunId>,
    /// Failed files that are new, changed or gone.
    pub failures: Vec<UnsharedFailure>,
    /// Cards that were offloaded.
    pub cards: Vec<KnownCard>,
}

/// A failed file of this workstation.
#[derive(Clone, Debug)]
pub struct UnsharedFailure {
    /// The identity of the destination.
    pub destination: String,
    /// The identity of the source.
    pub source: String,
    /// The root of the destination.
    pub destination_root: PathBuf,
    /// The root of the source.
    pub source_root: PathBuf,
    /// The path below both roots.
    pub path: PathBuf,
    /// The failure; `None` if it was resolved.
    pub failure: Option<KnownFailure>,
}

impl UnsharedStudio {
    /// True if the catalog lacks nothing.
    pub const fn is_empty(&self) -> bool {
        self.policies.is_empty()
            && self.runs.is_empty()
            && self.discarded_runs.is_empty()
            && self.failures.is_empty()
            && self.cards.is_empty()
    }

    /// Returns the same state of this index without anything to push.
    #[must_use]
    pub fn nothing(&self) -> Self {
        Self {
            revision: self.revision,
            ..Self::default()
        }
    }
}

impl Index {
    /// Returns what the catalog lacks of the studio.
    pub fn unshared_studio(&self) -> Result<UnsharedStudio> {
        let _view = self.read_transaction()?;
        let sql = "SELECT revision, mark FROM shared_studio";
        let known = self.optional(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let Some((revision, mark)) = known else {
            return Ok(UnsharedStudio::default());
        };
        let (mut runs, mut discarded_runs) = (Vec::new(), Vec::new());
        let sql = "SELECT run FROM unshared_runs ORDER BY run";
        let marked: Vec<RunId> = self.rows(sql, [], |row| row.get(0))?;
        for id in marked {
            match self.recorded_run(id)? {
                Some(run) => runs.push(run),
                None => discarded_runs.push(id),
            }
        }
        Ok(UnsharedStudio {
            revision,
            mark,
            policies: self.unshared_policies()?,
            runs,
            discarded_runs,
            failures: self.unshared_failures()?,
            cards: self.unshared_cards()?,
        })
    }

    fn unshared_failures(&self) -> Result<Vec<UnsharedFailure>> {
        let sql = "SELECT destination.identity, source.identity, marked.destination, marked.source, marked.path
                   FROM unshared_failures AS marked
                   JOIN databases AS source ON source.root = marked.source
                   JOIN databases AS destination ON destination.root = marked.destination
                   WHERE source.identity IS NOT NULL AND destination.identity IS NOT NULL";
        let mut marked: Vec<UnsharedFailure> = self.rows(sql, params![], |row| {
            Ok(UnsharedFailure {
                destination: row.get(0)?,
                source: row.get(1)?,
                destination_root: read_path(row, 2)?,
                source_root: read_path(row, 3)?,
                path: read_path(row, 4)?,
                failure: None,
            })
        })?;
        if marked.is_empty() {
            return Ok(marked);
        }
        let known = self.failures()?.into_iter();
        let mut known: BTreeMap<_, _> = known
            .map(|known| {
                let key = (
                    known.destination.clone(),
                    known.source.clone(),
                    known.path.clone(),
                );
                (key, known)
            })
            .collect();
        for one in &mut marked {
            let key = (
                one.destination_root.clone(),
                one.source_root.clone(),
                one.path.clone(),
            );
            one.failure = known.remove(&key);
        }
        Ok(marked)
    }
}
