//! The folder within a project that gets the files of a card: `--into`, with its placeholders filled in.

use std::path::{Component, Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::noun::Noun;
use crate::base::own_name::is_own;
use crate::base::timestamp::Timestamp;

/// Fills in `{date}` (of today, UTC), `{name}` and `{serial}`.
///
/// # Errors
/// [`Error::InvalidWord`] for another placeholder, an unknown serial, or a path that leaves the project.
pub(super) fn expand(template: &str, name: &str, serial: Option<&str>) -> Result<PathBuf> {
    let invalid = |why| Error::InvalidWord {
        noun: Noun::Folder,
        word: template.into(),
        why,
    };
    let mut path = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (placeholder, after) = after
            .split_once('}')
            .ok_or_else(|| invalid("a `{` has no `}`"))?;
        path.push_str(before);
        let value = match placeholder {
            "date" => Timestamp::now().date(),
            "name" => name.to_owned(),
            "serial" => serial
                .ok_or_else(|| invalid("the system reports no serial of this volume"))?
                .to_owned(),
            _ => return Err(invalid("its placeholders are {date}, {name} and {serial}")),
        };
        // A name stays one folder, whatever its characters.
        path.push_str(&value.replace('/', "-"));
        rest = after;
    }
    path.push_str(rest);
    let path = PathBuf::from(path);
    check(&path).map_err(invalid)?;
    let parts = path.components();
    Ok(parts.filter(|part| *part != Component::CurDir).collect())
}

fn check(path: &Path) -> Result<(), &'static str> {
    for part in path.components() {
        match part {
            Component::Normal(name) if is_own(name) => {
                return Err("the program keeps its own files there");
            }
            Component::Normal(_) | Component::CurDir => {}
            Component::ParentDir => return Err("it may not contain `..`"),
            Component::RootDir | Component::Prefix(_) => {
                return Err("it is a path within the project, without a slash at its beginning");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in() {
        let expanded = |template| {
            let path = expand(template, "A001/C2", Some("3A5C-11F0")).unwrap();
            path.to_str().unwrap().to_owned()
        };
        assert_eq!(expanded("{name}"), "A001-C2");
        assert_eq!(
            expanded("cards//{serial} {name}/."),
            "cards/3A5C-11F0 A001-C2"
        );
        assert_eq!(expanded(""), "");
        assert_eq!(expanded("."), "");
        assert_eq!(expanded("./x/."), "x");
        let date = expanded("{date}");
        assert_eq!((date.len(), &date[4..5]), (10, "-"));
    }

    #[test]
    fn path_stays_within_the_project() {
        for (template, why) in [
            ("../{name}", "`..`"),
            ("/{name}", "slash"),
            (".auto-backup/x", "its own files"),
            ("{day}", "placeholders"),
            ("{name", "no `}`"),
            ("{serial}", "no serial"),
        ] {
            let error = expand(template, "A001", None).unwrap_err().full_message();
            assert!(error.contains(why), "{error}");
        }
        // A name that leads elsewhere is no path.
        assert!(expand("{name}", "..", None).is_err());
        assert_eq!(expand("{name}", "../x", None).unwrap(), Path::new("..-x"));
    }
}
