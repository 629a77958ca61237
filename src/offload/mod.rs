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
    let card = OpenCard::open(request.folder)?;
    let inside = folder_name::expand(request.into, &card.name, card.volume.serial.as_deref())?;
    let target = CardTarget {
        category: request.category.key().to_owned(),
        project: request.project.clone(),
        inside,
        at: Timestamp::now(),
    };
    let mut work = CardCopy {
        registry,
        request,
        run,
        monitor,
        card,
        target,
        report: Report::default(),
    };
    work.copy_to_disks(index)?;
    let mut standing = None;
    if !request.dry_run {
        // From here on the card is not needed.
        let known = interrupt::with_grace_period(|| work.list_again(index));
        work.send_to_remotes(index, known.as_ref());
        standing = interrupt::with_grace_period(|| work.judge(index, known?));
    }
    let CardCopy {
        card,
        target,
        mut report,
        ..
    } = work;
    report.finish(start);
    Ok(OffloadReport {
        folder: card.root.path().to_owned(),
        inside: target.inside,
        copied: report,
        standing,
        is_dry_run: request.dry_run,
    })
}

/// The copy of a card.
struct CardCopy<'a> {
    registry: &'a Registry,
    request: &'a OffloadRequest<'a>,
    run: RunId,
    monitor: &'a dyn Monitor,
    card: OpenCard,
    target: CardTarget,
    report: Report,
}

impl CardCopy<'_> {
    /// Copies to the destinations on disks. A dry run reads nothing, so that it compares remotes with the card too.
    fn copy_to_disks(&mut self, index: &mut Index) -> Result<()> {
        let request = self.request;
        let layout = Layout::new(self.registry)?;
        let tree = self.card.read(self.registry)?;
        let files = tree.file_count();
        self.monitor.on_event(&ProgressEvent::Files(files));
        self.card.require_files(&tree)?;
        let known = if request.dry_run {
            index.find_card(&self.card.seen(&tree, self.target.at, &[]))?
        } else {
            self.record(index, &tree)
        };
        let inside = &self.target.inside;
        let tree = leave_out(tree, &layout, inside, &mut self.report, &self.card);
        let database = self.card.database(known.as_ref(), self.registry);
        let root = Arc::clone(&self.card.root);
        let source = LocalStorage::of_folder(index, &layout, database, root)?;
        let spec = Arc::new(self.spec(source, tree));
        let destinations = request.destinations.iter();
        let now = destinations.filter(|database| request.dry_run || !database.is_remote());
        copy::execute(
            index,
            &spec,
            now.map(|database| Destination::closed((*database).clone()))
                .collect(),
            request.confirmation,
            self.monitor,
            &mut self.report,
        )
    }

    fn spec(&self, source: LocalStorage, tree: Tree) -> CopySpec {
        let request = self.request;
        CopySpec {
            scope: Scope::Project(request.project.clone()),
            source: Arc::new(Storage::Local(source)),
            replicas: vec![SourceReplica {
                category: request.category.clone(),
                project: request.project.clone(),
                inside: self.target.inside.clone(),
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
            run: self.run,
            limits: CopyLimits::default(),
            source_root: SourceRoot::Replica,
            sync: None,
        }
    }

    /// Records the card with its files. Without a record, nothing can be said about the card.
    fn record(&mut self, index: &mut Index, tree: &Tree) -> Option<KnownCard> {
        let recorded = place::places(index, self.registry).and_then(|places| {
            let seen = self.card.seen(tree, Timestamp::now(), &places);
            index.record_card(&seen, &self.target)
        });
        self.keep(recorded)
    }

    /// Lists the card again: what was added or changed meanwhile is not copied.
    fn list_again(&mut self, index: &mut Index) -> Option<KnownCard> {
        let read = self.card.read(self.registry);
        let listed = read.and_then(|tree| self.card.require_files(&tree).map(|()| tree));
        let tree = self.keep(listed)?;
        self.record(index, &tree)
    }

    fn send_to_remotes(&mut self, index: &mut Index, card: Option<&KnownCard>) {
        let all = self.request.destinations.iter().copied();
        let (remotes, disks): (Vec<&Database>, Vec<&Database>) =
            all.partition(|database| database.is_remote());
        if remotes.is_empty() {
            return;
        }
        let upload = CardUpload {
            request: self.request,
            remotes,
            disks: &disks,
            target: &self.target,
            card,
        };
        upload.send(
            index,
            self.registry,
            self.run,
            self.monitor,
            &mut self.report,
        );
    }

    /// Judges the card as it was listed last.
    fn judge(&mut self, index: &Index, card: KnownCard) -> Option<CardStanding> {
        let registry = self.registry;
        let judged = place::places(index, registry)
            .and_then(|places| judge_card(index, registry, &places, card, Timestamp::now()));
        self.keep(judged)
    }

    /// Returns a result, or reports why there is none: the card was pulled out, or the index cannot be read or written.
    fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.report.unrecorded = true;
                self.monitor.on_event(&ProgressEvent::Problem(&error));
                None
            }
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
