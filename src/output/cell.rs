//! Values of an answer. People see rounded values with units, programs exact ones.

use crate::base::escape;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;

/// Meaning of a word, shown by its color.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// In order.
    Good,
    /// Needs attention.
    Warning,
    /// Missing or failed.
    Bad,
    /// Less important.
    Faint,
}

/// Number of forms of an [`ElasticText`].
pub const FORMS: usize = 4;

/// A text in forms of decreasing length.
pub type ElasticText = [String; FORMS];

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Name or path from a disk.
    Name(Name),
    /// Words of the program.
    Text(String),
    /// Words of the program with a meaning.
    Styled(String, Tone),
    /// Size in bytes.
    Bytes(u64),
    /// Number of items.
    Count(u64),
    /// Words of the program in forms of decreasing length, the last of which may be empty. A table uses the same form in all
    /// its cells.
    Elastic(ElasticText, Tone),
    /// Point in time.
    Timestamp(Timestamp),
    /// Unknown value.
    Empty,
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Returns `Empty` for `None`.
    pub fn optional<T>(value: Option<T>, cell: impl Fn(T) -> Self) -> Self {
        value.map_or(Self::Empty, cell)
    }

    /// Returns the text for people. Names are escaped for a terminal; elsewhere they are only kept on one line.
    pub fn to_display(&self, terminal: bool) -> String {
        match self {
            Self::Name(name) if terminal => escape::visible(name.as_bytes()),
            Self::Name(name) => escape::single_line(name.as_bytes()),
            Self::Text(text) | Self::Styled(text, _) => text.clone(),
            Self::Elastic(forms, _) => forms[0].clone(),
            Self::Bytes(bytes) => unit::format_bytes(*bytes),
            Self::Count(count) => unit::format_count(*count),
            Self::Timestamp(timestamp) => timestamp.ago(),
            Self::Empty => String::new(),
        }
    }

    /// Returns the text for people in a table that uses this form of its elastic cells.
    pub fn to_display_form(&self, form: usize, terminal: bool) -> String {
        match self {
            Self::Elastic(forms, _) => forms[form].clone(),
            _ => self.to_display(terminal),
        }
    }

    /// The meaning that a color shows.
    pub const fn tone(&self) -> Option<Tone> {
        match self {
            Self::Styled(_, tone) | Self::Elastic(_, tone) => Some(*tone),
            _ => None,
        }
    }

    /// Returns the value for programs: the bytes of a name, exact numbers, RFC 3339 times.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Name(name) => name.as_bytes().to_vec(),
            Self::Text(text) | Self::Styled(text, _) => text.clone().into_bytes(),
            Self::Elastic(forms, _) => forms[0].clone().into_bytes(),
            Self::Bytes(number) | Self::Count(number) => number.to_string().into_bytes(),
            Self::Timestamp(timestamp) => timestamp.rfc3339().unwrap_or_default().into_bytes(),
            Self::Empty => Vec::new(),
        }
    }

    /// True for a name or path, which may be shortened to fit a column.
    pub const fn is_name(&self) -> bool {
        matches!(self, Self::Name(_))
    }

    /// True for a number, which is right-aligned and never broken.
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
