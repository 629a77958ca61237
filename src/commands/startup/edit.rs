//! Applies one session's changes to the text of a start-up file. Every other line stays byte for byte.

use std::collections::BTreeSet;
use std::path::Path;

use super::line::{RegistryEdit, format_line, logical_lines, registered_entries};
use super::setting_line::ChangedSetting;
use crate::base::error::{Error, Result};
use crate::language::lexer::is_continued;
use crate::language::variable::Variables;
use crate::model::place::overlap;
use crate::model::registry::{Registry, RegistryEntry, RegistryKey, RegistryKind};

/// The changes of one session to the registry; the only changes that `save` may write.
#[derive(Debug)]
pub struct SessionChanges<'a> {
    /// The registry after the start-up file or the last `save`.
    pub before: &'a Registry,
    /// The registry now.
    pub now: &'a Registry,
    /// Entries added with `--replace`, which may overwrite any location in the file.
    pub replaced_keys: &'a BTreeSet<RegistryKey>,
    /// Values of the variables in the file.
    pub variables: &'a Variables,
    /// The settings that changed and are kept.
    pub settings: &'a [ChangedSetting],
}

/// The new text of a start-up file.
#[derive(Debug)]
pub(super) struct EditedText {
    pub(super) text: String,
    pub(super) added_lines: usize,
    pub(super) removed_lines: usize,
}

/// Applies a session's changes to the text of a start-up file in `folder`.
pub(super) fn rewrite(
    before: &str,
    changes: &SessionChanges<'_>,
    folder: &Path,
) -> Result<EditedText> {
    let body = before.strip_prefix('\u{feff}').unwrap_or(before);
    let lines = logical_lines(body, folder, changes.variables);
    let edits = plan_edits(changes, &registered_entries(&lines))?;
    let settings = changes.settings.iter();
    let settings: Vec<&ChangedSetting> = settings
        .filter(|setting| !setting.is_in(lines.iter().filter_map(|line| line.setting.as_ref())))
        .collect();
    let mut kept: Vec<&str> = Vec::new();
    let (mut removed, mut insert_at) = (0, None);
    for line in &lines {
        let key = line.edit.as_ref().map(RegistryEdit::key);
        let is_replaced = line
            .setting
            .as_ref()
            .is_some_and(|line| settings.iter().any(|setting| setting.name == line.name));
        if is_replaced || key.as_ref().is_some_and(|key| edits.removed.contains(key)) {
            removed += 1;
        } else {
            kept.push(line.text);
        }
        if key.is_some() {
            insert_at = Some(kept.len());
        }
    }
    let is_comment = |line: &&&str| line.trim_start().starts_with('#');
    let insert_at = insert_at.unwrap_or_else(|| kept.iter().take_while(is_comment).count());
    let (head, tail) = kept.split_at(insert_at);
    let end = if body.contains("\r\n") { "\r\n" } else { "\n" };
    let mut text = before[..before.len() - body.len()].to_owned();
    text.push_str(&head.concat());
    let entries = edits.added.iter().map(format_line);
    let added: Vec<String> = entries
        .chain(settings.iter().filter_map(|setting| setting.line()))
        .collect();
    for line in &added {
        end_line(&mut text, end);
        text.push_str(line);
        text.push_str(end);
    }
    text.push_str(&tail.concat());
    Ok(EditedText {
        text,
        added_lines: added.len(),
        removed_lines: removed,
    })
}

/// Ends the last line, so that the next text starts a line of its own.
fn end_line(text: &mut String, end: &str) {
    if !text.is_empty() && text != "\u{feff}" && !text.ends_with('\n') {
        text.push_str(end);
    }
    if text.lines().last().is_some_and(is_continued) {
        text.push_str(end);
    }
}

/// The changes that the file does not have yet.
#[derive(Debug, Default)]
struct LineEdits {
    /// Entries that get a line, in the order of the registry.
    added: Vec<RegistryEntry>,
    /// Entries whose lines are all deleted.
    removed: BTreeSet<RegistryKey>,
}

