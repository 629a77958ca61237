//! The replicas of a sync: those that are at the source, looked at, and those that were sent from there and are gone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::SyncRun;
use super::source::SourceSnapshot;
use crate::base::error::Result;
use crate::base::monitor::ProgressEvent;
use crate::base::name::Name;
use crate::copy::outcome::Outcome;
use crate::copy::remote::SourceProbe;
use crate::copy::report::Report;
use crate::index::overview::add_holders;
use crate::index::{Index, SentChanges, SentRow};
use crate::model::project::{ProjectId, Scope, replica_path};
use crate::model::registry::Category;
use crate::scan::discover;
use crate::snapshot::tree::Tree;
use crate::storage::Storage;
use crate::storage::observation::ObservationBuilder;

/// One replica of a sync.
pub(super) struct SyncReplica<'a> {
    /// Its category.
    pub(super) category: &'a Category,
    /// Its project.
    pub(super) project: ProjectId,
    /// Its folder below both roots.
    pub(super) relative: PathBuf,
    /// What the source holds of it; nothing where it is gone.
    pub(super) tree: Tree,
    /// What was sent of it.
    pub(super) sent_rows: Vec<SentRow>,
    /// What a listing showed at the destination, where one was made.
    pub(super) destination_tree: Option<Tree>,
    /// Why nothing can be done with it, if so.
    pub(super) refusal: Option<String>,
}

impl SyncReplica<'_> {
    /// Whether nothing of it was ever sent to the destination.
    pub(super) fn is_new(&self) -> bool {
        self.sent_rows.is_empty() && !self.tree.folders.is_empty()
    }

    /// Takes what is there already for sent.
    pub(super) fn adopt(&mut self, source: &Path, changes: &SentChanges) {
        let folders = changes.folders();
        self.sent_rows = folders
            .map(|(folder, files)| SentRow::pack(folder, source, files))
            .collect();
    }
}

/// What was seen at the source.
#[derive(Default)]
struct SourceCoverage {
    /// The folders of replicas that are there.
    replicas: BTreeSet<PathBuf>,
    /// Folders of which nothing is known: what was sent from below them is not gone.
    unreadable: Vec<PathBuf>,
}

impl SourceCoverage {
    fn is_unreadable(&self, relative: &Path) -> bool {
        self.unreadable
            .iter()
            .any(|closed| relative.starts_with(closed))
    }
}

