//! A film that is played from the disk: 24 frames of 2 MiB each second, each in a file of its own.

use std::fs::{self, File};
use std::io::Read as _;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use auto_backup::base::error::IoResultExt as _;
use rustix::fs::Advice;

use crate::common::interrupted;
use crate::common::outcome::Outcome;
use crate::studio::Studio;

/// Bytes of a frame.
const FRAME: usize = 2 << 20;

/// Time of a frame: 24 a second.
const FRAME_TIME: Duration = Duration::from_nanos(1_000_000_000 / 24);

/// Number of different frames; after the last, the first follows.
const FRAMES: u32 = 240;

/// The frames on the disk.
#[derive(Debug)]
pub(crate) struct Film {
    folder: PathBuf,
}

/// A time in which the film was played.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Played {
    pub(crate) frames: u64,
    /// Frames that were not read when the next one was due.
    pub(crate) missed: u64,
}

impl Film {
    /// Writes the frames, which differ from each other.
    pub(crate) fn new(studio: &Studio) -> Outcome<Self> {
        let folder = studio.path("film");
        fs::create_dir(&folder).at("create", &folder)?;
        let film = Self { folder };
        let mut content = vec![0x5a; FRAME];
        for frame in 0..FRAMES {
            interrupted::check()?;
            content[..4].copy_from_slice(&frame.to_le_bytes());
            let path = film.path(frame);
            fs::write(&path, &content).at("write", &path)?;
        }
        Ok(film)
    }

    fn path(&self, frame: u32) -> PathBuf {
        self.folder.join(format!("frame.{frame:04}.dpx"))
    }

    /// Plays until `stop` is set.
    pub(crate) fn play(&self, stop: &AtomicBool) -> Outcome<Played> {
        let (mut played, mut content) = (Played::default(), Vec::with_capacity(FRAME));
        let mut due = Instant::now();
        for frame in (0..FRAMES).cycle() {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if stop.load(Ordering::Relaxed) {
                break;
            }
            due += FRAME_TIME;
            self.read(frame, &mut content)?;
            played.frames += 1;
            played.missed += u64::from(Instant::now() > due);
        }
        Ok(played)
    }

    /// Reads a frame from the disk, never from memory.
    fn read(&self, frame: u32, content: &mut Vec<u8>) -> Outcome<()> {
        let path = self.path(frame);
        let mut file = File::open(&path).at("open", &path)?;
        content.clear();
        file.read_to_end(content).at("read", &path)?;
        let all = NonZero::new(FRAME as u64);
        Ok(rustix::fs::fadvise(&file, 0, all, Advice::DontNeed).at("forget", &path)?)
    }
}
