//! The remotes of an offload: they get the files from a destination on a disk, where they are verified, so that the card is
//! read once.

use std::collections::HashSet;
use std::path::PathBuf;

use super::request::OffloadRequest;
use crate::base::error::{Error, Result};
use crate::base::monitor::Monitor;
use crate::base::noun::Noun;
use crate::copy;
use crate::copy::CopyRequest;
use crate::copy::plan::CopyRules;
use crate::copy::report::Report;
use crate::index::{CardTarget, Index, KnownCard, RunId};
use crate::model::project::{Scope, path_within};
use crate::model::registry::{Database, Registry};
use crate::trust::card::proven_files;
use crate::trust::place;

/// The copy of a card to remotes.
pub(super) struct CardUpload<'a> {
    pub(super) request: &'a OffloadRequest<'a>,
    pub(super) remotes: Vec<&'a Database>,
    /// The destinations on disks.
    pub(super) disks: &'a [&'a Database],
    pub(super) target: &'a CardTarget,
    /// `None` if the card could not be recorded.
    pub(super) card: Option<&'a KnownCard>,
}

/// Fails if an offload goes to remotes alone.
///
/// # Errors
/// [`Error::InvalidWord`].
pub(super) fn require_disk(destinations: &[&Database]) -> Result<()> {
    match destinations.iter().find(|database| database.is_remote()) {
        Some(remote) if destinations.iter().all(|database| database.is_remote()) => {
            Err(Error::InvalidWord {
                noun: Noun::Destination,
                word: remote.name.as_str().into(),
                why: "an offload goes to a storage on a disk first, and from there to remotes; name one of each",
            })
        }
        _ => Ok(()),
    }
}

impl CardUpload<'_> {
    /// Sends the files that are verified on one of the disks to the remotes. If that cannot begin, each remote has failed.
    pub(super) fn send(
        &self,
        index: &mut Index,
        registry: &Registry,
        run: RunId,
        monitor: &dyn Monitor,
        report: &mut Report,
    ) {
        match self.try_send(index, registry, run, monitor) {
            Ok(sent) => report.merge(sent),
            Err(error) => {
                for remote in &self.remotes {
                    report.add_destination(remote, Report::default(), Some(&error));
                }
            }
        }
    }

    fn try_send(
        &self,
        index: &mut Index,
        registry: &Registry,
        run: RunId,
        monitor: &dyn Monitor,
    ) -> Result<Report> {
        let request = self.request;
        let (source, proven) = self.best_disk(index, registry)?;
        let replica = request.category.replica_path(&request.project);
        let folder = path_within(&replica, &self.target.inside);
        let only = proven.into_iter().map(|path| folder.join(path));
        let copy_request = CopyRequest {
            scope: Scope::Project(request.project.clone()),
            categories: vec![request.category],
            source,
            destinations: self.remotes.clone(),
            rules: CopyRules {
                is_offload: true,
                ..CopyRules::default()
            },
            verify: true,
            dry_run: false,
            confirmation: request.confirmation,
            only: Some(only.collect()),
        };
        let mut report = copy::copy(index, registry, &copy_request, run, monitor)?;
        for destination in &mut report.destinations {
            let sent = (destination.files, destination.bytes);
            if sent.0 > 0 {
                destination.relayed.insert(source.name.clone(), sent);
            }
        }
        Ok(report)
    }

    /// Returns the disk that holds most files of the card with proof, and these files.
    ///
    /// # Errors
    /// No disk holds any.
    fn best_disk(
        &self,
        index: &Index,
        registry: &Registry,
    ) -> Result<(&Database, HashSet<PathBuf>)> {
        let mut best: Option<(&Database, HashSet<PathBuf>)> = None;
        for place in place::places(index, registry)? {
            let mut disks = self.disks.iter();
            let disk = disks.find(|disk| disk.name == place.database.name);
            let (Some(disk), Some(card)) = (disk, self.card) else {
                continue;
            };
            let category = self.request.category;
            let proven = proven_files(index, &place, category, self.target, card)?;
            if best
                .as_ref()
                .is_none_or(|(_, most)| proven.len() > most.len())
            {
                best = Some((disk, proven));
            }
        }
        best.filter(|(_, proven)| !proven.is_empty())
            .ok_or_else(|| Error::NothingToSend {
                folder: self.request.folder.to_owned(),
            })
    }
}
