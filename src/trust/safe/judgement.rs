//! The judgement of one replica: for each of its files, the media that hold a proven copy.

use super::answer::{SafeAnswer, SafeQuestion, ShortFile, WeakestProof, Witness};
use super::mend::mend;
use super::tally::Tally;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::index::{EvidenceKind, Index, Proof};
use crate::model::policy::Policy;
use crate::trust::candidate::KnownCopy;
use crate::trust::folder::{TargetFolder, judge_file, visit_pairs};
use crate::trust::proof::{self, Match};

/// Number of files with too few copies that an answer names.
const MAX_NAMED: usize = 5;

/// The judgement of one replica, folder by folder.
pub(super) struct Judgement<'a> {
    question: &'a SafeQuestion<'a>,
    target_precision: TimePrecision,
    /// Evidence before this time does not count.
    oldest: Option<Timestamp>,
    /// Number of own files whose content is not known.
    own_unread: u64,
    answer: SafeAnswer,
}

impl<'a> Judgement<'a> {
    pub(super) fn new(question: &'a SafeQuestion<'a>, target: &KnownCopy) -> Self {
        Self {
            question,
            target_precision: target.precision,
            oldest: match question.policy {
                Policy::Keep(demand) => proof::oldest_allowed(&demand, question.now),
                Policy::Expendable => None,
            },
            own_unread: 0,
            answer: SafeAnswer {
                project: question.project.clone(),
                category: question.category.name.clone(),
                policy: question.policy,
                files: 0,
                bytes: 0,
                unreadable: target.unreadable,
                damaged: 0,
                witnesses: Vec::new(),
                weakest: None,
                short_files: 0,
                short_bytes: 0,
                short: Vec::new(),
                mend: Vec::new(),
            },
        }
    }

    /// Adds the copies of the files of one folder on one other storage.
    pub(super) fn add_copy(
        &mut self,
        index: &Index,
        own: &mut TargetFolder<'_>,
        (place, copy, tally): (usize, Option<&mut KnownCopy>, &mut Tally),
    ) -> Result<()> {
        let mut found = vec![Match::Missing; own.files.len()];
        let mut proofs = vec![None; own.files.len()];
        if let Some(copy) = copy {
            let precision = copy.precision.max(self.target_precision);
            let category = self.question.category;
            copy.visit_folder(index, category, own.path, own.manifest, &mut |folder| {
                if folder.manifest().packed() == own.manifest.packed() {
                    // The same names, sizes and times: most folders are like this.
                    for (number, file) in own.files.iter().enumerate() {
                        let content = folder.content(number);
                        found[number] = if file.link.is_some() {
                            Match::Proven
                        } else {
                            proof::judge([file.content.as_ref(), content], true, self.oldest)
                        };
                        proofs[number] = content.map(|content| content.proof);
                    }
                    return;
                }
                visit_pairs(own, folder, &mut |number, other| {
                    let file = &own.files[number];
                    found[number] = judge_file(file, other, precision, self.oldest);
                    proofs[number] = other.content.map(|content| content.proof);
                });
            })?;
        }
        let medium = self.question.places[place].medium;
        let is_offsite = self.question.places[place].is_offsite();
        for (number, result) in found.into_iter().enumerate() {
            tally.files[result as usize] += 1;
            if result != Match::Proven {
                continue;
            }
            own.files[number].copies.add(medium, is_offsite);
            if let Some(proof) = proofs[number].filter(|_| own.files[number].link.is_none()) {
                tally.add_proof(proof);
                self.add_proof(place, proof, || own.path_of(number));
            }
        }
        Ok(())
    }

    fn add_proof(&mut self, place: usize, proof: Proof, path: impl FnOnce() -> Name) {
        let weaker = self
            .answer
            .weakest
            .as_ref()
            .is_none_or(|known| (proof.kind, proof.at) < (known.proof.kind, known.proof.at));
        if weaker {
            self.answer.weakest = Some(WeakestProof {
                path: path(),
                place,
                proof,
            });
        }
    }

    /// Adds the verdict on the files of one folder.
    pub(super) fn add_folder(&mut self, own: &TargetFolder<'_>) {
        for (number, file) in own.files.iter().enumerate() {
            let answer = &mut self.answer;
            answer.files += 1;
            answer.bytes = answer.bytes.saturating_add(file.bytes);
            self.own_unread += u64::from(file.link.is_none() && file.content.is_none());
            let kind = file.content.map(|content| content.proof.kind);
            answer.damaged += u64::from(kind == Some(EvidenceKind::Damaged));
            if file.copies.satisfy(&self.question.policy) {
                continue;
            }
            answer.short_files += 1;
            answer.short_bytes = answer.short_bytes.saturating_add(file.bytes);
            if answer.short.len() < MAX_NAMED {
                answer.short.push(ShortFile {
                    path: own.path_of(number),
                    copies: file.copies.media.len(),
                });
            }
        }
    }

    /// Returns the answer. `tallies`: the other storages by place.
    pub(super) fn finish(mut self, tallies: &[(usize, Tally)]) -> SafeAnswer {
        let witnesses = tallies.iter().filter_map(|(place, tally)| {
            let files = tally.number(&[Match::Proven]);
            (files > 0).then_some(Witness {
                place: *place,
                files,
                kind: tally.weakest,
                oldest: tally.oldest,
                hosts: tally.hosts.clone(),
            })
        });
        self.answer.witnesses = witnesses.collect();
        if let (false, Policy::Keep(demand)) = (self.answer.is_safe(), self.question.policy) {
            self.answer.mend = mend(self.question, &demand, tallies, self.own_unread);
        }
        self.answer
    }
}
