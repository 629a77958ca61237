//! A comparison from beginning to end: the replicas of a scope on two databases, file by file.

mod folder;
mod time;

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use self::folder::FolderComparison;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressEvent, Task};
use crate::index::Index;
use crate::model::exclusion::Exclusions;
use crate::model::project::{ProjectId, Scope, path_within, replica_path};
use crate::model::registry::{Category, Database, Registry};
use crate::os::disk::Disk;
use crate::snapshot::diff;
use crate::snapshot::diff::{DiffEntry, Difference};
use crate::snapshot::respelled;
use crate::snapshot::tree::Tree;
use crate::storage::Storage;
use crate::storage::content_compare;
use crate::storage::content_compare::{
    ContentComparison, ContentRecord, ProgressFn, TimeReconciliation,
};
use crate::storage::observation::ObservationBuilder;

/// What is to be compared.
#[derive(Debug)]
pub struct CompareRequest<'a> {
    /// Which projects.
    pub scope: Scope,
    /// Which categories.
    pub categories: Vec<&'a Category>,
    /// The two databases.
    pub databases: [&'a Database; 2],
    /// Whether content decides, not time.
    pub checksum: bool,
    /// Whether content is read also where it is known from before.
    pub reread: bool,
}

/// Why something is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompareVerdict {
    /// Only in the first database.
    OnlyA,
    /// Only in the second.
    OnlyB,
    /// In both, and different: how, and what it is on each side.
    Differs(Difference, [DiffEntry; 2]),
    /// It could not be compared.
    Failed(String),
    /// It is never compared.
    Skipped(String),
}

/// Something that is not plainly the same.
#[derive(Clone, Debug)]
pub struct DifferingItem {
    /// The category, by its place in the request.
    pub category: usize,
    /// The path below the category's folder.
    pub path: PathBuf,
    /// Whether it is an empty folder.
    pub is_folder: bool,
    /// Why it is listed.
    pub verdict: CompareVerdict,
}

/// How many files there are of each sort, links included and empty folders where only one side has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompareCounts {
    /// Only in the first database.
    pub only_a: u64,
    /// Only in the second.
    pub only_b: u64,
    /// In both, and different.
    pub differs: u64,
    /// In both, and the same.
    pub same: u64,
    /// Could not be compared.
    pub failed: u64,
}

/// What a comparison came to.
#[derive(Debug, Default)]
pub struct Comparison {
    /// The counts of each category of the request.
    pub counts: Vec<CompareCounts>,
    /// Everything that is not plainly the same, by category and path.
    pub items: Vec<DifferingItem>,
    /// How many files were read on either side.
    pub files_read: u64,
}

/// Compares; what was seen is told to the index.
///
/// # Errors
/// A database is offline, the project is on neither, the index cannot be read, or the work was interrupted.
pub fn compare(
    index: &mut Index,
    registry: &Registry,
    request: &CompareRequest<'_>,
    monitor: &dyn Monitor,
) -> Result<Comparison> {
    let sides = [
        Storage::open(index, request.databases[0])?,
        Storage::open(index, request.databases[1])?,
    ];
    sides[0].refuse_comparison(&sides[1])?;
    let exclusions = Arc::new(Exclusions::new(registry.exclusion_rules())?);
    let mut comparison = Comparison {
        counts: vec![CompareCounts::default(); request.categories.len()],
        ..Comparison::default()
    };
    let replicas = find_replicas(&sides, registry, request, &mut comparison)?;
    monitor.on_event(&ProgressEvent::Started {
        task: Task::Compare,
        files: None,
        bytes: None,
    });
    let record = if request.checksum {
        let rows = [sides[0].database_id(index)?, sides[1].database_id(index)?];
        Some(ContentRecord::new(index.try_clone()?, rows).with_known(!request.reread))
    } else {
        None
    };
    // A handle of the index holds the look of one database at a time, and that of the record writes meanwhile.
    let mut other = index.try_clone()?;
    let mut comparer = Comparer {
        indexes: [index, &other],
        sides: &sides,
        request,
        monitor,
        comparison,
        record,
    };
    let spelled = OnceCell::new();
    let observations = comparer.compare_all(registry, &exclusions, &replicas, &spelled);
    let Comparer {
        mut comparison,
        record,
        ..
    } = comparer;
    monitor.on_event(&ProgressEvent::Finished);
    // Also after a stop: what was read once is not read again.
    let recorded = record.map_or(Ok(()), ContentRecord::finish);
    let observations = observations?;
    recorded?;
    if !index.is_read_only() {
        sides[0].record_observation(&observations[0], index)?;
        sides[1].record_observation(&observations[1], &mut other)?;
    }
    comparison
        .items
        .sort_by(|a, b| (a.category, &a.path).cmp(&(b.category, &b.path)));
    Ok(comparison)
}

