//! The one integration test binary: the program as people and scripts use it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails may say so by panicking"
)]

mod commands;
mod disks;
mod docs;
mod dry_run;
mod faults;
mod foreign;
mod hints;
mod index;
mod killed;
mod laws;
mod layers;
mod lines;
mod looks;
mod lying_fs;
mod lying_rclone;
mod names;
mod pager;
mod prompt;
mod regressions;
mod remotes;
mod roots;
mod scale;
mod scripts;
mod seed;
mod servers;
mod shared_machine;
mod shipping;
mod signals;
mod startup;
mod streams;
mod studio;
mod syncing;
mod syntax;
mod terminal;
mod tour;
mod variables;
mod widths;
