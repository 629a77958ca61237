//! A file to heal.

use std::path::PathBuf;

use crate::model::project::ProjectId;
use crate::snapshot::digest::Digest;
use crate::trust::place::Place;

/// A file to heal.
#[derive(Clone, Debug)]
pub(super) struct Patient {
    pub(super) project: ProjectId,
    /// The path below every root.
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    /// The digest of the intact content.
    pub(super) digest: Digest,
    pub(super) is_missing: bool,
    /// Places of copies that may have that content.
    pub(super) sources: Vec<usize>,
    /// What the other storages hold, for the message when no copy is intact.
    pub(super) others: Vec<String>,
}

impl Patient {
    /// Removes a source that was read now and does not have the content.
    pub(super) fn set_altered(&mut self, place: usize, name: &str) {
        self.sources.retain(|source| *source != place);
        self.others.push(format!("{name}: not intact any more"));
    }

    /// Why it cannot be healed: who holds what.
    pub(super) fn refusal(&self, places: &[Place]) -> String {
        let offline = self.sources.iter().map(|place| places[*place].name());
        let offline: Vec<&str> = offline.collect();
        let mut parts = vec!["no intact copy can be read".to_owned()];
        if !offline.is_empty() {
            parts.push(format!("intact when last seen: {}", offline.join(", ")));
        }
        parts.extend(self.others.iter().cloned());
        parts.join("; ")
    }
}
