//! The state that commands of one session share.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::catalog_pace::CatalogPace;
use super::last_answer::LastAnswer;
use super::settings::Settings;
use crate::base::confirmation::Confirmation;
use crate::base::error::Result;
use crate::base::lease::{LeaseSource, Leases};
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::name::Name;
use crate::catalog::{CatalogAddress, CatalogLeases};
use crate::index::Index;
use crate::index::overview;
use crate::language::variable::Variables;
use crate::model::access::Access;
use crate::model::place::RootPrefetch;
use crate::model::registry::{Registry, RegistryKey};
use crate::storage::availability;
use crate::storage::availability::Reach;

/// The state of one session of the prompt, one script or one `-c`.
pub struct Workspace {
    /// Databases, categories and exclusions.
    pub registry: Registry,
    /// The registry after the start-up file or the last `save`. The difference to `registry` is unsaved.
    pub saved_registry: Registry,
    /// Entries added with `--replace` since then.
    pub replaced_keys: BTreeSet<RegistryKey>,
    pub index: Index,
    /// Values of `$NAME` and `$1`.
    pub variables: Variables,
    pub settings: Settings,
    /// The settings after the start-up file or the last `save`.
    pub saved_settings: Settings,
    /// The catalog whose leases the runs take.
    pub lease_catalog: Option<CatalogAddress>,
    /// The projects that `_` stands for.
    pub last_answer: LastAnswer,
    /// Receives progress and problems.
    pub monitor: Box<dyn Monitor>,
    /// The folder where relative paths start: of the script, at the prompt the current one.
    pub base: PathBuf,
    /// The file that `save` writes; `None` without a home folder.
    pub startup_path: Option<PathBuf>,
    /// The answer to confirmations.
    pub confirmation: Confirmation,
    /// True if commands only show the changes they would make.
    pub dry_run: bool,
    /// Resolved roots of the start-up file, while it runs. Its routine answers are not shown, so its `add` lines check no
    /// disk.
    pub root_prefetch: Option<RootPrefetch>,
    /// The places where a script found no start-up file, as a message.
    pub missing_startup_file: Option<String>,
    /// When the catalog was asked.
    pub catalog_pace: CatalogPace,
}

impl Workspace {
    /// Returns the next step until projects can be found, and for a script that tracks nothing the places where a start-up
    /// file was expected.
    pub(super) fn setup_hint(&self) -> Option<String> {
        let hint = self.registry.setup_hint()?;
        let missing = self.missing_startup_file.as_ref();
        Some(
            match missing.filter(|_| self.registry.databases().is_empty()) {
                Some(places) => format!("{hint}; {places}"),
                None => hint.to_owned(),
            },
        )
    }

    /// Lets databases at new roots keep what the index knows of them from their old roots.
    ///
    /// # Errors
    /// The index cannot be read or written.
    pub fn adopt_moved_databases(&mut self, reach: Reach) -> Result<()> {
        if self.dry_run {
            return Ok(());
        }
        let databases = self.registry.databases();
        let moved = availability::adopt_moved(&mut self.index, databases, reach)?;
        if !moved.is_empty() {
            overview::refresh(&mut self.index, &self.registry);
        }
        for (from, database) in moved {
            let notice = format!(
                "{} was at `{}` and is now at `{}`: its scans are kept",
                database.name,
                Name::from(from),
                Name::from(database.root)
            );
            self.monitor.on_event(&ProgressEvent::Notice(&notice));
        }
        Ok(())
    }

    /// Sets whether scans leave the disk to other programs.
    pub fn set_polite(&mut self, polite: bool) {
        let access = self.registry.access();
        if access.polite != polite {
            let changed = access.with_polite(polite);
            self.registry.set_access(changed);
        }
    }

    /// Lets runs take the leases of the catalog of the settings, if there is one.
    pub fn share_leases(&mut self) {
        let address = self.settings.catalog.as_ref();
        if self.lease_catalog.as_ref() == address {
            return;
        }
        self.lease_catalog = address.cloned();
        let source = address.map(|address| -> Arc<dyn LeaseSource> {
            Arc::new(CatalogLeases::new(address.clone()))
        });
        let access = Access {
            leases: Leases(source),
            ..self.registry.access().clone()
        };
        self.registry.set_access(access);
    }
}