/// A replica on one side or both: the category by its place in the request.
type ReplicaKey = (usize, ProjectId);

/// The replicas that are meant; folders that cannot be listed are among the items.
fn find_replicas(
    sides: &[Storage; 2],
    registry: &Registry,
    request: &CompareRequest<'_>,
    comparison: &mut Comparison,
) -> Result<BTreeSet<ReplicaKey>> {
    let mut replicas = BTreeSet::new();
    for (place, category) in request.categories.iter().enumerate() {
        for side in sides {
            let listing = side.list_projects(registry, category, &request.scope)?;
            for (number, problem) in listing.problems.iter().enumerate() {
                let verdict = CompareVerdict::Failed(problem.full_message());
                let folder = listing.problem_folder(number);
                let below = folder.strip_prefix(&category.path).unwrap_or(&folder);
                comparison.add(place, below.to_owned(), verdict);
            }
            let before: BTreeSet<ProjectId> = replicas
                .iter()
                .filter(|(other, _)| *other == place)
                .map(|(_, project): &ReplicaKey| project.composed())
                .collect();
            // What the second has in another Unicode normal form is the same project.
            let is_new = |project: &ProjectId| !before.contains(&project.composed());
            let projects = listing.projects.into_iter().filter(is_new);
            replicas.extend(projects.map(|project| (place, project)));
        }
    }
    if replicas.is_empty() && comparison.items.is_empty() {
        let database = format!(
            "{}` or `{}",
            request.databases[0].name, request.databases[1].name
        );
        let (categories, scope) = (&request.categories, &request.scope);
        return Err(sides[0].no_replica_error(registry, categories, scope, &database)?);
    }
    Ok(replicas)
}

