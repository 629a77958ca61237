//! Scans a destination, records what it finds in the index, and plans every replica.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::adopt::adopt_same_files;
use super::destination::{CopyEvent, DestinationCopy, SourceReplica};
use super::plan::{Constraints, OmissionReason, Plan, PlanInput, limit_files, plan};
use super::preflight;
use super::source_root::SourceRoot;
use crate::base::error::Result;
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::unit;
use crate::index::SentRecord;
use crate::model::path::split_path;
use crate::model::project::ProjectId;
use crate::model::registry::Category;
use crate::rclone;
use crate::snapshot::respelled;
use crate::snapshot::respelled::RespelledEntry;
use crate::snapshot::tree::Tree;
use crate::storage::Storage;
use crate::storage::content_compare::{CompareSettings, ContentComparer, ContentComparison};
use crate::storage::observation::{Observation, ObservationBuilder};

/// Plans every replica. Unless it is a dry run, the scan of the destination is recorded in the index.
pub(super) fn plan_replicas(
    copy: &mut DestinationCopy<'_>,
    storage: &Storage,
) -> Result<Vec<Plan>> {
    let spec = copy.spec;
    if !spec.dry_run {
        let source = (spec.source_root == SourceRoot::Database).then_some(&*spec.source);
        for storage in source.into_iter().chain([storage]) {
            let id = storage.database_id(&mut copy.index);
            ignore(id, "an index that cannot be written stops no copy");
        }
    }
    let scanned = spec.replicas.iter().filter(|replica| needs_scan(replica));
    let categories: Vec<_> = scanned.map(|replica| &replica.category).collect();
    if categories.len() > 1 {
        storage.prefetch(categories, &spec.scope)?;
    }
    let Prepared {
        plans,
        observation,
        adopted,
        contents,
    } = scan_and_plan(copy, storage)?;
    if !spec.dry_run {
        let written = observation.write(&mut copy.index);
        let scanned = spec.replicas.iter().filter(|replica| needs_scan(replica));
        let corrected = scanned
            .map(SourceReplica::relative)
            .try_for_each(|relative| storage.correct_record(&relative).map(drop));
        let source = &spec.source.database().root;
        let adopted = copy
            .index
            .update_sent(&copy.database.root, source, &adopted);
        copy.report_problems([contents, written, corrected, adopted]);
    }
    let limits = &spec.limits;
    Ok(match limits.max_files {
        Some(max_files) => limit_files(plans, &limits.priority, max_files),
        None => plans,
    })
}

/// The plans, and what was found on the way to them.
struct Prepared {
    plans: Vec<Plan>,
    observation: Observation,
    /// Files that are the same at the destination, for the record of a sync.
    adopted: SentRecord,
    /// The result of storing compared contents in the index.
    contents: Result<()>,
}

/// Scans and plans every replica.
fn scan_and_plan(copy: &DestinationCopy<'_>, storage: &Storage) -> Result<Prepared> {
    let spec = copy.spec;
    let settings = CompareSettings {
        checksum: spec.rules.checksum,
        // A user who requests a comparison of contents does not trust the known ones.
        reread: spec.rules.checksum && !spec.rules.is_offload,
        records: !spec.dry_run,
        is_offload: spec.rules.is_offload,
    };
    let on_start = |files, bytes| (copy.on_event)(CopyEvent::Comparing { files, bytes });
    let meter = copy.compare_meter;
    let on_progress = |bytes| meter.add_bytes(bytes);
    let storages = [&*spec.source, storage];
    let contents = ContentComparer::new(&copy.index, storages, settings, &on_start, &on_progress)?;
    let mut preparation = Preparation {
        copy,
        storage,
        contents,
        builder: ObservationBuilder::start(&copy.index, copy.database, storage.observed_root())?,
        clashing: clashing_projects(copy, storage)?,
        unicode_variants: Vec::new(),
        adopted: SentRecord::new(),
    };
    let planned = preparation.plan_all();
    let notices = preparation.contents.notices();
    // After cancellation too, so that no content is read a second time.
    let contents = preparation.contents.finish();
    let plans = planned?;
    report_variants(copy, &preparation.unicode_variants);
    for notice in notices {
        copy.notify(notice);
    }
    Ok(Prepared {
        plans,
        observation: preparation.builder.finish()?,
        adopted: preparation.adopted,
        contents,
    })
}

