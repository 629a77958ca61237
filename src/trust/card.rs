//! Offloaded cards: may one be formatted? Computed from the evidence of its files and of their copies, never stored.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::candidate::KnownCopy;
use super::copies::Copies;
use super::folder::{TargetFolder, judge_file, visit_pairs};
use super::place::Place;
use super::proof::{self, Match};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::own_name::is_history_folder;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::index::{CardTarget, EvidenceKind, HostId, Index, KnownCard};

use crate::mhl::CHAIN_NAME;
use crate::model::policy::Policy;
use crate::model::project::path_within;
use crate::model::registry::{Category, Registry};

/// The answer to the question whether a card may be formatted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardState {
    /// Something is not copied.
    DoNotFormat,
    /// Everything is copied, but not yet as the policy wants.
    Copied,
    /// Every file has as many proven copies as the policy wants.
    SafeToFormat,
}

/// Judgement of a card.
#[derive(Debug)]
pub struct CardStanding {
    pub card: KnownCard,
    pub state: CardState,
    /// The folders that it was copied to, the latest first.
    pub targets: Vec<CardTarget>,
    /// The policy of the category of the latest one.
    pub policy: Policy,
    /// Number of files without a proven copy.
    pub missing_files: u64,
    /// Number of files with fewer proven copies than the policy wants.
    pub short_files: u64,
    /// The first file without a proven copy, or else with too few.
    pub first_short: Option<Name>,
    /// Number of proven copies of every file, and of those off-site.
    pub copies: (u64, u64),
    /// The places that hold a proven copy of every file.
    pub holders: Vec<usize>,
    /// The places on the medium of the card: what they hold does not count.
    pub own_places: Vec<usize>,
    /// The workstation that offloaded the card; `None` for this one.
    pub host: Option<HostId>,
}

impl CardState {
    /// The words in answers and in JSON.
    pub const fn words(self) -> &'static str {
        match self {
            Self::DoNotFormat => "do not format",
            Self::Copied => "copied",
            Self::SafeToFormat => "safe to format",
        }
    }
}

/// Judges a card by the index alone.
pub fn judge_card(
    index: &Index,
    registry: &Registry,
    places: &[Place],
    card: KnownCard,
    now: Timestamp,
) -> Result<CardStanding> {
    let targets = index.card_targets(&card)?;
    let category_of = |target: &CardTarget| {
        let mut categories = registry.categories().iter();
        categories.find(|category| category.key() == target.category)
    };
    let policy = targets.first().and_then(category_of);
    let policy = policy.map_or_else(Policy::default, |category| registry.policy(&category.name));
    let oldest = match policy {
        Policy::Keep(demand) => proof::oldest_allowed(&demand, now),
        Policy::Expendable => None,
    };
    let own_media = index.seen_medium(card.database)?;
    let own_media = own_media.map(|seen| seen.media).unwrap_or_default();
    // The workstation that offloaded the card saw which storages are on its medium; from here they may look apart.
    let origin = index.card_origin(&card)?;
    let own_storages = origin.as_ref().map(|origin| &*origin.own_storages);
    let own_storages = own_storages.unwrap_or_default();
    let (mut copies, mut own_places) = (Vec::new(), BTreeSet::new());
    for target in &targets {
        let Some(category) = category_of(target) else {
            continue;
        };
        for (number, place) in places.iter().enumerate() {
            let Some(copy) = KnownCopy::find(index, place, category, &target.project)? else {
                continue;
            };
            let is_own = place.media.iter().any(|medium| own_media.contains(medium))
                || (!own_storages.is_empty()
                    && index
                        .identity(&place.database.root)?
                        .is_some_and(|identity| own_storages.contains(&identity)));
            if is_own {
                own_places.insert(number);
                continue;
            }
            copies.push(CandidateCopy {
                number,
                category,
                inside: &target.inside,
                copy,
            });
        }
    }
    let mut judgement = CardJudgement {
        policy,
        places,
        held: vec![true; places.len()],
        missing_files: 0,
        short_files: 0,
        first_missing: None,
        first_short: None,
        fewest: None,
    };
    index.visit_card_folders(&card, &mut |folder| {
        let mut own = TargetFolder::read(folder);
        let mut held = vec![vec![false; places.len()]; own.files.len()];
        for copy in &mut copies {
            let place = copy.number;
            copy.find_proven(index, &own, oldest, &mut |file| held[file][place] = true)?;
        }
        judgement.add_folder(&mut own, &held);
        Ok(())
    })?;
    Ok(CardStanding {
        host: origin.map(|origin| origin.host),
        own_places: own_places.into_iter().collect(),
        ..judgement.finish(card, targets)
    })
}

