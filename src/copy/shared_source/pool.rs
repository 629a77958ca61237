//! The memory between the readers of a source and its destinations: a bounded number of blocks, used again and again.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::os::host;
use crate::storage::copy_file::BLOCK_BYTES;

/// Most memory for blocks: 256 MiB.
const MAX_POOL_BYTES: u64 = 256 << 20;

/// Least memory for blocks: 16 MiB.
const MIN_POOL_BYTES: u64 = 16 << 20;

/// Number of blocks that are used as long as the destinations keep pace with each other. They stay in the caches of the
/// processor on the way from the source to the destinations.
const FIRST_BLOCKS: usize = 24;

/// Share of the machine's memory that blocks may take.
const MEMORY_SHARE: u64 = 16;

/// Interval at which a reader that waits for a block looks after the destinations.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Blocks that are in use, and those that are free.
#[derive(Debug)]
pub(super) struct BlockPool {
    max_blocks: usize,
    state: Mutex<PoolState>,
    returned: Condvar,
}

#[derive(Debug)]
struct PoolState {
    /// Number of blocks that may be used at once.
    capacity: usize,
    used: usize,
    free: Vec<Vec<u8>>,
}

/// Memory of [`BLOCK_BYTES`], which returns to its pool when it is dropped.
#[derive(Debug)]
pub(super) struct SharedBlock {
    pub(super) bytes: Vec<u8>,
    pool: Arc<BlockPool>,
}

impl BlockPool {
    /// Returns a pool that fits this machine.
    pub(super) fn for_host() -> Arc<Self> {
        let share = host::memory_bytes() / MEMORY_SHARE;
        let bytes = share.clamp(MIN_POOL_BYTES, MAX_POOL_BYTES);
        Self::of_blocks(usize::try_from(bytes).unwrap_or(BLOCK_BYTES) / BLOCK_BYTES)
    }

    pub(super) fn of_blocks(max_blocks: usize) -> Arc<Self> {
        let state = PoolState {
            capacity: max_blocks.min(FIRST_BLOCKS),
            used: 0,
            free: Vec::new(),
        };
        Arc::new(Self {
            max_blocks,
            state: Mutex::new(state),
            returned: Condvar::new(),
        })
    }

    /// Lets more blocks be used. Returns false if all are.
    pub(super) fn grow(&self) -> bool {
        let mut state = self.lock();
        let grows = state.capacity < self.max_blocks;
        state.capacity = (state.capacity * 2).min(self.max_blocks);
        grows
    }

    /// Lets no more blocks be used than at first. The others are freed when they return.
    pub(super) fn shrink(&self) {
        let mut state = self.lock();
        state.capacity = self.max_blocks.min(FIRST_BLOCKS);
        let unused = state
            .capacity
            .saturating_sub(state.used)
            .min(state.free.len());
        let surplus = state.free.split_off(unused);
        drop(state);
        drop(surplus);
    }

    /// Takes a block. While none is free, calls `on_full` again and again; it returns false to give up.
    pub(super) fn take(self: &Arc<Self>, on_full: &mut dyn FnMut() -> bool) -> Option<SharedBlock> {
        let mut state = self.lock();
        while state.used >= state.capacity {
            drop(state);
            if !on_full() {
                return None;
            }
            state = self.lock();
            if state.used >= state.capacity {
                let waited = self.returned.wait_timeout(state, POLL_INTERVAL);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        state.used += 1;
        let bytes = state.free.pop();
        drop(state);
        Some(SharedBlock {
            bytes: bytes.unwrap_or_else(|| vec![0; BLOCK_BYTES]),
            pool: Arc::clone(self),
        })
    }

    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SharedBlock {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut state = self.pool.lock();
        state.used -= 1;
        let surplus = if state.used + state.free.len() < state.capacity {
            state.free.push(bytes);
            None
        } else {
            Some(bytes)
        };
        drop(state);
        drop(surplus);
        self.pool.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pool_grows_to_its_limit() {
        let pool = BlockPool::of_blocks(FIRST_BLOCKS * 3);
        let grown = [pool.grow(), pool.grow(), pool.grow()];
        assert_eq!(grown, [true, true, false]);
        let blocks: Vec<_> = (0..FIRST_BLOCKS * 3)
            .map(|_| pool.take(&mut || false).unwrap())
            .collect();
        assert!(pool.take(&mut || false).is_none());
        drop(blocks);
    }

    #[test]
    fn pool_returns_its_memory() {
        let pool = BlockPool::of_blocks(FIRST_BLOCKS * 2);
        assert!(pool.grow());
        let take = || pool.take(&mut || false);
        let mut blocks: Vec<_> = (0..FIRST_BLOCKS * 2).map_while(|_| take()).collect();
        blocks.truncate(FIRST_BLOCKS + 1);
        pool.shrink();
        assert!(take().is_none(), "one too many is used");
        drop(blocks);
        assert_eq!(pool.lock().free.len(), FIRST_BLOCKS);
        assert!(take().is_some());
    }

    #[test]
    fn blocks_are_bounded_and_used_again() {
        let pool = BlockPool::of_blocks(2);
        let mut refused = || false;
        let first = pool.take(&mut refused).unwrap();
        let address = first.bytes.as_ptr();
        let second = pool.take(&mut refused).unwrap();
        assert!(pool.take(&mut refused).is_none());
        let mut held = Some(first);
        let third = pool.take(&mut || {
            held.take();
            true
        });
        assert_eq!(third.unwrap().bytes.as_ptr(), address);
        drop(second);
        assert_eq!(pool.lock().free.len(), 2);
    }
}
