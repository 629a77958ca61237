//! Remotes of rclone's configuration, read once on a separate thread when a root is completed.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::word_source::WordSource;
use crate::model::access::Access;
use crate::rclone;

/// Remotes, shared with the thread that reads them.
#[derive(Debug, Default)]
pub(super) struct RemoteCache {
    state: Mutex<RemoteCacheState>,
    read_signal: Condvar,
}

#[derive(Debug, Default)]
struct RemoteCacheState {
    /// State of rclone's configuration and the settings when the last read began.
    read_from: Option<(String, Access)>,
    is_reading: bool,
    remotes: WordSource,
}

impl RemoteCache {
    /// Returns the remotes, as `cloud:`. Reads them again if the configuration changed, and waits up to `timeout` for that.
    pub(super) fn get(cache: &Arc<Self>, access: &Access, timeout: Duration) -> WordSource {
        let current = (rclone::configuration_state(), access.clone());
        let mut state = cache.state();
        if !state.is_reading && state.read_from.as_ref() != Some(&current) {
            state.is_reading = Self::read(cache, access.clone());
            state.read_from = Some(current);
        }
        let waited = cache
            .read_signal
            .wait_timeout_while(state, timeout, |state| state.is_reading);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.remotes.clone()
    }

    /// Starts a read; false if no thread could be started.
    fn read(cache: &Arc<Self>, access: Access) -> bool {
        let cache = Arc::clone(cache);
        let read = thread::Builder::new().spawn(move || {
            let remotes = rclone::configured_remotes(&access).into_iter();
            let words =
                remotes.map(|remote| (remote.name.into(), remote_description(&remote.kind)));
            let remotes = WordSource {
                suffix: ":",
                ..WordSource::described(words)
            };
            let mut state = cache.state();
            state.remotes = remotes;
            state.is_reading = false;
            cache.read_signal.notify_all();
        });
        read.is_ok()
    }

    fn state(&self) -> MutexGuard<'_, RemoteCacheState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remote_description(kind: &str) -> String {
    format!("rclone remote, {kind}")
        .trim_end_matches(", ")
        .to_owned()
}
