//! The files of a report, each visited once, whatever the number of its copies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::growth::GrowthBuilder;
use super::matrix::MatrixSubject;
use super::sequence::SequenceTotals;
use super::size::PartTotals;
use super::source::ReportSource;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::index::overview::{ProjectSummary, ReplicaSummary};
use crate::index::{DatabaseId, FolderPrints};
use crate::model::project::ProjectId;
use crate::model::registry::Category;
use crate::snapshot::manifest::{Manifest, ManifestBuilder, ManifestRef};
use crate::snapshot::manifest_join::join_by_name;

/// Sums over the files of a report.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) growth: GrowthBuilder,
    pub(super) sequences: SequenceTotals,
    /// The folders of a single project.
    pub(super) parts: PartTotals,
    has_parts: bool,
}

/// A project in one category.
#[derive(Clone, Copy)]
struct ContentPlace<'a> {
    project: &'a ProjectId,
    category: &'a Category,
}

impl Content {
    /// Reads the folders of all projects.
    pub(super) fn read(source: &ReportSource<'_>) -> Result<Self> {
        let mut content = Self {
            has_parts: MatrixSubject::of(&source.request.scope) == MatrixSubject::Project,
            ..Self::default()
        };
        for project in &source.overview.projects {
            content.add_project(source, project)?;
        }
        Ok(content)
    }

    fn add_project(&mut self, source: &ReportSource<'_>, project: &ProjectSummary) -> Result<()> {
        for (_, replicas) in project.categories() {
            let Some(first) = replicas.first() else {
                continue;
            };
            let place = ContentPlace {
                project: &project.project,
                category: source.registry.category(&first.category)?,
            };
            // A whole replica has every file; without one, all replicas together have.
            let whole = replicas.iter().position(ReplicaSummary::is_whole);
            let held = replicas.iter().enumerate();
            let held = held.filter(|(number, replica)| {
                replica.files.is_some() && whole.is_none_or(|whole| whole == *number)
            });
            let ids = held.filter_map(|(number, _)| source.places[number].id);
            let ids: Vec<DatabaseId> = ids.collect();
            match ids.as_slice() {
                [] => {}
                [id] => self.add_replica(source, place, *id)?,
                several => self.add_union(source, place, several)?,
            }
        }
        Ok(())
    }

    fn add_replica(
        &mut self,
        source: &ReportSource<'_>,
        place: ContentPlace<'_>,
        id: DatabaseId,
    ) -> Result<()> {
        let (index, key) = (source.index, place.category.key());
        let Some(replica) = index.present_replica(id, key, place.project)? else {
            // Its names may have another Unicode normal form there.
            return self.add_union(source, place, &[id]);
        };
        let done = index.visit_replica(&replica, &mut |folder| {
            self.add_folder(place, folder.path, folder.manifest);
            Ok(true)
        });
        done.map(drop)
    }

    /// Adds the files that any of these replicas holds, each in its newest version.
    fn add_union(
        &mut self,
        source: &ReportSource<'_>,
        place: ContentPlace<'_>,
        ids: &[DatabaseId],
    ) -> Result<()> {
        let (index, key) = (source.index, place.category.key());
        let mut folders: BTreeMap<PathBuf, Vec<FolderPrints>> = BTreeMap::new();
        for id in ids {
            let project = spelled(source, place, *id)?;
            for folder in index.folder_prints(*id, key, &project)? {
                let rows = folders.entry(folder.path.clone()).or_default();
                if rows
                    .iter()
                    .all(|row| row.fingerprints != folder.fingerprints)
                {
                    rows.push(folder);
                }
            }
        }
        for (path, rows) in folders {
            interrupt::check()?;
            let mut all = Manifest::default();
            for row in &rows {
                let manifest = index.folder_manifest(row)?;
                all = newest(all.as_ref(), manifest.as_ref());
            }
            self.add_folder(place, &path, all.as_ref());
        }
        Ok(())
    }

    fn add_folder(&mut self, place: ContentPlace<'_>, path: &Path, manifest: ManifestRef<'_>) {
        let mut totals = (0, 0_u64);
        let mut files = manifest.files();
        while let Some(file) = files.next() {
            self.growth.add(file.modified, file.bytes);
            totals.0 += 1;
            totals.1 = totals.1.saturating_add(file.bytes);
        }
        let category = place.category.name.as_str();
        self.sequences.add(place.project, category, path, manifest);
        if self.has_parts {
            let top = path.iter().next().unwrap_or_default();
            let key = (Name::from(category), Name::from(top));
            let part = self.parts.entry(key).or_default();
            part.0 += totals.0;
            part.1 = part.1.saturating_add(totals.1);
        }
    }
}

/// Returns the project as a storage spells it: its names may have another Unicode normal form there.
fn spelled(
    source: &ReportSource<'_>,
    place: ContentPlace<'_>,
    id: DatabaseId,
) -> Result<ProjectId> {
    if place.project.is_ascii() {
        return Ok(place.project.clone());
    }
    let known = source.index.projects(id, place.category.key())?;
    if known.contains(place.project) {
        return Ok(place.project.clone());
    }
    let composed = place.project.composed();
    let mut known = known.into_iter();
    let other = known.find(|project| project.composed() == composed);
    Ok(other.unwrap_or_else(|| place.project.clone()))
}

/// Returns the files of both manifests. Of two versions, the newer counts.
fn newest(one: ManifestRef<'_>, other: ManifestRef<'_>) -> Manifest {
    let mut builder = ManifestBuilder::default();
    join_by_name(one, other, &mut |one, other| {
        let versions = one.into_iter().chain(other);
        if let Some(file) = versions.max_by_key(|file| file.modified) {
            builder.add(&file);
        }
    });
    builder.finish()
}
