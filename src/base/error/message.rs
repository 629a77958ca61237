//! Parts of messages that depend on the fields of an error.

use crate::base::name::Name;

/// Returns the beginning of the message for a missing project, a missing client, or a database without projects.
pub(super) fn absence_message(project: &Name) -> String {
    if is_all_projects(project) {
        "no project".to_owned()
    } else {
        format!("`{project}` is not")
    }
}

/// Returns `: DETAIL`, or nothing without a detail.
pub(super) fn colon_suffix(detail: Option<&str>) -> String {
    detail.map_or_else(String::new, |words| format!(": {words}"))
}

/// Returns why a run must not write any more.
pub(super) fn loss_of_lease(holder: Option<&str>) -> String {
    holder.map_or_else(
        || "its lease could not be renewed".to_owned(),
        |holder| format!("it was taken over by {holder}"),
    )
}

/// True for the word that selects every project.
pub(super) fn is_all_projects(project: &Name) -> bool {
    project.as_bytes() == b"all"
}