/// Returns the files of a card that a place holds with proof, by their paths below the card's folder.
pub fn proven_files(
    index: &Index,
    place: &Place,
    category: &Category,
    target: &CardTarget,
    card: &KnownCard,
) -> Result<HashSet<PathBuf>> {
    let mut proven = HashSet::new();
    let Some(copy) = KnownCopy::find(index, place, category, &target.project)? else {
        return Ok(proven);
    };
    let mut copy = CandidateCopy {
        number: 0,
        category,
        inside: &target.inside,
        copy,
    };
    index.visit_card_folders(card, &mut |folder| {
        let own = TargetFolder::read(folder);
        copy.find_proven(index, &own, None, &mut |file| {
            proven.insert(own.path_of(file).as_path().to_owned());
        })
    })?;
    Ok(proven)
}

/// A copy of the project that a card was offloaded to.
struct CandidateCopy<'a> {
    /// Number of the place.
    number: usize,
    category: &'a Category,
    /// The folder of the card within the project.
    inside: &'a Path,
    copy: KnownCopy,
}

impl CandidateCopy<'_> {
    /// Passes the numbers of the files of a folder that this copy holds and that are proven there.
    fn find_proven(
        &mut self,
        index: &Index,
        own: &TargetFolder<'_>,
        oldest: Option<Timestamp>,
        on_proven: &mut dyn FnMut(usize),
    ) -> Result<()> {
        let precision = self.copy.precision.max(TimePrecision::Nanosecond);
        let path = path_within(self.inside, own.path);
        let category = self.category;
        self.copy
            .visit_folder(index, category, &path, own.manifest, &mut |folder| {
                visit_pairs(own, folder, &mut |number, other| {
                    let file = &own.files[number];
                    let is_proven = judge_file(file, other, precision, oldest) == Match::Proven;
                    // The chain of a history goes on at the destination: it names the lists of the card and further ones.
                    let is_chain =
                        is_history_folder(own.path) && own.name(number) == CHAIN_NAME.as_bytes();
                    if is_proven || is_chain {
                        on_proven(number);
                    }
                });
            })
    }
}

/// The judgement of a card, folder by folder.
struct CardJudgement<'a> {
    policy: Policy,
    places: &'a [Place],
    /// By place, true while it holds a proven copy of every file.
    held: Vec<bool>,
    missing_files: u64,
    short_files: u64,
    first_missing: Option<Name>,
    first_short: Option<Name>,
    /// The file with the fewest copies.
    fewest: Option<(u64, u64)>,
}

impl CardJudgement<'_> {
    /// Adds the files of a folder; `held` says for each file and place whether a proven copy is there.
    fn add_folder(&mut self, own: &mut TargetFolder<'_>, held: &[Vec<bool>]) {
        for (number, held) in held.iter().enumerate() {
            let mut copies = Copies::default();
            for (place, is_held) in self.places.iter().zip(held) {
                if *is_held {
                    copies.add(place.medium, place.is_offsite());
                }
            }
            for (all, is_held) in self.held.iter_mut().zip(held) {
                *all &= *is_held;
            }
            // A content that turned out damaged on the card is no content to rely on.
            let content = own.files[number].content;
            let is_damaged = content.is_some_and(|known| known.proof.kind == EvidenceKind::Damaged);
            let counts = (copies.media.len(), copies.offsite.len());
            self.fewest = Some(match self.fewest {
                Some(fewest) => (fewest.0.min(counts.0), fewest.1.min(counts.1)),
                None => counts,
            });
            if counts.0 == 0 || is_damaged {
                self.missing_files += 1;
                self.first_missing
                    .get_or_insert_with(|| own.path_of(number));
            } else if !copies.satisfy(&self.policy) {
                self.short_files += 1;
                self.first_short.get_or_insert_with(|| own.path_of(number));
            }
        }
    }

    fn finish(self, card: KnownCard, targets: Vec<CardTarget>) -> CardStanding {
        let state = if self.missing_files > 0 || card.unread > 0 {
            CardState::DoNotFormat
        } else if self.short_files > 0 {
            CardState::Copied
        } else {
            CardState::SafeToFormat
        };
        let has_files = self.fewest.is_some();
        let holders = self.held.into_iter().enumerate();
        let holders = holders.filter_map(|(place, held)| (held && has_files).then_some(place));
        CardStanding {
            card,
            state,
            targets,
            policy: self.policy,
            missing_files: self.missing_files,
            short_files: self.short_files,
            first_short: self.first_missing.or(self.first_short),
            copies: self.fewest.unwrap_or_default(),
            holders: holders.collect(),
            own_places: Vec::new(),
            host: None,
        }
    }
}