/// Compares a session's changes with the entries of the file.
fn plan_edits(changes: &SessionChanges<'_>, registered: &[RegistryEntry]) -> Result<LineEdits> {
    let (before, now) = (changes.before.entries(), changes.now.entries());
    let mut edits = LineEdits::default();
    let removed = before
        .iter()
        .filter(|entry| find_entry(&now, &entry.key).is_none());
    for entry in now.iter().chain(removed) {
        let key = &entry.key;
        let (old, new) = (find_entry(&before, key), find_entry(&now, key));
        let replaced = changes.replaced_keys.contains(key);
        let in_file = find_entry(registered, key);
        if (old == new && !replaced) || new == in_file {
            continue;
        }
        // Another session wrote this location after this one started: keep it.
        let may_overwrite = is_same_place(in_file, old) || is_same_place(in_file, new) || replaced;
        match (new, in_file) {
            (Some(new), Some(in_file)) if !may_overwrite => {
                return Err(name_taken(key, &in_file.location, &new.location));
            }
            (None, Some(_)) if !may_overwrite => continue,
            (_, Some(_)) => {
                edits.removed.insert(key.clone());
            }
            (_, None) => {}
        }
        edits.added.extend(new.map(|_| entry.clone()));
    }
    for entry in &edits.added {
        check_overlap(entry, registered, &edits.removed)?;
    }
    Ok(edits)
}

fn find_entry<'a>(entries: &'a [RegistryEntry], key: &RegistryKey) -> Option<&'a RegistryEntry> {
    entries.iter().find(|entry| entry.key == *key)
}

/// True if both exist at one location, or neither exists.
fn is_same_place(one: Option<&RegistryEntry>, other: Option<&RegistryEntry>) -> bool {
    one.map(|entry| &entry.location) == other.map(|entry| &entry.location)
}

fn name_taken(key: &RegistryKey, existing: &Path, wanted: &Path) -> Error {
    Error::NameTaken {
        noun: key.kind.noun(),
        name: key.name.clone(),
        existing: existing.to_owned(),
        requested: wanted.to_owned(),
    }
}

