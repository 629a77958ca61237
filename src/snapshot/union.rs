//! The union of several replicas: each replica is measured against all paths that any of them holds.
//!
//! Files are compared pair by pair at the coarser precision of two replicas. Names count as equal in any Unicode form.

use std::ops::Range;

use super::manifest::ManifestRef;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::base::unicode::to_nfc;

/// Number of files and links in which one replica falls short of the union.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shortfall {
    /// Paths that another replica holds and this one does not.
    pub lacks: u64,
    /// Files of which another replica holds a newer version.
    pub older: u64,
    /// Files that differ from another replica without one of them being newer.
    pub differs: u64,
}

impl Shortfall {
    /// True if the replica lacks nothing, and nothing in it is older or differs.
    pub fn is_whole(self) -> bool {
        self == Self::default()
    }
}

/// Shortfalls of all replicas and the size of their union.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Union {
    /// In the order of the replicas.
    pub shortfalls: Vec<Shortfall>,
    /// Number of paths in any of them.
    pub files: u64,
    /// Bytes of the newest version of each.
    pub bytes: u64,
}

/// A file or link of one replica, as the union compares it.
#[derive(Debug)]
pub struct UnionEntry {
    name: Range<usize>,
    pub bytes: u64,
    pub modified: Timestamp,
    target: Option<Box<[u8]>>,
}

/// Reports that two files of one name, of the replicas at these places, are known to differ although size and time agree.
pub type ContentDiffers<'a> = &'a dyn Fn([usize; 2], &[u8], [&UnionEntry; 2]) -> bool;

/// Compares replicas folder by folder.
#[derive(Debug)]
pub struct UnionBuilder {
    precisions: Vec<TimePrecision>,
    base: usize,
    union: Union,
}

/// Relation of a file to the file of the same path in another replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Same,
    Older,
    Newer,
    Differs,
}

impl UnionBuilder {
    /// Begins with the replica at place `base`, of which the number of files and bytes are known: folders in which all
    /// replicas agree need not be added.
    pub fn new(precisions: Vec<TimePrecision>, base: usize, files: u64, bytes: u64) -> Self {
        let shortfalls = vec![Shortfall::default(); precisions.len()];
        Self {
            precisions,
            base,
            union: Union {
                shortfalls,
                files,
                bytes,
            },
        }
    }

    pub fn finish(self) -> Union {
        self.union
    }

