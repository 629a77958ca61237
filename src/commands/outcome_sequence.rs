//! The items of one folder, grouped into image sequences: frames with one outcome and, apart from their own names, one
//! reason. The outcome is that of a run, or the verdict of a comparison.
//!
//! A folder is visited twice, first to find its sequences, then to report its lines, so that no list of its files is held.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::hash::Hash;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::Serialize;

use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::OutcomeKind;
use crate::snapshot::manifest::ManifestFile;
use crate::snapshot::sequence::{Frame, Sequence, SequenceBuilder, Sequences};

/// An item of a folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct FolderItem<'a, O = OutcomeKind> {
    pub(super) name: &'a [u8],
    pub(super) outcome: O,
    pub(super) reason: Option<&'a str>,
    /// `None` if the size was not recorded.
    pub(super) bytes: Option<u64>,
}

/// Passes all items of a folder, in the order of their names, to its argument; each call passes the same items.
pub(super) type ItemVisitor<'v, O = OutcomeKind> =
    dyn Fn(&mut dyn FnMut(&FolderItem<'_, O>) -> Result<()>) -> Result<()> + 'v;

/// An item, with the sequence that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupedItem<'a, O = OutcomeKind> {
    pub(super) item: FolderItem<'a, O>,
    pub(super) sequence: Option<&'a Sequence>,
    is_first: bool,
    /// True if the sizes of all frames are known.
    has_bytes: bool,
}

/// The numbers of a sequence of items, as JSON.
#[derive(Debug, Serialize)]
pub(super) struct SequenceNumbers<'a> {
    first: i64,
    last: i64,
    files: u64,
    /// Numbers between the first and the last that have another outcome, or no file.
    missing: &'a [(i64, i64)],
    bytes: Option<u64>,
}

/// The sequences of a folder, by outcome and reason.
struct Groups<O> {
    indexes: HashMap<(O, Option<String>), usize>,
    builders: Vec<SequenceBuilder>,
    has_bytes: Vec<bool>,
}

