//! Hints that are put together: what is not there, which names may be meant, and what to type instead.

use std::io;

use crate::base::name::Name;

/// What to do where the system refused something.
pub(super) fn io_hint(action: &str, kind: io::ErrorKind) -> Option<String> {
    let hint = match kind {
        io::ErrorKind::NotFound => return missing_hint(action),
        io::ErrorKind::PermissionDenied => {
            "its owner can give you permission; or name another place"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make some room there, then try again"
        }
        io::ErrorKind::FileTooLarge => {
            "the file system, or the limit that `ulimit -f` shows, allows no larger file"
        }
        io::ErrorKind::ReadOnlyFilesystem => "it can only be read there; name another place",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// What to do where a file that was named is not there.
fn missing_hint(action: &str) -> Option<String> {
    match action {
        "read the script" => {
            Some("a command is run with `-c`, as in `auto-backup -c 'list clients'`".to_owned())
        }
        "read the start-up file" => Some(
            "`--config` or `$AUTO_BACKUP_CONFIG` names it; `--no-config` does without".to_owned(),
        ),
        "read the file" => Some(
            "a relative path is looked for in the script's folder, at the prompt in the current one".to_owned(),
        ),
        _ => None,
    }
}

/// How something of this kind is written.
pub(super) fn example_hint(noun: &str) -> Option<String> {
    let example = match noun {
        "database" | "root" => "add database NAS /mnt/nas/studio",
        "remote root" => "add database CLOUD s3:bucket/studio",
        "category" | "category path" => "add category footage footage/",
        "project" => "fetch project acme/spot",
        "client" => "fetch client acme",
        _ => return None,
    };
    Some(format!("write it as in `{example}`"))
}

/// What is not there: a project, a client, or any project at all.
pub(super) fn absence_message(project: &Name) -> String {
    if is_all_projects(project) {
        "there is no project".to_owned()
    } else {
        format!("`{project}` is not")
    }
}

/// What is said of something, after a colon, where there is anything to be said.
pub(super) fn colon_suffix(detail: Option<&str>) -> String {
    detail.map_or_else(String::new, |words| format!(": {words}"))
}

/// Whether every project was asked for.
pub(super) fn is_all_projects(project: &Name) -> bool {
    project.as_bytes() == b"all"
}

/// `did you mean ...`, else the names there are, else how to add one.
pub(super) fn unknown_hint(noun: &str, suggestions: &[String], known: &[String]) -> Option<String> {
    if !suggestions.is_empty() {
        return Some(did_you_mean(suggestions));
    }
    if !known.is_empty() {
        return Some(known_names(known));
    }
    match noun {
        "database" => Some("there are none yet: `add database NAME ROOT`".to_owned()),
        "category" => Some("there are none yet: `add category NAME PATH`".to_owned()),
        "client" | "project" => {
            Some("`load` looks at the disks, `list projects` shows what was found".to_owned())
        }
        "command" => Some("`help` lists the commands".to_owned()),
        _ => None,
    }
}

/// Which runs there are: from the first to the last.
pub(super) fn run_hint(known: Option<(i64, i64)>) -> String {
    match known {
        None => "there are none yet: `load`, then `copy`".to_owned(),
        Some((first, last)) if first == last => format!("there is only run {first}"),
        Some((first, last)) => {
            format!("there are the runs {first} to {last}; `history --all` lists them")
        }
    }
}

/// How a variable gets a value, and how a dollar sign is written.
pub(super) fn unset_hint(variable: &str) -> String {
    let how_to_set = if variable.bytes().all(|byte| byte.is_ascii_digit()) {
        "it stands for an argument of the script: `auto-backup FILE ARGUMENT`, `source FILE ARGUMENT`, `set -- ARGUMENT`".to_owned()
    } else {
        format!("set it in the environment or with `-D {variable}=VALUE`")
    };
    format!("{how_to_set}; a dollar sign is written `\\$`")
}

/// How many known names a hint has room for.
const MAX_KNOWN_NAMES: usize = 5;

/// `known: ...`, and how many more there are.
fn known_names(known: &[String]) -> String {
    let shown = known.iter().take(MAX_KNOWN_NAMES).map(String::as_str);
    let shown = shown.collect::<Vec<_>>().join(", ");
    match known.len().saturating_sub(MAX_KNOWN_NAMES) {
        0 => format!("known: {shown}"),
        more => format!("known: {shown} and {more} more"),
    }
}

/// What shows all projects of a client, and which one may be meant.
pub(super) fn not_a_project_hint(
    listing_command: Option<&str>,
    suggestions: &[String],
) -> Option<String> {
    let suggestion = (!suggestions.is_empty()).then(|| did_you_mean(suggestions));
    let listing_hint = listing_command.map(|line| format!("`{line}` shows all of its projects"));
    match (listing_hint, suggestion) {
        (Some(instead), Some(near)) => Some(format!("{instead}; {near}")),
        (instead, near) => instead.or(near),
    }
}

/// `did you mean` with one to three names.
pub fn did_you_mean(suggestions: &[String]) -> String {
    let names: Vec<_> = suggestions
        .iter()
        .take(3)
        .map(|name| format!("`{name}`"))
        .collect();
    format!("did you mean {}?", names.join(" or "))
}
