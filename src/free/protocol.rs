//! The steps of `free`, and the decisions that they make. No file is touched here.
//!
//! Why no two machines can remove both copies of a file: each writes its intent at its target, flushed, before it reads the
//! intents at the witnesses. Of two machines that free each other's witness, the one that reads later finds the other's
//! intent, and does not count that witness; or the other has finished, and the scan that follows no longer finds its copy.

/// A step of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Write the intent at the target, and flush it.
    WriteIntent,
    /// Take the lock of the target.
    TakeLock,
    /// Read the intents at the witnesses; then scan target and witnesses, and judge.
    ReadIntentsAndScan,
    /// Move each file that is still the proven one.
    Remove,
    /// Remove the intent.
    WithdrawIntent,
}

/// The steps in their order.
pub const PROTOCOL: [Step; 5] = [
    Step::WriteIntent,
    Step::TakeLock,
    Step::ReadIntentsAndScan,
    Step::Remove,
    Step::WithdrawIntent,
];

/// The state of a storage that may be a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WitnessState {
    /// True if it was scanned now.
    pub is_online: bool,
    /// True if the user trusts its last scan while it is offline.
    pub is_trusted: bool,
    /// True if a replica of the same project and category is being removed there.
    pub is_being_freed: bool,
}

impl WitnessState {
    /// True if its copies count.
    pub const fn counts(self) -> bool {
        !self.is_being_freed && (self.is_online || self.is_trusted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn witness_counts_only_if_it_stays() {
        for (is_online, is_trusted, is_being_freed, counts) in [
            (true, false, false, true),
            (false, true, false, true),
            (false, false, false, false),
            (true, true, true, false),
            (false, true, true, false),
        ] {
            let state = WitnessState {
                is_online,
                is_trusted,
                is_being_freed,
            };
            assert_eq!(state.counts(), counts, "{state:?}");
        }
        let place = |step| PROTOCOL.iter().position(|one| *one == step);
        assert!(place(Step::WriteIntent) < place(Step::ReadIntentsAndScan));
    }
}
