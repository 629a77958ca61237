//! The questions of a copy or sync before it replaces or deletes files: how many, and which.

use std::path::PathBuf;

use super::plan::Plan;
use crate::base::confirmation::Question;
use crate::base::name::Name;
use crate::base::unit;
use crate::model::project::Scope;

/// Maximum number of files in a list.
const MAX_LISTED: usize = 40;

/// Returns the question of a copy that replaces files: ``Replace 1 older file on NAS, `reel.mov` (the old one is kept), add
/// 3 files, 4.50 GB?``
pub(super) fn of_replacements(scope: &Scope, database: &str, plans: &[Plan]) -> Question {
    let mut changes = ReplacingChanges::default();
    for plan in plans {
        changes.add(plan);
    }
    let replaced = changes.replaced.len();
    let older = if changes.newer == 0 { "older " } else { "" };
    let files = unit::format_counted(replaced as u64, &format!("{older}file"));
    let first = changes.replaced.first().and_then(|path| path.file_name());
    let first = Name::from(first.unwrap_or_default());
    let (others, kept) = match replaced {
        1 => (String::new(), "the old one is kept"),
        _ => (
            format!(" and {} more", unit::format_count(replaced as u64 - 1)),
            "the old ones are kept",
        ),
    };
    let added = match changes.added {
        0 => "add none".to_owned(),
        added => format!(
            "add {}, {}",
            unit::format_counted(added, "file"),
            unit::format_bytes(changes.added_bytes)
        ),
    };
    Question {
        text: format!(
            "Replace {files}{} on {database}, `{first}`{others} ({kept}), {added}?",
            project_count(scope)
        ),
        list: list("replace", &changes.replaced),
    }
}

/// Returns the question of a sync that moves missing files to the old versions.
pub(super) fn of_deletions(
    scope: &Scope,
    [source, database]: [&str; 2],
    missing: &[PathBuf],
) -> Question {
    let files = unit::format_counted(missing.len() as u64, "file");
    let they = if missing.len() == 1 {
        "it is"
    } else {
        "they are"
    };
    Question {
        text: format!(
            "Move {files}{} on {database} to the old versions there, because {they} gone from {source}?",
            project_count(scope)
        ),
        list: list("move", missing),
    }
}

/// Returns ` of 12 projects` if the scope names several.
fn project_count(scope: &Scope) -> String {
    match scope {
        Scope::Projects(projects) => {
            let count = unit::format_counted(projects.len() as u64, "project");
            format!(" of {count}")
        }
        _ => String::new(),
    }
}

/// What a copy adds and replaces.
#[derive(Default)]
struct ReplacingChanges {
    /// Paths below the root.
    replaced: Vec<PathBuf>,
    /// Number of replaced files that are not older than their source.
    newer: u64,
    added: u64,
    added_bytes: u64,
}

impl ReplacingChanges {
    fn add(&mut self, plan: &Plan) {
        for folder in &plan.folders {
            let path = plan.replica.join(&folder.path);
            if folder.displaced.is_some() {
                self.newer += 1;
                self.replaced.push(path.clone());
            }
            for file in folder.files() {
                if let Some(old) = file.replaced {
                    self.newer += u64::from(old.modified >= file.modified);
                    self.replaced.push(path.join(file.name.as_path()));
                } else {
                    self.added += 1;
                    self.added_bytes = self.added_bytes.saturating_add(file.bytes);
                }
            }
        }
    }
}

/// Returns a line for each of the first files, and the number of the others.
fn list(verb: &str, paths: &[PathBuf]) -> Vec<String> {
    let shown = paths.iter().take(MAX_LISTED);
    let mut lines: Vec<String> = shown
        .map(|path| format!("  {verb} {}", Name::from(path.as_path())))
        .collect();
    let more = paths.len() - lines.len();
    if more > 0 {
        let more = unit::format_count(more as u64);
        lines.push(format!("  and {more} more; `--dry-run` lists all"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_list_is_cut() {
        let paths: Vec<PathBuf> = (0..1000).map(|n| format!("a/{n}").into()).collect();
        let lines = list("move", &paths);
        assert_eq!(lines.len(), MAX_LISTED + 1);
        assert_eq!(lines[MAX_LISTED], "  and 960 more; `--dry-run` lists all");
        let question = of_deletions(&Scope::All, ["WORK", "NAS"], &paths[..1]);
        assert_eq!(
            question.text,
            "Move 1 file on NAS to the old versions there, because it is gone from WORK?"
        );
        assert_eq!(question.list, ["  move a/0"]);
    }
}
