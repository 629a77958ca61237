//! The projects that fall short of their policy, and how much of the studio was verified when.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::copies::Copies;
use super::mend::Mend;
use super::place::Place;
use super::proof;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::Index;
use crate::index::overview::{
    ProjectSummary, ReplicaState, ReplicaSummary, StudioOverview, UnionTotals, is_held,
};
use crate::model::policy::{Demand, Policy};
use crate::model::project::ProjectId;
use crate::model::registry::Registry;

/// Why a project falls short of its policy in one category, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapKind {
    /// No copy is complete.
    NoCopy,
    /// One copy is complete, and more are demanded.
    OneCopy,
    /// Fewer copies are complete than demanded.
    TooFew,
    /// Fewer copies are off-site than demanded.
    NotOffsite,
    /// There are enough copies, but they were not read within the time that is demanded.
    NotVerified,
    /// A storage that was never scanned may hold what is lacking.
    Unknown,
}

impl GapKind {
    /// The word for programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoCopy => "no_copy",
            Self::OneCopy => "one_copy",
            Self::TooFew => "too_few",
            Self::NotOffsite => "not_offsite",
            Self::NotVerified => "not_verified",
            Self::Unknown => "unknown",
        }
    }
}

/// A project that falls short of its policy in one category.
#[derive(Clone, Debug)]
pub struct Gap {
    pub project: ProjectId,
    pub category: String,
    pub kind: GapKind,
    pub demand: Demand,
    /// Number of media with a complete copy.
    pub copies: u64,
    /// Number of them that are off-site.
    pub offsite: u64,
    /// The places of the complete copies.
    pub holders: Vec<usize>,
    /// The other places that are on a medium of a complete copy, and therefore no other copy.
    pub same_medium: Vec<usize>,
    /// Numbers of damaged files by place.
    pub damaged: Vec<(usize, u64)>,
    /// The oldest proof of the complete copies; `None` if a file of one was never read.
    pub oldest: Option<Timestamp>,
    /// Lines that would mend it, in this order.
    pub mend: Vec<Mend>,
}

/// Bytes of replicas by the age of their evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifiedBytes {
    /// Bytes of all replicas.
    pub total: u64,
    /// For each number of days of [`AGES`], the bytes that were verified within them.
    pub within: [u64; AGES.len()],
    /// Bytes that were never verified.
    pub never: u64,
}

/// Ages of evidence in days, in ascending order.
pub const AGES: [u64; 3] = [30, 90, 365];

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
                match gap(registry, places, project, (union, replicas), now) {
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

impl VerifiedBytes {
    fn add(&mut self, replica: &ReplicaSummary, now: Timestamp) {
        let Some((coverage, bytes)) = replica.coverage.as_ref().zip(replica.bytes) else {
            return;
        };
        self.total = self.total.saturating_add(bytes);
        self.never = self.never.saturating_add(coverage.unproven_bytes);
        for (days, within) in AGES.into_iter().zip(&mut self.within) {
            let since = Timestamp {
                seconds: now.seconds.saturating_sub_unsigned(days * 86_400),
                nanoseconds: 0,
            };
            *within = within.saturating_add(coverage.bytes_since(since));
        }
    }
}

/// Measures one project in one category; `None` if it meets its policy.
pub fn gap(
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
    let (mut holders, mut oldest) = (Vec::new(), Some(Timestamp::now()));
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

/// Returns the lines that mend a gap.
fn mend(
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
