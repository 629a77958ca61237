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

pub use self::edit::Changes;
pub use self::save::{foresee, save};
pub use self::trust::StartupFile;
use self::trust::{Candidate, candidate};

/// The start-up file that was found, and what was passed over.
#[derive(Debug, Default)]
pub struct Found {
    /// The file to run, if there is one.
    pub run: Option<StartupFile>,
    /// The file that `save` writes, if there is a place for one.
    pub save: Option<PathBuf>,
    /// Why files that are there are not used.
    pub passed_over: Vec<String>,
}

/// Looks for the start-up file: the one named, else `$AUTO_BACKUP_CONFIG`, else `./.config`, else the user's.
pub fn find(named: Option<&Path>, folder: &Path) -> Found {
    let from_environment = env::var_os("AUTO_BACKUP_CONFIG")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    if let Some(path) = named.map(Path::to_owned).or(from_environment) {
        // A file that was named must be there; running it says so if it is not.
        return Found {
            run: Some(StartupFile {
                path: path.clone(),
                opened: None,
            }),
            save: Some(path),
            passed_over: Vec::new(),
        };
    }
    let mut found = Found::default();
    let local = folder.join(".config");
    found.consider(&local);
    if found.run.is_some() {
        found.save = Some(local);
        return found;
    }
    found.save = path::configuration_file();
    if let Some(users) = found.save.clone() {
        found.consider(&users);
    }
    found
}

impl Found {
    /// Runs the file at a usual place if there is one and it can be trusted.
    fn consider(&mut self, path: &Path) {
        match candidate(path) {
            Candidate::Trusted(file) => self.run = Some(file),
            Candidate::Absent => {}
            Candidate::PassedOver(why) => self.passed_over.push(why),
        }
    }
}

/// Names the places where a start-up file is looked for, where there was none: under cron HOME and the current folder are
/// others than at the prompt.
pub fn looked_for() -> String {
    let users = path::configuration_file().map(|path| format!(" and `{}`", Name::from(path)));
    format!(
        "no start-up file was found: looked for `./.config`{}; `--config FILE` names one",
        users.unwrap_or_default()
    )
}

/// The roots of the databases that the lines of a start-up file add, as far as that can be told before they are run.
pub fn roots(text: &str, folder: &Path, variables: &Variables) -> Vec<PathBuf> {
    line::added_roots(&line::logical_lines(text, folder, variables))
}
