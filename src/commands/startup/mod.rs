//! The start-up file: where it is, whether it may be trusted, and how `save` writes a session's changes into it.

mod edit;
mod line;
mod save;
mod trust;

use std::env;
use std::path::{Path, PathBuf};

use crate::base::name::Name;
use crate::language::variable::Variables;
use crate::model::path;

pub use self::edit::SessionChanges;
pub use self::save::{dry_run, save};
pub use self::trust::StartupFile;
use self::trust::{TrustCheck, check_trust};

/// The start-up file that was found, and what was passed over.
#[derive(Debug, Default)]
pub struct StartupSearch {
    /// The file to run, if there is one.
    pub file: Option<StartupFile>,
    /// The file that `save` writes, if there is a place for one.
    pub save_path: Option<PathBuf>,
    /// Why files that are there are not used.
    pub rejections: Vec<String>,
}

/// Looks for the start-up file: the one named, else `$AUTO_BACKUP_CONFIG`, else `./.config`, else the user's.
pub fn find(named: Option<&Path>, folder: &Path) -> StartupSearch {
    let from_environment = env::var_os("AUTO_BACKUP_CONFIG")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    if let Some(path) = named.map(Path::to_owned).or(from_environment) {
        // A file that was named must be there; running it says so if it is not.
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
    /// Runs the file at a usual place if there is one and it can be trusted.
    fn try_path(&mut self, path: &Path) {
        match check_trust(path) {
            TrustCheck::Trusted(file) => self.file = Some(file),
            TrustCheck::Absent => {}
            TrustCheck::Rejected(why) => self.rejections.push(why),
        }
    }
}

/// Names the places where a start-up file is looked for, where there was none: under cron HOME and the current folder are
/// others than at the prompt.
pub fn not_found_message() -> String {
    let users = path::configuration_file().map(|path| format!(" and `{}`", Name::from(path)));
    format!(
        "no start-up file was found: looked for `./.config`{}; `--config FILE` names one",
        users.unwrap_or_default()
    )
}

/// The roots of the databases that the lines of a start-up file add, as far as that can be told before they are run.
pub fn database_roots(text: &str, folder: &Path, variables: &Variables) -> Vec<PathBuf> {
    line::added_roots(&line::logical_lines(text, folder, variables))
}
