//! The projects that fall short of their policy, and how much of the studio was verified when.

mod gap;
mod mend;
mod verified;
mod words;

use std::cmp::Reverse;
use std::collections::BTreeMap;

pub use self::gap::{Gap, GapKind};
use self::mend::mend;
pub use self::verified::{AGES, VerifiedBytes};
pub use self::words::gap_words;
use super::copies::Copies;
use super::place::Place;
use super::proof;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::Index;
use crate::index::overview::{
    ProjectSummary, ReplicaState, ReplicaSummary, StudioOverview, UnionTotals, is_held,
};
use crate::model::policy::Policy;
use crate::model::registry::Registry;

/// The state of a studio.
#[derive(Clone, Debug, Default)]
pub struct StudioStatus {
    /// The projects that fall short, worst first.
    pub gaps: Vec<Gap>,
    /// Number of projects and categories that were judged.
    pub judged: u64,
    /// Number of those whose policy demands no copy.
    pub expendable: u64,
    pub verified: VerifiedBytes,
    /// The places that were never scanned.
    pub unscanned: Vec<usize>,
    /// The places that are offline and counted as they were last seen.
    pub offline: Vec<usize>,
    /// Number of entries of each place that are in no project, if any.
    pub outside: Vec<(usize, u64)>,
    /// Number of damaged files of each place in projects that meet their policies all the same, if any.
    pub damaged: BTreeMap<usize, u64>,
}

/// Measures the projects of an overview against the policies of their categories.
pub fn measure(
    index: &Index,
    registry: &Registry,
    places: &[Place],
    overview: &StudioOverview,
    now: Timestamp,
) -> Result<StudioStatus> {
    let mut status = StudioStatus::default();
    for project in &overview.projects {
        for (union, replicas) in project.categories() {
            if is_held(union, replicas) {
                let category = replicas.first().map(|replica| &replica.category);
                let is_expendable = category
                    .is_some_and(|category| registry.policy(category) == Policy::Expendable);
                let has_files = u64::from(union.files > 0);
                if is_expendable {
                    status.expendable += has_files;
                } else {
                    status.judged += has_files;
                }
                match find_gap(registry, places, project, (union, replicas), now) {
                    Some(gap) => status.gaps.push(gap),
                    None => status.add_damage(replicas),
                }
                let kept = replicas
                    .iter()
                    .filter(|replica| registry.policy(&replica.category) != Policy::Expendable);
                kept.for_each(|replica| status.verified.add(replica, now));
            }
        }
    }
    status
        .gaps
        .sort_by_key(|gap| (gap.kind, gap.copies, Reverse(gap.damaged.len())));
    for (number, place) in places.iter().enumerate() {
        match place.id {
            Some(id) if place.scanned_at.is_some() => {
                let outside = index
                    .outside(id)?
                    .map_or(0, |known| known.entries.len() as u64);
                if outside > 0 {
                    status.outside.push((number, outside));
                }
            }
            _ => status.unscanned.push(number),
        }
        if place.is_offline && place.scanned_at.is_some() {
            status.offline.push(number);
        }
    }
    Ok(status)
}

impl StudioStatus {
    fn add_damage(&mut self, replicas: &[ReplicaSummary]) {
        for (place, replica) in replicas.iter().enumerate() {
            if let Some(files) = replica.damaged.filter(|files| *files > 0) {
                *self.damaged.entry(place).or_default() += files;
            }
        }
    }
}

/// Measures one project in one category; `None` if it meets its policy.
pub fn find_gap(
    registry: &Registry,
    places: &[Place],
    project: &ProjectSummary,
    (union, replicas): (UnionTotals, &[ReplicaSummary]),
    now: Timestamp,
) -> Option<Gap> {
    let category = &replicas.first()?.category;
    let Policy::Keep(demand) = registry.policy(category) else {
        return None;
    };
    // No storage holds a file of it: there is nothing to keep.
    if union.files == 0 {
        return None;
    }
    let oldest_allowed = proof::oldest_allowed(&demand, now);
    let (mut copies, mut verified, mut possible) =
        (Copies::default(), Copies::default(), Copies::default());
    let (mut holders, mut oldest) = (Vec::new(), Some(now));
    for (number, (replica, place)) in replicas.iter().zip(places).enumerate() {
        let add = |copies: &mut Copies| copies.add(place.medium, place.is_offsite());
        if replica.is_whole() {
            add(&mut copies);
            add(&mut possible);
            holders.push(number);
            let coverage = replica.coverage.as_ref();
            let since = oldest_allowed;
            if coverage.is_some_and(|sums| since.is_none_or(|since| sums.is_proven_since(since))) {
                add(&mut verified);
            }
            let proven = coverage.filter(|sums| sums.unproven_files == 0);
            let at = proven.map(|sums| sums.oldest.unwrap_or(now));
            oldest = oldest.zip(at).map(|(oldest, at)| oldest.min(at));
        } else if replica.state == ReplicaState::Unknown || replica.lacks.is_none() {
            add(&mut possible);
        }
    }
    let kind = if !copies.meet(&demand) && possible.meet(&demand) {
        GapKind::Unknown
    } else if copies.media.len() == 0 {
        GapKind::NoCopy
    } else if copies.media.len() < demand.copies {
        if copies.media.len() == 1 {
            GapKind::OneCopy
        } else {
            GapKind::TooFew
        }
    } else if !copies.meet(&demand) {
        GapKind::NotOffsite
    } else if !verified.meet(&demand) {
        GapKind::NotVerified
    } else {
        return None;
    };
    let damaged = replicas.iter().enumerate().filter_map(|(number, replica)| {
        let damaged = replica.damaged.filter(|damaged| *damaged > 0)?;
        Some((number, damaged))
    });
    let same_medium = (0..places.len()).filter(|number| {
        !holders.contains(number) && copies.media.contains(places[*number].medium)
    });
    let same_medium = same_medium.collect();
    let mut gap = Gap {
        same_medium,
        project: project.project.clone(),
        category: category.clone(),
        kind,
        demand,
        copies: copies.media.len(),
        offsite: copies.offsite.len(),
        holders,
        damaged: damaged.collect(),
        oldest: oldest.filter(|_| copies.media.len() > 0),
        mend: Vec::new(),
    };
    gap.mend = mend(&gap, places, replicas, (copies, verified), oldest_allowed);
    Some(gap)
}
