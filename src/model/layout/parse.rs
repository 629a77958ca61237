//! From a typed path to a layout: refuses paths that leave the root, and corrects misplaced placeholders.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use super::{CategoryLayout, LayoutPart};
use crate::base::error::{Error, Result};
use crate::base::noun::Noun;
use crate::base::own_name::OWN_FOLDER;
use crate::base::suggest::suggest;
use crate::language::quote::quote;

impl CategoryLayout {
    /// Parses the typed path of the category `name`.
    ///
    /// # Errors
    /// [`Error::InvalidWord`] for an absolute path, a path that leaves the root, and the program's own folder;
    /// [`Error::InvalidLayout`] for placeholders that do not give each project one folder.
    pub fn parse(name: &str, typed: &Path) -> Result<Self> {
        let malformed = |why| Error::InvalidWord {
            noun: Noun::CategoryPath,
            word: typed.into(),
            why,
        };
        let mut path = PathBuf::new();
        for component in typed.components() {
            match component {
                Component::Normal(part) => path.push(part),
                Component::CurDir => {}
                Component::ParentDir => {
                    return Err(malformed("`..` would leave the storage's root"));
                }
                Component::RootDir | Component::Prefix(_) => {
                    return Err(malformed(
                        "it must be relative to the roots of the storages",
                    ));
                }
            }
        }
        if typed.as_os_str().is_empty() {
            return Err(malformed("it is empty; the root itself is written `.`"));
        }
        if path.components().any(|part| part.as_os_str() == OWN_FOLDER) {
            return Err(malformed(
                "`.auto-backup` is where auto-backup keeps its own files",
            ));
        }
        if let Some((why, corrected)) = placeholder_mistake(&path) {
            let corrected = corrected.map(|path| {
                let [name, path] = [OsStr::new(name), path.as_os_str()].map(quote);
                format!("add category {name} {path}")
            });
            return Err(Error::InvalidLayout {
                word: typed.into(),
                why,
                corrected,
            });
        }
        Ok(Self::from_key(&path))
    }
}

/// Returns the mistake in the placeholders of a path, with the corrected path if there is one.
fn placeholder_mistake(path: &Path) -> Option<(&'static str, Option<PathBuf>)> {
    let parts: Vec<LayoutPart> = path.iter().map(LayoutPart::parse).collect();
    for (at, part) in parts.iter().enumerate() {
        let LayoutPart::Fixed(name) = part else {
            if parts[..at].contains(part) {
                let rest = path.iter().enumerate().filter(|(other, _)| *other != at);
                let corrected = rest.map(|(_, name)| name).collect();
                return Some(("each placeholder can stand once", Some(corrected)));
            }
            continue;
        };
        let name = name.to_string_lossy();
        let inner = name
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        if let Some(word) = inner.filter(|word| word.chars().all(char::is_alphanumeric)) {
            let near = suggest(word, ["client", "project"]);
            let corrected = near.first().map(|near| {
                let names = path.iter().enumerate();
                let meant = OsString::from(format!("{{{near}}}"));
                let names = names.map(|(other, name)| if other == at { &*meant } else { name });
                names.collect()
            });
            return Some(("the placeholders are `{client}` and `{project}`", corrected));
        }
        if name.contains("{client}") || name.contains("{project}") {
            return Some(("a placeholder is a whole folder of the path", None));
        }
    }
    let lacks_project =
        parts.contains(&LayoutPart::Client) && !parts.contains(&LayoutPart::Project);
    lacks_project.then(|| {
        let names = path.iter().flat_map(|name| {
            let is_client = LayoutPart::parse(name) == LayoutPart::Client;
            [Some(name), is_client.then(|| OsStr::new("{project}"))]
        });
        let corrected = names.flatten().collect();
        (
            "`{project}` is missing: every project needs a folder",
            Some(corrected),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misplaced_placeholders_are_corrected() {
        for (typed, corrected) in [
            ("{client}/footage", Some("{client}/{project}/footage")),
            ("{client}/{project}/{client}", Some("{client}/{project}")),
            ("{Client}/{project}", Some("{client}/{project}")),
            ("{clinet}/{project}/x y", Some("'{client}/{project}/x y'")),
            ("{year}/{project}", None),
            ("old-{client}/{project}", None),
        ] {
            let refused = CategoryLayout::parse("f", Path::new(typed));
            let Err(Error::InvalidLayout {
                corrected: found, ..
            }) = refused
            else {
                panic!("{typed}: {refused:?}");
            };
            let corrected = corrected.map(|path| format!("add category f {path}"));
            assert_eq!(found, corrected, "{typed}");
        }
    }
}
