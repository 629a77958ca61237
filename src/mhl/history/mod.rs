//! A history: the generations in one folder `ascmhl`, and the files that they record.

mod damage;
mod load;
mod record;

use std::collections::BTreeMap;

pub use self::damage::{HistoryDamage, HistoryDamageKind};
pub use self::record::FileRecord;
use super::chain::ChainEntry;
use super::hash_list::{HashListReference, Process};
pub use crate::base::own_name::HISTORY_FOLDER as FOLDER_NAME;
use crate::base::timestamp::Timestamp;
use crate::snapshot::content_hash::HashValue;

/// One generation of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Number, name and C4 of its hash list.
    pub entry: ChainEntry,
    pub process: Process,
    /// The time at which its work began.
    pub created: Timestamp,
    /// The number of files that it names.
    pub files: u64,
}

/// The history in one folder.
#[derive(Debug, Default)]
pub struct History {
    /// The generations in their order, up to a fault.
    pub generations: Vec<Generation>,
    /// The next generation, whose hash list this program had written completely when it was stopped. It is not in the chain.
    pub unlisted: Option<Generation>,
    /// The files by their path below the folder of the history.
    pub files: BTreeMap<Box<str>, FileRecord>,
    /// The ignore patterns of all generations, each once.
    pub ignore: Vec<String>,
    /// The references to hash lists of nested histories, of all generations.
    pub references: Vec<HashListReference>,
    /// Damage. If there is any, the other fields are incomplete.
    pub damage: Vec<HistoryDamage>,
    /// The C4 of the chain file; `None` if there is none yet.
    pub(super) chain_c4: Option<HashValue>,
}

impl History {
    /// The generations with the unlisted one.
    pub fn all_generations(&self) -> impl Iterator<Item = &Generation> {
        self.generations.iter().chain(&self.unlisted)
    }

    /// The number of the next generation.
    pub fn next_number(&self) -> u64 {
        self.all_generations()
            .last()
            .map_or(1, |last| last.entry.number + 1)
    }
}

#[cfg(test)]
mod tests;
