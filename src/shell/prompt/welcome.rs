//! Messages at the start and end of the prompt.

use std::collections::BTreeSet;

use crate::base::unit;
use crate::commands::status::status_line;
use crate::commands::workspace::Workspace;
use crate::model::registry::{Registry, RegistryKey, RegistryKind};

/// Returns the first steps if nothing is tracked, else the numbers of databases and categories.
pub(super) fn greeting(workspace: &Workspace, completes: bool) -> String {
    let registry = &workspace.registry;
    let databases = registry.databases().len();
    if databases == 0 {
        return GETTING_STARTED.to_owned();
    }
    let databases = counted(databases, "storage", "storages");
    let categories = counted(registry.categories().len(), "category", "categories");
    let dry = if workspace.dry_run {
        " Dry run: nothing is changed."
    } else {
        ""
    };
    let tab = if completes { ", Tab completes" } else { "" };
    // A failure of the index is reported by the first command that reads it.
    let status = status_line(workspace).unwrap_or_default();
    let status = status.map_or_else(String::new, |line| format!(" {line}"));
    format!("{databases}, {categories}.{status}{dry} `help` lists the commands{tab}.")
}

const GETTING_STARTED: &str = "\
Nothing is tracked yet. Four lines to the first answer, with places of your own:
  add database WORK ~/studio       a storage and its root folder; then others
  add category footage footage/    a folder of every root, with CLIENT/PROJECT
  load                             scan the storages
  fetch all                        see what is where; `save` keeps all this";

/// Returns the number of tracked items that changed in this session and are not saved, if any.
pub(super) fn unsaved_notice(workspace: &Workspace) -> Option<String> {
    let settings = workspace.settings.changed_since(&workspace.saved_settings);
    let changed = describe_changes(
        (&workspace.saved_registry, &workspace.registry),
        settings.len(),
    )?;
    Some(format!(
        "note: changed in this session and not saved: {changed}"
    ))
}

/// Counts the changes of tracked items: `1 database and 2 categories`.
fn describe_changes((before, now): (&Registry, &Registry), settings: usize) -> Option<String> {
    let (before, now) = (before.entries(), now.entries());
    let added = now.iter().filter(|entry| !before.contains(entry));
    let gone = before.iter().filter(|entry| !now.contains(entry));
    let keys: BTreeSet<&RegistryKey> = added.chain(gone).map(|entry| &entry.key).collect();
    let parts = RegistryKind::ALL.into_iter().filter_map(|kind| {
        let number = keys.iter().filter(|key| key.kind == kind).count();
        let many = match kind {
            RegistryKind::Database => "storages",
            RegistryKind::Category => "categories",
            RegistryKind::Exclusion => "exclusions",
            RegistryKind::Policy => "policies",
        };
        (number > 0).then(|| counted(number, kind.noun().word(), many))
    });
    let settings = (settings > 0).then(|| counted(settings, "setting", "settings"));
    let parts: Vec<String> = parts.chain(settings).collect();
    let (last, others) = parts.split_last()?;
    if others.is_empty() {
        return Some(last.clone());
    }
    Some(format!("{} and {last}", others.join(", ")))
}

/// `1 category`, `2 categories`.
fn counted(number: usize, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", unit::format_count(number as u64))
}
