//! Series: frames with the same bytes around their numbers, which form one or more sequences.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::{Frame, Sequence};
use crate::base::timestamp::Timestamp;

/// Frames with the same bytes before and after their numbers.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) head: Vec<u8>,
    pub(super) tail: Vec<u8>,
    pub(super) groups: Vec<DigitGroup>,
}

/// Frames of a series whose numbers have the same number of digits, the same sign, and either all or none a leading zero.
#[derive(Clone, Debug)]
pub(super) struct DigitGroup {
    pub(super) digits: usize,
    pub(super) is_padded: bool,
    pub(super) is_negative: bool,
    /// Number of digits to which the numbers of its sequence are padded.
    pub(super) padding: usize,
    /// First and last number of each consecutive range, in the order of names: away from zero.
    pub(super) ranges: Vec<(i64, i64)>,
    pub(super) selected: Option<SelectedFrames>,
    /// Index of the sequence of its selected frames.
    pub(super) sequence: Option<usize>,
}

/// Sums over selected frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct SelectedFrames {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) newest: Timestamp,
    /// Position at which the frame was added whose name sorts first, and its number.
    pub(super) first_by_name: (u64, i64),
}

impl Series {
    /// Returns the group of a frame, adding it if needed.
    pub(super) fn group(&mut self, frame: &Frame<'_>) -> &mut DigitGroup {
        let is_negative = frame.number < 0;
        let spelling = (frame.digits, frame.is_padded, is_negative);
        let alike =
            |group: &DigitGroup| (group.digits, group.is_padded, group.is_negative) == spelling;
        let index = self.groups.iter().position(alike).unwrap_or_else(|| {
            self.groups.push(DigitGroup {
                digits: frame.digits,
                is_padded: frame.is_padded,
                is_negative,
                padding: frame.digits,
                ranges: Vec::new(),
                selected: None,
                sequence: None,
            });
            self.groups.len() - 1
        });
        &mut self.groups[index]
    }

    /// Padding of a group, inferred from all groups of the series.
    fn inferred_padding(&self, group: &DigitGroup) -> usize {
        let digits = |is_padded| {
            let alike = self.groups.iter();
            alike
                .filter(move |other| other.is_padded == is_padded && other.digits <= group.digits)
                .map(|other| other.digits)
        };
        let inferred = digits(true).max().or_else(|| digits(false).min());
        inferred.unwrap_or(group.digits)
    }

    /// Adds a sequence for each set of groups with the same padding.
    pub(super) fn build_sequences(&mut self, sequences: &mut Vec<Sequence>) {
        for index in 0..self.groups.len() {
            self.groups[index].padding = self.inferred_padding(&self.groups[index]);
        }
        let counting = self.count_signs();
        self.groups.sort_by_key(DigitGroup::order);
        let same_padding = |one: &DigitGroup, next: &DigitGroup| one.padding == next.padding;
        for groups in self.groups.chunk_by_mut(same_padding) {
            let selected = groups.iter().filter_map(|group| group.selected);
            let Some(selected) = selected
                .reduce(SelectedFrames::merge)
                .filter(|all| all.files > 1)
            else {
                continue;
            };
            for group in groups.iter_mut() {
                group.sequence = Some(sequences.len());
            }
            let padding = groups[0].padding;
            sequences.push(Sequence {
                head: self.head.clone(),
                tail: self.tail.clone(),
                padding,
                counts_sign: counting.contains(&padding),
                first_by_name: selected.first_by_name.1,
                first: selected.first,
                last: selected.last,
                files: selected.files,
                missing: gaps(groups, selected),
                bytes: selected.bytes,
                newest: selected.newest,
            });
        }
    }

    /// Increases the padding of negative numbers that have one digit less than positive ones: their sign counts as a digit.
    /// Returns the paddings where the sign counts.
    fn count_signs(&mut self) -> BTreeSet<usize> {
        let paddings = |groups: &[DigitGroup], is_negative| -> BTreeSet<usize> {
            let alike = groups.iter();
            let alike = alike.filter(|group| group.is_negative == is_negative);
            alike.map(|group| group.padding).collect()
        };
        let (below, above) = (paddings(&self.groups, true), paddings(&self.groups, false));
        let counting: BTreeSet<usize> = above
            .iter()
            .filter(|padding| below.contains(&(**padding - 1)) && !above.contains(&(**padding - 1)))
            // Negative numbers with this number of digits must be longer than the padding, not padded.
            .filter(|padding| !self.has_padded_negative(**padding))
            .copied()
            .collect();
        for group in self.groups.iter_mut().filter(|group| group.is_negative) {
            if counting.contains(&(group.padding + 1)) {
                group.padding += 1;
            }
        }
        counting
    }

    /// True if negative numbers are padded to this number of digits without their sign.
    fn has_padded_negative(&self, padding: usize) -> bool {
        let mut groups = self.groups.iter();
        groups.any(|group| group.is_negative && group.is_padded && group.digits == padding)
    }
}

impl DigitGroup {
    /// Sort key that makes numbers ascend. Numbers with more digits are farther from zero, and numbers without a leading zero
    /// are farther than those with one.
    fn order(&self) -> impl Ord + use<> {
        let distance = (self.digits, !self.is_padded);
        let below = self.is_negative.then_some(distance);
        (self.padding, Reverse(below), distance)
    }

    /// First and last number of each consecutive range, ascending.
    fn ascending_ranges(&self) -> Vec<(i64, i64)> {
        if self.is_negative {
            let runs = self.ranges.iter().rev();
            runs.map(|(nearest, farthest)| (*farthest, *nearest))
                .collect()
        } else {
            self.ranges.clone()
        }
    }
}

/// Gaps between the first and the last selected number.
fn gaps(groups: &[DigitGroup], selected: SelectedFrames) -> Vec<(i64, i64)> {
    let runs: Vec<(i64, i64)> = groups
        .iter()
        .flat_map(DigitGroup::ascending_ranges)
        .collect();
    let within =
        |(before, after): &(i64, i64)| selected.first <= *before && *after <= selected.last;
    let pairs = runs.iter().zip(runs.iter().skip(1));
    pairs
        .map(|((_, before), (after, _))| (*before, *after))
        .filter(|pair| within(pair) && pair.1.abs_diff(pair.0) > 1)
        .map(|(before, after)| (before + 1, after - 1))
        .collect()
}

impl SelectedFrames {
    pub(super) fn merge(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            files: self.files + other.files,
            bytes: self.bytes.saturating_add(other.bytes),
            newest: self.newest.max(other.newest),
            first_by_name: self.first_by_name.min(other.first_by_name),
        }
    }
}
