//! A request to offload a folder.

use std::path::Path;

use crate::base::confirmation::Confirmation;
use crate::model::project::ProjectId;
use crate::model::registry::{Category, Database};

/// A folder, and the places that it is copied to.
#[derive(Debug)]
pub struct OffloadRequest<'a> {
    /// The folder, as typed.
    pub folder: &'a Path,
    pub project: ProjectId,
    pub category: &'a Category,
    pub destinations: Vec<&'a Database>,
    /// The folder within the project, as typed, with `{date}`, `{name}` and `{serial}`.
    pub into: &'a str,
    /// Plans and writes nothing.
    pub dry_run: bool,
    pub confirmation: Confirmation,
}
