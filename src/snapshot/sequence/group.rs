//! Grouping of one folder's frames into sequences.
//!
//! It stores ranges of consecutive numbers: memory grows with the number of gaps, not with their width or with the number of
//! frames.

use std::collections::HashMap;

use super::series::{SelectedFrames, Series};
use super::{Frame, Sequence};
use crate::snapshot::manifest::ManifestFile;

/// Collects the frames of a folder.
#[derive(Clone, Debug, Default)]
pub struct SequenceBuilder {
    series: Vec<Series>,
    series_by_key: HashMap<Box<[u8]>, usize>,
    key: Vec<u8>,
    latest_series: usize,
    frame_count: u64,
}

impl SequenceBuilder {
    /// Adds a frame; frames must be added in the order of their names. A frame that is not selected is not counted, but its
    /// number is not missing.
    pub fn add(&mut self, frame: &Frame<'_>, selected: Option<&ManifestFile<'_>>) {
        let series_index = self
            .find_series(frame)
            .unwrap_or_else(|| self.begin_series(frame));
        self.latest_series = series_index;
        self.frame_count += 1;
        let group = self.series[series_index].group(frame);
        let step = if group.is_negative { -1 } else { 1 };
        match group.ranges.last_mut() {
            Some((_, last)) if last.checked_add(step) == Some(frame.number) => *last = frame.number,
            _ => group.ranges.push((frame.number, frame.number)),
        }
        if let Some(file) = selected {
            let one = SelectedFrames {
                first: frame.number,
                last: frame.number,
                files: 1,
                bytes: file.bytes,
                newest: file.modified,
                first_by_name: (self.frame_count, frame.number),
            };
            group.selected = Some(group.selected.map_or(one, |others| others.merge(one)));
        }
    }

    /// Index of a frame's series, if it exists. In sorted names a frame mostly follows one of its own series.
    fn find_series(&mut self, frame: &Frame<'_>) -> Option<usize> {
        let latest = self.series.get(self.latest_series);
        if latest.is_some_and(|series| series.head == frame.head && series.tail == frame.tail) {
            return Some(self.latest_series);
        }
        self.key.clear();
        // No name contains a slash.
        for part in [frame.head, b"/", frame.tail] {
            self.key.extend_from_slice(part);
        }
        self.series_by_key.get(self.key.as_slice()).copied()
    }

    /// Adds a series with the key that [`Self::find_series`] just built.
    fn begin_series(&mut self, frame: &Frame<'_>) -> usize {
        self.series_by_key
            .insert(self.key.as_slice().into(), self.series.len());
        self.series.push(Series {
            head: frame.head.to_vec(),
            tail: frame.tail.to_vec(),
            groups: Vec::new(),
        });
        self.series.len() - 1
    }

    /// Returns the sequences of the added frames.
    pub fn finish(mut self) -> Sequences {
        let mut sequences = Vec::new();
        for series in &mut self.series {
            series.build_sequences(&mut sequences);
        }
        Sequences {
            builder: self,
            sequences,
        }
    }
}

/// The sequences of a folder.
#[derive(Clone, Debug, Default)]
pub struct Sequences {
    builder: SequenceBuilder,
    sequences: Vec<Sequence>,
}

impl Sequences {
    /// Returns all of them.
    pub fn all(&self) -> &[Sequence] {
        &self.sequences
    }

