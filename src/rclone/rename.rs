//! Giving a file or folder another path on a remote, without its being sent again (rclone's `operations/movefile` and
//! `sync/move`).

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::daemon::{Answer, Daemon};
use super::{Remote, name};

/// How long one file may take: a storage without a rename copies it on its own side.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

impl Remote {
    /// Whether files can be renamed there one by one by one process.
    pub fn can_rename(&self) -> bool {
        self.daemon().is_some()
    }

    /// Gives a file another path below the root, which has to be free.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn rename(&self, from: &Path, to: &Path) -> Result<(), String> {
        let daemon = self
            .daemon()
            .ok_or("this rclone renames nothing by itself")?;
        let root = self.root().to_str().unwrap_or_default();
        let [from, to] = [name::standard_path(from)?, name::standard_path(to)?];
        let question = json!({ "srcFs": root, "srcRemote": from, "dstFs": root, "dstRemote": to });
        rename(daemon, "operations/movefile", &question)
    }

    /// Gives a folder another path below the root, which has to be free.
    ///
    /// # Errors
    /// Why not, in words. A storage that renames no folders may have moved some of its files.
    pub fn rename_folder(&self, from: &Path, to: &Path) -> Result<(), String> {
        let daemon = self
            .daemon()
            .ok_or("this rclone renames nothing by itself")?;
        name::standard_path(from)?;
        name::standard_path(to)?;
        let whole = |path: &Path| self.path(path).to_str().unwrap_or_default().to_owned();
        let question = json!({
            "srcFs": whole(from), "dstFs": whole(to), "createEmptySrcDirs": true, "deleteEmptySrcDirs": true,
        });
        rename(daemon, "sync/move", &question)
    }
}

fn rename(daemon: &Daemon, command: &str, question: &Value) -> Result<(), String> {
    match daemon.ask(command, question, PATIENCE) {
        Ok(Answer::Good(_)) => Ok(()),
        Ok(Answer::Bad(error)) => Err(error),
        Ok(Answer::Absent) => Err("rclone says that it is not there".to_owned()),
        Ok(Answer::Late) => Err("rclone did not end".to_owned()),
        Err(error) => Err(error.line()),
    }
}