/// True if a replica is scanned at the destination: its files there are not known by the record of sent files.
fn needs_scan(replica: &SourceReplica) -> bool {
    replica.changes.recorded.is_none() && !replica.tree.folders.is_empty()
}

/// Returns the clients and projects that the destination cannot distinguish from others.
fn clashing_projects(
    copy: &DestinationCopy<'_>,
    storage: &Storage,
) -> Result<BTreeMap<PathBuf, String>> {
    let Some(root) = storage.root_folder() else {
        return Ok(BTreeMap::new());
    };
    let scanned = copy
        .spec
        .replicas
        .iter()
        .filter(|replica| needs_scan(replica));
    let named = scanned.flat_map(SourceReplica::named_folders);
    let all: Vec<_> = named.collect();
    preflight::find_clashing_projects(root, &all)
}

/// Shows the notice about names that differ only in Unicode form.
fn report_variants(copy: &DestinationCopy<'_>, variants: &[Name]) {
    if let Some(first) = variants.first() {
        let names = unit::format_counted(variants.len() as u64, "name");
        let database = &copy.database.name;
        copy.notify(format!(
            "{names} on `{database}` differ from the source only in Unicode form, for example `{first}`: they count as the same"
        ));
    }
}

/// The planning of all replicas.
struct Preparation<'c> {
    copy: &'c DestinationCopy<'c>,
    storage: &'c Storage,
    contents: ContentComparer<'c>,
    builder: ObservationBuilder<'c>,
    /// Clients and projects that would be mixed with others, with the reasons.
    clashing: BTreeMap<PathBuf, String>,
    /// Paths at the destination that differ from the source only in Unicode form.
    unicode_variants: Vec<Name>,
    /// Files that are the same at the destination, for the record of a sync.
    adopted: SentRecord,
}

