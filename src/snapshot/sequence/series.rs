//! Frames with the same bytes around their numbers, and how these make sequences.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::{Frame, Sequence};
use crate::base::timestamp::Moment;

/// Frames with the same bytes before and after their numbers.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) head: Vec<u8>,
    pub(super) tail: Vec<u8>,
    pub(super) strands: Vec<Strand>,
}

/// Frames of a series whose numbers are spelled alike: with as many digits, padded or not, above or below zero.
#[derive(Clone, Debug)]
pub(super) struct Strand {
    pub(super) digits: usize,
    pub(super) is_padded: bool,
    pub(super) is_negative: bool,
    /// How many digits the numbers of its sequence are padded to.
    pub(super) padding: usize,
    /// The first and the last of numbers that follow each other, in the order of their names: away from zero.
    pub(super) runs: Vec<(i64, i64)>,
    pub(super) wanted: Option<Wanted>,
    /// The place of the sequence that its wanted frames are in.
    pub(super) sequence: Option<usize>,
}

/// What the wanted frames amount to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) newest: Moment,
    /// When the one whose name comes first was added, and its number.
    pub(super) leader: (u64, i64),
}

impl Series {
    /// The strand of a frame.
    pub(super) fn strand(&mut self, frame: &Frame<'_>) -> &mut Strand {
        let is_negative = frame.number < 0;
        let spelling = (frame.digits, frame.is_padded, is_negative);
        let alike =
            |strand: &Strand| (strand.digits, strand.is_padded, strand.is_negative) == spelling;
        let place = self.strands.iter().position(alike).unwrap_or_else(|| {
            self.strands.push(Strand {
                digits: frame.digits,
                is_padded: frame.is_padded,
                is_negative,
                padding: frame.digits,
                runs: Vec::new(),
                wanted: None,
                sequence: None,
            });
            self.strands.len() - 1
        });
        &mut self.strands[place]
    }

    /// How many digits the numbers of a strand are padded to, as all strands tell.
    fn padding(&self, strand: &Strand) -> usize {
        let digits = |is_padded| {
            let alike = self.strands.iter();
            alike
                .filter(move |other| other.is_padded == is_padded && other.digits <= strand.digits)
                .map(|other| other.digits)
        };
        let told = digits(true).max().or_else(|| digits(false).min());
        told.unwrap_or(strand.digits)
    }

    /// Makes sequences of the strands with the same padding.
    pub(super) fn join(&mut self, sequences: &mut Vec<Sequence>) {
        for place in 0..self.strands.len() {
            self.strands[place].padding = self.padding(&self.strands[place]);
        }
        let counting = self.count_signs();
        self.strands.sort_by_key(Strand::order);
        let same_padding = |one: &Strand, next: &Strand| one.padding == next.padding;
        for strands in self.strands.chunk_by_mut(same_padding) {
            let wanted = strands.iter().filter_map(|strand| strand.wanted);
            let Some(wanted) = wanted.reduce(Wanted::and).filter(|all| all.files > 1) else {
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
                leader: wanted.leader.1,
                first: wanted.first,
                last: wanted.last,
                files: wanted.files,
                missing: gaps(strands, wanted),
                bytes: wanted.bytes,
                newest: wanted.newest,
            });
        }
    }

    /// Joins numbers below zero that are padded to one digit less than numbers above it: their sign counts as a digit.
    /// Returns the paddings for which that is so.
    fn count_signs(&mut self) -> BTreeSet<usize> {
        let paddings = |strands: &[Strand], is_negative| -> BTreeSet<usize> {
            let alike = strands.iter();
            let alike = alike.filter(|strand| strand.is_negative == is_negative);
            alike.map(|strand| strand.padding).collect()
        };
        let (below, above) = (
            paddings(&self.strands, true),
            paddings(&self.strands, false),
        );
        let counting: BTreeSet<usize> = above
            .iter()
            .filter(|padding| below.contains(&(**padding - 1)) && !above.contains(&(**padding - 1)))
            // Numbers below zero of as many digits may only be those that outgrew the padding.
            .filter(|padding| !self.has_full_negative(**padding))
            .copied()
            .collect();
        for strand in self.strands.iter_mut().filter(|strand| strand.is_negative) {
            if counting.contains(&(strand.padding + 1)) {
                strand.padding += 1;
            }
        }
        counting
    }

    /// Whether numbers below zero are padded to so many digits without their sign.
    fn has_full_negative(&self, padding: usize) -> bool {
        let mut strands = self.strands.iter();
        strands.any(|strand| strand.is_negative && strand.is_padded && strand.digits == padding)
    }
}

impl Strand {
    /// Where it stands among the strands of its series, so that numbers ascend. Numbers with more digits are farther from
    /// zero, and those without a leading zero are farther than those with one.
    fn order(&self) -> impl Ord + use<> {
        let distance = (self.digits, !self.is_padded);
        let below = self.is_negative.then_some(distance);
        (self.padding, Reverse(below), distance)
    }

    /// The first and the last of numbers that follow each other, ascending.
    fn ascending(&self) -> Vec<(i64, i64)> {
        if self.is_negative {
            let runs = self.runs.iter().rev();
            runs.map(|(nearest, farthest)| (*farthest, *nearest))
                .collect()
        } else {
            self.runs.clone()
        }
    }
}

/// The gaps between the first and the last of the wanted numbers.
fn gaps(strands: &[Strand], wanted: Wanted) -> Vec<(i64, i64)> {
    let runs: Vec<(i64, i64)> = strands.iter().flat_map(Strand::ascending).collect();
    let within = |(before, after): &(i64, i64)| wanted.first <= *before && *after <= wanted.last;
    let pairs = runs.iter().zip(runs.iter().skip(1));
    pairs
        .map(|((_, before), (after, _))| (*before, *after))
        .filter(|pair| within(pair) && pair.1.abs_diff(pair.0) > 1)
        .map(|(before, after)| (before + 1, after - 1))
        .collect()
}

impl Wanted {
    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            files: self.files + other.files,
            bytes: self.bytes.saturating_add(other.bytes),
            newest: self.newest.max(other.newest),
            leader: self.leader.min(other.leader),
        }
    }
}
