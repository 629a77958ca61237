//! auto-backup: where every project of a studio is, how big it is and what differs, and copying it so that nothing is
//! ever lost.
//!
//! Layers, each importing only from those above it in this list: words and units; the registry and output; trees; the
//! index; scanning, planning and copying; the workspace; commands; the shell. See docs/architecture.md.
#![cfg_attr(
    test,
    expect(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test that fails may say so by panicking"
    )
)]

pub mod address;
pub mod aggregate;
pub mod catalogue;
pub mod cli;
mod commands;
pub mod comparing;
pub mod consent;
pub mod content;
pub mod copy_file;
pub mod copying;
pub mod diff;
pub mod digest;
pub mod error;
pub mod escape;
pub mod exclusions;
pub mod exit_status;
pub mod fit;
pub mod held;
pub mod identity;
pub mod index;
pub mod interrupt;
pub mod journal;
pub mod lane;
pub mod lexer;
pub mod listing;
pub mod loading;
pub mod lock;
pub mod manifest;
pub mod moment;
pub mod monitor;
pub mod mounts;
pub mod name;
pub mod naming;
pub mod nearest;
pub mod noting;
pub mod os;
pub mod outcome;
pub mod output;
pub mod paths;
pub mod pattern;
pub mod plan;
pub mod preflight;
pub mod presence;
pub mod project;
pub mod registry;
pub mod remote;
pub mod report;
pub mod respell;
pub mod run_log;
pub mod scan;
pub mod search;
pub mod sending;
pub mod sequence;
pub mod settings;
pub mod shell;
pub mod sides;
pub mod sight;
pub mod spelling;
pub mod startup;
pub mod survey;
pub mod syncing;
pub mod transfer;
pub mod tree;
pub mod units;
pub mod variables;
pub mod versions;
pub mod walk;
pub mod workspace;
