//! Whether a peer is there at all.

use std::env;

/// Whether a program of this name is in one of the folders for programs.
pub(crate) fn is_installed(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|folders| {
        env::split_paths(&folders).any(|folder| folder.join(program).is_file())
    })
}
