//! The lines that mend a gap: they load, verify, heal or copy.

use std::cmp::Reverse;

use super::gap::{Gap, GapKind};
use crate::base::timestamp::Timestamp;
use crate::index::overview::ReplicaSummary;
use crate::trust::copies::Copies;
use crate::trust::mend::Mend;
use crate::trust::place::Place;

/// Returns the lines that mend a gap.
pub(super) fn mend(
    gap: &Gap,
    places: &[Place],
    replicas: &[ReplicaSummary],
    (copies, verified): (Copies, Copies),
    oldest_allowed: Option<Timestamp>,
) -> Vec<Mend> {
    let name = |number: usize| places[number].name().to_owned();
    let (project, category) = (gap.project.clone(), gap.category.clone());
    if gap.kind == GapKind::Unknown {
        let unknown = replicas.iter().enumerate();
        let unknown = unknown.filter(|(_, replica)| replica.lacks.is_none());
        return unknown
            .map(|(number, _)| Mend::Load {
                database: name(number),
            })
            .collect();
    }
    if gap.kind == GapKind::NotVerified {
        let stale = gap.holders.iter().filter(|number| {
            let coverage = replicas[**number].coverage.as_ref();
            let since = oldest_allowed;
            !coverage.is_some_and(|sums| since.is_none_or(|since| sums.is_proven_since(since)))
        });
        let mut stale: Vec<usize> = stale.copied().collect();
        stale.retain(|number| !verified.media.contains(places[*number].medium));
        stale.sort_by_key(|number| places[*number].is_offline);
        return vec![Mend::Verify {
            project,
            category,
            databases: stale.into_iter().map(name).collect(),
        }];
    }
    let mut mend: Vec<Mend> = gap
        .damaged
        .iter()
        .map(|(number, _)| Mend::Heal {
            project: project.clone(),
            category: category.clone(),
            database: name(*number),
        })
        .collect();
    if copies.media.len() == 0 {
        mend.extend(complete_one(gap, places, replicas));
        return mend;
    }
    mend.extend(add_copies(gap, places, replicas, copies));
    mend
}

/// Returns the lines that complete the best replica from the others.
fn complete_one(gap: &Gap, places: &[Place], replicas: &[ReplicaSummary]) -> Vec<Mend> {
    let lacking = |replica: &ReplicaSummary| {
        replica.lacks.unwrap_or_default() + replica.older.unwrap_or_default()
    };
    let held = replicas.iter().enumerate();
    let mut held: Vec<_> = held
        .filter(|(_, replica)| replica.files.is_some())
        .collect();
    held.sort_by_key(|(number, replica)| (places[*number].is_offline, lacking(replica)));
    let Some(((best, replica), others)) = held.split_first() else {
        return Vec::new();
    };
    if lacking(replica) == 0 {
        return Vec::new();
    }
    let name = |number: usize| places[number].name().to_owned();
    let others = others.iter().map(|(number, _)| Mend::Copy {
        project: gap.project.clone(),
        category: gap.category.clone(),
        from: name(*number),
        to: name(*best),
    });
    others.take(1).collect()
}

/// Returns the lines that copy a complete replica to as many media as are lacking.
fn add_copies(
    gap: &Gap,
    places: &[Place],
    replicas: &[ReplicaSummary],
    mut copies: Copies,
) -> Vec<Mend> {
    let mut mend = Vec::new();
    let name = |number: usize| places[number].name().to_owned();
    let mut sources = gap.holders.clone();
    sources.sort_by_key(|number| places[*number].is_offline);
    let Some(source) = sources.first() else {
        return mend;
    };
    let mut targets: Vec<usize> = (0..places.len()).collect();
    targets.retain(|number| !copies.media.contains(places[*number].medium));
    // One that has most of it already comes first, then those that are online.
    targets.sort_by_key(|number| {
        let replica = &replicas[*number];
        (places[*number].is_offline, Reverse(replica.files))
    });
    for offsite_turn in [true, false] {
        for number in &targets {
            let place = &places[*number];
            let is_wanted = if offsite_turn {
                place.is_offsite() && copies.offsite.len() < gap.demand.offsite
            } else {
                copies.media.len() < gap.demand.copies
            };
            let is_damaged = gap.damaged.iter().any(|(damaged, _)| damaged == number);
            if !is_wanted || copies.media.contains(place.medium) {
                continue;
            }
            copies.add(place.medium, place.is_offsite());
            let replica = &replicas[*number];
            let is_complete = replica.lacks == Some(0) && replica.older == Some(0);
            if is_damaged && is_complete {
                continue;
            }
            mend.push(Mend::Copy {
                project: gap.project.clone(),
                category: gap.category.clone(),
                from: name(*source),
                to: name(*number),
            });
        }
    }
    if !copies.meet(&gap.demand) {
        let is_offsite = copies.offsite.len() < gap.demand.offsite;
        mend.push(Mend::AddDatabase { is_offsite });
    }
    mend
}
