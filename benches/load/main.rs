//! Measures `load`, `fetch`, `list` and `find` as whole processes against peers on a generated studio; `benches/run`
//! runs it, docs/performance.md says what the results mean.

mod change;
mod commands;
mod contest;
mod dice;
mod interrupted;
mod machine;
mod measure;
mod outcome;
mod replica;
mod report;
mod row;
mod rows;
mod seed_walk;
mod spread;
mod studio;
mod truth;
mod wrapper;

use std::env;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use auto_backup::error::At as _;
use auto_backup::units;
use clap::Parser;

use outcome::Outcome;
use report::Page;
use studio::Studio;

/// Measures `load`, `fetch`, `list` and `find` against `du`, `find`, rclone and a plain walk, on a generated studio
#[derive(Debug, Parser)]
#[command(name = "benches/run", bin_name = "benches/run")]
struct Options {
    /// How many files the studio has
    #[arg(long, default_value_t = 100_000, value_parser = files)]
    files: usize,
    /// How often each command is measured, after once to warm up
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// Where the studio is made; else in memory, where the system has a place for that
    #[arg(long, value_name = "FOLDER")]
    at: Option<PathBuf>,
    /// Put the results into docs/performance.md
    #[arg(long)]
    write: bool,
    /// What cargo adds for every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// The command line that measures the same again.
    fn command(&self) -> String {
        let write = if self.write { " --write" } else { "" };
        format!(
            "benches/run --files {} --runs {}{write}",
            self.files, self.runs
        )
    }
}

fn files(text: &str) -> Result<usize, String> {
    let files = text.parse().map_err(|_| "not a number".to_owned())?;
    if files < studio::FEWEST_FILES {
        return Err(format!("at least {}", studio::FEWEST_FILES));
    }
    Ok(files)
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = outcome::line(&*error);
            // A last word that nobody can hear any more changes nothing.
            writeln!(io::stderr(), "benches/run: {line}").unwrap_or_default();
            ExitCode::FAILURE
        }
    }
}

/// Does what the first argument says: measures one command, walks as the first program did, or measures everything.
fn run() -> Outcome<()> {
    let mut arguments = env::args_os().skip(1);
    match arguments.next().as_deref().and_then(|word| word.to_str()) {
        Some(measure::OPTION) => wrapper::run(arguments),
        Some(commands::SEED_WALK) => seed_walk::run(arguments.map(PathBuf::from)),
        _ => measure_everything(&Options::parse()),
    }
}

fn measure_everything(options: &Options) -> Outcome<()> {
    if !options.bench {
        // `cargo test --all-targets` comes by here with a program that is not optimized.
        writeln!(io::stderr(), "nothing is measured but by benches/run")?;
        return Ok(());
    }
    let page = Page::read()?;
    interrupted::remember_signals().at("catch signals for", "this process")?;
    let count = units::counted(u64::try_from(options.files)?, "file");
    writeln!(io::stderr(), "making a studio of {count}")?;
    let studio = Studio::new(&place(options), options.files)?;
    let machine = machine::description(&studio.path(""));
    let filled = studio.fill();
    let rows = filled.and_then(|()| rows::all(&studio, options.runs));
    writeln!(io::stderr(), "removing the studio")?;
    studio.remove()?;
    let results = report::results(&rows?, &machine, &options.command(), options.files)?;
    write!(io::stdout(), "{results}")?;
    if options.write {
        page.write(&results)?;
    }
    Ok(())
}

/// Memory, if there is a place for that: a disk would be measured rather than the programs.
fn place(options: &Options) -> PathBuf {
    let memory = Path::new("/dev/shm");
    match &options.at {
        Some(folder) => folder.clone(),
        None if memory.is_dir() => memory.to_owned(),
        None => env::temp_dir(),
    }
}
