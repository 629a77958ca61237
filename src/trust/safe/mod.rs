//! May a replica be removed? Only if every file of it has as many proven copies on other media as its policy demands.

mod answer;
mod judgement;
mod mend;
mod tally;

pub use self::answer::{SafeAnswer, SafeQuestion};
use self::judgement::Judgement;
use self::tally::Tally;
use super::candidate::KnownCopy;
use super::folder::TargetFolder;
use crate::base::error::Result;
use crate::base::own_name::is_history_folder;
use crate::index::Index;
use crate::model::registry::Category;

/// Answers the question from the index alone; `None` if the storage holds no such replica.
pub fn judge_replica(index: &Index, question: &SafeQuestion<'_>) -> Result<Option<SafeAnswer>> {
    let place = &question.places[question.target];
    let (category, project) = (question.category, question.project);
    let Some(target) = KnownCopy::find(index, place, category, project)? else {
        return Ok(None);
    };
    let mut copies = Vec::new();
    for (number, place) in question.places.iter().enumerate() {
        let is_other = place.medium != question.places[question.target].medium;
        if is_other && question.witnesses[number] {
            let copy = KnownCopy::find(index, place, category, project)?;
            copies.push((number, copy, Tally::default()));
        }
    }
    let mut judgement = Judgement::new(question, &target);
    let key = category.key();
    index.visit_proven_folders(
        target.id,
        key,
        &target.replica,
        target.precision,
        &mut |folder| {
            let mut own = TargetFolder::read(folder);
            if is_history_folder(folder.path) && is_elsewhere(index, category, &own, &mut copies)? {
                return Ok(());
            }
            for (number, copy, tally) in &mut copies {
                judgement.add_copy(index, &mut own, (*number, copy.as_mut(), tally))?;
            }
            judgement.add_folder(&own);
            Ok(())
        },
    )?;
    let tallies: Vec<(usize, Tally)> = copies
        .into_iter()
        .map(|(place, _, tally)| (place, tally))
        .collect();
    Ok(Some(judgement.finish(&tallies)))
}

/// True if another storage keeps an ASC MHL history in the same folder. The two go on by themselves from the same beginning,
/// so that they never have the same files.
fn is_elsewhere(
    index: &Index,
    category: &Category,
    own: &TargetFolder<'_>,
    copies: &mut [(usize, Option<KnownCopy>, Tally)],
) -> Result<bool> {
    let mut is_found = false;
    for copy in copies.iter_mut().filter_map(|(_, copy, _)| copy.as_mut()) {
        copy.visit_folder(index, category, own.path, own.manifest, &mut |folder| {
            is_found |= folder.manifest().files().next().is_some();
        })?;
    }
    Ok(is_found)
}
