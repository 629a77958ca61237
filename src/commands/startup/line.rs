//! Reads which entries the lines of a start-up file add and remove, in any notation that the prompt accepts.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::setting_line::SettingLine;
use crate::base::hash_format::HashFormat;
use crate::language::lexer::{is_continued, lex, quote};
use crate::language::variable::Variables;
use crate::model::layout::CategoryLayout;
use crate::model::path;
use crate::model::place;
use crate::model::registry::{
    CategoryAttributes, DatabaseAttributes, RegistryEntry, RegistryKey, RegistryKind,
};

/// A line of a start-up file with its continuation lines, byte for byte, and its effect.
#[derive(Debug)]
pub(super) struct StartupLine<'a> {
    pub(super) text: &'a str,
    pub(super) edit: Option<RegistryEdit>,
    pub(super) setting: Option<SettingLine>,
}

/// Splits a text into lines, each with its continuation lines.
pub(super) fn logical_lines<'a>(
    text: &'a str,
    folder: &Path,
    variables: &Variables,
) -> Vec<StartupLine<'a>> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        let bare = line.strip_suffix('\n').unwrap_or(line);
        let goes_on = is_continued(bare.strip_suffix('\r').unwrap_or(bare));
        if !goes_on || end == text.len() {
            let text = &text[start..end];
            let words = words(text, variables).unwrap_or_default();
            lines.push(StartupLine {
                text,
                edit: parse_edit(&words, folder),
                setting: SettingLine::parse(&words),
            });
            start = end;
        }
    }
    lines
}

/// The effect of a line on the registry.
#[derive(Debug)]
pub(super) enum RegistryEdit {
    Add { entry: RegistryEntry, replace: bool },
    Remove(RegistryKey),
}

impl RegistryEdit {
    pub(super) fn key(&self) -> RegistryKey {
        match self {
            Self::Add { entry, .. } => entry.key.clone(),
            Self::Remove(key) => key.clone(),
        }
    }
}

