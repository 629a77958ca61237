//! The scan of a database on a disk: its folders are walked.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::completed::CompletedScan;
use super::discover::{Baseline, Discovery, ScanScope};
use super::walk::walk_replicas;
use crate::base::error::Result;
use crate::base::monitor::Monitor;
use crate::base::timestamp::Timestamp;
use crate::index::Index;
use crate::model::exclusion::Exclusions;
use crate::model::mount;
use crate::model::project::{ProjectId, Scope, replica_path};
use crate::model::registry::{Category, Database, Registry};
use crate::os::folder::Folder;
use crate::snapshot::discovery;
use crate::storage::availability;
use crate::storage::availability::RootIds;

/// Reads everything in scope without writing. The index and the root are read only now, because another process may have
/// written, or the disk may have been exchanged, while this scan waited for the disk.
pub(super) fn scan_local<'a>(
    index: &Index,
    registry: &Registry,
    database: &Database,
    scan_scope: &ScanScope<'a>,
    monitor: &dyn Monitor,
) -> Result<CompletedScan<'a>> {
    let started = Timestamp::now();
    let known = index.database(&database.root)?;
    let root = availability::open_root(index, database, &known)?;
    let exclusions = Arc::new(Exclusions::new(registry.exclusion_rules())?);
    let baseline = Baseline::load(index, &known, scan_scope)?;
    let mounted = &baseline.mounted;
    let mut discovery = Discovery::discover(
        registry,
        scan_scope,
        &baseline,
        root.path(),
        monitor,
        &mut |category, inner| discovery::list(&root, category, &scan_scope.scope, inner, mounted),
    )?;
    let replicas: Vec<_> = discovery
        .replicas()
        .map(|(category, project)| (category, project.clone()))
        .collect();
    let mut staging = index
        .stage_scan(&known)?
        .with_exclusions(Arc::clone(&exclusions));
    let walked = walk_replicas(
        &root,
        registry,
        &exclusions,
        &replicas,
        mounted,
        &mut staging,
        monitor,
    )?;
    let inner = find_mounts(&root, &replicas, &exclusions);
    discovery.mounts.extend(inner);
    let scanned = CompletedScan {
        staged: staging.finish()?,
        root_ids: RootIds::of_folder(&root),
        previous: known,
        started,
        discovery,
        walked,
        remote: None,
    };
    refuse_emptied_database(database, registry, &root, &scanned)?;
    Ok(scanned)
}

/// Refuses a database without any client folder if the index knows categories there. An identity file proves that the
/// disk is the right one and was emptied on purpose.
fn refuse_emptied_database(
    database: &Database,
    registry: &Registry,
    root: &Folder,
    scanned: &CompletedScan<'_>,
) -> Result<()> {
    let known = &scanned.previous.categories;
    let is_known = |category: &&Category| known.contains(&category.path);
    let tracked: Vec<_> = registry.categories().iter().filter(is_known).collect();
    if tracked.is_empty() || !scanned.may_be_other_database() {
        return Ok(());
    }
    for category in tracked {
        let inner = registry.inner_categories(category);
        let listing = discovery::list(root, category, &Scope::All, &inner, &BTreeSet::new())?;
        if listing.is_unreadable || listing.client_count > 0 {
            return Ok(());
        }
    }
    Err(scanned.emptied_error(database))
}

/// Returns the mounts inside these replicas and above them in their categories.
fn find_mounts(
    root: &Folder,
    replicas: &[(&Category, ProjectId)],
    exclusions: &Exclusions,
) -> Vec<PathBuf> {
    let mut found = mount::list_below(root.path());
    found.retain(|mount| {
        replicas.iter().any(|(category, project)| {
            let replica = replica_path(&category.path, project);
            mount::affects(mount, &category.path, &replica)
                && !mount
                    .strip_prefix(&replica)
                    .is_ok_and(|path| exclusions.excludes_folder(path))
        })
    });
    found.retain(|mount| mount::is_mounted(root, mount));
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::base::error::Error;
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
        let (registry, scope) = (&studio.registry, studio.scope(Scope::All));
        let database = studio.database();
        let scanned = scan_local(&studio.index, registry, &database, &scope, &studio.messages);
        let refused = scanned.err().unwrap();
        assert!(matches!(
            refused,
            Error::Offline {
                may_be_right_disk: true,
                ..
            }
        ));
        assert_eq!(studio.scan_all().state, ScanState::Offline);
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
