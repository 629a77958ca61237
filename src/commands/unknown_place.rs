//! The error of an unknown word after `in`, which names a client, a category or a storage.

use std::ffi::OsStr;

use crate::base::error::Error;
use crate::base::noun::Noun;
use crate::base::suggest::suggest;
use crate::language::lexer::quote;
use crate::model::registry::Registry;

/// Returns the error of an unknown client as that of any place: similar names of all three kinds are suggested, the most
/// similar first. Returns other errors unchanged.
pub(super) fn unknown_place_error(mut error: Error, registry: &Registry) -> Error {
    if let Error::UnknownName {
        noun: noun @ Noun::Client,
        name,
        suggestions,
        known,
    } = &mut error
    {
        *noun = Noun::Place;
        let databases = registry.databases().iter();
        let databases = databases.map(|database| database.name.as_str());
        let categories = registry.categories().iter();
        let categories = categories.map(|category| category.name.as_str());
        let names: Vec<String> = databases
            .chain(categories)
            .map(|name| quote(OsStr::new(name)))
            .collect();
        let all = names.iter().chain(&*suggestions).map(String::as_str);
        let near = suggest(&name.to_string(), all).into_iter();
        *suggestions = near.map(str::to_owned).collect();
        // Many clients are not listed; storages and categories alone would pass for all names.
        if !known.is_empty() {
            known.splice(0..0, names);
        }
    }
    error
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn most_similar_name_of_any_kind_comes_first() {
        let mut registry = Registry::default();
        for name in ["ACMA", "NAS 2"] {
            registry
                .add_database(name, &Path::new("/").join(name), false)
                .unwrap();
        }
        registry
            .add_category("footage", Path::new("footage"), false)
            .unwrap();
        let suggested = |typed: &str, clients: &[&str]| {
            let error = Error::UnknownName {
                noun: Noun::Client,
                name: typed.into(),
                suggestions: clients.iter().map(|name| (*name).to_owned()).collect(),
                known: Vec::new(),
            };
            match unknown_place_error(error, &registry) {
                Error::UnknownName {
                    noun: Noun::Place,
                    suggestions,
                    ..
                } => suggestions,
                error => panic!("{error:?}"),
            }
        };
        assert_eq!(suggested("Acme", &["acme"]), ["acme"]);
        assert_eq!(suggested("fotage", &[]), ["footage"]);
        assert_eq!(suggested("NAS", &[]), ["'NAS 2'"]);
    }
}
