//! Removes old versions for good, but never the only known copy of a content.
//!
//! A version may go if its content is that of a file whose storage is online and which is still as it was proven. This is
//! looked at before the question, and again before the removal. `candidate` finds the versions that are old enough, `content`
//! their contents and the files that hold them, `removal` removes.

mod candidate;
mod content;
mod removal;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::candidate::{Candidate, candidates};
use self::content::{KnownContents, digest_of};
use super::list::VersionList;
use super::report::{VersionItem, VersionReport};
use super::restore::take_lock;

use crate::base::confirmation::{Confirmation, Question};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressEvent, Task};
use crate::base::name::Name;
use crate::base::unit;
use crate::index::{EvidenceReader, Index, OutcomeKind, RunId};
use crate::model::registry::{Database, Registry};
use crate::snapshot::digest::Digest;
use crate::storage::{Layout, Storage};

/// Time for which versions are kept without `--keep`: 30 days.
pub const DEFAULT_KEEP: Duration = Duration::from_secs(30 * 86_400);

/// A request to remove old versions.
#[derive(Debug)]
pub struct PruneRequest<'a> {
    pub target: &'a Database,
    /// Versions that are younger are kept.
    pub keep: Duration,
    /// Number of newest versions of each file that are kept.
    pub keep_last: usize,
    /// Removes the only known copy of a content too.
    pub force: bool,
    pub dry_run: bool,
    pub confirmation: Confirmation,
}

/// Removes versions.
///
/// # Errors
/// The target is offline or locked; the user declines, or nobody can confirm.
pub fn prune(
    index: &mut Index,
    registry: &Registry,
    request: &PruneRequest<'_>,
    run: RunId,
    monitor: &dyn Monitor,
) -> Result<VersionReport> {
    let start = Instant::now();
    let layout = Layout::new(registry)?;
    let storage = Storage::open(index, &layout, request.target)?;
    let lock = take_lock(&storage, run, request.dry_run)?;
    let versions = VersionList::of_storage(&storage)?;
    let mut report = VersionReport::default();
    report.add_unread(&versions);
    let candidates = candidates(registry, &versions, (request.keep, request.keep_last))?;
    let selection = if request.force || candidates.is_empty() {
        PruneSelection::unproven(candidates)
    } else {
        let selection = PruneSelection::read(index, registry, &storage, candidates, monitor)?;
        selection.with_present_contents(index, &layout)?
    };
    if request.dry_run {
        for (candidate, _) in &selection.removable {
            report.add_version(&storage, candidate, OutcomeKind::Planned, None);
        }
        report.add_kept(&storage, &selection);
    } else {
        let selection = if selection.removable.is_empty() {
            selection
        } else {
            require_consent(request, &selection)?;
            // The answer may have taken long.
            selection.with_present_contents(index, &layout)?
        };
        report.add_kept(&storage, &selection);
        let removable = selection.removable.into_iter();
        let removable: Vec<Candidate> = removable.map(|(candidate, _)| candidate).collect();
        removal::remove(&storage, &removable, &mut report)?;
    }
    report.add_loss(&request.target.root, lock.as_ref());
    drop(lock);
    report.is_interrupted = interrupt::is_requested();
    report.elapsed = start.elapsed();
    Ok(report)
}

/// The versions that may be removed, and those that must stay.
struct PruneSelection {
    /// With the content that must be elsewhere; `None` if there is nothing to lose.
    removable: Vec<(Candidate, Option<Digest>)>,
    /// With the reasons.
    kept: Vec<(Candidate, String)>,
    contents: Option<KnownContents>,
}

impl PruneSelection {
    /// All versions, whether or not their contents are elsewhere.
    fn unproven(candidates: Vec<Candidate>) -> Self {
        let removable = candidates.into_iter().map(|candidate| (candidate, None));
        Self {
            removable: removable.collect(),
            kept: Vec::new(),
            contents: None,
        }
    }

