//! Measures `copy` as a whole process against peers, with generated files. `benches/run` starts it; docs/performance.md
//! explains the results.

mod commands;
#[path = "../common/mod.rs"]
mod common;
mod comparison;
mod contest;
mod destination;
mod memory;
#[path = "../common/order.rs"]
mod order;
mod places;
mod rows;
mod set;
#[path = "../common/settle.rs"]
mod settle;
mod tool;
mod truth;
mod volume;

use std::env;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use common::frame::{Benchmark, Measured};
use common::options::Options;
use common::outcome::{self, Outcome};
use common::{measure, wrapper};
use places::Places;
use rows::FULL;

/// This benchmark.
const COPY: Benchmark = Benchmark {
    name: "copy",
    asked_with: FULL,
};

/// Measures `copy` against `cp`, rsync, xcp and rclone, in memory and on a disk
///
/// With fewer than 100,000 files all rows shrink in proportion.
#[derive(Debug, Parser)]
#[command(name = "benches/run copy", bin_name = "benches/run copy")]
struct Copy {
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
        _ => measure_everything(Copy::parse()),
    }
}

fn measure_everything(Copy { options, disk }: Copy) -> Outcome<()> {
    COPY.publish(&options, || {
        let places = Places::new(&options.place(), &disk.unwrap_or_else(env::temp_dir))?;
        let machine = places.description();
        let rows = rows::all(&places, options.files, options.runs);
        writeln!(io::stderr(), "removing the files")?;
        places.remove()?;
        let rows = rows?;
        Ok(Measured { rows, machine })
    })
}
