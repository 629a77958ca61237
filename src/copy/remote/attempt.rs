//! Sending the files of a batch once: those that can be sent are, and what the log says of each is noted.

use std::collections::HashMap;
use std::path::PathBuf;

use super::round::{SendBatch, SendState};
use super::source::{SourceProbe, SourceState};
use super::upload_journal::SendJournal;
use super::{CANNOT_KEEP_VERSION, Upload};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::index::{Index, SentFile};
use crate::rclone;
use crate::rclone::{TransferBatch, TransferEvent};
use crate::storage::version;

impl Upload<'_> {
    /// Sends those of these files that can be sent; gives what kept rclone from the rest, if it said.
    pub(super) fn send_once(
        &self,
        index: &mut Index,
        round: &mut SendBatch<'_>,
        places: &[usize],
        kept: &mut Vec<PathBuf>,
    ) -> Result<Option<String>> {
        self.stat_sources(round, places);
        self.reject_normalization_variants(round, places)?;
        let mut is_fresh = true;
        let mut paths: Vec<PathBuf> = Vec::with_capacity(places.len());
        let mut begun = Vec::with_capacity(places.len());
        let mut place_of: HashMap<PathBuf, usize> = HashMap::with_capacity(places.len());
        for place in places {
            if matches!(round.states[*place], SendState::Unknown) {
                let file = &round.files[*place];
                is_fresh = is_fresh && self.destination.is_known_missing(&file.replica);
                let whole = file.path_below_root();
                place_of.insert(whole.clone(), *place);
                paths.push(whole);
                begun.push((
                    file.journal_file(),
                    round.source_stats[*place],
                    file.previous_tag,
                ));
                round.attempted[*place] = true;
            }
        }
        let (destination, source) = (
            &self.destination.database.root,
            &self.source.database().root,
        );
        let remote = &self.destination.remote;
        let versions = version::remote_version_folder(self.run)?;
        let batch = if self.destination.features.can_move() {
            TransferBatch::upload(remote, source, &paths, &versions, self.limits)
        } else {
            TransferBatch::upload_new(remote, source, &paths, self.limits)
        };
        let batch = batch.with_new_destination(is_fresh);
        let mut journal = SendJournal::begin(index, destination, source, &begun)?;
        let mut keeps = false;
        let ended = batch.run(&mut |news| match news {
            TransferEvent::Bytes(bytes) => (self.on_progress)(0, bytes),
            TransferEvent::Done(path) => {
                if let Some(place) = place_of.get(path) {
                    let file = &round.files[*place];
                    round.states[*place] = SendState::ReportedSent;
                    (self.on_progress)(1, 0);
                    keeps |= file.replaces;
                    journal.record_sent(file);
                }
            }
            TransferEvent::VersionKept => keeps = true,
            // What rclone gives up because it was told to stop has not failed.
            TransferEvent::Failed(_, _) if interrupt::is_requested() => {}
            TransferEvent::Failed(path, why) => {
                if let Some(place) = place_of.get(path) {
                    round.states[*place] = SendState::Failed(why.to_owned());
                }
            }
        });
        if keeps && self.destination.features.can_move() {
            kept.push(versions);
        }
        let noted = journal.finish();
        match ended {
            Err(Error::Interrupted) => Ok(None),
            ended => {
                noted?;
                Ok(ended?.error)
            }
        }
    }

    /// Notes what each file is now, and which are gone.
    fn stat_sources(&self, round: &mut SendBatch<'_>, places: &[usize]) {
        let mut probe = SourceProbe::new(self.source);
        for place in places {
            let file = &round.files[*place];
            round.source_stats[*place] = SentFile {
                bytes: file.bytes,
                modified: file.modified,
                ..SentFile::default()
            };
            if let Some(why) = rclone::unsupported_reason(&file.path_below_root()) {
                round.states[*place] = SendState::Failed(why.to_owned());
                continue;
            }
            if file.replaces && !self.destination.features.can_move() {
                round.states[*place] = SendState::Failed(CANNOT_KEEP_VERSION.to_owned());
                continue;
            }
            match probe.stat_file(file) {
                SourceState::Missing => round.states[*place] = SendState::Vanished,
                SourceState::File(seen) => round.source_stats[*place] = seen,
                SourceState::NotAFile(why) => round.states[*place] = SendState::Failed(why),
                // What cannot be looked at rclone will say why.
                SourceState::Unknown => {}
            }
        }
    }

    /// The files that are not what they were when they were sent, or that rclone says were being written to.
    pub(super) fn find_changing(&self, round: &SendBatch<'_>) -> Vec<usize> {
        let mut probe = SourceProbe::new(self.source);
        let mut changing = Vec::new();
        for (place, file) in round.files.iter().enumerate() {
            let changes = match &round.states[place] {
                SendState::ReportedSent => {
                    matches!(probe.stat_file(file), SourceState::File(now) if now != round.source_stats[place])
                }
                SendState::Failed(why) => why.contains("source file is being updated ("),
                SendState::Unknown | SendState::Vanished => false,
            };
            if changes {
                changing.push(place);
            }
        }
        changing
    }

    /// Notes which of those that were not sent went away meanwhile.
    pub(super) fn mark_vanished(&self, round: &mut SendBatch<'_>) {
        let mut probe = SourceProbe::new(self.source);
        for (file, fate) in round.files.iter().zip(&mut round.states) {
            let was_sent = matches!(fate, SendState::ReportedSent | SendState::Vanished);
            if !was_sent && matches!(probe.stat_file(file), SourceState::Missing) {
                *fate = SendState::Vanished;
            }
        }
    }
}
