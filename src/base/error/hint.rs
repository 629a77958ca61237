//! Hints: the command or the step that solves the problem of an error.

use crate::base::noun::Noun;
use std::io;

use super::{Error, OfflineCause, PublicationProblem};
use crate::base::name::Name;
use crate::base::password::mask_passwords;

const INSTALL_RCLONE: &str = "install it from `https://rclone.org/install/` or with the system's package manager; `set rclone PATH` names a program that is not on PATH";

/// Maximum number of known names in a hint.
const MAX_KNOWN_NAMES: usize = 5;

impl Error {
    /// Returns a command to type or a step to take, if one is likely to help, without passwords.
    pub fn hint(&self) -> Option<String> {
        let hint = self
            .name_hint()
            .or_else(|| self.storage_hint())
            .or_else(|| self.copy_hint())
            .or_else(|| self.file_hint());
        hint.map(|hint| mask_passwords(&hint))
    }

    /// Returns the hint for a wrong word in a line.
    fn name_hint(&self) -> Option<String> {
        let hint = match self {
            Self::UnknownName {
                noun,
                suggestions,
                known,
                ..
            } => return unknown_hint(*noun, suggestions, known),
            Self::NotAProject {
                listing_command,
                suggestions,
                ..
            } => return not_a_project_hint(listing_command.as_deref(), suggestions),
            Self::ReplicaNotFound {
                project, elsewhere, ..
            } if !elsewhere.is_empty() => {
                return Some(format!("`{project}` is on {}", elsewhere.join(", ")));
            }
            Self::ReplicaNotFound {
                suggestions,
                database,
                ..
            } if suggestions.is_empty() => {
                return Some(format!(
                    "`list projects` lists all projects; `load {database}` scans again"
                ));
            }
            Self::ReplicaNotFound { suggestions, .. } => return Some(did_you_mean(suggestions)),
            Self::UnexpectedWord { hint, .. }
            | Self::MissingWords { hint, .. }
            | Self::NothingToReport { hint, .. } => {
                return Some(hint.clone());
            }
            Self::InvalidWord { noun, .. } => return example_hint(*noun),
            Self::NoLastAnswer { .. } => {
                "list some first, as with `list projects`; a client with this name is written `'_'`"
            }
            Self::InvalidLayout { corrected, .. } => {
                return Some(layout_hint(corrected.as_deref()));
            }
            Self::InvalidValue { values, .. } => return Some(format!("it takes {values}")),
            Self::InvalidAddress { hint, .. } => hint,
            Self::Syntax { hint, .. } => return hint.clone(),
            Self::MisplacedWord { usage, .. } => return Some(format!("write it as: {usage}")),
            Self::UnsetVariable { variable, .. } => return Some(unset_hint(variable)),
            Self::RunNotFound { known, .. } => return Some(run_hint(*known)),
            Self::NameTaken {
                noun: Noun::Category,
                ..
            } => "`add category NAME PATH --replace` gives it the new path",
            Self::NameTaken { .. } => "`add database NAME ROOT --replace` gives it the new root",
            Self::Overlap {
                noun: Noun::Category,
                ..
            } => "give each category a folder of its own",
            Self::Overlap { .. } => {
                "give each storage a folder of its own, or `remove database` the other first"
            }
            Self::SameDatabase { .. } => "name another storage to copy to",
            Self::CompareWithItself { .. } => "name another storage to compare with",
            Self::ConfirmationRequired { .. } => {
                "add `--yes` at the end of the line to confirm in advance"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// Returns the hint for a database that cannot be used.
    fn storage_hint(&self) -> Option<String> {
        match self {
            Self::Offline {
                database, cause, ..
            } if cause.may_be_right_disk() => Some(format!(
                "mount or connect it; if this is the right disk, `load --forget {database}`, then `load {database}`"
            )),
            Self::Offline {
                cause: OfflineCause::NoProgram,
                ..
            } => Some(INSTALL_RCLONE.to_owned()),
            Self::Offline { .. } => Some("mount or connect it, then try again".to_owned()),
            Self::StorageUnreachable { root, cause, .. } => {
                Some(cause.hint(&Name::from(root.as_path()).to_string()))
            }
            Self::RcloneNotFound { .. } | Self::RcloneTooOld { .. } => {
                Some(INSTALL_RCLONE.to_owned())
            }
            Self::Catalog { problem, .. } => problem.hint(),
            Self::Locked { .. } => Some("try again when that run has ended".to_owned()),
            Self::LeaseLost { .. } => Some(
                "repeat the line when no other run writes there: it finishes the work".to_owned(),
            ),
            Self::SameIdentity {
                database,
                file,
                other,
            } => Some(format!(
                "if they are one place, `remove database {database}`; if `{database}` is a clone of `{other}`, delete `{}` and `load --forget {database}`: the next copy creates a new identity for it",
                Name::from(file.as_path())
            )),
            _ => None,
        }
    }

    /// Returns the hint for a copy or sync that was refused or failed.
    fn copy_hint(&self) -> Option<String> {
        let hint = match self {
            Self::TooManyMissing { .. } => {
                "nothing was deleted; check that the right disk is mounted; `--force` moves these files to the old versions anyway"
            }
            Self::NotEnoughSpace { .. } => {
                "free some space there, or copy fewer projects; nothing was copied"
            }
            Self::NothingToSend { .. } => "run the same line again",
            Self::EmptyCard { .. } | Self::UnreadCard { .. } => {
                "is the card mounted there? nothing was copied"
            }
            Self::SameFolder { .. } => "nothing needs to be copied there",
            Self::SourceChanged { .. } => "copy again when no program writes to it",
            Self::ConcurrentChange { .. } => "copy again: it will be compared again",
            Self::VerificationFailed { .. } => {
                "copy again; if it fails again, the disk, its cable or the memory may be failing"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// Returns the hint for a file of the program, or for a refusal of the operating system.
    fn file_hint(&self) -> Option<String> {
        let hint = match self {
            Self::UnreadScript { noun, source, .. } if source.kind() == io::ErrorKind::NotFound => {
                missing_script_hint(*noun)?
            }
            Self::Io { source, .. } | Self::UnreadScript { source, .. } => io_hint(source.kind())?,
            Self::Index { problem, .. } => problem.hint()?,
            Self::NoCatalog => "set one with `set catalog postgres://user@host/name`",
            Self::NoHome { option, .. } => return Some(format!("name one with `{option}`")),
            Self::HistoryNotWritten { .. } => {
                "copy again: one generation is then written for the files of both runs"
            }
            Self::HistoryMismatch { .. } => {
                "a history cannot take a changed file: find out which content is right; `verify --mhl` checks all files"
            }
            Self::RemoteHistory { .. } => {
                "write the history where the files are on a disk; a copy to the remote includes it"
            }
            Self::HistoryDamaged { .. } => {
                "nothing was added to it; put its folder `ascmhl` back from another copy, or move it away to begin a new history"
            }
            Self::Untrusted { .. } => {
                "check who created it, then move it away; a new one is created when it is needed"
            }
            Self::Publication {
                problem: PublicationProblem::Foreign(_),
                ..
            } => "move it away; the next scan of a workstation that publishes writes a new one",
            Self::Publication {
                problem: PublicationProblem::TooNew { .. },
                ..
            } => "install the newer version of auto-backup, or scan the storage with `load`",
            Self::Publication { .. } | Self::NotPublished { .. } => "scan the storage with `load`",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn io_hint(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::PermissionDenied => "ask its owner for permission, or use another place",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space there, then try again"
        }
        io::ErrorKind::FileTooLarge => {
            "the file system, or the limit that `ulimit -f` shows, allows no larger file"
        }
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only; use another place",
        _ => return None,
    })
}

fn missing_script_hint(noun: Noun) -> Option<&'static str> {
    Some(match noun {
        Noun::Script => "to run a command, use `-c`, as in `auto-backup -c 'list clients'`",
        Noun::StartupFile => {
            "`--config` or `$AUTO_BACKUP_CONFIG` names it; `--no-config` starts without it"
        }
        Noun::File => {
            "a relative path starts at the script's folder, at the prompt at the current folder"
        }
        _ => return None,
    })
}

fn example_hint(noun: Noun) -> Option<String> {
    let example = match noun {
        Noun::Database | Noun::Root => "add database NAS /mnt/nas/studio",
        Noun::RemoteRoot => "add database CLOUD s3:bucket/studio",
        Noun::Category | Noun::CategoryPath => "add category footage footage/",
        Noun::Project => "fetch project acme/spot",
        Noun::Client => "fetch client acme",
        _ => return None,
    };
    Some(format!("write it as in `{example}`"))
}

fn layout_hint(corrected: Option<&str>) -> String {
    match corrected {
        Some(line) => format!("did you mean `{line}`?"),
        None => "write it as in `add category footage {client}/{project}/footage`".to_owned(),
    }
}

/// Returns `did you mean ...`; without suggestions, the known names; without any, the command that adds one.
fn unknown_hint(noun: Noun, suggestions: &[String], known: &[String]) -> Option<String> {
    if !suggestions.is_empty() {
        return Some(did_you_mean(suggestions));
    }
    if !known.is_empty() {
        return Some(known_names(known));
    }
    let hint = match noun {
        Noun::Database => "none exists yet: `add database NAME ROOT` adds one",
        Noun::Category => "none exists yet: `add category NAME PATH` adds one",
        Noun::Client | Noun::Project => {
            "`load` scans the storages, `list projects` lists the projects found"
        }
        Noun::Command => "`help` lists the commands",
        _ => return None,
    };
    Some(hint.to_owned())
}

fn run_hint(known: Option<(i64, i64)>) -> String {
    match known {
        None => "no run exists yet: `load`, then `copy`".to_owned(),
        Some((first, last)) if first == last => format!("only run {first} exists"),
        Some((first, last)) => {
            format!("runs {first} to {last} exist; `history --all` lists them")
        }
    }
}

fn unset_hint(variable: &str) -> String {
    let how_to_set = if variable.bytes().all(|byte| byte.is_ascii_digit()) {
        "it holds an argument of the script: `auto-backup FILE ARGUMENT`, `source FILE ARGUMENT`, `set -- ARGUMENT`".to_owned()
    } else {
        format!("set it in the environment or with `-D {variable}=VALUE`")
    };
    format!("{how_to_set}; write `\\$` for a dollar sign")
}

fn known_names(known: &[String]) -> String {
    // A single further name takes no more room than its number.
    let is_long = known.len() > MAX_KNOWN_NAMES + 1;
    let limit = if is_long {
        MAX_KNOWN_NAMES
    } else {
        known.len()
    };
    let shown = known.iter().take(limit).map(String::as_str);
    let shown = shown.collect::<Vec<_>>().join(", ");
    match known.len() - limit {
        0 => format!("known: {shown}"),
        more => format!("known: {shown} and {more} more"),
    }
}

fn not_a_project_hint(listing_command: Option<&str>, suggestions: &[String]) -> Option<String> {
    let suggestion = (!suggestions.is_empty()).then(|| did_you_mean(suggestions));
    let listing = listing_command.map(|line| format!("`{line}` lists all of its projects"));
    match (listing, suggestion) {
        (Some(listing), Some(suggestion)) => Some(format!("{listing}; {suggestion}")),
        (listing, suggestion) => listing.or(suggestion),
    }
}

/// Returns `did you mean ...?` with one to three names.
pub fn did_you_mean(suggestions: &[String]) -> String {
    let names: Vec<_> = suggestions
        .iter()
        .take(3)
        .map(|name| format!("`{name}`"))
        .collect();
    format!("did you mean {}?", names.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_further_name_is_shown() {
        let known = |number: usize| {
            let names: Vec<_> = (1..=number).map(|name| format!("N{name}")).collect();
            known_names(&names)
        };
        assert_eq!(known(1), "known: N1");
        assert_eq!(known(6), "known: N1, N2, N3, N4, N5, N6");
        assert_eq!(known(7), "known: N1, N2, N3, N4, N5 and 2 more");
    }
}
