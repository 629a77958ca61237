//! One value of an answer: shown to people in their units, to programs exactly.

use crate::base::escape;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;

/// How a word should catch the eye, where there is colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// To be looked at.
    Warning,
    /// Not there, failed.
    Bad,
    /// Of less interest.
    Faint,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A name or path from the disk.
    Name(Name),
    /// Our own words.
    Text(String),
    /// Our own words with a meaning.
    Styled(String, Tone),
    /// A size in bytes.
    Bytes(u64),
    /// A number of things.
    Count(u64),
    /// A point in time.
    Timestamp(Timestamp),
    /// Nothing known.
    Empty,
}

impl Cell {
    /// Its own words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A value that may not be known.
    pub fn optional<T>(value: Option<T>, cell: impl Fn(T) -> Self) -> Self {
        value.map_or(Self::Empty, cell)
    }

    /// For people; names are escaped towards a terminal, elsewhere only kept on one line.
    pub fn to_display(&self, terminal: bool) -> String {
        match self {
            Self::Name(name) if terminal => escape::visible(name.as_bytes()),
            Self::Name(name) => escape::single_line(name.as_bytes()),
            Self::Text(text) | Self::Styled(text, _) => text.clone(),
            Self::Bytes(bytes) => unit::format_bytes(*bytes),
            Self::Count(count) => unit::format_count(*count),
            Self::Timestamp(timestamp) => timestamp.ago(),
            Self::Empty => String::new(),
        }
    }

    /// For programs: the bytes of a name, exact numbers, RFC 3339 times.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Name(name) => name.as_bytes().to_vec(),
            Self::Text(text) | Self::Styled(text, _) => text.clone().into_bytes(),
            Self::Bytes(number) | Self::Count(number) => number.to_string().into_bytes(),
            Self::Timestamp(timestamp) => timestamp.rfc3339().unwrap_or_default().into_bytes(),
            Self::Empty => Vec::new(),
        }
    }

    /// Whether it is a name or path, which may be shortened where there is no room.
    pub const fn is_name(&self) -> bool {
        matches!(self, Self::Name(_))
    }

    /// Whether it is a number, set to the right and never broken.
    pub const fn is_number(&self) -> bool {
        matches!(self, Self::Bytes(_) | Self::Count(_))
    }
}

impl From<&Name> for Cell {
    fn from(name: &Name) -> Self {
        Self::Name(name.clone())
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Name(text.into())
    }
}
