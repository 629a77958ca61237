//! The lines that give every file of a replica its copies.

use super::answer::SafeQuestion;
use super::tally::Tally;
use crate::model::policy::Demand;
use crate::trust::copies::Copies;
use crate::trust::mend::Mend;
use crate::trust::proof::Match;

/// Returns the lines that give every file its copies: for as many storages as are demanded, those first that need the
/// least.
pub(super) fn mend(
    question: &SafeQuestion<'_>,
    demand: &Demand,
    tallies: &[(usize, Tally)],
    own_unread: u64,
) -> Vec<Mend> {
    const TO_COPY: &[Match] = &[Match::Missing, Match::Differs, Match::Newer];
    let places = question.places;
    let mut candidates: Vec<&(usize, Tally)> = tallies.iter().collect();
    candidates.sort_by_key(|(place, tally)| {
        let unread = tally.number(&[Match::Unproven, Match::Damaged]);
        (places[*place].is_offline, tally.number(TO_COPY), unread)
    });
    let mut chosen = Copies::default();
    let (mut copies, mut heals, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    let target = places[question.target].name();
    for offsite_turn in [true, false] {
        for (place, tally) in &candidates {
            let own = &places[*place];
            let is_wanted = if offsite_turn {
                own.is_offsite() && chosen.offsite.len() < demand.offsite
            } else {
                chosen.media.len() < demand.copies
            };
            if !is_wanted || chosen.media.contains(own.medium) {
                continue;
            }
            chosen.add(own.medium, own.is_offsite());
            let name = own.name().to_owned();
            // A newer version is copied here first, and is then a copy like the others.
            if tally.number(&[Match::Newer]) > 0 {
                copies.push((name.clone(), target.to_owned()));
            }
            if tally.number(&[Match::Missing, Match::Differs]) > 0 {
                copies.push((target.to_owned(), name.clone()));
            }
            if tally.number(&[Match::Damaged]) > 0 {
                heals.push(name.clone());
            }
            if tally.number(&[Match::Unproven]) > 0 {
                unread.push(name);
            }
        }
    }
    if own_unread > 0 && !unread.is_empty() {
        unread.push(target.to_owned());
    }
    let (project, category) = (question.project.clone(), question.category.name.clone());
    let mut mend = Vec::new();
    if !chosen.meet(demand) {
        let is_offsite = chosen.offsite.len() < demand.offsite;
        mend.push(Mend::AddDatabase { is_offsite });
    }
    mend.extend(copies.into_iter().map(|(from, to)| Mend::Copy {
        project: project.clone(),
        category: category.clone(),
        from,
        to,
    }));
    mend.extend(heals.into_iter().map(|database| Mend::Heal {
        project: project.clone(),
        category: category.clone(),
        database,
    }));
    if !unread.is_empty() {
        mend.push(Mend::Verify {
            project,
            category,
            databases: unread,
        });
    }
    mend
}