    /// Returns the sequence of a selected frame; `None` for a single frame.
    pub fn of(&mut self, frame: &Frame<'_>) -> Option<&Sequence> {
        let series_index = self.builder.find_series(frame)?;
        self.builder.latest_series = series_index;
        let group = self.builder.series[series_index].group(frame);
        group.sequence.map(|index| &self.sequences[index])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::base::timestamp::Timestamp;

    const MOMENT: Timestamp = Timestamp {
        seconds: 7,
        nanoseconds: 0,
    };

    /// Groups these names; true marks the selected ones.
    fn group(names: &BTreeMap<String, bool>) -> Sequences {
        let mut grouping = SequenceBuilder::default();
        for (name, wanted) in names {
            let file = ManifestFile {
                name: name.as_bytes(),
                bytes: 2,
                modified: MOMENT,
                target: None,
            };
            if let Some(frame) = Frame::of(name.as_bytes()) {
                grouping.add(&frame, wanted.then_some(&file));
            }
        }
        grouping.finish()
    }

    fn shown(sequences: &Sequences) -> Vec<String> {
        let words = |sequence: &Sequence| {
            let missing = sequence.describe_missing().unwrap_or_default();
            format!("{} {} {missing}", sequence.pattern(), sequence.files)
        };
        let lines = sequences.sequences.iter().map(words);
        lines.map(|line| line.trim_end().to_owned()).collect()
    }

    /// Returns the sequences of these names; a name that ends in `-` exists but is not selected.
    fn sequences(names: &[&str]) -> Vec<String> {
        let wanted = |name: &&str| (name.trim_end_matches('-').to_owned(), !name.ends_with('-'));
        shown(&group(&names.iter().map(wanted).collect()))
    }

    #[test]
    fn frames_with_equal_surroundings_belong_together() {
        let names = [
            "a.1.exr", "a.2.exr", "a.3.jpg", "b.3.exr", "b.4.exr", "a.mov", "x.1.dpx",
        ];
        assert_eq!(sequences(&names), ["a.[1-2].exr 2", "b.[3-4].exr 2"]);
        assert_eq!(sequences(&["1.exr", "2.EXR", "2.exr"]), ["[1-2].exr 2"]);
        assert!(sequences(&[]).is_empty());
    }

    #[test]
    fn leading_zero_shows_the_padding() {
        let names = ["a.0998.exr", "a.0999.exr", "a.9999.exr", "a.10000.exr"];
        assert_eq!(
            sequences(&names),
            ["a.[0998-10000].exr 4 missing 1000-9998"]
        );
        let names = [
            "a.1.exr",
            "a.2.exr",
            "a.01.exr",
            "a.02.exr",
            "a.10.exr",
            "a.100.exr",
        ];
        assert_eq!(
            sequences(&names),
            ["a.[1-2].exr 2", "a.[01-100].exr 4 missing 03-09, 11-99"]
        );
        assert_eq!(
            sequences(&["a.9.exr", "a.10.exr", "a.099.exr"]),
            ["a.[9-10].exr 2"]
        );
        assert_eq!(sequences(&["a.0.exr", "a.00.exr"]), [""; 0]);
    }

    #[test]
    fn negative_frames_belong_to_positive_ones() {
        let names = ["a.-0002.exr", "a.-0001.exr", "a.0000.exr", "a.0002.exr"];
        assert_eq!(sequences(&names), ["a.[-0002-0002].exr 4 missing 0001"]);
        let names = ["a.-010.exr", "a.-008.exr", "a.0000.exr", "a.0001.exr"];
        assert_eq!(
            sequences(&names),
            ["a.[-010-0001].exr 4 missing -009, -007--001"]
        );
        let names = ["-1.exr", "-10.exr", "-9.exr", "0.exr", "10.exr"];
        assert_eq!(sequences(&names), ["[-10-10].exr 5 missing -8--2, 1-9"]);
        assert_eq!(sequences(&["a.-1.exr", "a.-2.exr"]), ["a.[-2--1].exr 2"]);
        assert_eq!(
            sequences(&["shot-01.exr", "shot-02.exr"]),
            ["shot-[01-02].exr 2"]
        );
    }

    #[test]
    fn unselected_frame_is_not_missing() {
        let names = [
            "a.1.exr-", "a.3.exr", "a.4.exr-", "a.6.exr", "a.7.exr-", "a.9.exr-",
        ];
        assert_eq!(sequences(&names), ["a.[3-6].exr 2 missing 5"]);
        assert_eq!(sequences(&["a.1.exr", "a.2.exr-"]), [""; 0]);
    }

    #[test]
    fn first_gaps_are_listed_and_all_are_counted() {
        let names: Vec<String> = (0..9).map(|n| format!("a.{:03}.exr", 1 + 10 * n)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(
            sequences(&names),
            [
                "a.[001-081].exr 9 missing 002-010, 012-020, 022-030, 032-040, ... (72 frames in all)"
            ]
        );
    }

    #[test]
    fn memory_grows_with_gaps_only() {
        let far = format!("a.{}.exr", i64::MAX);
        let ends = ["a.0.exr", "a.1.exr", &far];
        let missing = format!("missing 2-{}", i64::MAX - 1);
        assert_eq!(
            sequences(&ends),
            [format!("a.[0-{}].exr 3 {missing}", i64::MAX)]
        );
        let grouped = group(&(0..9999).map(|n| (format!("a.{n:04}.exr"), true)).collect());
        let groups = grouped
            .builder
            .series
            .iter()
            .flat_map(|series| &series.groups);
        assert_eq!(groups.map(|group| group.ranges.len()).sum::<usize>(), 2);
    }

    /// Returns all names of a sequence.
    fn expanded(sequence: &Sequence) -> impl Iterator<Item = String> {
        let is_missing = |number: &i64| {
            let mut gaps = sequence.missing.iter();
            gaps.any(|(first, last)| (first..=last).contains(&number))
        };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let there = (sequence.first..=sequence.last).filter(move |number| !is_missing(number));
        there.map(move |number| {
            let digits = sequence.format_number(number);
            text(&sequence.head) + &digits + &text(&sequence.tail)
        })
    }

    fn names() -> impl Strategy<Value = BTreeMap<String, bool>> {
        let name = r"(a|b\.|)(-|)(0{0,3}[0-9]{1,3}|9{1,4}|10{1,4})(\.exr|\.bgeo\.sc|\.mov)";
        proptest::collection::btree_map(name, any::<bool>(), 0..60)
    }

    proptest! {
        #[test]
        fn sequences_expand_to_their_names(names in names()) {
            let all: BTreeMap<String, bool> = names.into_keys().map(|name| (name, true)).collect();
            let mut sequences = group(&all);
            let mut met = BTreeSet::new();
            for sequence in &sequences.sequences {
                let before = met.len();
                met.extend(expanded(sequence));
                prop_assert_eq!(met.len() - before, usize::try_from(sequence.files).unwrap());
            }
            for name in all.keys() {
                let folded = Frame::of(name.as_bytes()).and_then(|frame| sequences.of(&frame));
                prop_assert_eq!(folded.is_some(), met.contains(name), "{}", name);
            }
            prop_assert!(met.iter().all(|name| all.contains_key(name)));
        }

        #[test]
        fn missing_numbers_have_no_frame(names in names()) {
            let mut sequences = group(&names);
            let mut members: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
            let mut leaders = 0;
            for (name, _) in names.iter().filter(|(_, wanted)| **wanted) {
                let Some(frame) = Frame::of(name.as_bytes()) else { continue };
                let Some(sequence) = sequences.of(&frame) else { continue };
                leaders += usize::from(sequence.is_first_by_name(&frame));
                let key = sequence.pattern().as_bytes().to_vec();
                prop_assert_eq!(sequence.is_first_by_name(&frame), !members.contains_key(&key));
                prop_assert!((sequence.first..=sequence.last).contains(&frame.number));
                *members.entry(key).or_default() += 1;
            }
            prop_assert_eq!(leaders, sequences.sequences.len());
            for sequence in &sequences.sequences {
                let files = members[sequence.pattern().as_bytes()];
                prop_assert_eq!((sequence.files, sequence.bytes), (files, 2 * files));
                prop_assert_eq!(sequence.newest, MOMENT);
                prop_assert!(expanded(sequence).all(|name| names.contains_key(&name)));
                for (first, last) in &sequence.missing {
                    for number in *first..=*last {
                        let name = [&sequence.head, sequence.format_number(number).as_bytes(), &sequence.tail].concat();
                        prop_assert!(!names.contains_key(&String::from_utf8(name).unwrap()));
                    }
                }
            }
        }
    }
}
