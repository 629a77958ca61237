//! Measures `offload`, `mhl` and `report` as whole processes, beside tools that copy a folder to several disks.
//! `benches/run` starts it; docs/performance.md explains the results.

mod commands;
/// Only the used parts.
#[path = "../common"]
mod common {
    #[expect(dead_code, reason = "only the order of a round is rolled")]
    pub(crate) mod dice;
    pub(crate) mod frame;
    pub(crate) mod installed;
    pub(crate) mod interrupted;
    pub(crate) mod machine;
    pub(crate) mod measure;
    pub(crate) mod options;
    pub(crate) mod outcome;
    pub(crate) mod report;
    pub(crate) mod row;
    pub(crate) mod spread;
    pub(crate) mod totals;
    pub(crate) mod wrapper;
}
mod duel;
mod known;
#[path = "../common/order.rs"]
mod order;
mod race;
mod reads;
mod room;
mod rows;
#[path = "../common/settle.rs"]
mod settle;
mod side;
mod slow_disk;
mod slow_files;
#[path = "../common/studio.rs"]
mod studio;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use common::frame::{Benchmark, Measured};
use common::options::Options;
use common::outcome::{self, Outcome};
use common::{machine, measure, wrapper};
use rows::{FULL, Measuring};

/// This benchmark.
const OFFLOAD: Benchmark = Benchmark {
    name: "offload",
    asked_with: FULL,
};

/// Measures `offload` to several storages against `cp` and ocopy, and `mhl` and `report` of many files
///
/// With fewer than 100,000 files all rows shrink in proportion.
#[derive(Debug, Parser)]
#[command(name = "benches/run offload", bin_name = "benches/run offload")]
struct Offload {
    #[command(flatten)]
    options: Options,
    /// The disk to copy to; by default that of the temporary files
    #[arg(long, value_name = "FOLDER")]
    disk: Option<PathBuf>,
}

fn main() -> ExitCode {
    outcome::ending(run())
}

/// Measures one command or everything, as the first argument requires.
fn run() -> Outcome<()> {
    let mut arguments = env::args_os().skip(1);
    match arguments.next().as_deref().and_then(|word| word.to_str()) {
        Some(measure::OPTION) => wrapper::run(arguments),
        _ => measure_everything(Offload::parse()),
    }
}

fn measure_everything(Offload { options, disk }: Offload) -> Outcome<()> {
    OFFLOAD.publish(&options, || {
        let measuring = Measuring {
            memory: options.place(),
            disk: disk.unwrap_or_else(env::temp_dir),
            files: options.files,
            runs: options.runs,
        };
        let machine = measured_on(&measuring);
        let rows = measuring.all()?;
        Ok(Measured { rows, machine })
    })
}

/// Returns the description of the machine.
fn measured_on(measuring: &Measuring) -> String {
    let [memory, on_disk] =
        [&measuring.memory, &measuring.disk].map(|folder| machine::file_system(folder));
    let places = format!("memory is {memory}, the disk is {on_disk}");
    let machine = machine::description(&places, &["cp"]);
    let ocopy = commands::ocopy_version().unwrap_or_else(|| "ocopy is not installed".to_owned());
    format!("{machine}{ocopy}.\n")
}
