//! Hashes of a file's content in several formats, computed from one read.
//!
//! [`Digest`] is the hash that the index works with. The formats of ASC MHL are computed beside it where a category asks
//! for them.

mod c4;
mod value;

use std::fmt;

use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::Sha512;
use xxhash_rust::xxh3::Xxh3;
use xxhash_rust::xxh64::Xxh64;

pub use self::value::HashValue;
use super::digest::Digest;
pub use crate::base::hash_format::{HashFormat, HashFormatSet};

/// The hashes of one content: its digest, and those in the formats that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentHashes {
    /// The digest, which is computed in any case.
    pub digest: Digest,
    /// The hashes in the other formats, in the order of the schema.
    others: Vec<HashValue>,
}

impl ContentHashes {
    /// True if hashes beside the digest were computed.
    pub const fn has_others(&self) -> bool {
        !self.others.is_empty()
    }

    /// Returns the hash in this format, if it was computed.
    pub fn value(&self, format: HashFormat) -> Option<HashValue> {
        match format {
            HashFormat::Xxh128 => Some(self.digest.into()),
            _ => self
                .others
                .iter()
                .find(|value| value.format() == format)
                .copied(),
        }
    }
}

impl From<Digest> for ContentHashes {
    fn from(digest: Digest) -> Self {
        Self {
            digest,
            others: Vec::new(),
        }
    }
}

impl From<Digest> for HashValue {
    fn from(digest: Digest) -> Self {
        Self::Xxh128(digest.0.to_be_bytes())
    }
}

impl HashValue {
    /// The digest that an XXH3-128 is; `None` for other formats.
    pub const fn as_digest(&self) -> Option<Digest> {
        match self {
            Self::Xxh128(bytes) => Some(Digest(u128::from_be_bytes(*bytes))),
            _ => None,
        }
    }
}

/// Computes several hashes of one content while its bytes pass by.
pub struct MultiHasher {
    /// The state of XXH3, from which both its lengths are computed.
    xxh3: Xxh3,
    wants_xxh3: bool,
    sha512: Option<Sha512>,
    md5: Option<Md5>,
    sha1: Option<Sha1>,
    xxh64: Option<Xxh64>,
}

impl fmt::Debug for MultiHasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MultiHasher")
            .finish_non_exhaustive()
    }
}

impl MultiHasher {
    /// Begins with the digest and these formats.
    pub fn new(formats: HashFormatSet) -> Self {
        let wants = |format| formats.contains(format);
        Self {
            xxh3: Xxh3::new(),
            wants_xxh3: wants(HashFormat::Xxh3),
            sha512: wants(HashFormat::C4).then(Sha512::new),
            md5: wants(HashFormat::Md5).then(Md5::new),
            sha1: wants(HashFormat::Sha1).then(Sha1::new),
            xxh64: wants(HashFormat::Xxh64).then(|| Xxh64::new(0)),
        }
    }

    /// Adds the next bytes of the content.
    pub fn update(&mut self, bytes: &[u8]) {
        self.xxh3.update(bytes);
        if let Some(hash) = &mut self.sha512 {
            hash.update(bytes);
        }
        if let Some(hash) = &mut self.md5 {
            hash.update(bytes);
        }
        if let Some(hash) = &mut self.sha1 {
            hash.update(bytes);
        }
        if let Some(hash) = &mut self.xxh64 {
            hash.update(bytes);
        }
    }

    /// Returns the hashes of all bytes.
    pub fn finish(self) -> ContentHashes {
        let xxh3 = self.wants_xxh3.then(|| self.xxh3.digest().to_be_bytes());
        let others = [
            self.sha512
                .map(|hash| HashValue::C4(hash.finalize().into())),
            self.md5.map(|hash| HashValue::Md5(hash.finalize().into())),
            self.sha1
                .map(|hash| HashValue::Sha1(hash.finalize().into())),
            xxh3.map(HashValue::Xxh3),
            self.xxh64
                .map(|hash| HashValue::Xxh64(hash.digest().to_be_bytes())),
        ];
        ContentHashes {
            digest: Digest(self.xxh3.digest128()),
            others: others.into_iter().flatten().collect(),
        }
    }
}

