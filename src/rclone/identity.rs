//! The identity file of a remote: made by the first copy or sync that goes there.

use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Remote;
use super::absence::{ListReply, MAX_LIST_BYTES, connection_error, is_not_found};
use super::daemon::{Daemon, RcAnswer};
use super::log;
use super::process;
use super::process::{OutputLine, ProcessEnd, ProcessLimits, remote_error};
use super::socket::HttpReply;
use crate::base::error::{
    ConnectionError, EXIT_DIRECTORY_NOT_FOUND, EXIT_FILE_NOT_FOUND, Result, STORAGE_TIMEOUT_SECONDS,
};
use crate::base::own_name::OWN_FOLDER;
use crate::model::identity;
use crate::os::scratch::{TempFile, TempFolder, read_bounded};

/// What a process said of a file.
struct CommandOutput {
    end: ProcessEnd,
    out: Vec<u8>,
    first_error: Option<String>,
}

fn unreadable_identity(why: &str) -> ConnectionError {
    let file = identity::relative_path();
    ConnectionError::Other(format!("its identity file `{}`: {why}", file.display()))
}

impl Remote {
    /// Makes the identity file of a database that has none, and gives what it says then: another first copy may have been
    /// quicker.
    ///
    /// # Errors
    /// It cannot be written there.
    pub fn create_identity(&self, database: &str) -> Result<String> {
        let file = identity::relative_path();
        let text = identity::generate(database, &self.path(&file))?;
        let local_file = TempFile::with_lines(text.lines().map(str::to_owned))?;
        let failure = self.upload_if_missing(&local_file, &file)?;
        let failed = |why| Err(remote_error("write", &self.path(&file), why));
        match self.read_identity(Duration::from_secs(STORAGE_TIMEOUT_SECONDS))? {
            Ok(Some(identity)) => Ok(identity),
            Ok(None) => failed(failure.unwrap_or_else(|| "it is not there afterwards".to_owned())),
            Err(trouble) => failed(format!("read back, it {trouble}")),
        }
    }

    /// Puts a small file there unless there is one of its name; returns what rclone failed with, if it did.
    pub(super) fn upload_if_missing(
        &self,
        local_file: &TempFile,
        file: &Path,
    ) -> Result<Option<String>> {
        match self
            .daemon()
            .filter(|_| local_file.path().to_str().is_some())
        {
            Some(daemon) => self.upload_by_daemon(daemon, local_file, file),
            None => self.upload_by_process(local_file, file),
        }
    }

    /// What its identity file says; `None` where it surely has none.
    ///
    /// # Errors
    /// An interruption; the inner error says why nobody knows.
    pub(super) fn read_identity(
        &self,
        timeout: Duration,
    ) -> Result<std::result::Result<Option<String>, ConnectionError>> {
        let start = Instant::now();
        if let Some(daemon) = self.daemon()
            && let Some(answer) = self.read_identity_by_daemon(daemon, timeout)?
        {
            return Ok(answer);
        }
        let left = || timeout.saturating_sub(start.elapsed());
        let file = identity::relative_path();
        // One byte more than it may have.
        let count = format!("--count={}", identity::MAX_FILE_SIZE + 1);
        let read = self.run_on_file("cat", &[&count], &file, left())?;
        match read.end {
            ProcessEnd::Exited(Some(0)) if !read.out.is_empty() => {
                return Ok(self.parse_identity(&read.out));
            }
            // A storage without folders says nothing of a file that is not there.
            ProcessEnd::Exited(Some(0 | EXIT_DIRECTORY_NOT_FOUND | EXIT_FILE_NOT_FOUND))
                if read.out.is_empty() => {}
            end => return Ok(Err(connection_error(end, read.first_error, timeout))),
        }
        let entry = self.run_on_file("lsjson", &["--stat", "--no-mimetype"], &file, left())?;
        Ok(match entry.end {
            ProcessEnd::Exited(Some(EXIT_DIRECTORY_NOT_FOUND | EXIT_FILE_NOT_FOUND))
                if entry.out.is_empty() =>
            {
                Ok(None)
            }
            ProcessEnd::Exited(Some(0)) => {
                Err(unreadable_identity("it is there, and cannot be read"))
            }
            end => Err(connection_error(end, entry.first_error, timeout)),
        })
    }

