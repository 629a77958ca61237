//! The one integration test binary: the program as people and scripts use it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails may say so by panicking"
)]

mod commands;
mod docs;
mod killed;
mod laws;
mod layers;
mod prompt;
mod studio;
