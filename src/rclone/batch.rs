//! Transfer of many files in one request: upload, download, or a move to the versions folder.
//!
//! The log's report on each file is passed on at once. It is no proof; only a later listing is.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use super::command::{PATIENT_FLAGS, PROGRESS_FLAGS, RcloneCommand};
use super::daemon::Daemon;
use super::line::OutputLine;
use super::list::are_scattered;
use super::log::{self, LogEntry};
use super::name;
use super::process::ProcessLimits;
use super::remote::{Concurrency, Remote};
use super::retry::Backoff;
use super::status::{ProcessEnd, RcloneStatus};
use super::transfer_log::{TransferEvent, TransferLog, Verb};
use crate::base::error::Result;
use crate::model::address;
use crate::os::scratch::TempFile;

/// Limits of a transfer.
#[derive(Clone, Debug, Default)]
pub struct TransferLimits {
    /// Rate or timetable in rclone's form, for example `10M` or `08:00,512k 23:00,off`.
    pub bandwidth: Option<String>,
    /// Time after which no further file is begun.
    pub deadline: Option<Instant>,
    /// Number of files at once; `None` for the default.
    pub transfers: Option<usize>,
}

/// End of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchEnd {
    /// Reason why files without an event were not transferred, if rclone gave one.
    pub error: Option<String>,
    /// True if rclone reached its end: it was not killed or stopped and did not crash.
    pub exited_normally: bool,
}

/// Files to transfer from one root to another.
#[derive(Clone, Debug)]
pub struct TransferBatch<'a> {
    remote: &'a Remote,
    verb: Verb,
    from: PathBuf,
    to: PathBuf,
    /// Paths below both roots.
    files: Cow<'a, [PathBuf]>,
    limits: &'a TransferLimits,
    /// Folder below the remote's root that receives replaced files.
    versions: Option<PathBuf>,
    /// Transfers even files whose size and time are the same at the destination.
    ignore_times: bool,
    /// Never replaces a file.
    only_new: bool,
    /// The destination folders are known to be empty.
    destination_is_new: bool,
}

impl<'a> TransferBatch<'a> {
    fn new(
        remote: &'a Remote,
        verb: Verb,
        [from, to]: [PathBuf; 2],
        files: &'a [PathBuf],
        limits: &'a TransferLimits,
    ) -> Self {
        Self {
            remote,
            verb,
            from,
            to,
            files: files.into(),
            limits,
            versions: None,
            ignore_times: false,
            only_new: false,
            destination_is_new: false,
        }
    }

    /// An upload to a remote from a root of either kind. Files that it replaces are first moved to `versions`, below the
    /// remote's root.
    pub fn upload(
        remote: &'a Remote,
        from: &Path,
        files: &'a [PathBuf],
        versions: &Path,
        limits: &'a TransferLimits,
    ) -> Self {
        let roots = [from.to_owned(), remote.root().to_owned()];
        Self {
            versions: Some(versions.to_owned()),
            // The plan decided that these files differ; the storage may not be able to see it.
            ignore_times: true,
            ..Self::new(remote, Verb::Copy, roots, files, limits)
        }
    }

    /// An upload to a storage that cannot keep versions: existing files are left alone.
    pub fn upload_new(
        remote: &'a Remote,
        from: &Path,
        files: &'a [PathBuf],
        limits: &'a TransferLimits,
    ) -> Self {
        let roots = [from.to_owned(), remote.root().to_owned()];
        Self {
            only_new: true,
            ..Self::new(remote, Verb::Copy, roots, files, limits)
        }
    }

    /// A download into a folder of our own, which replaces what it holds.
    pub fn download(
        remote: &'a Remote,
        to: &Path,
        files: &'a [PathBuf],
        limits: &'a TransferLimits,
    ) -> Self {
        let roots = [remote.root().to_owned(), to.to_owned()];
        Self {
            ignore_times: true,
            ..Self::new(remote, Verb::Copy, roots, files, limits)
        }
    }

    /// A move of files between two folders of their own remote.
    pub fn move_within(
        remote: &'a Remote,
        files: &'a [PathBuf],
        folders: [&Path; 2],
        limits: &'a TransferLimits,
    ) -> Self {
        let roots = folders.map(|folder| remote.path(folder));
        Self::new(remote, Verb::Move, roots, files, limits)
    }

    /// Sets whether the destination folders are known to be empty.
    pub const fn with_new_destination(mut self, is_new: bool) -> Self {
        self.destination_is_new = is_new;
        self
    }

