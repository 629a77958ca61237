//! The replicas that may go to win space: those whose newest file is the oldest first.

use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::Index;
use crate::model::project::ProjectId;
use crate::model::registry::{Category, Database, Registry};
use crate::trust::place;
use crate::trust::safe::{SafeQuestion, judge_replica};

/// A replica that may go, as far as the index shows.
#[derive(Clone, Debug)]
pub struct Proposal<'a> {
    pub category: &'a Category,
    pub project: ProjectId,
    pub files: u64,
    pub bytes: u64,
    /// Time of its newest file.
    pub newest: Option<Timestamp>,
}

/// Returns replicas of a database that are safe and together have at least `bytes`; fewer if there are not so many.
pub fn propose<'a>(
    index: &Index,
    registry: &'a Registry,
    database: &Database,
    bytes: u64,
) -> Result<Vec<Proposal<'a>>> {
    let _view = index.read_transaction()?;
    let places = place::places(index, registry)?;
    let number = places.iter().position(|place| place.database == *database);
    let Some((number, id)) = number.and_then(|number| Some((number, places[number].id?))) else {
        return Ok(Vec::new());
    };
    let mut candidates = Vec::new();
    for category in registry.categories() {
        for known in index.replicas(id, category.key())? {
            if known.present && known.aggregate.files > 0 {
                candidates.push((category, known));
            }
        }
    }
    candidates.sort_by_key(|(_, known)| known.aggregate.newest);
    let witnesses: Vec<bool> = places.iter().map(|place| !place.is_offline).collect();
    let (mut chosen, mut sum) = (Vec::new(), 0_u64);
    for (category, known) in candidates {
        if sum >= bytes {
            break;
        }
        let question = SafeQuestion {
            project: &known.project,
            category,
            policy: registry.policy(&category.name),
            target: number,
            places: &places,
            witnesses: &witnesses,
            now: Timestamp::now(),
        };
        let answer = judge_replica(index, &question)?;
        if answer.is_some_and(|answer| answer.is_safe()) {
            sum = sum.saturating_add(known.aggregate.bytes);
            chosen.push(Proposal {
                category,
                files: known.aggregate.files,
                bytes: known.aggregate.bytes,
                newest: known.aggregate.newest,
                project: known.project,
            });
        }
    }
    Ok(chosen)
}
