//! The one integration test binary: the program as people and scripts use it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails may say so by panicking"
)]

mod commands;
mod lines;
mod scripts;
mod startup;
mod streams;
mod studio;
mod syntax;