    /// Executes the transfer, and repeats it for files that the storage refused because there were too many requests.
    ///
    /// # Errors
    /// Interruption, or rclone could not be started. The loss of the lease, which stops what writes to the remote; a listing
    /// shows what was done before.
    pub fn run(&self, on_event: &mut dyn FnMut(TransferEvent<'_>)) -> Result<BatchEnd> {
        let mut backoff = Backoff::until(self.limits.deadline);
        let (mut attempt, mut error) = (self.clone(), None);
        loop {
            let (mut end, refused) = attempt.run_once(&mut backoff, on_event)?;
            error = end.error.or(error);
            if refused.is_empty() {
                end.error = error;
                return Ok(end);
            }
            attempt = self.repetition(backoff.waits, refused);
            if let Some(versions) = &attempt.versions {
                on_event(TransferEvent::Repeated(versions));
            }
        }
    }

    /// Returns the repetition of this number, for these files.
    fn repetition(&self, number: u32, files: Vec<PathBuf>) -> Self {
        let mut attempt = self.clone();
        attempt.files = files.into();
        attempt.destination_is_new = false;
        // The refused attempt may have replaced or moved a file in spite of its report: its old version must stay.
        attempt.only_new |= self.verb == Verb::Move;
        attempt.versions = self.versions.as_ref().map(|versions| {
            let mut name = versions.as_os_str().to_owned();
            name.push(format!("-{number}"));
            name.into()
        });
        attempt
    }

    /// Executes one attempt, and waits before the next one. Returns the files for that.
    fn run_once(
        &self,
        backoff: &mut Backoff,
        on_event: &mut dyn FnMut(TransferEvent<'_>),
    ) -> Result<(BatchEnd, Vec<PathBuf>)> {
        let mut index_of = HashMap::new();
        for (index, file) in self.files.iter().enumerate() {
            match name::encode_path(file) {
                Ok(encoded) => {
                    index_of.insert(encoded, index);
                }
                Err(why) => on_event(TransferEvent::Failed(file, &why)),
            }
        }
        // rclone takes an empty list for every file below the root.
        if index_of.is_empty() {
            let end = BatchEnd {
                error: None,
                exited_normally: true,
            };
            return Ok((end, Vec::new()));
        }
        let list = TempFile::with_lines(name::encoded_paths(&self.files))?;
        let mut log = TransferLog::new(self.verb, self.remote.root(), &self.files, index_of);
        self.require_writable()?;
        let mut end = match self.daemon(&list) {
            Some(daemon) => self.run_by_daemon(daemon, &list, &mut log, on_event)?,
            None => self.run_by_process(&list, &mut log, on_event)?,
        };
        self.require_writable()?;
        let refused = if end.exited_normally {
            log.refused_files()
        } else {
            Vec::new()
        };
        if refused.is_empty() || !backoff.wait()? {
            log.fail_refused(on_event);
            return Ok((end, Vec::new()));
        }
        // An error that is repeated with all files does not remain.
        end.error = end.error.filter(|_| !log.is_rate_limited());
        Ok((end, refused))
    }

    /// The daemon, if it can execute this transfer: it has no limits for a single request, and its requests are text.
    fn daemon(&self, list: &TempFile) -> Option<&'a Daemon> {
        let is_text = [&*self.from, &*self.to, list.path()]
            .iter()
            .all(|path| path.to_str().is_some());
        let is_unlimited = self.limits.bandwidth.is_none() && self.limits.deadline.is_none();
        self.remote
            .daemon()
            .filter(|_| self.versions.is_some() && is_unlimited && is_text)
    }

    /// Fails if the lease is lost and this writes to the remote, as all but downloads do.
    fn require_writable(&self) -> Result<()> {
        if address::is_remote(&self.to) {
            self.remote.permit()?;
        }
        Ok(())
    }

    /// Reads an entry of the log. Breaks if the transfer should be stopped.
    fn read_entry(
        &self,
        log: &mut TransferLog<'_>,
        entry: &LogEntry,
        on_event: &mut dyn FnMut(TransferEvent<'_>),
    ) -> ControlFlow<()> {
        if self.require_writable().is_err() {
            return ControlFlow::Break(());
        }
        log.read_entry(entry, on_event)
    }

    fn run_by_daemon(
        &self,
        daemon: &Daemon,
        list: &TempFile,
        log: &mut TransferLog<'_>,
        on_event: &mut dyn FnMut(TransferEvent<'_>),
    ) -> Result<BatchEnd> {
        let failure = daemon.transfer("sync/copy", self.rc_params(list), &mut |entry| {
            self.read_entry(log, entry, on_event)
        })?;
        log.read_end(failure);
        Ok(BatchEnd {
            exited_normally: !log.is_connection_lost() && daemon.is_ready(),
            error: log.error(),
        })
    }

    fn run_by_process(
        &self,
        list: &TempFile,
        log: &mut TransferLog<'_>,
        on_event: &mut dyn FnMut(TransferEvent<'_>),
    ) -> Result<BatchEnd> {
        let command = self.command(list);
        let end = command.run(ProcessLimits::TRANSFER, &mut |line| match line {
            OutputLine::Stdout(_) => ControlFlow::Continue(()),
            OutputLine::Log(line) => self.read_entry(log, &log::parse_line(&line), on_event),
        })?;
        Ok(BatchEnd {
            exited_normally: end.exited_normally(),
            error: match end {
                ProcessEnd::IdleTimeout => {
                    Some("rclone wrote nothing for 2 min and was stopped".to_owned())
                }
                ProcessEnd::Stopped if !log.is_connection_lost() => {
                    Some("no progress for 30 min; rclone was stopped".to_owned())
                }
                ProcessEnd::Exited(RcloneStatus::DURATION_EXCEEDED) => None,
                _ => log.error(),
            },
        })
    }

    /// True if rclone must request each destination file by its name. In a listing, a folder without read permission or
    /// behind a link looks empty, and the files in it would be replaced without being kept.
    fn uses_no_traverse(&self) -> bool {
        let keeps_existing = self.versions.is_some() || self.only_new;
        (keeps_existing && !self.destination_is_new) || are_scattered(&self.files)
    }

    /// True if files must be written from beginning to end. Under its final name, a file that several streams write would
    /// have its full size and holes in it.
    fn needs_single_stream(&self) -> bool {
        !self.remote.version().uses_partial_files()
    }

    fn concurrency(&self) -> Concurrency {
        let default = self.remote.concurrency(self.files.len());
        Concurrency {
            transfers: self.limits.transfers.unwrap_or(default.transfers),
            ..default
        }
    }

    fn rc_params(&self, list: &TempFile) -> Value {
        let text = |path: &Path| path.to_str().unwrap_or_default().to_owned();
        let concurrency = self.concurrency();
        let mut config = json!({
            "IgnoreTimes": self.ignore_times,
            "Transfers": concurrency.transfers,
            "Checkers": concurrency.checkers,
            "NoTraverse": self.uses_no_traverse(),
            "NoUpdateDirModTime": true,
            "NoUnicodeNormalization": true,
            // Listings may have set it for this root; a transfer needs the files' own times.
            "UseServerModTime": false,
        });
        if self.needs_single_stream() {
            config["MultiThreadStreams"] = 0.into();
        }
        if let Some(versions) = &self.versions {
            config["BackupDir"] = text(&self.remote.path(versions)).into();
        }
        json!({
            "srcFs": text(&self.from),
            "dstFs": text(&self.to),
            "_filter": { "FilesFromRaw": [text(list.path())] },
            "_config": config,
        })
    }

    fn command(&self, list: &TempFile) -> RcloneCommand<'_> {
        let (verb, is_copy) = match self.verb {
            Verb::Copy => ("copy", true),
            Verb::Move => ("move", false),
        };
        let Concurrency {
            transfers,
            checkers,
        } = self.concurrency();
        let no_traverse = is_copy && self.uses_no_traverse();
        let mut command = self
            .remote
            .command(&[verb])
            .flags(PATIENT_FLAGS)
            .flags(PROGRESS_FLAGS)
            .flags(self.ignore_times.then_some("--ignore-times"))
            .flags(self.only_new.then_some("--ignore-existing"))
            .flags(
                self.needs_single_stream()
                    .then_some("--multi-thread-streams=0"),
            )
            .flags(no_traverse.then_some("--no-traverse"))
            .arg(format!("--transfers={transfers}"))
            .arg(format!("--checkers={checkers}"))
            .files_from(list.path());
        if let Some(versions) = &self.versions {
            command = command.arg("--backup-dir").arg(self.remote.path(versions));
        }
        if let Some(bandwidth) = &self.limits.bandwidth {
            command = command.arg(format!("--bwlimit={bandwidth}"));
        }
        if let Some(deadline) = self.limits.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            let seconds = left.as_secs().max(1);
            command = command
                .arg(format!("--max-duration={seconds}s"))
                .flags(["--cutoff-mode=soft"]);
        }
        command.operands([&self.from, &self.to])
    }
}