    /// Fetches the identity file by the process that is there; `None` where that does not say.
    fn read_identity_by_daemon(
        &self,
        daemon: &Daemon,
        timeout: Duration,
    ) -> Result<Option<std::result::Result<Option<String>, ConnectionError>>> {
        let file = identity::relative_path();
        let (root, path) = (
            self.root().to_str().unwrap_or_default(),
            file.to_str().unwrap_or_default(),
        );
        // One list, where asking for the file itself would be two questions on storages without folders.
        let params = json!({
            "fs": root,
            "remote": OWN_FOLDER,
            "opt": { "noMimeType": true, "noModTime": true },
        });
        let body = match daemon.call_list(params, timeout, MAX_LIST_BYTES)? {
            HttpReply::Complete { status: 200, body } => body,
            HttpReply::Complete { status, body } if is_not_found(status, &body) => {
                return Ok(Some(Ok(None)));
            }
            _ => return Ok(None),
        };
        let Ok(ListReply { list }) = serde_json::from_slice::<ListReply<'_>>(&body) else {
            return Ok(None);
        };
        let Some(item) = list.iter().find(|entry| entry.path == path) else {
            return Ok(Some(Ok(None)));
        };
        match u64::try_from(item.size) {
            _ if item.is_dir => return Ok(Some(Err(unreadable_identity("it is not a file")))),
            Ok(size) if size > identity::MAX_FILE_SIZE => {
                return Ok(Some(Err(unreadable_identity("it is far too long"))));
            }
            Ok(_) => {}
            Err(_) => return Ok(None),
        }
        let folder = TempFolder::new()?;
        let Some(local_path) = folder.path().to_str() else {
            return Ok(None);
        };
        let params = json!({
            "srcFs": root,
            "srcRemote": path,
            "dstFs": local_path,
            "dstRemote": "identity",
            // It may have grown since.
            "_config": { "MaxTransfer": identity::MAX_FILE_SIZE, "CutoffMode": "HARD" },
        });
        if !matches!(
            daemon.call("operations/copyfile", &params, timeout)?,
            RcAnswer::Success(_)
        ) {
            return Ok(None);
        }
        let read = read_bounded(&folder.path().join("identity"), identity::MAX_FILE_SIZE);
        Ok(match read {
            Ok(Some(text)) => Some(self.parse_identity(&text)),
            Ok(None) => Some(Err(unreadable_identity("it is far too long"))),
            Err(_) => None,
        })
    }

    /// What the text of its identity file says.
    fn parse_identity(&self, text: &[u8]) -> std::result::Result<Option<String>, ConnectionError> {
        if text.len() as u64 > identity::MAX_FILE_SIZE {
            return Err(unreadable_identity("it is far too long"));
        }
        let text = String::from_utf8_lossy(text);
        let path = self.path(&identity::relative_path());
        let read = identity::parse(&text, &path);
        read.map(Some)
            .map_err(|_| unreadable_identity("it is not an identity file"))
    }

    /// Reads about a file by a process of its own.
    fn run_on_file(
        &self,
        verb: &str,
        extra_args: &[&str],
        file: &Path,
        timeout: Duration,
    ) -> Result<CommandOutput> {
        let mut args: Vec<OsString> = [verb]
            .into_iter()
            .chain(process::COMMON_FLAGS)
            .chain(["--low-level-retries=1", "--contimeout=10s", "--timeout=15s"])
            .chain(extra_args.iter().copied())
            .chain(["--"])
            .map(OsString::from)
            .collect();
        args.push(self.rclone_path(file)?);
        let (mut out, mut first_error) = (Vec::new(), None);
        let limit = ProcessLimits::with_timeout(timeout);
        let end = process::run(&self.program, &args, limit, &mut |line| {
            match line {
                OutputLine::Stdout(line) => {
                    out.extend(line);
                    out.push(b'\n');
                }
                OutputLine::Log(line) => {
                    let entry = log::parse_line(&line);
                    if entry.is_error {
                        // The first says most; the last only how many there were.
                        first_error.get_or_insert(entry.message);
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(CommandOutput {
            end,
            out,
            first_error,
        })
    }

    /// Puts it there unless there is one; gives what rclone failed with, if it did.
    fn upload_by_daemon(
        &self,
        daemon: &Daemon,
        local_file: &TempFile,
        file: &Path,
    ) -> Result<Option<String>> {
        let text = |path: Option<&Path>| path.and_then(Path::to_str).unwrap_or_default().to_owned();
        let params = json!({
            "srcFs": text(local_file.path().parent()),
            "srcRemote": local_file.path().file_name().and_then(OsStr::to_str),
            "dstFs": text(Some(self.root())),
            "dstRemote": text(Some(file)),
            "_config": { "IgnoreExisting": true },
        });
        let timeout = Duration::from_secs(3 * STORAGE_TIMEOUT_SECONDS);
        Ok(
            match daemon.call("operations/copyfile", &params, timeout)? {
                RcAnswer::Success(_) => None,
                RcAnswer::Failure(message) => Some(message),
                RcAnswer::NotFound => Some("rclone says that it is not there".to_owned()),
                RcAnswer::TimedOut => Some("rclone does not answer".to_owned()),
            },
        )
    }

    /// The same by a process of its own.
    fn upload_by_process(&self, local_file: &TempFile, file: &Path) -> Result<Option<String>> {
        let mut args: Vec<OsString> = ["copyto", "--ignore-existing", "--low-level-retries=3"]
            .into_iter()
            .chain(process::COMMON_FLAGS)
            .chain(["--"])
            .map(OsString::from)
            .collect();
        args.push(local_file.path().into());
        args.push(self.rclone_path(file)?);
        let mut last_error = None;
        let limits = ProcessLimits::with_timeout(Duration::from_secs(3 * STORAGE_TIMEOUT_SECONDS));
        process::run(&self.program, &args, limits, &mut |line| {
            if let OutputLine::Log(line) = line {
                let entry = log::parse_line(&line);
                last_error = entry
                    .is_error
                    .then_some(entry.message)
                    .or(last_error.take());
            }
            ControlFlow::Continue(())
        })?;
        Ok(last_error)
    }
}