    /// Adds one folder: its files in each replica, empty where the replica has no such folder. `content_differs` is `None`
    /// if no two files are known to differ.
    pub fn add_folder(
        &mut self,
        manifests: &[ManifestRef<'_>],
        content_differs: Option<ContentDiffers<'_>>,
    ) {
        let (variants, variant_of) = variants(manifests);
        let mut places = vec![0; variants.len()];
        let mut found: Vec<Option<&UnionEntry>> = vec![None; variants.len()];
        let mut row: Vec<Option<&UnionEntry>> = Vec::with_capacity(manifests.len());
        loop {
            let current = variants.iter().zip(&places);
            let names = current.filter_map(|(folder, place)| {
                let entry = folder.entries.get(*place)?;
                Some(folder.name(entry))
            });
            let Some(name) = names.min() else { return };
            for ((folder, place), found) in variants.iter().zip(&mut places).zip(&mut found) {
                let entry = folder.entries.get(*place);
                *found = entry.filter(|entry| folder.name(entry) == name);
                *place += usize::from(found.is_some());
            }
            if content_differs.is_none() && all_equal(&found) {
                continue;
            }
            row.clear();
            row.extend(variant_of.iter().map(|variant| found[*variant]));
            self.add_path(name, &row, content_differs);
        }
    }

    /// Adds one path: its entry in each replica that has it.
    fn add_path(
        &mut self,
        name: &[u8],
        row: &[Option<&UnionEntry>],
        content_differs: Option<ContentDiffers<'_>>,
    ) {
        for (place, entry) in row.iter().enumerate() {
            let Some(entry) = entry else {
                self.union.shortfalls[place].lacks += 1;
                continue;
            };
            let others = row.iter().enumerate();
            let others = others.filter_map(|(other, file)| Some((other, (*file)?)));
            let relations = others.filter(|(other, _)| *other != place);
            let mut worst = Relation::Same;
            for (other, file) in relations {
                match self.relation([place, other], name, [entry, file], content_differs) {
                    Relation::Older => worst = Relation::Older,
                    Relation::Differs if worst != Relation::Older => worst = Relation::Differs,
                    _ => {}
                }
            }
            let shortfall = &mut self.union.shortfalls[place];
            shortfall.older += u64::from(worst == Relation::Older);
            shortfall.differs += u64::from(worst == Relation::Differs);
        }
        self.add_to_totals(row);
    }

    /// Adds the newest version of a path to the totals, in place of the version of the base.
    fn add_to_totals(&mut self, row: &[Option<&UnionEntry>]) {
        let newest = row
            .iter()
            .flatten()
            .max_by_key(|entry| (entry.modified, entry.bytes));
        let newest = newest.map_or(0, |entry| entry.bytes);
        let union = &mut self.union;
        let replaced = row[self.base].map_or(0, |base| base.bytes);
        union.files += u64::from(row[self.base].is_none());
        union.bytes = union.bytes.saturating_add(newest).saturating_sub(replaced);
    }

    fn relation(
        &self,
        places: [usize; 2],
        name: &[u8],
        [a, b]: [&UnionEntry; 2],
        content_differs: Option<ContentDiffers<'_>>,
    ) -> Relation {
        let [precision, other] = places.map(|place| self.precisions[place]);
        match (&a.target, &b.target) {
            (Some(target), Some(other)) if target == other => return Relation::Same,
            (None, None) => {}
            _ => return Relation::Differs,
        }
        let [time, other_time] = [a, b].map(|file| file.modified.truncate_to(precision.max(other)));
        let is_known = ![time, other_time].contains(&Timestamp::UNKNOWN);
        if is_known && time < other_time {
            Relation::Older
        } else if is_known && time > other_time {
            Relation::Newer
        } else if a.bytes != b.bytes
            || content_differs.is_some_and(|differs| differs(places, name, [a, b]))
        {
            Relation::Differs
        } else {
            Relation::Same
        }
    }
}

/// Unpacks each distinct manifest once, and returns the place of its files for each replica.
fn variants(manifests: &[ManifestRef<'_>]) -> (Vec<FolderEntries>, Vec<usize>) {
    let mut distinct: Vec<ManifestRef<'_>> = Vec::new();
    let places = manifests.iter().map(|manifest| {
        let known = distinct.iter().position(|other| other == manifest);
        known.unwrap_or_else(|| {
            distinct.push(*manifest);
            distinct.len() - 1
        })
    });
    let places = places.collect();
    (
        distinct.into_iter().map(FolderEntries::of).collect(),
        places,
    )
}

/// True if all replicas have the file, and it is exactly the same in all of them. It adds nothing to the shortfalls, and
/// the totals of the base include it.
fn all_equal(found: &[Option<&UnionEntry>]) -> bool {
    let [Some(first), others @ ..] = found else {
        return false;
    };
    others.iter().all(|other| {
        other.is_some_and(|other| {
            (other.bytes, other.modified, &other.target)
                == (first.bytes, first.modified, &first.target)
        })
    })
}

/// The files of one folder of one replica, sorted by their composed names.
#[derive(Debug, Default)]
struct FolderEntries {
    names: Vec<u8>,
    entries: Vec<UnionEntry>,
}

impl FolderEntries {
    fn of(manifest: ManifestRef<'_>) -> Self {
        let mut folder = Self::default();
        let mut files = manifest.files();
        while let Some(file) = files.next() {
            let start = folder.names.len();
            folder.names.extend_from_slice(&to_nfc(file.name));
            folder.entries.push(UnionEntry {
                name: start..folder.names.len(),
                bytes: file.bytes,
                modified: file.modified,
                target: file.target.map(Box::from),
            });
        }
        if !folder.names.is_ascii() {
            // Composing may have changed the order.
            let names = &folder.names;
            folder
                .entries
                .sort_by(|a, b| names[a.name.clone()].cmp(&names[b.name.clone()]));
        }
        folder
    }

    fn name(&self, entry: &UnionEntry) -> &[u8] {
        &self.names[entry.name.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::manifest::{Manifest, ManifestFile};

    fn folder(files: &[(&'static str, u64, i64)]) -> Manifest {
        let mut files: Vec<_> = files.to_vec();
        files.sort_unstable();
        let files = files.iter().map(|(name, bytes, seconds)| {
            let modified = Timestamp {
                seconds: *seconds,
                nanoseconds: 0,
            };
            ManifestFile::regular(name.as_bytes(), *bytes, modified)
        });
        Manifest::of_files(files).0
    }

    fn union(folders: &[Manifest], precisions: &[TimePrecision]) -> Union {
        let base = crate::snapshot::manifest::FileTotals::of(folders[0].files());
        let mut builder = UnionBuilder::new(precisions.to_vec(), 0, base.files, base.bytes);
        let manifests: Vec<_> = folders.iter().map(Manifest::as_ref).collect();
        builder.add_folder(&manifests, None);
        builder.finish()
    }

    const fn shortfall(lacks: u64, older: u64, differs: u64) -> Shortfall {
        Shortfall {
            lacks,
            older,
            differs,
        }
    }

    #[test]
    fn each_replica_is_measured_against_all() {
        let folders = [
            folder(&[("a", 1, 10), ("b", 2, 10), ("d", 4, 10)]),
            folder(&[("a", 1, 10), ("b", 3, 20), ("d", 5, 10)]),
            folder(&[("a", 1, 10), ("c", 9, 10), ("d", 4, 10)]),
        ];
        let union = union(&folders, &[TimePrecision::Nanosecond; 3]);
        let expected = [shortfall(1, 1, 1), shortfall(1, 0, 1), shortfall(1, 0, 1)];
        assert_eq!(union.shortfalls, expected);
        assert_eq!((union.files, union.bytes), (4, 1 + 3 + 9 + 5));
    }

    #[test]
    fn coarse_and_unknown_times_are_no_older_versions() {
        let folders = [folder(&[("a", 1, 11)]), folder(&[("a", 1, 10)])];
        let coarse = [TimePrecision::Nanosecond, TimePrecision::TwoSeconds];
        assert!(
            union(&folders, &coarse)
                .shortfalls
                .iter()
                .all(|one| one.is_whole())
        );
        let exact = union(&folders, &[TimePrecision::Nanosecond; 2]);
        assert_eq!(exact.shortfalls, [shortfall(0, 0, 0), shortfall(0, 1, 0)]);
        let unknown = [
            folder(&[("a", 1, 11)]),
            folder(&[("a", 1, Timestamp::UNKNOWN.seconds)]),
        ];
        let union = union(&unknown, &[TimePrecision::Second; 2]);
        assert!(union.shortfalls.iter().all(|one| one.is_whole()));
    }

    #[test]
    fn decomposed_names_are_the_same_path() {
        let folders = [
            folder(&[("Caf\u{e9}", 1, 10), ("Cafz", 1, 10)]),
            folder(&[("Cafe\u{301}", 1, 10), ("Cafz", 1, 10)]),
        ];
        let union = union(&folders, &[TimePrecision::Second; 2]);
        assert!(union.shortfalls.iter().all(|one| one.is_whole()));
        assert_eq!(union.files, 2);
    }
}
