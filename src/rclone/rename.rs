//! Renaming on a remote without a new upload (`operations/movefile` and `sync/move` of the daemon).

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::message;
use super::name;
use super::remote::Remote;
use crate::base::lease::WritePermit;

/// Time for one file: a storage without a rename copies it on its own side.
const RENAME_TIMEOUT: Duration = Duration::from_secs(30 * 60);

impl Remote {
    /// True if files can be renamed one by one without a process each.
    pub fn can_rename_by_daemon(&self) -> bool {
        self.daemon().is_some()
    }

    /// Renames a file to another path below the root, which must be free.
    ///
    /// # Errors
    /// The reason, as text.
    pub fn rename_file(&self, from: &Path, to: &Path, _: &WritePermit) -> Result<(), String> {
        let root = self.root_text();
        let [from, to] = [name::encode_path(from)?, name::encode_path(to)?];
        let params = json!({ "srcFs": root, "srcRemote": from, "dstFs": root, "dstRemote": to });
        self.call_rename("operations/movefile", &params)
    }

    /// Renames a folder to another path below the root, which must be free.
    ///
    /// # Errors
    /// The reason, as text. A storage that cannot rename folders may have moved some of its files.
    pub fn rename_folder(&self, from: &Path, to: &Path, _: &WritePermit) -> Result<(), String> {
        name::encode_path(from)?;
        name::encode_path(to)?;
        let address = |path: &Path| self.path(path).to_str().unwrap_or_default().to_owned();
        let params = json!({
            "srcFs": address(from), "dstFs": address(to), "createEmptySrcDirs": true, "deleteEmptySrcDirs": true,
        });
        self.call_rename("sync/move", &params)
    }

    fn call_rename(&self, command: &str, params: &Value) -> Result<(), String> {
        let daemon = self
            .daemon()
            .ok_or("this rclone cannot rename single files")?;
        match daemon.call(command, params, RENAME_TIMEOUT) {
            Ok(answer) => answer
                .failure()
                .map_or(Ok(()), |why| Err(message::explain(&why, None, self.root()))),
            Err(error) => Err(error.full_message()),
        }
    }
}
