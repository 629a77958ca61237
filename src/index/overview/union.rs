//! Shortfalls of the replicas of one project and category: from their aggregates, from the stored row, or from their folders.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::union_context::UnionContext;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::own_name::is_history_folder;
use crate::base::unicode::to_nfc;
use crate::index::{DatabaseId, DifferingFolder, FolderPrints, Index, KnownReplica, StoredUnion};
use crate::model::layout::CategoryLayout;
use crate::model::project::{ProjectId, path_within};
use crate::snapshot::digest::Digest;
use crate::snapshot::excluded::without_excluded;
use crate::snapshot::manifest::{FileTotals, Manifest};
use crate::snapshot::union::{ContentDiffers, Shortfall, Union, UnionBuilder, UnionEntry};

/// A replica that is present, or was at the last scan of a database that is offline.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnionMember<'a> {
    pub(super) database: DatabaseId,
    pub(super) replica: &'a KnownReplica,
}

/// The replicas of one project and category.
#[derive(Debug)]
pub(super) struct UnionGroup<'a> {
    index: &'a Index,
    category: &'a Path,
    project: &'a ProjectId,
    members: &'a [UnionMember<'a>],
    context: &'a UnionContext,
    differing: &'a [DifferingFolder],
}

impl<'a> UnionGroup<'a> {
    pub(super) const fn new(
        index: &'a Index,
        (category, project): (&'a Path, &'a ProjectId),
        members: &'a [UnionMember<'a>],
        (context, differing): (&'a UnionContext, &'a [DifferingFolder]),
    ) -> Self {
        Self {
            index,
            category,
            project,
            members,
            context,
            differing,
        }
    }

    pub(super) const fn project(&self) -> &ProjectId {
        self.project
    }

    /// Returns the union if it follows from the aggregates: all replicas agree, and none is known to differ.
    pub(super) fn agreed(&self) -> Option<Union> {
        let mut aggregates = self.members.iter().map(|member| &member.replica.aggregate);
        let mut later = aggregates.clone().enumerate();
        let agree = later.all(|(place, one)| {
            let mut others = aggregates.clone().skip(place + 1);
            others.all(|other| one.agrees_with(other))
        });
        if !agree || !self.differing.is_empty() {
            return None;
        }
        Some(Union {
            shortfalls: vec![Shortfall::default(); self.members.len()],
            files: aggregates
                .clone()
                .map(|sum| sum.files)
                .max()
                .unwrap_or_default(),
            bytes: aggregates
                .by_ref()
                .map(|sum| sum.bytes)
                .max()
                .unwrap_or_default(),
        })
    }

    /// Returns the digest of all that the union is computed from.
    pub(super) fn basis(&self) -> Digest {
        // Long enough for most projects, so that it rarely grows.
        let mut bytes = Vec::with_capacity(256 * (1 + self.members.len()));
        bytes.extend_from_slice(&self.context.exclusion_key);
        for UnionMember { database, replica } in self.members {
            let sum = &replica.aggregate;
            bytes.extend_from_slice(&database.0.to_le_bytes());
            for number in [sum.files, sum.bytes, sum.precision as u64] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            for fingerprint in &sum.fingerprints {
                bytes.extend_from_slice(&fingerprint.to_le_bytes());
            }
            bytes.extend_from_slice(replica.project.client.as_bytes());
            bytes.push(b'/');
            bytes.extend_from_slice(replica.project.project.as_bytes());
            bytes.push(0);
        }
        for known in self.differing {
            bytes.extend(known.databases.iter().flat_map(|id| id.0.to_le_bytes()));
            bytes.extend(known.folder.as_os_str().as_bytes());
            for (name, file) in &known.files {
                bytes.push(0);
                bytes.extend(name.as_bytes());
                for time in [file.original, file.reported] {
                    bytes.extend(time.seconds.to_le_bytes());
                    bytes.extend(time.nanoseconds.to_le_bytes());
                }
                bytes.extend(file.bytes.to_le_bytes());
            }
        }
        Digest::of_bytes(&bytes)
    }

    /// Computes the union from the folders. Folders in which all replicas agree are not read.
    pub(super) fn compute(&self, basis: Digest) -> Result<StoredUnion> {
        let members = self.members.iter();
        let precisions = members
            .clone()
            .map(|member| member.replica.aggregate.precision);
        let base = members
            .enumerate()
            .max_by_key(|(_, member)| member.replica.aggregate.files);
        let (place, sum) = base.map_or((0, (0, 0)), |(place, member)| {
            let sum = &member.replica.aggregate;
            (place, (sum.files, sum.bytes))
        });
        let mut builder = UnionBuilder::new(precisions.collect(), place, sum.0, sum.1);
        let mut excluded = FileTotals::default();
        for (path, folders) in self.folders()? {
            interrupt::check()?;
            let place_in_replica = Path::new(OsStr::from_bytes(&path));
            if is_history_folder(place_in_replica) {
                continue;
            }
            if !self.agree_in(place_in_replica, &folders) {
                let left_out = self.add_folder(&folders, place, &mut builder)?;
                excluded.files += left_out.files;
                excluded.bytes += left_out.bytes;
            }
        }
        let mut union = builder.finish();
        union.files = union.files.saturating_sub(excluded.files);
        union.bytes = union.bytes.saturating_sub(excluded.bytes);
        Ok(StoredUnion {
            category: self.category.to_owned(),
            project: self.project.clone(),
            basis,
            union,
        })
    }

    /// Returns the folders of all replicas by their composed paths.
    fn folders(&self) -> Result<BTreeMap<Vec<u8>, Vec<Option<FolderPrints>>>> {
        let mut folders: BTreeMap<Vec<u8>, Vec<Option<FolderPrints>>> = BTreeMap::new();
        for (place, UnionMember { database, replica }) in self.members.iter().enumerate() {
            for folder in self
                .index
                .folder_prints(*database, self.category, &replica.project)?
            {
                let path = to_nfc(folder.path.as_os_str().as_bytes()).into_owned();
                let row = folders
                    .entry(path)
                    .or_insert_with(|| vec![None; self.members.len()]);
                row[place] = Some(folder);
            }
        }
        Ok(folders)
    }

    /// True if the folder has the same files in all replicas, and none of them is known to differ.
    fn agree_in(&self, path: &Path, folders: &[Option<FolderPrints>]) -> bool {
        let prints = folders.iter().zip(self.members).map(|(folder, member)| {
            // A folder that a replica lacks agrees with an empty one.
            let prints = folder.as_ref().map(|folder| folder.fingerprints);
            (
                prints.unwrap_or_default(),
                member.replica.aggregate.precision as usize,
            )
        });
        let prints: Vec<_> = prints.collect();
        let agree = prints.iter().enumerate().all(|(place, (one, precision))| {
            let mut others = prints[place + 1..].iter();
            others.all(|(other, coarser)| {
                let precision = *precision.max(coarser);
                one[precision] == other[precision]
            })
        });
        let folder = path_within(
            &CategoryLayout::from_key(self.category).replica_path(self.project),
            path,
        );
        agree && self.differing.iter().all(|known| known.folder != folder)
    }

    /// Adds the files of one folder, without those that are excluded now. Returns the totals of the excluded ones in the
    /// replica at place `base`.
    fn add_folder(
        &self,
        folders: &[Option<FolderPrints>],
        base: usize,
        builder: &mut UnionBuilder,
    ) -> Result<FileTotals> {
        let mut excluded = FileTotals::default();
        let mut manifests = Vec::with_capacity(folders.len());
        for (place, folder) in folders.iter().enumerate() {
            let Some(folder) = folder else {
                manifests.push(Manifest::default());
                continue;
            };
            let stored = self.index.folder_manifest(folder)?;
            let rules = &self.context.exclusions;
            let Some((included, left_out)) = without_excluded(stored.as_ref(), &folder.path, rules)
            else {
                manifests.push(stored);
                continue;
            };
            manifests.push(included);
            if place == base {
                excluded = left_out;
            }
        }
        let manifests: Vec<_> = manifests.iter().map(Manifest::as_ref).collect();
        let path = folders
            .iter()
            .flatten()
            .next()
            .map(|folder| folder.path.as_path());
        let replica = CategoryLayout::from_key(self.category).replica_path(self.project);
        let folder = path_within(&replica, path.unwrap_or_else(|| Path::new("")));
        let known: Vec<_> = self
            .differing
            .iter()
            .filter(|known| known.folder == folder)
            .collect();
        let differs = |places, name: &[u8], files: [&UnionEntry; 2]| {
            let mut known = known.iter();
            known.any(|known| self.is_known_to_differ(known, places, name, files))
        };
        let differs: Option<ContentDiffers<'_>> = (!known.is_empty()).then_some(&differs);
        builder.add_folder(&manifests, differs);
        Ok(excluded)
    }

    /// True if both files are as they were when their contents were compared.
    fn is_known_to_differ(
        &self,
        known: &DifferingFolder,
        places: [usize; 2],
        name: &[u8],
        files: [&UnionEntry; 2],
    ) -> bool {
        let databases = places.map(|place| self.members[place].database);
        let [first, second] = if databases == known.databases {
            files
        } else if [databases[1], databases[0]] == known.databases {
            [files[1], files[0]]
        } else {
            return false;
        };
        let compared = known.files.get(&Name::from_bytes(name.to_vec()));
        compared.is_some_and(|then| {
            (first.bytes, first.modified) == (then.bytes, then.original)
                && (second.bytes, second.modified) == (then.bytes, then.reported)
        })
    }
}
