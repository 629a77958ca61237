//! Search for installed peers.

use std::env;

/// True if a program of this name is in a folder of PATH.
pub(crate) fn is_installed(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|folders| {
        env::split_paths(&folders).any(|folder| folder.join(program).is_file())
    })
}
