//! Digest of a file's content: XXH3-128, printed as the reference program `xxh128sum` prints it.
//!
//! It detects accidental changes. It does not protect against deliberate forgery.

use std::fmt;

use xxhash_rust::xxh3::xxh3_128;

/// XXH3-128 of some content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub u128);

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl Digest {
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(xxh3_128(bytes))
    }

    /// The low 64 bits: enough for identification inside one listing.
    #[expect(clippy::cast_possible_truncation, reason = "the low half is wanted")]
    pub const fn low_64(self) -> u64 {
        self.0 as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_matches_the_reference_program() {
        // Digests by xxh128sum of no bytes and of three bytes.
        assert_eq!(
            Digest::of_bytes(b"").to_string(),
            "99aa06d3014798d86001c324468d497f"
        );
        assert_eq!(
            Digest::of_bytes(b"abc").to_string(),
            "06b05ab6733a618578af5f94892f3950"
        );
    }
}
