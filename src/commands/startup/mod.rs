//! The start-up file: finding it, checking that it is safe to run, and saving a session's changes in it.
//!
//! A file at a usual place runs only if no other user can have written it. `save` edits the lines of a session's changes and
//! keeps all others byte for byte.

mod edit;
mod line;
mod save;
mod setting_line;
mod trust;

use std::env;
use std::path::{Path, PathBuf};

use crate::base::name::Name;
use crate::language::variable::Variables;
use crate::model::path;

pub use self::edit::SessionChanges;
pub use self::save::{dry_run, save};
pub use self::setting_line::ChangedSetting;
pub use self::trust::StartupFile;
use self::trust::{TrustCheck, check_trust};

/// The result of the search for the start-up file.
#[derive(Debug, Default)]
pub struct StartupSearch {
    /// The file to run, if any.
    pub file: Option<StartupFile>,
    /// The file that `save` writes; `None` without a home folder.
    pub save_path: Option<PathBuf>,
    /// Messages about files that exist but are not safe to run.
    pub rejections: Vec<String>,
}

/// Finds the start-up file: the named one, else `$AUTO_BACKUP_CONFIG`, else `./.config`, else the one in the user's
/// configuration folder.
pub fn find(named: Option<&Path>, folder: &Path) -> StartupSearch {
    let from_environment = env::var_os("AUTO_BACKUP_CONFIG")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    if let Some(path) = named.map(Path::to_owned).or(from_environment) {
        // A named file must exist; running it reports a missing one.
        return StartupSearch {
            file: Some(StartupFile {
                path: path.clone(),
                handle: None,
            }),
            save_path: Some(path),
            rejections: Vec::new(),
        };
    }
    let mut found = StartupSearch::default();
    let local = folder.join(".config");
    found.try_path(&local);
    if found.file.is_some() {
        found.save_path = Some(local);
        return found;
    }
    found.save_path = path::configuration_file();
    if let Some(users) = found.save_path.clone() {
        found.try_path(&users);
    }
    found
}

impl StartupSearch {
    /// Selects the file at a usual place if it exists and is safe to run.
    fn try_path(&mut self, path: &Path) {
        match check_trust(path) {
            TrustCheck::Trusted(file) => self.file = Some(file),
            TrustCheck::Absent => {}
            TrustCheck::Rejected(why) => self.rejections.push(why),
        }
    }
}

/// Returns the message for a missing start-up file. It names the searched places, as HOME and the current folder differ
/// under cron.
pub fn not_found_message() -> String {
    let users = path::configuration_file().map(|path| format!(" or `{}`", Name::from(path)));
    format!(
        "no start-up file found at `./.config`{}; name one with `--config FILE`",
        users.unwrap_or_default()
    )
}

/// Returns the roots of the databases that a start-up file adds, as far as they are known before it runs.
pub fn database_roots(text: &str, folder: &Path, variables: &Variables) -> Vec<PathBuf> {
    line::added_roots(&line::logical_lines(text, folder, variables))
}
