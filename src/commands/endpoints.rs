//! The words `[CATEGORY] FROM TO[,TO...]` of a line, resolved by the registry.
//!
//! A category is recognized by its name, so that it may be left out. In a list, blanks may follow the commas. The error of
//! a word in the wrong place names what it is and what is missing.

use crate::base::error::{Error, Result};
use crate::base::noun::Noun;
use crate::model::registry::{Category, Database, Registry};

/// The form of a line that names a source and destinations, or two storages.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineForm {
    /// The usage, as in the help.
    pub(super) usage: &'static str,
    /// The placeholders of the storages.
    pub(super) placeholders: [&'static str; 2],
    /// True if the last storage may be a list.
    pub(super) takes_list: bool,
}

/// The categories and storages that a line names.
#[derive(Debug)]
pub(super) struct Endpoints<'a> {
    /// The category as typed; `all` if it was left out.
    pub(super) category: String,
    pub(super) categories: Vec<&'a Category>,
    pub(super) source: &'a Database,
    /// At least one, none twice.
    pub(super) destinations: Vec<&'a Database>,
}

impl LineForm {
    /// Resolves the words after the project.
    ///
    /// # Errors
    /// A storage is missing, a name is unknown, or a word stands in the wrong place.
    pub(super) fn resolve<'a>(
        self,
        registry: &'a Registry,
        words: &[&str],
    ) -> Result<Endpoints<'a>> {
        let lists = split_lists(words)?;
        let has_category = self.begins_with_category(registry, &lists)?;
        let (category, storages) = lists.split_at(usize::from(has_category));
        let category = category.first().map_or("all", |list| list[0]).to_owned();
        let (Some(from), Some(_)) = (storages.first(), storages.get(1)) else {
            let missing = &self.placeholders[storages.len()..];
            return Err(self.missing(missing.join(", ")));
        };
        let lists = if self.takes_list { 1 } else { 2 };
        if let Some(list) = storages.iter().take(lists).find(|list| list.len() > 1) {
            return Err(Error::InvalidWord {
                noun: Noun::Database,
                word: list.join(",").as_str().into(),
                why: "it is a list, where one name is expected",
            });
        }
        let mut destinations: Vec<&Database> = Vec::new();
        for name in storages[1..].iter().flatten() {
            let database = self.database(registry, name)?;
            if !destinations.contains(&database) {
                destinations.push(database);
            }
        }
        Ok(Endpoints {
            categories: registry.select_categories(&category)?,
            category,
            source: self.database(registry, from[0])?,
            destinations,
        })
    }

    /// True if the first word is a category. With two words it is one only if it cannot be a storage.
    fn begins_with_category(self, registry: &Registry, lists: &[Vec<&str>]) -> Result<bool> {
        let Some([first]) = lists.first().map(Vec::as_slice) else {
            return Ok(false);
        };
        let is_database = registry.database(first).is_ok();
        let category = registry.select_categories(first);
        if lists.len() <= 2 {
            return Ok(category.is_ok() && !is_database);
        }
        match category {
            Ok(_) => Ok(true),
            Err(_) if is_database && self.takes_list => Ok(false),
            Err(_) if is_database => Err(self.misplaced(first, Noun::Database, Noun::Category)),
            Err(error) => Err(error),
        }
    }

    fn database<'a>(self, registry: &'a Registry, name: &str) -> Result<&'a Database> {
        registry
            .database(name)
            .map_err(|error| match registry.select_categories(name) {
                Ok(_) => self.misplaced(name, Noun::Category, Noun::Database),
                Err(category) if category.suggests() && !error.suggests() => category,
                Err(_) => error,
            })
    }

    fn missing(self, missing: String) -> Error {
        Error::MissingWords {
            missing,
            hint: format!("write it as: {}", self.usage),
        }
    }

    fn misplaced(self, word: &str, noun: Noun, expected: Noun) -> Error {
        Error::MisplacedWord {
            word: word.into(),
            noun,
            expected,
            usage: self.usage,
        }
    }
}

