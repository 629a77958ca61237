//! The identity file of a remote, which the first copy or sync to it creates.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::command::{CommandOutput, QUICK_FLAGS};
use super::daemon::{Daemon, ListReply, MAX_LIST_BYTES, RcAnswer};
use super::remote::{Remote, remote_error};
use super::status::{ProcessEnd, RcloneStatus};
use crate::base::error::{ConnectionError, Result, STORAGE_TIMEOUT_SECONDS};
use crate::base::lease::WritePermit;
use crate::base::own_name::OWN_FOLDER;
use crate::model::identity;
use crate::model::identity::Identity;
use crate::os::scratch::{TempFile, TempFolder, read_bounded};

/// Time for an upload of one small file.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(3 * STORAGE_TIMEOUT_SECONDS);

/// Size limit for a read of the identity file: one byte more than it may have, so that a longer file is found.
const READ_LIMIT: u64 = identity::MAX_FILE_SIZE + 1;

/// Content of the identity file: the identity, `None` if the file is missing, or the reason why that is unknown.
type IdentityResult = std::result::Result<Option<Identity>, ConnectionError>;

fn unreadable_identity(why: &str) -> ConnectionError {
    let file = identity::relative_path();
    ConnectionError::Other(format!("its identity file `{}`: {why}", file.display()))
}

fn too_long() -> ConnectionError {
    unreadable_identity("it is far too long")
}

impl Remote {
    /// Creates the identity file of a database that has none. Returns the identity that the remote holds afterwards, because
    /// another first copy may have been faster.
    pub fn create_identity(&self, database: &str, _: &WritePermit) -> Result<String> {
        let file = identity::relative_path();
        let text = identity::generate(database, &self.path(&file))?;
        let local_file = TempFile::with_lines(text.lines().map(str::to_owned))?;
        let failure = self.upload_if_missing(&local_file, &file)?;
        let failed = |why| Err(remote_error("write", &self.path(&file), why));
        match self.read_identity(Duration::from_secs(STORAGE_TIMEOUT_SECONDS))? {
            Ok(Some(identity)) => Ok(identity.id),
            Ok(None) => failed(failure.unwrap_or_else(|| "it is missing afterwards".to_owned())),
            Err(error) => failed(format!("read back, it {error}")),
        }
    }

    /// Uploads a small file unless one of its name exists. Returns the reason of a failure, if any.
    pub(super) fn upload_if_missing(
        &self,
        local_file: &TempFile,
        file: &Path,
    ) -> Result<Option<String>> {
        let local = local_file.path();
        if let Some(daemon) = self.daemon().filter(|_| local.to_str().is_some()) {
            return self.upload_by_daemon(daemon, local, file);
        }
        let command = self
            .command(&["copyto", "--ignore-existing", "--low-level-retries=3"])
            .operands([local.into(), self.rclone_path(file)?]);
        Ok(command.collect_within(UPLOAD_TIMEOUT)?.failure())
    }

    /// Reads the identity file.
    ///
    /// # Errors
    /// Interruption.
    pub(super) fn read_identity(&self, timeout: Duration) -> Result<IdentityResult> {
        let start = Instant::now();
        if let Some(daemon) = self.daemon()
            && let Some(answer) = self.read_identity_by_daemon(daemon, timeout)?
        {
            return Ok(answer);
        }
        let left = || timeout.saturating_sub(start.elapsed());
        let count = format!("--count={READ_LIMIT}");
        let content = self.read_about_identity(&["cat", &count], left())?;
        match content.end {
            ProcessEnd::Exited(RcloneStatus::SUCCESS) if !content.stdout.is_empty() => {
                return Ok(self.parse_identity(&content.stdout));
            }
            // On a storage without folders, `cat` succeeds with an empty answer for a missing file.
            ProcessEnd::Exited(
                RcloneStatus::SUCCESS
                | RcloneStatus::DIRECTORY_NOT_FOUND
                | RcloneStatus::FILE_NOT_FOUND,
            ) if content.stdout.is_empty() => {}
            _ => return Ok(Err(content.connection_error(timeout))),
        }
        let words = ["lsjson", "--stat", "--no-mimetype"];
        let entry = self.read_about_identity(&words, left())?;
        Ok(match entry.end {
            ProcessEnd::Exited(
                RcloneStatus::DIRECTORY_NOT_FOUND | RcloneStatus::FILE_NOT_FOUND,
            ) if entry.stdout.is_empty() => Ok(None),
            ProcessEnd::Exited(RcloneStatus::SUCCESS) => {
                Err(unreadable_identity("it exists but cannot be read"))
            }
            _ => Err(entry.connection_error(timeout)),
        })
    }

