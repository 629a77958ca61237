//! Many files in one rclone process: sent, fetched, or moved among the old versions.
//!
//! What the log says of a file is told at once. It is no proof: that is a listing afterwards.

use std::collections::HashMap;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use super::Remote;
use super::list::are_apart;
use super::log;
use super::name;
use super::process;
use super::process::{End, Line, Patience};
use super::transfer_log::Hearing;
use crate::base::error::Result;
use crate::os::scratch::Scratch;

/// What bounds a transfer.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// As rclone takes it: `10M`, `08:00,512k 23:00,off`.
    pub bandwidth: Option<String>,
    /// When no further file is begun.
    pub until: Option<Instant>,
    /// How many files at once; `None` for what suits it.
    pub transfers: Option<usize>,
}

/// How one file fared, as the log says.
#[derive(Debug)]
pub enum Sent<'a> {
    /// It is said to be there.
    Done(&'a Path),
    /// It is not, and why.
    Failed(&'a Path, &'a str),
    /// What had its name is said to be among the old versions.
    Kept,
    /// So many more bytes were moved.
    Bytes(u64),
}

/// How a batch ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// What kept rclone from the files of which nothing was told, if it said.
    pub said: Option<String>,
    /// Whether rclone came to its end by itself: it was neither killed nor stopped, and did not break down.
    pub by_itself: bool,
}

/// Files that go from one root to another.
#[derive(Debug)]
pub struct Batch<'a> {
    remote: &'a Remote,
    verb: &'static str,
    from: PathBuf,
    to: PathBuf,
    /// The files, by their paths below both roots.
    files: &'a [PathBuf],
    /// The folder on the destination's root where what is replaced goes.
    versions: Option<PathBuf>,
    /// What bounds it.
    limits: &'a Limits,
    /// Whether files go also where one of the same size and time is there.
    again: bool,
    /// Whether they go only where nothing of their names is there.
    only_new: bool,
    /// Whether surely nothing is there in the folders that they go to.
    is_fresh: bool,
}

impl<'a> Batch<'a> {
    /// Files that go to a remote from a root of either kind; what has their names there is moved to `versions`, below the
    /// remote's root, first.
    pub fn to(
        remote: &'a Remote,
        from: &Path,
        files: &'a [PathBuf],
        versions: &Path,
        limits: &'a Limits,
    ) -> Self {
        Self {
            remote,
            verb: "copy",
            from: from.to_owned(),
            to: remote.root().to_owned(),
            files,
            versions: Some(versions.to_owned()),
            limits,
            // What is to be sent was decided before: a storage may not tell it from what is there.
            again: true,
            only_new: false,
            is_fresh: false,
        }
    }

    /// The same for a storage that can keep nothing: what has their names there is left alone.
    pub fn only_new(
        remote: &'a Remote,
        from: &Path,
        files: &'a [PathBuf],
        limits: &'a Limits,
    ) -> Self {
        Self {
            remote,
            verb: "copy",
            from: from.to_owned(),
            to: remote.root().to_owned(),
            files,
            versions: None,
            limits,
            again: false,
            only_new: true,
            is_fresh: false,
        }
    }

    /// Files that come from a remote into a folder of our own.
    pub fn from(remote: &'a Remote, to: &Path, files: &'a [PathBuf], limits: &'a Limits) -> Self {
        Self {
            remote,
            verb: "copy",
            from: remote.root().to_owned(),
            to: to.to_owned(),
            files,
            versions: None,
            limits,
            again: false,
            only_new: false,
            is_fresh: false,
        }
    }

    /// The same, also where a file of the same size and time is there.
    pub const fn again(mut self, again: bool) -> Self {
        self.again = again;
        self
    }

    /// The same, where surely nothing is there yet in the folders that they go to.
    pub const fn fresh(mut self, is_fresh: bool) -> Self {
        self.is_fresh = is_fresh;
        self
    }

    /// Files of a remote that go among its old versions.
    pub fn aside(
        remote: &'a Remote,
        files: &'a [PathBuf],
        versions: &Path,
        limits: &'a Limits,
    ) -> Self {
        Self {
            remote,
            verb: "move",
            from: remote.root().to_owned(),
            to: remote.path(versions),
            files,
            versions: None,
            limits,
            again: false,
            only_new: false,
            is_fresh: false,
        }
    }

