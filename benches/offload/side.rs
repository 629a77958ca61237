//! Destinations of a run: emptied before it, and checked after it.

use std::fs;
use std::io;
use std::path::Path;

use auto_backup::base::error::IoResultExt as _;

use crate::common::outcome::Outcome;
use crate::common::totals::totals;
use crate::studio::Studio;

/// Empties all storages, and removes index and settings.
pub(crate) fn empty(studio: &Studio) -> Outcome<()> {
    for folder in studio.roots().into_iter().chain([studio.path("home")]) {
        remove(&folder)?;
        fs::create_dir_all(&folder).at("create the folder", &folder)?;
    }
    Ok(())
}

/// Removes a folder, if it is there.
pub(crate) fn remove(folder: &Path) -> Outcome<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => Ok(removed.at("remove", folder)?),
    }
}

/// Fails unless all storages hold the files of the card below this folder: the speed of a wrong copy is meaningless.
pub(crate) fn check(card: &Path, studio: &Studio, folder: &str) -> Outcome<()> {
    let wanted = totals(card)?;
    for root in studio.roots() {
        let found = totals(&root.join(folder).join("footage"))?;
        if found != wanted {
            let root = root.display();
            return Err(format!("{root} has {found:?} files and bytes of {wanted:?}").into());
        }
    }
    Ok(())
}
