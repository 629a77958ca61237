//! Packed evidence: how, when and in what state the files of one row were known, in the order of the row's manifest.
//!
//! Files with one kind and time are one run: their number, the kind with the width of their tags, the time as the difference
//! from the run before, the workstation if it is another one, and the tags. All numbers are varints; tags are little-endian.
//! A row of a copy has one run, so that a file takes the 4 bytes of its tag besides its digest.

use serde::Serialize;

use crate::base::timestamp::Timestamp;
use crate::index::HostId;
use crate::snapshot::varint::{read_varint, unzigzag, write_varint, zigzag};

/// How the content of a file became known, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// The bytes were read, and were not those of the digest, which is of the intact content.
    Damaged,
    /// An ASC MHL history states it; nothing was read.
    Claimed,
    /// The storage states a digest of its own that was equal when the content was known.
    Stored,
    /// The bytes were read from this database.
    Read,
}

impl EvidenceKind {
    const ALL: [Self; 4] = [Self::Damaged, Self::Claimed, Self::Stored, Self::Read];

    /// The word for people and programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Claimed => "claimed",
            Self::Stored => "stored",
            Self::Read => "read",
        }
    }
}

/// Bit of a run's header: the evidence is of another workstation, whose number follows the time.
const HAS_HOST: u8 = 0x08;

/// How and when the content of one file became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// How it became known.
    pub kind: EvidenceKind,
    /// Seconds UTC; [`Timestamp::UNKNOWN`] in rows of older versions.
    pub at: Timestamp,
    /// Hash of what the storage said of the file besides size and time: on a disk the change time and the file id, at a
    /// remote the digest of the backend; 0 if unknown.
    pub tag: u64,
    /// The workstation that knew it, if it is another one; it states no tag that means something here.
    pub host: Option<HostId>,
}

impl Proof {
    /// The proof of a digest that an older version stored: the bytes were read, at an unknown time.
    pub const UNDATED: Self = Self {
        kind: EvidenceKind::Read,
        at: Timestamp::UNKNOWN,
        tag: 0,
        host: None,
    };

    /// True if the content was intact at that time: the bytes were read, or the storage stated their digest.
    pub fn is_intact(&self) -> bool {
        self.kind >= EvidenceKind::Stored
    }

    const fn run_key(&self) -> (EvidenceKind, i64, Option<HostId>) {
        (self.kind, self.at.seconds, self.host)
    }
}

/// Packs the proofs of the files of a row.
pub(super) fn pack(proofs: &[Proof]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(proofs.len() * 5 + 8);
    let mut before = 0_i64;
    for run in proofs.chunk_by(|a, b| a.run_key() == b.run_key()) {
        let (kind, seconds, host) = run[0].run_key();
        let largest = run.iter().map(|proof| proof.tag).max().unwrap_or_default();
        let width: u8 = match largest {
            0 => 0,
            1..=0xffff_ffff => 4,
            _ => 8,
        };
        write_varint(&mut packed, run.len() as u64);
        let host_bit = if host.is_some() { HAS_HOST } else { 0 };
        packed.push(kind as u8 | host_bit | width << 4);
        write_varint(&mut packed, zigzag(seconds.wrapping_sub(before)));
        if let Some(host) = host {
            write_varint(&mut packed, host.number());
        }
        before = seconds;
        for proof in run {
            packed.extend_from_slice(&proof.tag.to_le_bytes()[..usize::from(width)]);
        }
    }
    packed
}

/// Unpacks the proofs of a row of this number of files; `None` if the bytes are malformed.
pub(super) fn unpack(mut packed: &[u8], files: usize) -> Option<Vec<Proof>> {
    let (mut proofs, mut before) = (Vec::new(), 0_i64);
    let rest = &mut packed;
    while !rest.is_empty() {
        let count = usize::try_from(read_varint(rest)?).ok()?;
        let [header] = *rest.split_off(..1)? else {
            return None;
        };
        let kind = *EvidenceKind::ALL.get(usize::from(header & 0x7))?;
        let width = usize::from(header >> 4);
        before = before.wrapping_add(unzigzag(read_varint(rest)?));
        let host = match header & HAS_HOST {
            0 => None,
            _ => Some(HostId::from_number(read_varint(rest)?)?),
        };
        let tags = rest.split_off(..count.checked_mul(width)?)?;
        if !matches!(width, 0 | 4 | 8) || count > files - proofs.len() {
            return None;
        }
        let at = Timestamp {
            seconds: before,
            nanoseconds: 0,
        };
        for place in 0..count {
            let mut tag = [0; 8];
            tag[..width].copy_from_slice(&tags[place * width..(place + 1) * width]);
            let tag = u64::from_le_bytes(tag);
            proofs.push(Proof {
                kind,
                at,
                tag,
                host,
            });
        }
    }
    (proofs.len() == files).then_some(proofs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn proof() -> impl Strategy<Value = Proof> {
        let kind = prop::sample::select(&EvidenceKind::ALL[..]);
        let seconds = prop_oneof![Just(1_764_000_000), Just(1_764_000_060), any::<i64>()];
        let tag = prop_oneof![Just(0), 1..=u64::from(u32::MAX), any::<u64>()];
        let host = prop::option::of(
            (1..=u64::from(u32::MAX)).prop_map(|host| HostId::from_number(host).unwrap()),
        );
        (kind, seconds, tag, host).prop_map(|(kind, seconds, tag, host)| Proof {
            kind,
            at: Timestamp {
                seconds,
                nanoseconds: 0,
            },
            tag,
            host,
        })
    }

    proptest! {
        #[test]
        fn packed_proofs_are_read_back(proofs in prop::collection::vec(proof(), 0..40)) {
            prop_assert_eq!(unpack(&pack(&proofs), proofs.len()), Some(proofs));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            files in 0..9_usize,
        ) {
            if let Some(proofs) = unpack(&bytes, files) {
                prop_assert_eq!(unpack(&pack(&proofs), files), Some(proofs));
            }
        }
    }

    #[test]
    fn file_of_a_copy_takes_four_bytes() {
        let proofs: Vec<Proof> = (1..=1000)
            .map(|tag| Proof {
                kind: EvidenceKind::Read,
                at: Timestamp {
                    seconds: 1_764_000_000,
                    nanoseconds: 0,
                },
                tag,
                host: None,
            })
            .collect();
        assert!(pack(&proofs).len() <= 4 * 1000 + 10);
    }
}