/// The state of a comparison.
struct Comparer<'i, 'a> {
    /// By two handles.
    indexes: [&'i Index; 2],
    sides: &'a [Storage; 2],
    request: &'a CompareRequest<'a>,
    monitor: &'a dyn Monitor,
    comparison: Comparison,
    /// Where content decides.
    record: Option<ContentRecord>,
}

impl<'a> Comparer<'_, 'a> {
    fn compare_all<'r>(
        &mut self,
        registry: &Registry,
        exclusions: &Arc<Exclusions>,
        replicas: &'r BTreeSet<ReplicaKey>,
        spelled: &'r OnceCell<Vec<[ProjectId; 2]>>,
    ) -> Result<[crate::storage::observation::Observation<'r>; 2]>
    where
        'a: 'r,
    {
        let ids = replicas.iter().map(|(place, project)| {
            let category = self.request.categories[*place];
            [0, 1].map(|side: usize| self.sides[side].stored_spelling(category, project))
        });
        let ids: &'r [[ProjectId; 2]] = spelled.get_or_init(|| ids.collect());
        let mut builders = [
            ObservationBuilder::start(self.indexes[0], self.request.databases[0])?,
            ObservationBuilder::start(self.indexes[1], self.request.databases[1])?,
        ];
        let mut off = TimeReconciliation::default();
        for ((place, project), ids) in replicas.iter().zip(ids) {
            interrupt::check()?;
            let category = self.request.categories[*place];
            let read_tree = |side: &Storage| side.tree(registry, exclusions, category, project);
            // The two are on two disks mostly.
            let (a, b) = thread::scope(|scope| {
                let second =
                    thread::Builder::new().spawn_scoped(scope, || read_tree(&self.sides[1]));
                let first = read_tree(&self.sides[0]);
                let second = match second {
                    Ok(thread) => thread.join().unwrap_or(Err(Error::Interrupted)),
                    // The system gives no more threads.
                    Err(_) => read_tree(&self.sides[1]),
                };
                (first, second)
            });
            let mut trees = [a?, b?];
            self.monitor.on_event(&ProgressEvent::Files(
                trees[0].file_count().max(trees[1].file_count()),
            ));
            // The index knows the names that the storages have.
            let is_noted = respelled::is_needed(&trees[0], &trees[1]);
            if is_noted {
                for ((noting, tree), id) in builders.iter_mut().zip(&trees).zip(ids) {
                    noting.add(category, id, tree)?;
                }
                self.respell(&replica_path(&category.path, project), &mut trees);
            }
            let contents = self.compare_contents(*place, project, &trees)?;
            off.add_shifts(&self.reconcile_times(*place, project, &mut trees, &contents)?);
            if !is_noted {
                for ((noting, tree), id) in builders.iter_mut().zip(&trees).zip(ids) {
                    noting.add(category, id, tree)?;
                }
            }
            self.compare_replica(*place, project, &trees, &contents)?;
        }
        for notice in off.notices(&self.request.databases[1].name) {
            self.monitor.on_event(&ProgressEvent::Notice(&notice));
        }
        let [a, b] = builders;
        Ok([a.finish()?, b.finish()?])
    }

    /// Gives the entries of the second tree the spelling of the first.
    fn respell(&self, relative: &Path, trees: &mut [Tree; 2]) {
        let [first, second] = trees;
        let finds = |folder: &Path, name: &OsStr| {
            let folder = relative.join(folder);
            self.sides
                .iter()
                .all(|side| side.resolves_name(&folder, name))
        };
        respelled::respell(first, second, &finds);
    }

    /// Compares one replica.
    fn compare_replica(
        &mut self,
        place: usize,
        project: &ProjectId,
        trees: &[Tree; 2],
        contents: &ContentComparison,
    ) -> Result<()> {
        for tree in trees {
            for problem in &tree.problems {
                let verdict = CompareVerdict::Failed(problem.error.full_message());
                let path = path_within(&project.path(), &problem.path);
                self.comparison.add(place, path, verdict);
            }
        }
        let paths: BTreeSet<_> = trees.iter().flat_map(|tree| tree.folders.keys()).collect();
        for path in paths {
            let unknown = |tree: &Tree| {
                let mut problems = tree.problems.iter();
                problems.any(|problem| path.starts_with(&problem.path))
            };
            // Nothing is known of one side: it was told above.
            if trees.iter().any(unknown) {
                continue;
            }
            let mut folder = FolderComparison {
                comparison: &mut self.comparison,
                category: place,
                project: project.path(),
                path,
                contents: (!contents.decides_nothing()).then_some(contents),
            };
            folder.add_empty_folder(trees);
            diff::diff_folder(&trees[0], &trees[1], path, &mut folder)
                .map_err(|malformed| self.indexes[0].damaged_error(malformed))?;
        }
        self.comparison.files_read += contents.files_read;
        Ok(())
    }

    /// What there is to be known of contents, where content decides.
    fn compare_contents(
        &mut self,
        place: usize,
        project: &ProjectId,
        trees: &[Tree; 2],
    ) -> Result<ContentComparison> {
        let relative = replica_path(&self.request.categories[place].path, project);
        if self.record.is_none() {
            let index = self.indexes[0];
            let [a, b] = self.request.databases;
            let rows = [index.database_id(&a.root)?, index.database_id(&b.root)?];
            return ContentComparison::from_index(index, rows, &relative, [&trees[0], &trees[1]]);
        }
        let (files, bytes) = content_compare::comparison_size(&trees[0], &trees[1]);
        self.monitor
            .on_event(&ProgressEvent::TotalsRaised { files, bytes });
        let monitor = self.monitor;
        let on_progress = |bytes| monitor.on_event(&ProgressEvent::Bytes(bytes));
        let folders = (self.sides[0].root_folder(), self.sides[1].root_folder());
        let (Some(record), (Some(a), Some(b))) = (&mut self.record, folders) else {
            let paths = content_compare::same_size_paths(&trees[0], &trees[1]);
            return compare_remote_contents(self.sides, paths, &relative, &on_progress);
        };
        let side = |root, number: usize| content_compare::ComparedReplica {
            root,
            relative: &relative,
            tree: &trees[number],
        };
        let threads = Disk::of(a).copy_threads(&Disk::of(b));
        content_compare::compare(
            [side(a, 0), side(b, 1)],
            record,
            threads,
            &on_progress,
            None,
        )
    }
}

/// What there is to be known of the contents of files where one side or both are behind rclone.
fn compare_remote_contents(
    sides: &[Storage; 2],
    paths: Vec<PathBuf>,
    relative: &Path,
    on_progress: &ProgressFn<'_>,
) -> Result<ContentComparison> {
    let (one, other) = match sides {
        [Storage::Remote(one), other] | [other, Storage::Remote(one)] => (one, other),
        // Two folders are compared by ourselves.
        [Storage::Local(_), Storage::Local(_)] => return Ok(ContentComparison::default()),
    };
    one.compare_contents(
        other.database(),
        other.features(),
        paths,
        relative,
        on_progress,
    )
}

impl Comparison {
    /// Counts and lists something.
    fn add(&mut self, category: usize, path: PathBuf, verdict: CompareVerdict) {
        let counts = &mut self.counts[category];
        match &verdict {
            CompareVerdict::OnlyA => counts.only_a += 1,
            CompareVerdict::OnlyB => counts.only_b += 1,
            CompareVerdict::Differs(..) => counts.differs += 1,
            CompareVerdict::Failed(_) => counts.failed += 1,
            CompareVerdict::Skipped(_) => {}
        }
        self.items.push(DifferingItem {
            category,
            path,
            is_folder: false,
            verdict,
        });
    }
}
