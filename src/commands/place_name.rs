//! Errors of the word after `in`, which names a client, a category or a storage.

use crate::base::error::Error;
use crate::base::noun::Noun;
use crate::base::suggest::suggest;
use crate::model::registry::Registry;

/// Returns the error of an unknown client as that of any place, with similar names of storages and categories too. Returns
/// other errors unchanged.
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
        let names: Vec<&str> = databases.chain(categories).collect();
        let near = suggest(&name.to_string(), names.iter().copied());
        suggestions.splice(0..0, near.into_iter().map(str::to_owned));
        // Many clients are not listed; storages and categories alone would pass for all names.
        if !known.is_empty() {
            known.splice(0..0, names.into_iter().map(str::to_owned));
        }
    }
    error
}
