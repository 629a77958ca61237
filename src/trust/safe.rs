//! May a replica be removed? Only if every file of it has as many proven copies on other media as its policy demands.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::candidate::KnownCopy;
use super::copies::Copies;
use super::mend::Mend;
use super::place::Place;
use super::proof::{self, Match};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::base::unicode::to_nfc;
use crate::index::{EvidenceKind, Index, KnownContent, Proof, ProvenFolder};
use crate::model::policy::{Demand, Policy};
use crate::model::project::ProjectId;
use crate::model::registry::Category;
use crate::snapshot::manifest::ManifestRef;

/// Number of files with too few copies that an answer names.
const MAX_NAMED: usize = 5;

/// The question about one replica.
#[derive(Clone, Copy, Debug)]
pub struct SafeQuestion<'a> {
    pub project: &'a ProjectId,
    pub category: &'a Category,
    pub policy: Policy,
    /// The place of the replica among all places.
    pub target: usize,
    pub places: &'a [Place],
    /// Places that may count, one for each: a storage that is being freed itself does not.
    pub witnesses: &'a [bool],
    pub now: Timestamp,
}

/// The answer about one replica.
#[derive(Clone, Debug)]
pub struct SafeAnswer {
    pub project: ProjectId,
    pub category: String,
    pub policy: Policy,
    /// Number of files and links.
    pub files: u64,
    pub bytes: u64,
    /// Number of entries of the replica that its scan could not read: they may be the only copies.
    pub unreadable: u64,
    /// Number of files whose content is not the recorded one, with which their copies were compared: their own bytes may be
    /// nowhere else.
    pub damaged: u64,
    /// The storages with proven copies, in the order of the places.
    pub witnesses: Vec<Witness>,
    /// The weakest proof that counts.
    pub weakest: Option<WeakestProof>,
    /// Number of files with too few copies.
    pub short_files: u64,
    pub short_bytes: u64,
    /// The first of them.
    pub short: Vec<ShortFile>,
    /// Lines that would mend it, in this order.
    pub mend: Vec<Mend>,
}

/// A storage with proven copies of files of a replica.
#[derive(Clone, Debug)]
pub struct Witness {
    /// Its place among all places.
    pub place: usize,
    /// Number of files of which it holds a proven copy.
    pub files: u64,
    /// The weakest of the proofs; `None` if all files are links, which a scan reads.
    pub kind: Option<EvidenceKind>,
    /// The oldest of the proofs.
    pub oldest: Option<Timestamp>,
}

/// The weakest proof that an answer relies on: the weakest kind, then the oldest.
#[derive(Clone, Debug)]
pub struct WeakestProof {
    /// The path below the replica's folder.
    pub path: Name,
    pub place: usize,
    pub proof: Proof,
}

/// A file with too few proven copies on other media.
#[derive(Clone, Debug)]
pub struct ShortFile {
    /// The path below the replica's folder.
    pub path: Name,
    /// Number of media with a proven copy.
    pub copies: u64,
}

impl SafeAnswer {
    /// True if the replica may be removed.
    pub fn is_safe(&self) -> bool {
        self.policy == Policy::Expendable || self.short_files == 0 && self.unreadable == 0
    }
}

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
    let mut judgement = Judgement {
        question,
        target_precision: target.precision,
        oldest: match question.policy {
            Policy::Keep(demand) => proof::oldest_allowed(&demand, question.now),
            Policy::Expendable => None,
        },
        own_unread: 0,
        answer: SafeAnswer {
            project: project.clone(),
            category: category.name.clone(),
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
    };
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

/// Numbers of the files of a replica by what is known of them on one other storage.
#[derive(Clone, Debug, Default)]
struct Tally {
    /// Numbers by [`Match`].
    files: [u64; Match::ALL.len()],
    weakest: Option<EvidenceKind>,
    oldest: Option<Timestamp>,
}

impl Tally {
    fn number(&self, of: &[Match]) -> u64 {
        of.iter().map(|one| self.files[*one as usize]).sum()
    }
}

/// The files of one folder of the replica that the question is about.
struct TargetFolder<'a> {
    path: &'a Path,
    manifest: ManifestRef<'a>,
    names: Vec<u8>,
    files: Vec<TargetFile>,
}

struct TargetFile {
    /// The end of its name in the names of the folder.
    name_end: usize,
    bytes: u64,
    modified: Timestamp,
    link: Option<Vec<u8>>,
    content: Option<KnownContent>,
    copies: Copies,
}

impl<'a> TargetFolder<'a> {
    fn read(folder: &ProvenFolder<'a>) -> Self {
        let mut own = Self {
            path: folder.path,
            manifest: folder.manifest(),
            names: Vec::new(),
            files: Vec::new(),
        };
        folder.visit(&mut |file, content| {
            own.names.extend_from_slice(file.name);
            own.files.push(TargetFile {
                name_end: own.names.len(),
                bytes: file.bytes,
                modified: file.modified,
                link: file.target.map(<[u8]>::to_vec),
                content: content.copied(),
                copies: Copies::default(),
            });
        });
        own
    }

