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
use crate::index::Index;

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
