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
use super::list::are_scattered;
use super::log;
use super::name;
use super::process;
use super::process::{OutputLine, ProcessEnd, ProcessLimits};
use super::transfer_log::TransferLog;
use crate::base::error::Result;
use crate::os::scratch::TempFile;

/// What bounds a transfer.
#[derive(Clone, Debug, Default)]
pub struct TransferLimits {
    /// As rclone takes it: `10M`, `08:00,512k 23:00,off`.
    pub bandwidth: Option<String>,
    /// When no further file is begun.
    pub deadline: Option<Instant>,
    /// How many files at once; `None` for what suits it.
    pub transfers: Option<usize>,
}

/// How one file fared, as the log says.
#[derive(Debug)]
pub enum TransferEvent<'a> {
    /// It is said to be there.
    Done(&'a Path),
    /// It is not, and why.
    Failed(&'a Path, &'a str),
    /// What had its name is said to be among the old versions.
    VersionKept,
    /// So many more bytes were moved.
    Bytes(u64),
}

/// How a batch ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchEnd {
    /// What kept rclone from the files of which nothing was told, if it said.
    pub error: Option<String>,
    /// Whether rclone came to its end by itself: it was neither killed nor stopped, and did not break down.
    pub exited_normally: bool,
}

/// Files that go from one root to another.
#[derive(Debug)]
pub struct TransferBatch<'a> {
    remote: &'a Remote,
    verb: &'static str,
    from: PathBuf,
    to: PathBuf,
    /// The files, by their paths below both roots.
    files: &'a [PathBuf],
    /// The folder on the destination's root where what is replaced goes.
    versions: Option<PathBuf>,
    /// What bounds it.
    limits: &'a TransferLimits,
    /// Whether files go also where one of the same size and time is there.
    ignore_times: bool,
    /// Whether they go only where nothing of their names is there.
    only_new: bool,
    /// Whether surely nothing is there in the folders that they go to.
    destination_is_new: bool,
}