/// Refuses an entry that would fail when the file runs, because it overlaps another entry.
fn check_overlap(
    entry: &RegistryEntry,
    registered: &[RegistryEntry],
    removed: &BTreeSet<RegistryKey>,
) -> Result<()> {
    let relation = |other: &RegistryEntry| match entry.key.kind {
        RegistryKind::Database => overlap(&entry.location, &other.location),
        RegistryKind::Category => (entry.location == other.location).then_some("is already"),
        RegistryKind::Exclusion | RegistryKind::Policy => None,
    };
    for other in registered {
        let is_rival = other.key.kind == entry.key.kind && other.key != entry.key;
        if !is_rival || removed.contains(&other.key) {
            continue;
        }
        if let Some(relation) = relation(other) {
            return Err(Error::Overlap {
                noun: entry.key.kind.noun(),
                path: entry.location.clone(),
                relation,
                other: other.key.name.clone(),
                existing: other.location.clone(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(databases: &[(&str, &str)], categories: &[(&str, &str)]) -> Registry {
        let mut registry = Registry::default();
        for (name, root) in databases {
            registry.add_database(name, Path::new(root), false).unwrap();
        }
        for (name, path) in categories {
            registry.add_category(name, Path::new(path), false).unwrap();
        }
        registry
    }

    /// Returns the text that `save` writes.
    fn saved(text: &str, before: &Registry, now: &Registry) -> Result<String> {
        let changes = SessionChanges {
            before,
            now,
            replaced_keys: &BTreeSet::new(),
            variables: &Variables::default(),
            settings: &[],
        };
        rewrite(text, &changes, Path::new("/s")).map(|after| after.text)
    }

    #[test]
    fn saving_keeps_all_other_lines() {
        let text = "# studio\r\nadd database \\\r\n  WORK ./work # mine\r\nadd database OLD /old\r\n\
                    add category render scratch/render/\r\nadd database THEIRS /theirs\r\nload\r\n";
        let before = registry(
            &[("WORK", "/s/work"), ("OLD", "/old")],
            &[("render", "scratch/render")],
        );
        let now = registry(
            &[("WORK", "/s/work"), ("NAS 2", "/mnt/$x")],
            &[("render", "scratch/render")],
        );
        let after = saved(text, &before, &now).unwrap();
        assert_eq!(
            after,
            "# studio\r\nadd database \\\r\n  WORK ./work # mine\r\n\
             add category render scratch/render/\r\nadd database THEIRS /theirs\r\n\
             add database 'NAS 2' '/mnt/$x'\r\nload\r\n"
        );
        assert_eq!(saved(&after, &before, &now).unwrap(), after);
    }

    #[test]
    fn first_entry_follows_the_first_comment() {
        let now = registry(&[("WORK", "/w")], &[("root", "."), ("home", "./~/x")]);
        let lines = "add database WORK /w\nadd category root .\nadd category home ./~/x\n";
        for text in ["", "# mine\n", "\u{feff}", "\u{feff}# mine\n"] {
            let after = saved(text, &Registry::default(), &now).unwrap();
            assert_eq!(after, [text, lines].concat());
        }
        let open = saved("add database A /a \\", &Registry::default(), &now).unwrap();
        assert_eq!(open, ["add database A /a \\\n\n", lines].concat());
    }

    #[test]
    fn name_with_another_location_is_refused() {
        let now = registry(&[("NAS", "/a")], &[]);
        let nothing = Registry::default();
        let taken = saved("add database NAS /b\n", &nothing, &now);
        assert!(matches!(taken, Err(Error::NameTaken { .. })), "{taken:?}");
        let unknown = saved("add database NAS $NOT_SET/b\n", &nothing, &now);
        assert!(
            matches!(unknown, Err(Error::NameTaken { .. })),
            "{unknown:?}"
        );
        let overlap = saved("add database OLD /a/b\n", &nothing, &now);
        assert!(matches!(overlap, Err(Error::Overlap { .. })), "{overlap:?}");
        let back = saved("add database NAS /b\nremove database NAS\n", &nothing, &now);
        assert!(
            back.unwrap()
                .ends_with("remove database NAS\nadd database NAS /a\n")
        );
    }

    #[test]
    fn replacement_deletes_every_line_of_its_name() {
        let text = "add database NAS /a\nload\nadd database NAS /b --replace\n";
        let before = registry(&[("NAS", "/b")], &[]);
        let now = registry(&[("NAS", "/c")], &[]);
        assert_eq!(
            saved(text, &before, &now).unwrap(),
            "load\nadd database NAS /c\n"
        );
        assert_eq!(
            saved(text, &before, &Registry::default()).unwrap(),
            "load\n"
        );
    }

    #[test]
    fn changed_setting_replaces_its_lines() {
        let nothing = Registry::default();
        let saved = |text: &str, value: &str, is_default| {
            let settings = [ChangedSetting {
                name: "publish",
                value: value.to_owned(),
                is_default,
            }];
            let changes = SessionChanges {
                before: &nothing,
                now: &nothing,
                replaced_keys: &BTreeSet::new(),
                variables: &Variables::default(),
                settings: &settings,
            };
            rewrite(text, &changes, Path::new("/s")).unwrap().text
        };
        assert_eq!(saved("", "on", false), "set publish on\n");
        let text = "add database A /a\nset publish off\nset jobs 4\n";
        let on = "add database A /a\nset publish on\nset jobs 4\n";
        assert_eq!(saved(text, "on", false), on);
        assert_eq!(saved(on, "on", false), on);
        assert_eq!(saved(on, "off", true), "add database A /a\nset jobs 4\n");
        assert_eq!(saved(text, "off", true), text);
    }

    #[test]
    fn entry_moved_by_another_session_is_kept() {
        let before = registry(&[("NAS", "/a")], &[]);
        let text = "add database NAS /moved\n";
        assert_eq!(saved(text, &before, &Registry::default()).unwrap(), text);
    }
}