/// Splits words at their commas. A word that follows a comma, or begins with one, continues the list.
fn split_lists<'w>(words: &[&'w str]) -> Result<Vec<Vec<&'w str>>> {
    let mut lists: Vec<Vec<&str>> = Vec::new();
    let mut is_open = false;
    for word in words {
        let begins_with_comma = word.starts_with(',');
        if begins_with_comma && lists.is_empty() {
            return Err(list_error(word));
        }
        let continues = is_open || begins_with_comma;
        let names = word
            .strip_prefix(',')
            .filter(|_| begins_with_comma && !is_open);
        let names = names.unwrap_or(word);
        is_open = names.ends_with(',') || names.is_empty() && begins_with_comma;
        let names = names.strip_suffix(',').unwrap_or(names);
        let parts = names.split(',').filter(|_| !(names.is_empty() && is_open));
        let parts: Vec<&str> = parts.collect();
        if parts.contains(&"") && word.contains(',') {
            return Err(list_error(word));
        }
        match lists.last_mut().filter(|_| continues) {
            Some(list) => list.extend(parts),
            None => lists.push(parts),
        }
    }
    match words.last() {
        Some(last) if is_open => Err(list_error(last)),
        _ => Ok(lists),
    }
}

fn list_error(word: &str) -> Error {
    Error::InvalidWord {
        noun: Noun::Destination,
        word: word.into(),
        why: "a name is missing beside a comma; a list is written NAS,CLOUD",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const FORM: LineForm = LineForm {
        usage: "copy PROJECT [CATEGORY] FROM TO[,TO...]",
        placeholders: ["FROM", "TO"],
        takes_list: true,
    };

    fn registry() -> Registry {
        let mut registry = Registry::default();
        for name in ["WORK", "NAS", "SHELF", "both"] {
            let root = Path::new("/mnt").join(name);
            registry.add_database(name, &root, false).unwrap();
        }
        for name in ["footage", "render", "both"] {
            registry.add_category(name, Path::new(name), false).unwrap();
        }
        registry
    }

    /// Returns `CATEGORY: FROM -> TO TO`, or the error.
    fn resolved(form: LineForm, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        match form.resolve(&registry(), &words) {
            Ok(found) => {
                let to: Vec<&str> = found.destinations.iter().map(|to| &*to.name).collect();
                format!(
                    "{}: {} -> {}",
                    found.category,
                    found.source.name,
                    to.join(" ")
                )
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn category_may_be_left_out() {
        for (line, expected) in [
            ("footage WORK NAS", "footage: WORK -> NAS"),
            ("WORK NAS", "all: WORK -> NAS"),
            ("all WORK NAS", "all: WORK -> NAS"),
            ("WORK NAS SHELF", "all: WORK -> NAS SHELF"),
            ("footage WORK NAS SHELF NAS", "footage: WORK -> NAS SHELF"),
            // A name of both kinds is a storage where the line would lack one.
            ("both NAS", "all: both -> NAS"),
            ("both both NAS", "both: both -> NAS"),
            ("footage both NAS", "footage: both -> NAS"),
        ] {
            assert_eq!(resolved(FORM, line), expected, "{line}");
        }
    }

    #[test]
    fn blanks_may_surround_commas() {
        for line in [
            "WORK NAS,SHELF",
            "WORK NAS, SHELF",
            "WORK NAS ,SHELF",
            "WORK NAS , SHELF",
        ] {
            assert_eq!(resolved(FORM, line), "all: WORK -> NAS SHELF", "{line}");
        }
        for line in [
            "WORK NAS,",
            "WORK NAS,,SHELF",
            "WORK ,",
            "WORK NAS, ,SHELF",
            ", NAS",
        ] {
            let error = resolved(FORM, line);
            assert!(error.contains("a name is missing"), "{line}: {error}");
        }
        assert_eq!(
            resolved(FORM, "WORK, NAS SHELF"),
            "`WORK,NAS` cannot be a storage: it is a list, where one name is expected"
        );
    }

    #[test]
    fn error_names_the_missing_word() {
        for (line, expected) in [
            ("footage", "missing: FROM, TO"),
            ("footage WORK", "missing: TO"),
            ("WORK", "missing: TO"),
            ("WROK NAS", "unknown storage `WROK`"),
            ("fotage WORK NAS", "unknown category `fotage`"),
            ("footage WORK NSA", "unknown storage `NSA`"),
            (
                "WORK footage NAS",
                "`footage` is a category, where a storage is expected",
            ),
        ] {
            assert_eq!(resolved(FORM, line), expected, "{line}");
        }
        let two = LineForm {
            takes_list: false,
            ..FORM
        };
        assert_eq!(
            resolved(two, "WORK NAS SHELF"),
            "`WORK` is a storage, where a category is expected"
        );
    }
}