impl<'a> TransferBatch<'a> {
    /// Files that go to a remote from a root of either kind; what has their names there is moved to `versions`, below the
    /// remote's root, first.
    pub fn upload(
        remote: &'a Remote,
        from: &Path,
        files: &'a [PathBuf],
        versions: &Path,
        limits: &'a TransferLimits,
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
            ignore_times: true,
            only_new: false,
            destination_is_new: false,
        }
    }

    /// The same for a storage that can keep nothing: what has their names there is left alone.
    pub fn upload_new(
        remote: &'a Remote,
        from: &Path,
        files: &'a [PathBuf],
        limits: &'a TransferLimits,
    ) -> Self {
        Self {
            remote,
            verb: "copy",
            from: from.to_owned(),
            to: remote.root().to_owned(),
            files,
            versions: None,
            limits,
            ignore_times: false,
            only_new: true,
            destination_is_new: false,
        }
    }

    /// Files that come from a remote into a folder of our own.
    pub fn download(
        remote: &'a Remote,
        to: &Path,
        files: &'a [PathBuf],
        limits: &'a TransferLimits,
    ) -> Self {
        Self {
            remote,
            verb: "copy",
            from: remote.root().to_owned(),
            to: to.to_owned(),
            files,
            versions: None,
            limits,
            ignore_times: false,
            only_new: false,
            destination_is_new: false,
        }
    }

    /// The same, also where a file of the same size and time is there.
    pub const fn with_ignore_times(mut self, again: bool) -> Self {
        self.ignore_times = again;
        self
    }

    /// The same, where surely nothing is there yet in the folders that they go to.
    pub const fn with_new_destination(mut self, is_fresh: bool) -> Self {
        self.destination_is_new = is_fresh;
        self
    }

    /// Files of a remote that go among its old versions.
    pub fn move_to_versions(
        remote: &'a Remote,
        files: &'a [PathBuf],
        versions: &Path,
        limits: &'a TransferLimits,
    ) -> Self {
        Self {
            remote,
            verb: "move",
            from: remote.root().to_owned(),
            to: remote.path(versions),
            files,
            versions: None,
            limits,
            ignore_times: false,
            only_new: false,
            destination_is_new: false,
        }
    }

    /// Carries it out.
    ///
    /// # Errors
    /// An interruption, or rclone could not be started.
    pub fn run(&self, on_event: &mut dyn FnMut(TransferEvent<'_>)) -> Result<BatchEnd> {
        let empty = BatchEnd {
            error: None,
            exited_normally: true,
        };
        // An empty list would stand for every file there is.
        if self.files.is_empty() {
            return Ok(empty);
        }
        let mut index_of = HashMap::new();
        for (index, file) in self.files.iter().enumerate() {
            match name::encode_path(file) {
                Ok(encoded) => {
                    index_of.insert(encoded, index);
                }
                Err(why) => on_event(TransferEvent::Failed(file, why)),
            }
        }
        if index_of.is_empty() {
            return Ok(empty);
        }
        let list = TempFile::with_lines(
            self.files
                .iter()
                .filter_map(|file| name::encode_path(file).ok()),
        )?;
        let mut log = TransferLog::new(self.verb, self.files, index_of);
        let is_text = [&*self.from, &*self.to, list.path()]
            .iter()
            .all(|path| path.to_str().is_some());
        if let Some(daemon) = self
            .remote
            .daemon()
            .filter(|_| is_text && self.can_use_daemon())
        {
            let params = self.rc_params(&list);
            let failed = daemon.transfer("sync/copy", params, &mut |entry| {
                log.read_entry(entry, on_event)
            })?;
            return Ok(BatchEnd {
                exited_normally: failed.is_none() && !log.is_connection_lost() && daemon.is_ready(),
                error: log.last_error.or(failed),
            });
        }
        let args = self.args(&list);
        let end = process::run(
            &self.remote.program,
            &args,
            ProcessLimits::TRANSFER,
            &mut |line| match line {
                OutputLine::Stdout(_) => ControlFlow::Continue(()),
                OutputLine::Log(line) => log.read_entry(&log::parse_line(&line), on_event),
            },
        )?;
        Ok(BatchEnd {
            exited_normally: end.exited_normally(),
            error: match end {
                ProcessEnd::IdleTimeout => {
                    Some("rclone said nothing for 2 min and was stopped".to_owned())
                }
                ProcessEnd::Stopped if log.is_connection_lost() => log.last_error,
                ProcessEnd::Stopped => {
                    Some("nothing moved for 30 min, and rclone was stopped".to_owned())
                }
                // Its time was over.
                ProcessEnd::Exited(Some(10)) => None,
                _ => log.last_error,
            },
        })
    }

    /// Whether the process that is there can do it: nothing bounds it but itself.
    const fn can_use_daemon(&self) -> bool {
        self.versions.is_some() && self.limits.bandwidth.is_none() && self.limits.deadline.is_none()
    }

    /// Whether rclone asks the destination for each file by its name. In lists, a folder that can be written but not listed
    /// looks empty, and so does one behind a link: what is in it would be replaced and not kept.
    fn uses_no_traverse(&self) -> bool {
        let keeps_existing = self.versions.is_some() || self.only_new;
        (keeps_existing && !self.destination_is_new) || are_scattered(self.files)
    }

    /// Whether a file has to be written from its beginning to its end: where it has its name before it is whole, several
    /// streams would leave one of the right size with holes in it.
    fn needs_single_stream(&self) -> bool {
        !self.remote.version().uses_partial_files()
    }

    /// How many files at once, and how many questions.
    fn concurrency(&self) -> (usize, usize) {
        let (transfers, checkers) = self.remote.concurrency(self.files.len());
        (self.limits.transfers.unwrap_or(transfers), checkers)
    }

    /// The transfer as the process that is there is asked for it.
    fn rc_params(&self, list: &TempFile) -> Value {
        let text = |path: &Path| path.to_str().unwrap_or_default().to_owned();
        let (transfers, checkers) = self.concurrency();
        let mut settings = json!({
            "IgnoreTimes": self.ignore_times,
            "Transfers": transfers,
            "Checkers": checkers,
            "NoTraverse": self.uses_no_traverse(),
            "NoUpdateDirModTime": true,
            "NoUnicodeNormalization": true,
            // The times of a source are its files' own.
            "UseServerModTime": false,
        });
        if self.needs_single_stream() {
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

    fn args(&self, list: &TempFile) -> Vec<OsString> {
        let (transfers, checkers) = self.concurrency();
        let mut args: Vec<OsString> = [self.verb]
            .into_iter()
            .chain(process::COMMON_FLAGS)
            .chain(["--low-level-retries=3", "--contimeout=15s", "--timeout=60s"])
            .chain([
                "--log-level=INFO",
                "--stats=1s",
                "--no-unicode-normalization",
            ])
            .chain(self.ignore_times.then_some("--ignore-times"))
            .chain(self.only_new.then_some("--ignore-existing"))
            .chain(
                self.needs_single_stream()
                    .then_some("--multi-thread-streams=0"),
            )
            .map(OsString::from)
            .collect();
        args.push(format!("--transfers={transfers}").into());
        args.push(format!("--checkers={checkers}").into());
        if self.verb == "copy" && self.uses_no_traverse() {
            args.push("--no-traverse".into());
        }
        args.push("--files-from-raw".into());
        args.push(list.path().into());
        if let Some(versions) = &self.versions {
            args.push("--backup-dir".into());
            args.push(self.remote.path(versions).into());
        }
        if let Some(bandwidth) = &self.limits.bandwidth {
            args.push(format!("--bwlimit={bandwidth}").into());
        }
        if let Some(until) = self.limits.deadline {
            let left = until
                .saturating_duration_since(Instant::now())
                .as_secs()
                .max(1);
            args.push(format!("--max-duration={left}s").into());
            args.push("--cutoff-mode=soft".into());
        }
        args.push("--".into());
        for root in [&self.from, &self.to] {
            args.push(root.into());
        }
        args
    }
}
