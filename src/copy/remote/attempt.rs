//! Sending the files of a batch once: those that can be sent are, and what the log says of each is noted.

use std::collections::HashMap;
use std::path::PathBuf;

use super::round::{Fate, Round};
use super::source::{Looking, Seen};
use super::upload_journal::Journal;
use super::{CANNOT_KEEP, Sending};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::index::{Index, SentFile};
use crate::rclone;
use crate::rclone::{Batch, Sent};
use crate::storage::version;

impl Sending<'_> {
    /// Sends those of these files that can be sent; gives what kept rclone from the rest, if it said.
    pub(super) fn attempt(
        &self,
        index: &mut Index,
        round: &mut Round<'_>,
        places: &[usize],
        kept: &mut Vec<PathBuf>,
    ) -> Result<Option<String>> {
        self.look_at_source(round, places);
        self.refuse_twins(round, places)?;
        let mut is_fresh = true;
        let mut paths: Vec<PathBuf> = Vec::with_capacity(places.len());
        let mut begun = Vec::with_capacity(places.len());
        let mut of: HashMap<PathBuf, usize> = HashMap::with_capacity(places.len());
        for place in places {
            if matches!(round.fates[*place], Fate::Unknown) {
                let file = &round.files[*place];
                is_fresh = is_fresh && self.destination.is_surely_absent(&file.replica);
                let whole = file.whole();
                of.insert(whole.clone(), *place);
                paths.push(whole);
                begun.push((file.said(), round.sent[*place], file.mark_before));
                round.begun[*place] = true;
            }
        }
        let (destination, source) = (
            &self.destination.database.root,
            &self.source.database().root,
        );
        let remote = &self.destination.remote;
        let versions = version::on_remote(self.run)?;
        let batch = if self.destination.abilities.can_move() {
            Batch::to(remote, source, &paths, &versions, self.limits)
        } else {
            Batch::only_new(remote, source, &paths, self.limits)
        };
        let batch = batch.fresh(is_fresh);
        let mut journal = Journal::begin(index, destination, source, &begun)?;
        let mut keeps = false;
        let ended = batch.run(&mut |news| match news {
            Sent::Bytes(bytes) => (self.told)(0, bytes),
            Sent::Done(path) => {
                if let Some(place) = of.get(path) {
                    let file = &round.files[*place];
                    round.fates[*place] = Fate::Said;
                    (self.told)(1, 0);
                    keeps |= file.replaces;
                    journal.note(file);
                }
            }
            Sent::Kept => keeps = true,
            // What rclone gives up because it was told to stop has not failed.
            Sent::Failed(_, _) if interrupt::requested() => {}
            Sent::Failed(path, why) => {
                if let Some(place) = of.get(path) {
                    round.fates[*place] = Fate::Failed(why.to_owned());
                }
            }
        });
        if keeps && self.destination.abilities.can_move() {
            kept.push(versions);
        }
        let noted = journal.finish();
        match ended {
            Err(Error::Interrupted) => Ok(None),
            ended => {
                noted?;
                Ok(ended?.said)
            }
        }
    }

    /// Notes what each file is now, and which are gone.
    fn look_at_source(&self, round: &mut Round<'_>, places: &[usize]) {
        let mut looking = Looking::at(self.source);
        for place in places {
            let file = &round.files[*place];
            round.sent[*place] = SentFile {
                bytes: file.bytes,
                modified: file.modified,
                ..SentFile::default()
            };
            if let Some(why) = rclone::refusal(&file.whole()) {
                round.fates[*place] = Fate::Failed(why.to_owned());
                continue;
            }
            if file.replaces && !self.destination.abilities.can_move() {
                round.fates[*place] = Fate::Failed(CANNOT_KEEP.to_owned());
                continue;
            }
            match looking.file(file) {
                Seen::Gone => round.fates[*place] = Fate::Vanished,
                Seen::File(seen) => round.sent[*place] = seen,
                Seen::Other(why) => round.fates[*place] = Fate::Failed(why),
                // What cannot be looked at rclone will say why.
                Seen::Unknown => {}
            }
        }
    }

    /// The files that are not what they were when they were sent, or that rclone says were being written to.
    pub(super) fn still_changing(&self, round: &Round<'_>) -> Vec<usize> {
        let mut looking = Looking::at(self.source);
        let mut changing = Vec::new();
        for (place, file) in round.files.iter().enumerate() {
            let changes = match &round.fates[place] {
                Fate::Said => {
                    matches!(looking.file(file), Seen::File(now) if now != round.sent[place])
                }
                Fate::Failed(why) => why.contains("source file is being updated ("),
                Fate::Unknown | Fate::Vanished => false,
            };
            if changes {
                changing.push(place);
            }
        }
        changing
    }

    /// Notes which of those that were not sent went away meanwhile.
    pub(super) fn note_vanished(&self, round: &mut Round<'_>) {
        let mut looking = Looking::at(self.source);
        for (file, fate) in round.files.iter().zip(&mut round.fates) {
            let was_sent = matches!(fate, Fate::Said | Fate::Vanished);
            if !was_sent && matches!(looking.file(file), Seen::Gone) {
                *fate = Fate::Vanished;
            }
        }
    }
}
