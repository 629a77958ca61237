//! Offload: any folder, such as a camera card or a client's drive, into a project on several storages.
//!
//! `card` reads the folder and says which card it is; `folder_name` decides the folder within the project. The copy itself
//! is that of `copy`, with the folder as the source of one part of a replica: every byte is read once, every destination is
//! read back. Remotes are sent to from a destination where the files are verified (`upload`). Afterwards the folder is listed again, and `trust::card` judges from the evidence whether it may be formatted.
//!
//! Rule: nothing is replaced, and what was not proven to be copied keeps the card from being formatted.

mod card;
mod folder_name;
mod report;
mod request;
mod upload;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use self::card::OpenCard;
pub use self::report::OffloadReport;
pub use self::request::OffloadRequest;
use self::upload::CardUpload;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::copy;
use crate::copy::destination::{CopyLimits, CopySpec, Destination, SourceReplica, SyncChanges};
use crate::copy::outcome::Outcome;
use crate::copy::plan::CopyRules;
use crate::copy::report::Report;
use crate::copy::source_root::SourceRoot;
use crate::index::{CardTarget, Index, KnownCard, RunId};
use crate::model::project::{Scope, path_within};
use crate::model::registry::{Database, Registry};
use crate::snapshot::tree::Tree;
use crate::storage::{Layout, LocalStorage, Storage};
use crate::trust::card::{CardStanding, judge_card};
use crate::trust::place;

/// Offloads a folder, or plans a dry run. Files that fail are reported, and the others are copied.
///
/// # Errors
/// The folder is empty or cannot be read; nothing could be started at any destination.
pub fn offload(
    index: &mut Index,
    registry: &Registry,
    request: &OffloadRequest<'_>,
    run: RunId,
    monitor: &dyn Monitor,
) -> Result<OffloadReport> {
    let start = Instant::now();
    upload::require_disk(&request.destinations)?;
    monitor.on_event(&copy::COMPARING_STARTED);
    let layout = Layout::new(registry)?;
    let card = OpenCard::open(request.folder)?;
    let inside = folder_name::expand(request.into, &card.name, card.volume.serial.as_deref())?;
    let tree = card.read(registry)?;
    monitor.on_event(&ProgressEvent::Files(tree.file_count()));
    card.require_files(&tree)?;
    let mut copied = Report::default();
    let target = CardTarget {
        category: request.category.key().to_owned(),
        project: request.project.clone(),
        inside: inside.clone(),
        at: Timestamp::now(),
    };
    let known = record(
        index,
        registry,
        &card,
        &tree,
        &target,
        request.dry_run,
        monitor,
    )?;
    let tree = leave_out(tree, &layout, &inside, &mut copied, &card);
    let database = card.database(known.as_ref(), registry);
    let source = LocalStorage::of_folder(index, &layout, database, Arc::clone(&card.root))?;
    let spec = CopySpec {
        scope: Scope::Project(request.project.clone()),
        source: Arc::new(Storage::Local(source)),
        replicas: vec![SourceReplica {
            category: request.category.clone(),
            project: request.project.clone(),
            inside: inside.clone(),
            tree,
            changes: SyncChanges::default(),
        }],
        rules: CopyRules {
            checksum: true,
            is_offload: true,
            ..CopyRules::default()
        },
        verify: true,
        dry_run: request.dry_run,
        confirm: false,
        run,
        limits: CopyLimits::default(),
        source_root: SourceRoot::Replica,
        sync: None,
    };
    // A dry run reads nothing, so that it compares remotes with the card itself.
    let is_sent_later = |database: &&Database| database.is_remote() && !request.dry_run;
    let (remotes, disks): (Vec<&Database>, Vec<&Database>) = request
        .destinations
        .iter()
        .copied()
        .partition(is_sent_later);
    let destinations = disks
        .iter()
        .map(|database| Destination::closed((*database).clone()));
    let spec = Arc::new(spec);
    copy::execute(
        index,
        &spec,
        destinations.collect(),
        request.confirmation,
        monitor,
        &mut copied,
    )?;
    drop(spec);
    if !remotes.is_empty() {
        let upload = CardUpload {
            request,
            remotes,
            disks: &disks,
            target: &target,
            card: known.as_ref(),
        };
        upload.send(index, registry, run, monitor, &mut copied);
    }
    let standing = match known {
        None => None,
        Some(_) => interrupt::with_grace_period(|| {
            stand(index, registry, &card, &target, &mut copied, monitor)
        }),
    };
    copied.finish(start);
    Ok(OffloadReport {
        folder: card.root.path().to_owned(),
        inside,
        copied,
        standing,
        is_dry_run: request.dry_run,
    })
}

/// Records the card with its files. Without a record, nothing can be said about the card later.
fn record(
    index: &mut Index,
    registry: &Registry,
    card: &OpenCard,
    tree: &Tree,
    target: &CardTarget,
    dry_run: bool,
    monitor: &dyn Monitor,
) -> Result<Option<KnownCard>> {
    if dry_run {
        return index.find_card(&card.seen(tree, target.at, &[]));
    }
    let recorded = place::places(index, registry).and_then(|places| {
        let seen = card.seen(tree, target.at, &places);
        index.record_card(&seen, target)
    });
    match recorded {
        Ok(known) => Ok(Some(known)),
        Err(error) => {
            monitor.on_event(&ProgressEvent::Problem(&error));
            Ok(None)
        }
    }
}

/// Removes the files that patterns exclude from what is copied, and reports them.
fn leave_out(
    mut tree: Tree,
    layout: &Layout,
    inside: &Path,
    report: &mut Report,
    card: &OpenCard,
) -> Tree {
    let mut excluded = Vec::new();
    for (folder, found) in &tree.folders {
        let place = path_within(inside, folder);
        let is_excluded = layout.exclusions.excludes_folder(&place);
        let mut files = found.manifest().files();
        while let Some(file) = files.next() {
            let name = Name::from_bytes(file.name.to_vec());
            if is_excluded || layout.exclusions.excludes(&place, name.as_os_str(), false) {
                excluded.push(folder.join(name.as_path()));
            }
        }
    }
    if excluded.is_empty() {
        return tree;
    }
    for path in &excluded {
        let why = "a pattern of `exclude` leaves it out".to_owned();
        report.add(Outcome::Skipped(why), || card.root.path().join(path));
        tree.remove_file(path);
    }
    tree
}

/// Lists the card again, and judges it: what was added or changed meanwhile is not copied.
fn stand(
    index: &mut Index,
    registry: &Registry,
    card: &OpenCard,
    target: &CardTarget,
    report: &mut Report,
    monitor: &dyn Monitor,
) -> Option<CardStanding> {
    let listed = card.read(registry).and_then(|tree| {
        card.require_files(&tree)?;
        let places = place::places(index, registry)?;
        let known = index.record_card(&card.seen(&tree, Timestamp::now(), &places), target)?;
        Ok((known, places))
    });
    let judged = listed
        .and_then(|(known, places)| judge_card(index, registry, &places, known, Timestamp::now()));
    match judged {
        Ok(standing) => Some(standing),
        Err(error) => {
            // The card was pulled out, or the index cannot be written: the card is not known to be safe.
            report.unrecorded = true;
            monitor.on_event(&ProgressEvent::Problem(&error));
            None
        }
    }
}
