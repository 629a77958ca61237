//! Measures `load` on a disk of which nothing is in memory, beside tools that walk the same folders, and beside a program
//! that plays a film from that disk. `benches/run` starts it; docs/performance.md explains the results.

mod cache;
mod cold;
mod commands;
/// Only the used parts.
#[path = "../common"]
mod common {
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
    pub(crate) mod wrapper;
}
mod film;
mod polite;
#[path = "../load/replica.rs"]
mod replica;
#[path = "../load/studio.rs"]
mod studio;

#[path = "../common/order.rs"]
mod order;

use std::env;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use auto_backup::base::unit;
use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use commands::Index;
use common::frame::{Benchmark, Measured};
use common::options::Options;
use common::outcome::{self, Outcome};
use common::row::Row;
use common::{machine, measure, wrapper};
use studio::Studio;

/// This benchmark.
const DISK: Benchmark = Benchmark {
    name: "disk",
    asked_with: ASKED_WITH,
};

/// Number of files for which the targets apply.
const ASKED_WITH: u64 = 300_000;

/// Measures `load` of a disk of which nothing is in memory, and beside a film that is played from it
///
/// Needs root: only root can empty the system's cache.
#[derive(Debug, Parser)]
#[command(name = "benches/run disk", bin_name = "benches/run disk")]
struct Disk {
    #[command(flatten)]
    options: Options,
    /// The disk; by default that of the temporary files
    #[arg(long, value_name = "FOLDER")]
    disk: Option<PathBuf>,
}

fn main() -> ExitCode {
    outcome::ending(run())
}

/// Measures one command, or measures everything, as the first argument requires.
fn run() -> Outcome<()> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next().is_some_and(|word| word == measure::OPTION) {
        return wrapper::run(arguments);
    }
    let files = ASKED_WITH.to_string();
    let command =
        Disk::command().mut_arg("files", |files_option| files_option.default_value(files));
    measure_everything(Disk::from_arg_matches(&command.get_matches())?)
}

fn measure_everything(Disk { options, disk }: Disk) -> Outcome<()> {
    if options.bench && !cache::can_be_emptied() {
        writeln!(
            io::stderr(),
            "only root can empty the system's cache of disks: nothing is measured"
        )?;
        return Ok(());
    }
    let disk = disk.unwrap_or_else(env::temp_dir);
    DISK.publish(&options, || measured(&options, &disk))
}

fn measured(options: &Options, disk: &Path) -> Outcome<Measured> {
    let count = unit::format_counted(options.files, "file");
    writeln!(io::stderr(), "making a studio of {count}")?;
    let studio = Studio::new(disk, usize::try_from(options.files)?)?;
    let machine = measured_on(&studio);
    let index = Index::new(&options.place())?;
    let rows = studio
        .fill()
        .and_then(|()| rows(&studio, &index, options.runs));
    writeln!(io::stderr(), "removing the studio")?;
    studio.remove()?;
    let rows = rows?;
    Ok(Measured { rows, machine })
}

fn rows(studio: &Studio, index: &Index, runs: u64) -> Outcome<Vec<Row>> {
    let mut rows = cold::rows(studio, index, runs)?;
    rows.extend(polite::rows(studio, index, runs)?);
    Ok(rows)
}

/// Returns the description of the machine.
fn measured_on(studio: &Studio) -> String {
    let file_system = machine::file_system(&studio.path(""));
    let places = format!("the studio on {file_system}, the index in memory");
    machine::description(&places, &["diskus", "pdu", "dua", "find"])
}
