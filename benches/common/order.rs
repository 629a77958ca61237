//! The order in which a round runs its commands.

use crate::common::dice::Dice;

/// Returns the numbers below `length` in an order of the round's own, so that no command always follows the same one.
pub(crate) fn shuffled(length: usize, round: u64) -> Vec<usize> {
    let mut dice = Dice::new(round);
    let mut numbers: Vec<_> = (0..length).map(|number| (dice.roll(), number)).collect();
    numbers.sort_unstable();
    numbers.into_iter().map(|(_, number)| number).collect()
}
