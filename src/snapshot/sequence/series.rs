//! Frames with the same bytes around their numbers, and how these make sequences.

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

/// Frames of a series whose numbers are spelled alike: with as many digits, padded or not, above or below zero.
#[derive(Clone, Debug)]
pub(super) struct DigitGroup {
    pub(super) digits: usize,
    pub(super) is_padded: bool,
    pub(super) is_negative: bool,
    /// How many digits the numbers of its sequence are padded to.
    pub(super) padding: usize,
    /// The first and the last of numbers that follow each other, in the order of their names: away from zero.
    pub(super) ranges: Vec<(i64, i64)>,
    pub(super) selected: Option<SelectedFrames>,
    /// The place of the sequence that its wanted frames are in.
    pub(super) sequence: Option<usize>,
}

/// What the wanted frames amount to.
#[derive(Clone, Copy, Debug)]
pub(super) struct SelectedFrames {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) newest: Timestamp,
    /// When the one whose name comes first was added, and its number.
    pub(super) first_by_name: (u64, i64),
}

impl Series {
    /// The strand of a frame.
    pub(super) fn group(&mut self, frame: &Frame<'_>) -> &mut DigitGroup {
        let is_negative = frame.number < 0;
        let spelling = (frame.digits, frame.is_padded, is_negative);
        let alike =
            |strand: &DigitGroup| (strand.digits, strand.is_padded, strand.is_negative) == spelling;
        let place = self.groups.iter().position(alike).unwrap_or_else(|| {
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
        &mut self.groups[place]
    }

    /// How many digits the numbers of a strand are padded to, as all strands tell.
    fn inferred_padding(&self, strand: &DigitGroup) -> usize {
        let digits = |is_padded| {
            let alike = self.groups.iter();
            alike
                .filter(move |other| other.is_padded == is_padded && other.digits <= strand.digits)
                .map(|other| other.digits)
        };
        let inferred = digits(true).max().or_else(|| digits(false).min());
        inferred.unwrap_or(strand.digits)
    }

    /// Makes sequences of the strands with the same padding.
    pub(super) fn build_sequences(&mut self, sequences: &mut Vec<Sequence>) {
        for place in 0..self.groups.len() {
            self.groups[place].padding = self.inferred_padding(&self.groups[place]);
        }
        let counting = self.count_signs();
        self.groups.sort_by_key(DigitGroup::order);
        let same_padding = |one: &DigitGroup, next: &DigitGroup| one.padding == next.padding;
        for strands in self.groups.chunk_by_mut(same_padding) {
            let selected = strands.iter().filter_map(|strand| strand.selected);
            let Some(selected) = selected
                .reduce(SelectedFrames::merge)
                .filter(|all| all.files > 1)
            else {
                continue;
            };
            for strand in strands.iter_mut() {
                strand.sequence = Some(sequences.len());
            }
            let padding = strands[0].padding;
            sequences.push(Sequence {
                head: self.head.clone(),
                tail: self.tail.clone(),
                padding,
                counts_sign: counting.contains(&padding),
                first_by_name: selected.first_by_name.1,
                first: selected.first,
                last: selected.last,
                files: selected.files,
                missing: gaps(strands, selected),
                bytes: selected.bytes,
                newest: selected.newest,
            });
        }
    }

    /// Joins numbers below zero that are padded to one digit less than numbers above it: their sign counts as a digit.
    /// Returns the paddings for which that is so.
    fn count_signs(&mut self) -> BTreeSet<usize> {
        let paddings = |strands: &[DigitGroup], is_negative| -> BTreeSet<usize> {
            let alike = strands.iter();
            let alike = alike.filter(|strand| strand.is_negative == is_negative);
            alike.map(|strand| strand.padding).collect()
        };
        let (below, above) = (paddings(&self.groups, true), paddings(&self.groups, false));
        let counting: BTreeSet<usize> = above
            .iter()
            .filter(|padding| below.contains(&(**padding - 1)) && !above.contains(&(**padding - 1)))
            // Numbers below zero of as many digits may only be those that outgrew the padding.
            .filter(|padding| !self.has_padded_negative(**padding))
            .copied()
            .collect();
        for strand in self.groups.iter_mut().filter(|strand| strand.is_negative) {
            if counting.contains(&(strand.padding + 1)) {
                strand.padding += 1;
            }
        }
        counting
    }

    /// Whether numbers below zero are padded to so many digits without their sign.
    fn has_padded_negative(&self, padding: usize) -> bool {
        let mut strands = self.groups.iter();
        strands.any(|strand| strand.is_negative && strand.is_padded && strand.digits == padding)
    }
}

impl DigitGroup {
    /// Where it stands among the strands of its series, so that numbers ascend. Numbers with more digits are farther from
    /// zero, and those without a leading zero are farther than those with one.
    fn order(&self) -> impl Ord + use<> {
        let distance = (self.digits, !self.is_padded);
        let below = self.is_negative.then_some(distance);
        (self.padding, Reverse(below), distance)
    }

    /// The first and the last of numbers that follow each other, ascending.
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

/// The gaps between the first and the last of the wanted numbers.
fn gaps(strands: &[DigitGroup], selected: SelectedFrames) -> Vec<(i64, i64)> {
    let runs: Vec<(i64, i64)> = strands
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
    /// Both together.
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
