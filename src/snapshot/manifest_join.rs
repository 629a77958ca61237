//! Two manifests side by side: a join by name, and their union.

use std::cmp::Ordering;

use super::manifest::{FileTotals, Manifest, ManifestBuilder, ManifestFile, ManifestRef};

/// Visits the names of two manifests in order: `visit` receives the file of each that has the name.
pub fn join_by_name(
    a: ManifestRef<'_>,
    b: ManifestRef<'_>,
    visit: &mut dyn FnMut(Option<ManifestFile<'_>>, Option<ManifestFile<'_>>),
) {
    let (mut a, mut b) = (a.files(), b.files());
    a.next();
    b.next();
    loop {
        let order = match (a.current(), b.current()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.name.cmp(b.name),
        };
        visit(
            a.current().filter(|_| order.is_le()),
            b.current().filter(|_| order.is_ge()),
        );
        if order.is_le() {
            a.next();
        }
        if order.is_ge() {
            b.next();
        }
    }
}

/// Returns a manifest with the files of both, and its totals. For a name in both, the file of `later` counts.
pub fn merge(earlier: ManifestRef<'_>, later: ManifestRef<'_>) -> (Manifest, FileTotals) {
    let mut builder = ManifestBuilder::default();
    join_by_name(earlier, later, &mut |earlier, later| {
        if let Some(file) = later.or(earlier) {
            builder.add(&file);
        }
    });
    builder.finish_with_totals()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::base::timestamp::Timestamp;

    /// Names with the sizes of their files.
    type Sizes = BTreeMap<Vec<u8>, u64>;

    fn folder() -> impl Strategy<Value = Sizes> {
        let name = "[ab]{0,3}[0-9]{1,2}".prop_map(String::into_bytes);
        proptest::collection::btree_map(name, any::<u32>().prop_map(u64::from), 0..40)
    }

    fn pack(files: &Sizes) -> Manifest {
        let files = files.iter();
        let time = Timestamp::default();
        Manifest::of_files(files.map(|(name, bytes)| ManifestFile::regular(name, *bytes, time))).0
    }

    proptest! {
        #[test]
        fn join_visits_every_name_once(a in folder(), b in folder()) {
            let mut met = Vec::new();
            join_by_name(pack(&a).as_ref(), pack(&b).as_ref(), &mut |left, right| {
                let name = left.or(right).unwrap().name.to_vec();
                assert_eq!(left.map(|file| file.bytes), a.get(&name).copied());
                assert_eq!(right.map(|file| file.bytes), b.get(&name).copied());
                met.push(name);
            });
            let names: BTreeSet<_> = a.into_keys().chain(b.into_keys()).collect();
            prop_assert_eq!(met, names.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn merge_prefers_the_later_file(a in folder(), b in folder()) {
            let (merged, totals) = merge(pack(&a).as_ref(), pack(&b).as_ref());
            let mut both = a;
            both.extend(b);
            prop_assert_eq!(merged, pack(&both));
            prop_assert_eq!(totals.bytes, both.values().sum::<u64>());
        }
    }
}
