//! Measures `offload`, `mhl` and `report` as whole processes, beside tools that copy a folder to several disks.
//! `benches/run` starts it; docs/performance.md explains the results.

mod commands;
/// Only the used parts.
#[path = "../common"]
mod common {
    pub(crate) mod dice;
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
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use auto_backup::base::error::IoResultExt as _;
use clap::Parser;

use common::options::Options;
use common::outcome::{self, Outcome};
use common::report::{self, Page};
use common::{interrupted, machine, measure, wrapper};
use rows::{FULL, Measuring};

/// Name of this benchmark.
const OFFLOAD: &str = "offload";

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
    if !options.bench {
        // `cargo test --all-targets` runs this with a program that is not optimized.
        writeln!(io::stderr(), "benchmarks run only by benches/run")?;
        return Ok(());
    }
    let page = Page::read(OFFLOAD)?;
    interrupted::remember_signals().at("catch signals for", "this process")?;
    let measuring = Measuring {
        memory: options.place(),
        disk: disk.unwrap_or_else(env::temp_dir),
        files: options.files,
        runs: options.runs,
    };
    let [memory, on_disk] =
        [&measuring.memory, &measuring.disk].map(|folder| machine::file_system(folder));
    let places = format!("memory is {memory}, the disk is {on_disk}");
    let machine = machine::description(&places, &["cp"]);
    let ocopy = commands::ocopy_version().unwrap_or_else(|| "ocopy is not installed".to_owned());
    let machine = format!("{machine}{ocopy}.\n");
    let rows = measuring.all()?;
    let is_asked = options.files >= FULL;
    let results = report::results(&rows, &machine, &options.command(OFFLOAD), is_asked)?;
    write!(io::stdout(), "{results}")?;
    if options.write {
        page.write(&results)?;
    }
    Ok(())
}