impl Preparation<'_> {
    fn plan_all(&mut self) -> Result<Vec<Plan>> {
        let replicas = self.copy.spec.replicas.iter();
        replicas
            .map(|replica| {
                interrupt::check()?;
                self.plan_replica(replica)
            })
            .collect()
    }

    fn plan_replica(&mut self, replica: &SourceReplica) -> Result<Plan> {
        let relative = replica.relative();
        if let Err(reason) = self.refuse_replica(&relative, replica.changes.renames_project) {
            return Ok(Plan::refused(relative, reason));
        }
        if !needs_scan(replica) {
            let none = Tree::default();
            let recorded = replica.changes.recorded.as_ref().unwrap_or(&none);
            return self.plan_tree(replica, recorded, &ContentComparison::default(), Vec::new());
        }
        let spec = self.copy.spec;
        let (category, project) = (&replica.category, &replica.project);
        // The project as the destination spells it.
        let id = &self.storage.stored_spelling(category, project);
        let mut tree = self.storage.destination_tree(category, project)?;
        // The index stores the whole replica, with the names as the storage spells them.
        let is_part = replica.inside != Path::new("");
        if is_part {
            self.builder.add(category, id, &tree)?;
            tree = tree.below(&replica.inside);
        }
        if let Err(error) = self.refuse_shared_folder(replica, &tree) {
            let reason = OmissionReason::Failed(error.full_message());
            return Ok(Plan::refused(relative, reason));
        }
        let is_respelled = respelled::is_needed(&replica.tree, &tree);
        if is_respelled && !is_part {
            self.builder.add(category, id, &tree)?;
        }
        let storage = self.storage;
        let respelled = respelled::respell(&replica.tree, &mut tree, &|folder, name| {
            storage.resolves_name(&relative.join(folder), name)
        });
        self.note_project_spelling(category, [id, project]);
        let source_path = spec.source_root.path(&relative, Path::new(""));
        let contents =
            self.contents
                .compare([&source_path, &relative], &replica.tree, &mut tree)?;
        let case_renames = self.split_respelled(&relative, respelled);
        let plan = self.plan_tree(replica, &tree, &contents, case_renames)?;
        if !is_respelled && !is_part {
            self.builder.add(category, id, &tree)?;
        }
        if spec.sync.is_some() && tree.failure().is_none() {
            let same = adopt_same_files(&spec.source, storage, replica, &tree)?;
            self.adopted.insert(relative, same);
        }
        Ok(Plan {
            is_respelled: is_respelled || id != project,
            ..plan
        })
    }

    /// Keeps the path of a project that the destination spells in another Unicode form.
    fn note_project_spelling(&mut self, category: &Category, [id, project]: [&ProjectId; 2]) {
        if id != project {
            let path = category.replica_path(id);
            self.unicode_variants.push(Name::from(path.as_path()));
        }
    }

    fn plan_tree(
        &self,
        replica: &SourceReplica,
        destination: &Tree,
        contents: &ContentComparison,
        case_renames: Vec<(PathBuf, Name)>,
    ) -> Result<Plan> {
        let (relative, spec) = (replica.relative(), self.copy.spec);
        let only = spec.limits.only.as_ref();
        let constraints = Constraints::of(&spec.source, self.storage, &relative, only)?;
        let changes = &replica.changes;
        Ok(plan(PlanInput {
            replica: &relative,
            source: &replica.tree,
            destination,
            rules: spec.rules,
            contents,
            constraints: &constraints,
            case_renames,
            renames_project: changes.renames_project,
            renames: &changes.renames,
            missing: &changes.missing,
            emptied_folders: &changes.emptied_folders,
        }))
    }

    /// Returns the entries to rename because their names differ in case. The others differ in Unicode form, and stay.
    fn split_respelled(
        &mut self,
        relative: &Path,
        respelled: Vec<RespelledEntry>,
    ) -> Vec<(PathBuf, Name)> {
        let mut case_renames = Vec::new();
        for entry in respelled {
            if entry.differs_in_case {
                case_renames.push((entry.path, entry.name));
            } else {
                let folder = relative.join(split_path(&entry.path).0);
                let path = folder.join(entry.name.as_path());
                self.unicode_variants.push(Name::from(path.as_path()));
            }
        }
        if self.storage.renames_case() {
            case_renames
        } else {
            Vec::new()
        }
    }

    /// Fails for a replica that the destination cannot hold, or that would be written into the source or into another
    /// project.
    fn refuse_replica(&self, relative: &Path, is_renamed: bool) -> Result<(), OmissionReason> {
        if self.storage.uses_rclone()
            && let Some(why) = rclone::unsupported_reason(relative)
        {
            return Err(OmissionReason::Refused(why));
        }
        let mut ancestors = relative.ancestors();
        if !is_renamed && let Some(why) = ancestors.find_map(|path| self.clashing.get(path)) {
            return Err(OmissionReason::Refused(why.clone()));
        }
        let roots = self.copy.spec.source.root_folder();
        let Some((source, destination)) = roots.zip(self.storage.root_folder()) else {
            return Ok(());
        };
        if self.copy.spec.source_root == SourceRoot::Replica {
            return preflight::refuse_overlap(source, destination, relative)
                .map_err(|error| OmissionReason::Failed(error.full_message()));
        }
        preflight::refuse_same_folder(source, destination, relative)
            .map_err(|error| OmissionReason::Failed(error.full_message()))
    }

    /// Fails for a replica that shares a folder with the source.
    fn refuse_shared_folder(&self, replica: &SourceReplica, tree: &Tree) -> Result<()> {
        let roots = self.copy.spec.source.root_folder();
        let Some((source, destination)) = roots.zip(self.storage.root_folder()) else {
            return Ok(());
        };
        let relative = replica.relative();
        let source_path = self.copy.spec.source_root.path(&relative, Path::new(""));
        preflight::refuse_shared_folder(
            (source, &source_path, &replica.tree),
            (destination, &relative, tree),
        )
    }
}