    fn name(&self, place: usize) -> &[u8] {
        let start = place
            .checked_sub(1)
            .map_or(0, |before| self.files[before].name_end);
        &self.names[start..self.files[place].name_end]
    }

    fn path_of(&self, place: usize) -> Name {
        let mut path = self.path.as_os_str().as_bytes().to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(self.name(place));
        Name::from_bytes(path)
    }
}

/// A file of another storage, as it is compared.
struct OtherFile {
    bytes: u64,
    modified: Timestamp,
    link: Option<Vec<u8>>,
    content: Option<KnownContent>,
}

struct Judgement<'a> {
    question: &'a SafeQuestion<'a>,
    target_precision: TimePrecision,
    /// Evidence before this time does not count.
    oldest: Option<Timestamp>,
    /// Number of own files whose content is not known.
    own_unread: u64,
    answer: SafeAnswer,
}

impl Judgement<'_> {
    /// Adds the copies of the files of one folder on one other storage.
    fn add_copy(
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
                    found[number] = self.judge_file(file, other, precision);
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
                tally.weakest = Some(
                    tally
                        .weakest
                        .map_or(proof.kind, |kind| kind.min(proof.kind)),
                );
                tally.oldest = Some(tally.oldest.map_or(proof.at, |at| at.min(proof.at)));
                self.add_proof(place, proof, || own.path_of(number));
            }
        }
        Ok(())
    }

    fn judge_file(&self, own: &TargetFile, other: &OtherFile, precision: TimePrecision) -> Match {
        match (&own.link, &other.link) {
            (Some(own), Some(other)) if own == other => Match::Proven,
            (None, None) => {
                let same_time = own.modified.equals_at(other.modified, precision);
                let agrees = own.bytes == other.bytes && same_time;
                let contents = [own.content.as_ref(), other.content.as_ref()];
                match proof::judge(contents, agrees, self.oldest) {
                    Match::Differs if !same_time && other.modified > own.modified => Match::Newer,
                    judged => judged,
                }
            }
            _ => Match::Differs,
        }
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
    fn add_folder(&mut self, own: &TargetFolder<'_>) {
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

    fn finish(mut self, tallies: &[(usize, Tally)]) -> SafeAnswer {
        let witnesses = tallies.iter().filter_map(|(place, tally)| {
            let files = tally.number(&[Match::Proven]);
            (files > 0).then_some(Witness {
                place: *place,
                files,
                kind: tally.weakest,
                oldest: tally.oldest,
            })
        });
        self.answer.witnesses = witnesses.collect();
        if let (false, Policy::Keep(demand)) = (self.answer.is_safe(), self.question.policy) {
            self.answer.mend = self.mend(&demand, tallies);
        }
        self.answer
    }

    /// Returns the lines that give every file its copies: for as many storages as are demanded, those first that need the
    /// least.
    fn mend(&self, demand: &Demand, tallies: &[(usize, Tally)]) -> Vec<Mend> {
        const TO_COPY: &[Match] = &[Match::Missing, Match::Differs, Match::Newer];
        let places = self.question.places;
        let mut candidates: Vec<&(usize, Tally)> = tallies.iter().collect();
        candidates.sort_by_key(|(place, tally)| {
            let unread = tally.number(&[Match::Unproven, Match::Damaged]);
            (places[*place].is_offline, tally.number(TO_COPY), unread)
        });
        let mut chosen = Copies::default();
        let (mut copies, mut heals, mut unread) = (Vec::new(), Vec::new(), Vec::new());
        let target = places[self.question.target].name();
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
        if self.own_unread > 0 && !unread.is_empty() {
            unread.push(target.to_owned());
        }
        let (project, category) = (self.answer.project.clone(), self.answer.category.clone());
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
}

/// Passes the files of another folder to `visit` that have the name of an own file, with its number. A name in another
/// Unicode normal form is the same if the own one has no equal.
fn visit_pairs(
    own: &TargetFolder<'_>,
    folder: &ProvenFolder<'_>,
    visit: &mut dyn FnMut(usize, &OtherFile),
) {
    let mut place = 0;
    let mut respelled: BTreeMap<Vec<u8>, OtherFile> = BTreeMap::new();
    let mut is_met = vec![false; own.files.len()];
    folder.visit(&mut |file, content| {
        let other = OtherFile {
            bytes: file.bytes,
            modified: file.modified,
            link: file.target.map(<[u8]>::to_vec),
            content: content.copied(),
        };
        while place < own.files.len() && own.name(place) < file.name {
            place += 1;
        }
        if place < own.files.len() && own.name(place) == file.name {
            is_met[place] = true;
            visit(place, &other);
        } else if !file.name.is_ascii() {
            respelled.insert(to_nfc(file.name).into_owned(), other);
        }
    });
    if respelled.is_empty() {
        return;
    }
    for number in (0..own.files.len()).filter(|number| !is_met[*number]) {
        let name = own.name(number);
        if !name.is_ascii()
            && let Some(other) = respelled.get(&*to_nfc(name))
        {
            visit(number, other);
        }
    }
}