    fn read_about_identity(&self, words: &[&str], timeout: Duration) -> Result<CommandOutput> {
        let path = self.rclone_path(&identity::relative_path())?;
        let command = self.command(words).flags(QUICK_FLAGS).operands([path]);
        command.collect_within(timeout)
    }

    /// Reads the identity file by the daemon; `None` if it gives no certain answer.
    fn read_identity_by_daemon(
        &self,
        daemon: &Daemon,
        timeout: Duration,
    ) -> Result<Option<IdentityResult>> {
        let file = identity::relative_path();
        let path = file.to_str().unwrap_or_default();
        // One list. A request for the file itself would be two requests on storages without folders.
        let params = json!({
            "fs": self.root_text(),
            "remote": OWN_FOLDER,
            "opt": { "noMimeType": true, "noModTime": true },
        });
        let reply = daemon.list(params, timeout, MAX_LIST_BYTES, |entries| {
            let entry = entries.into_iter().find(|entry| entry.path == path);
            entry.map(|entry| (entry.is_dir, u64::try_from(entry.size)))
        })?;
        match reply {
            ListReply::Listed(Some((true, _))) => {
                Ok(Some(Err(unreadable_identity("it is not a file"))))
            }
            ListReply::Listed(Some((false, Ok(size)))) if size > identity::MAX_FILE_SIZE => {
                Ok(Some(Err(too_long())))
            }
            ListReply::Listed(Some((false, Ok(_)))) => self.fetch_identity(daemon, path, timeout),
            ListReply::Listed(Some((false, Err(_)))) | ListReply::Unusable => Ok(None),
            ListReply::Listed(None) | ListReply::NotFound => Ok(Some(Ok(None))),
        }
    }

    /// Downloads the identity file by the daemon; `None` if that fails.
    fn fetch_identity(
        &self,
        daemon: &Daemon,
        path: &str,
        timeout: Duration,
    ) -> Result<Option<IdentityResult>> {
        let folder = TempFolder::new()?;
        let Some(local_path) = folder.path().to_str() else {
            return Ok(None);
        };
        let params = json!({
            "srcFs": self.root_text(),
            "srcRemote": path,
            "dstFs": local_path,
            "dstRemote": "identity",
            // The file may have grown since it was listed.
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
            Ok(None) => Some(Err(too_long())),
            Err(_) => None,
        })
    }

    fn parse_identity(&self, text: &[u8]) -> IdentityResult {
        if text.len() as u64 > identity::MAX_FILE_SIZE {
            return Err(too_long());
        }
        let text = String::from_utf8_lossy(text);
        let path = self.path(&identity::relative_path());
        let identity = identity::parse(&text, &path);
        identity
            .map(Some)
            .map_err(|_| unreadable_identity("it is not an identity file"))
    }

    fn upload_by_daemon(
        &self,
        daemon: &Daemon,
        local_file: &Path,
        file: &Path,
    ) -> Result<Option<String>> {
        let params = self.upload_params(local_file, file, &json!({ "IgnoreExisting": true }));
        let answer = daemon.call("operations/copyfile", &params, UPLOAD_TIMEOUT)?;
        Ok(answer.failure())
    }
}
