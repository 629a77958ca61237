//! What the log of a transfer says: of each file how it fared, and of the storage whether it is still there.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::batch::Sent;
use super::log::{Entry, Progress};
use crate::base::error::Trouble;

/// How long nothing may move though rclone says every second that it lives: it may be reading a huge file to digest it.
const STALLED: Duration = Duration::from_secs(30 * 60);

/// How long files may find nobody there before the rest is given up.
const ABSENCE: Duration = Duration::from_secs(60);

/// Beginnings of what rclone says of a file that is whole at its destination. A copy on the server's own side is none: so
/// are old versions moved where a storage cannot rename.
const COPIED: [&str; 4] = [
    "Copied (new)",
    "Copied (replaced existing)",
    "Multi-thread Copied (new)",
    "Multi-thread Copied (replaced existing)",
];

/// Beginnings of what it says of a file that was moved away.
const MOVED: [&str; 2] = ["Moved (", "Deleted"];

/// Beginnings of what it says of an old version that was moved aside before a file takes its place.
const KEPT: [&str; 2] = ["Moved (server-side)", "Deleted"];

/// What is made of the log.
pub(super) struct Hearing<'a> {
    verb: &'static str,
    files: &'a [PathBuf],
    /// The places of the files in the batch, by their names as rclone writes them.
    places: HashMap<String, usize>,
    told: Vec<bool>,
    progress: Progress,
    /// When the progress was another.
    moved: Instant,
    /// When a file last found nobody there.
    unreachable: Option<Instant>,
    /// What was said last of no file, or of one that found nobody there.
    pub(super) said: Option<String>,
}

impl<'a> Hearing<'a> {
    /// Of files that are moved in this way; their places among them by their names as rclone writes them.
    pub(super) fn of(
        verb: &'static str,
        files: &'a [PathBuf],
        places: HashMap<String, usize>,
    ) -> Self {
        Self {
            verb,
            files,
            places,
            told: vec![false; files.len()],
            progress: Progress::default(),
            moved: Instant::now(),
            unreachable: None,
            said: None,
        }
    }

    /// Hears an entry, and tells what it means; breaks off where going on is in vain.
    pub(super) fn hear(
        &mut self,
        entry: &Entry,
        tell: &mut dyn FnMut(Sent<'_>),
    ) -> ControlFlow<()> {
        if let Some(progress) = &entry.progress {
            self.advance(progress, tell);
        } else {
            let object = entry.object.as_ref();
            match object.and_then(|object| self.places.get(object)).copied() {
                Some(place) => self.file(place, entry, tell),
                None if entry.is_error => self.said = Some(entry.message.clone()),
                None => {}
            }
        }
        if self.is_lost() || self.is_stalled() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Whether the storage is gone.
    pub(super) fn is_lost(&self) -> bool {
        is_lost(self.unreachable, self.moved, Instant::now())
    }

    fn is_stalled(&self) -> bool {
        self.moved.elapsed() > STALLED
    }

    fn file(&mut self, place: usize, entry: &Entry, tell: &mut dyn FnMut(Sent<'_>)) {
        if self.told[place] {
            return;
        }
        let file = &self.files[place];
        if self.verb != "move" && entry.is_about(&KEPT) {
            tell(Sent::Kept);
            return;
        }
        let is_done = if self.verb == "move" {
            entry.is_about(&MOVED)
        } else {
            entry.is_about(&COPIED)
        };
        if is_done {
            self.told[place] = true;
            self.moved = Instant::now();
            tell(Sent::Done(file));
        } else if entry.is_error {
            self.told[place] = true;
            if is_unreachable(&entry.message) {
                self.unreachable = Some(Instant::now());
                self.said = Some(entry.message.clone());
            }
            tell(Sent::Failed(file, &entry.message));
        }
    }

    fn advance(&mut self, progress: &Progress, tell: &mut dyn FnMut(Sent<'_>)) {
        if *progress == self.progress {
            return;
        }
        self.moved = Instant::now();
        tell(Sent::Bytes(
            progress.bytes.saturating_sub(self.progress.bytes),
        ));
        self.progress = progress.clone();
    }
}

/// Whether a message says that nobody is there.
fn is_unreachable(message: &str) -> bool {
    matches!(
        Trouble::of(message),
        Trouble::Refused | Trouble::NoHost | Trouble::NoRoute
    )
}

/// Whether a storage is gone: nothing moved for so long, and since it last did a file found nobody there. Every further one
/// would only wait for it in vain. One that found nobody before says nothing: the storage came back.
fn is_lost(unreachable: Option<Instant>, moved: Instant, now: Instant) -> bool {
    unreachable.is_some_and(|at| at > moved) && now.duration_since(moved) > ABSENCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storage_is_gone_a_minute_after_anything_moved_once_a_file_found_nobody_there() {
        let moved = Instant::now();
        let at = |seconds| moved + Duration::from_secs(seconds);
        assert!(is_lost(Some(at(5)), moved, at(61)));
        assert!(!is_lost(Some(at(5)), moved, at(59)));
        // It digests a huge file, and nobody found it gone.
        assert!(!is_lost(None, moved, at(600)));
        // It was gone, and came back.
        assert!(!is_lost(Some(at(5)), at(10), at(600)));
    }
}
