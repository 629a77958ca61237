//! Giving a file another path on a remote, without its being sent again (rclone's `operations/movefile`).

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::daemon::Answer;
use super::{Remote, names};

/// How long one file may take: a storage without a rename copies it on its own side.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

impl Remote {
    /// Whether files can be renamed there one by one by one process.
    #[must_use]
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
        let [from, to] = [names::standard_path(from)?, names::standard_path(to)?];
        let question = json!({ "srcFs": root, "srcRemote": from, "dstFs": root, "dstRemote": to });
        match daemon.ask("operations/movefile", &question, PATIENCE) {
            Ok(Answer::Good(_)) => Ok(()),
            Ok(Answer::Bad(error)) => Err(error),
            Ok(Answer::Absent) => Err("rclone says that it is not there".to_owned()),
            Ok(Answer::Late) => Err("rclone did not end".to_owned()),
            Err(error) => Err(error.line()),
        }
    }
}
