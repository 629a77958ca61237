//! The hash formats of ASC MHL, and sets of them.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A hash format of the ASC MHL specification, in the order of its schema, which is that of the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HashFormat {
    C4,
    Md5,
    Sha1,
    /// The format of the index, for which nothing is read again.
    #[default]
    Xxh128,
    Xxh3,
    Xxh64,
}

impl HashFormat {
    /// All formats in the order of the schema.
    pub const ALL: [Self; 6] = [
        Self::C4,
        Self::Md5,
        Self::Sha1,
        Self::Xxh128,
        Self::Xxh3,
        Self::Xxh64,
    ];

    /// The name of the format, which is that of its XML element.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::C4 => "c4",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Xxh128 => "xxh128",
            Self::Xxh3 => "xxh3",
            Self::Xxh64 => "xxh64",
        }
    }

    /// The format with this name.
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.tag() == tag)
    }

    /// Number of bytes of a hash.
    pub const fn length(self) -> usize {
        match self {
            Self::C4 => 64,
            Self::Md5 | Self::Xxh128 => 16,
            Self::Sha1 => 20,
            Self::Xxh3 | Self::Xxh64 => 8,
        }
    }
}

impl fmt::Display for HashFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.tag())
    }
}

impl FromStr for HashFormat {
    type Err = String;

    fn from_str(tag: &str) -> Result<Self, String> {
        Self::from_tag(tag).ok_or_else(|| format!("`{tag}` is no hash format"))
    }
}

/// A set of hash formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashFormatSet(u8);

impl HashFormatSet {
    /// The set without a format.
    pub const EMPTY: Self = Self(0);

    /// The set with this format and all of this set.
    #[must_use]
    pub const fn with(self, format: HashFormat) -> Self {
        Self(self.0 | 1 << format as u8)
    }

    pub const fn contains(self, format: HashFormat) -> bool {
        self.0 & (1 << format as u8) != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The formats in the order of the schema.
    pub fn iter(self) -> impl Iterator<Item = HashFormat> {
        HashFormat::ALL
            .into_iter()
            .filter(move |format| self.contains(*format))
    }
}

impl FromIterator<HashFormat> for HashFormatSet {
    fn from_iter<I: IntoIterator<Item = HashFormat>>(formats: I) -> Self {
        formats.into_iter().fold(Self::EMPTY, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_is_parsed_back() {
        for format in HashFormat::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert!("XXH128".parse::<HashFormat>().is_err());
        let mut sorted = HashFormat::ALL;
        sorted.sort_by_key(|format| format.tag());
        assert_eq!(sorted, HashFormat::ALL);
    }

    #[test]
    fn set_holds_its_formats_in_order() {
        let set: HashFormatSet = [HashFormat::Xxh64, HashFormat::C4].into_iter().collect();
        assert!(set.contains(HashFormat::C4) && !set.contains(HashFormat::Md5));
        let formats: Vec<_> = set.iter().collect();
        assert_eq!(formats, [HashFormat::C4, HashFormat::Xxh64]);
        assert_eq!(HashFormatSet::EMPTY.iter().count(), 0);
    }
}