impl<'a> SyncRun<'a> {
    /// The replicas that are meant. What was seen at the source is told to the index, unless nothing is to be done.
    pub(super) fn collect_replicas(
        &self,
        index: &mut Index,
        snapshot: SourceSnapshot,
        report: &mut Report,
    ) -> Result<Vec<SyncReplica<'a>>> {
        let destination = &self.request.destination.root;
        let mut gathered = Vec::new();
        let mut seen = SourceCoverage {
            unreadable: snapshot.unreadable,
            ..SourceCoverage::default()
        };
        let is_remote = self.request.destination.is_remote();
        for (path, why) in snapshot.problems {
            report.add(Outcome::Failed(why), || self.destination_path(&path));
        }
        for (place, project, tree) in snapshot.replicas {
            let category = self.request.categories[place];
            self.monitor
                .on_event(&ProgressEvent::Files(tree.file_count()));
            let relative = replica_path(&category.path, &project);
            seen.replicas.insert(relative.clone());
            if let Some(error) = tree.failure() {
                report.add(Outcome::Failed(error.full_message()), || {
                    self.destination_path(&relative)
                });
                continue;
            }
            if is_remote {
                self.report_unreadable(&relative, &tree, report);
            }
            gathered.push(SyncReplica {
                category,
                project,
                sent_rows: index.sent_rows(destination, &relative)?,
                relative,
                tree,
                destination_tree: None,
                refusal: None,
            });
        }
        if !self.request.dry_run {
            self.record_source(index, &gathered, report)?;
        }
        self.add_missing_replicas(index, &mut gathered, &seen, report)?;
        self.forget_failures(index, &seen)?;
        if gathered.is_empty() && report.items.is_empty() {
            let (categories, scope) = (&self.request.categories, &self.request.scope);
            let name = &self.request.source.name;
            let error = self
                .source
                .no_replica_error(self.registry, categories, scope, name)?;
            return Err(add_holders(error, index, self.registry, categories, scope)?);
        }
        Ok(gathered)
    }

    fn record_source(
        &self,
        index: &mut Index,
        gathered: &[SyncReplica<'_>],
        report: &mut Report,
    ) -> Result<()> {
        let mut builder = ObservationBuilder::start(index, self.request.source)?;
        for replica in gathered {
            builder.add(replica.category, &replica.project, &replica.tree)?;
        }
        let observation = builder.finish()?;
        if let Err(error) = self.source.record_observation(&observation, index) {
            self.monitor.on_event(&ProgressEvent::Problem(&error));
            report.unrecorded = true;
        }
        Ok(())
    }

    /// Adds the replicas of which this source sent something, and that it does not hold any more.
    fn add_missing_replicas(
        &self,
        index: &Index,
        gathered: &mut Vec<SyncReplica<'a>>,
        seen: &SourceCoverage,
        report: &mut Report,
    ) -> Result<()> {
        let (destination, source) = (&self.request.destination.root, &self.request.source.root);
        for relative in index.sent_replicas(destination, source)? {
            if seen.replicas.contains(&relative) || seen.is_unreadable(&relative) {
                continue;
            }
            let Some((category, project)) = self.match_replica(&relative) else {
                continue;
            };
            // Nothing is there, unless a mount in it is away.
            let (registry, exclusions) = (self.registry, &self.exclusions);
            let tree = match &*self.source {
                Storage::Local(storage) => {
                    storage.tree(registry, exclusions, category, &project)?
                }
                Storage::Remote(_) => Tree::default(),
            };
            self.report_unreadable(&relative, &tree, report);
            if tree.failure().is_some() {
                continue;
            }
            gathered.push(SyncReplica {
                category,
                project,
                sent_rows: index.sent_rows(destination, &relative)?,
                relative,
                tree,
                destination_tree: None,
                refusal: None,
            });
        }
        Ok(())
    }

    /// Reports what could not be read of a replica at the source.
    pub(super) fn report_unreadable(&self, relative: &Path, tree: &Tree, report: &mut Report) {
        for problem in &tree.problems {
            // The replica's own folder has no slash at its end.
            let whole: PathBuf = relative.join(&problem.path).components().collect();
            report.add(Outcome::Failed(problem.error.full_message()), || {
                self.destination_path(&whole)
            });
        }
    }

    /// Forgets the failures of what is no longer at the source, is left alone by now, or could be listed this time.
    fn forget_failures(&self, index: &mut Index, seen: &SourceCoverage) -> Result<()> {
        if self.request.dry_run {
            return Ok(());
        }
        let (source, destination) = self.roots();
        let mut probe = SourceProbe::new(&self.source);
        let mut gone = Vec::new();
        for failure in index.failures_below(source, destination, Path::new(""))? {
            let is_over = if self.replica_of(&failure.path).is_some() {
                self.is_excluded(&failure.path)
                    || self.is_missing_at_source(&mut probe, &failure.path)?
            } else {
                self.was_listed(&failure.path) && !seen.is_unreadable(&failure.path)
            };
            if is_over {
                gone.push(failure.path);
            }
        }
        index.clear_failures(source, destination, &gone)
    }

    /// Whether a path is the folder of a category or a client that this sync lists.
    fn was_listed(&self, path: &Path) -> bool {
        let mut categories = self.request.categories.iter();
        categories.any(|category| {
            let Ok(below) = path.strip_prefix(&category.path) else {
                return false;
            };
            let names: Vec<Name> = below.iter().map(Name::from).collect();
            match (&self.request.scope, names.as_slice()) {
                (Scope::All, [] | [_]) => true,
                (Scope::Client(meant), [client]) => meant == client,
                _ => false,
            }
        })
    }

    /// The category and project of a replica's folder, if these are meant.
    pub(super) fn match_replica(&self, relative: &Path) -> Option<(&'a Category, ProjectId)> {
        discover::match_replica(&self.request.categories, &self.request.scope, relative)
    }
}
