//! Files that a sync leaves alone because size and time are equal, although the index knows that their contents differ.

use super::collect::SyncReplica;
use super::run::SyncRun;
use crate::base::error::Result;
use crate::base::monitor::ProgressEvent;
use crate::base::name::Name;
use crate::base::unit;
use crate::index::Index;
use crate::storage::content_compare::ContentComparison;
use crate::storage::known_tree::read_known_tree;

/// The files found in the replicas of one sync.
#[derive(Debug, Default)]
pub(super) struct KnownDifferences {
    files: u64,
    /// The path of the first file below the root.
    first: Option<Name>,
}

impl SyncRun<'_> {
    /// Adds the files of a replica whose contents are known to differ at the destination. Reads only the index.
    pub(super) fn find_known_differences(
        &self,
        index: &Index,
        replica: &SyncReplica<'_>,
        found: &mut KnownDifferences,
    ) -> Result<()> {
        let (source, destination) = self.roots();
        let ids = [index.database_id(source)?, index.database_id(destination)?];
        let [Some(a), Some(b)] = ids else {
            return Ok(());
        };
        let relative = &replica.relative;
        // Nearly always neither is known, and no tree is read.
        if index
            .folders_of_unequal_digests([a, b], relative)?
            .is_empty()
            && index.differing_files([a, b], relative)?.is_empty()
        {
            return Ok(());
        }
        let rules = &self.source.layout().exclusions;
        let tree = read_known_tree(index, b, replica.category, &replica.project, rules)?;
        let contents = ContentComparison::from_index(index, ids, relative, [&replica.tree, &tree])?;
        found.files += contents.differing.len() as u64;
        if let Some(path) = contents.differing.iter().min() {
            let path = relative.join(path);
            found.first.get_or_insert_with(|| path.as_path().into());
        }
        Ok(())
    }

    /// Warns of the files, if any.
    pub(super) fn warn_of_known_differences(&self, found: &KnownDifferences) {
        let Some(first) = &found.first else {
            return;
        };
        let (source, destination) = (&self.request.source.name, &self.request.destination.name);
        let files = unit::format_counted(found.files, "file");
        let verb = if found.files == 1 {
            "differs"
        } else {
            "differ"
        };
        let text = format!(
            "the content of {files} on {destination} {verb} from {source} at equal size and time, as an earlier comparison found: `{first}`; `compare` lists them, and `copy --overwrite` replaces them"
        );
        self.monitor.on_event(&ProgressEvent::Warning(&text));
    }
}
