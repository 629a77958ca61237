//! Image sequences: numbered frames of one folder that belong together.
//!
//! Frames belong together if the bytes before their digits, the bytes after them and the padding are the same. A leading zero
//! shows the padding: `a.01.exr` is padded to two digits, `a.10.exr` next to it too, and `a.100.exr` is longer than the
//! padding; `a.1.exr` is not part of this sequence. If no frame has a leading zero, the shortest number shows the padding.
//! Negative and positive frames belong together. Programs pad negative numbers in two ways: to the same number of digits,
//! `-0005`, or of characters, `-005`, as C's `printf` does.

mod frame;
mod group;
mod series;

use serde::Serialize;

pub use self::frame::Frame;
pub use self::group::{SequenceBuilder, Sequences};

use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;

/// Greatest number of gaps that are listed one by one.
const MAX_LISTED_GAPS: usize = 4;

/// Two or more frames of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sequence {
    #[serde(skip)]
    head: Vec<u8>,
    #[serde(skip)]
    tail: Vec<u8>,
    #[serde(skip)]
    padding: usize,
    /// True if a minus sign counts as one of the padded characters.
    #[serde(skip)]
    counts_sign: bool,
    /// Number of the frame whose name sorts first.
    #[serde(skip)]
    first_by_name: i64,
    /// Lowest number.
    pub first: i64,
    /// Highest number.
    pub last: i64,
    /// Number of frames.
    pub files: u64,
    /// Gaps between the numbers, each with its first and its last number.
    pub missing: Vec<(i64, i64)>,
    /// Apparent size in bytes.
    pub bytes: u64,
    /// Newest mtime of a frame.
    pub newest: Timestamp,
}

impl Sequence {
    /// A pattern for all names, for example `sh010.[1001-1240].exr`.
    pub fn pattern(&self) -> Name {
        Name::from_bytes([&self.head, self.range().as_bytes(), &self.tail].concat())
    }

    /// The first and the last number, for example `[1001-1240]`.
    pub fn range(&self) -> String {
        let [first, last] = [self.first, self.last].map(|number| self.format_number(number));
        format!("[{first}-{last}]")
    }

    /// Describes the gaps, for example `missing 1107, 1110-1115`; `None` without gaps.
    pub fn describe_missing(&self) -> Option<String> {
        self.describe_gaps("missing")
    }

    /// Describes the gaps after this word; `None` without gaps.
    pub fn describe_gaps(&self, word: &str) -> Option<String> {
        let gap = |&(first, last): &(i64, i64)| {
            if first == last {
                self.format_number(first)
            } else {
                format!("{}-{}", self.format_number(first), self.format_number(last))
            }
        };
        let named: Vec<String> = self.missing.iter().take(MAX_LISTED_GAPS).map(gap).collect();
        let named = named.join(", ");
        if self.missing.len() > MAX_LISTED_GAPS {
            let lengths = self.missing.iter();
            let lengths = lengths.map(|(first, last)| last.abs_diff(*first).saturating_add(1));
            let frames = lengths.fold(0, u64::saturating_add);
            let frames = unit::format_counted(frames, "frame");
            return Some(format!("{word} {named}, ... ({frames} in all)"));
        }
        (!named.is_empty()).then(|| format!("{word} {named}"))
    }

    /// True if this frame of the sequence is the one whose name sorts first.
    pub const fn is_first_by_name(&self, frame: &Frame<'_>) -> bool {
        self.first_by_name == frame.number
    }

    /// Formats a number with the sequence's padding.
    fn format_number(&self, number: i64) -> String {
        let sign = usize::from(number < 0 && !self.counts_sign);
        format!("{number:0width$}", width = self.padding + sign)
    }
}
