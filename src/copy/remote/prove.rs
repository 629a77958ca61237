//! Proving that what was sent is there: one listing of just these files, and their content where that is asked for.

use std::path::PathBuf;

use super::round::{Fate, Round};
use super::upload_journal::left;
use super::{PROVEN, Sending, is_untouched};
use crate::base::error::Result;
use crate::base::timestamp::Step;
use crate::base::unit;
use crate::copy::outcome::Proof;
use crate::index::SentFile;
use crate::rclone;
use crate::rclone::{Abilities, Listed, Times, Verdict, Wanted};
use crate::storage::RemoteSide;

/// What a listing shows of a file.
pub(super) enum Shown {
    /// It is there as it was sent.
    Right {
        /// What tells this version from others.
        mark: u64,
        /// What is known of its bytes.
        proof: Proof,
    },
    /// It is not, and how.
    Wrong(String),
}

impl Sending<'_> {
    /// What is there of the files of a round, in their order, and the listing that shows it.
    pub(super) fn prove(&self, round: &Round<'_>) -> Result<(Vec<Shown>, Listed)> {
        let asked: Vec<PathBuf> = round
            .files
            .iter()
            .zip(&round.begun)
            .filter(|(_, begun)| **begun)
            .map(|(file, _)| file.whole())
            .collect();
        let listed = list(self.destination, &asked)?;
        let step = shown_step(self.source.abilities(), self.destination);
        let mut shown: Vec<Shown> = Vec::with_capacity(round.files.len());
        let mut unsure = vec![false; round.files.len()];
        for (place, file) in round.files.iter().enumerate() {
            let found = listed.file(&file.whole());
            let is_untouched = found.is_some_and(|found| is_untouched(file, left(found)));
            let was_sent = matches!(round.fates[place], Fate::Said);
            let sent = &round.sent[place];
            let in_time = judge(step, sent, found);
            // What was sent and shows another time has one that this storage cannot hold, or is somebody else's.
            let is_other_time = was_sent && in_time.is_err() && judge(None, sent, found).is_ok();
            let judged = if is_other_time {
                judge(None, sent, found)
            } else {
                in_time
            };
            shown.push(match judged {
                // What was there before shows as it did: nothing took its place.
                Ok(_) if !was_sent && file.replaces && is_untouched => {
                    Shown::Wrong("it was not sent, and rclone did not say why".to_owned())
                }
                Ok(mark) => {
                    // The storage says too little to tell that from another of its size.
                    unsure[place] =
                        is_other_time || (step.is_none() && (!was_sent || is_untouched));
                    Shown::Right {
                        mark,
                        proof: Proof::Written,
                    }
                }
                Err(why) => Shown::Wrong(why),
            });
        }
        self.prove_content(round, &mut shown, &unsure)?;
        Ok((shown, listed))
    }

    /// Compares content, of all files where that is asked for, and else of those of which a listing says too little: by the
    /// digests that storages say, where both sides say one of the same kind; else both sides are read.
    fn prove_content(&self, round: &Round<'_>, shown: &mut [Shown], unsure: &[bool]) -> Result<()> {
        let other = self.source.abilities();
        let how = rclone::Proof::between(&self.destination.abilities, other);
        let is_due = |place: usize, shown: &[Shown]| {
            (self.verify || unsure[place])
                && matches!(shown[place], Shown::Right { .. })
                && matches!(round.fates[place], Fate::Said | Fate::Unknown)
        };
        let due: Vec<usize> = (0..round.files.len())
            .filter(|place| is_due(*place, shown))
            .collect();
        let files: Vec<PathBuf> = due
            .iter()
            .map(|place| round.files[*place].whole())
            .collect();
        let root = &self.source.database().root;
        let remote = &self.destination.remote;
        let verdicts = remote.check(root, &files, how, &mut |_| {})?;
        for (place, file) in due.into_iter().zip(files) {
            let Shown::Right { proof, .. } = &mut shown[place] else {
                continue;
            };
            match verdicts.get(&file) {
                Some(Verdict::Same) => *proof = PROVEN,
                Some(Verdict::Differs) => {
                    shown[place] =
                        Shown::Wrong("read back, it is not what the source holds".to_owned());
                }
                Some(Verdict::Unread(why)) => {
                    shown[place] = Shown::Wrong(format!("it could not be read back: {why}"));
                }
                None => shown[place] = Shown::Wrong("it could not be read back".to_owned()),
            }
        }
        Ok(())
    }
}

/// Lists just these files.
pub(super) fn list(destination: &RemoteSide, files: &[PathBuf]) -> Result<Listed> {
    if files.is_empty() {
        return Ok(Listed::default());
    }
    let (remote, abilities) = (&destination.remote, &destination.abilities);
    let listed = remote.list(Wanted::Files(files), abilities, Times::Cheap)?;
    Ok(listed.unwrap_or_default())
}

/// The step in which a listing shows the times that files have at a source of this kind; `None` where it shows others.
pub(super) fn shown_step(source: Option<&Abilities>, destination: &RemoteSide) -> Option<Step> {
    let there = destination
        .abilities
        .step()
        .filter(|_| !destination.abilities.has_slow_times());
    match source {
        None => there,
        // What rclone takes over are the times that the storage itself keeps.
        Some(source) => Some(there?.max(source.step()?)),
    }
}

/// The mark of a file that a listing shows as it was sent, or what is wrong. Where the listing shows times of the source,
/// `step` is the coarsest in which they were kept on the way.
pub(super) fn judge(
    step: Option<Step>,
    sent: &SentFile,
    found: Option<&rclone::ListedFile>,
) -> Result<u64, String> {
    let Some(found) = found else {
        return Err("a listing afterwards does not show it".to_owned());
    };
    match found.bytes {
        Some(bytes) if bytes == sent.bytes => {}
        Some(bytes) => {
            return Err(format!(
                "a listing afterwards shows {} B of {}",
                unit::count(bytes),
                unit::count(sent.bytes)
            ));
        }
        None => return Err("a listing afterwards does not know its size".to_owned()),
    }
    if let Some(step) = step
        && !found.modified.same_as(sent.modified, step)
    {
        return Err("a listing afterwards shows it with another time".to_owned());
    }
    Ok(found.mark)
}