/// Reports each item with its sequence.
pub(super) fn visit_grouped<O: Copy + Eq + Hash>(
    items: &ItemVisitor<'_, O>,
    on_item: &mut dyn FnMut(&GroupedItem<'_, O>) -> Result<()>,
) -> Result<()> {
    let mut groups = Groups {
        indexes: HashMap::new(),
        builders: Vec::new(),
        has_bytes: Vec::new(),
    };
    items(&mut |item| {
        groups.add(item);
        Ok(())
    })?;
    let Groups {
        indexes,
        builders,
        has_bytes,
    } = groups;
    let builders = builders.into_iter().map(SequenceBuilder::finish);
    let mut sequences: Vec<Sequences> = builders.collect();
    items(&mut |item| {
        let frame = Frame::of(item.name);
        let index = frame.and_then(|frame| indexes.get(&group_key(item, &frame)).copied());
        let sequence = frame
            .zip(index)
            .and_then(|(frame, index)| sequences[index].of(&frame));
        let is_first = |(sequence, frame): (&Sequence, _)| sequence.is_first_by_name(&frame);
        on_item(&GroupedItem {
            item: *item,
            sequence,
            is_first: sequence.zip(frame).is_some_and(is_first),
            has_bytes: index.is_some_and(|index| has_bytes[index]),
        })
    })
}

impl<O: Copy + Eq + Hash> Groups<O> {
    fn add(&mut self, item: &FolderItem<'_, O>) {
        let Some(frame) = Frame::of(item.name) else {
            return;
        };
        let next = self.builders.len();
        let index = *self.indexes.entry(group_key(item, &frame)).or_insert(next);
        if index == next {
            self.builders.push(SequenceBuilder::default());
            self.has_bytes.push(true);
        }
        self.has_bytes[index] &= item.bytes.is_some();
        let file = ManifestFile {
            name: item.name,
            bytes: item.bytes.unwrap_or_default(),
            modified: Timestamp::default(),
            target: None,
        };
        self.builders[index].add(&frame, Some(&file));
    }
}

/// Returns what frames of one sequence share: the outcome, and the reason without their own names.
fn group_key<O: Copy>(item: &FolderItem<'_, O>, frame: &Frame<'_>) -> (O, Option<String>) {
    let reason = item.reason.map(|reason| {
        let (name, number) = own_words(item.name, frame);
        replace_words(reason, [(&name, "\u{1}"), (&number, "\u{2}")])
    });
    (item.outcome, reason)
}

/// Returns the name of a frame as messages show it, and the digits of its number.
fn own_words(name: &[u8], frame: &Frame<'_>) -> (String, String) {
    let end = name.len() - frame.tail.len();
    let digits = name.get(end - frame.digits..end).unwrap_or_default();
    let shown = Name::from_bytes(name.to_vec()).to_string();
    (shown, String::from_utf8_lossy(digits).into_owned())
}

/// Replaces whole words: those that continue neither a number nor, at the start, a name.
fn replace_words(text: &str, words: [(&str, &str); 2]) -> String {
    words.iter().fold(text.to_owned(), |text, (word, by)| {
        let mut replaced = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = rest.find(word) {
            let (before, after) = (&rest[..at], &rest[at + word.len()..]);
            let is_digit = |character: Option<char>| {
                character.is_some_and(|character| character.is_ascii_digit())
            };
            let last = before.chars().next_back().or(replaced.chars().next_back());
            replaced.push_str(before);
            let continues = is_digit(last) || is_digit(after.chars().next());
            replaced.push_str(if continues { word } else { by });
            rest = after;
        }
        replaced + rest
    })
}

impl<'a, O: Copy> GroupedItem<'a, O> {
    /// An item that stands for itself.
    pub(super) const fn single(item: FolderItem<'a, O>) -> Self {
        Self {
            item,
            sequence: None,
            is_first: false,
            has_bytes: false,
        }
    }

    /// True for a single item and for the first frame of a sequence.
    pub(super) const fn has_own_line(&self) -> bool {
        self.sequence.is_none() || self.is_first
    }

    /// Returns the sequence if this is its first frame.
    pub(super) fn own_sequence(&self) -> Option<&'a Sequence> {
        self.sequence.filter(|_| self.is_first)
    }

    /// Returns the path of the line: of the item or of its sequence.
    pub(super) fn line_path(&self, folder: &Path) -> Name {
        match self.sequence {
            Some(sequence) => folder.join(sequence.pattern().as_path()).into(),
            None => folder.join(OsStr::from_bytes(self.item.name)).into(),
        }
    }

    /// Returns the reason, with the range of the sequence in place of the frame's own name and number.
    pub(super) fn line_reason(&self) -> Option<String> {
        let reason = self.item.reason?;
        let (Some(sequence), Some(frame)) = (self.sequence, Frame::of(self.item.name)) else {
            return Some(reason.to_owned());
        };
        let (name, number) = own_words(self.item.name, &frame);
        let pattern = sequence.pattern().to_string();
        let range = sequence.range();
        // The name contains the number.
        let marked = replace_words(reason, [(&name, "\u{1}"), (&number, "\u{2}")]);
        Some(marked.replace('\u{1}', &pattern).replace('\u{2}', &range))
    }

    /// Returns the bytes of all frames, if their sizes are known.
    pub(super) fn sequence_bytes(&self) -> Option<u64> {
        self.sequence
            .filter(|_| self.has_bytes)
            .map(|sequence| sequence.bytes)
    }

    /// Returns the numbers of the sequence, for JSON.
    pub(super) fn numbers(&self) -> Option<SequenceNumbers<'a>> {
        let sequence = self.own_sequence()?;
        Some(SequenceNumbers {
            first: sequence.first,
            last: sequence.last,
            files: sequence.files,
            missing: &sequence.missing,
            bytes: self.sequence_bytes(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the lines of these names and reasons: the path, the number of frames, the bytes and the reason.
    fn lines(items: &[(&str, Option<&str>)]) -> Vec<String> {
        let visit = |on_item: &mut dyn FnMut(&FolderItem<'_>) -> Result<()>| {
            let mut items = items.iter();
            items.try_for_each(|(name, reason)| {
                on_item(&FolderItem {
                    name: name.as_bytes(),
                    outcome: OutcomeKind::Failed,
                    reason: *reason,
                    bytes: Some(2),
                })
            })
        };
        let mut lines = Vec::new();
        visit_grouped(&visit, &mut |grouped| {
            if grouped.has_own_line() {
                let files = grouped.sequence.map_or(1, |sequence| sequence.files);
                let gaps = grouped
                    .sequence
                    .and_then(|sequence| sequence.describe_gaps("without"));
                lines.push(format!(
                    "{} {files} {:?} {} {}",
                    grouped.line_path(Path::new("a")),
                    grouped.sequence_bytes(),
                    gaps.unwrap_or_default(),
                    grouped.line_reason().unwrap_or_default()
                ));
            }
            Ok(())
        })
        .unwrap();
        lines
    }

    #[test]
    fn frames_with_one_reason_are_one_line() {
        let same = Some("no space");
        assert_eq!(
            lines(&[
                ("a.1001.exr", same),
                ("a.1002.exr", Some("it is newer")),
                ("a.1003.exr", same),
                ("b.mov", same),
            ]),
            [
                "a/a.[1001-1003].exr 2 Some(4) without 1002 no space",
                "a/a.1002.exr 1 None  it is newer",
                "a/b.mov 1 None  no space",
            ]
        );
    }

    #[test]
    fn own_name_and_number_do_not_separate_frames() {
        let frames = [
            ("a.1001.exr", Some("cannot read `/x/a.1001.exr`: error 13")),
            ("a.1002.exr", Some("cannot read `/x/a.1002.exr`: error 13")),
            ("b.1001.exr", Some("it was `old/c_1001.exr`")),
            ("b.1002.exr", Some("it was `old/c_1002.exr`")),
            ("d.1001.exr", Some("it was `x_1007.exr`")),
            ("d.1002.exr", Some("it was `x_1009.exr`")),
        ];
        assert_eq!(
            lines(&frames),
            [
                "a/a.[1001-1002].exr 2 Some(4)  cannot read `/x/a.[1001-1002].exr`: error 13",
                "a/b.[1001-1002].exr 2 Some(4)  it was `old/c_[1001-1002].exr`",
                "a/d.1001.exr 1 None  it was `x_1007.exr`",
                "a/d.1002.exr 1 None  it was `x_1009.exr`",
            ]
        );
    }

    #[test]
    fn number_inside_a_number_is_not_the_frame() {
        assert_eq!(
            replace_words("13 of 1313, 13", [("13", "#"), ("x", "y")]),
            "# of 1313, #"
        );
    }
}
