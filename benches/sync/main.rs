//! Measures `sync` to servers on this machine as a whole process, against rclone and the way of the first program.
//! `benches/run` starts it; docs/performance.md explains the results.

mod arena;
/// Only the used parts: rclone checks the sent files here.
#[path = "../common"]
mod common {
    pub(crate) mod dice;
    pub(crate) mod frame;
    pub(crate) mod interrupted;
    pub(crate) mod machine;
    pub(crate) mod measure;
    pub(crate) mod options;
    pub(crate) mod outcome;
    pub(crate) mod report;
    pub(crate) mod row;
    pub(crate) mod spread;
    pub(crate) mod wrapper;
}
mod programs;
mod rows;
mod seed_sync;
mod server;
mod side;
mod tool;
mod tree;

use std::env;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use auto_backup::base::error::IoResultExt as _;
use clap::Parser;

use common::frame::{Benchmark, Measured};
use common::options::Options;
use common::outcome::{self, Outcome};
use common::{machine, measure, wrapper};

/// This benchmark.
const SYNC: Benchmark = Benchmark {
    name: "sync",
    asked_with: rows::FULL,
};

/// Measures `sync` over sftp and to S3, on servers of this machine, against rclone and a process for each file
///
/// With fewer than 100,000 files all rows shrink in proportion.
#[derive(Debug, Parser)]
#[command(name = "benches/run sync", bin_name = "benches/run sync")]
struct Sync {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    outcome::ending(run())
}

/// Measures one command or everything, as the first argument requires.
fn run() -> Outcome<()> {
    let mut arguments = env::args_os().skip(1);
    match arguments.next().as_deref().and_then(|word| word.to_str()) {
        Some(measure::OPTION) => wrapper::run(arguments),
        _ => measure_everything(&Sync::parse().options),
    }
}

fn measure_everything(options: &Options) -> Outcome<()> {
    SYNC.publish(options, || measured(options))
}

fn measured(options: &Options) -> Outcome<Measured> {
    let at = options.place();
    let mut folder = tempfile::Builder::new();
    let folder = folder.prefix("auto-backup-bench-").tempdir_in(&at);
    let folder = folder.at("create a folder in", &at)?;
    let machine = measured_on(folder.path());
    let rows = rows::all(folder.path(), options.files, options.runs);
    writeln!(io::stderr(), "removing the files")?;
    folder.close().at("remove a folder in", at)?;
    let rows = rows?;
    Ok(Measured { rows, machine })
}

/// Returns the description of the machine.
fn measured_on(folder: &Path) -> String {
    let file_system = machine::file_system(folder);
    let places = format!(
        "files, index and what the servers have on {file_system}; {}",
        programs::openssh()
    );
    let rclone = programs::rclone();
    let rclone = rclone.as_deref().and_then(Path::to_str);
    machine::description(&places, &[rclone.unwrap_or("rclone")])
}
