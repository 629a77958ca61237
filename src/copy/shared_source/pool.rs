//! The memory between the readers of a source and its destinations: a bounded number of blocks, used again and again.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::os::host;
use crate::storage::copy_file::BLOCK_BYTES;

/// Most memory for blocks: 256 MiB.
const MAX_POOL_BYTES: u64 = 256 << 20;

/// Least memory for blocks: 16 MiB.
const MIN_POOL_BYTES: u64 = 16 << 20;

/// Share of the machine's memory that blocks may take.
const MEMORY_SHARE: u64 = 16;

/// Interval at which a reader that waits for a block looks after the destinations.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Blocks that are in use, and those that are free.
#[derive(Debug)]
pub(super) struct BlockPool {
    capacity: usize,
    state: Mutex<PoolState>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct PoolState {
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

    pub(super) fn of_blocks(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            capacity,
            state: Mutex::default(),
            returned: Condvar::new(),
        })
    }

    /// Takes a block. While none is free, calls `on_full` again and again; it returns false to give up.
    pub(super) fn take(self: &Arc<Self>, on_full: &mut dyn FnMut() -> bool) -> Option<SharedBlock> {
        let mut state = self.lock();
        while state.used >= self.capacity {
            drop(state);
            if !on_full() {
                return None;
            }
            state = self.lock();
            if state.used >= self.capacity {
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
        state.free.push(bytes);
        drop(state);
        self.pool.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