/// Returns the entries after all lines have run.
pub(super) fn registered_entries(lines: &[StartupLine<'_>]) -> Vec<RegistryEntry> {
    let mut entries: Vec<RegistryEntry> = Vec::new();
    for edit in lines.iter().filter_map(|line| line.edit.as_ref()) {
        let key = edit.key();
        let known = entries.iter().position(|entry| entry.key == key);
        match (edit, known) {
            (RegistryEdit::Add { entry, .. }, None) => entries.push(entry.clone()),
            (RegistryEdit::Add { entry, replace }, Some(at)) if *replace => {
                entries[at] = entry.clone();
            }
            // Repeating a line can only set an option.
            (RegistryEdit::Add { entry, .. }, Some(at)) => {
                let known = &mut entries[at];
                if entry.location == known.location {
                    known.attributes.merge(&entry.attributes);
                    known.category.merge(entry.category);
                }
            }
            (RegistryEdit::Remove(_), _) => entries.retain(|entry| entry.key != key),
        }
    }
    entries
}

/// Returns the roots of the added databases, in the order of the lines.
pub(super) fn added_roots(lines: &[StartupLine<'_>]) -> Vec<PathBuf> {
    let roots = lines.iter().filter_map(|line| match &line.edit {
        Some(RegistryEdit::Add { entry, .. }) if entry.key.kind == RegistryKind::Database => {
            Some(&entry.location)
        }
        _ => None,
    });
    roots.cloned().collect()
}

/// Returns the line that adds an entry.
pub(super) fn format_line(entry: &RegistryEntry) -> String {
    let name = quote(OsStr::new(&entry.key.name));
    let place = match entry.key.kind {
        RegistryKind::Exclusion => return format!("exclude {name}"),
        RegistryKind::Policy => return format!("policy {name} {}", entry.location.display()),
        // Not the home folder, but a folder with the name `~`.
        RegistryKind::Category if entry.location.starts_with("~") => {
            Path::new(".").join(&entry.location)
        }
        RegistryKind::Category if entry.location.as_os_str().is_empty() => PathBuf::from("."),
        _ => entry.location.clone(),
    };
    let place = quote(place.as_os_str());
    let options = options_of(&entry.attributes) + &category_options(entry.category);
    format!("add {} {name} {place}{options}", entry.key.kind.keyword())
}

/// Returns the options that state attributes, each after a blank.
fn options_of(attributes: &DatabaseAttributes) -> String {
    let mut options = String::new();
    if attributes.is_shelf {
        options.push_str(" --shelf");
    }
    if attributes.is_offsite {
        options.push_str(" --offsite");
    }
    if let Some(medium) = &attributes.medium {
        options.push_str(" --medium ");
        options.push_str(&quote(OsStr::new(medium)));
    }
    options
}

/// Returns the options that state the attributes of a category, each after a blank.
fn category_options(attributes: CategoryAttributes) -> String {
    let mut options = String::new();
    if attributes.keeps_history {
        options.push_str(" --mhl");
    }
    if let Some(format) = attributes.hash_format {
        options.push_str(" --mhl-hash ");
        options.push_str(format.tag());
    }
    options
}

/// The options of a line.
#[derive(Default)]
struct LineOptions {
    attributes: DatabaseAttributes,
    category: CategoryAttributes,
    replace: bool,
}

/// Takes the options out of the words of a line, and returns the other words.
fn take_options(words: &[OsString]) -> (Vec<&OsStr>, LineOptions) {
    let mut options = LineOptions::default();
    let mut others = Vec::new();
    let mut words = words.iter().map(OsString::as_os_str);
    while let Some(word) = words.next() {
        let (name, value) = match word.to_str().and_then(|word| word.split_once('=')) {
            Some((name, value)) if name.starts_with("--") => (OsStr::new(name), Some(value)),
            _ => (word, None),
        };
        let mut value = || {
            let next = || words.next().map(|word| word.to_string_lossy().into_owned());
            value.map(str::to_owned).or_else(next)
        };
        match name.as_encoded_bytes() {
            b"--replace" => options.replace = true,
            b"--shelf" => options.attributes.is_shelf = true,
            b"--offsite" => options.attributes.is_offsite = true,
            b"--medium" => options.attributes.medium = value(),
            b"--mhl" => options.category.keeps_history = true,
            b"--mhl-hash" => {
                options.category.hash_format = value().and_then(|tag| HashFormat::from_tag(&tag));
            }
            b"--" => {}
            _ => others.push(word),
        }
    }
    (others, options)
}

/// Parses the effect of the words of a line on the registry, if any.
fn parse_edit(words: &[OsString], folder: &Path) -> Option<RegistryEdit> {
    let (words, options) = take_options(words);
    let LineOptions {
        attributes,
        category: history,
        replace,
    } = options;
    let key = |kind, name: &OsStr| RegistryKey {
        kind,
        name: name.to_string_lossy().into_owned(),
    };
    let (key, place) = match words.as_slice() {
        [add, noun, name, typed] if *add == "add" => {
            let kind = RegistryKind::from_keyword(noun)?;
            (key(kind, name), parse_place(kind, typed, folder)?)
        }
        [exclude, pattern] if *exclude == "exclude" => {
            (key(RegistryKind::Exclusion, pattern), PathBuf::new())
        }
        [policy, category, word] if *policy == "policy" && *word == "default" => {
            return Some(RegistryEdit::Remove(key(RegistryKind::Policy, category)));
        }
        [policy, category, words @ ..] if *policy == "policy" && !words.is_empty() => {
            let words: Vec<Cow<'_, str>> =
                words.iter().map(|word| word.to_string_lossy()).collect();
            let entry = RegistryEntry {
                key: key(RegistryKind::Policy, category),
                location: words.join(" ").into(),
                attributes,
                category: history,
            };
            return Some(RegistryEdit::Add {
                entry,
                replace: true,
            });
        }
        [remove, noun, name] if *remove == "remove" => {
            return Some(RegistryEdit::Remove(key(
                RegistryKind::from_keyword(noun)?,
                name,
            )));
        }
        _ => return None,
    };
    let entry = RegistryEntry {
        key,
        location: place,
        attributes,
        category: history,
    };
    Some(RegistryEdit::Add { entry, replace })
}

/// Returns the words of a line and its continuation lines; `None` if its quotes are malformed. With an unset variable, the
/// words stay as typed.
fn words(line: &str, variables: &Variables) -> Option<Vec<OsString>> {
    let bare = |part: &str| {
        if is_continued(part) {
            part[..part.trim_end().len() - 1].to_owned()
        } else {
            part.to_owned()
        }
    };
    let joined: Vec<String> = line.lines().map(bare).collect();
    let typed = lex(&joined.join("\n")).ok()?;
    let words = variables.expand(typed.clone()).unwrap_or(typed);
    Some(words.into_iter().map(|word| word.text).collect())
}

/// Parses the location of an `add` line. A malformed location stays as typed.
fn parse_place(kind: RegistryKind, typed: &OsStr, folder: &Path) -> Option<PathBuf> {
    match kind {
        RegistryKind::Database => {
            Some(place::parse_root(typed, folder).unwrap_or_else(|_| typed.into()))
        }
        RegistryKind::Category => {
            let path = path::expand_home(typed).unwrap_or_else(|_| typed.into());
            let layout = CategoryLayout::parse("", &path);
            Some(layout.map_or(path, |layout| layout.text().to_owned()))
        }
        RegistryKind::Exclusion | RegistryKind::Policy => None,
    }
}
