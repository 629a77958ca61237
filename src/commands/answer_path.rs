//! The check of a path that an answer is written to: `> FILE`, `report --to FILE`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::model::path;

/// Returns the absolute path of a typed one.
///
/// # Errors
/// [`Error::Redirection`] for a folder, the start-up file, and a path in a storage.
pub(crate) fn check_answer_path(typed: &OsStr, workspace: &Workspace) -> Result<PathBuf> {
    let path = path::absolute(typed, &workspace.base)?;
    let refused = |why: String| {
        Err(Error::Redirection {
            path: path.clone(),
            why,
        })
    };
    if path.is_dir() || typed.as_bytes().ends_with(b"/") {
        return refused("it is a folder".to_owned());
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let place = fs::canonicalize(&path)
        .unwrap_or_else(|_| real(folder).join(path.file_name().unwrap_or_default()));
    let databases = workspace.registry.databases().iter();
    let mut local = databases.filter(|database| !database.is_remote());
    if let Some(inside) = local.find(|database| place.starts_with(real(&database.root))) {
        let name = &inside.name;
        return refused(format!(
            "it lies in the storage `{name}`, where only copies are written"
        ));
    }
    if workspace.startup_path.as_deref().map(real) == Some(place) {
        return refused("it is the start-up file; `save` writes it".to_owned());
    }
    Ok(path)
}
