//! Giving a file or folder another path on a remote, without its being sent again (rclone's `operations/movefile` and
//! `sync/move`).

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::daemon::{Daemon, RcAnswer};
use super::{Remote, name};

/// How long one file may take: a storage without a rename copies it on its own side.
const RENAME_TIMEOUT: Duration = Duration::from_secs(30 * 60);

impl Remote {
    /// Whether files can be renamed there one by one by one process.
    pub fn can_rename_by_daemon(&self) -> bool {
        self.daemon().is_some()
    }

    /// Gives a file another path below the root, which has to be free.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn rename_file(&self, from: &Path, to: &Path) -> Result<(), String> {
        let daemon = self
            .daemon()
            .ok_or("this rclone renames nothing by itself")?;
        let root = self.root().to_str().unwrap_or_default();
        let [from, to] = [name::encode_path(from)?, name::encode_path(to)?];
        let params = json!({ "srcFs": root, "srcRemote": from, "dstFs": root, "dstRemote": to });
        call_rename(daemon, "operations/movefile", &params)
    }

    /// Gives a folder another path below the root, which has to be free.
    ///
    /// # Errors
    /// Why not, in words. A storage that renames no folders may have moved some of its files.
    pub fn rename_folder(&self, from: &Path, to: &Path) -> Result<(), String> {
        let daemon = self
            .daemon()
            .ok_or("this rclone renames nothing by itself")?;
        name::encode_path(from)?;
        name::encode_path(to)?;
        let address = |path: &Path| self.path(path).to_str().unwrap_or_default().to_owned();
        let params = json!({
            "srcFs": address(from), "dstFs": address(to), "createEmptySrcDirs": true, "deleteEmptySrcDirs": true,
        });
        call_rename(daemon, "sync/move", &params)
    }
}

fn call_rename(daemon: &Daemon, command: &str, params: &Value) -> Result<(), String> {
    match daemon.call(command, params, RENAME_TIMEOUT) {
        Ok(RcAnswer::Success(_)) => Ok(()),
        Ok(RcAnswer::Failure(error)) => Err(error),
        Ok(RcAnswer::NotFound) => Err("rclone says that it is not there".to_owned()),
        Ok(RcAnswer::TimedOut) => Err("rclone did not end".to_owned()),
        Err(error) => Err(error.full_message()),
    }
}
