//! The replicas of a sync: those at the source, and those that were sent from it and no longer exist there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::run::SyncRun;
use crate::base::error::Result;
use crate::base::monitor::ProgressEvent;
use crate::copy;
use crate::copy::outcome::Outcome;
use crate::copy::report::Report;
use crate::copy::source::SourceSnapshot;
use crate::index::overview::add_holders;
use crate::index::{Index, SentRow};
use crate::model::project::ProjectId;
use crate::model::registry::Category;
use crate::snapshot::tree::Tree;
use crate::storage::EntryProbe;

/// One replica of a sync.
pub(super) struct SyncReplica<'a> {
    pub(super) category: &'a Category,
    pub(super) project: ProjectId,
    /// Its folder below both roots.
    pub(super) relative: PathBuf,
    /// The tree at the source; empty if the replica does not exist there.
    pub(super) tree: Tree,
    /// The record of files that were sent.
    pub(super) sent_rows: Vec<SentRow>,
}

impl SyncReplica<'_> {
    /// True if nothing of the replica was ever sent to the destination.
    pub(super) fn is_new(&self) -> bool {
        self.sent_rows.is_empty() && !self.tree.folders.is_empty()
    }
}

/// The parts of the source that were read.
#[derive(Default)]
struct SourceCoverage {
    /// Folders of the replicas that exist.
    replicas: BTreeSet<PathBuf>,
    /// Unreadable folders. Files that were sent from below them are not missing.
    unreadable: Vec<PathBuf>,
}

impl SourceCoverage {
    fn is_unreadable(&self, relative: &Path) -> bool {
        self.unreadable
            .iter()
            .any(|folder| relative.starts_with(folder))
    }
}

impl<'a> SyncRun<'a> {
    /// Collects the replicas in scope, and records the contents of the source in the index unless this is a dry run.
    pub(super) fn collect_replicas(
        &self,
        index: &mut Index,
        snapshot: SourceSnapshot,
        report: &mut Report,
    ) -> Result<Vec<SyncReplica<'a>>> {
        let mut replicas = Vec::new();
        let mut coverage = SourceCoverage {
            unreadable: snapshot.unreadable,
            ..SourceCoverage::default()
        };
        for (path, reason) in snapshot.problems {
            report.add(Outcome::Failed(reason), || self.destination_path(&path));
        }
        for (place, project, tree) in snapshot.replicas {
            let category = self.request.categories[place];
            self.monitor
                .on_event(&ProgressEvent::Files(tree.file_count()));
            let relative = category.replica_path(&project);
            coverage.replicas.insert(relative.clone());
            if let Some(error) = tree.failure() {
                report.add(Outcome::Failed(error.full_message()), || {
                    self.destination_path(&relative)
                });
                continue;
            }
            replicas.push(self.replica(index, (category, project), relative, tree)?);
        }
        if !self.request.dry_run {
            let trees = replicas.iter();
            let trees = trees.map(|replica| (replica.category, &replica.project, &replica.tree));
            let (source, started) = (&self.source, self.started);
            copy::record_source(index, source, started, trees, self.monitor, report)?;
        }
        self.add_missing_replicas(index, &mut replicas, &coverage, report)?;
        self.forget_failures(index, &coverage)?;
        for project in &snapshot.absent {
            // A project that was sent before is gone from the source, and is reported file by file.
            let was_sent = replicas
                .iter()
                .any(|replica| replica.project.composed() == project.composed());
            if !was_sent && !replicas.is_empty() {
                let why = format!("it is not on {}", self.request.source.name);
                report.add(Outcome::Failed(why), || project.path());
            }
        }
        if replicas.is_empty() && report.items.is_empty() {
            let (categories, scope) = (&self.request.categories, &self.request.scope);
            let name = &self.request.source.name;
            let error = self.source.no_replica_error(categories, scope, name)?;
            return Err(add_holders(error, index, self.registry, categories, scope)?);
        }
        Ok(replicas)
    }

    pub(super) fn replica(
        &self,
        index: &Index,
        (category, project): (&'a Category, ProjectId),
        relative: PathBuf,
        tree: Tree,
    ) -> Result<SyncReplica<'a>> {
        Ok(SyncReplica {
            category,
            project,
            sent_rows: index.sent_rows(&self.request.destination.root, &relative)?,
            relative,
            tree,
        })
    }

    /// Adds the replicas that this source sent and that no longer exist there.
    fn add_missing_replicas(
        &self,
        index: &Index,
        replicas: &mut Vec<SyncReplica<'a>>,
        coverage: &SourceCoverage,
        report: &mut Report,
    ) -> Result<()> {
        let (source, destination) = self.roots();
        for relative in index.sent_replicas(destination, source)? {
            if coverage.replicas.contains(&relative) || coverage.is_unreadable(&relative) {
                continue;
            }
            let Some((category, project)) = self.match_replica(&relative) else {
                continue;
            };
            // Empty, unless a mount inside the replica is missing, which is a problem in its tree.
            let tree = self.source.tree(category, &project)?;
            if tree.failure().is_some() {
                self.report_unreadable(&relative, &tree, report);
            } else {
                replicas.push(self.replica(index, (category, project), relative, tree)?);
            }
        }
        Ok(())
    }

    /// Reports the unreadable files and folders of a replica at the source.
    pub(super) fn report_unreadable(&self, relative: &Path, tree: &Tree, report: &mut Report) {
        for problem in &tree.problems {
            // Without a trailing slash for the replica's own folder.
            let path: PathBuf = relative.join(&problem.path).components().collect();
            report.add(Outcome::Failed(problem.error.full_message()), || {
                self.destination_path(&path)
            });
        }
    }

    /// Forgets failures of paths that are missing at the source, are excluded now, or could be listed this time.
    fn forget_failures(&self, index: &mut Index, coverage: &SourceCoverage) -> Result<()> {
        if self.request.dry_run {
            return Ok(());
        }
        let (source, destination) = self.roots();
        let mut probe = EntryProbe::new(&self.source);
        let mut obsolete = Vec::new();
        for failure in index.failures_below(source, destination, Path::new(""))? {
            let path = failure.path;
            let is_obsolete = if self.replica_of(&path).is_some() {
                self.is_excluded(&path) || probe.is_missing(&path)?
            } else {
                self.was_listed(&path) && !coverage.is_unreadable(&path)
            };
            if is_obsolete {
                obsolete.push(path);
            }
        }
        index.clear_failures(source, destination, &obsolete)
    }

    /// True if a path is the folder of a category or client that this sync lists.
    fn was_listed(&self, path: &Path) -> bool {
        let mut categories = self.request.categories.iter();
        categories.any(|category| category.layout.is_on_the_way_in(path, &self.request.scope))
    }
}
