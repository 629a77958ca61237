//! What commands share. Only fields: what is done with them stands in the commands and below.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::settings::Settings;
use crate::base::confirmation::Confirmation;
use crate::base::monitor::Monitor;
use crate::index::Index;
use crate::language::variable::Variables;
use crate::model::place::RootPrefetch;
use crate::model::registry::{Registry, RegistryKey};

/// The state of one session of the prompt, one script or one `-c`.
pub struct Workspace {
    /// What is tracked.
    pub registry: Registry,
    /// What was tracked once the start-up file had run, or at the last `save`; the difference to `registry` is unsaved.
    pub saved_registry: Registry,
    /// What was given its place with `--replace` since then.
    pub replaced_keys: BTreeSet<RegistryKey>,
    /// What the last looks saw.
    pub index: Index,
    /// What `$NAME` and `$1` stand for.
    pub variables: Variables,
    /// What `set` changes.
    pub settings: Settings,
    /// Told of long work.
    pub monitor: Box<dyn Monitor>,
    /// The folder that relative paths in `add` and `source` are relative to.
    pub base: PathBuf,
    /// The file that `save` writes, if there is a place for one.
    pub startup_path: Option<PathBuf>,
    /// Who answers where a command asks.
    pub confirmation: Confirmation,
    /// Whether what would change anything only says what it would do.
    pub dry_run: bool,
    /// While the start-up file is running, where the roots in it really are: nobody reads its routine answers, so no disk
    /// is asked for their sake.
    pub root_prefetch: Option<RootPrefetch>,
}

impl std::fmt::Debug for Workspace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Workspace")
            .field("registry", &self.registry)
            .field("index", &self.index)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}