    /// Selects the versions whose contents the index knows elsewhere.
    fn read(
        index: &Index,
        registry: &Registry,
        storage: &Storage,
        candidates: Vec<Candidate>,
        monitor: &dyn Monitor,
    ) -> Result<Self> {
        let mut selection = Self::unproven(Vec::new());
        monitor.on_event(&ProgressEvent::Started {
            task: Task::Verify,
            files: Some(candidates.len() as u64),
            bytes: None,
        });
        let mut evidence = EvidenceReader::new(index, &storage.database().root)?;
        for candidate in candidates {
            interrupt::check()?;
            match content_of(&mut evidence, storage, &candidate)? {
                Ok(digest) => selection.removable.push((candidate, digest)),
                Err(why) => selection.kept.push((candidate, why)),
            }
            monitor.on_event(&ProgressEvent::Files(1));
        }
        monitor.on_event(&ProgressEvent::Finished);
        let wanted = selection.removable.iter().filter_map(|(_, digest)| *digest);
        let contents = KnownContents::find(index, registry, &wanted.collect())?;
        let why = "it is the only known copy of its content";
        selection.keep_unless(why, |digest| contents.contains(digest));
        selection.contents = Some(contents);
        Ok(selection)
    }

    /// Keeps the versions whose contents cannot be seen elsewhere now.
    fn with_present_contents(mut self, index: &Index, layout: &Arc<Layout>) -> Result<Self> {
        let Some(contents) = &self.contents else {
            return Ok(self);
        };
        let needed = self.removable.iter().filter_map(|(_, digest)| *digest);
        let present = contents.present(index, layout, needed)?;
        let why = "its other copies are offline, or changed since they were read";
        self.keep_unless(why, |digest| present.contains(&digest));
        Ok(self)
    }

    /// Keeps the versions whose contents do not hold, for this reason.
    fn keep_unless(&mut self, why: &str, holds: impl Fn(Digest) -> bool) {
        let removable = std::mem::take(&mut self.removable);
        for (candidate, digest) in removable {
            if digest.is_none_or(&holds) {
                self.removable.push((candidate, digest));
            } else {
                self.kept.push((candidate, why.to_owned()));
            }
        }
    }
}

/// Returns the content of a version that must be elsewhere, `None` if there is nothing to lose; or why it is not known.
fn content_of(
    evidence: &mut EvidenceReader<'_>,
    storage: &Storage,
    candidate: &Candidate,
) -> Result<std::result::Result<Option<Digest>, String>> {
    // A link has no content, and an empty file none that could be lost.
    if candidate.is_link || candidate.bytes == 0 {
        return Ok(Ok(None));
    }
    match digest_of(evidence, storage, candidate) {
        Ok(Some(digest)) => Ok(Ok(Some(digest))),
        Ok(None) => Ok(Err("its content is not known".to_owned())),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error) => Ok(Err(error.full_message())),
    }
}

fn require_consent(request: &PruneRequest<'_>, selection: &PruneSelection) -> Result<()> {
    let candidates = || selection.removable.iter().map(|(candidate, _)| candidate);
    let bytes: u64 = candidates().map(|candidate| candidate.bytes).sum();
    let force = if request.force {
        ", including the only known copies of a content"
    } else {
        ", whose contents are known elsewhere"
    };
    let list = candidates().map(|candidate| {
        let path = candidate.place.join(candidate.name.as_path());
        format!(
            "  {} of {}",
            Name::from(path.as_path()),
            candidate.folder.at.ago()
        )
    });
    request.confirmation.require(&Question {
        text: format!(
            "Remove {} from {} for good, {}{force}?",
            unit::format_counted(selection.removable.len() as u64, "old version"),
            request.target.name,
            unit::format_bytes(bytes)
        ),
        list: list.collect(),
    })
}

impl VersionReport {
    fn add_kept(&mut self, storage: &Storage, selection: &PruneSelection) {
        for (candidate, why) in &selection.kept {
            let reason = Some(why.clone());
            self.add_version(storage, candidate, OutcomeKind::Skipped, reason);
        }
    }

    /// Adds the folders whose versions could not be read: they stay.
    fn add_unread(&mut self, versions: &VersionList) {
        for (place, why) in &versions.unread {
            self.items.push(VersionItem {
                path: PathBuf::from(place),
                outcome: OutcomeKind::Failed,
                bytes: 0,
                reason: Some(why.clone()),
            });
        }
    }
}
