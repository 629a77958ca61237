//! Image sequences: the numbered frames of one folder that belong together.
//!
//! Frames belong together when the bytes before their digits, the bytes after them and the padding are the same. A
//! leading zero tells the padding: `a.01.exr` has two digits, so has `a.10.exr` beside it, and `a.100.exr` has outgrown
//! them; `a.1.exr` is no part of that. Where none has a leading zero, the shortest number tells it. Numbers below zero
//! belong to the frames above it. Programs pad them in two ways: `-0005` with as many digits, or `-005` with as many
//! characters, as C's `printf` does.

mod frame;
mod group;
mod series;

use serde::Serialize;

pub use self::frame::Frame;
pub use self::group::{SequenceBuilder, Sequences};

use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;

/// So many gaps are named one by one.
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
    /// Whether a sign counts as one of the characters to which numbers are padded.
    #[serde(skip)]
    counts_sign: bool,
    /// The number of the frame whose name comes first.
    #[serde(skip)]
    first_by_name: i64,
    /// The lowest number.
    pub first: i64,
    /// The highest number.
    pub last: i64,
    /// How many frames.
    pub files: u64,
    /// The gaps in the numbers between them, each by its first and its last.
    pub missing: Vec<(i64, i64)>,
    /// Apparent size in bytes.
    pub bytes: u64,
    /// The newest change of a frame.
    pub newest: Timestamp,
}

impl Sequence {
    /// All its names at once: `sh010.[1001-1240].exr`.
    pub fn pattern(&self) -> Name {
        let range = format!(
            "[{}-{}]",
            self.format_number(self.first),
            self.format_number(self.last)
        );
        Name::from_bytes([&self.head, range.as_bytes(), &self.tail].concat())
    }

    /// `missing 1107, 1110-1115`; `None` where there is no gap.
    pub fn describe_missing(&self) -> Option<String> {
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
            return Some(format!("missing {named}, ... ({frames} in all)"));
        }
        (!named.is_empty()).then(|| format!("missing {named}"))
    }

    /// Whether this frame of it is the one whose name comes first.
    pub const fn is_first_by_name(&self, frame: &Frame<'_>) -> bool {
        self.first_by_name == frame.number
    }

    /// A number as the names have it.
    fn format_number(&self, number: i64) -> String {
        let sign = usize::from(number < 0 && !self.counts_sign);
        format!("{number:0width$}", width = self.padding + sign)
    }
}
