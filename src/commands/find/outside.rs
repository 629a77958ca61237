//! Matching names that lie in no project.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::unit;
use crate::commands::pattern::Pattern;
use crate::index::Index;
use crate::model::registry::Database;

/// Returns the notice about matching names in no project, which are no files of the index.
pub(super) fn outside_notice(
    index: &Index,
    databases: &[&Database],
    pattern: &Pattern,
) -> Result<Option<String>> {
    let mut found: Option<(u64, String)> = None;
    for database in databases {
        let id = index.database_id(&database.root)?;
        let known = id.map_or(Ok(None), |id| index.outside(id))?;
        for entry in known.into_iter().flat_map(|known| known.entries) {
            let matches = |path: &Path| pattern.matches(path.as_os_str().as_bytes());
            let is_match = if pattern.matches_paths() {
                // Nobody knows how many folders a user takes for the category's.
                let mut below = entry.path.components();
                std::iter::once(entry.path.as_path())
                    .chain(std::iter::from_fn(|| below.next().map(|_| below.as_path())))
                    .any(matches)
            } else {
                matches(Path::new(entry.path.file_name().unwrap_or_default()))
            };
            if is_match {
                let first = || format!("`{}` on `{}`", Name::from(&*entry.path), database.name);
                found.get_or_insert_with(|| (0, first())).0 += 1;
            }
        }
    }
    Ok(found.map(|(count, first)| {
        let names = unit::format_counted(count, "name");
        format!(
            "note: the pattern also matches {names} outside every project, first {first}: see `list outside`"
        )
    }))
}
