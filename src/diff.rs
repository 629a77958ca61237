//! Two trees side by side.

use std::cmp::Ordering;

use crate::moment::Step;
use crate::os::stat::Kind;
use crate::tree::{Entry, Tree};

/// In what two entries of the same path differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// One is a file, say, and the other a folder.
    Kind,
    /// The sizes differ.
    Size,
    /// The sizes are equal, the modification times differ.
    Time,
    /// The links point to different places.
    Target,
}

impl Difference {
    /// The word for people and JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Size => "size",
            Self::Time => "time",
            Self::Target => "target",
        }
    }
}

/// One path in two trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Only in the first.
    OnlyA(&'a Entry),
    /// Only in the second.
    OnlyB(&'a Entry),
    /// In both, and the same.
    Same(&'a Entry, &'a Entry),
    /// In both, and different.
    Differs(&'a Entry, &'a Entry, Difference),
}

/// Compares two trees path by path; times as the coarser of their file systems keeps them.
pub fn diff<'a>(a: &'a Tree, b: &'a Tree) -> impl Iterator<Item = Change<'a>> {
    let step = a.step.max(b.step);
    let (mut left, mut right) = (a.entries.iter().peekable(), b.entries.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) => a.path.as_os_str().cmp(b.path.as_os_str()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        match order {
            Ordering::Less => left.next().map(Change::OnlyA),
            Ordering::Greater => right.next().map(Change::OnlyB),
            Ordering::Equal => {
                left.next()
                    .zip(right.next())
                    .map(|(a, b)| match difference(a, b, step) {
                        None => Change::Same(a, b),
                        Some(difference) => Change::Differs(a, b, difference),
                    })
            }
        }
    })
}

/// In what two entries differ, if they do. Folders and special files of one kind are the same.
fn difference(a: &Entry, b: &Entry, step: Step) -> Option<Difference> {
    if a.kind != b.kind {
        return Some(Difference::Kind);
    }
    match a.kind {
        Kind::File if a.bytes != b.bytes => Some(Difference::Size),
        Kind::File if !a.modified.same_as(b.modified, step) => Some(Difference::Time),
        Kind::Link if a.target != b.target => Some(Difference::Target),
        _ => None,
    }
}
