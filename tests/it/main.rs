//! The one integration test binary: it runs the program as users and scripts do.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails may say so by panicking"
)]
mod arguments;
mod browser;
mod catalog;
mod commands;
mod copy_invariant;
mod demo;
mod disks;
mod docs;
mod dry_run;
mod exfat_ntfs;
mod fake_rclone;
mod faults;
mod faulty_fs;
mod generated_file;
mod hints;
mod index;
mod json_messages;
mod killed_copy;
mod last_answer;
mod layers;
mod layouts;
mod legacy_script;
mod line_syntax;
mod mhl;
mod names;
mod pager;
mod prompt;
mod published;
mod redirection;
mod regressions;
mod relocation;
mod remotes;
mod roots;
mod scale;
mod scan;
mod script_check;
mod scripts;
mod servers;
mod shared_machine;
mod shared_read;
mod signals;
mod source_tree;
mod startup;
mod streams;
mod structure;
mod studio;
mod sync;
mod syntax;
mod terminal;
mod tour;
mod trust;
mod variables;
mod widths;
mod words;
mod workstations;