    /// Carries it out.
    ///
    /// # Errors
    /// An interruption, or rclone could not be started.
    pub fn run(&self, tell: &mut dyn FnMut(Sent<'_>)) -> Result<Ended> {
        let nothing = Ended {
            said: None,
            by_itself: true,
        };
        // An empty list would stand for every file there is.
        if self.files.is_empty() {
            return Ok(nothing);
        }
        let mut places = HashMap::new();
        for (place, file) in self.files.iter().enumerate() {
            match name::standard_path(file) {
                Ok(written) => {
                    places.insert(written, place);
                }
                Err(why) => tell(Sent::Failed(file, why)),
            }
        }
        if places.is_empty() {
            return Ok(nothing);
        }
        let list = Scratch::list(
            self.files
                .iter()
                .filter_map(|file| name::standard_path(file).ok()),
        )?;
        let mut hearing = Hearing::of(self.verb, self.files, places);
        let is_text = [&*self.from, &*self.to, list.path()]
            .iter()
            .all(|path| path.to_str().is_some());
        if let Some(daemon) = self.remote.daemon().filter(|_| is_text && self.is_plain()) {
            let question = self.question(&list);
            let failed = daemon.transfer("sync/copy", question, &mut |entry| {
                hearing.hear(entry, tell)
            })?;
            return Ok(Ended {
                by_itself: failed.is_none() && !hearing.is_lost() && daemon.listens(),
                said: hearing.said.or(failed),
            });
        }
        let words = self.words(&list);
        let end = process::run(
            &self.remote.program,
            &words,
            Patience::WORK,
            &mut |line| match line {
                Line::Out(_) => ControlFlow::Continue(()),
                Line::Log(line) => hearing.hear(&log::read(&line), tell),
            },
        )?;
        Ok(Ended {
            by_itself: end.is_by_itself(),
            said: match end {
                End::Silent => Some("rclone said nothing for 2 min and was stopped".to_owned()),
                End::Stopped if hearing.is_lost() => hearing.said,
                End::Stopped => Some("nothing moved for 30 min, and rclone was stopped".to_owned()),
                // Its time was over.
                End::Exited(Some(10)) => None,
                _ => hearing.said,
            },
        })
    }

    /// Whether the process that is there can do it: nothing bounds it but itself.
    const fn is_plain(&self) -> bool {
        self.versions.is_some() && self.limits.bandwidth.is_none() && self.limits.until.is_none()
    }

    /// Whether rclone asks the destination for each file by its name. In lists, a folder that can be written but not listed
    /// looks empty, and so does one behind a link: what is in it would be replaced and not kept.
    fn asks_each(&self) -> bool {
        let keeps = self.versions.is_some() || self.only_new;
        (keeps && !self.is_fresh) || are_apart(self.files)
    }

    /// Whether a file has to be written from its beginning to its end: where it has its name before it is whole, several
    /// streams would leave one of the right size with holes in it.
    fn must_write_in_order(&self) -> bool {
        !self.remote.version().names_whole_files()
    }

    /// How many files at once, and how many questions.
    fn at_once(&self) -> (usize, usize) {
        let (transfers, checkers) = self.remote.at_once(self.files.len());
        (self.limits.transfers.unwrap_or(transfers), checkers)
    }

    /// The transfer as the process that is there is asked for it.
    fn question(&self, list: &Scratch) -> Value {
        let text = |path: &Path| path.to_str().unwrap_or_default().to_owned();
        let (transfers, checkers) = self.at_once();
        let mut settings = json!({
            "IgnoreTimes": self.again,
            "Transfers": transfers,
            "Checkers": checkers,
            "NoTraverse": self.asks_each(),
            "NoUpdateDirModTime": true,
            "NoUnicodeNormalization": true,
            // The times of a source are its files' own.
            "UseServerModTime": false,
        });
        if self.must_write_in_order() {
            settings["MultiThreadStreams"] = 0.into();
        }
        if let Some(versions) = &self.versions {
            settings["BackupDir"] = text(&self.remote.path(versions)).into();
        }
        json!({
            "srcFs": text(&self.from),
            "dstFs": text(&self.to),
            "_filter": { "FilesFromRaw": [text(list.path())] },
            "_config": settings,
        })
    }

    fn words(&self, list: &Scratch) -> Vec<OsString> {
        let (transfers, checkers) = self.at_once();
        let mut words: Vec<OsString> = [self.verb]
            .into_iter()
            .chain(process::ALWAYS)
            .chain(["--low-level-retries=3", "--contimeout=15s", "--timeout=60s"])
            .chain([
                "--log-level=INFO",
                "--stats=1s",
                "--no-unicode-normalization",
            ])
            .chain(self.again.then_some("--ignore-times"))
            .chain(self.only_new.then_some("--ignore-existing"))
            .chain(
                self.must_write_in_order()
                    .then_some("--multi-thread-streams=0"),
            )
            .map(OsString::from)
            .collect();
        words.push(format!("--transfers={transfers}").into());
        words.push(format!("--checkers={checkers}").into());
        if self.verb == "copy" && self.asks_each() {
            words.push("--no-traverse".into());
        }
        words.push("--files-from-raw".into());
        words.push(list.path().into());
        if let Some(versions) = &self.versions {
            words.push("--backup-dir".into());
            words.push(self.remote.path(versions).into());
        }
        if let Some(bandwidth) = &self.limits.bandwidth {
            words.push(format!("--bwlimit={bandwidth}").into());
        }
        if let Some(until) = self.limits.until {
            let left = until
                .saturating_duration_since(Instant::now())
                .as_secs()
                .max(1);
            words.push(format!("--max-duration={left}s").into());
            words.push("--cutoff-mode=soft".into());
        }
        words.push("--".into());
        for root in [&self.from, &self.to] {
            words.push(root.into());
        }
        words
    }
}
