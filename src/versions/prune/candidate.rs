//! The versions that are old enough to be removed.

use std::path::PathBuf;
use std::time::Duration;

use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::model::project::Scope;
use crate::model::registry::Registry;
use crate::storage::version::run_folder::VersionFolder;
use crate::versions::list::{KeptVersion, VersionList, VersionScope};

/// A version that may be removed, by its age.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) folder: VersionFolder,
    /// The original folder below the root.
    pub(super) place: PathBuf,
    pub(super) name: Name,
    pub(super) bytes: u64,
    pub(super) modified: Timestamp,
    pub(super) is_link: bool,
}

impl Candidate {
    /// Its path below the root.
    pub(super) fn path(&self) -> PathBuf {
        self.folder
            .path()
            .join(&self.place)
            .join(self.name.as_path())
    }

    fn of(version: &KeptVersion<'_>) -> Self {
        Self {
            folder: version.folder.clone(),
            place: version.place.to_owned(),
            name: version.name.clone(),
            bytes: version.bytes,
            modified: version.modified,
            is_link: version.is_link,
        }
    }
}

/// Returns the versions that are as old as `keep`, and not among the `keep_last` newest of their files.
pub(super) fn candidates(
    registry: &Registry,
    versions: &VersionList,
    (keep, keep_last): (Duration, usize),
) -> Result<Vec<Candidate>> {
    let all = VersionScope {
        scope: Scope::All,
        categories: registry.categories().iter().collect(),
    };
    let keep = i64::try_from(keep.as_secs()).unwrap_or(i64::MAX);
    let latest = Timestamp::now().seconds.saturating_sub(keep);
    let mut of_file: Vec<Candidate> = Vec::new();
    let mut chosen = Vec::new();
    let mut finish_file = |of_file: &mut Vec<Candidate>| {
        let kept = of_file.len().saturating_sub(keep_last);
        let old = of_file.drain(..).take(kept);
        chosen.extend(old.filter(|candidate| candidate.folder.at.seconds <= latest));
    };
    versions.visit(registry, &all, &mut |version| {
        let is_other = of_file
            .first()
            .is_some_and(|first| first.place != version.place || first.name != *version.name);
        if is_other {
            finish_file(&mut of_file);
        }
        of_file.push(Candidate::of(version));
        Ok(())
    })?;
    finish_file(&mut of_file);
    Ok(chosen)
}
