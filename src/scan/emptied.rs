//! A database in which a scan found nothing, though the index knows files there.

use super::discover::ScanScope;
use crate::base::error::{Error, OfflineCause, Result};
use crate::base::unit;
use crate::index::KnownDatabase;
use crate::model::project::Scope;
use crate::model::registry::Registry;
use crate::storage::Storage;

/// Refuses a database without any client folder if the index knows files there: it may be another disk, or a mount point
/// that holds only category folders. An identity file proves that the disk is the right one and was emptied on purpose.
///
/// # Errors
/// [`Error::Offline`], so that the database is never recorded as empty.
pub(super) fn refuse_emptied(
    registry: &Registry,
    scan_scope: &ScanScope<'_>,
    storage: &Storage,
    known: &KnownDatabase,
) -> Result<()> {
    let tracked = registry.categories().iter();
    let tracked = tracked.filter(|category| known.has_files_in(category));
    let tracked: Vec<_> = tracked.collect();
    // Listing the other categories would cost a remote further requests.
    let is_checked = scan_scope.is_whole(registry) || !storage.uses_rclone();
    if tracked.is_empty() || known.identity.is_some() || !is_checked {
        return Ok(());
    }
    let mut discovery = storage.discovery();
    for category in tracked {
        let listing = discovery.list_projects(category, &Scope::All)?;
        if listing.is_unreadable() || listing.client_count > 0 {
            return Ok(());
        }
    }
    let (files, database) = (known.files, storage.database());
    let files = unit::format_counted(files, "file");
    Err(Error::Offline {
        database: database.name.clone(),
        root: database.root.clone(),
        why: format!("holds no client in any category, though the index knows {files} there"),
        cause: OfflineCause::OtherRoot,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::scan::ScanState;
    use crate::scan::tests::Studio;

    fn studio() -> Studio {
        let mut studio = Studio::new(&["footage/acme/spot/a", "footage/acme/spot/b"]);
        studio.scan_all();
        studio
    }

    #[test]
    fn emptied_database_is_offline() {
        let mut studio = studio();
        studio.remove("footage/acme");
        assert_eq!(studio.scan_all().state, ScanState::Offline);
        let text = studio.messages.text();
        assert!(text.contains("though the index knows 2 files there"));
        assert_eq!(studio.stored("footage"), ["acme/spot 2"]);
        // Something unreadable may be the missing client.
        studio.write("grades");
        assert_eq!(studio.scan_all().state, ScanState::Partial);
        assert_eq!(studio.stored("footage"), ["acme/spot 2"]);
    }

    #[test]
    fn identity_proves_an_emptied_database() {
        let mut studio = studio();
        studio.create_identity();
        studio.scan_all();
        studio.remove("footage/acme");
        let summary = studio.scan_all();
        assert_eq!(
            (summary.state, summary.changes.missing),
            (ScanState::Complete, 2)
        );
        assert_eq!(studio.stored("footage"), Vec::<String>::new());
    }

    #[test]
    fn remaining_client_proves_an_emptied_database() {
        let mut studio = studio();
        for file in ["a", "b"] {
            fs::remove_file(studio.path("footage/acme/spot").join(file)).unwrap();
        }
        let summary = studio.scan_all();
        assert_eq!(
            (summary.state, summary.changes.missing),
            (ScanState::Complete, 2)
        );
        assert_eq!(studio.stored("footage"), ["acme/spot 0"]);
    }
}
