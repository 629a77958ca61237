//! The start-up file: where it is, whether it may be trusted, and how `save` writes a session's changes into it.

mod edit;
mod lines;
mod save;

use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::name::Name;
use crate::os::host;
use crate::paths;
use crate::variables::Variables;

pub use edit::Changes;
pub use save::{Saved, foresee, save};

/// The start-up file that was found, and what was passed over.
#[derive(Debug, Default)]
pub struct Found {
    /// The file to run, if there is one.
    pub run: Option<PathBuf>,
    /// The file that `save` writes, if there is a place for one.
    pub save: Option<PathBuf>,
    /// Why a file that is there is not used.
    pub passed_over: Option<String>,
}

/// Looks for the start-up file: the one named, else `$AUTO_BACKUP_CONFIG`, else `./.config`, else the user's.
#[must_use]
pub fn find(named: Option<&Path>, folder: &Path) -> Found {
    let from_environment = env::var_os("AUTO_BACKUP_CONFIG")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    if let Some(path) = named.map(Path::to_owned).or(from_environment) {
        // A file that was named must be there; running it says so if it is not.
        return Found {
            run: Some(path.clone()),
            save: Some(path),
            passed_over: None,
        };
    }
    let local = folder.join(".config");
    let passed_over = match trust(&local) {
        Trust::Full => {
            return Found {
                run: Some(local.clone()),
                save: Some(local),
                passed_over: None,
            };
        }
        Trust::Absent => None,
        Trust::None(why) => Some(format!(
            "passed over the start-up file `{}`: {why}",
            Name::from(local)
        )),
    };
    let users = paths::configuration_file();
    let run = users.clone().filter(|path| path.exists());
    Found {
        run,
        save: users,
        passed_over,
    }
}

/// Names the places where a start-up file is looked for, where there was none: under cron HOME and the current folder are
/// others than at the prompt.
#[must_use]
pub fn looked_for() -> String {
    let users = paths::configuration_file().map(|path| format!(" and `{}`", Name::from(path)));
    format!(
        "no start-up file was found: looked for `./.config`{}; `--config FILE` names one",
        users.unwrap_or_default()
    )
}

/// The roots of the databases that the lines of a start-up file add, as far as that can be told before they are run.
#[must_use]
pub fn roots(text: &str, folder: &Path, variables: &Variables) -> Vec<PathBuf> {
    lines::added_roots(&lines::logical_lines(text, folder, variables))
}

/// Whether `./.config` may be run: it lies in a folder that anybody could have led the user into.
enum Trust {
    /// It is the user's own.
    Full,
    /// There is none.
    Absent,
    /// Somebody else could have written it.
    None(&'static str),
}

fn trust(path: &Path) -> Trust {
    // A link belongs to whoever made it, also where what it leads to is the user's own.
    let link = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Trust::Absent,
        Err(_) => return Trust::None("it cannot be read"),
        Ok(link) => link,
    };
    let strangers = |owner| owner != 0 && owner != host::user();
    match fs::metadata(path) {
        Err(_) => Trust::None("it is a link that leads nowhere"),
        // In a home folder it is where everybody's settings are, and no surprise.
        Ok(metadata) if metadata.is_dir() && paths::is_configuration_folder(path) => Trust::Absent,
        Ok(metadata) if !metadata.is_file() => Trust::None("it is not a regular file"),
        Ok(metadata) if strangers(metadata.uid()) || strangers(link.uid()) => {
            Trust::None("it belongs to another user")
        }
        Ok(metadata) if metadata.permissions().mode() & 0o022 != 0 => {
            Trust::None("others can write it; `chmod go-w .config` mends that")
        }
        Ok(_) => Trust::Full,
    }
}
