//! One read of a source for several destinations.
//!
//! Each destination makes its own plan and joins with the files that it wants (`union`). Readers then read every file that
//! several of them want once (`job`, `reader`), into blocks of a bounded memory (`pool`): small files together (`batch`),
//! large ones piece by piece (`stream`). Each destination takes what it wants through its `subscription`, and writes,
//! flushes, reads back and fails on its own.
//!
//! A destination that holds memory which others need (`need`, `patience`) misses files (`room`). It copies them
//! afterwards from a destination where they are verified, so that the source is still read once.

mod batch;
mod file_states;
mod job;
mod need;
mod patience;
mod pool;
mod reader;
mod room;
mod seat;
mod state;
mod stream;
mod subscription;
mod union;
mod wait_count;

pub(crate) use self::state::{ReadFrom, SharedSource};
pub(crate) use self::subscription::{
    Delivery, MissedFile, Next, Origin, SeatGuard, SharedFile, Subscription,
};
