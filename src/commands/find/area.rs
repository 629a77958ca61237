//! The replicas that a search reads.

use crate::base::error::Result;
use crate::commands::search_place::SearchPlace;
use crate::index::{Index, NameCandidates, PresentReplica};
use crate::model::registry::{Category, Database};

/// A category of a scanned database.
#[derive(Debug)]
pub(super) struct SearchLocation<'a> {
    pub(super) database: &'a Database,
    pub(super) category: &'a Category,
}

/// The replicas that a search reads.
#[derive(Debug, Default)]
pub(super) struct SearchArea<'a> {
    pub(super) locations: Vec<SearchLocation<'a>>,
    /// By project, each with the position of its location. Those without a candidate are left out.
    pub(super) replicas: Vec<(PresentReplica, usize)>,
    /// True if one of the databases was scanned.
    is_scanned: bool,
}

impl<'a> SearchArea<'a> {
    /// Finds the replicas of a place that may have a match.
    pub(super) fn find(
        index: &Index,
        databases: &[&'a Database],
        place: &SearchPlace<'a>,
        candidates: Option<&NameCandidates>,
    ) -> Result<Self> {
        let mut area = Self::default();
        let may_match = |replica: &PresentReplica| {
            candidates.is_none_or(|candidates| candidates.may_hold(replica))
                && place.scope.contains(&replica.project)
        };
        for database in databases {
            let known = index.database(&database.root)?;
            area.is_scanned |= known.scanned_at.is_some();
            let Some(id) = known.id else {
                continue;
            };
            for category in place.categories {
                let number = area.locations.len();
                let found = index.present_replicas(id, category.key())?.into_iter();
                let found = found.filter(may_match).map(|replica| (replica, number));
                area.replicas.extend(found);
                area.locations.push(SearchLocation { database, category });
            }
        }
        // Stable: the storages of a project stay in the order of the registry.
        area.replicas
            .sort_by_cached_key(|(replica, _)| replica.project.composed());
        Ok(area)
    }

    /// Returns the reason if no name of these databases could be searched.
    pub(super) fn why_unsearched(&self, databases: &[&Database]) -> Option<String> {
        let why = match databases {
            [] => "the storages after `only on` and `in` are different ones",
            _ if self.is_scanned => return None,
            [_] => "this storage was never scanned: `load` scans it",
            _ => "the index is empty: `load` fills it",
        };
        Some(why.to_owned())
    }
}
