//! The packed form of a replica's aggregate: varints, then the fingerprints.

use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::snapshot::aggregate::{Aggregate, Fingerprints};
use crate::snapshot::varint::{read_varint, unzigzag, write_varint, zigzag};

/// Packs an aggregate.
pub fn pack_aggregate(aggregate: &Aggregate) -> Vec<u8> {
    let mut packed = Vec::with_capacity(96);
    for number in [
        aggregate.files,
        aggregate.bytes,
        aggregate.folders,
        aggregate.unreadable,
        aggregate.precision as u64,
        u64::from(aggregate.newest.is_some()),
    ] {
        write_varint(&mut packed, number);
    }
    let newest = aggregate.newest.unwrap_or_default();
    write_varint(&mut packed, zigzag(newest.seconds));
    write_varint(&mut packed, u64::from(newest.nanoseconds));
    for sum in aggregate.fingerprints {
        packed.extend_from_slice(&sum.to_le_bytes());
    }
    packed
}

/// Unpacks the form of [`pack_aggregate`]; `None` if the bytes are malformed.
pub fn unpack_aggregate(mut packed: &[u8]) -> Option<Aggregate> {
    let rest = &mut packed;
    let mut numbers = [0; 6];
    for number in &mut numbers {
        *number = read_varint(rest)?;
    }
    let [files, bytes, folders, unreadable, precision, has_newest] = numbers;
    let newest = Timestamp {
        seconds: unzigzag(read_varint(rest)?),
        nanoseconds: u32::try_from(read_varint(rest)?)
            .ok()
            .filter(|part| *part < 1_000_000_000)?,
    };
    let mut fingerprints = Fingerprints::default();
    for sum in &mut fingerprints {
        let (bytes, left) = rest.split_first_chunk()?;
        *sum = u128::from_le_bytes(*bytes);
        *rest = left;
    }
    rest.is_empty().then_some(Aggregate {
        files,
        bytes,
        folders,
        newest: (has_newest != 0).then_some(newest),
        unreadable,
        precision: *TimePrecision::ALL.get(usize::try_from(precision).ok()?)?,
        fingerprints,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn aggregate() -> impl Strategy<Value = Aggregate> {
        let newest = prop::option::of((any::<i64>(), 0..1_000_000_000_u32));
        let numbers = any::<[u64; 4]>();
        let precision = prop::sample::select(&TimePrecision::ALL[..]);
        (numbers, newest, precision, any::<[u128; 4]>()).prop_map(
            |([files, bytes, folders, unreadable], newest, precision, fingerprints)| Aggregate {
                files,
                bytes,
                folders,
                newest: newest.map(|(seconds, nanoseconds)| Timestamp {
                    seconds,
                    nanoseconds,
                }),
                unreadable,
                precision,
                fingerprints,
            },
        )
    }

    proptest! {
        #[test]
        fn packed_aggregate_is_read_back(aggregate in aggregate()) {
            prop_assert_eq!(unpack_aggregate(&pack_aggregate(&aggregate)), Some(aggregate));
        }

        #[test]
        fn any_bytes_are_unpacked_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _unpacked = unpack_aggregate(&bytes);
        }
    }
}