/// Returns the hash of some bytes in one format.
#[cfg(test)]
pub fn hash_bytes(format: HashFormat, bytes: &[u8]) -> HashValue {
    match format {
        HashFormat::C4 => HashValue::C4(Sha512::digest(bytes).into()),
        HashFormat::Md5 => HashValue::Md5(Md5::digest(bytes).into()),
        HashFormat::Sha1 => HashValue::Sha1(Sha1::digest(bytes).into()),
        HashFormat::Xxh128 => Digest::of_bytes(bytes).into(),
        HashFormat::Xxh3 => HashValue::Xxh3(xxhash_rust::xxh3::xxh3_64(bytes).to_be_bytes()),
        HashFormat::Xxh64 => HashValue::Xxh64(xxhash_rust::xxh64::xxh64(bytes, 0).to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of the reference tool for `media-hash-list`.
    const VECTORS: [(HashFormat, &str); 6] = [
        (
            HashFormat::C4,
            "c456LycWwpMMS7VDZEKvYv2L1uJS6s4qAFnaJdnQiy5JVbBFZMA8aLDS6SPaJjLqxXH4qZdnbuktopMt9frtC2qL1R",
        ),
        (HashFormat::Md5, "9db0fc9f30f5ee70041a7538809e2858"),
        (HashFormat::Sha1, "7b57673ac5633937a55b59009ad0c57ee08188b7"),
        (HashFormat::Xxh128, "61a67c014f703a456ee7a776fd8c06bd"),
        (HashFormat::Xxh3, "6d4cbd75905c81aa"),
        (HashFormat::Xxh64, "584b2ea1974f2b7c"),
    ];

    #[test]
    fn hashes_are_those_of_the_reference_tool() {
        let mut state = MultiHasher::new(HashFormat::ALL.into_iter().collect());
        state.update(b"media-");
        state.update(b"hash-list");
        let hashes = state.finish();
        for (format, text) in VECTORS {
            let value = hashes.value(format).unwrap();
            assert_eq!(value.to_string(), text);
            assert_eq!(HashValue::parse(format, text), Some(value));
            assert_eq!(hash_bytes(format, b"media-hash-list"), value);
            assert_eq!(value.as_bytes().len(), format.length());
        }
    }

    #[test]
    fn empty_content_has_the_known_hashes() {
        let known = [
            (HashFormat::Md5, "d41d8cd98f00b204e9800998ecf8427e"),
            (HashFormat::Xxh3, "2d06800538d394c2"),
            (HashFormat::Xxh64, "ef46db3751d8e999"),
        ];
        for (format, text) in known {
            assert_eq!(hash_bytes(format, b"").to_string(), text);
        }
    }

    #[test]
    fn only_the_digest_and_the_formats_asked_for_are_computed() {
        let mut state = MultiHasher::new(HashFormatSet::EMPTY.with(HashFormat::Sha1));
        state.update(b"abc");
        let hashes = state.finish();
        assert_eq!(hashes.digest, Digest::of_bytes(b"abc"));
        let digest = hashes.value(HashFormat::Xxh128).unwrap();
        assert_eq!(digest.as_digest(), Some(hashes.digest));
        assert!(hashes.value(HashFormat::Sha1).is_some());
        assert_eq!(hashes.value(HashFormat::Md5), None);
    }

    #[test]
    fn text_of_another_format_is_no_hash() {
        for (format, text) in VECTORS {
            assert_eq!(HashValue::parse(format, &text[1..]), None);
            assert_eq!(HashValue::parse(format, &format!("{text} ")), None);
        }
        assert_eq!(
            HashValue::parse(HashFormat::Xxh64, "584b2ea1974f2bxx"),
            None
        );
        let upper = HashValue::parse(HashFormat::Xxh64, "584B2EA1974F2B7C");
        assert_eq!(upper.unwrap().to_string(), "584b2ea1974f2b7c");
    }
}
