//! The share of this index in a catalog: what the catalog lacks, and what it knows better.
//!
//! `mark` records each change of a database that takes part, in the transaction of the change. `unshared` reads what was
//! marked, for a push. `pull` writes what a pull brought: whole replicas, or single folders of them.
//!
//! Rule: a change that is marked again while it is pushed stays marked.

mod aggregate;
#[cfg(test)]
mod law;
mod mark;
mod pull;
mod unshared;

pub use self::aggregate::{pack_aggregate, unpack_aggregate};
pub use self::mark::{MarkExtent, SharedRevisions, WaitingChanges};
pub(super) use self::mark::{ReplicaMarks, mark_evidence};
pub use self::pull::{IncomingEvidence, IncomingScan, PulledChanges, StagedIncoming, WrittenPull};
pub use self::unshared::{
    OutgoingEvidence, OutgoingFolder, SharedReplica, SharedReplicaKey, Unshared, UnsharedReplica,
    shared_checksum,
};
