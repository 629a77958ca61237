//! auto-backup shows where every project of a studio is, how big it is and what differs, and copies it so that nothing is
//! ever lost.
//!
//! The folders are the layers. A file imports only from its own folder and from folders below it in this list, which
//! `tests/it/layers.rs` reads and holds. See docs/architecture.md.
#![cfg_attr(
    test,
    expect(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test that fails may say so by panicking"
    )
)]

pub mod cli; // options, start-up, exit status, man page and shell completions

mod shell; // sessions, scripts, prompt, completion, diagnostics

mod commands; // one file per command; workspace, start-up file, settings

mod report; // pages about projects, made from the index

mod free; // replicas removed with proof

mod offload; // any folder into a project on several storages
mod versions; // old versions listed, put back and removed

mod verify; // files read again: intact, damaged, missing

mod compare; // comparing two databases

mod sync; // changes since the last sync, handed to copy

mod copy; // plan, check, execute, record

mod trust; // copies, evidence and policies: status, and what may be removed

#[expect(dead_code, reason = "the commands of histories follow")]
mod seal; // generations of ASC MHL histories, from evidence, copies and verifications

mod publish; // indexes that storages carry, for other workstations

mod scan; // a database read into the index

mod storage; // one opened database: local folder or rclone remote

pub mod catalog; // a PostgreSQL database shared by workstations: tables and leases

pub mod index; // the SQLite file, run history

mod rclone; // the rclone program: process, requests, listings, batches

mod mhl; // histories of hashes in the format ASC MHL

mod snapshot; // the files of one replica: walk, manifest, diff, sequences, digests

mod model; // database, category, project, registry, names, exclusions

pub mod language; // words, quotes, variables

mod output; // answers, messages, progress, pager

mod os; // system calls that the standard library lacks

pub mod base; // errors, exit status, text, time, units, cancellation, progress events
